//! Times and spans of time as people write them.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Span, SpanRelativeTo, Timestamp};

/// The moment that `text` means, in seconds since 1970-01-01 00:00 UTC: `2026-01-31`,
/// `2026-01-31T12:00`, `2026-01-31T12:00Z`, `2026-01-31T12:00+02:00`. Without an offset it is UTC.
pub(crate) fn moment(text: &str) -> Result<i64, String> {
    let trimmed = text.trim();
    if let Ok(timestamp) = trimmed.parse::<Timestamp>() {
        return Ok(timestamp.as_second());
    }
    let local = match trimmed.parse::<Date>() {
        // A date with a time would be cut to the date.
        Ok(date) if trimmed.len() <= 10 => Ok(date.at(0, 0, 0, 0)),
        _ => trimmed.parse::<DateTime>(),
    };
    local
        .and_then(|local| local.to_zoned(TimeZone::UTC))
        .map(|zoned| zoned.timestamp().as_second())
        .map_err(|_| {
            format!("`{text}` is not a time: write 2026-01-31, 2026-01-31T12:00 (UTC) or 2026-01-31T12:00+02:00")
        })
}

/// The span that `text` means, in seconds: `90s`, `12h`, `7d`, `2w`.
pub(crate) fn span(text: &str) -> Result<i64, String> {
    let seconds = text.trim().parse::<Span>().ok().and_then(|span| {
        span.to_duration(SpanRelativeTo::days_are_24_hours())
            .ok()
            .map(|duration| duration.as_secs())
    });
    match seconds {
        Some(seconds) if seconds > 0 => Ok(seconds),
        _ => Err(format!(
            "`{text}` is not a span of time: write 90s, 12h, 7d or 2w"
        )),
    }
}

/// The moment that `text` means, or that lies so far ahead of `now`.
pub(crate) fn moment_or_span(text: &str, now: i64) -> Result<i64, String> {
    match span(text) {
        Ok(seconds) => Ok(now.saturating_add(seconds)),
        Err(_) => moment(text).map_err(|error| format!("{error}, or a span such as 2h or 3d")),
    }
}

/// The moment that `text` means, or that lies so far before `now`.
pub(crate) fn moment_or_ago(text: &str, now: i64) -> Result<i64, String> {
    match span(text) {
        Ok(seconds) => Ok(now.saturating_sub(seconds)),
        Err(_) => moment(text).map_err(|error| format!("{error}, or a span such as 2h or 3d")),
    }
}

/// `seconds` since 1970-01-01 00:00 UTC, such as `2026-01-31 12:00:05 UTC`.
pub(crate) fn shown(seconds: i64) -> String {
    match Timestamp::from_second(seconds) {
        Ok(timestamp) => timestamp.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
        Err(_) => seconds.to_string(),
    }
}

/// So many seconds as people say it, in its two largest units: `2d 3h`.
pub(crate) fn shown_span(seconds: i64) -> String {
    let units = [
        ("w", 604_800),
        ("d", 86_400),
        ("h", 3600),
        ("m", 60),
        ("s", 1),
    ];
    let mut rest = seconds.max(0);
    let mut parts = Vec::new();
    for (unit, size) in units {
        if rest >= size && parts.len() < 2 {
            parts.push(format!("{}{unit}", rest / size));
            rest %= size;
        } else if !parts.is_empty() {
            break;
        }
    }
    match parts.is_empty() {
        true => "0s".into(),
        false => parts.join(" "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_utc_unless_they_say_otherwise() {
        assert_eq!(moment("1970-01-02"), Ok(86_400));
        assert_eq!(moment("1970-01-01T01:00"), Ok(3600));
        assert_eq!(moment("1970-01-01T01:00Z"), Ok(3600));
        assert_eq!(moment("1970-01-01T01:00+01:00"), Ok(0));
        for wrong in ["", "yesterday", "2026-13-01", "2026-01-32T00:00Z", "7d"] {
            assert!(
                moment(wrong).unwrap_err().contains("is not a time"),
                "{wrong}"
            );
        }
    }

    #[test]
    fn spans_are_above_zero() {
        assert_eq!(span("90s"), Ok(90));
        assert_eq!(span("12h"), Ok(43_200));
        assert_eq!(span("7d"), Ok(604_800));
        assert_eq!(span("2w"), Ok(1_209_600));
        for wrong in ["", "0s", "-1h", "7", "soon"] {
            assert!(span(wrong).is_err(), "{wrong}");
        }
        assert_eq!(moment_or_span("2h", 100), Ok(7300));
        assert_eq!(moment_or_span("1970-01-02", 100), Ok(86_400));
        assert_eq!(moment_or_ago("2h", 10_000), Ok(2800));
        assert_eq!(moment_or_ago("1970-01-02", 100), Ok(86_400));
    }

    #[test]
    fn times_are_shown_shortly() {
        assert_eq!(shown(86_405), "1970-01-02 00:00:05 UTC");
        assert_eq!(shown_span(0), "0s");
        assert_eq!(shown_span(7325), "2h 2m");
        assert_eq!(shown_span(86_400 * 9 + 5), "1w 2d");
        assert_eq!(shown_span(86_400 + 5), "1d");
    }
}
