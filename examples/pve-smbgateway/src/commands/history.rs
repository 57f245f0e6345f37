//! `quota-history`.

use std::path::Path;

use smbgw_core::catalog;
use smbgw_core::error::{Coded, ErrorKind, Problem};
use smbgw_core::host::Host;
use smbgw_core::layout;
use smbgw_core::lifecycle::ShareError;
use smbgw_core::share::ShareName;
use smbgw_quota::history::{History, HistoryError, LimitChange, Point, Reader, Resolution};
use smbgw_quota::monitor::{Settings, trend_points};
use smbgw_quota::trend::{Forecast, Options};

use crate::args::history::{History as Arguments, Resolution as Wanted};
use crate::exit::Exit;
use crate::moment;
use crate::output::Output;

/// What is known of the usage of a share.
pub(crate) struct Known {
    /// The share.
    pub(crate) share: ShareName,
    /// The time that is shown, in seconds since 1970-01-01 00:00 UTC.
    pub(crate) from: i64,
    /// The end of it.
    pub(crate) to: i64,
    /// The usage in that time.
    pub(crate) points: Vec<Point>,
    /// Changes of limits in that time.
    pub(crate) limit_changes: Vec<LimitChange>,
    /// When it will be full, by what is known now; `None` where there is no limit.
    pub(crate) forecast: Option<Forecast>,
    /// The last usage known, in bytes.
    pub(crate) used: u64,
    /// Percentages at which people are told.
    pub(crate) thresholds: Vec<f64>,
    /// Now, in seconds since 1970-01-01 00:00 UTC.
    pub(crate) now: i64,
}

/// Shows the usage of a share of `host` over time.
pub(crate) fn run(host: &dyn Host, output: &Output, arguments: &Arguments) -> Exit {
    let share: ShareName = match arguments.name.parse() {
        Ok(share) => share,
        Err(error) => {
            let problem = Problem::from_error("name", &error as &dyn Coded);
            return output.error(&ShareError::Refused(vec![problem]));
        }
    };
    let now = host.now();
    let (from, to) = match span(arguments, now) {
        Ok(span) => span,
        Err((field, message)) => return output.unusable(field, &message),
    };
    match known(host, share.clone(), (from, to), arguments.resolution, now) {
        // A share that was not looked at yet has no history, but is there.
        Ok(known) if known.points.is_empty() => match catalog::load(host, &share) {
            Ok(None) => output.error(&ShareError::NotFound(share)),
            Ok(Some(_)) => output.history(&known, arguments),
            Err(error) => output.failed(&error),
        },
        Ok(known) => output.history(&known, arguments),
        Err(error) => output.failed(&error),
    }
}

fn known(
    host: &dyn Host,
    share: ShareName,
    (from, to): (i64, i64),
    resolution: Wanted,
    now: i64,
) -> Result<Known, HistoryError> {
    let mut known = Known {
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
    let path = host.local_path(Path::new(layout::HISTORY));
    let history: Reader = match path.map(History::open_read_only) {
        Some(Ok(history)) => history,
        Some(Err(error)) if error.kind() == ErrorKind::NotFound => return Ok(known),
        Some(Err(error)) => return Err(error),
        None => return Ok(known),
    };
    let key = known.share.key();
    let resolution = match resolution {
        Wanted::Auto => Resolution::Auto,
        Wanted::Raw => Resolution::Raw,
        Wanted::Hourly => Resolution::Hourly,
        Wanted::Daily => Resolution::Daily,
    };
    known.points = history.points(&key, from, to, resolution)?;
    known.limit_changes = history.limit_changes(&key, from, to)?;
    let options = Options::default();
    let points = trend_points(&history, &key, now, &options)?;
    let last = history.points(&key, now - 86_400, now + 1, Resolution::Raw)?;
    if let Some(last) = last.last() {
        known.used = last.last;
        known.forecast = last.limit.map(|limit| {
            Forecast::new(&points, last.last, limit, &known.thresholds, now, &options)
        });
    }
    Ok(known)
}

/// The percentages at which people are told of `share`; none where the settings cannot be read.
fn thresholds(host: &dyn Host, share: &ShareName) -> Vec<f64> {
    use smbgw_core::alert::Severity;
    let settings = Settings::load(host, Path::new(layout::MONITOR_CONF)).unwrap_or_default();
    let rules = settings.rules.of(Some(share));
    Severity::ALL
        .into_iter()
        .filter_map(|severity| rules.space.get(severity))
        .collect()
}

fn span(arguments: &Arguments, now: i64) -> Result<(i64, i64), (&'static str, String)> {
    let read = |field, text: &Option<String>| match text {
        Some(text) => moment::moment(text)
            .map(Some)
            .map_err(|error| (field, error)),
        None => Ok(None),
    };
    let to = read("to", &arguments.to)?.unwrap_or(now.saturating_add(1));
    let days = i64::from(arguments.days) * 86_400;
    let from = read("from", &arguments.from)?.unwrap_or(to.saturating_sub(days));
    if from >= to {
        let message = format!(
            "{} is not before {}",
            moment::shown(from),
            moment::shown(to)
        );
        return Err(("from", message));
    }
    Ok((from, to))
}
