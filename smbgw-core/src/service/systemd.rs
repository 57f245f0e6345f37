//! smbd as a unit of systemd, over D-Bus (org.freedesktop.systemd1(5)).
//!
//! Each call opens its own connection, runs it on this thread, and closes it before it returns, so
//! that nothing of it is left in this process or in one forked from it.

use std::path::Path;
use std::time::Duration;

use zbus::OwnedObjectPath;
use zbus::export::ordered_stream::OrderedStreamExt;
use zbus_systemd::systemd1::{ManagerProxy, ServiceProxy, UnitProxy};

use super::direct::{Found, LONGEST_START, PAUSE, Smbd};
use super::{ServiceError, ServiceState, SmbService, close_share, shares_processes};
use crate::change::Change;
use crate::deadline::Deadline;
use crate::host::Host;

/// The unit of Debian's Samba.
const UNIT: &str = "smbd.service";

/// The well-known socket of the system bus.
const BUS_SOCKET: &str = "/run/dbus/system_bus_socket";

/// How long the end of a connection may take: it waits for nobody else.
const LONGEST_PARTING: Duration = Duration::from_secs(1);

/// smbd as a unit of systemd.
///
/// Its methods must not be called from inside an asynchronous task: they block the thread.
#[derive(Debug)]
pub struct SystemdService<'a> {
    host: &'a dyn Host,
    unit: String,
    bus: String,
    /// Whether the process ids of that systemd are those that this process sees.
    is_here: bool,
    description: String,
}

impl<'a> SystemdService<'a> {
    /// The unit `smbd.service` of the machine this process runs on.
    pub fn new(host: &'a dyn Host) -> Self {
        Self {
            host,
            unit: String::new(),
            bus: format!("unix:path={BUS_SOCKET}"),
            is_here: true,
            description: String::new(),
        }
        .unit(UNIT)
    }

    /// The unit `smbd.service` of `host`, if systemd runs there (sd_booted(3)) and its bus can be
    /// reached by this process.
    pub fn detect(host: &'a dyn Host) -> Option<Self> {
        let exists = |path: &str| matches!(host.status(Path::new(path)), Ok(Some(_)));
        if !host.is_live() || !exists("/run/systemd/system") || !exists(BUS_SOCKET) {
            return None;
        }
        let socket = host.local_path(Path::new(BUS_SOCKET))?;
        let socket = socket.to_str()?;
        let mut service = Self::new(host).bus(format!("unix:path={}", escape(socket)));
        service.is_here = shares_processes(host);
        Some(service)
    }

    /// Another unit, such as `samba-ad-dc.service`.
    #[must_use]
    pub fn unit(mut self, unit: impl Into<String>) -> Self {
        self.unit = unit.into();
        self.description = format!("the unit `{}`", self.unit);
        self
    }

    /// Another D-Bus address at which systemd is found, such as
    /// `unix:path=/run/dbus/system_bus_socket`. It may be that of another machine, so that a start
    /// ends with systemd's word for it and is not looked at closer.
    #[must_use]
    pub fn bus(mut self, address: impl Into<String>) -> Self {
        self.bus = address.into();
        self.is_here = false;
        self
    }

    /// Connects, does `work` and disconnects, all before the deadline.
    fn connected<T>(
        &self,
        action: &'static str,
        deadline: Deadline,
        work: impl AsyncFnOnce(&Systemd<'_>) -> Result<T, ServiceError>,
    ) -> Result<T, ServiceError> {
        // zbus::block_on is this very function in a build where nobody asked zbus for tokio; here
        // the timer has to be of the runtime that the connection is on.
        zruntime::block_on(async {
            let runtime =
                zruntime::SharedRuntime::current().map_err(|error| self.bus_error(&error))?;
            let late = |_| ServiceError::TimedOut {
                service: self.description.clone(),
                action,
            };
            let connecting = zbus::connection::Builder::address(self.bus.as_str()).build();
            let connection = runtime
                .timeout(deadline.remaining(), connecting)
                .await
                .map_err(late)?
                .map_err(|error| self.bus_error(&error))?;
            let working = async {
                let manager = ManagerProxy::new(&connection)
                    .await
                    .map_err(|error| self.bus_error(&error))?;
                work(&Systemd {
                    service: self,
                    runtime: runtime.clone(),
                    connection: &connection,
                    manager,
                })
                .await
            };
            let done = runtime.timeout(deadline.remaining(), working).await;
            // What was dropped has left tasks behind, which would run on in a thread of their own.
            // A closed connection ends them; its last reference goes with the last of them.
            let parting = async {
                let _ = connection.clone().close().await;
                connection.graceful_shutdown().await;
            };
            let _ = runtime.timeout(LONGEST_PARTING, parting).await;
            done.map_err(late)?
        })
    }

    fn bus_error(&self, error: &dyn std::error::Error) -> ServiceError {
        ServiceError::Bus {
            address: self.bus.clone(),
            why: error.to_string(),
        }
    }
}

impl SmbService for SystemdService<'_> {
    fn state(&self, deadline: Deadline) -> Result<ServiceState, ServiceError> {
        self.connected("tell its state", deadline, async |systemd| {
            systemd.unit().await?.state().await
        })
    }

    fn start(&self, deadline: Deadline) -> Result<Change, ServiceError> {
        self.connected("start", deadline, async |systemd| {
            let unit = systemd.unit().await?;
            if unit.state().await? == ServiceState::Running {
                return Ok(Change::Unchanged);
            }
            if unit.load_state == "masked" {
                return Err(ServiceError::Masked {
                    unit: self.unit.clone(),
                });
            }
            systemd.run_job(&unit, Job::Start).await?;
            systemd.wait_until_ready(&unit, Job::Start).await?;
            Ok(Change::Updated)
        })
    }

    fn stop(&self, deadline: Deadline) -> Result<Change, ServiceError> {
        self.connected("stop", deadline, async |systemd| {
            let unit = systemd.unit().await?;
            if matches!(unit.active_state().await?.as_str(), "inactive" | "failed") {
                return Ok(Change::Unchanged);
            }
            systemd.run_job(&unit, Job::Stop).await?;
            Ok(Change::Updated)
        })
    }

    fn reload(&self, deadline: Deadline) -> Result<(), ServiceError> {
        self.connected("reload", deadline, async |systemd| {
            let unit = systemd.unit().await?;
            if unit.state().await? == ServiceState::Stopped {
                return Err(ServiceError::NotRunning {
                    service: self.description.clone(),
                });
            }
            // Whoever started it may have done so a moment ago.
            systemd.wait_until_ready(&unit, Job::Reload).await?;
            systemd.run_job(&unit, Job::Reload).await
        })
    }

    fn close_share(&self, name: &str, deadline: Deadline) -> Result<(), ServiceError> {
        if self.state(deadline)? == ServiceState::Stopped {
            return Ok(());
        }
        close_share(self.host, name, deadline)
    }

    fn describe(&self) -> &str {
        &self.description
    }
}

/// What systemd can be told to do with a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Job {
    Start,
    Stop,
    Reload,
}

impl Job {
    fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Reload => "reload",
        }
    }
}

/// systemd, connected to.
struct Systemd<'c> {
    service: &'c SystemdService<'c>,
    runtime: zruntime::SharedRuntime,
    connection: &'c zbus::Connection,
    manager: ManagerProxy<'c>,
}

impl Systemd<'_> {
    /// The unit, loaded if it was not.
    async fn unit(&self) -> Result<Unit<'_>, ServiceError> {
        let fail = |error: zbus::Error| self.service.bus_error(&error);
        let path = self
            .manager
            .load_unit(self.service.unit.clone())
            .await
            .map_err(fail)?;
        let proxy = UnitProxy::builder(self.connection)
            .path(path.clone())
            // Each property is asked for once or has to be fresh.
            .cache_properties(zbus::proxy::CacheProperties::No)
            .build()
            .await
            .map_err(fail)?;
        let load_state = proxy.load_state().await.map_err(fail)?;
        if load_state == "not-found" {
            return Err(ServiceError::NoUnit {
                unit: self.service.unit.clone(),
            });
        }
        Ok(Unit {
            service: self.service,
            path,
            proxy,
            load_state,
        })
    }

    /// Has systemd do `job` with `unit` and waits until it is done.
    async fn run_job(&self, unit: &Unit<'_>, job: Job) -> Result<(), ServiceError> {
        let fail = |error: zbus::Error| self.service.bus_error(&error);
        // Before the job is started, or its end could be missed.
        self.manager.subscribe().await.map_err(fail)?;
        let mut ends = self.manager.receive_job_removed().await.map_err(fail)?;
        let name = self.service.unit.clone();
        let mode = "replace".to_string();
        let started = match job {
            Job::Start => self.manager.start_unit(name, mode).await,
            Job::Stop => self.manager.stop_unit(name, mode).await,
            Job::Reload => self.manager.reload_unit(name, mode).await,
        };
        let path = match started {
            Ok(path) => path,
            Err(error) => return Err(self.refused(job, error)),
        };
        while let Some(end) = ends.next().await {
            let end = end.args().map_err(fail)?;
            if end.job == path {
                return match end.result.as_str() {
                    "done" => Ok(()),
                    result => Err(ServiceError::JobFailed {
                        action: job.name(),
                        unit: self.service.unit.clone(),
                        why: format!(
                            "the job's result is `{result}`, {}",
                            self.status(unit).await
                        ),
                    }),
                };
            }
        }
        Err(self.service.bus_error(&zbus::Error::Failure(
            "the connection was closed while systemd was at work".into(),
        )))
    }

    /// Waits until an smbd that was started takes connections and can be told to reload.
    ///
    /// The end of the start job does not mean that: smbd tells systemd that it is ready before it
    /// opens its sockets, and may end there.
    async fn wait_until_ready(&self, unit: &Unit<'_>, job: Job) -> Result<(), ServiceError> {
        let fail = |error: zbus::Error| self.service.bus_error(&error);
        if !self.service.is_here {
            return Ok(());
        }
        let limit = Deadline::after(LONGEST_START);
        let service = self.properties(unit).await.map_err(fail)?;
        loop {
            let pid = service.main_pid().await.map_err(fail)?;
            match unit.active_state().await?.as_str() {
                "inactive" | "failed" => {
                    return Err(ServiceError::JobFailed {
                        action: job.name(),
                        unit: self.service.unit.clone(),
                        why: format!(
                            "it ended right after its start, {}",
                            self.status(unit).await
                        ),
                    });
                }
                // Before it has ended, systemd does not know how.
                "deactivating" => {}
                _ => match Smbd::find(pid)? {
                    Found::Smbd(smbd) if !smbd.is_ready() => {}
                    // systemd learns of that next.
                    Found::Gone => {}
                    Found::Smbd(_) | Found::Other => return Ok(()),
                },
            }
            if limit.has_passed() {
                return Err(ServiceError::StartFailed {
                    service: self.service.description.clone(),
                    why: "it does not take connections".into(),
                });
            }
            self.runtime.sleep(PAUSE).await;
        }
    }

    /// The error of a job that systemd did not begin.
    fn refused(&self, job: Job, error: zbus::Error) -> ServiceError {
        let unit = self.service.unit.clone();
        let zbus::Error::MethodError(name, message, _) = &error else {
            return self.service.bus_error(&error);
        };
        match name.as_str() {
            "org.freedesktop.systemd1.UnitMasked" => ServiceError::Masked { unit },
            "org.freedesktop.systemd1.NoSuchUnit" => ServiceError::NoUnit { unit },
            name => ServiceError::JobFailed {
                action: job.name(),
                unit,
                why: message.clone().unwrap_or_else(|| name.into()),
            },
        }
    }

    /// What `systemctl status` would say of the unit; what cannot be found out is left out.
    async fn status(&self, unit: &Unit<'_>) -> String {
        let mut status = match unit.active_state().await {
            Ok(state) => format!("the unit is {state}"),
            Err(_) => "the unit's state is unknown".into(),
        };
        let Ok(service) = self.properties(unit).await else {
            return status;
        };
        if let Ok(result) = service.result().await
            && result != "success"
        {
            status.push_str(&format!(" (`{result}`)"));
        }
        if let (Ok(code), Ok(number)) = (
            service.exec_main_code().await,
            service.exec_main_status().await,
        ) {
            // The codes are those of waitid(2).
            match code {
                1 => status.push_str(&format!(", its process exited with status {number}")),
                2 | 3 => status.push_str(&format!(", its process was ended by signal {number}")),
                _ => {}
            }
        }
        status
    }

    /// What is known of the unit as a service.
    async fn properties(&self, unit: &Unit<'_>) -> zbus::Result<ServiceProxy<'_>> {
        ServiceProxy::builder(self.connection)
            .path(unit.path.clone())
            .cache_properties(zbus::proxy::CacheProperties::No)
            .build()
            .await
    }
}

/// A unit that systemd has loaded.
struct Unit<'c> {
    service: &'c SystemdService<'c>,
    path: OwnedObjectPath,
    proxy: UnitProxy<'c>,
    load_state: String,
}

impl Unit<'_> {
    async fn active_state(&self) -> Result<String, ServiceError> {
        let asked = self.proxy.active_state().await;
        asked.map_err(|error| self.service.bus_error(&error))
    }

    async fn state(&self) -> Result<ServiceState, ServiceError> {
        Ok(match self.active_state().await?.as_str() {
            "active" | "reloading" | "refreshing" => ServiceState::Running,
            // One that is about to run or to stop is brought to the end of that by a job.
            _ => ServiceState::Stopped,
        })
    }
}

/// `path` as a value in a D-Bus address (D-Bus specification, "Server Addresses").
fn escape(path: &str) -> String {
    let mut escaped = String::new();
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_/.\\*".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02x}"));
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_becomes_part_of_an_address() {
        assert_eq!(escape("/proc/7/root/run/x"), "/proc/7/root/run/x");
        assert_eq!(escape("/a b,c=é"), "/a%20b%2cc%3d%c3%a9");
    }
}
