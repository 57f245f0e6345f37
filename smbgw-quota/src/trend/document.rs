//! The form in which a forecast is written for programs.

use serde::Serialize;

use super::{Forecast, Insufficient, TimeTo, Trend};

/// A [`Forecast`], as it is written.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "Forecast"))]
pub(super) struct ForecastForm {
    /// The trend, or why there is none.
    trend: TrendForm,
    /// When usage reaches the limit.
    full: TimeForm,
    /// When usage reaches each threshold at which people are told.
    thresholds: Vec<ThresholdForm>,
}

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "Trend"))]
#[serde(untagged)]
enum TrendForm {
    /// How usage grows.
    Known {
        /// Bytes a day; negative where usage shrinks.
        bytes_a_day: f64,
        /// The lower end of the interval, in bytes a day.
        low: f64,
        /// The upper end of the interval, in bytes a day.
        high: f64,
        /// The share of intervals meant to contain the truth.
        confidence: f64,
        /// The moment of the first sample that counted, in seconds since 1970-01-01 00:00 UTC.
        since: i64,
        /// How many samples counted.
        samples: usize,
        /// Whether a weekly pattern was found and taken out.
        seasonal: bool,
    },
    /// Too little is known.
    Insufficient {
        /// What is missing.
        insufficient: String,
    },
}

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "TimeTo"))]
#[serde(rename_all = "kebab-case", tag = "is")]
enum TimeForm {
    /// It is there, or beyond.
    Reached,
    /// It gets there.
    In {
        /// Seconds at the rate of the trend.
        seconds: f64,
        /// Seconds at the least: the early end of the interval.
        soonest: f64,
        /// Seconds at the most; null where it may never be.
        latest: Option<f64>,
    },
    /// It does not get there: usage stays as it is, or shrinks.
    Never,
    /// Too little is known.
    Unknown {
        /// What is missing.
        why: String,
    },
}

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "Threshold"))]
struct ThresholdForm {
    /// The threshold, in percent of the limit.
    percent: f64,
    /// When usage reaches it.
    time: TimeForm,
}

impl From<Forecast> for ForecastForm {
    fn from(forecast: Forecast) -> Self {
        let threshold = |(percent, time)| ThresholdForm {
            percent,
            time: TimeForm::from(time),
        };
        Self {
            trend: forecast.trend.into(),
            full: forecast.full.into(),
            thresholds: forecast.thresholds.into_iter().map(threshold).collect(),
        }
    }
}

impl From<Result<Trend, Insufficient>> for TrendForm {
    fn from(trend: Result<Trend, Insufficient>) -> Self {
        match trend {
            Ok(trend) => Self::Known {
                bytes_a_day: trend.per_day,
                low: trend.low,
                high: trend.high,
                confidence: trend.confidence,
                since: trend.since,
                samples: trend.samples,
                seasonal: trend.seasonal,
            },
            Err(why) => Self::Insufficient {
                insufficient: why.to_string(),
            },
        }
    }
}

impl From<TimeTo> for TimeForm {
    fn from(time: TimeTo) -> Self {
        match time {
            TimeTo::Reached => Self::Reached,
            TimeTo::In {
                seconds,
                soonest,
                latest,
            } => Self::In {
                seconds,
                soonest,
                latest,
            },
            TimeTo::Never => Self::Never,
            TimeTo::Unknown(why) => Self::Unknown {
                why: why.to_string(),
            },
        }
    }
}
