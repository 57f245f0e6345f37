//! How long usage is remembered.

use serde::{Deserialize, Serialize};

use super::tier::Tier;

/// How many days each kind of row is kept.
///
/// A row is removed up to an hour later than said (samples) or up to a day later (aggregates).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Retention {
    /// Days that every sample is kept.
    pub raw_days: u32,
    /// Days that aggregates of an hour are kept; at least those of the samples.
    pub hourly_days: u32,
    /// Days that aggregates of a day are kept; at least those of an hour.
    pub daily_days: u32,
}

impl Default for Retention {
    /// 7 days, 90 days and 5 years.
    fn default() -> Self {
        Self {
            raw_days: 7,
            hourly_days: 90,
            daily_days: 5 * 365 + 2,
        }
    }
}

impl Retention {
    /// The days of `tier`. A coarser one is never kept for less time than a finer one.
    pub(super) fn days(self, tier: Tier) -> i64 {
        let raw = self.raw_days;
        let hourly = self.hourly_days.max(raw);
        i64::from(match tier {
            Tier::Raw => raw,
            Tier::Hourly => hourly,
            Tier::Daily => self.daily_days.max(hourly),
        })
    }
}
