//! How long it takes at worst until an address is on another node.

use serde::{Deserialize, Serialize};

use super::Tunables;

/// What a recovery of the databases and the moving of addresses are given, in seconds: work, not waiting. Small
/// databases need a third of it.
pub(super) const WORK_SECONDS: u32 = 1;

/// A way of losing a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Loss {
    /// ctdbd ends by a signal; its connections end with it.
    ProcessKilled,
    /// The node falls silent for good.
    PoweredOff,
    /// The private network of the node is cut, and it runs on.
    NetworkCut,
    /// ctdbd of a node that does not lead does nothing any more, and its connections stay.
    DaemonHung,
    /// The same of the node that leads.
    LeaderHung,
    /// A service of the node ends, such as smbd.
    ServiceEnded,
    /// The disk of the node answers nothing any more.
    DiskStalled,
}

/// A part of the time that a loss takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Part {
    /// What is waited for, as a sentence.
    pub what: &'static str,
    /// The settings that it is made of.
    pub formula: &'static str,
    /// How long it takes at worst.
    pub milliseconds: u64,
}

/// What a loss takes at worst.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct WorstCase {
    /// The loss.
    pub loss: Loss,
    /// The time until it is noticed; `None` where it never is.
    pub notice_milliseconds: Option<u64>,
    /// The time until its addresses are on another node; `None` where that does not happen.
    pub address_milliseconds: Option<u64>,
    /// The time until a client is served again that tries again and again; `None` where it is not.
    pub client_milliseconds: Option<u64>,
    /// What the time until the address is on another node is made of, in order.
    pub parts: Vec<Part>,
    /// What is not promised, and on what it depends.
    pub limits: Vec<&'static str>,
}

impl Loss {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::ProcessKilled,
        Self::PoweredOff,
        Self::NetworkCut,
        Self::DaemonHung,
        Self::LeaderHung,
        Self::ServiceEnded,
        Self::DiskStalled,
    ];

    /// Whether an objective holds for it. Where it does not, the case says why.
    pub const fn is_promised(self) -> bool {
        !matches!(self, Self::DiskStalled)
    }
}

impl std::fmt::Display for Loss {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::ProcessKilled => "ctdbd killed",
            Self::PoweredOff => "power lost",
            Self::NetworkCut => "network cut",
            Self::DaemonHung => "ctdbd hung",
            Self::LeaderHung => "leader hung",
            Self::ServiceEnded => "service ended",
            Self::DiskStalled => "disk stalled",
        })
    }
}

/// What each loss takes at worst with these settings, in a cluster that has no other trouble.
pub fn worst_cases(tunables: &Tunables) -> Vec<WorstCase> {
    Loss::ALL
        .into_iter()
        .map(|loss| worst_case(loss, tunables))
        .collect()
}

/// What a client sees at worst of an address that is away for so long.
///
/// One that begins to connect meanwhile tries again after 1, 2, 4… seconds (RFC 6298), so the attempt that
/// succeeds may come that much later. Connections that are open are ended by the node that takes over.
pub fn client_gap(address_milliseconds: u64) -> u64 {
    // The last attempt of one that began t after the beginning is at t + 2^k - 1 seconds, the next one 2^k
    // later: latest where the last is just too early.
    let pauses = (0..).map(|k| 1_000_u64 << k).take(20);
    let longest = pauses
        .take_while(|pause| *pause <= address_milliseconds.saturating_add(1_000))
        .last();
    address_milliseconds.saturating_add(longest.unwrap_or(1_000))
}

fn worst_case(loss: Loss, tunables: &Tunables) -> WorstCase {
    let (mut parts, limits): (Vec<Part>, Vec<&'static str>) = match loss {
        Loss::ProcessKilled => (
            vec![no_leader(tunables)],
            vec![LOCK_OF_A_DEAD_LEADER, NO_LOCK, LEADER_IN_A_MOVE],
        ),
        Loss::PoweredOff => (
            silent_leader(tunables),
            vec![LOCK_OF_A_LOST_LEADER, NO_LOCK, LEADER_IN_A_MOVE],
        ),
        Loss::NetworkCut => (vec![silence(tunables)], vec![CUT_LEADER, TWO_HOLDERS]),
        Loss::DaemonHung => (vec![silence(tunables)], Vec::new()),
        Loss::LeaderHung => (
            silent_leader(tunables),
            vec![LOCK_OF_A_HUNG_LEADER, NO_LOCK, LEADER_IN_A_MOVE],
        ),
        Loss::ServiceEnded => (vec![look(tunables), WORK_OF_A_SCRIPT], Vec::new()),
        Loss::DiskStalled => (vec![slow_looks(tunables)], vec![STALLED_DISK]),
    };
    let sum = |parts: &[Part]| {
        let each = parts.iter().map(|part| part.milliseconds);
        each.fold(0, u64::saturating_add)
    };
    let notice = sum(&parts);
    // A recovery is put off for a while after the last one; that time runs while the loss is noticed.
    let put_off = seconds(tunables.rerecovery_timeout);
    if is_recovered(loss) && put_off > notice {
        parts.push(Part {
            what: "the last recovery was a moment ago, and the next one is put off",
            formula: "RerecoveryTimeout, less the time above",
            milliseconds: put_off - notice,
        });
    }
    parts.push(Part {
        what: "the leader looks again",
        formula: "RecoverInterval",
        milliseconds: seconds(tunables.recover_interval),
    });
    parts.push(Part {
        what: "databases are recovered and addresses moved, an estimate for small databases",
        formula: "1 s",
        milliseconds: seconds(WORK_SECONDS),
    });
    let address = sum(&parts);
    WorstCase {
        loss,
        notice_milliseconds: Some(notice),
        address_milliseconds: Some(address),
        client_milliseconds: Some(client_gap(address)),
        parts,
        limits,
    }
}

/// Whether the databases are recovered; a node that is unhealthy only loses its addresses.
fn is_recovered(loss: Loss) -> bool {
    !matches!(loss, Loss::ServiceEnded | Loss::DiskStalled)
}

fn silence(tunables: &Tunables) -> Part {
    let intervals = u64::from(tunables.keepalive_limit) + 1;
    Part {
        what: "the others hear nothing for so many intervals, and one in which the last sign came",
        formula: "KeepaliveInterval x (KeepaliveLimit + 1)",
        milliseconds: seconds(tunables.keepalive_interval).saturating_mul(intervals),
    }
}

fn no_leader(tunables: &Tunables) -> Part {
    Part {
        what: "it was the leader: the others wait for it, and one of them takes the cluster lock",
        formula: "leader timeout",
        milliseconds: seconds(tunables.leader_timeout),
    }
}

/// A leader that falls silent. Who looks for another one asks all nodes that are there to wait, and the silent one is
/// there until it is taken for lost: until then nobody leads, and the next attempt comes after another timeout.
fn silent_leader(tunables: &Tunables) -> Vec<Part> {
    let (silence, no_leader) = (silence(tunables), no_leader(tunables));
    if no_leader.milliseconds > silence.milliseconds {
        return vec![no_leader];
    }
    let again = Part {
        what: "the others begin anew to wait for a leader",
        formula: "RecoverInterval",
        milliseconds: seconds(tunables.recover_interval),
    };
    vec![silence, again, no_leader]
}

/// In how many seconds the addresses of a leader that falls silent are elsewhere at worst.
pub(super) fn leader_seconds(tunables: &Tunables) -> u64 {
    let case = worst_case(Loss::LeaderHung, tunables);
    case.address_milliseconds.unwrap_or(u64::MAX) / 1_000
}

fn look(tunables: &Tunables) -> Part {
    Part {
        what: "the node looks again whether its services are well",
        formula: "MonitorInterval",
        milliseconds: seconds(tunables.monitor_interval),
    }
}

fn slow_looks(tunables: &Tunables) -> Part {
    let one = u64::from(tunables.monitor_interval) + u64::from(tunables.event_script_timeout);
    Part {
        what: "so many looks of the node at itself take too long",
        formula: "(MonitorInterval + EventScriptTimeout) x MonitorTimeoutCount",
        milliseconds: one
            .saturating_mul(1_000)
            .saturating_mul(tunables.monitor_timeout_count.into()),
    }
}

const WORK_OF_A_SCRIPT: Part = Part {
    what: "its scripts run, an estimate",
    formula: "1 s",
    milliseconds: seconds(WORK_SECONDS),
};

const fn seconds(count: u32) -> u64 {
    count as u64 * 1_000
}

const LOCK_OF_A_DEAD_LEADER: &str = "where the leader is killed, what holds the cluster lock has to end with it: \
    ctdb's own program for a lock on a file looks every 5 s only, and takes up to 5 s + leader timeout more";
const LEADER_IN_A_MOVE: &str = "a leader that is lost while it moves addresses has told the others to move none \
    for 60 s, which ctdb 4.17 does not let be changed";
const LOCK_OF_A_LOST_LEADER: &str = "where the leader is lost, the cluster filesystem (or whatever keeps the \
    cluster lock) has to take the lock from it, in a time of its own";
const CUT_LEADER: &str = "a leader that is cut off from the other nodes and not from the cluster lock goes on \
    leading: it is the others that lose their addresses to it";
const TWO_HOLDERS: &str = "the side without the cluster lock keeps its addresses on its interfaces for \
    RecoveryDropAllIPs; it serves nobody there, as its databases are frozen";
const LOCK_OF_A_HUNG_LEADER: &str = "a leader that hangs keeps the cluster lock, so that no other node can lead, \
    unless the lock is a file and set-up has written what lets go of it";
const NO_LOCK: &str = "in a cluster without a lock, another leader is found by an election, which takes \
    ElectionTimeout more";
const STALLED_DISK: &str = "a node with a stalled disk answers the others, and is given up only when its scripts \
    take too long; none of them touches every disk";
