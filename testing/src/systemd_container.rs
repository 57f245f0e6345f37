//! A Debian with a real systemd and D-Bus, in two seconds.
//!
//! The root filesystem is built once into the cache folder (`make container`); each
//! [`SystemdContainer`] runs on it with a layer of memory on top, in a light host of its own, whose
//! loopback is all the network it has. Samba is in it and its `smbd.service` is running.
//!
//! ```no_run
//! use smbgw_testing::{Capability, SystemdContainer, require, run};
//!
//! require!(Capability::SystemdContainer);
//! let machine = SystemdContainer::start().unwrap();
//! run(machine.command("systemctl").args(["restart", "smbd.service"])).unwrap();
//! println!("the bus, from out here: {}", machine.bus_address());
//! ```

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use std::{env, fs};

use crate::inside::Inside;
use crate::process::descendants;
use crate::{Daemon, Error, LightHost, Result, keep, prefix, run, shout, wait_until};

/// How long systemd may take to come up, on a busy machine.
const START: Duration = Duration::from_secs(120);

/// What the names of control groups end in.
const WORD: &str = "container";

/// A running container. Dropping it ends it. What can be done in it is in [`Inside`].
#[derive(Debug)]
pub struct SystemdContainer {
    inside: Inside,
    /// `systemd-nspawn`, ended before the host it runs in. `None` only while being dropped.
    nspawn: Option<Daemon>,
    /// Holds the container: when the test dies, so does this, and all in it.
    host: Option<LightHost>,
    group: String,
}

impl SystemdContainer {
    /// Starts a container and waits until systemd has brought everything up.
    ///
    /// The folder with the programs under test (cargo's `target/debug`) is visible in it by the same
    /// path, for reading.
    pub fn start() -> Result<SystemdContainer> {
        let programs = env::current_exe()
            .map_err(Error::doing("finding the program that runs"))?
            .ancestors()
            .nth(2)
            .map(Path::to_owned);
        SystemdContainer::with(&programs.into_iter().collect::<Vec<_>>())
    }

    /// Starts a container in which exactly the given folders of this machine are visible, by the same
    /// paths, for reading. More can be [bound](Inside::bind) later.
    pub fn with(visible: &[PathBuf]) -> Result<SystemdContainer> {
        SystemdContainer::on(LightHost::named("gw")?, visible)
    }

    /// The same in `host`, whose network is then the container's, and whose name servers it asks.
    pub fn on(host: LightHost, visible: &[PathBuf]) -> Result<SystemdContainer> {
        sweep();
        let root = root()?;
        let group = prefix::unique(WORD);
        let servers = host.read("/etc/resolv.conf")?;
        let mut command = host.command("bash");
        command
            .env("SYSTEMD_NSPAWN_LOCK", "0")
            .args(["-c", include_str!("systemd_container/start.sh"), "start"])
            .arg(&group)
            .args(["systemd-nspawn", "--quiet", "--boot", "--volatile=overlay"])
            .args(["--register=no", "--keep-unit", "--console=pipe"])
            .args(["--hostname=gw", "--machine", &group])
            .args(["--capability=CAP_NET_ADMIN,CAP_NET_RAW,CAP_SYS_NICE"])
            .arg("--directory")
            .arg(&root);
        for folder in visible {
            let mut bind = std::ffi::OsString::from("--bind-ro=");
            bind.push(folder);
            command.arg(bind);
        }
        let log = host.path("/run/nspawn.log");
        let output = fs::File::create(&log)
            .and_then(|file| Ok((file.try_clone()?, file)))
            .map_err(Error::doing(format!("making {}", log.display())))?;
        command
            .stdin(Stdio::null())
            .stdout(output.0)
            .stderr(output.1);
        let nspawn = Daemon::spawn(&mut command)?;
        let mut container = SystemdContainer {
            inside: Inside {
                name: group.clone(),
                init: 0,
            },
            nspawn: Some(nspawn),
            host: Some(host),
            group,
        };
        container.wait_for_systemd().map_err(|error| {
            let said = fs::read_to_string(&log).unwrap_or_default();
            Error::new(format!("the container did not start: {error}: {said}"))
        })?;
        container.write("/etc/resolv.conf", servers)?;
        Ok(container)
    }

    fn wait_for_systemd(&mut self) -> Result<()> {
        let nspawn = self.nspawn.as_mut().expect("it runs until the drop");
        let pid = nspawn.pid();
        let mut ended = None;
        self.inside.init = wait_until(START, "process 1 of the container", || {
            ended = nspawn.ended();
            let systemd = descendants(pid).into_iter().find(|seen| {
                fs::read_to_string(format!("/proc/{}/comm", seen.pid))
                    .is_ok_and(|name| name.trim() == "systemd")
            });
            (ended.is_some() || systemd.is_some()).then(|| systemd.map_or(0, |seen| seen.pid))
        })?;
        if let Some(status) = ended {
            return Err(Error::new(format!("systemd-nspawn ended: {status}")));
        }
        wait_until(START, "systemd to be running", || {
            self.state()
                .is_some_and(|state| state == "running" || state == "degraded")
                .then_some(())
        })
    }

    /// What systemd says of itself (`running`, `degraded`, ...), if it answers.
    pub fn state(&self) -> Option<String> {
        // The exit code says the same again.
        let output = self
            .command("systemctl")
            .arg("is-system-running")
            .stdin(Stdio::null())
            .output()
            .ok()?;
        let state = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        (!state.is_empty()).then_some(state)
    }

    /// The system bus's socket, as reached from out here.
    pub fn bus_socket(&self) -> PathBuf {
        self.path("/run/dbus/system_bus_socket")
    }

    /// The system bus's address, as reached from out here.
    pub fn bus_address(&self) -> String {
        format!("unix:path={}", self.bus_socket().display())
    }

    /// Ends the container now. Like a drop, it pulls the plug; nothing in it is worth a shutdown.
    pub fn stop(self) {}
}

impl Deref for SystemdContainer {
    type Target = Inside;

    fn deref(&self) -> &Inside {
        &self.inside
    }
}

impl Drop for SystemdContainer {
    fn drop(&mut self) {
        if keep() {
            shout(&format!(
                "KEPT container {}: nsenter -m -n -u -i -p -t {}",
                self.group, self.inside.init
            ));
            return;
        }
        // Everything runs in the host's process namespace, so the kernel ends all at once.
        let nspawn = self.nspawn.take();
        drop(self.host.take());
        drop(nspawn);
        if let Err(error) = remove_groups(&self.group) {
            shout(&format!("smbgw-testing: {error}"));
        }
    }
}

/// The root filesystem containers run on.
pub(crate) fn root() -> Result<PathBuf> {
    // The one this crate was built with; tests run where they were built.
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("container/build");
    let root = run(Command::new(script).arg("--check"))?;
    Ok(PathBuf::from(root.trim_end()))
}

/// The folders in which control groups are made.
fn group_roots() -> Vec<PathBuf> {
    let root = Path::new("/sys/fs/cgroup");
    let below = fs::read_dir(root).into_iter().flatten();
    let below = below.filter_map(|entry| Some(entry.ok()?.path()));
    std::iter::once(root.to_owned())
        .chain(below.filter(|path| path.is_dir()))
        .collect()
}

/// Removes the control groups of one container, as soon as their last processes are gone.
fn remove_groups(name: &str) -> Result<()> {
    for folder in group_roots().iter().map(|root| root.join(name)) {
        wait_until(
            Duration::from_secs(20),
            "control groups to be empty",
            || (!folder.exists() || remove_tree(&folder)).then_some(()),
        )?;
    }
    Ok(())
}

/// Removes a control group and those below it; its files go by themselves.
fn remove_tree(folder: &Path) -> bool {
    let below = fs::read_dir(folder).into_iter().flatten();
    let below = below.filter_map(|entry| Some(entry.ok()?.path()));
    for group in below.filter(|path| path.is_dir()) {
        remove_tree(&group);
    }
    fs::remove_dir(folder).is_ok()
}

/// Removes the control groups of containers whose tests were killed.
fn sweep() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    if keep() {
        return;
    }
    ONCE.call_once(|| {
        for root in group_roots() {
            for folder in prefix::orphans(&root, WORD) {
                // Groups in use, of a container that was kept, stay.
                remove_tree(&folder);
            }
        }
    });
}
