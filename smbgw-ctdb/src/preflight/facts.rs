//! What one node says of itself.

use std::net::IpAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use smbgw_core::deadline::Deadline;
use smbgw_core::error::{Coded, Problem};
use smbgw_core::host::{Command, CommandError, Host};

use super::fault::Fault;
use super::{PORT, SMB_PORT, field};
use crate::address::{Interface, InterfaceName, Subnet};
use crate::cluster_lock::{Filesystem, kernel};
use crate::conflict::{self, InterfaceError};
use crate::ctl::{Ctl, CtlError};
use crate::files::NodesFile;
use crate::node::Member;
use crate::record::{self, ClusterRecord};
use crate::service::has_systemd;

/// What ctdb and its event scripts run on a node.
const TOOLS: [&str; 10] = [
    "ctdb", "ctdbd", "smbd", "net", "testparm", "tdbtool", "ethtool", "ip", "ss", "findmnt",
];

/// What ctdb has to be allowed: the bit in a set of capabilities (`linux/capability.h`), its name, and what for.
const CAPABILITIES: [(u32, &str, &str); 3] = [
    (12, "CAP_NET_ADMIN", "give addresses to interfaces"),
    (13, "CAP_NET_RAW", "tell others of an address that moved"),
    (5, "CAP_KILL", "end programs"),
];

/// Where ctdb's files are.
const NODES: &str = "/etc/ctdb/nodes";

/// What is known of a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NodeFacts {
    /// Its name.
    pub name: String,
    /// The version of its ctdb.
    pub ctdb_version: Option<String>,
    /// The version of its smbd.
    pub samba_version: Option<String>,
    /// Whether a ctdbd runs there.
    pub runs_ctdb: bool,
    /// Whether ctdbd may run there before everything else: `realtime scheduling` of ctdb.conf is true only
    /// then, as ctdbd does not start otherwise.
    pub realtime: bool,
    /// What tells its running kernel from others.
    pub kernel: String,
    /// Its interfaces, without the one to itself.
    pub interfaces: Vec<NodeInterface>,
    /// How far its clock is ahead of the one here, in milliseconds; below zero for behind.
    pub clock_ahead_milliseconds: i64,
    /// What the shared folder is on, where it is there.
    pub shared: Option<Filesystem>,
}

/// An interface of a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NodeInterface {
    /// Its name.
    pub name: InterfaceName,
    /// Its addresses, without those of one link.
    pub addresses: Vec<IpAddr>,
    /// The networks of these.
    pub networks: Vec<Subnet>,
}

impl NodeInterface {
    pub(super) fn to_interface(&self) -> Interface {
        Interface {
            name: self.name.clone(),
            networks: self.networks.clone(),
        }
    }
}

/// A node that was looked at.
pub(super) struct Look {
    pub facts: NodeFacts,
    /// All that is wrong with it alone.
    pub problems: Vec<Problem>,
    /// Whether another program listens on ctdb's port.
    pub port_taken: bool,
}

/// Looks at one node.
///
/// # Errors
/// Where it cannot be looked at at all.
pub(super) fn look(
    member: &Member<'_>,
    shared: &Path,
    joined: bool,
    deadline: Deadline,
) -> Result<Look, Problem> {
    let host = member.host;
    let name = field(member);
    let mut problems = Vec::new();
    let mut tell = |fault: Fault| problems.push(Problem::from_error(name.clone(), &fault));
    let whole = |error: CommandError| Problem::from_error(name.clone(), &error);

    let mut facts = NodeFacts {
        name: member.spec.name.to_string(),
        ctdb_version: None,
        samba_version: None,
        runs_ctdb: false,
        realtime: false,
        kernel: kernel(host, deadline).map_err(whole)?,
        interfaces: Vec::new(),
        clock_ahead_milliseconds: clock(host, deadline).map_err(whole)?,
        shared: None,
    };
    let powers = Powers::of(host, deadline).map_err(whole)?;
    if powers.uid != 0 {
        tell(Fault::NotRoot { uid: powers.uid });
    }
    for (bit, capability, to) in CAPABILITIES {
        if powers.effective & (1 << bit) == 0 {
            tell(Fault::NotAllowed { to, capability });
        }
    }
    facts.realtime = is_realtime_allowed(host, deadline);

    if !joined {
        // A record that cannot be read is one.
        if !matches!(ClusterRecord::load(host), Ok(None)) {
            let path = record::FILE.into();
            tell(Fault::IsSetUp { path });
        }
        if is_set_up(host) {
            let path = NODES.into();
            tell(Fault::IsSetUp { path });
        }
    }

    let mut missing = Vec::new();
    let mut failed = Vec::new();
    let mut keep = |error: &dyn Coded| failed.push(Problem::from_error(name.clone(), error));
    for tool in TOOLS {
        if let Err(error) = host.tool(tool) {
            missing.push(tool);
            keep(&error);
        }
    }
    let has = |tool: &str| !missing.contains(&tool);
    if has("smbd") {
        match version(host, "smbd", "--version", deadline) {
            Ok(version) => facts.samba_version = Some(version),
            Err(error) => keep(&error),
        }
    }
    if has("ctdb") {
        match version(host, "ctdb", "version", deadline) {
            Ok(version) => facts.ctdb_version = Some(version),
            Err(error) => keep(&error),
        }
        facts.runs_ctdb = runs(host, deadline);
    }
    if facts.runs_ctdb && !joined {
        tell(Fault::Runs);
    }
    if has("ip") {
        match interfaces(host, deadline) {
            Ok(interfaces) => facts.interfaces = interfaces,
            Err(error) => keep(&error),
        }
        let mut addresses = facts.interfaces.iter().flat_map(|one| &one.addresses);
        let address = member.spec.address;
        if !facts.interfaces.is_empty() && !addresses.any(|found| *found == address) {
            tell(Fault::NoAddress { address });
        }
    }
    let mut port_taken = false;
    if has("ss") {
        match listeners(host, deadline) {
            Ok(listeners) => {
                for (port, own, is_ours) in
                    [(PORT, "ctdbd", facts.runs_ctdb), (SMB_PORT, "smbd", false)]
                {
                    let taken = taken_by(&listeners, port, member.spec.address, own);
                    if let Some(by) = taken.filter(|_| !is_ours) {
                        port_taken |= port == PORT;
                        tell(Fault::PortTaken { port, by });
                    }
                }
            }
            Err(error) => keep(&error),
        }
    }
    let is_folder = matches!(
        host.status(shared),
        Ok(Some(status)) if status.kind == smbgw_core::host::FileKind::Directory
    );
    if !is_folder {
        let path = shared.to_path_buf();
        tell(Fault::NoFolder { path });
    } else if has("findmnt") {
        match Filesystem::of(host, shared, deadline) {
            Ok(filesystem) => {
                if filesystem.is_read_only() {
                    tell(Fault::ReadOnly {
                        path: shared.to_path_buf(),
                        kind: filesystem.kind.clone(),
                        target: filesystem.target.clone(),
                    });
                }
                facts.shared = Some(filesystem);
            }
            Err(error) => keep(&error),
        }
    }
    problems.append(&mut failed);
    Ok(Look {
        facts,
        problems,
        port_taken,
    })
}

/// Who commands run as on a node.
#[derive(Debug, PartialEq, Eq)]
struct Powers {
    uid: u32,
    effective: u64,
}

impl Powers {
    fn of(host: &dyn Host, deadline: Deadline) -> Result<Self, CommandError> {
        let command = Command::new("cat").arg("/proc/self/status");
        let text = host.run(&command, deadline)?.text();
        Self::parse(&text).ok_or_else(|| CommandError::unexpected(&command, "no user"))
    }

    /// Reads `/proc/PID/status` (proc(5)).
    fn parse(text: &str) -> Option<Self> {
        let value = |name: &str| text.lines().find_map(|line| line.strip_prefix(name));
        // The real user, the effective one, …
        let uid = value("Uid:")?.split_whitespace().nth(1)?.parse().ok()?;
        let effective = u64::from_str_radix(value("CapEff:")?.trim(), 16).ok()?;
        Some(Self { uid, effective })
    }
}

/// Whether a program may run before all that are not of that kind, at the least urgency; ctdbd does not start
/// where it is asked to and cannot.
///
/// A unit of systemd is asked where ctdbd is to be one: its group of processes may have no share of that time
/// (sched_rt_group in the kernel's documentation) when a session has.
pub(crate) fn is_realtime_allowed(host: &dyn Host, deadline: Deadline) -> bool {
    let command = match has_systemd(host) {
        Ok(true) => Command::new("systemd-run").args(["--quiet", "--wait", "--collect", "chrt"]),
        _ => Command::new("chrt"),
    };
    host.run(&command.args(["--fifo", "1", "true"]), deadline)
        .is_ok()
}

/// The last word of what a program says its version is.
fn version(
    host: &dyn Host,
    program: &'static str,
    argument: &str,
    deadline: Deadline,
) -> Result<String, CommandError> {
    let command = Command::new(program).arg(argument);
    let text = host.run(&command, deadline)?.text();
    let word = text.split_whitespace().next_back().map(str::to_owned);
    word.ok_or_else(|| CommandError::unexpected(&command, "no version"))
}

/// Whether a ctdbd runs: one that does not answer does, too.
fn runs(host: &dyn Host, deadline: Deadline) -> bool {
    let soon = deadline.at_most(Duration::from_secs(10));
    !matches!(
        Ctl::new(host, soon).run_state(None),
        Err(CtlError::NotRunning { .. })
    )
}

/// Whether there is a `nodes` file that says something.
fn is_set_up(host: &dyn Host) -> bool {
    let Ok(Some(content)) = host.read(Path::new(NODES)) else {
        return false;
    };
    let text = String::from_utf8_lossy(&content);
    // One that cannot be read is somebody's, too.
    NodesFile::parse(&text).map_or(true, |file| file.nodes().next().is_some())
}

/// How far the clock of a node is ahead of the one here, in milliseconds: by the fastest of three answers, half
/// of whose time is taken for the way there.
fn clock(host: &dyn Host, deadline: Deadline) -> Result<i64, CommandError> {
    let command = Command::new("date").arg("+%s%N");
    let mut best: Option<(Duration, i128)> = None;
    for _ in 0..3 {
        let began = Instant::now();
        let sent = std::time::SystemTime::now();
        let output = host.run(&command, deadline)?;
        let took = began.elapsed();
        let there: i128 = output
            .text()
            .trim()
            .parse()
            .map_err(|_| CommandError::unexpected(&command, "no number"))?;
        let here = sent
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or_default()
            .saturating_add(took / 2);
        let ahead = there - here.as_nanos() as i128;
        if best.is_none_or(|(fastest, _)| took < fastest) {
            best = Some((took, ahead));
        }
    }
    let ahead = best.map_or(0, |(_, ahead)| ahead / 1_000_000);
    Ok(i64::try_from(ahead).unwrap_or(i64::MAX))
}

/// The interfaces of a node, by which others can reach it.
fn interfaces(host: &dyn Host, deadline: Deadline) -> Result<Vec<NodeInterface>, InterfaceError> {
    let all = conflict::interfaces(host, deadline)?.into_iter();
    Ok(all
        .filter(|one| one.name.as_str() != "lo")
        .map(reached_by)
        .collect())
}

/// An interface without its addresses of one link.
fn reached_by(interface: conflict::NodeInterface) -> NodeInterface {
    let is_far = |address: &IpAddr| match address {
        IpAddr::V4(address) => !address.is_link_local(),
        IpAddr::V6(address) => !address.is_unicast_link_local(),
    };
    let far = interface.addresses.into_iter();
    let (addresses, mut networks): (Vec<_>, Vec<_>) =
        far.filter(|(address, _)| is_far(address)).unzip();
    networks.dedup();
    NodeInterface {
        name: interface.name,
        addresses,
        networks,
    }
}

/// A socket that is listened on.
#[derive(Debug, PartialEq, Eq)]
struct Listener {
    /// `None` for all addresses.
    address: Option<IpAddr>,
    port: u16,
    /// Names of the programs that do; none where they cannot be seen.
    programs: Vec<String>,
}

fn listeners(host: &dyn Host, deadline: Deadline) -> Result<Vec<Listener>, CommandError> {
    let command = Command::new("ss").args(["--no-header", "--listening", "--tcp"]);
    let command = command.args(["--numeric", "--processes"]);
    let text = host.run(&command, deadline)?.text();
    Ok(text.lines().filter_map(parse_listener).collect())
}

/// Reads a line of `ss -Hltnp` (ss(8)).
fn parse_listener(line: &str) -> Option<Listener> {
    let mut words = line.split_whitespace();
    let (address, port) = words.nth(3)?.rsplit_once(':')?;
    let address = address.split('%').next()?;
    let address = address.trim_start_matches('[').trim_end_matches(']');
    let address = match address {
        "*" => None,
        text => Some(text.parse::<IpAddr>().ok()?).filter(|one| !one.is_unspecified()),
    };
    // users:(("smbd",pid=12,fd=30),("smbd",pid=13,fd=30))
    let users = words.nth(1).unwrap_or_default();
    let names = users.split('"').skip(1).step_by(2);
    let mut programs: Vec<String> = names.map(str::to_owned).collect();
    programs.dedup();
    Some(Listener {
        address,
        port: port.parse().ok()?,
        programs,
    })
}

/// Who but `own` listens on `port` where a node with that private address would.
fn taken_by(listeners: &[Listener], port: u16, address: IpAddr, own: &str) -> Option<String> {
    let is_there = |one: &&Listener| {
        one.port == port
            && one
                .address
                .is_none_or(|listens| port != PORT || listens == address)
    };
    let other = |one: &Listener| {
        let is_own = |program: &String| program.starts_with(own);
        match one.programs.first() {
            None => Some("a program that cannot be seen".to_owned()),
            Some(_) if one.programs.iter().all(is_own) && port != PORT => None,
            Some(program) => Some(format!("`{program}`")),
        }
    };
    listeners.iter().filter(is_there).find_map(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_are_read() {
        let text = "Name:\tcat\nUid:\t1000\t0\t0\t0\nCapInh:\t0\nCapEff:\t000001fffeffffff\n";
        let powers = Powers::parse(text).unwrap();
        assert_eq!(powers.uid, 0);
        assert_eq!(powers.effective, 0x1ff_feff_ffff);
        for (bit, ..) in CAPABILITIES {
            assert_ne!(powers.effective & (1 << bit), 0);
        }
        assert_eq!(Powers::parse("Uid:\t0\t0\nCapEff:\tx\n"), None);
        assert_eq!(Powers::parse(""), None);
    }

    #[test]
    fn interfaces_have_the_addresses_that_others_reach() {
        let address = |text: &str, prefix| {
            let address: IpAddr = text.parse().unwrap();
            (address, Subnet::of(address, prefix).unwrap())
        };
        let interface = reached_by(conflict::NodeInterface {
            name: "eth0".parse().unwrap(),
            mac: None,
            has_link: true,
            addresses: vec![
                address("10.99.0.31", 24),
                address("10.99.0.61", 24),
                address("fe80::1", 64),
                address("169.254.1.2", 16),
            ],
        });
        let addresses = ["10.99.0.31", "10.99.0.61"].map(|one| one.parse::<IpAddr>().unwrap());
        assert_eq!(interface.addresses, addresses);
        assert_eq!(interface.networks, ["10.99.0.0/24".parse().unwrap()]);
    }

    #[test]
    fn ports_are_taken_by_others() {
        let own: IpAddr = "10.0.0.1".parse().unwrap();
        let by = |line: &str, port, program| {
            taken_by(&[parse_listener(line).unwrap()], port, own, program)
        };
        let ctdb = |line: &str| by(line, 4379, "ctdbd");
        let users = "users:((\"nc\",pid=7,fd=3))";
        assert_eq!(
            ctdb(&format!("LISTEN 0 128 0.0.0.0:4379 0.0.0.0:* {users}")),
            Some("`nc`".into())
        );
        assert_eq!(
            ctdb(&format!("LISTEN 0 1 *:4379 *:* {users}")),
            Some("`nc`".into())
        );
        let unseen = Some("a program that cannot be seen".to_owned());
        assert_eq!(ctdb("LISTEN 0 128 10.0.0.1:4379 0.0.0.0:*"), unseen);
        assert_eq!(ctdb("LISTEN 0 128 10.0.0.2:4379 0.0.0.0:*"), None);
        assert_eq!(ctdb("LISTEN 0 128 0.0.0.0:43790 0.0.0.0:*"), None);
        let smbd = "users:((\"smbd\",pid=7,fd=30),(\"smbd-notifyd\",pid=8,fd=30))";
        let line = format!("LISTEN 0 50 [::]:445 [::]:* {smbd}");
        assert_eq!(by(&line, 445, "smbd"), None);
        let line = format!("LISTEN 0 50 127.0.0.1%lo:445 0.0.0.0:* {users}");
        assert_eq!(by(&line, 445, "smbd"), Some("`nc`".into()));
        assert_eq!(parse_listener("LISTEN 0"), None);
        assert_eq!(parse_listener("LISTEN 0 1 x:y z"), None);
    }
}
