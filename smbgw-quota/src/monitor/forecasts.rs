//! The trend of each share, made anew now and then.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use smbgw_core::share::ShareName;

use crate::history::{History, HistoryError, Reader, Resolution};
use crate::trend::{Forecast, Insufficient, Options, Point, TimeTo, Trend};

/// The trends of all shares, each as old as `every` at most.
#[derive(Debug)]
pub(super) struct Forecasts {
    every: Duration,
    trends: HashMap<String, Known>,
}

#[derive(Debug)]
struct Known {
    made: Instant,
    limit: u64,
    trend: Result<Trend, Insufficient>,
}

impl Forecasts {
    pub(super) fn new(every: Duration) -> Self {
        Self {
            every,
            trends: HashMap::new(),
        }
    }

    /// Forgets the shares that `exists` does not know.
    pub(super) fn keep(&mut self, exists: impl Fn(&str) -> bool) {
        self.trends.retain(|key, _| exists(key));
    }

    /// Whether the trend of `share` is too old, or was made for another limit.
    pub(super) fn is_due(&self, share: &ShareName, limit: u64) -> bool {
        self.trends
            .get(&share.key())
            .is_none_or(|known| known.limit != limit || known.made.elapsed() >= self.every)
    }

    /// Makes the trend of `share` from what `history` knows as of `now`.
    pub(super) fn renew(
        &mut self,
        history: &History,
        share: &ShareName,
        limit: u64,
        now: i64,
    ) -> Result<(), HistoryError> {
        let trend = trend(history, &share.key(), now)?;
        let known = Known {
            made: Instant::now(),
            limit,
            trend,
        };
        self.trends.insert(share.key(), known);
        Ok(())
    }

    /// When `share`, which uses `used` bytes of `limit`, is full by the trend known.
    pub(super) fn of(&self, share: &ShareName, used: u64, limit: u64) -> Option<Forecast> {
        let Known { trend, .. } = self.trends.get(&share.key())?;
        Some(Forecast {
            full: match trend {
                _ if used >= limit => TimeTo::Reached,
                Ok(trend) => trend.time_to(used, limit),
                Err(why) => TimeTo::Unknown(*why),
            },
            thresholds: Vec::new(),
            trend: *trend,
        })
    }
}

fn trend(
    history: &History,
    share: &str,
    now: i64,
) -> Result<Result<Trend, Insufficient>, HistoryError> {
    let options = Options::default();
    let points = trend_points(history, share, now, &options)?;
    Ok(Trend::new(&points, now, &options))
}

/// The usages of `share` that a trend as of `now` is made of.
///
/// # Errors
/// Where the history cannot be read.
pub fn trend_points(
    history: &Reader,
    share: &str,
    now: i64,
    options: &Options,
) -> Result<Vec<Point>, HistoryError> {
    let window = i64::try_from(options.window).unwrap_or(i64::MAX);
    let points = history.points(
        share,
        now.saturating_sub(window),
        now.saturating_add(1),
        Resolution::Auto,
    )?;
    let middle = |seconds: u32| i64::from(seconds) / 2;
    Ok(points
        .iter()
        .map(|point| Point {
            // The hour that goes on has no middle yet.
            at: (point.at + middle(point.seconds)).min(now),
            bytes: point.mean,
        })
        .collect())
}
