//! Usage over time: a chart, a table, or another form.

use std::fmt::Write as _;
use std::io::IsTerminal;
use std::path::Path;

use comfy_table::{Cell, CellAlignment};
use smbgw_core::size::ByteSize;
use smbgw_quota::chart::{self, ChartData, ChartPoint, Style};
use smbgw_quota::history::Point;
use smbgw_quota::monitor::Past;
use smbgw_quota::trend::{Forecast, TimeTo};

use super::{Output, document, percent, table};
use crate::args::history::History as Arguments;
use crate::exit::Exit;
use crate::moment;

impl Output {
    /// The usage of a share over time, in the form asked for.
    pub(crate) fn history(&self, past: &Past, arguments: &Arguments) -> Exit {
        if let Some(file) = &arguments.svg {
            return self.svg(past, file);
        }
        let text = if self.json {
            document(past)
        } else if arguments.csv {
            csv(&past.points)
        } else if past.points.is_empty() {
            format!(
                "Nothing is remembered of {} in that time; `pve-smbgateway monitor run` remembers.\n",
                past.share
            )
        } else if std::io::stdout().is_terminal() {
            let (width, height) = terminal_size();
            let chart = chart::terminal(&chart_data(past), width, height, speaks_unicode());
            chart + &summary(past)
        } else {
            as_table(&past.points) + &summary(past)
        };
        self.printed(&text)
    }

    fn svg(&self, past: &Past, file: &Path) -> Exit {
        let svg = chart::svg(&chart_data(past), &Style::default());
        if file == Path::new("-") {
            return self.printed(&svg);
        }
        match std::fs::write(file, svg) {
            Ok(()) => Exit::Done,
            Err(error) => {
                let message = format!("cannot write `{}`: {error}", file.display());
                self.unusable("svg", &message);
                Exit::Failed
            }
        }
    }
}

fn chart_data(past: &Past) -> ChartData {
    let points = past.points.iter().map(|point| ChartPoint {
        at: point.at,
        seconds: point.seconds.into(),
        min: point.min,
        mean: point.mean,
        max: point.max,
        limit: point.limit,
    });
    let mut data = ChartData {
        title: format!("Usage of {}", past.share),
        note: note(past),
        points: points.collect(),
        thresholds: past.thresholds.clone(),
        forecast: Vec::new(),
        now: past.now,
    };
    // A chart of the past only has no place for what is to come.
    let until_now = past.to >= past.now;
    if let Some(Forecast {
        trend: Ok(trend), ..
    }) = past.forecast.as_ref().filter(|_| until_now)
    {
        let shown = past.to.saturating_sub(past.from).unsigned_abs();
        data.expect(trend, past.used, shown / 3);
    }
    data
}

fn note(past: &Past) -> String {
    match &past.forecast {
        Some(forecast) => format!("full {}", forecast.full),
        None => String::new(),
    }
}

fn summary(past: &Past) -> String {
    let mut text = String::new();
    let Some(forecast) = &past.forecast else {
        return text;
    };
    if let Ok(trend) = &forecast.trend {
        let a_day = |bytes: f64| {
            let sign = if bytes < 0.0 { "-" } else { "+" };
            format!("{sign}{}", ByteSize::from_bytes(bytes.abs() as u64))
        };
        let _ = writeln!(
            text,
            "Growth a day: {} ({} to {}), from {} samples since {}",
            a_day(trend.per_day),
            a_day(trend.low),
            a_day(trend.high),
            trend.samples,
            moment::shown(trend.since)
        );
    }
    for (threshold, time) in &forecast.thresholds {
        if !matches!(time, TimeTo::Unknown(_)) {
            let _ = writeln!(text, "{threshold} %: {time}");
        }
    }
    let _ = writeln!(text, "Full: {}", forecast.full);
    text
}

fn as_table(points: &[Point]) -> String {
    // A single sample is its own lowest and highest.
    let spans = points.iter().any(|point| point.seconds > 0);
    let header: &[&str] = match spans {
        true => &["TIME", "USED", "LEAST", "MOST", "LIMIT", "USE%", "FILES"],
        false => &["TIME", "USED", "LIMIT", "USE%", "FILES"],
    };
    let mut shown = table(header);
    for point in points {
        let right = |text: String| Cell::new(text).set_alignment(CellAlignment::Right);
        let size = |bytes: u64| right(ByteSize::from_bytes(bytes).to_string());
        let mut row = vec![Cell::new(moment::shown(point.at)), size(point.mean)];
        if spans {
            row.extend([size(point.min), size(point.max)]);
        }
        row.push(point.limit.map_or_else(|| right("none".into()), size));
        let share = |limit| percent(point.mean, limit);
        row.push(right(point.limit.map_or("-".into(), share)));
        let files = |inodes: u64| inodes.to_string();
        row.push(right(point.inodes.map_or("-".into(), files)));
        shown.add_row(row);
    }
    format!("{shown}\n")
}

/// Comma-separated values as of RFC 4180: numbers only, so that nothing needs quotes.
fn csv(points: &[Point]) -> String {
    let mut text = String::from(
        "at,seconds,samples,min_bytes,mean_bytes,max_bytes,last_bytes,limit_bytes,inodes,inode_limit\r\n",
    );
    let maybe = |number: Option<u64>| number.map(|n| n.to_string()).unwrap_or_default();
    for point in points {
        let _ = write!(
            text,
            "{},{},{},{},{},{},{},{},{},{}\r\n",
            point.at,
            point.seconds,
            point.samples,
            point.min,
            point.mean,
            point.max,
            point.last,
            maybe(point.limit),
            maybe(point.inodes),
            maybe(point.inode_limit)
        );
    }
    text
}

/// Columns and lines for a chart.
fn terminal_size() -> (usize, usize) {
    let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok();
    let (columns, rows) = size.map_or((80, 24), |size| (size.ws_col, size.ws_row));
    let columns = if columns == 0 {
        80
    } else {
        usize::from(columns)
    };
    // The rest is for what stands below, and for the next prompt.
    let rows = usize::from(rows).saturating_sub(8).clamp(12, 24);
    (columns.min(160), rows)
}

/// Whether the terminal is said to show Unicode (locale(7)).
fn speaks_unicode() -> bool {
    let set = ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
    set.is_some_and(|value| {
        let value = value.to_lowercase();
        value.contains("utf-8") || value.contains("utf8")
    })
}
