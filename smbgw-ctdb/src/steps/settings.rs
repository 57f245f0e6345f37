//! That Samba reads its settings as they are meant.

use serde::{Deserialize, Serialize};
use smbgw_core::change::Change;
use smbgw_core::host::Command;
use smbgw_core::step::{Action, LeftBehind};
use smbgw_core::step_error::StepError;

use crate::cluster_error::{ClusterError, step};
use crate::node::NodeName;
use crate::world::Cluster;

/// Asks Samba what it reads in its configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProveSettings {
    /// The node.
    pub node: NodeName,
    /// The name of the cluster.
    pub name: String,
}

impl Action<Cluster<'_>> for ProveSettings {
    type Undo = ();

    fn title(&self) -> String {
        format!("ask Samba on {} for its settings", self.node)
    }

    fn check(&self, _: &Cluster<'_>) -> Result<Option<()>, StepError> {
        Ok(Some(()))
    }

    fn apply(&self, cluster: &Cluster<'_>, (): &()) -> Result<Change, StepError> {
        let host = cluster.member(&self.node).map_err(step)?.host;
        for (parameter, meant) in [
            ("clustering", "Yes"),
            ("netbios name", self.name.as_str()),
            ("registry shares", "Yes"),
        ] {
            let ask = Command::new("testparm")
                .args(["-s", "--section-name=global", "--parameter-name"])
                .arg(parameter);
            let said = host.run(&ask, cluster.deadline)?.text();
            let read = said.trim();
            if !read.eq_ignore_ascii_case(meant) {
                return Err(step(ClusterError::ReadDifferently {
                    node: self.node.clone(),
                    parameter,
                    meant: meant.to_owned(),
                    read: read.to_owned(),
                }));
            }
        }
        Ok(Change::Unchanged)
    }

    fn undo(&self, _: &Cluster<'_>, (): &()) -> Result<(), StepError> {
        Ok(())
    }

    fn left_behind(&self, (): &()) -> Vec<LeftBehind> {
        Vec::new()
    }
}
