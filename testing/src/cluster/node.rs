//! One node: ctdbd, and mostly smbd, in a light host.

use std::fs::OpenOptions;
use std::net::IpAddr;
use std::ops::Deref;
use std::process::Stdio;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::shared_folder::SharedFolder;
use super::{Cluster, FIRST_NODE, Settings, Status, status};
use crate::process::run_with;
use crate::{Daemon, Error, LightHost, Network, Result, keep, run, shout, sys, wait_until};

/// Where ctdbd writes what it does.
const LOG: &str = "/var/log/ctdb/log.ctdb";

/// By what port ctdbds talk to each other (`ctdb` in services(5)).
const PORT: &str = "4379";

/// How Samba is set up on every node.
const SMB_CONF: &str = include_str!("smb.conf");

/// How long a `ctdb` command may take, in seconds.
const COMMAND: &str = "10";

/// How long ctdbd may take to end after it was told to.
const SHUTDOWN: Duration = Duration::from_secs(60);

/// A node. Dropping it ends it. What else can be done on it is in [`LightHost`] and
/// [`Inside`](crate::Inside).
#[derive(Debug)]
pub struct Node {
    running: Mutex<Running>,
    host: LightHost,
    number: usize,
    file_server: bool,
}

/// What runs on a node.
#[derive(Debug, Default)]
struct Running {
    smbd: Option<Daemon>,
    ctdbd: Option<Daemon>,
    hung: bool,
    cut_off: bool,
}

impl Node {
    /// Starts its host, on which nothing of ctdb is configured or running.
    pub(super) fn start(
        network: &Network,
        number: usize,
        shared: &SharedFolder,
        file_server: bool,
    ) -> Result<Node> {
        let place = u8::try_from(number).map_err(Error::doing("numbering a node"))?;
        let addresses = Network::addresses(FIRST_NODE + place).only_v4();
        let host = LightHost::on(network, &format!("n{number}"), addresses)?;
        host.bind(shared.path(), Cluster::SHARED)?;
        for folder in ["/var/lib/ctdb", "/var/log/ctdb"] {
            // Not what the machine's own ctdb may have there.
            run(host.command("mount").args([
                "-t",
                "tmpfs",
                "-o",
                "mode=755",
                "smbgw-cluster",
                folder,
            ]))?;
        }
        run(host.command("mkdir").arg("-p").args([
            "/run/ctdb",
            "/var/lib/ctdb/persistent",
            "/var/lib/ctdb/state",
            "/var/lib/ctdb/volatile",
        ]))?;
        Ok(Node {
            running: Mutex::default(),
            host,
            number,
            file_server,
        })
    }

    /// Writes the settings of ctdb and Samba. The order of `nodes` gives them their numbers.
    pub(super) fn configure(&self, nodes: &[IpAddr], settings: &Settings) -> Result<()> {
        let lines = |items: &mut dyn Iterator<Item = String>| -> String {
            items.map(|item| format!("{item}\n")).collect()
        };
        let host = &self.host;
        host.write(
            "/etc/ctdb/nodes",
            lines(&mut nodes.iter().map(IpAddr::to_string)),
        )?;
        let virtual_addresses = super::numbered(super::FIRST_VIRTUAL, settings.addresses);
        let on_eth0 = |address: &IpAddr| format!("{address}/24 eth0");
        host.write(
            "/etc/ctdb/public_addresses",
            lines(&mut virtual_addresses.iter().map(on_eth0)),
        )?;
        let tunable = |(name, value): &(String, u32)| format!("{name}={value}");
        host.write(
            "/etc/ctdb/ctdb.tunables",
            lines(&mut settings.tunables.iter().map(tunable)),
        )?;
        let mut conf = format!(
            "[logging]\n  location = file:{LOG}\n\
             [cluster]\n  cluster lock = {}\n",
            settings.cluster_lock.as_deref().unwrap_or(Cluster::LOCK)
        );
        if let Some(seconds) = settings.leader_timeout {
            conf.push_str(&format!("  leader timeout = {seconds}\n"));
        }
        // As it is meant to run, so that a busy machine is not taken for a dead node, wherever the
        // machine allows it: ctdbd does not start where it does not.
        let chrt = ["--fifo", "1", "true"];
        let realtime = run(host.command("chrt").args(chrt)).is_ok();
        conf.push_str(&format!("[legacy]\n  realtime scheduling = {realtime}\n"));
        host.write("/etc/ctdb/ctdb.conf", conf)?;
        host.write("/etc/samba/smb.conf", SMB_CONF)
    }

    /// Its number, which it keeps.
    pub fn number(&self) -> usize {
        self.number
    }

    /// Starts ctdbd, without waiting for it.
    pub(super) fn launch(&self) -> Result<()> {
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.host.path(LOG))
            .map_err(Error::doing("opening the log of ctdbd"))?;
        let more = log.try_clone().map_err(Error::doing("sharing a log"))?;
        // In the foreground it logs to standard error, wherever the settings say.
        let mut command = self.host.command("ctdbd");
        command
            .arg("--interactive")
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(more);
        self.running().ctdbd = Some(Daemon::spawn(&mut command)?);
        Ok(())
    }

    /// Starts smbd, on a node whose ctdbd runs.
    pub(super) fn serve(&self) -> Result<()> {
        let smbd = self.host.start_smbd()?;
        self.running().smbd = Some(smbd);
        Ok(())
    }

    /// Starts its daemons again after [`stop`](Node::stop), [`crash`](Node::crash) or
    /// [`power_off`](Node::power_off), and waits until it is healthy and serves.
    pub fn start_again(&self) -> Result<()> {
        self.plug_cable()?;
        self.launch()?;
        let healthy = |status: &Status| {
            let mut nodes = status.nodes.iter();
            nodes.any(|node| node.number == self.number && node.is_healthy())
        };
        let what = format!("{} to be healthy again", self.name());
        self.wait_for(&what, healthy)?;
        if self.file_server {
            self.serve()?;
        }
        Ok(())
    }

    /// Has it give its addresses away, and take none, while it stays in the cluster.
    pub fn disable(&self) -> Result<()> {
        self.ctdb(&["disable"]).map(drop)
    }

    /// Has it take addresses again.
    pub fn enable(&self) -> Result<()> {
        self.ctdb(&["enable"]).map(drop)
    }

    /// Has it leave the cluster in order; its daemons end.
    pub fn stop(&self) -> Result<()> {
        self.ctdb(&["shutdown"])?;
        let mut running = self.running();
        if let Some(ctdbd) = &mut running.ctdbd {
            wait_until(SHUTDOWN, "the end of ctdbd", || ctdbd.ended())?;
        }
        running.ctdbd = None;
        // Without ctdbd it ends by itself, sooner or later.
        running.smbd.take().map_or(Ok(()), Daemon::stop)
    }

    /// Kills its daemons at once. The host stays, and tells those it was connected with; the virtual
    /// addresses stay on its interface, as nobody is left to take them away.
    pub fn crash(&self) -> Result<()> {
        let mut running = self.running();
        running.hung = false;
        running.smbd.take().map_or(Ok(()), Daemon::kill)?;
        running.ctdbd.take().map_or(Ok(()), Daemon::kill)
    }

    /// Has it fall silent at once, for ever: nobody is told, nothing runs, and its virtual addresses
    /// are gone. [`start_again`](Node::start_again) connects it again.
    pub fn power_off(&self) -> Result<()> {
        self.pull_cable()?;
        self.crash()?;
        let own = self.host.addresses();
        for address in self.interface_addresses()? {
            if !own.contains(&address) {
                run(self
                    .host
                    .command("ip")
                    .args(["address", "delete", "dev", "eth0"])
                    .arg(format!("{address}/24")))?;
            }
        }
        Ok(())
    }

    /// Stops ctdbd in the middle of what it does (`SIGSTOP`): connections stay, nothing answers. The
    /// programs it started go on, among them what holds the cluster lock where this is the leader: the
    /// others then find no new one, and no address moves.
    pub fn hang(&self) -> Result<()> {
        self.signal(libc::SIGSTOP, true)
    }

    /// Has ctdbd go on after [`hang`](Node::hang).
    pub fn resume(&self) -> Result<()> {
        self.signal(libc::SIGCONT, false)
    }

    fn signal(&self, signal: libc::c_int, hung: bool) -> Result<()> {
        let mut running = self.running();
        let Some(ctdbd) = &running.ctdbd else {
            return Err(Error::new(format!("{} does not run", self.name())));
        };
        sys::kill(ctdbd.program_pid(), signal).map_err(Error::doing("signalling ctdbd"))?;
        running.hung = hung;
        Ok(())
    }

    /// Cuts it off, as [`LightHost::pull_cable`] does. It runs on, and sees itself alone.
    pub fn pull_cable(&self) -> Result<()> {
        self.running().cut_off = true;
        self.host.pull_cable()
    }

    /// Connects it again.
    pub fn plug_cable(&self) -> Result<()> {
        self.running().cut_off = false;
        self.host.plug_cable()
    }

    /// Has its firewall drop what ctdbds say to each other. Everything else goes on: clients reach it, and the
    /// shared folder is there.
    pub fn lose_sight(&self) -> Result<()> {
        self.running().cut_off = true;
        self.filter("--append")
    }

    /// Lets the ctdbds talk to each other again.
    pub fn regain_sight(&self) -> Result<()> {
        self.running().cut_off = false;
        self.filter("--delete")
    }

    fn filter(&self, action: &str) -> Result<()> {
        for chain in ["INPUT", "OUTPUT"] {
            for port in ["--dport", "--sport"] {
                run(self
                    .host
                    .command("iptables")
                    .args(["--wait", action, chain, "--protocol", "tcp"])
                    .args([port, PORT, "--jump", "DROP"]))?;
            }
        }
        Ok(())
    }

    /// Whether its ctdbd was not made to hang, and can see the others. It may be one that somebody else started.
    pub(super) fn is_in_touch(&self) -> bool {
        let running = self.running();
        !running.hung && !running.cut_off
    }

    /// How the cluster stands, as this node sees it.
    pub fn status(&self) -> Result<Status> {
        let nodes = self.ctdb(&["-X", "status"])?;
        let addresses = self.ctdb(&["-X", "ip", "all"])?;
        Status::parse(&nodes, &addresses)
    }

    /// Waits until the cluster is as `wanted` says, as this node sees it.
    ///
    /// `what` names what is waited for; with it, the last status and the node's log are in the error.
    pub fn wait_for(&self, what: &str, wanted: impl Fn(&Status) -> bool) -> Result<Status> {
        status::wait_for(what, || self.status(), wanted)
            .map_err(|error| Error::new(format!("{error}\n{}", self.log())))
    }

    /// The number of the leader, as this node sees it.
    pub fn leader(&self) -> Result<usize> {
        let said = self.ctdb(&["leader"])?;
        let number = said.trim().parse();
        number.map_err(|_| Error::new(format!("ctdb says the leader is {said:?}")))
    }

    /// The addresses that its interface really has, its own among them.
    pub fn interface_addresses(&self) -> Result<Vec<IpAddr>> {
        let lines = run(self
            .host
            .command("ip")
            .args(["-oneline", "-4", "address", "show", "dev", "eth0"]))?;
        let read = |line: &str| {
            let mut words = line.split_whitespace().skip_while(|word| *word != "inet");
            let (address, _) = words.nth(1)?.split_once('/')?;
            address.parse().ok()
        };
        Ok(lines.lines().filter_map(read).collect())
    }

    /// Runs `ctdb` on this node.
    pub fn ctdb(&self, arguments: &[&str]) -> Result<String> {
        run(self
            .host
            .command("ctdb")
            .args(["-T", COMMAND])
            .args(arguments))
    }

    /// What its daemons wrote to their logs.
    pub fn log(&self) -> String {
        [LOG, "/var/log/samba/log.smbd"]
            .into_iter()
            .filter_map(|log| self.host.read(log).ok())
            .collect()
    }

    pub(super) fn add_unix_user(&self, name: &str) -> Result<()> {
        let shell = ["--no-create-home", "--shell", "/usr/sbin/nologin"];
        run(self.host.command("useradd").args(shell).arg(name)).map(drop)
    }

    pub(super) fn set_samba_password(&self, name: &str, password: &str) -> Result<()> {
        let mut smbpasswd = self.host.command("smbpasswd");
        smbpasswd.args(["-s", "-a", name]);
        run_with(
            &mut smbpasswd,
            format!("{password}\n{password}\n").as_bytes(),
        )
        .map(drop)
    }

    fn running(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Deref for Node {
    type Target = LightHost;

    fn deref(&self) -> &LightHost {
        &self.host
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // Nobody needs an end in order, which would have the others take over from each other.
        if !keep()
            && let Err(error) = self.crash()
        {
            shout(&format!("smbgw-testing: {error}"));
        }
    }
}
