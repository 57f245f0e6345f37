//! Telling a running cluster of another list of nodes.

use std::net::IpAddr;
use std::path::Path;

use serde::{Deserialize, Serialize};
use smbgw_core::change::Change;
use smbgw_core::step::{Action, LeftBehind};
use smbgw_core::step_error::StepError;

use super::left_on;
use crate::cluster_error::step;
use crate::content::Content;
use crate::node::NodeName;
use crate::record;
use crate::setup::NODES;
use crate::world::Cluster;

/// Has the cluster read its `nodes` again when what comes after this is taken back, as the files are as
/// before by then.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReloadNodesAfterUndo {
    /// The node that is told.
    pub node: NodeName,
}

impl Action<Cluster<'_>> for ReloadNodesAfterUndo {
    type Undo = ();

    fn title(&self) -> String {
        format!("have {} know the nodes as they are now", self.node)
    }

    fn check(&self, _: &Cluster<'_>) -> Result<Option<()>, StepError> {
        Ok(Some(()))
    }

    fn apply(&self, _: &Cluster<'_>, (): &()) -> Result<Change, StepError> {
        Ok(Change::Unchanged)
    }

    fn undo(&self, cluster: &Cluster<'_>, (): &()) -> Result<(), StepError> {
        if cluster.is_given_up(&self.node) {
            return Ok(());
        }
        let ctl = cluster.ctl(&self.node).map_err(step)?;
        ctl.reload_nodes().map_err(step)
    }

    fn left_behind(&self, (): &()) -> Vec<LeftBehind> {
        left_behind(&self.node)
    }
}

/// Has the cluster forget a new node where its addition is taken back. The number stays taken, as ctdb does
/// not forget one: the line is commented out, and the record says that the node is gone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WithdrawNode {
    /// The nodes that were there.
    pub on: Vec<NodeName>,
    /// The private address of the new one.
    pub address: IpAddr,
    /// The list of nodes without it.
    pub nodes: Content,
    /// The record of the cluster without it.
    pub record: Content,
}

impl Action<Cluster<'_>> for WithdrawNode {
    type Undo = ();

    fn title(&self) -> String {
        format!("have {} be a node of the cluster", self.address)
    }

    fn check(&self, _: &Cluster<'_>) -> Result<Option<()>, StepError> {
        Ok(Some(()))
    }

    /// The steps that follow do it.
    fn apply(&self, _: &Cluster<'_>, (): &()) -> Result<Change, StepError> {
        Ok(Change::Unchanged)
    }

    fn undo(&self, cluster: &Cluster<'_>, (): &()) -> Result<(), StepError> {
        let mut left = self.on.iter().filter(|node| !cluster.is_given_up(node));
        let Some(first) = left.clone().next() else {
            return Ok(());
        };
        let ctl = cluster.ctl(first).map_err(step)?;
        let known = ctl.nodes().map_err(step)?;
        // What was never told to ctdb is not to be taken back.
        if known.iter().all(|state| state.address != self.address) {
            return Ok(());
        }
        left.try_for_each(|node| {
            let host = cluster.member(node).map_err(step)?.host;
            host.write(Path::new(NODES), self.nodes.as_bytes(), 0o644)?;
            host.write(Path::new(record::FILE), self.record.as_bytes(), 0o644)?;
            Ok::<_, StepError>(())
        })?;
        ctl.reload_nodes().map_err(step)
    }

    fn left_behind(&self, (): &()) -> Vec<LeftBehind> {
        let what = format!("the node {}, which ctdb may know already", self.address);
        let node = self.on.first();
        node.map(|node| left_on(node, what, vec!["ctdb reloadnodes".into()]))
            .into_iter()
            .collect()
    }
}

/// Has the cluster read its `nodes` again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReloadNodes {
    /// The node that is told.
    pub node: NodeName,
}

impl Action<Cluster<'_>> for ReloadNodes {
    type Undo = ();

    fn title(&self) -> String {
        "have the cluster read its list of nodes".into()
    }

    fn check(&self, _: &Cluster<'_>) -> Result<Option<()>, StepError> {
        Ok(Some(()))
    }

    fn apply(&self, cluster: &Cluster<'_>, (): &()) -> Result<Change, StepError> {
        let ctl = cluster.ctl(&self.node).map_err(step)?;
        ctl.reload_nodes().map_err(step)?;
        Ok(Change::Updated)
    }

    /// [`ReloadNodesAfterUndo`], which came before, does it when the files are as before.
    fn undo(&self, _: &Cluster<'_>, (): &()) -> Result<(), StepError> {
        Ok(())
    }

    fn left_behind(&self, (): &()) -> Vec<LeftBehind> {
        left_behind(&self.node)
    }
}

fn left_behind(node: &NodeName) -> Vec<LeftBehind> {
    vec![left_on(
        node,
        "the list of nodes, which ctdb may not have read",
        vec!["ctdb reloadnodes".into()],
    )]
}
