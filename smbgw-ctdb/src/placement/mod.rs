//! Where ctdb puts public addresses: what the leader's takeover run comes to, before it happens.
//!
//! The three algorithms of ctdb (tunable `IPAllocAlgorithm`, see `ctdb-tunables(7)`) are done again, with
//! the same order of looking at things, as that is what decides between equals: addresses from the highest
//! to the lowest, nodes from the lowest to the highest. Written from how `ctdb_takeover_helper` of Samba
//! 4.17 behaves; `tests/host_placement.rs` compares the two.
//!
//! A node that is disabled or unhealthy offers no address, even where all nodes are so. The tunable
//! `NoIPHostOnAllDisabled`, which once decided that, is obsolete and always on in this version.
//!
//! A cluster whose `ctdb.conf` says `[failover] disabled = yes` never moves an address; there is nothing
//! to predict.

mod cluster;
mod counted;
mod error;
mod flags;
mod lcp2;

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

pub use error::PlacementError;
pub use flags::NodeFlags;

use cluster::Cluster;

/// A node as it tells of itself. Its number (PNN) is its place in the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Node {
    /// The state of the node.
    pub flags: NodeFlags,
    /// Whether its ctdbd is in the run state `RUNNING`. In any other it offers no address.
    pub running: bool,
    /// Its public addresses, those of its file `public_addresses`.
    pub known: Vec<Known>,
}

impl Node {
    /// A node that is healthy and running.
    pub fn healthy(known: Vec<Known>) -> Self {
        Self {
            flags: NodeFlags::HEALTHY,
            running: true,
            known,
        }
    }
}

/// A public address as one node knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Known {
    /// The address.
    pub address: IpAddr,
    /// Whether the node could have it now: one of its interfaces has a link, and it is not being deleted.
    pub usable: bool,
    /// Whether the node has it now.
    pub held: bool,
}

impl Known {
    /// An address that the node could have, and whether it has it.
    pub fn new(address: impl Into<IpAddr>, held: bool) -> Self {
        Self {
            address: address.into(),
            usable: true,
            held,
        }
    }
}

/// How addresses are placed: the tunable `IPAllocAlgorithm`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Algorithm {
    /// Each address has a home; it is there whenever that node can have it (0).
    Deterministic,
    /// Even by number, with few moves (1).
    NonDeterministic,
    /// Even within each range of addresses, with few moves (2, what ctdb does by itself).
    #[default]
    Lcp2,
}

impl Algorithm {
    /// The algorithm that a value of the tunable selects. A value that ctdb does not know is LCP2.
    pub fn from_tunable(value: u32) -> Self {
        match value {
            0 => Self::Deterministic,
            1 => Self::NonDeterministic,
            _ => Self::Lcp2,
        }
    }
}

/// The tunables of the leader that matter for placing addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Settings {
    /// `IPAllocAlgorithm`.
    pub algorithm: Algorithm,
    /// `NoIPFailback`: nothing moves only for balance. The deterministic algorithm does not heed it.
    pub no_ip_failback: bool,
    /// `NoIPTakeover`: an address that has no node gets none.
    pub no_ip_takeover: bool,
    /// Nodes that addresses move to for balance although they have some, as after `ctdb reloadips`. Used
    /// by LCP2 alone; numbers that no node has are passed over.
    pub rebalance: Vec<u32>,
}

/// Where every address goes, from the lowest address to the highest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Placement {
    /// One entry for each address.
    pub addresses: Vec<Placed>,
}

impl Placement {
    /// The addresses that do not stay where they are.
    pub fn moves(&self) -> impl Iterator<Item = &Placed> {
        self.addresses
            .iter()
            .filter(|placed| placed.from != placed.to)
    }

    /// The node that gets `address`.
    pub fn of(&self, address: IpAddr) -> Option<u32> {
        let found = self
            .addresses
            .iter()
            .find(|placed| placed.address == address);
        found?.to
    }
}

/// One address: where it was and where it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Placed {
    /// The address.
    pub address: IpAddr,
    /// The node that had it. Where several say so, the one that ctdb believes: of those that are connected
    /// the one with the highest number, or else of the others.
    pub from: Option<u32>,
    /// The node that gets it.
    pub to: Option<u32>,
}

/// Tells where each public address of `nodes` is after ctdb's next takeover run.
///
/// # Errors
///
/// [`PlacementError::NoActiveNode`] where no node is active, as no run takes place then, and
/// [`PlacementError::Alike`] for two addresses that ctdb cannot tell from each other.
pub fn predict(nodes: &[Node], settings: &Settings) -> Result<Placement, PlacementError> {
    let mut cluster = Cluster::new(nodes, settings)?;
    match settings.algorithm {
        Algorithm::Deterministic => counted::deterministic(&mut cluster),
        Algorithm::NonDeterministic => counted::non_deterministic(&mut cluster, settings),
        Algorithm::Lcp2 => lcp2::place(&mut cluster, settings),
    }
    Ok(cluster.into_placement())
}

#[cfg(test)]
mod tests;
