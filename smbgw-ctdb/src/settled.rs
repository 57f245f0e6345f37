//! Everything about a cluster that was interrupted: changes to it, and drills.

use serde::Serialize;
use smbgw_core::deadline::Deadline;
use smbgw_core::host::Host;
use smbgw_core::progress::Progress;

use crate::drill::{self, DrillError};
use crate::members::Members;
use crate::node::NodeName;
use crate::outcome::Outcome;
use crate::record::ClusterRecord;
use crate::recover::{self, nodes_under_way};
use crate::world::Cluster;

/// What was interrupted, and what became of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Settled {
    /// A change to the cluster.
    pub change: Option<recover::Recovered>,
    /// A drill that has left a node broken.
    pub drill: Option<drill::Recovered>,
}

impl Settled {
    /// Whether nothing is left to be done.
    pub fn is_over(&self) -> bool {
        let needs_more =
            |one: &recover::Recovered| matches!(one.outcome, Outcome::NeedsAttention { .. });
        !self.change.as_ref().is_some_and(needs_more)
            && self.drill.as_ref().is_none_or(|one| one.cause.is_none())
    }
}

/// Finishes or undoes what was interrupted on `coordinator`; nobody waits for the nodes `given_up`.
///
/// # Errors
/// Where that cannot be found out, or somebody else works on the cluster.
pub fn settle(
    coordinator: &dyn Host,
    given_up: &[NodeName],
    progress: &dyn Progress,
    deadline: Deadline,
) -> Result<Settled, DrillError> {
    let nodes = match nodes_under_way(coordinator)? {
        Some(nodes) => nodes,
        None => match ClusterRecord::load(coordinator)? {
            Some(record) => record.present().map(|(_, spec)| spec.clone()).collect(),
            None => Vec::new(),
        },
    };
    let members = Members::open(nodes.iter().filter(|node| !given_up.contains(&node.name)));
    let cluster = Cluster {
        coordinator,
        members: &members.reached(),
        given_up,
        progress,
        deadline,
    };
    Ok(Settled {
        change: recover::recover(&cluster)?,
        drill: drill::recover(&cluster)?,
    })
}
