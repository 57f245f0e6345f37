//! The Samba file server of a host: whether it runs, and making it start, stop and reload.
//!
//! [`detect`] finds out who is in charge of it: systemd ([`SystemdService`], or [`SystemctlService`] on a
//! machine that is reached by a command alone) or nobody, and then
//! its process is watched and signalled itself ([`DirectService`]), or asked by Samba's own programs
//! where it runs inside something else ([`InsideService`]). A call leaves no thread,
//! connection or file descriptor behind, and works in a forked process.

mod direct;
mod inside;
mod systemctl;
#[cfg(feature = "systemd")]
mod systemd;

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::change::Change;
use crate::deadline::Deadline;
use crate::error::{Coded, ErrorKind};
use crate::host::{Command, CommandError, FileError, Host};

pub use direct::DirectService;
pub use inside::InsideService;
pub use systemctl::SystemctlService;
#[cfg(feature = "systemd")]
pub use systemd::SystemdService;

/// The Samba file server of one host.
pub trait SmbService: Sync {
    /// Whether it runs.
    ///
    /// # Errors
    /// Where that cannot be found out.
    fn state(&self, deadline: Deadline) -> Result<ServiceState, ServiceError>;

    /// Starts it and waits until it takes connections; [`Change::Updated`] if it did not run.
    ///
    /// # Errors
    /// Where it does not start, with what it said.
    fn start(&self, deadline: Deadline) -> Result<Change, ServiceError>;

    /// Stops it and waits for its end; [`Change::Updated`] if it ran.
    ///
    /// # Errors
    /// Where it does not stop.
    fn stop(&self, deadline: Deadline) -> Result<Change, ServiceError>;

    /// Makes it read its configuration again; clients stay connected. That happens in the moments
    /// after the call returned: [`ShareProbe`](crate::probe::ShareProbe) waits for it.
    ///
    /// # Errors
    /// [`ServiceError::NotRunning`] where it does not run, and where it cannot be told.
    fn reload(&self, deadline: Deadline) -> Result<(), ServiceError>;

    /// Disconnects all clients from the share `name`; a client that connects again gets what the
    /// configuration then says. Nothing is done if the server does not run.
    ///
    /// # Errors
    /// Where the server cannot be told.
    fn close_share(&self, name: &str, deadline: Deadline) -> Result<(), ServiceError>;

    /// What it is, for messages: ``the unit `smbd.service` ``.
    fn describe(&self) -> &str;
}

/// Whether a service runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ServiceState {
    /// It runs, and takes connections or is about to.
    Running,
    /// It does not run.
    Stopped,
}

/// The service of `host`: systemd's unit where systemd runs and can be talked to, else smbd itself, by
/// its process where that can be seen from here.
pub fn detect<'a>(host: &'a dyn Host) -> Box<dyn SmbService + 'a> {
    #[cfg(feature = "systemd")]
    if let Some(service) = SystemdService::detect(host) {
        return Box::new(service);
    }
    if let Some(service) = SystemctlService::detect(host) {
        return Box::new(service);
    }
    match host.is_live() && !shares_processes(host) {
        true => Box::new(InsideService::new(host)),
        false => Box::new(DirectService::new(host)),
    }
}

/// Another unit of the systemd of `host`, such as `winbind.service`; `None` where systemd does not
/// run or cannot be talked to.
pub fn systemd_unit<'a>(host: &'a dyn Host, unit: &str) -> Option<Box<dyn SmbService + 'a>> {
    #[cfg(feature = "systemd")]
    if let Some(service) = SystemdService::detect(host) {
        return Some(Box::new(service.unit(unit)));
    }
    SystemctlService::detect(host).map(|service| Box::new(service.unit(unit)) as Box<_>)
}

/// Why a service could not be looked at or changed.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The service does not run, and what was asked for needs it to.
    #[error("{service} does not run")]
    NotRunning {
        /// The service.
        service: String,
    },
    /// It was started and ended again, or never took connections.
    #[error("{service} did not start: {why}")]
    StartFailed {
        /// The service.
        service: String,
        /// What is known of the reason.
        why: String,
    },
    /// It did not reach the state that was asked for before the deadline.
    #[error("{service} was told to {action} and had not done so in time")]
    TimedOut {
        /// The service.
        service: String,
        /// `start`, `stop`, `reload`, or what else it was told.
        action: &'static str,
    },
    /// The host's processes are not among those of this process.
    #[error("the processes of {host} cannot be seen or signalled from here")]
    NotLocal {
        /// The host.
        host: String,
    },
    /// The unit is masked: the administrator forbade it to run.
    #[error("the unit `{unit}` is masked")]
    Masked {
        /// The unit.
        unit: String,
    },
    /// There is no such unit.
    #[error("there is no unit `{unit}`")]
    NoUnit {
        /// The unit.
        unit: String,
    },
    /// systemd tried and did not succeed.
    #[error("systemd could not {action} `{unit}`: {why}")]
    JobFailed {
        /// `start`, `stop` or `reload`.
        action: &'static str,
        /// The unit.
        unit: String,
        /// The result of the job, and of the unit.
        why: String,
    },
    /// systemd cannot be talked to.
    #[error("systemd cannot be talked to over `{address}`: {why}")]
    Bus {
        /// The D-Bus address.
        address: String,
        /// What went wrong.
        why: String,
    },
    /// A program failed.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// A file could not be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// A process could not be looked at or signalled.
    #[error("process {pid} cannot be {action}")]
    Process {
        /// The process.
        pid: u32,
        /// `watched` or `signalled`.
        action: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
}

impl Coded for ServiceError {
    fn code(&self) -> &'static str {
        match self {
            Self::NotRunning { .. } => "service.not-running",
            Self::StartFailed { .. } => "service.start-failed",
            Self::TimedOut { .. } => "service.timed-out",
            Self::NotLocal { .. } => "service.not-local",
            Self::Masked { .. } => "service.unit-masked",
            Self::NoUnit { .. } => "service.unit-missing",
            Self::JobFailed { .. } => "service.job-failed",
            Self::Bus { .. } => "service.bus-unreachable",
            Self::Process { .. } => "service.process",
            Self::Command(error) => error.code(),
            Self::File(error) => error.code(),
        }
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::NotLocal { .. } | Self::Masked { .. } | Self::NoUnit { .. } => {
                ErrorKind::Unsupported
            }
            Self::Command(error) => error.kind(),
            Self::File(error) => error.kind(),
            _ => ErrorKind::Failed,
        }
    }

    fn remedy(&self) -> Option<String> {
        Some(match self {
            Self::NotRunning { .. } => "start it with `systemctl start smbd` or `smbd -D`".into(),
            Self::StartFailed { .. } => {
                "see `testparm -s` and /var/log/samba/log.smbd for the reason".into()
            }
            Self::TimedOut { .. } => "look into /var/log/samba/log.smbd and try again".into(),
            Self::NotLocal { .. } => "run the program on that machine".into(),
            Self::Masked { unit } => format!("run `systemctl unmask {unit}`"),
            Self::NoUnit { unit } if unit == "smbd.service" => "run `apt-get install samba`".into(),
            Self::NoUnit { .. } => "see with `systemctl list-unit-files` what there is".into(),
            Self::JobFailed { unit, .. } => {
                let name = unit.strip_suffix(".service").unwrap_or(unit);
                format!("see the reason with `journalctl -u {name} -n 50`")
            }
            Self::Bus { .. } => "see with `systemctl status dbus` whether the bus runs".into(),
            Self::Command(error) => return error.remedy(),
            Self::File(error) => return error.remedy(),
            Self::Process { .. } => "run the program as root".into(),
        })
    }
}

/// Whether the process ids of `host` are those that this process sees: a number from another pid
/// namespace means another process here, or none.
fn shares_processes(host: &dyn Host) -> bool {
    const NAMESPACE: &str = "/proc/self/ns/pid";
    let its = host
        .local_path(Path::new(NAMESPACE))
        .and_then(|link| fs::read_link(link).ok());
    host.is_live() && its.is_some() && its == fs::read_link(NAMESPACE).ok()
}

/// Tells the running smbd to disconnect all clients from the share `name`.
fn close_share(host: &dyn Host, name: &str, deadline: Deadline) -> Result<(), ServiceError> {
    let command = Command::new("smbcontrol").args(["smbd", "close-share", name]);
    host.run(&command, deadline)?;
    Ok(())
}
