//! smbd and winbindd of a node while it becomes one, or stops being one.
//!
//! An smbd that was started with other settings than those of the cluster must not run beside it: it would
//! lock files for itself alone. So both are stopped before the settings change, and started after.

use serde::{Deserialize, Serialize};
use smbgw_core::change::Change;
use smbgw_core::step::{Action, LeftBehind};
use smbgw_core::step_error::StepError;

use super::left_on;
use crate::cluster_error::{ClusterError, step};
use crate::node::NodeName;
use crate::record::Managed;
use crate::service::Unit;
use crate::world::Cluster;

/// How smbd and winbindd are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SambaState {
    /// Whether smbd runs.
    pub smbd: bool,
    /// Whether winbindd runs.
    pub winbind: bool,
    /// Whether smbd starts with the machine, where somebody says.
    pub smbd_enabled: Option<bool>,
    /// Whether winbindd starts with the machine, where somebody says.
    pub winbind_enabled: Option<bool>,
}

/// Stops smbd and winbindd, and has what ctdb is to manage not start with the machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HoldSamba {
    /// The node.
    pub node: NodeName,
    /// What ctdb is to manage.
    pub managed: Managed,
}

impl Action<Cluster<'_>> for HoldSamba {
    type Undo = SambaState;

    fn title(&self) -> String {
        format!("stop smbd on {} until its settings are there", self.node)
    }

    fn check(&self, cluster: &Cluster<'_>) -> Result<Option<SambaState>, StepError> {
        let state = SambaState::look(cluster, &self.node).map_err(step)?;
        // Also where nothing runs: what an interrupted operation leaves is put right by undoing this.
        Ok(Some(state))
    }

    fn apply(&self, cluster: &Cluster<'_>, before: &SambaState) -> Result<Change, StepError> {
        // What ctdb is to start must not start without it.
        let without = |enabled: Option<bool>, managed: bool| enabled.map(|is| is && !managed);
        let wanted = SambaState {
            smbd: false,
            winbind: false,
            smbd_enabled: without(before.smbd_enabled, self.managed.samba),
            winbind_enabled: without(before.winbind_enabled, self.managed.winbind),
        };
        wanted.bring(cluster, &self.node).map_err(step)?;
        Ok(match wanted == *before {
            true => Change::Unchanged,
            false => Change::Updated,
        })
    }

    fn undo(&self, cluster: &Cluster<'_>, before: &SambaState) -> Result<(), StepError> {
        if cluster.is_given_up(&self.node) {
            return Ok(());
        }
        before.bring(cluster, &self.node).map_err(step)
    }

    fn left_behind(&self, before: &SambaState) -> Vec<LeftBehind> {
        before.to_be_started(&self.node)
    }
}

/// Brings smbd and winbindd to a state: those that ctdb does not manage after it runs, and all of them after
/// a cluster was taken apart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BringSamba {
    /// The node.
    pub node: NodeName,
    /// The state.
    pub state: SambaState,
}

impl Action<Cluster<'_>> for BringSamba {
    type Undo = SambaState;

    fn title(&self) -> String {
        let verb = if self.state.smbd { "start" } else { "leave" };
        format!("{verb} smbd on {}", self.node)
    }

    fn check(&self, cluster: &Cluster<'_>) -> Result<Option<SambaState>, StepError> {
        let before = SambaState::look(cluster, &self.node).map_err(step)?;
        Ok((before != self.state).then_some(before))
    }

    fn apply(&self, cluster: &Cluster<'_>, _: &SambaState) -> Result<Change, StepError> {
        self.state.bring(cluster, &self.node).map_err(step)?;
        Ok(Change::Updated)
    }

    fn undo(&self, cluster: &Cluster<'_>, before: &SambaState) -> Result<(), StepError> {
        if cluster.is_given_up(&self.node) {
            return Ok(());
        }
        before.bring(cluster, &self.node).map_err(step)
    }

    fn left_behind(&self, before: &SambaState) -> Vec<LeftBehind> {
        before.to_be_started(&self.node)
    }
}

impl SambaState {
    /// How they are on a node.
    pub(crate) fn look(cluster: &Cluster<'_>, node: &NodeName) -> Result<Self, ClusterError> {
        let services = cluster.services(node)?;
        Ok(Self {
            smbd: services.runs(Unit::Smbd)?,
            winbind: services.runs(Unit::Winbind)?,
            smbd_enabled: services.is_enabled(Unit::Smbd)?,
            winbind_enabled: services.is_enabled(Unit::Winbind)?,
        })
    }

    fn bring(self, cluster: &Cluster<'_>, node: &NodeName) -> Result<(), ClusterError> {
        let services = cluster.services(node)?;
        // winbindd first, as smbd asks it who a user is.
        for (unit, run, enabled) in [
            (Unit::Winbind, self.winbind, self.winbind_enabled),
            (Unit::Smbd, self.smbd, self.smbd_enabled),
        ] {
            if let Some(enabled) = enabled {
                services.set_enabled(unit, enabled)?;
            }
            match run {
                true => services.start(unit)?,
                false => services.stop(unit)?,
            }
        }
        Ok(())
    }

    fn to_be_started(self, node: &NodeName) -> Vec<LeftBehind> {
        let mut commands = Vec::new();
        for (unit, ran, enabled) in [
            (Unit::Winbind, self.winbind, self.winbind_enabled),
            (Unit::Smbd, self.smbd, self.smbd_enabled),
        ] {
            if enabled == Some(true) {
                commands.push(format!("systemctl enable {}", unit.name()));
            }
            if ran {
                commands.push(format!("systemctl restart {}", unit.name()));
            }
        }
        match commands.is_empty() {
            true => Vec::new(),
            false => vec![left_on(
                node,
                "Samba, which was running and may be stopped",
                commands,
            )],
        }
    }
}
