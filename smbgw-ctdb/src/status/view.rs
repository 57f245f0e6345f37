//! What one ctdbd knows, before it is put together.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::ctl::{NodeState as KnownNode, RunState};
use crate::placement::NodeFlags;
use crate::status::{Capabilities, DatabaseStatus, Recovery, RecoveryMode};

/// What a ctdbd knows of the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Overview {
    /// Its own number.
    pub number: u32,
    /// All nodes that were not removed.
    pub nodes: Vec<KnownNode>,
    pub recovery_mode: RecoveryMode,
    pub generation: Option<u32>,
    pub members: Vec<u32>,
    pub leader: Option<u32>,
    pub cluster_lock: Option<String>,
    pub databases: Vec<DatabaseStatus>,
}

/// What a ctdbd knows of itself, asked by way of any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Details {
    pub run_state: RunState,
    pub lag_microseconds: Option<u64>,
    pub capabilities: Capabilities,
    pub started_at_seconds: i64,
    pub last_recovery: Option<Recovery>,
    pub recovering_since_seconds: Option<i64>,
    pub ban_seconds: Option<u32>,
    /// The public addresses of its file.
    pub addresses: BTreeMap<IpAddr, Known>,
}

/// What a node knows of a public address in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    /// The node it takes to have the address.
    pub holder: Option<u32>,
    /// Whether it could take the address now.
    pub available: bool,
}

impl Overview {
    /// How many nodes take part that it hears, itself among them.
    pub(super) fn reach(&self) -> usize {
        self.nodes
            .iter()
            .filter(|node| node.flags.is_active())
            .count()
    }

    /// What it says of its own node.
    pub(super) fn own(&self) -> Option<KnownNode> {
        let mut nodes = self.nodes.iter();
        nodes.find(|node| node.pnn == self.number).copied()
    }

    /// Whether it takes part in the cluster itself.
    pub(super) fn takes_part(&self) -> bool {
        self.own().is_some_and(|node| node.flags.is_active())
    }

    /// Whether its own event scripts found something.
    pub(super) fn is_unhealthy(&self) -> bool {
        let unhealthy = |node: KnownNode| node.flags.any(NodeFlags::UNHEALTHY);
        self.own().is_some_and(unhealthy)
    }
}
