//! The `ctdb` command: what a cluster is told to do, and what it says of itself (ctdb(1)).
//!
//! A question that is asked often has another way, without a process: the socket of ctdbd.

use std::fmt;
use std::net::IpAddr;
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use smbgw_core::deadline::Deadline;
use smbgw_core::error::{Coded, ErrorKind};
use smbgw_core::host::{Command, CommandError, Host};

use crate::code::Code;
use crate::placement::NodeFlags;

/// How long a cluster may be busy with recoveries.
const LONGEST_RECOVERY: Duration = Duration::from_secs(60);

const PAUSE: Duration = Duration::from_millis(250);

/// `ctdb` on one node.
#[derive(Clone, Copy, Debug)]
pub struct Ctl<'a> {
    /// The node that runs the command.
    pub host: &'a dyn Host,
    /// When all of it has to be over.
    pub deadline: Deadline,
}

/// A node as `ctdb status` shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeState {
    /// Its number.
    pub pnn: u32,
    /// Its private address.
    pub address: IpAddr,
    /// What is said of it.
    pub flags: NodeFlags,
}

/// How far ctdbd has come (`ctdb runstate`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum RunState {
    /// It is not known.
    Unknown,
    /// It makes itself ready.
    Init,
    /// It runs the event `setup`.
    Setup,
    /// It waits for the first recovery.
    FirstRecovery,
    /// It runs the event `startup`.
    Startup,
    /// It does what it is there for.
    Running,
    /// It ends.
    Shutdown,
}

impl<'a> Ctl<'a> {
    /// How long moving an address may take.
    pub const MOVE: Duration = Duration::from_secs(5);

    /// `ctdb` on `host`, all of it over by `deadline`.
    pub fn new(host: &'a dyn Host, deadline: Deadline) -> Self {
        Self { host, deadline }
    }

    /// Runs `ctdb` with these arguments and returns what it prints.
    ///
    /// # Errors
    /// [`CtlError::NotRunning`] where there is no ctdbd to ask, and what the command says.
    pub fn run<S: Into<String>>(
        &self,
        arguments: impl IntoIterator<Item = S>,
    ) -> Result<String, CtlError> {
        let left = self.deadline.remaining();
        let command = Command::new("ctdb")
            .args(["-T".to_owned(), left.as_secs().max(1).to_string()])
            .args(arguments.into_iter().map(Into::into))
            .timeout(left);
        match self.host.run(&command, self.deadline) {
            Ok(output) => Ok(output.text()),
            Err(error) if is_about_no_daemon(error.stderr()) => Err(CtlError::NotRunning {
                host: self.host.name().to_owned(),
            }),
            Err(error) => Err(error.into()),
        }
    }

    /// Has `node`, or the one that runs the command, take no addresses.
    ///
    /// # Errors
    /// Where it cannot be told.
    pub fn disable(&self, node: Option<u32>) -> Result<(), CtlError> {
        self.tell(node, &["disable"])
    }

    /// Has a node take addresses again.
    ///
    /// # Errors
    /// Where it cannot be told.
    pub fn enable(&self, node: Option<u32>) -> Result<(), CtlError> {
        self.tell(node, &["enable"])
    }

    /// Takes a node out of the cluster, its ctdbd going on.
    ///
    /// # Errors
    /// Where it cannot be told.
    pub fn stop(&self, node: Option<u32>) -> Result<(), CtlError> {
        self.tell(node, &["stop"])
    }

    /// Takes a stopped node in again.
    ///
    /// # Errors
    /// Where it cannot be told.
    pub fn proceed(&self, node: Option<u32>) -> Result<(), CtlError> {
        self.tell(node, &["continue"])
    }

    /// Bans a node for so many seconds.
    ///
    /// # Errors
    /// Where it cannot be told.
    pub fn ban(&self, node: Option<u32>, seconds: u32) -> Result<(), CtlError> {
        self.tell(node, &["ban", &seconds.to_string()])
    }

    /// Lifts a ban.
    ///
    /// # Errors
    /// Where it cannot be told.
    pub fn unban(&self, node: Option<u32>) -> Result<(), CtlError> {
        self.tell(node, &["unban"])
    }

    /// Has all nodes read `nodes` again. The command refuses during a recovery, and while a node that is taken out has
    /// not been missed (ctdb 4.17): right after a ctdbd has ended both are so, and pass, which is waited for.
    ///
    /// # Errors
    /// Where it cannot be told, a node cannot be reached, or the files differ.
    pub fn reload_nodes(&self) -> Result<(), CtlError> {
        self.when_quiet(&["reloadnodes"])
    }

    /// Tells it something that it refuses while the cluster is busy with itself.
    fn when_quiet(&self, words: &[&str]) -> Result<(), CtlError> {
        let patience = self.deadline.at_most(LONGEST_RECOVERY);
        loop {
            match self.tell(None, words) {
                Err(CtlError::Command(error))
                    if is_passing(error.stderr()) && !patience.has_passed() =>
                {
                    thread::sleep(PAUSE);
                }
                result => return result,
            }
        }
    }

    /// Has nodes read `public_addresses` again: those with these numbers, or all. The command refuses during a
    /// recovery and while addresses move, which is waited for.
    ///
    /// # Errors
    /// Where it cannot be told.
    pub fn reload_addresses(&self, nodes: Option<&[u32]>) -> Result<(), CtlError> {
        let list = match nodes {
            None => "all".to_owned(),
            Some(nodes) => {
                let numbers: Vec<String> = nodes.iter().map(u32::to_string).collect();
                numbers.join(",")
            }
        };
        self.when_quiet(&["reloadips", &list])
    }

    /// Moves a public address to a node.
    ///
    /// For twice the time that this may take, ctdb moves no other address, not even one of a node that dies.
    /// So it may take [`MOVE`](Self::MOVE) and no longer, whatever the deadline.
    ///
    /// # Errors
    /// Where it cannot be told, or the node may not have the address.
    pub fn move_address(&self, address: IpAddr, node: u32) -> Result<(), CtlError> {
        let brief = Self::new(self.host, self.deadline.at_most(Self::MOVE));
        brief.tell(None, &["moveip", &address.to_string(), &node.to_string()])
    }

    /// Sets a tunable until ctdbd ends.
    ///
    /// # Errors
    /// Where it cannot be told, or knows no such tunable.
    pub fn set_tunable(&self, node: Option<u32>, name: &str, value: u32) -> Result<(), CtlError> {
        self.tell(node, &["setvar", name, &value.to_string()])
    }

    /// The value of a tunable.
    ///
    /// # Errors
    /// Where it cannot be asked, or knows no such tunable.
    pub fn tunable(&self, node: Option<u32>, name: &str) -> Result<u32, CtlError> {
        let said = self.ask(node, &["getvar", name])?;
        let found = parse_tunables(&said)
            .into_iter()
            .find(|(known, _)| known == name);
        found
            .map(|(_, value)| value)
            .ok_or_else(|| unexpected("getvar", &said))
    }

    /// All tunables with their values.
    ///
    /// # Errors
    /// Where it cannot be asked.
    pub fn tunables(&self, node: Option<u32>) -> Result<Vec<(String, u32)>, CtlError> {
        let said = self.ask(node, &["listvars"])?;
        Ok(parse_tunables(&said))
    }

    /// Ends ctdbd on a node; its addresses move, and what it manages is stopped.
    ///
    /// # Errors
    /// Where it cannot be told.
    pub fn shut_down(&self, node: Option<u32>) -> Result<(), CtlError> {
        self.tell(node, &["shutdown"])
    }

    /// The number of the node that runs the command.
    ///
    /// # Errors
    /// Where it cannot be asked.
    pub fn pnn(&self) -> Result<u32, CtlError> {
        let said = self.ask(None, &["pnn"])?;
        let number = said.trim().parse();
        number.map_err(|_| unexpected("pnn", &said))
    }

    /// How far the ctdbd of a node has come.
    ///
    /// # Errors
    /// Where it cannot be asked.
    pub fn run_state(&self, node: Option<u32>) -> Result<RunState, CtlError> {
        let said = self.ask(node, &["runstate"])?;
        Ok(match said.trim() {
            "INIT" => RunState::Init,
            "SETUP" => RunState::Setup,
            "FIRST_RECOVERY" => RunState::FirstRecovery,
            "STARTUP" => RunState::Startup,
            "RUNNING" => RunState::Running,
            "SHUTDOWN" => RunState::Shutdown,
            _ => RunState::Unknown,
        })
    }

    /// All nodes as the one that runs the command sees them; those that are gone are not among them.
    ///
    /// # Errors
    /// Where it cannot be asked.
    pub fn nodes(&self) -> Result<Vec<NodeState>, CtlError> {
        let said = self.ask(None, &["-X", "status"])?;
        parse_nodes(&said).ok_or_else(|| unexpected("-X status", &said))
    }

    /// The public addresses, each with the number of its node where it is on one.
    ///
    /// # Errors
    /// Where it cannot be asked.
    pub fn addresses(&self) -> Result<Vec<(IpAddr, Option<u32>)>, CtlError> {
        let said = self.ask(None, &["-X", "ip", "all"])?;
        parse_addresses(&said).ok_or_else(|| unexpected("-X ip all", &said))
    }

    /// The public addresses that a node may have by what its ctdbd has read.
    ///
    /// # Errors
    /// Where it cannot be asked.
    pub fn known_addresses(&self, node: Option<u32>) -> Result<Vec<IpAddr>, CtlError> {
        let said = self.ask(node, &["-X", "ip"])?;
        let known = parse_addresses(&said).ok_or_else(|| unexpected("-X ip", &said))?;
        Ok(known.into_iter().map(|(address, _)| address).collect())
    }

    /// The event scripts of ctdb's own, each with whether it is enabled. ctdbd need not run.
    ///
    /// # Errors
    /// Where they cannot be listed.
    pub fn event_scripts(&self) -> Result<Vec<(String, bool)>, CtlError> {
        let said = self.ask(None, &["event", "script", "list", "legacy"])?;
        let read = |line: &str| {
            let name = line.trim_start_matches('*').trim();
            (!name.is_empty()).then(|| (name.to_owned(), line.starts_with('*')))
        };
        Ok(said.lines().filter_map(read).collect())
    }

    /// Has the event script `name` run from now on. ctdbd need not run.
    ///
    /// # Errors
    /// Where there is no such script.
    pub fn enable_script(&self, name: &str) -> Result<(), CtlError> {
        self.tell(None, &["event", "script", "enable", "legacy", name])
    }

    /// Has the event script `name` not run from now on. ctdbd need not run.
    ///
    /// # Errors
    /// Where it is no script of ctdb's own, or is not enabled.
    pub fn disable_script(&self, name: &str) -> Result<(), CtlError> {
        self.tell(None, &["event", "script", "disable", "legacy", name])
    }

    fn tell(&self, node: Option<u32>, words: &[&str]) -> Result<(), CtlError> {
        self.ask(node, words).map(drop)
    }

    fn ask(&self, node: Option<u32>, words: &[&str]) -> Result<String, CtlError> {
        let node = node.map(|node| ["-n".to_owned(), node.to_string()]);
        let words = words.iter().map(|word| (*word).to_owned());
        self.run(node.into_iter().flatten().chain(words))
    }
}

/// Why a cluster could not be told or asked something.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CtlError {
    /// There is no ctdbd to ask.
    #[error("ctdbd does not run on {host}")]
    NotRunning {
        /// The node.
        host: String,
    },
    /// It printed something else than its manual says.
    #[error("`ctdb {command}` printed something unexpected: {said}")]
    Unexpected {
        /// The arguments.
        command: String,
        /// What it printed, shortened.
        said: String,
    },
    /// The command failed.
    #[error(transparent)]
    Command(#[from] CommandError),
}

impl Coded for CtlError {
    fn code(&self) -> &'static str {
        match self {
            Self::NotRunning { .. } => Code::DaemonNotRunning.as_str(),
            Self::Unexpected { .. } => "host.command-output-unexpected",
            Self::Command(error) => error.code(),
        }
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::Command(error) => error.kind(),
            _ => ErrorKind::Failed,
        }
    }

    fn remedy(&self) -> Option<String> {
        match self {
            Self::NotRunning { .. } => Some(Code::DaemonNotRunning.fix().into()),
            Self::Unexpected { .. } => None,
            Self::Command(error) => error.remedy(),
        }
    }
}

impl fmt::Display for RunState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Unknown => "unknown",
            Self::Init => "init",
            Self::Setup => "setup",
            Self::FirstRecovery => "first recovery",
            Self::Startup => "startup",
            Self::Running => "running",
            Self::Shutdown => "shutdown",
        })
    }
}

/// Whether `ctdb` says that nobody listens at the socket of ctdbd.
fn is_about_no_daemon(stderr: &str) -> bool {
    stderr.contains("Failed to connect to CTDB daemon")
}

/// Whether `ctdb` says that it could not keep recoveries away, or takes a node for one that is there.
fn is_passing(stderr: &str) -> bool {
    let passing = [
        "Failed to disable recoveries",
        "Failed to disable takeover runs",
        "is still connected",
    ];
    passing.iter().any(|complaint| stderr.contains(complaint))
}

pub(crate) fn unexpected(command: &str, said: &str) -> CtlError {
    CtlError::Unexpected {
        command: command.to_owned(),
        said: said.trim().chars().take(200).collect(),
    }
}

/// Reads lines such as `KeepaliveLimit  = 5`.
fn parse_tunables(said: &str) -> Vec<(String, u32)> {
    let read = |line: &str| {
        let (name, value) = line.split_once('=')?;
        Some((name.trim().to_owned(), value.trim().parse().ok()?))
    };
    said.lines().filter_map(read).collect()
}

fn parse_nodes(said: &str) -> Option<Vec<NodeState>> {
    table(said)?
        .map(|row| {
            let mut flags = NodeFlags::HEALTHY;
            for (name, flag) in FLAGS {
                if row.cell(name) == Some("1") {
                    flags = flags | flag;
                }
            }
            Some(NodeState {
                pnn: row.cell("Node")?.parse().ok()?,
                address: row.cell("IP")?.parse().ok()?,
                flags,
            })
        })
        .collect()
}

/// The columns of `ctdb -X status` that are flags. `Unknown` is a node that was not heard of so far.
const FLAGS: [(&str, NodeFlags); 6] = [
    ("Disconnected", NodeFlags::DISCONNECTED),
    ("Unknown", NodeFlags::DISCONNECTED),
    ("Banned", NodeFlags::BANNED),
    ("Disabled", NodeFlags::DISABLED),
    ("Unhealthy", NodeFlags::UNHEALTHY),
    ("Stopped", NodeFlags::STOPPED),
];

fn parse_addresses(said: &str) -> Option<Vec<(IpAddr, Option<u32>)>> {
    table(said)?
        .map(|row| {
            let node: i64 = row.cell("Node")?.parse().ok()?;
            // -1 is no node.
            let node = u32::try_from(node).ok();
            Some((row.cell("Public IP")?.parse().ok()?, node))
        })
        .collect()
}

/// A row of a table with the names of its columns.
pub(crate) struct Row<'a> {
    names: &'a str,
    cells: &'a str,
}

impl<'a> Row<'a> {
    /// The value in the column of this name.
    pub(crate) fn cell(&self, name: &str) -> Option<&'a str> {
        let at = cells(self.names).position(|found| found == name)?;
        cells(self.cells).nth(at)
    }
}

/// The rows of a table between bars, whose first line has names. There is none without a line.
pub(crate) fn table(said: &str) -> Option<impl Iterator<Item = Row<'_>>> {
    let mut lines = said.lines().filter(|line| line.starts_with('|'));
    let names = lines.next()?;
    Some(lines.map(move |cells| Row { names, cells }))
}

fn cells(line: &str) -> impl Iterator<Item = &str> {
    line.trim().trim_matches('|').split('|')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As ctdb 4.17 wrote it, one node disabled, and another cut off.
    const STATUS: &str = "\
|Node|IP|Disconnected|Unknown|Banned|Disabled|Unhealthy|Stopped|Inactive|PartiallyOnline|ThisNode|
|0|10.99.0.31|0|0|0|0|0|0|0|0|Y|
|2|10.99.0.33|1|0|0|1|1|0|1|0|N|
";

    #[test]
    fn tables_are_read() {
        let nodes = parse_nodes(STATUS).unwrap();
        assert_eq!(nodes.len(), 2);
        assert!(nodes[0].flags.is_healthy());
        assert_eq!((nodes[1].pnn, nodes[1].flags.bits()), (2, 0x07));
        let addresses = "|Public IP|Node|\n|10.99.0.61|2|\n|fd00::1|-1|\n";
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        assert_eq!(
            parse_addresses(addresses).unwrap(),
            [(address("10.99.0.61"), Some(2)), (address("fd00::1"), None)]
        );
        assert_eq!(parse_nodes(""), None);
        assert_eq!(parse_nodes("|Node|IP|\n|0\n"), None);
        assert_eq!(parse_addresses("|Public IP|Node|\n|10.99.0.61|\n"), None);
    }

    #[test]
    fn tunables_are_read() {
        let said = "SeqnumInterval            = 1000\nControlTimeout            = 60\n";
        let found = parse_tunables(said);
        assert_eq!(found[1], ("ControlTimeout".to_owned(), 60));
    }
}
