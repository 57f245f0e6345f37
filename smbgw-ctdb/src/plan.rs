//! An operation on a cluster as a list of steps on its nodes.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use smbgw_core::journal::Planned;
use smbgw_core::transaction::Transaction;

use crate::node::{NodeName, NodeSpec};
use crate::steps::{
    addresses::{AwaitAddress, ReloadAddresses, ReloadAddressesAfterUndo},
    clear::ClearDatabases,
    daemon::{DisableNode, StartDaemon, StopDaemon},
    file::PutFile,
    healthy::AwaitHealthy,
    nodes::{ReloadNodes, ReloadNodesAfterUndo, WithdrawNode},
    samba::{BringSamba, HoldSamba},
    script::SetScript,
    settings::ProveSettings,
};
use crate::world::Cluster;

/// The journal of the operation that is under way, on the machine that it is run on.
pub const JOURNAL: &str = "/var/lib/smbgw/cluster/operation.jsonl";

/// What an operation will do, in order. It holds no secrets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The kind of operation.
    pub operation: Operation,
    /// The name of the cluster.
    pub cluster: String,
    /// The nodes that it works on, with the ways to them.
    pub nodes: Vec<NodeSpec>,
    /// What is done, in order.
    pub steps: Vec<Step>,
    /// The first step that cannot be undone, by its place in `steps`.
    pub point_of_no_return: Option<usize>,
}

/// The kinds of operations on a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    /// Make a cluster of machines.
    Setup,
    /// Take one more node in.
    AddNode,
    /// Take a node out.
    RemoveNode,
    /// Make machines of a cluster again.
    Teardown,
    /// Remember a cluster that somebody else set up.
    Adopt,
    /// Keep an address for somebody, and serve under it.
    Reserve,
    /// Keep it no longer, and do not serve under it.
    Release,
}

impl std::fmt::Display for Operation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Setup => "set-up",
            Self::AddNode => "addition of a node",
            Self::RemoveNode => "removal of a node",
            Self::Teardown => "teardown",
            Self::Adopt => "adoption",
            Self::Reserve => "reservation of an address",
            Self::Release => "withdrawal of an address",
        })
    }
}

smbgw_core::steps! {
    /// One step of a plan.
    Step<'a> on Cluster<'a>:
    PutFile,
    SetScript,
    HoldSamba,
    BringSamba,
    ProveSettings,
    StartDaemon,
    StopDaemon,
    DisableNode,
    AwaitHealthy,
    ReloadNodesAfterUndo,
    ReloadNodes,
    WithdrawNode,
    ReloadAddressesAfterUndo,
    ReloadAddresses,
    AwaitAddress,
    ClearDatabases,
}

impl Step {
    /// The node that it works on, where that is one alone.
    pub fn node(&self) -> Option<&NodeName> {
        Some(match self {
            Self::PutFile(step) => &step.node,
            Self::SetScript(step) => &step.node,
            Self::HoldSamba(step) => &step.node,
            Self::BringSamba(step) => &step.node,
            Self::ProveSettings(step) => &step.node,
            Self::StartDaemon(step) => &step.node,
            Self::StopDaemon(step) => &step.node,
            Self::DisableNode(step) => &step.node,
            Self::ClearDatabases(step) => &step.node,
            Self::AwaitHealthy(_)
            | Self::ReloadNodesAfterUndo(_)
            | Self::ReloadNodes(_)
            | Self::WithdrawNode(_)
            | Self::ReloadAddressesAfterUndo(_)
            | Self::ReloadAddresses(_)
            | Self::AwaitAddress(_) => return None,
        })
    }
}

impl Planned for Plan {
    fn journal_file(&self) -> PathBuf {
        JOURNAL.into()
    }

    fn steps(&self) -> usize {
        self.steps.len()
    }
}

impl<'a> Transaction<Cluster<'a>> for Plan {
    type Step = Step;

    fn list(&self) -> &[Step] {
        &self.steps
    }

    fn point_of_no_return(&self) -> Option<usize> {
        self.point_of_no_return
    }

    fn title(&self) -> String {
        format!("{} of the cluster {}", self.operation, self.cluster)
    }

    /// What was done on one node is undone also where another one is gone.
    fn is_independent(&self, step: usize, other: usize) -> bool {
        let node = |at: usize| self.steps.get(at).and_then(Step::node);
        // Every node reads its own file.
        if let Some(Step::ReloadAddressesAfterUndo(_)) = self.steps.get(step) {
            return true;
        }
        if let (Some(Step::WithdrawNode(step)), Some(other)) = (self.steps.get(step), node(other)) {
            return !step.on.contains(other);
        }
        match (node(step), node(other)) {
            (Some(one), Some(other)) => one != other,
            // The cluster is told of another list of nodes when all have it.
            _ => node(other).is_none(),
        }
    }

    fn interrupted(&self) -> &'static str {
        crate::code::Code::Interrupted.as_str()
    }

    fn to_finish(&self) -> &'static str {
        "pve-smbgateway ha-recover"
    }
}
