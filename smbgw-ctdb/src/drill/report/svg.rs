//! A report as a picture: time goes to the right, from a moment before the break.

use std::fmt::Write;

use super::{Interval, Report, Round};

/// Tones that can be read on white and on black; the first is what is well, the second what is not.
const SERVED: &str = "#2f9e62";
const AWAY: &str = "#d7373f";
const NODES: [&str; 4] = ["#2f7ed8", "#9463d8", "#c98500", "#1f9aa8"];
const TEXT: &str = "#7a818b";

const WIDTH: f64 = 960.0;
const LEFT: f64 = 112.0;
const RIGHT: f64 = 24.0;
/// Above the first round, and the height of a round without its strips.
const HEAD: f64 = 58.0;
const ROUND: f64 = 98.0;
const STRIP: f64 = 20.0;
/// How much of the time before the break is shown, in milliseconds.
const BEFORE: f64 = 1_000.0;

pub(super) fn render(report: &Report) -> String {
    let heights: Vec<f64> = report.rounds.iter().map(height).collect();
    let height = HEAD + heights.iter().sum::<f64>() + 8.0;
    let title = format!("Drill of {}: {}", report.address, report.scenario);
    let mut out = String::new();
    let _ = writeln!(
        out,
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img" aria-labelledby="drill-title drill-desc" font-family="system-ui, sans-serif" font-size="12" fill="{TEXT}">"#
    );
    let _ = writeln!(
        out,
        r#"<title id="drill-title">{}</title>"#,
        escaped(&title)
    );
    let said = format!(
        "Rounds: {}. Reads and writes that failed: {} of {}. Bytes lost: {}.",
        report.rounds.len(),
        report.operations_failed,
        report.operations,
        report.bytes_lost
    );
    let _ = writeln!(out, r#"<desc id="drill-desc">{said}</desc>"#);
    text(
        &mut out,
        16.0,
        26.0,
        "start",
        &title,
        r#" font-size="17" font-weight="600""#,
    );
    text(&mut out, 16.0, 46.0, "start", &said, "");
    let mut top = HEAD;
    for ((number, round), height) in (1..).zip(&report.rounds).zip(heights) {
        panel(&mut out, number, round, top);
        top += height;
    }
    out.push_str("</svg>\n");
    out
}

fn height(round: &Round) -> f64 {
    ROUND + STRIP * (round.clients.len() + 1) as f64
}

/// From milliseconds since the break to the place across.
struct Across {
    end: f64,
}

impl Across {
    fn of(&self, milliseconds: f64) -> f64 {
        let within = milliseconds.clamp(-BEFORE, self.end);
        LEFT + (within + BEFORE) / (self.end + BEFORE) * (WIDTH - LEFT - RIGHT)
    }
}

fn panel(out: &mut String, number: usize, round: &Round, top: f64) {
    let across = Across {
        end: (round.over_milliseconds as f64).max(1_000.0),
    };
    let led = if round.led { ", the leader," } else { "" };
    let name = format!("Round {number}: {}{led} broken", round.node);
    text(
        out,
        16.0,
        top + 20.0,
        "start",
        &name,
        r#" font-weight="600""#,
    );
    let strips = top + 60.0;
    let bottom = strips + STRIP * (round.clients.len() + 1) as f64;
    let middle = |row: usize| strips + STRIP * row as f64;
    label(out, middle(0), "address");
    for place in &round.placements {
        let node = place.node.as_ref().map_or("", |node| node.as_str());
        let tone = tone(round, node);
        bar(out, &across, place, middle(0), tone);
        let width = width(&across, place);
        if width > 7.0 * node.len() as f64 + 6.0 {
            let x = across.of(place.from_milliseconds as f64) + width / 2.0;
            text(
                out,
                x,
                middle(0) + 13.0,
                "middle",
                node,
                r##" fill="#ffffff""##,
            );
        }
    }
    for (row, client) in (1..).zip(&round.clients) {
        label(out, middle(row), &format!("client {row}"));
        let whole = Interval {
            from_milliseconds: -(BEFORE as i64),
            to_milliseconds: across.end as i64,
            node: None,
        };
        bar(out, &across, &whole, middle(row), SERVED);
        for outage in &client.outages {
            bar(out, &across, outage, middle(row), AWAY);
        }
    }
    axis(out, &across, bottom);
    let mut ends: [f64; 3] = [0.0; 3];
    let moments = [
        ("broken", Some(0)),
        ("noticed", round.noticed_milliseconds),
        ("moved", round.moved_milliseconds),
        ("repair", Some(round.repaired_milliseconds)),
        ("healthy", Some(round.healthy_milliseconds)),
    ];
    for (what, at) in moments {
        let Some(at) = at else { continue };
        let x = across.of(at as f64);
        let _ = writeln!(
            out,
            r#"<line x1="{x:.1}" y1="{:.1}" x2="{x:.1}" y2="{bottom:.1}" stroke="{TEXT}" stroke-dasharray="2 3"/>"#,
            strips - 4.0
        );
        // Names that would be over each other go to the line above, or are left out.
        let name = format!("{what} {:.1} s", at as f64 / 1_000.0);
        let Some(line) = ends.iter().position(|end| *end < x) else {
            continue;
        };
        let y = strips - 8.0 - 13.0 * line as f64;
        let room = 6.2 * name.len() as f64;
        let is_near_end = x + room > WIDTH - 8.0;
        let anchor = if is_near_end { "end" } else { "start" };
        text(out, x, y, anchor, &name, r#" class="moment""#);
        ends[line] = if is_near_end { WIDTH } else { x + room + 6.0 };
    }
}

fn axis(out: &mut String, across: &Across, bottom: f64) {
    let seconds = across.end / 1_000.0;
    let step = [1, 2, 5, 10, 30, 60, 300]
        .into_iter()
        .find(|step| seconds / f64::from(*step) <= 12.0)
        .unwrap_or(600);
    let _ = writeln!(
        out,
        r#"<line x1="{LEFT}" y1="{bottom:.1}" x2="{}" y2="{bottom:.1}" stroke="{TEXT}"/>"#,
        WIDTH - RIGHT
    );
    let mut at = 0;
    while f64::from(at) <= seconds {
        let x = across.of(f64::from(at) * 1_000.0);
        let name = format!("{at} s");
        text(out, x, bottom + 16.0, "middle", &name, "");
        at += step;
    }
}

/// The node that was broken has the first tone, and the others have theirs by the letters of their names.
fn tone(round: &Round, node: &str) -> &'static str {
    if node == round.node.as_str() {
        return NODES[0];
    }
    let sum: usize = node.bytes().map(usize::from).sum();
    NODES[1 + sum % (NODES.len() - 1)]
}

fn width(across: &Across, interval: &Interval) -> f64 {
    let from = across.of(interval.from_milliseconds as f64);
    across.of(interval.to_milliseconds as f64) - from
}

fn bar(out: &mut String, across: &Across, interval: &Interval, y: f64, tone: &str) {
    let (x, width) = (
        across.of(interval.from_milliseconds as f64),
        width(across, interval),
    );
    if width > 0.0 {
        let _ = writeln!(
            out,
            r#"<rect x="{x:.1}" y="{:.1}" width="{width:.1}" height="{:.1}" fill="{tone}"/>"#,
            y + 1.0,
            STRIP - 2.0
        );
    }
}

fn label(out: &mut String, y: f64, name: &str) {
    text(out, LEFT - 8.0, y + 14.0, "end", name, "");
}

fn text(out: &mut String, x: f64, y: f64, anchor: &str, text: &str, more: &str) {
    let text = escaped(text);
    let _ = writeln!(
        out,
        r#"<text x="{x:.1}" y="{y:.1}" text-anchor="{anchor}"{more}>{text}</text>"#
    );
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
