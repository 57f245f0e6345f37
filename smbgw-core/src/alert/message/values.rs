//! What templates can use.

use std::fmt;

use jiff::Timestamp;
use serde::Serialize;

use crate::alert::notice::{Event, Notice};
use crate::alert::reading::{Kind, Severity};
use crate::size::ByteSize;

/// Farther than that, in days, an estimate only says so: ten years.
const FAR: f64 = 3650.0;

/// The names that a template can use, with their values. The list is in [the module
/// above](super).
#[derive(Debug, Serialize)]
pub(super) struct Values<'a> {
    pub(super) headline: String,
    status: String,
    event: Event,
    severity: Severity,
    kind: Kind,
    id: &'a str,
    host: &'a str,
    share: Option<&'a str>,
    at: String,
    since: String,
    summary: &'a str,
    remedy: Option<&'a str>,
    used: Option<String>,
    used_bytes: Option<u64>,
    limit: Option<String>,
    limit_bytes: Option<u64>,
    percent: Option<String>,
    inodes: Option<u64>,
    inode_limit: Option<u64>,
    growth: Option<String>,
    growth_bytes: Option<f64>,
    estimate: Option<String>,
    days_left: Option<f64>,
    days_soonest: Option<f64>,
    days_latest: Option<f64>,
}

impl<'a> Values<'a> {
    /// The values for `notice`.
    pub(super) fn of(notice: &'a Notice) -> Self {
        let facts = &notice.facts;
        let share = notice.share.as_ref().map(|share| share.as_str());
        let status = status(notice.event, notice.severity);
        let summary = match facts.summary.as_str() {
            "" => notice.kind.as_str(),
            summary => summary,
        };
        let headline = match share {
            Some(share) => format!("{status}: {share}: {summary}"),
            None => format!("{status}: {summary}"),
        };
        Self {
            headline: super::one_line(&headline, usize::MAX),
            status,
            event: notice.event,
            severity: notice.severity,
            kind: notice.kind,
            id: &notice.id,
            host: &notice.host,
            share,
            at: time(notice.at),
            since: time(notice.since),
            summary,
            remedy: facts.remedy.as_deref(),
            used: facts.used.map(size),
            used_bytes: facts.used,
            limit: facts.limit.map(size),
            limit_bytes: facts.limit,
            percent: facts.percent.map(percent),
            inodes: facts.inodes,
            inode_limit: facts.inode_limit,
            growth: facts.growth.map(signed_size),
            growth_bytes: facts.growth,
            estimate: estimate(facts.days_left, facts.days_range),
            days_left: facts.days_left,
            days_soonest: facts.days_range.map(|(soonest, _)| soonest),
            days_latest: facts.days_range.and_then(|(_, latest)| latest),
        }
    }
}

fn status(event: Event, severity: Severity) -> String {
    match event {
        Event::Raised => severity.to_string(),
        Event::Escalated => format!("now {severity}"),
        Event::Repeated => format!("still {severity}"),
        Event::Cleared => "over".into(),
        Event::Test => "test".into(),
    }
}

/// Seconds since 1970 as RFC 3339 text in UTC; the number where there is no such year.
pub(in crate::alert) fn time(seconds: i64) -> String {
    match Timestamp::from_second(seconds) {
        Ok(time) => time.to_string(),
        Err(_) => seconds.to_string(),
    }
}

fn size(bytes: u64) -> String {
    ByteSize::from_bytes(bytes).to_string()
}

fn signed_size(bytes: f64) -> String {
    let sign = if bytes <= -0.5 { "-" } else { "" };
    // A conversion from a float stays inside the range.
    format!("{sign}{}", size(bytes.abs().round() as u64))
}

fn percent(percent: f64) -> String {
    let text = format!("{percent:.1}");
    text.strip_suffix(".0").map(str::to_string).unwrap_or(text)
}

/// Such as `full in 12 days (9 to 17)`; `None` where nothing is estimated.
fn estimate(left: Option<f64>, range: Option<(f64, Option<f64>)>) -> Option<String> {
    let left = left.filter(|days| !days.is_nan())?;
    if left <= 0.0 {
        return Some("full now".into());
    }
    if left > FAR {
        return Some("full in more than 10 years".into());
    }
    let point = Span::of(left);
    let Some((soonest, latest)) = range else {
        return Some(format!("full in {point}"));
    };
    let first = Span::of(soonest);
    let last = latest.filter(|days| *days <= FAR).map(Span::of);
    let one_unit = first.unit == point.unit && last.as_ref().is_none_or(|l| l.unit == point.unit);
    let first_text = if one_unit {
        first.number.to_string()
    } else {
        first.to_string()
    };
    Some(match last {
        Some(last) if first == point && last == point => format!("full in {point}"),
        Some(last) if one_unit => format!("full in {point} ({first_text} to {})", last.number),
        Some(last) => format!("full in {point} ({first_text} to {last})"),
        None => format!("full in {point} ({first_text} or more)"),
    })
}

/// A time as people say it: a whole number of days, hours or minutes.
#[derive(Debug, PartialEq, Eq)]
struct Span {
    number: u64,
    unit: &'static str,
}

impl Span {
    fn of(days: f64) -> Self {
        let hours = days * 24.0;
        // A conversion from a float stays inside the range.
        let (number, unit) = match () {
            () if days.round() >= 2.0 => (days.round() as u64, "day"),
            () if hours.round() >= 2.0 => (hours.round() as u64, "hour"),
            () => ((hours * 60.0).round() as u64, "minute"),
        };
        Self { number, unit }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.number == 1 { "" } else { "s" };
        write!(f, "{} {}{plural}", self.number, self.unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_estimate_names_its_range() {
        let text = |left, range| estimate(Some(left), range).unwrap();
        assert_eq!(
            text(12.2, Some((9.1, Some(16.8)))),
            "full in 12 days (9 to 17)"
        );
        assert_eq!(text(12.0, Some((9.0, None))), "full in 12 days (9 or more)");
        assert_eq!(
            text(12.0, Some((9.0, Some(1e9)))),
            "full in 12 days (9 or more)"
        );
        assert_eq!(
            text(2.6, Some((1.0, Some(5.0)))),
            "full in 3 days (24 hours to 5 days)"
        );
        assert_eq!(text(0.25, Some((0.25, Some(0.25)))), "full in 6 hours");
        assert_eq!(text(0.02, None), "full in 29 minutes");
        assert_eq!(text(0.0, Some((0.0, Some(0.0)))), "full now");
        assert_eq!(text(1e300, None), "full in more than 10 years");
        assert_eq!(estimate(None, Some((1.0, None))), None);
        assert_eq!(estimate(Some(f64::NAN), None), None);
    }

    #[test]
    fn numbers_read_well() {
        assert_eq!(percent(90.0), "90");
        assert_eq!(percent(94.96), "95");
        assert_eq!(percent(99.94), "99.9");
        assert_eq!(signed_size(1.5 * f64::from(1 << 30)), "1.5G");
        assert_eq!(signed_size(-2048.0), "-2K");
        assert_eq!(time(1_800_000_000), "2027-01-15T08:00:00Z");
        assert_eq!(time(i64::MAX), "9223372036854775807");
    }
}
