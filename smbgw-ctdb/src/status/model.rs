//! How a cluster stands, as it is shown.

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::ctl::RunState;
use crate::node::NodeName;
use crate::placement::NodeFlags;
use crate::status::Finding;
use crate::status::scripts::ScriptResult;

/// How a cluster stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ClusterStatus {
    /// When it was read, in seconds since 1970-01-01 00:00 UTC, by the clock of the machine that asked.
    pub read_at_seconds: i64,
    /// The number of the node whose view this is.
    pub seen_by: u32,
    /// Its nodes by their numbers; those that were removed are not among them.
    pub nodes: Vec<NodeStatus>,
    /// The number of the leader, where there is one. It also holds the cluster lock.
    pub leader: Option<u32>,
    /// Whether the cluster serves its databases, or is about to have them the same on all nodes.
    pub recovery_mode: RecoveryMode,
    /// The number of the last recovery; none where the node that was asked takes no part.
    pub generation: Option<u32>,
    /// The numbers of the nodes that keep the databases.
    pub members: Vec<u32>,
    /// The public addresses, sorted.
    pub addresses: Vec<AddressStatus>,
    /// The cluster lock as it is set (`cluster lock` of ctdb.conf(5)); none where there is none.
    pub cluster_lock: Option<String>,
    /// The databases that are attached, by their names.
    pub databases: Vec<DatabaseStatus>,
    /// What is not as it should be, the worst first.
    pub findings: Vec<Finding>,
}

/// How one node stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NodeStatus {
    /// Its number.
    pub number: u32,
    /// Its private address.
    pub address: IpAddr,
    /// What it is called, where that is known.
    pub name: Option<NodeName>,
    /// ctdb's word of flags.
    pub flags: NodeFlags,
    /// The same in words; a healthy node has none.
    pub states: Vec<NodeState>,
    /// How far its ctdbd has come, where it answers.
    pub run_state: Option<RunState>,
    /// How long its ctdbd took for an answer, in microseconds, by way of the one that was asked.
    pub lag_microseconds: Option<u64>,
    /// What it may become, where it answers.
    pub capabilities: Option<Capabilities>,
    /// When its ctdbd started, in seconds since 1970-01-01 00:00 UTC by its own clock, where it answers.
    pub started_at_seconds: Option<i64>,
    /// The last recovery or failover that it took part in.
    pub last_recovery: Option<Recovery>,
    /// Since when it takes part in a recovery, in seconds since 1970-01-01 00:00 UTC by its own clock, where it
    /// does.
    pub recovering_since_seconds: Option<i64>,
    /// How long it was banned for, in seconds, where it is and its ctdbd was asked by its socket.
    pub ban_seconds: Option<u32>,
    /// The version of its ctdb, where the node could be looked at: of the daemon that runs, or of the
    /// package where it was asked by commands.
    pub version: Option<String>,
    /// What its event scripts said last, where it is unhealthy and could be looked at.
    pub scripts: Option<Vec<ScriptResult>>,
    /// Why it could not be looked at, where that was tried.
    pub unseen: Option<String>,
}

/// A state of a node. Without one it is healthy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum NodeState {
    /// The others do not hear it.
    Disconnected,
    /// It is banned.
    Banned,
    /// An administrator stopped it.
    Stopped,
    /// An administrator disabled it.
    Disabled,
    /// One of its event scripts fails.
    Unhealthy,
}

/// Whether databases are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum RecoveryMode {
    /// They are.
    Normal,
    /// They are made the same on all nodes, and nobody is served meanwhile; or the node that was asked takes
    /// no part.
    Recovering,
}

/// What a node may become (`leader capability` and `lmaster capability` of ctdb.conf(5)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Capabilities {
    /// The leader.
    pub leader: bool,
    /// One of those that know where records are.
    pub lmaster: bool,
}

/// A recovery, or a failover of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Recovery {
    /// When it was over, in seconds since 1970-01-01 00:00 UTC by the clock of its node.
    pub finished_at_seconds: i64,
    /// How long it took. None where the next one has begun meanwhile.
    pub duration_microseconds: Option<u64>,
}

/// Where a public address is, and may be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AddressStatus {
    /// The address.
    pub address: IpAddr,
    /// The number of the node it is on, if it is on one. Where more than one claim it, the first.
    pub node: Option<u32>,
    /// The nodes whose ctdbd says that it has the address.
    pub claimed_by: Vec<u32>,
    /// The nodes on whose interfaces the address was seen. None where the interfaces of no node could be
    /// looked at.
    pub seen_on: Option<Vec<u32>>,
    /// The nodes that have it in their `public_addresses`, as far as they answer.
    pub configured_on: Vec<u32>,
    /// Those of them that could take it now: healthy ones with a working interface for it.
    pub available_on: Vec<u32>,
}

/// A database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DatabaseStatus {
    /// What it is called.
    pub name: String,
    /// Whether it outlives its ctdbd.
    pub persistent: bool,
    /// Whether every node has all of it.
    pub replicated: bool,
    /// Why ctdbd takes it for damaged, where it does.
    pub damage: Option<String>,
}

impl ClusterStatus {
    /// The node with this number.
    pub fn node(&self, number: u32) -> Option<&NodeStatus> {
        self.nodes.iter().find(|node| node.number == number)
    }

    /// What is known of this public address.
    pub fn address(&self, address: IpAddr) -> Option<&AddressStatus> {
        self.addresses.iter().find(|found| found.address == address)
    }

    /// The public addresses that are on this node.
    pub fn addresses_of(&self, number: u32) -> impl Iterator<Item = IpAddr> {
        let on_it = move |found: &&AddressStatus| found.node == Some(number);
        self.addresses
            .iter()
            .filter(on_it)
            .map(|found| found.address)
    }

    /// Whether more is different than times: a node, a leader, a recovery, an address, or what is wrong.
    pub fn differs_from(&self, other: &Self) -> bool {
        let about = |status: &Self| {
            let nodes = status.nodes.iter().map(|node| {
                let scripts = node.failed_scripts();
                let scripts = scripts.map(|script| (script.name.clone(), script.output.clone()));
                (
                    (node.number, node.address, node.flags, node.run_state),
                    (node.version.clone(), scripts.collect::<Vec<_>>()),
                )
            });
            // What is said in words may change every second, such as for how long something lasts.
            let findings = status.findings.iter().map(|finding| {
                let Finding {
                    severity,
                    code,
                    about,
                    ..
                } = finding.clone();
                (severity, code, about)
            });
            (nodes.collect::<Vec<_>>(), findings.collect::<Vec<_>>())
        };
        let of_all = |status: &Self| (status.leader, status.recovery_mode, status.generation);
        of_all(self) != of_all(other)
            || self.addresses != other.addresses
            || self.databases != other.databases
            || self.cluster_lock != other.cluster_lock
            || about(self) != about(other)
    }

    /// Whether all nodes are healthy, there is a leader, no recovery is under way, and every address is on
    /// exactly one node.
    pub fn is_healthy(&self) -> bool {
        self.leader.is_some()
            && self.recovery_mode == RecoveryMode::Normal
            && self.nodes.iter().all(NodeStatus::is_healthy)
            && self.addresses.iter().all(AddressStatus::is_well)
    }
}

impl NodeStatus {
    /// Whether it serves.
    pub fn is_healthy(&self) -> bool {
        self.flags.is_healthy()
    }

    /// The event scripts that did not do well.
    pub fn failed_scripts(&self) -> impl Iterator<Item = &ScriptResult> {
        let scripts = self.scripts.iter().flatten();
        scripts.filter(|script| script.outcome.is_failure())
    }

    /// Its name where it is known, and else its number: for messages.
    pub fn title(&self) -> String {
        match &self.name {
            Some(name) => format!("{name} (node {})", self.number),
            None => format!("node {}", self.number),
        }
    }
}

impl AddressStatus {
    /// Whether exactly one node has it.
    pub fn is_well(&self) -> bool {
        let seen_at_most_once = self.seen_on.as_ref().is_none_or(|nodes| nodes.len() <= 1);
        self.claimed_by.len() == 1 && seen_at_most_once
    }
}

impl NodeState {
    /// The states in ctdb's word of flags.
    pub fn of(flags: NodeFlags) -> Vec<Self> {
        let states = [
            (NodeFlags::DISCONNECTED, Self::Disconnected),
            (NodeFlags::BANNED, Self::Banned),
            (NodeFlags::STOPPED, Self::Stopped),
            (NodeFlags::DISABLED, Self::Disabled),
            (NodeFlags::UNHEALTHY, Self::Unhealthy),
        ];
        let set = states.into_iter().filter(|(flag, _)| flags.any(*flag));
        set.map(|(_, state)| state).collect()
    }
}

impl fmt::Display for NodeState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Disconnected => "disconnected",
            Self::Banned => "banned",
            Self::Stopped => "stopped",
            Self::Disabled => "disabled",
            Self::Unhealthy => "unhealthy",
        })
    }
}

impl fmt::Display for RecoveryMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Normal => "normal",
            Self::Recovering => "recovering",
        })
    }
}
