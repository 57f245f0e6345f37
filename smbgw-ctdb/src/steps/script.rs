//! Event scripts: which ones ctdb runs on a node.

use serde::{Deserialize, Serialize};
use smbgw_core::change::Change;
use smbgw_core::step::{Action, LeftBehind};
use smbgw_core::step_error::StepError;

use super::left_on;
use crate::cluster_error::step;
use crate::node::NodeName;
use crate::world::Cluster;

/// Has ctdb run an event script, or not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SetScript {
    /// The node.
    pub node: NodeName,
    /// The name of the script, such as `50.samba`.
    pub script: String,
    /// Whether it is to run.
    pub enabled: bool,
}

impl Action<Cluster<'_>> for SetScript {
    type Undo = ();

    fn title(&self) -> String {
        let verb = if self.enabled { "enable" } else { "disable" };
        format!("{verb} the event script {} on {}", self.script, self.node)
    }

    fn check(&self, cluster: &Cluster<'_>) -> Result<Option<()>, StepError> {
        Ok((self.is_enabled(cluster)? != self.enabled).then_some(()))
    }

    fn apply(&self, cluster: &Cluster<'_>, (): &()) -> Result<Change, StepError> {
        self.set(cluster, self.enabled)?;
        Ok(Change::Updated)
    }

    fn undo(&self, cluster: &Cluster<'_>, (): &()) -> Result<(), StepError> {
        if cluster.is_given_up(&self.node) || self.is_enabled(cluster)? != self.enabled {
            return Ok(());
        }
        self.set(cluster, !self.enabled)
    }

    fn left_behind(&self, (): &()) -> Vec<LeftBehind> {
        let word = if self.enabled { "disable" } else { "enable" };
        vec![left_on(
            &self.node,
            format_args!("the event script {}, which was changed", self.script),
            vec![format!("ctdb event script {word} legacy {}", self.script)],
        )]
    }
}

impl SetScript {
    fn is_enabled(&self, cluster: &Cluster<'_>) -> Result<bool, StepError> {
        let ctl = cluster.ctl(&self.node).map_err(step)?;
        let scripts = ctl.event_scripts().map_err(step)?;
        Ok(scripts
            .iter()
            .any(|(name, enabled)| *name == self.script && *enabled))
    }

    fn set(&self, cluster: &Cluster<'_>, enabled: bool) -> Result<(), StepError> {
        let ctl = cluster.ctl(&self.node).map_err(step)?;
        match enabled {
            true => ctl.enable_script(&self.script),
            false => ctl.disable_script(&self.script),
        }
        .map_err(step)
    }
}
