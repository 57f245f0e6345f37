//! A monitor put together from the settings of a host, the only one there at a time.

use std::path::Path;
use std::time::Duration;

use smbgw_core::alert::channel::build;
use smbgw_core::alert::{AlertError, Channel, Delivery, Messages, Pace};
use smbgw_core::deadline::Deadline;
use smbgw_core::error::{Coded, ErrorKind, chain_text};
use smbgw_core::host::{Host, LockError};
use smbgw_core::layout;

use super::look::Monitor;
use super::report::WatchReport;
use super::run::{MonitorError, look_once};
use super::settings::{Settings, SettingsError};
use crate::storage::QuotaStorage;

/// How long another monitor may take to end.
const PATIENCE: Duration = Duration::from_secs(5);

/// The lock that a monitor holds for as long as it runs.
const LOCK: &str = "monitor";

/// Why there is no monitor, or why it ended.
#[derive(Debug, thiserror::Error)]
pub enum DutyError {
    /// Another monitor runs.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The settings cannot be used.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The messages that wait cannot be used.
    #[error(transparent)]
    Alerts(#[from] AlertError),
    /// It could not go on.
    #[error(transparent)]
    Monitor(#[from] MonitorError),
}

impl Coded for DutyError {
    fn code(&self) -> &'static str {
        match self {
            Self::Lock(error) => error.code(),
            Self::Settings(error) => error.code(),
            Self::Alerts(error) => error.code(),
            Self::Monitor(error) => error.code(),
        }
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::Lock(error) => error.kind(),
            Self::Settings(error) => error.kind(),
            Self::Alerts(error) => error.kind(),
            Self::Monitor(error) => error.kind(),
        }
    }

    fn remedy(&self) -> Option<String> {
        match self {
            Self::Lock(error) => error.remedy(),
            Self::Settings(error) => error.remedy(),
            Self::Alerts(error) => error.remedy(),
            Self::Monitor(error) => error.remedy(),
        }
    }
}

/// Has `work` use a monitor of the shares of `host`, as its settings say, and what delivers its
/// messages. No other monitor runs meanwhile.
///
/// # Errors
/// Where another monitor runs and does not end within five seconds or until `deadline`, where
/// settings or messages that wait cannot be used, and where `work` fails.
pub fn on_duty<T>(
    host: &dyn Host,
    deadline: Deadline,
    work: impl FnOnce(&mut Monitor<'_>, &Delivery<'_>) -> Result<T, MonitorError>,
) -> Result<T, DutyError> {
    let soon = deadline.at_most(PATIENCE);
    let _lock = host.lock(LOCK, "watching the shares", soon)?;
    let settings = Settings::load(host, Path::new(layout::MONITOR_CONF))?;
    let messages = messages(host);
    let channels = settings.channels(host, &messages)?;
    let opened = Delivery::open(host, &channels, Pace::default(), deadline.at_most(PATIENCE))?;
    if let Some(damage) = &opened.damage {
        tracing::error!(message = %damage.message, kept_as = ?damage.kept_as,
            "messages that waited are lost");
    }
    let storage = QuotaStorage::new(host).without_sync();
    let mut monitor = Monitor::new(host, &storage, settings);
    Ok(work(&mut monitor, &opened.value)?)
}

/// Looks at all shares of `host` once, remembers what is seen, and tries to deliver what is to be
/// told; what is not delivered until `deadline` waits for the next time.
///
/// # Errors
/// As [`on_duty`]. A share that cannot be looked at is none.
pub fn watch_once(host: &dyn Host, deadline: Deadline) -> Result<WatchReport, DutyError> {
    on_duty(host, deadline, |monitor, delivery| {
        look_once(monitor, delivery, deadline)
    })?;
    WatchReport::of(host)
}

/// Whether a monitor of `host` runs.
///
/// # Errors
/// Where that cannot be found out.
pub fn is_running(host: &dyn Host) -> Result<bool, LockError> {
    let now = Deadline::after(Duration::ZERO);
    match host.lock(LOCK, "asking for the monitor", now) {
        Err(LockError::Held { .. }) => Ok(true),
        Ok(_) => Ok(false),
        Err(error) => Err(error),
    }
}

/// The texts of messages, the administrator's where they can be used.
pub fn messages(host: &dyn Host) -> Messages {
    let (messages, problems) = Messages::load(host, Path::new(layout::TEMPLATES_DIR));
    for problem in problems {
        tracing::error!(error = %chain_text(&problem), "the template is not used");
    }
    messages
}

impl Settings {
    /// The channels that are set.
    ///
    /// # Errors
    /// All that is wrong with them.
    pub fn channels<'a>(
        &self,
        host: &'a dyn Host,
        messages: &'a Messages,
    ) -> Result<Vec<Box<dyn Channel + 'a>>, SettingsError> {
        build(&self.channels, host, messages).map_err(|problems| SettingsError::Invalid {
            path: layout::MONITOR_CONF.into(),
            problems,
        })
    }
}
