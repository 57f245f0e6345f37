//! When usage reaches an amount.

use std::fmt;

use serde::Serialize;

use super::document::ForecastForm;
use super::{DAY, Insufficient, Options, Point, Trend};

/// Seconds beyond which only that is said: ten years.
const FAR: f64 = 3652.5 * DAY;

/// When usage reaches an amount, in seconds from now.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum TimeTo {
    /// It is there, or beyond.
    Reached,
    /// It gets there.
    In {
        /// Seconds at the rate of the trend.
        seconds: f64,
        /// Seconds at the least: the early end of the interval.
        soonest: f64,
        /// Seconds at the most; `None` where it may never be.
        latest: Option<f64>,
    },
    /// It does not get there: usage stays as it is, or shrinks.
    Never,
    /// Too little is known.
    Unknown(Insufficient),
}

impl TimeTo {
    /// Days, 0 where it is reached; `None` where it is not in sight or not known.
    pub fn days(&self) -> Option<f64> {
        match self {
            Self::Reached => Some(0.0),
            Self::In { seconds, .. } => Some(seconds / DAY),
            Self::Never | Self::Unknown(_) => None,
        }
    }
}

impl fmt::Display for TimeTo {
    /// Such as `in 12 days (9 to 17)`, `in 12 days (9 or more)`, `never at this rate`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Reached => f.write_str("reached"),
            Self::Never => f.write_str("never at this rate"),
            Self::Unknown(why) => write!(f, "unknown: {why}"),
            Self::In { seconds, .. } if seconds > FAR => f.write_str("in more than 10 years"),
            Self::In {
                seconds,
                soonest,
                latest,
            } => {
                let point = Amount::of(seconds);
                let first = Amount::of(soonest);
                let last = latest.map(Amount::of);
                write!(f, "in {point}")?;
                // The unit is said once where it is the same.
                let one =
                    first.unit == point.unit && last.is_none_or(|last| last.unit == point.unit);
                match last {
                    Some(last) if first == point && last == point => Ok(()),
                    Some(last) if one => write!(f, " ({} to {})", first.number, last.number),
                    Some(last) => write!(f, " ({first} to {last})"),
                    None if one => write!(f, " ({} or more)", first.number),
                    None => write!(f, " ({first} or more)"),
                }
            }
        }
    }
}

/// A time as people say it.
#[derive(Clone, Copy, PartialEq)]
struct Amount {
    number: u64,
    unit: &'static str,
}

impl Amount {
    fn of(seconds: f64) -> Self {
        let (length, unit) = match seconds {
            seconds if seconds < 5400.0 => (60.0, "minute"),
            seconds if seconds < 2.0 * DAY => (3600.0, "hour"),
            seconds if seconds < 730.5 * DAY => (DAY, "day"),
            _ => (365.25 * DAY, "year"),
        };
        Self {
            number: (seconds / length).round() as u64,
            unit,
        }
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.number == 1 { "" } else { "s" };
        match self.number > 1000 {
            // Years, as nothing else is that many.
            true => f.write_str("more than 1000 years"),
            false => write!(f, "{} {}{plural}", self.number, self.unit),
        }
    }
}

/// What usage is expected to be at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Expected {
    /// Bytes at the low end of the interval; never below zero, as the others.
    pub low: f64,
    /// Bytes at the rate of the trend.
    pub mean: f64,
    /// Bytes at the high end of the interval.
    pub high: f64,
}

impl Trend {
    /// What usage is expected to be so many seconds from now, where it is `used` bytes now.
    pub fn expected(&self, used: u64, seconds: f64) -> Expected {
        let seconds = if seconds.is_finite() {
            seconds.max(0.0)
        } else {
            0.0
        };
        let mean = self.gain(seconds);
        let used = used as f64;
        Expected {
            low: (used + self.gain_low(seconds)).max(0.0),
            mean: (used + mean).max(0.0),
            high: (used + self.gain_high(seconds)).max(0.0),
        }
    }

    /// When usage, which is `used` bytes now, reaches `target` bytes.
    ///
    /// The interval has both parts in it: how far off the rate may be, and how far usage strays
    /// from any line.
    pub fn time_to(&self, used: u64, target: u64) -> TimeTo {
        if used >= target {
            return TimeTo::Reached;
        }
        let far = target as f64 - used as f64;
        let seconds = far / self.per_day * DAY;
        if self.per_day <= 0.0 || !seconds.is_finite() {
            return TimeTo::Never;
        }
        let soonest = crossing(0.0, seconds, |time| self.gain_high(time) >= far);
        let latest = (self.low > 0.0)
            .then(|| {
                let mut end = seconds;
                while self.gain_low(end) < far {
                    end *= 2.0;
                    if !end.is_finite() {
                        return None;
                    }
                }
                Some(crossing(seconds, end, |time| self.gain_low(time) >= far))
            })
            .flatten();
        TimeTo::In {
            seconds,
            soonest: soonest.min(seconds),
            latest,
        }
    }

    /// Bytes more within so many seconds.
    fn gain(&self, seconds: f64) -> f64 {
        self.per_day / DAY * seconds
    }

    fn gain_high(&self, seconds: f64) -> f64 {
        let rate = (self.high - self.per_day) / DAY * seconds;
        self.gain(seconds)
            + rate
                .hypot(self.noise.stray(seconds))
                .hypot(self.noise.peak())
    }

    fn gain_low(&self, seconds: f64) -> f64 {
        let rate = (self.per_day - self.low) / DAY * seconds;
        self.gain(seconds)
            - rate
                .hypot(self.noise.stray(seconds))
                .hypot(self.noise.peak() / 2.0)
    }
}

/// The time between `from` and `to` from which on `there` holds, to a part in a million.
fn crossing(mut from: f64, mut to: f64, there: impl Fn(f64) -> bool) -> f64 {
    for _ in 0..60 {
        if to - from <= to * 1e-6 {
            break;
        }
        let middle = from + (to - from) / 2.0;
        if there(middle) {
            to = middle;
        } else {
            from = middle;
        }
    }
    to
}

/// When a share is full, and when it reaches each of its thresholds.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(into = "ForecastForm")]
#[cfg_attr(feature = "schema", schemars(with = "ForecastForm"))]
pub struct Forecast {
    /// The trend, or why there is none.
    pub trend: Result<Trend, Insufficient>,
    /// When usage reaches the limit.
    pub full: TimeTo,
    /// The thresholds in percent of the limit, in the order given, and when usage reaches each.
    pub thresholds: Vec<(f64, TimeTo)>,
}

impl Forecast {
    /// The forecast as of `now` (seconds since 1970) from the usages of the past, for a share that
    /// uses `used` bytes of `limit`. Thresholds are percentages of the limit.
    pub fn new(
        points: &[Point],
        used: u64,
        limit: u64,
        thresholds: &[f64],
        now: i64,
        options: &Options,
    ) -> Self {
        let trend = Trend::new(points, now, options);
        let time_to = |target: u64| match &trend {
            _ if used >= target => TimeTo::Reached,
            Ok(trend) => trend.time_to(used, target),
            Err(why) => TimeTo::Unknown(*why),
        };
        Self {
            full: time_to(limit),
            thresholds: thresholds
                .iter()
                .map(|percent| (*percent, time_to(part(limit, *percent))))
                .collect(),
            trend,
        }
    }
}

/// So many percent of an amount, in whole bytes, rounded up.
fn part(limit: u64, percent: f64) -> u64 {
    (limit as f64 * percent / 100.0).ceil() as u64
}
