//! A "host" of its own for a test, in a tenth of a second.
//!
//! A [`LightHost`] is a set of namespaces (mount, network, uts, ipc, process) over this machine's own
//! root filesystem, with
//!
//! * `/etc` and `/var/lib` private: as on the machine, but changes stay in the host;
//! * `/etc/samba` (an empty `smb.conf`), `/var/lib/samba`, `/var/cache/samba`, `/var/log/samba`,
//!   `/var/lib/smbgw`, `/srv` and `/run` private and fresh;
//! * a network of its own with nothing but loopback, or on a [`Network`], and its own
//!   host name;
//! * everything else, `/tmp` and programs included, shared with the machine.
//!
//! The private folders are in memory. When the value is dropped, or the test process dies in any
//! way, the kernel ends every process of the host, and the mounts go with them. Nothing is left on
//! the disk.

use std::io::Read;
use std::net::IpAddr;
use std::ops::Deref;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::inside::Inside;
use crate::network::{Addresses, Cable};
use crate::process::descendants;
use crate::{Daemon, Error, Network, Result, keep, prefix, run, shout, sys, wait_until};

/// How long smbd may take from start to answering, on a busy machine.
const SMBD_START: Duration = Duration::from_secs(60);

/// How long winbindd may take to reach its domain, on a busy machine.
const WINBINDD_START: Duration = Duration::from_secs(60);

/// A running light host. Dropping it ends it. What can be done in it is in [`Inside`].
#[derive(Debug)]
pub struct LightHost {
    inside: Inside,
    /// The outer half, `unshare`, which ends when process 1 of the host has ended.
    outer: Child,
    /// What it is connected by, and its addresses, where it is on a network.
    connection: Option<(Cable, Addresses)>,
}

impl LightHost {
    /// Starts a host called `gw`.
    pub fn start() -> Result<LightHost> {
        LightHost::named("gw")
    }

    /// Starts a host with the given host name.
    pub fn named(name: &str) -> Result<LightHost> {
        LightHost::start_with(name, &["--net"])
    }

    /// Starts a host that has the machine's own network, for what the kernel says in the first
    /// network namespace only (quota warnings). Nothing that listens may run in it.
    pub fn on_the_machines_network(name: &str) -> Result<LightHost> {
        LightHost::start_with(name, &[])
    }

    /// Starts a host that is on `network` with these addresses.
    ///
    /// It knows no name server; see [`LightHost::resolve_by`].
    pub fn on(network: &Network, name: &str, addresses: Addresses) -> Result<LightHost> {
        let mut host = LightHost::named(name)?;
        let cable = network.connect(host.pid(), addresses)?;
        host.connection = Some((cable, addresses));
        Ok(host)
    }

    /// Its addresses on its network; none where it is on none.
    pub fn addresses(&self) -> Vec<IpAddr> {
        let connection = self.connection.as_ref();
        connection.map_or_else(Vec::new, |(_, addresses)| addresses.all())
    }

    /// Disconnects it from its network, at the switch: it hears and says nothing from now on, and
    /// neither side is told.
    pub fn pull_cable(&self) -> Result<()> {
        self.cable()?.pull()
    }

    /// Connects it to its network again.
    pub fn plug_cable(&self) -> Result<()> {
        self.cable()?.plug()
    }

    fn cable(&self) -> Result<&Cable> {
        let connection = self.connection.as_ref().map(|(cable, _)| cable);
        connection.ok_or_else(|| Error::new(format!("{} is on no network", self.name())))
    }

    /// Has it ask these name servers, in this order, and complete short names with `domain`, which
    /// it becomes a part of: its own full name is `NAME.DOMAIN`, in `/etc/hosts` too.
    ///
    /// A server that does not answer costs a second.
    pub fn resolve_by(&self, servers: &[IpAddr], domain: &str) -> Result<()> {
        let mut resolv = format!("search {domain}\noptions timeout:1 attempts:2\n");
        for server in servers {
            resolv.push_str(&format!("nameserver {server}\n"));
        }
        self.write("/etc/resolv.conf", resolv)?;
        let mut hosts = String::from("127.0.0.1 localhost\n::1 localhost\n");
        let name = self.name();
        for address in self.addresses() {
            hosts.push_str(&format!("{address} {name}.{domain} {name}\n"));
        }
        self.write("/etc/hosts", hosts)?;
        let switch = self.read("/etc/nsswitch.conf")?;
        self.write(
            "/etc/nsswitch.conf",
            switch.replace("hosts: files\n", "hosts: files dns\n"),
        )
    }

    fn start_with(name: &str, more_namespaces: &[&str]) -> Result<LightHost> {
        let unique = prefix::unique("host");
        let mut outer = Command::new("unshare")
            .args(["--mount", "--uts", "--ipc", "--pid"])
            .args(more_namespaces)
            .args(["--fork", "--kill-child", "--mount-proc", "--"])
            .args(["bash", "-c", include_str!("light_host/init.sh"), &unique])
            .args([name, if keep() { "1" } else { "0" }])
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(Error::doing("starting a light host (unshare)"))?;
        let said = read_until_ready(&mut outer);
        let mut host = LightHost {
            inside: Inside {
                name: name.to_owned(),
                init: 0,
            },
            outer,
            connection: None,
        };
        if said.ends_with("ready\n") {
            host.inside.init = descendants(host.outer.id())
                .first()
                .map(|seen| seen.pid)
                .ok_or_else(|| Error::new("a light host ended right after its start"))?;
            return Ok(host);
        }
        let mut more = String::new();
        if let Some(mut stderr) = host.outer.stderr.take() {
            let _ = stderr.read_to_string(&mut more);
        }
        Err(Error::new(format!(
            "a light host did not start: {said}{more}"
        )))
    }

    /// Starts smbd with the host's `/etc/samba/smb.conf` and waits until it listens on port 445.
    ///
    /// Its log is `/var/log/samba/log.smbd` of the host and is part of the error if it does not
    /// start.
    pub fn start_smbd(&self) -> Result<Daemon> {
        self.start_smbd_with(&[])
    }

    /// Like [`LightHost::start_smbd`], with more arguments for smbd.
    pub fn start_smbd_with(&self, arguments: &[&str]) -> Result<Daemon> {
        let mut command = self.command("smbd");
        command
            .args(["--foreground", "--no-process-group"])
            .args(arguments);
        let mut smbd = Daemon::start(command)?;
        let mut ended = None;
        let waited = wait_until(SMBD_START, "smbd to listen on port 445", || {
            ended = smbd.ended();
            (ended.is_some() || self.listens_on(445)).then_some(())
        });
        if waited.is_ok() && ended.is_none() {
            return Ok(smbd);
        }
        let log = self.read("/var/log/samba/log.smbd").unwrap_or_default();
        Err(Error::new(match ended {
            Some(status) => format!("smbd ended at once ({status}): {log}"),
            None => format!("smbd does not listen on port 445: {log}"),
        }))
    }

    /// Starts winbindd with the host's `/etc/samba/smb.conf`, and waits until it has proven to the
    /// domain that this host is a member (`wbinfo --check-secret`).
    ///
    /// Its log is `/var/log/samba/log.winbindd` of the host and is part of the error if it does not
    /// come to that.
    pub fn start_winbindd(&self) -> Result<Daemon> {
        let mut command = self.command("winbindd");
        command.args(["--foreground", "--no-process-group"]);
        let mut winbindd = Daemon::start(command)?;
        let mut ended = None;
        let waited = wait_until(WINBINDD_START, "winbindd to reach its domain", || {
            ended = winbindd.ended();
            let checked = || run(self.command("wbinfo").arg("--check-secret")).is_ok();
            (ended.is_some() || checked()).then_some(())
        });
        match (waited, ended) {
            (Ok(()), None) => Ok(winbindd),
            (Ok(()), Some(status)) => Err(Error::new(format!(
                "winbindd ended at once ({status}): {}",
                self.read("/var/log/samba/log.winbindd").unwrap_or_default()
            ))),
            (Err(error), _) => Err(Error::new(format!(
                "{error}: {}",
                self.read("/var/log/samba/log.winbindd").unwrap_or_default()
            ))),
        }
    }

    fn end(&mut self) -> Result<()> {
        // Process 1 ends by the closing of its input at the latest; the kernel takes the others.
        drop(self.outer.stdin.take());
        if self.inside.init != 0 {
            let _ = sys::kill(self.inside.init, libc::SIGKILL);
        }
        let mut over = || self.outer.try_wait().ok().flatten();
        wait_until(Duration::from_secs(20), "a light host to end", &mut over).map(drop)
    }
}

impl Deref for LightHost {
    type Target = Inside;

    fn deref(&self) -> &Inside {
        &self.inside
    }
}

impl Drop for LightHost {
    fn drop(&mut self) {
        if keep() && self.inside.init != 0 {
            shout(&format!(
                "KEPT host {}: nsenter -m -n -u -i -p -t {} (end it: kill -9 {1})",
                self.inside.name, self.inside.init
            ));
        } else if let Err(error) = self.end() {
            shout(&format!("smbgw-testing: {error}"));
        }
    }
}

/// Reads what process 1 says, up to the line that ends its start or to its end.
fn read_until_ready(outer: &mut Child) -> String {
    let mut said = Vec::new();
    let mut byte = [0];
    if let Some(stdout) = &mut outer.stdout {
        // Byte by byte: a buffer could swallow nothing here, but this runs once and is 6 bytes.
        while !said.ends_with(b"ready\n") && stdout.read(&mut byte).is_ok_and(|count| count == 1) {
            said.push(byte[0]);
        }
    }
    String::from_utf8_lossy(&said).into_owned()
}
