//! The databases of a cluster that is no more.

use serde::{Deserialize, Serialize};
use smbgw_core::change::Change;
use smbgw_core::step::{Action, LeftBehind};
use smbgw_core::step_error::StepError;

use super::left_on;
use crate::cluster_error::step;
use crate::databases;
use crate::node::NodeName;
use crate::world::Cluster;

/// Removes the databases of ctdb from a node, for good.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClearDatabases {
    /// The node.
    pub node: NodeName,
}

impl Action<Cluster<'_>> for ClearDatabases {
    type Undo = ();

    fn title(&self) -> String {
        format!("remove the databases of the cluster on {}", self.node)
    }

    fn check(&self, cluster: &Cluster<'_>) -> Result<Option<()>, StepError> {
        let host = cluster.member(&self.node).map_err(step)?.host;
        Ok((!databases::files(host)?.is_empty()).then_some(()))
    }

    fn apply(&self, cluster: &Cluster<'_>, (): &()) -> Result<Change, StepError> {
        let host = cluster.member(&self.node).map_err(step)?.host;
        databases::remove_others(host, &[])?;
        Ok(Change::Removed)
    }

    /// Never called: whatever comes first is done to its end.
    fn undo(&self, _: &Cluster<'_>, (): &()) -> Result<(), StepError> {
        Ok(())
    }

    fn left_behind(&self, (): &()) -> Vec<LeftBehind> {
        let what = format!("databases in {}", databases::FOLDER);
        let command = format!("rm -r {}/*/*", databases::FOLDER);
        vec![left_on(&self.node, what, vec![command])]
    }
}
