//! A real libvirt: its daemon in a host of its own.
//!
//! ```no_run
//! use smbgw_testing::{Capability, Libvirt, require, run};
//!
//! require!(Capability::Libvirt);
//! let libvirt = Libvirt::start().unwrap();
//! libvirt.make_pool("pool").unwrap();
//! libvirt.make_network("net").unwrap();
//! run(libvirt.command("virsh").args(["-c", "qemu:///system", "list"])).unwrap();
//! ```
//!
//! The daemon, its machines and what it starts for its networks are processes of a
//! [`LightHost`] and end with it, whatever becomes of the test. It sees no file of a libvirt of the
//! machine, makes no control groups, and its networks are those of the host. Pools and other files
//! belong below [`Libvirt::FOLDER`], which is in memory and is gone with the host.

use std::ops::Deref;
use std::time::Duration;

use crate::{Daemon, Error, LightHost, Result, run, wait_until};

/// How long libvirtd may take to answer, on a busy machine: it asks every QEMU what it can do.
const PATIENCE: Duration = Duration::from_secs(120);

const SETTINGS: &str = "\
unix_sock_dir = \"/run/libvirt\"
auth_unix_ro = \"none\"
auth_unix_rw = \"none\"
log_outputs = \"3:file:/var/log/libvirt/libvirtd.log\"
";

/// QEMU runs as root and is held by nothing, as the host is what it is held in.
const QEMU_SETTINGS: &str = "\
user = \"root\"
group = \"root\"
security_driver = \"none\"
stdio_handler = \"file\"
cgroup_controllers = []
namespaces = []
";

/// A running libvirt daemon with its host. Dropping it ends both.
#[derive(Debug)]
pub struct Libvirt {
    // The daemon ends before its host.
    _daemon: Daemon,
    host: LightHost,
}

impl Libvirt {
    /// Where pools, disks and logs of a test belong.
    pub const FOLDER: &'static str = "/srv/vm";

    /// Starts a libvirt with no machine, pool or network, and waits until it answers.
    pub fn start() -> Result<Libvirt> {
        let host = LightHost::named("vmhost")?;
        // What a libvirt of the machine was told or remembers is not for this one.
        let mut prepare = host.command("bash");
        prepare.args(["-euc", include_str!("libvirt/prepare.sh")]);
        run(prepare.args(["prepare", Self::FOLDER]))?;
        host.write("/etc/libvirt/libvirtd.conf", SETTINGS)?;
        host.write("/etc/libvirt/qemu.conf", QEMU_SETTINGS)?;
        let mut daemon = Daemon::start(host.command("libvirtd"))?;
        let mut ended = None;
        let waited = wait_until(PATIENCE, "libvirtd to answer", || {
            ended = daemon.ended();
            let mut ask = host.command("virsh");
            ask.args(["--connect=qemu:///system", "--quiet", "list"]);
            (ended.is_some() || run(&mut ask).is_ok()).then_some(())
        });
        let log = || {
            host.read("/var/log/libvirt/libvirtd.log")
                .unwrap_or_default()
        };
        match (waited, ended) {
            (Ok(()), None) => Ok(Libvirt {
                _daemon: daemon,
                host,
            }),
            (Ok(()), Some(status)) => Err(Error::new(format!(
                "libvirtd ended at once ({status}): {}",
                log()
            ))),
            (Err(error), _) => Err(Error::new(format!("{error}: {}", log()))),
        }
    }

    /// Makes a pool of this name, a folder below [`Libvirt::FOLDER`], and starts it.
    pub fn make_pool(&self, name: &str) -> Result<()> {
        let folder = format!("{}/{name}", Self::FOLDER);
        let xml = format!(
            "<pool type='dir'><name>{name}</name><target><path>{folder}</path></target></pool>"
        );
        self.define("pool-define", &xml)?;
        self.virsh(&["pool-build", name])?;
        self.virsh(&["pool-start", name])
    }

    /// Makes a network of this name without addresses, with the bridge `NAME0`, and starts it.
    pub fn make_network(&self, name: &str) -> Result<()> {
        let xml =
            format!("<network><name>{name}</name><bridge name='{name}0' stp='off'/></network>");
        self.define("net-define", &xml)?;
        self.virsh(&["net-start", name])
    }

    /// What the daemon logged.
    pub fn log(&self) -> String {
        let log = self.read("/var/log/libvirt/libvirtd.log");
        log.unwrap_or_default()
    }

    fn define(&self, command: &str, xml: &str) -> Result<()> {
        let file = format!("{}/define.xml", Self::FOLDER);
        self.write(&file, xml)?;
        self.virsh(&[command, &file])
    }

    fn virsh(&self, words: &[&str]) -> Result<()> {
        let mut command = self.command("virsh");
        command.args(["--connect=qemu:///system", "--quiet"]);
        run(command.args(words)).map(drop)
    }
}

impl Deref for Libvirt {
    type Target = LightHost;

    fn deref(&self) -> &LightHost {
        &self.host
    }
}

/// Why libvirt cannot run here, found out by running it.
pub(crate) fn available() -> Result<()> {
    Libvirt::start().map(drop)
}
