//! How fast usage grows, how sure that is, and when it reaches a limit.
//!
//! A [`Trend`] is the median of all slopes between usages of a window (Theil–Sen), less those that
//! are far off, with an interval that allows for usages being alike from one hour to the next. A
//! [`Forecast`] says when a share is full. Where there is too little to go by, both say that
//! ([`Insufficient`]) and guess nothing.
//! Formulae, sources and measured errors are in `docs/forecast.md`.
//!
//! ```
//! use smbgw_quota::trend::{Forecast, Options, Point};
//!
//! const GIB: u64 = 1 << 30;
//! // Ten days of hourly samples: 2 GiB more each day, and a little noise.
//! let noise = |hour: u64| (hour * 7919 % 13) * GIB / 100;
//! let points: Vec<Point> = (0..240)
//!     .map(|hour| Point {
//!         at: hour as i64 * 3600,
//!         bytes: 50 * GIB + hour * GIB / 12 + noise(hour),
//!     })
//!     .collect();
//! let forecast = Forecast::new(&points, 70 * GIB, 100 * GIB, &[80.0], 239 * 3600, &Options::default());
//! assert_eq!(forecast.full.to_string(), "in 15 days");
//! assert_eq!(forecast.thresholds[0].1.to_string(), "in 5 days");
//! ```
//!
//! All functions are pure: the same points and the same `now` give the same answer.

mod document;
mod forecast;
mod noise;
mod outlier;
mod quantile;
mod reset;
mod season;
mod series;
mod slope;

use std::fmt;

pub use forecast::{Expected, Forecast, TimeTo};

use noise::Noise;

/// Seconds of a day.
const DAY: f64 = 86_400.0;

/// The usage at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    /// Seconds since 1970-01-01 00:00 UTC.
    pub at: i64,
    /// Bytes used.
    pub bytes: u64,
}

/// What a trend is made of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// Seconds before `now` that are looked at; 30 days. Shorter histories are used as they are.
    pub window: u64,
    /// The share of intervals meant to contain the truth, between 0.5 and 0.99 (others count as the
    /// nearer of the two); 0.9.
    pub confidence: f64,
    /// Fewer samples than this are insufficient; 12, and never less than 3.
    pub samples: usize,
    /// Fewer seconds than this between the first sample and the last are insufficient; 6 hours.
    pub span: u64,
    /// Samples before this moment do not count: a known move of data, say.
    pub not_before: Option<i64>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            window: 30 * 86_400,
            confidence: 0.9,
            samples: 12,
            span: 6 * 3600,
            not_before: None,
        }
    }
}

/// Why nothing is said about a trend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Insufficient {
    /// The samples there are, and how many are needed.
    pub samples: (usize, usize),
    /// The seconds from the first of them to the last, and how many are needed.
    pub seconds: (u64, u64),
    /// The moment of the first sample after much came or went at once, where that is why there are
    /// so few.
    pub reset: Option<i64>,
}

impl fmt::Display for Insufficient {
    /// Such as `5 samples, 12 are needed`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let since = match self.reset {
            Some(_) => " since much came or went at once",
            None => "",
        };
        let (have, need) = self.samples;
        if have < need {
            let plural = if have == 1 { "" } else { "s" };
            return write!(f, "{have} sample{plural}{since}, {need} are needed");
        }
        let (have, need) = self.seconds;
        write!(
            f,
            "samples of {:.1} hours{since}, {:.1} are needed",
            have as f64 / 3600.0,
            need as f64 / 3600.0
        )
    }
}

impl std::error::Error for Insufficient {}

/// How usage grows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trend {
    /// Bytes a day; negative where usage shrinks.
    pub per_day: f64,
    /// The lower end of the interval, in bytes a day.
    pub low: f64,
    /// The upper end of the interval, in bytes a day.
    pub high: f64,
    /// The usage that the trend gives for the moment it was made, in bytes. Never below zero.
    pub level: f64,
    /// The moment of the first sample that counted: the beginning of the window, or later where
    /// much came or went at once within it.
    pub since: i64,
    /// How many samples counted.
    pub samples: usize,
    /// Whether a weekly pattern was found and taken out.
    pub seasonal: bool,
    /// The share of intervals meant to contain the truth.
    pub confidence: f64,
    noise: Noise,
}

impl Trend {
    /// The trend of `points` as of `now` (seconds since 1970).
    ///
    /// The points may come in any order. Of several at one moment the last counts; those after
    /// `now`, as a clock that stepped leaves them, do not count.
    ///
    /// # Errors
    /// Where there are too few points, or too short a time between them, since the beginning of the
    /// window or since much came or went at once.
    pub fn new(points: &[Point], now: i64, options: &Options) -> Result<Self, Insufficient> {
        let confidence = match options.confidence {
            confidence if confidence.is_nan() => Options::default().confidence,
            confidence => confidence.clamp(0.5, 0.99),
        };
        let series = series::series(points, now, options);
        let (series, reset) = match reset::last(&series) {
            Some(first) => (&series[first..], Some(series[first].at)),
            None => (&series[..], None),
        };
        let needed = options.samples.max(3);
        let span = series::span(series);
        let (Some(first), true) = (
            series.first(),
            series.len() >= needed && span >= options.span.max(1),
        ) else {
            return Err(Insufficient {
                samples: (series.len(), needed),
                seconds: (span, options.span.max(1)),
                reset,
            });
        };

        let base = series.iter().map(|point| point.bytes).min().unwrap_or(0);
        let length = series::length(series, now);
        let (mut blocks, local) = series::blocks(series, now, base, length);
        let mut slopes = slope::Slopes::between(&blocks);
        // Outliers have no part in the line. They have in its interval, as what is taken for one
        // may be how usage grows.
        let kept = outlier::without(series, slopes.median(), now, base);
        let (mut core, _) = series::blocks(&kept, now, base, length);
        let mut middle = slope::Slopes::between(&core).median();
        let week = season::weekly(&core, middle, span);
        if let Some(week) = &week {
            blocks = week.without(&blocks);
            core = week.without(&core);
            slopes = slope::Slopes::between(&blocks);
            middle = slope::Slopes::between(&core).median();
        }
        let seasonal = week.is_some();
        let left = slope::residuals(&blocks, slopes.median());
        let noise = Noise::of(&blocks, &left, seasonal, confidence).with_local(local);
        // Each of the two errs to the wide side: the first where noise persists, the second where
        // a few samples are far off.
        let (low, high) = slopes.interval(blocks.len(), &noise, confidence);
        let off = noise.slope(&blocks);
        let (low, high) = (low.max(middle - off), high.min(middle + off));
        Ok(Self {
            per_day: middle * DAY,
            low: low.min(middle) * DAY,
            high: high.max(middle) * DAY,
            level: (base as f64 + slope::intercept(&core, middle)).max(0.0),
            since: first.at,
            samples: series.len(),
            seasonal,
            confidence,
            noise,
        })
    }
}

/// Seconds from `earlier` to `later`.
fn seconds(earlier: i64, later: i64) -> f64 {
    let apart = later.abs_diff(earlier) as f64;
    if earlier <= later { apart } else { -apart }
}
