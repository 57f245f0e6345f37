//! A chart as SVG.

use std::fmt::Write;

use super::frame::{Column, Frame, time};
use super::{ChartData, text, ticks};

/// How large a picture is, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// From 360 to 4000; others count as the nearer of the two.
    pub width: u32,
    /// From 240 to 4000, likewise.
    pub height: u32,
}

impl Default for Style {
    /// 960 by 420.
    fn default() -> Self {
        Self {
            width: 960,
            height: 420,
        }
    }
}

/// Tones that can be read on white and on black.
const USED: &str = "#2f7ed8";
const LIMIT: &str = "#d7373f";
const THRESHOLD: &str = "#c98500";
const FORECAST: &str = "#9463d8";
const TEXT: &str = "#7a818b";

/// Room around the plot.
const LEFT: f64 = 84.0;
const RIGHT: f64 = 76.0;
const TOP: f64 = 62.0;
const BOTTOM: f64 = 62.0;
/// Size of small letters; about half of it is the width of one.
const SMALL: f64 = 12.0;

/// The chart as an SVG picture of its own, without a background, for light pages and dark ones.
pub fn svg(data: &ChartData, style: &Style) -> String {
    Picture::new(data, style).draw()
}

struct Picture<'a> {
    data: &'a ChartData,
    frame: Frame,
    width: f64,
    height: f64,
    out: String,
}

impl<'a> Picture<'a> {
    fn new(data: &'a ChartData, style: &Style) -> Self {
        Self {
            data,
            frame: Frame::of(data),
            width: f64::from(style.width.clamp(360, 4000)),
            height: f64::from(style.height.clamp(240, 4000)),
            out: String::new(),
        }
    }

    fn x(&self, at: f64) -> f64 {
        LEFT + self.frame.across(at) * (self.width - LEFT - RIGHT)
    }

    fn y(&self, bytes: f64) -> f64 {
        let bottom = self.height - BOTTOM;
        bottom - self.frame.up(bytes) * (bottom - TOP)
    }

    fn draw(mut self) -> String {
        self.head();
        self.axes();
        let columns = self.frame.columns((self.width - LEFT - RIGHT) as usize);
        self.limits();
        self.forecast();
        self.usage(&columns);
        if columns.is_empty() {
            let (x, y) = (
                (self.width + LEFT - RIGHT) / 2.0,
                (self.height + TOP - BOTTOM) / 2.0,
            );
            self.text(x, y, "middle", "nothing recorded", "");
        }
        self.legend(!columns.is_empty());
        self.out.push_str("</svg>\n");
        self.out
    }

    /// Writes markup; a `String` takes all.
    fn add(&mut self, markup: std::fmt::Arguments<'_>) {
        let _ = self.out.write_fmt(markup);
        self.out.push('\n');
    }

    fn text(&mut self, x: f64, y: f64, anchor: &str, text: &str, more: &str) {
        let text = escaped(text);
        self.add(format_args!(
            r#"<text x="{x:.1}" y="{y:.1}" text-anchor="{anchor}"{more}>{text}</text>"#
        ));
    }

    fn head(&mut self) {
        let (width, height) = (self.width, self.height);
        let title = escaped(&self.data.title);
        let said = escaped(&self.said());
        self.add(format_args!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" aria-labelledby="chart-title chart-desc" font-family="system-ui, sans-serif" font-size="{SMALL}" fill="{TEXT}">"#
        ));
        self.add(format_args!(r#"<title id="chart-title">{title}</title>"#));
        self.add(format_args!(r#"<desc id="chart-desc">{said}</desc>"#));
        // Letters are at most about as wide as high, and 0.6 of that on average.
        let room = width - 32.0;
        let title = text::cut(&text::line(&self.data.title), (room / 10.5) as usize, "…");
        self.text(
            16.0,
            26.0,
            "start",
            &title,
            r#" font-size="17" font-weight="600""#,
        );
        let span = format!(
            "{} to {}, UTC",
            ticks::day_of_year(self.frame.left),
            ticks::day_of_year(self.frame.right)
        );
        let note = match text::line(&self.data.note) {
            note if note.is_empty() => span,
            note => format!("{note} · {span}"),
        };
        let note = text::cut(&note, (room / 7.0) as usize, "…");
        self.text(16.0, 46.0, "start", &note, "");
    }

    /// The chart in words.
    fn said(&self) -> String {
        let Some(last) = self.data.points.iter().max_by_key(|point| point.at) else {
            return "Nothing is recorded.".into();
        };
        let mut said = format!("Used at the end: {}", ticks::amount(last.mean as f64));
        if let Some(limit) = last.limit {
            let _ = write!(said, " of {}", ticks::amount(limit as f64));
        }
        if !self.data.note.is_empty() {
            let _ = write!(said, "; {}", self.data.note);
        }
        said + "."
    }

    fn axes(&mut self) {
        let (right, bottom) = (self.width - RIGHT, self.height - BOTTOM);
        let room = ((bottom - TOP) / 34.0) as usize;
        for tick in ticks::amounts(self.frame.top, room.min(8)) {
            let y = self.y(tick.at);
            self.add(format_args!(
                r#"<line x1="{LEFT}" y1="{y:.1}" x2="{right}" y2="{y:.1}" stroke="{TEXT}" stroke-opacity="0.22"/>"#
            ));
            self.text(
                LEFT - 8.0,
                y + 4.0,
                "end",
                &tick.label,
                r#" class="amount""#,
            );
        }
        let room = ((right - LEFT) / 84.0) as usize;
        for tick in ticks::moments(self.frame.left, self.frame.right, room) {
            let x = self.x(tick.at);
            let end = bottom + 5.0;
            self.add(format_args!(
                r#"<line x1="{x:.1}" y1="{bottom}" x2="{x:.1}" y2="{end}" stroke="{TEXT}"/>"#
            ));
            self.text(
                x,
                bottom + 19.0,
                "middle",
                &tick.label,
                r#" class="moment""#,
            );
        }
        self.add(format_args!(
            r#"<line x1="{LEFT}" y1="{bottom}" x2="{right}" y2="{bottom}" stroke="{TEXT}"/>"#
        ));
    }

    /// The limit and the thresholds, with their names beside the plot where there is room.
    fn limits(&mut self) {
        let last = self.frame.limits.last().map(|step| step.bytes);
        let mut lines = vec![(100.0, LIMIT, r#" stroke-width="2""#, "limit".to_owned())];
        for percent in self.data.percentages() {
            let dashed = r#" stroke-dasharray="6 4""#;
            lines.push((percent, THRESHOLD, dashed, format!("{percent} %")));
        }
        let mut named: Vec<f64> = Vec::new();
        for (percent, colour, more, name) in lines {
            let mut path = String::new();
            let mut before: Option<f64> = None;
            for step in &self.frame.limits {
                let y = self.y(step.bytes * percent / 100.0);
                let (from, to) = (self.x(step.from), self.x(step.to));
                // The limit goes up or down where there is no time between.
                let joined = percent == 100.0 && before == Some(step.from);
                let begin = if joined { 'L' } else { 'M' };
                let _ = write!(path, "{begin}{from:.1} {y:.1}L{to:.1} {y:.1}");
                before = Some(step.to);
            }
            if path.is_empty() {
                continue;
            }
            self.add(format_args!(
                r#"<path d="{path}" fill="none" stroke="{colour}"{more}/>"#
            ));
            let y = self.y(last.unwrap_or(0.0) * percent / 100.0);
            if named.iter().all(|other| (other - y).abs() >= SMALL + 1.0) {
                let fill = format!(r#" class="line" fill="{colour}""#);
                self.text(self.width - RIGHT + 6.0, y + 4.0, "start", &name, &fill);
                named.push(y);
            }
        }
    }

    fn forecast(&mut self) {
        let expected = &self.data.forecast;
        let (Some(first), Some(_)) = (expected.first(), expected.get(1)) else {
            return;
        };
        let corner = |at: i64, bytes: f64| format!("{:.1},{:.1}", self.x(time(at)), self.y(bytes));
        let high = expected.iter().map(|then| corner(then.at, then.high));
        let low = expected.iter().rev().map(|then| corner(then.at, then.low));
        let cone: Vec<String> = high.chain(low).collect();
        let line: Vec<String> = expected
            .iter()
            .map(|then| corner(then.at, then.mean))
            .collect();
        let (cone, line) = (cone.join(" "), line.join(" "));
        let (now, bottom) = (self.x(time(first.at)), self.height - BOTTOM);
        self.add(format_args!(
            r#"<polygon points="{cone}" fill="{FORECAST}" fill-opacity="0.2"/>"#
        ));
        self.add(format_args!(
            r#"<polyline points="{line}" fill="none" stroke="{FORECAST}" stroke-width="2" stroke-dasharray="2 3"/>"#
        ));
        self.add(format_args!(
            r#"<line x1="{now:.1}" y1="{TOP}" x2="{now:.1}" y2="{bottom}" stroke="{TEXT}" stroke-dasharray="1 3"/>"#
        ));
    }

    fn usage(&mut self, columns: &[Column]) {
        for run in columns.chunk_by(|_, next| !next.after_gap) {
            let corner = |at: f64, bytes: f64| format!("{:.1},{:.1}", self.x(at), self.y(bytes));
            if let [alone] = run {
                let (x, high, low) = (self.x(alone.at), self.y(alone.max), self.y(alone.min));
                let y = self.y(alone.mean);
                self.add(format_args!(
                    r#"<line x1="{x:.1}" y1="{high:.1}" x2="{x:.1}" y2="{low:.1}" stroke="{USED}" stroke-opacity="0.4" stroke-width="3"/>"#
                ));
                self.add(format_args!(
                    r#"<circle cx="{x:.1}" cy="{y:.1}" r="3" fill="{USED}"/>"#
                ));
                continue;
            }
            let most = run.iter().map(|column| corner(column.at, column.max));
            let least = run.iter().rev().map(|column| corner(column.at, column.min));
            let band: Vec<String> = most.chain(least).collect();
            let line: Vec<String> = run
                .iter()
                .map(|column| corner(column.at, column.mean))
                .collect();
            let (band, line) = (band.join(" "), line.join(" "));
            self.add(format_args!(
                r#"<polygon points="{band}" fill="{USED}" fill-opacity="0.25"/>"#
            ));
            self.add(format_args!(
                r#"<polyline points="{line}" fill="none" stroke="{USED}" stroke-width="1.6" stroke-linejoin="round"/>"#
            ));
        }
    }

    fn legend(&mut self, used: bool) {
        let mut entries: Vec<(String, &str, &str)> = Vec::new();
        if used {
            entries.push(("used (mean; lowest to highest)".into(), USED, ""));
        }
        let limited = !self.frame.limits.is_empty();
        if limited {
            entries.push(("limit".into(), LIMIT, ""));
        }
        if let Some(limit) = self.frame.above {
            entries.push((
                format!("limit {}, above the chart", ticks::amount(limit as f64)),
                LIMIT,
                "",
            ));
        }
        if limited && !self.data.percentages().is_empty() {
            entries.push(("thresholds".into(), THRESHOLD, r#" stroke-dasharray="6 4""#));
        }
        if self.data.forecast.len() > 1 {
            entries.push((
                "forecast and its interval".into(),
                FORECAST,
                r#" stroke-dasharray="2 3""#,
            ));
        }
        let y = self.height - 14.0;
        let mut x = LEFT;
        for (name, colour, more) in entries {
            let wide = 28.0 + name.chars().count() as f64 * 6.6 + 18.0;
            if x + wide > self.width {
                break;
            }
            let (end, middle) = (x + 20.0, y - 4.0);
            self.add(format_args!(
                r#"<line x1="{x:.1}" y1="{middle}" x2="{end:.1}" y2="{middle}" stroke="{colour}" stroke-width="3"{more}/>"#
            ));
            self.text(x + 28.0, y, "start", &name, r#" class="legend""#);
            x += wide;
        }
    }
}

/// The text as it may stand between tags.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text::line(text).chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            letter => out.push(letter),
        }
    }
    out
}
