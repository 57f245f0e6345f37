//! smbd inside a container or namespace, controlled by Samba's own programs there.
//!
//! Its process has a number that means nothing here. So it is never signalled: `smbcontrol` finds it
//! by its pid file and talks to it over its own sockets (smbcontrol(1)).

use std::time::Duration;

use super::direct::{LONGEST_START, PAUSE};
use super::{ServiceError, ServiceState, SmbService, close_share};
use crate::change::Change;
use crate::deadline::Deadline;
use crate::host::{Command, Host};

/// smbd on a host whose processes are not among those of this process.
#[derive(Debug)]
pub struct InsideService<'a> {
    host: &'a dyn Host,
}

impl<'a> InsideService<'a> {
    /// The smbd of `host`.
    pub fn new(host: &'a dyn Host) -> Self {
        Self { host }
    }

    fn tell(&self, message: &str, deadline: Deadline) -> Result<(), ServiceError> {
        let command = Command::new("smbcontrol").args(["smbd", message]);
        self.host.run(&command, deadline)?;
        Ok(())
    }

    fn wait_for(
        &self,
        wanted: ServiceState,
        action: &'static str,
        deadline: Deadline,
    ) -> Result<(), ServiceError> {
        let limit = deadline.at_most(LONGEST_START);
        while self.state(deadline)? != wanted {
            if limit.has_passed() {
                return Err(ServiceError::TimedOut {
                    service: self.describe().into(),
                    action,
                });
            }
            std::thread::sleep(PAUSE.min(limit.remaining()));
        }
        Ok(())
    }
}

impl SmbService for InsideService<'_> {
    fn state(&self, deadline: Deadline) -> Result<ServiceState, ServiceError> {
        // A pid file may be left of one that was killed: nobody answers then.
        let ping = Command::new("smbcontrol")
            .args(["--timeout=2", "smbd", "ping"])
            .accept(&[1])
            .timeout(LONGEST_PING);
        Ok(match self.host.run(&ping, deadline)?.status {
            0 => ServiceState::Running,
            _ => ServiceState::Stopped,
        })
    }

    fn start(&self, deadline: Deadline) -> Result<Change, ServiceError> {
        if self.state(deadline)? == ServiceState::Running {
            return Ok(Change::Unchanged);
        }
        self.host.run(&Command::new("smbd").arg("-D"), deadline)?;
        self.wait_for(ServiceState::Running, "start", deadline)?;
        Ok(Change::Updated)
    }

    fn stop(&self, deadline: Deadline) -> Result<Change, ServiceError> {
        if self.state(deadline)? == ServiceState::Stopped {
            return Ok(Change::Unchanged);
        }
        self.tell("shutdown", deadline)?;
        self.wait_for(ServiceState::Stopped, "stop", deadline)?;
        Ok(Change::Updated)
    }

    fn reload(&self, deadline: Deadline) -> Result<(), ServiceError> {
        if self.state(deadline)? == ServiceState::Stopped {
            return Err(ServiceError::NotRunning {
                service: self.describe().into(),
            });
        }
        self.tell("reload-config", deadline)
    }

    fn close_share(&self, name: &str, deadline: Deadline) -> Result<(), ServiceError> {
        match self.state(deadline)? {
            ServiceState::Running => close_share(self.host, name, deadline),
            ServiceState::Stopped => Ok(()),
        }
    }

    fn describe(&self) -> &str {
        "smbd"
    }
}

/// smbd answers at once.
const LONGEST_PING: Duration = Duration::from_secs(5);
