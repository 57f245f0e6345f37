//! Usage over time as a picture: SVG for a browser or a mail, characters for a terminal.
//!
//! ```
//! use smbgw_quota::chart::{self, ChartData, ChartPoint, Style};
//!
//! let data = ChartData {
//!     title: "media".into(),
//!     points: (0..48)
//!         .map(|hour| ChartPoint {
//!             at: 1_767_225_600 + hour as i64 * 3600,
//!             seconds: 3600,
//!             min: (50 + hour) << 30,
//!             mean: (51 + hour) << 30,
//!             max: (52 + hour) << 30,
//!             limit: Some(120 << 30),
//!         })
//!         .collect(),
//!     thresholds: vec![85.0],
//!     now: 1_767_225_600 + 48 * 3600,
//!     ..ChartData::default()
//! };
//! assert!(chart::svg(&data, &Style::default()).starts_with("<svg "));
//! assert_eq!(chart::terminal(&data, 80, 16, true).lines().count(), 16);
//! ```
//!
//! Times are UTC. Both are pure: the same data give the same text.

mod frame;
mod svg;
mod terminal;
mod text;
mod ticks;

pub use svg::{Style, svg};
pub use terminal::terminal;

use crate::trend::Trend;

/// What is drawn.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChartData {
    /// What the chart is of, in one line; cut where it is too long.
    pub title: String,
    /// A second line, such as when it is full; cut where it is too long. May be empty.
    pub note: String,
    /// The usage of the past; in any order.
    pub points: Vec<ChartPoint>,
    /// Percentages of the limit at which somebody is told; those from 0.1 to 100 are drawn.
    pub thresholds: Vec<f64>,
    /// The usage of the time to come; in order. May be empty.
    pub forecast: Vec<ChartForecast>,
    /// Seconds since 1970.
    pub now: i64,
}

/// The usage of some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChartPoint {
    /// When that time begins, in seconds since 1970.
    pub at: i64,
    /// How many seconds it lasts; 0 for one sample.
    pub seconds: u64,
    /// The least that was used, in bytes.
    pub min: u64,
    /// What was used on average, in bytes.
    pub mean: u64,
    /// The most that was used, in bytes.
    pub max: u64,
    /// The limit at that time, in bytes.
    pub limit: Option<u64>,
}

/// The usage expected at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ChartForecast {
    /// Seconds since 1970.
    pub at: i64,
    /// The low end of the interval, in bytes.
    pub low: f64,
    /// The usage at the rate of the trend, in bytes.
    pub mean: f64,
    /// The high end of the interval, in bytes.
    pub high: f64,
}

impl ChartData {
    /// Adds what `trend` has to say from now on for so many seconds, where `used` bytes are used
    /// now.
    pub fn expect(&mut self, trend: &Trend, used: u64, seconds: u64) {
        const STEPS: u64 = 48;
        self.forecast = (0..=STEPS)
            .map(|step| {
                let ahead = (u128::from(seconds) * u128::from(step) / u128::from(STEPS)) as u64;
                let expected = trend.expected(used, ahead as f64);
                ChartForecast {
                    at: self.now.saturating_add_unsigned(ahead),
                    low: expected.low,
                    mean: expected.mean,
                    high: expected.high,
                }
            })
            .collect();
    }

    /// The thresholds that are drawn, in tenths of a percent, the highest first.
    fn percentages(&self) -> Vec<f64> {
        let mut all: Vec<f64> = self
            .thresholds
            .iter()
            .map(|percent| (percent * 10.0).round() / 10.0)
            .filter(|percent| (0.1..=100.0).contains(percent))
            .collect();
        all.sort_by(|one, other| other.total_cmp(one));
        all.dedup();
        all
    }
}
