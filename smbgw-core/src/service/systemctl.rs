//! smbd as a unit of a systemd whose bus this process cannot reach, told by `systemctl` there.

use std::path::Path;

use super::{ServiceError, ServiceState, SmbService, close_share};
use crate::change::Change;
use crate::deadline::Deadline;
use crate::host::{Command, CommandError, Host};

/// smbd as a unit of systemd, by the program systemctl(1) of its machine.
///
/// `systemctl` ends when systemd is done; a start ends with systemd's word for it.
#[derive(Debug)]
pub struct SystemctlService<'a> {
    host: &'a dyn Host,
    unit: String,
    description: String,
}

impl<'a> SystemctlService<'a> {
    /// The unit `smbd.service` of `host`.
    pub fn new(host: &'a dyn Host) -> Self {
        Self {
            host,
            unit: String::new(),
            description: String::new(),
        }
        .unit("smbd.service")
    }

    /// The unit `smbd.service` of `host`, if systemd runs there (sd_booted(3)) and nothing of it can be
    /// reached by this process itself.
    pub fn detect(host: &'a dyn Host) -> Option<Self> {
        let is_elsewhere = host.is_live() && host.local_path(Path::new("/")).is_none();
        let runs = || matches!(host.status(Path::new("/run/systemd/system")), Ok(Some(_)));
        (is_elsewhere && runs()).then(|| Self::new(host))
    }

    /// Another unit, such as `winbind.service`.
    #[must_use]
    pub fn unit(mut self, unit: impl Into<String>) -> Self {
        self.unit = unit.into();
        self.description = format!("the unit `{}`", self.unit);
        self
    }

    /// What systemd says of the unit.
    fn look(&self, deadline: Deadline) -> Result<Seen, ServiceError> {
        let command = Command::new("systemctl")
            .args(["show", "--property=LoadState,ActiveState", "--"])
            .arg(self.unit.as_str());
        let printed = self.host.run(&command, deadline)?.text();
        let value = |name: &str| {
            let mut lines = printed.lines();
            let found = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
            found.map(str::to_owned).ok_or_else(|| {
                CommandError::unexpected(&command, format!("there is no {name} in `{printed}`"))
            })
        };
        let seen = Seen {
            load_state: value("LoadState")?,
            active_state: value("ActiveState")?,
        };
        match seen.load_state.as_str() {
            "not-found" => Err(ServiceError::NoUnit {
                unit: self.unit.clone(),
            }),
            _ => Ok(seen),
        }
    }

    /// Has systemd do `job`, and waits until it is done.
    fn job(&self, job: &'static str, deadline: Deadline) -> Result<(), ServiceError> {
        let command = Command::new("systemctl")
            .args(["--no-ask-password", job, "--", &self.unit])
            .timeout(deadline.remaining());
        match self.host.run(&command, deadline) {
            Ok(_) => Ok(()),
            Err(CommandError::TimedOut { .. }) => Err(ServiceError::TimedOut {
                service: self.description.clone(),
                action: job,
            }),
            Err(CommandError::Failed { status, stderr, .. }) => Err(ServiceError::JobFailed {
                action: job,
                unit: self.unit.clone(),
                why: match stderr.is_empty() {
                    true => status,
                    false => stderr,
                },
            }),
            Err(error) => Err(error.into()),
        }
    }
}

impl SmbService for SystemctlService<'_> {
    fn state(&self, deadline: Deadline) -> Result<ServiceState, ServiceError> {
        Ok(self.look(deadline)?.state())
    }

    fn start(&self, deadline: Deadline) -> Result<Change, ServiceError> {
        let seen = self.look(deadline)?;
        if seen.state() == ServiceState::Running {
            return Ok(Change::Unchanged);
        }
        if seen.load_state == "masked" {
            return Err(ServiceError::Masked {
                unit: self.unit.clone(),
            });
        }
        self.job("start", deadline)?;
        Ok(Change::Updated)
    }

    fn stop(&self, deadline: Deadline) -> Result<Change, ServiceError> {
        let seen = self.look(deadline)?;
        if matches!(seen.active_state.as_str(), "inactive" | "failed") {
            return Ok(Change::Unchanged);
        }
        self.job("stop", deadline)?;
        Ok(Change::Updated)
    }

    fn reload(&self, deadline: Deadline) -> Result<(), ServiceError> {
        match self.state(deadline)? {
            ServiceState::Running => self.job("reload", deadline),
            ServiceState::Stopped => Err(ServiceError::NotRunning {
                service: self.description.clone(),
            }),
        }
    }

    fn close_share(&self, name: &str, deadline: Deadline) -> Result<(), ServiceError> {
        match self.state(deadline)? {
            ServiceState::Running => close_share(self.host, name, deadline),
            ServiceState::Stopped => Ok(()),
        }
    }

    fn describe(&self) -> &str {
        &self.description
    }
}

struct Seen {
    load_state: String,
    active_state: String,
}

impl Seen {
    fn state(&self) -> ServiceState {
        match self.active_state.as_str() {
            "active" | "reloading" | "refreshing" => ServiceState::Running,
            // One that is about to run or to stop is brought to the end of that by a job.
            _ => ServiceState::Stopped,
        }
    }
}
