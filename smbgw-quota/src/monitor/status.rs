//! How a monitor is, for who asks from another process.

use std::path::Path;

use serde::{Deserialize, Serialize};
use smbgw_core::change::Change;
use smbgw_core::host::{FileError, Host};

/// The file, which is gone after the next start of the machine.
const FILE: &str = "/run/smbgw/monitor.json";

/// How a monitor is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MonitorStatus {
    /// Its process.
    pub pid: u32,
    /// When it began, in seconds since 1970-01-01 00:00 UTC.
    pub started_at: i64,
    /// Seconds between two looks.
    pub interval_seconds: u32,
    /// How it learns of limits that are reached.
    pub watching: Watching,
    /// What it saw the last time.
    pub last_look: Option<LastLook>,
    /// Why usage is not remembered, if so.
    pub history_trouble: Option<String>,
    /// Why the state of alerts is not saved, if so.
    pub alerts_trouble: Option<String>,
    /// Why messages that wait are not saved, if so.
    pub outbox_trouble: Option<String>,
}

/// How a monitor learns of limits that are reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", tag = "by")]
pub enum Watching {
    /// The kernel says so, of so many shares; the others are looked at.
    Kernel {
        /// How many.
        shares: usize,
    },
    /// By looking only.
    Polling {
        /// Why.
        reason: String,
    },
}

/// What a monitor saw.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LastLook {
    /// When, in seconds since 1970-01-01 00:00 UTC.
    pub at: i64,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// How many shares there are.
    pub shares: usize,
    /// The shares whose usage could not be read.
    pub unreadable: Vec<String>,
    /// Why not even the list of shares could be read, if so.
    pub trouble: Option<String>,
}

impl MonitorStatus {
    /// What the monitor of `host` last said; `None` where none has run since the machine started.
    ///
    /// # Errors
    /// Where the file cannot be read. One that is not in its form counts as none.
    pub fn load(host: &dyn Host) -> Result<Option<Self>, FileError> {
        let content = host.read(Path::new(FILE))?;
        Ok(content.and_then(|content| serde_json::from_slice(&content).ok()))
    }

    /// # Errors
    /// Where the file cannot be written.
    pub(super) fn save(&self, host: &dyn Host) -> Result<Change, FileError> {
        let file = Path::new(FILE);
        smbgw_core::host::create_dirs(host, file.parent().unwrap_or(file), 0o755)?;
        let text = serde_json::to_string_pretty(self).unwrap_or_default() + "\n";
        host.write(file, text.as_bytes(), 0o644)
    }
}
