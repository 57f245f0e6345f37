//! The services of a node: ctdbd, smbd and winbindd, under systemd or by themselves.
//!
//! systemd is told by its own program, which works by whatever way the node is reached.

use std::path::Path;
use std::time::{Duration, Instant};

use smbgw_core::deadline::Deadline;
use smbgw_core::host::{Command, CommandError, FileError, Host};
use smbgw_core::service::{ServiceState, detect};

use crate::cluster_error::ClusterError;
use crate::ctl::{Ctl, CtlError};

/// One of the services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Ctdb,
    Smbd,
    Winbind,
}

impl Unit {
    /// The name of the unit.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ctdb => "ctdb.service",
            Self::Smbd => "smbd.service",
            Self::Winbind => "winbind.service",
        }
    }

    fn daemon(self) -> &'static str {
        match self {
            Self::Ctdb => "ctdbd",
            Self::Smbd => "smbd",
            Self::Winbind => "winbindd",
        }
    }
}

/// The services of one node.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Services<'a> {
    host: &'a dyn Host,
    deadline: Deadline,
}

impl<'a> Services<'a> {
    pub(crate) fn new(host: &'a dyn Host, deadline: Deadline) -> Self {
        Self { host, deadline }
    }

    /// Whether a service runs.
    pub(crate) fn runs(&self, unit: Unit) -> Result<bool, ClusterError> {
        if unit == Unit::Ctdb {
            return match Ctl::new(self.host, self.deadline).run_state(None) {
                Ok(_) => Ok(true),
                Err(CtlError::NotRunning { .. }) => Ok(false),
                Err(error) => Err(error.into()),
            };
        }
        if self.has_systemd()? {
            let ask = systemctl(&["is-active", "--quiet", unit.name()]).accept(&[3, 4]);
            return Ok(self.host.run(&ask, self.deadline)?.status == 0);
        }
        if unit == Unit::Smbd {
            let state = detect(self.host).state(self.deadline)?;
            return Ok(state == ServiceState::Running);
        }
        let ask = Command::new("wbinfo").arg("--ping").accept(&[1, 255]);
        match self.host.run(&ask, self.deadline) {
            Ok(output) => Ok(output.status == 0),
            Err(CommandError::NotInstalled { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Starts a service, and waits until it answers.
    pub(crate) fn start(&self, unit: Unit) -> Result<(), ClusterError> {
        if self.runs(unit)? {
            return Ok(());
        }
        let start = match unit {
            _ if self.has_systemd()? => systemctl(&["start", unit.name()]),
            Unit::Ctdb => Command::new("ctdbd"),
            Unit::Smbd => {
                detect(self.host).start(self.deadline)?;
                return Ok(());
            }
            Unit::Winbind => Command::new("winbindd").arg("--daemon"),
        };
        self.host.run(&start, self.deadline)?;
        match unit {
            // Whether it stays is seen with all nodes together.
            Unit::Ctdb => Ok(()),
            _ => self.wait(unit, true),
        }
    }

    /// Stops a service, and waits for its end.
    pub(crate) fn stop(&self, unit: Unit) -> Result<(), ClusterError> {
        if !self.runs(unit)? {
            return Ok(());
        }
        let stop = match unit {
            _ if self.has_systemd()? => systemctl(&["stop", unit.name()]),
            Unit::Ctdb => shutdown(),
            Unit::Smbd => {
                detect(self.host).stop(self.deadline)?;
                return Ok(());
            }
            Unit::Winbind => Command::new("smbcontrol").args(["winbindd", "shutdown"]),
        };
        let told = self.host.run(&stop, self.deadline);
        // One that ends by itself right now cannot be told.
        self.wait(unit, false)
            .map_err(|error| told.err().map_or(error, Into::into))
    }

    /// Whether a service starts with the machine; `None` where nobody says.
    pub(crate) fn is_enabled(&self, unit: Unit) -> Result<Option<bool>, ClusterError> {
        if !self.has_systemd()? {
            return Ok(None);
        }
        let ask = systemctl(&["is-enabled", unit.name()]).accept(&[1, 4]);
        let said = self.host.run(&ask, self.deadline)?.text();
        Ok(match said.trim() {
            "enabled" | "enabled-runtime" => Some(true),
            "disabled" => Some(false),
            // Masked, static or not there: that is not to be changed.
            _ => None,
        })
    }

    /// Has a service start with the machine, or not.
    pub(crate) fn set_enabled(&self, unit: Unit, wanted: bool) -> Result<(), ClusterError> {
        if self.is_enabled(unit)?.is_some_and(|is| is != wanted) {
            let word = if wanted { "enable" } else { "disable" };
            self.host
                .run(&systemctl(&[word, "--quiet", unit.name()]), self.deadline)?;
        }
        Ok(())
    }

    fn has_systemd(&self) -> Result<bool, ClusterError> {
        Ok(has_systemd(self.host)?)
    }

    /// Waits until a service runs, or has ended.
    pub(crate) fn wait(&self, unit: Unit, wanted: bool) -> Result<(), ClusterError> {
        let limit = self.deadline.at_most(LONGEST_WAIT);
        let is_ending = unit == Unit::Ctdb && !wanted;
        let mut told = Instant::now();
        // One that is about to end hangs up on whoever asks, and takes its socket away before it is over.
        while !self.runs(unit).is_ok_and(|runs| runs == wanted) || (is_ending && self.is_there()?) {
            // One that was just started may not have heard of it.
            if is_ending && told.elapsed() > PATIENCE {
                let _ = self.host.run(&shutdown(), self.deadline);
                told = Instant::now();
            }
            if limit.has_passed() {
                return Err(ClusterError::Service {
                    service: unit.daemon(),
                    node: self.host.name().to_owned(),
                    what: match wanted {
                        true => "does not start",
                        false => "does not end",
                    },
                });
            }
            std::thread::sleep(PAUSE.min(limit.remaining()));
        }
        Ok(())
    }

    /// Whether the process is there that ctdbd was the last time it was started.
    fn is_there(&self) -> Result<bool, ClusterError> {
        let Some(text) = self.host.read(Path::new(PID_FILE))? else {
            return Ok(false);
        };
        let text = String::from_utf8_lossy(&text);
        let Ok(pid) = text.trim().parse::<u32>() else {
            return Ok(false);
        };
        let process = format!("/proc/{pid}");
        Ok(self.host.status(Path::new(&process))?.is_some())
    }
}

/// Whether systemd is in charge of a machine (sd_booted(3)).
pub(crate) fn has_systemd(host: &dyn Host) -> Result<bool, FileError> {
    let folder = host.status(Path::new("/run/systemd/system"))?;
    Ok(host.is_live() && folder.is_some())
}

fn shutdown() -> Command {
    Command::new("ctdb").arg("shutdown")
}

fn systemctl(arguments: &[&str]) -> Command {
    Command::new("systemctl")
        .args(arguments.iter().copied())
        .timeout(Duration::from_secs(180))
}

/// Where ctdbd says that it is there (ctdbd(1)).
const PID_FILE: &str = "/run/ctdb/ctdbd.pid";

/// ctdbd ends when its scripts have, which may take their whole time.
const LONGEST_WAIT: Duration = Duration::from_secs(90);

/// How long ctdbd has before it is told again.
const PATIENCE: Duration = Duration::from_secs(10);

const PAUSE: Duration = Duration::from_millis(100);
