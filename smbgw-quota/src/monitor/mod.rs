//! Shares watched: their usage remembered and forecast, and people told in time.
//!
//! [`Monitor`] looks at all shares of a host in one pass, remembers what it sees, and judges it.
//! [`run`] does that again and again, and at once where the kernel announces that a limit was
//! reached; [`watch_once`] does it one time. [`on_duty`] puts a monitor together from the settings of
//! a host, and [`Past`] says what is remembered of a share.
//!
//! ```no_run
//! use std::time::Duration;
//! use smbgw_core::deadline::Deadline;
//! use smbgw_core::host::LocalHost;
//! use smbgw_quota::QuotaStorage;
//! use smbgw_quota::monitor::{Monitor, Settings};
//!
//! let host = LocalHost::new();
//! let storage = QuotaStorage::new(&host).without_sync();
//! let mut monitor = Monitor::new(&host, &storage, Settings::default());
//! let look = monitor.look(Deadline::after(Duration::from_secs(60)));
//! for told in monitor.judge(&look, Deadline::after(Duration::from_secs(10))) {
//!     println!("{:?} {}", told.share, told.facts.summary);
//! }
//! ```

mod duty;
mod forecasts;
mod group;
mod look;
mod memory;
mod observe;
mod past;
mod report;
mod run;
mod settings;
mod status;
mod traces;

pub use duty::{DutyError, is_running, messages, on_duty, watch_once};
pub use forecasts::trend_points;
pub use look::{Look, Monitor};
pub use observe::enforced_bytes;
pub use past::Past;
pub use report::{MonitorReport, WatchReport};
pub use run::{MonitorError, host_name, look_once, run};
pub use settings::{Pace, Settings, SettingsError};
pub use status::{LastLook, MonitorStatus, Watching};
pub use traces::{AlertTraces, HistoryTraces};
