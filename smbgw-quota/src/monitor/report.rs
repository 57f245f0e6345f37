//! What is said of a monitor, as documents for programs.

use serde::Serialize;
use smbgw_core::alert::{AlertError, ChannelStatus, outbox};
use smbgw_core::host::Host;

use super::duty::{DutyError, is_running};
use super::status::MonitorStatus;

/// What a monitor last said, and how its messages go.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct WatchReport {
    /// What the monitor last said; `None` where none has run since the machine started.
    pub monitor: Option<MonitorStatus>,
    /// How messages go, by channel.
    pub channels: Vec<ChannelStatus>,
}

/// How the monitor of a host is.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MonitorReport {
    /// Whether it runs.
    pub running: bool,
    /// What it last said, and how its messages go.
    #[serde(flatten)]
    pub last: WatchReport,
}

impl WatchReport {
    /// What the monitor of `host` last said.
    ///
    /// # Errors
    /// Where that cannot be read.
    pub fn of(host: &dyn Host) -> Result<Self, DutyError> {
        Ok(Self {
            monitor: MonitorStatus::load(host).map_err(AlertError::from)?,
            channels: outbox::status(host)?,
        })
    }
}

impl MonitorReport {
    /// How the monitor of `host` is.
    ///
    /// # Errors
    /// Where that cannot be found out.
    pub fn of(host: &dyn Host) -> Result<Self, DutyError> {
        Ok(Self {
            running: is_running(host)?,
            last: WatchReport::of(host)?,
        })
    }
}
