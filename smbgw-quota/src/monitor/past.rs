//! What is known of the usage of a share over time.

use std::path::Path;

use serde::Serialize;
use smbgw_core::alert::Severity;
use smbgw_core::catalog;
use smbgw_core::error::{Coded, ErrorKind};
use smbgw_core::host::Host;
use smbgw_core::layout;
use smbgw_core::lifecycle::ShareError;
use smbgw_core::ports::PortError;
use smbgw_core::share::ShareName;

use super::forecasts::trend_points;
use super::settings::Settings;
use crate::history::{History, HistoryError, LimitChange, Point, Resolution};
use crate::trend::{Forecast, Options};

/// The usage of a share over time, and when it will be full.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Past {
    /// The share.
    pub share: ShareName,
    /// The time that is shown, in seconds since 1970-01-01 00:00 UTC.
    pub from: i64,
    /// The end of it, which is not in it.
    pub to: i64,
    /// The usage in that time, the oldest first.
    pub points: Vec<Point>,
    /// Changes of limits in that time, in the order in which they came.
    pub limit_changes: Vec<LimitChange>,
    /// When it will be full, by what is known now; `None` where there is no limit.
    pub forecast: Option<Forecast>,
    /// The last usage known, in bytes.
    #[serde(skip)]
    pub used: u64,
    /// Percentages of the limit at which people are told.
    #[serde(skip)]
    pub thresholds: Vec<f64>,
    /// Now, in seconds since 1970-01-01 00:00 UTC.
    #[serde(skip)]
    pub now: i64,
}

impl Past {
    /// What is known of `share` of `host` from `from` to before `to` (seconds since 1970-01-01 00:00
    /// UTC). Nothing is known of a share that was not looked at yet.
    ///
    /// # Errors
    /// Where there is neither such a share nor a history of it, or that cannot be read.
    pub fn of(
        host: &dyn Host,
        share: ShareName,
        (from, to): (i64, i64),
        resolution: Resolution,
    ) -> Result<Self, ShareError> {
        let now = host.now();
        let mut past = Self {
            from,
            to,
            points: Vec::new(),
            limit_changes: Vec::new(),
            forecast: None,
            used: 0,
            thresholds: thresholds(host, &share),
            now,
            share,
        };
        past.read(host, resolution).map_err(PortError::new)?;
        if past.points.is_empty() && catalog::load(host, &past.share)?.is_none() {
            return Err(ShareError::NotFound(past.share));
        }
        Ok(past)
    }

    fn read(&mut self, host: &dyn Host, resolution: Resolution) -> Result<(), HistoryError> {
        let Some(path) = host.local_path(Path::new(layout::HISTORY)) else {
            return Ok(());
        };
        let history = match History::open_read_only(path) {
            Ok(history) => history,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        let (key, now) = (self.share.key(), self.now);
        self.points = history.points(&key, self.from, self.to, resolution)?;
        self.limit_changes = history.limit_changes(&key, self.from, self.to)?;
        let options = Options::default();
        let points = trend_points(&history, &key, now, &options)?;
        let last = history.points(&key, now - 86_400, now + 1, Resolution::Raw)?;
        if let Some(last) = last.last() {
            self.used = last.last;
            self.forecast = last.limit.map(|limit| {
                Forecast::new(&points, last.last, limit, &self.thresholds, now, &options)
            });
        }
        Ok(())
    }
}

/// The percentages at which people are told of `share`; none where the settings cannot be read.
fn thresholds(host: &dyn Host, share: &ShareName) -> Vec<f64> {
    let settings = Settings::load(host, Path::new(layout::MONITOR_CONF)).unwrap_or_default();
    let rules = settings.rules.of(Some(share));
    Severity::ALL
        .into_iter()
        .filter_map(|severity| rules.space.get(severity))
        .collect()
}
