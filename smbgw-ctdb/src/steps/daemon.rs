//! ctdbd of a node: its start, its end, and the databases that it makes.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use smbgw_core::change::Change;
use smbgw_core::host::Command;
use smbgw_core::step::{Action, LeftBehind};
use smbgw_core::step_error::StepError;

use super::left_on;
use crate::address::VirtualAddress;
use crate::cluster_error::{ClusterError, step};
use crate::databases;
use crate::node::NodeName;
use crate::placement::NodeFlags;
use crate::service::Unit;
use crate::world::Cluster;

/// Starts ctdbd, now and with the machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StartDaemon {
    /// The node.
    pub node: NodeName,
    /// The addresses that it may take, each on its interface.
    pub addresses: Vec<VirtualAddress>,
}

/// How ctdbd was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DaemonState {
    /// Whether it ran.
    runs: bool,
    /// Whether it starts with the machine, where somebody says.
    enabled: Option<bool>,
    /// The files with databases.
    databases: Vec<PathBuf>,
}

impl Action<Cluster<'_>> for StartDaemon {
    type Undo = DaemonState;

    fn title(&self) -> String {
        format!("start ctdb on {}", self.node)
    }

    fn check(&self, cluster: &Cluster<'_>) -> Result<Option<DaemonState>, StepError> {
        let before = DaemonState::look(cluster, &self.node).map_err(step)?;
        let is_done = before.runs && before.enabled != Some(false);
        Ok((!is_done).then_some(before))
    }

    fn apply(&self, cluster: &Cluster<'_>, before: &DaemonState) -> Result<Change, StepError> {
        let services = cluster.services(&self.node).map_err(step)?;
        if before.enabled.is_some() {
            services.set_enabled(Unit::Ctdb, true).map_err(step)?;
        }
        services.start(Unit::Ctdb).map_err(step)?;
        Ok(Change::Updated)
    }

    fn undo(&self, cluster: &Cluster<'_>, before: &DaemonState) -> Result<(), StepError> {
        if cluster.is_given_up(&self.node) {
            return Ok(());
        }
        before.bring(cluster, &self.node).map_err(step)?;
        if before.runs {
            return Ok(());
        }
        let host = cluster.member(&self.node).map_err(step)?.host;
        // One that was killed has left them on their interfaces.
        for address in &self.addresses {
            let Some(interface) = address.interface() else {
                continue;
            };
            let whole = format!("{}/{}", address.address(), address.network().prefix());
            let drop = Command::new("ip")
                .args(["address", "delete", &whole, "dev", interface.as_str()])
                .accept(&[1, 2]);
            host.run(&drop, cluster.deadline)?;
        }
        databases::remove_others(host, &before.databases)?;
        Ok(())
    }

    fn left_behind(&self, before: &DaemonState) -> Vec<LeftBehind> {
        if before.runs {
            return Vec::new();
        }
        vec![left_on(
            &self.node,
            "ctdb, which may run, and its databases",
            vec!["systemctl disable --now ctdb".into()],
        )]
    }
}

/// Ends ctdbd, now and with the machine; its addresses move to other nodes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StopDaemon {
    /// The node.
    pub node: NodeName,
}

impl Action<Cluster<'_>> for StopDaemon {
    type Undo = DaemonState;

    fn title(&self) -> String {
        format!("stop ctdb on {}", self.node)
    }

    fn check(&self, cluster: &Cluster<'_>) -> Result<Option<DaemonState>, StepError> {
        let before = DaemonState::look(cluster, &self.node).map_err(step)?;
        let is_done = !before.runs && before.enabled != Some(true);
        Ok((!is_done).then_some(before))
    }

    fn apply(&self, cluster: &Cluster<'_>, before: &DaemonState) -> Result<Change, StepError> {
        let services = cluster.services(&self.node).map_err(step)?;
        services.stop(Unit::Ctdb).map_err(step)?;
        if before.enabled.is_some() {
            services.set_enabled(Unit::Ctdb, false).map_err(step)?;
        }
        Ok(Change::Updated)
    }

    fn undo(&self, cluster: &Cluster<'_>, before: &DaemonState) -> Result<(), StepError> {
        if cluster.is_given_up(&self.node) {
            return Ok(());
        }
        before.bring(cluster, &self.node).map_err(step)?;
        if before.runs {
            // It is asked by what is undone next: smbd is started, and the node enabled.
            let services = cluster.services(&self.node).map_err(step)?;
            services.wait(Unit::Ctdb, true).map_err(step)?;
        }
        Ok(())
    }

    fn left_behind(&self, before: &DaemonState) -> Vec<LeftBehind> {
        let commands = match before.enabled {
            Some(true) => vec!["systemctl enable --now ctdb".into()],
            _ => vec!["systemctl start ctdb".into()],
        };
        vec![left_on(&self.node, "ctdb, which may be stopped", commands)]
    }
}

/// Has a node give its addresses to others, and take none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DisableNode {
    /// The node.
    pub node: NodeName,
}

impl Action<Cluster<'_>> for DisableNode {
    type Undo = ();

    fn title(&self) -> String {
        format!("have {} give its addresses away", self.node)
    }

    /// One whose ctdbd does not run has none.
    fn check(&self, cluster: &Cluster<'_>) -> Result<Option<()>, StepError> {
        let services = cluster.services(&self.node).map_err(step)?;
        if !services.runs(Unit::Ctdb).map_err(step)? {
            return Ok(None);
        }
        let ctl = cluster.ctl(&self.node).map_err(step)?;
        let own = ctl.pnn().map_err(step)?;
        let nodes = ctl.nodes().map_err(step)?;
        let is_disabled = nodes
            .iter()
            .any(|state| state.pnn == own && state.flags.any(NodeFlags::DISABLED));
        Ok((!is_disabled).then_some(()))
    }

    fn apply(&self, cluster: &Cluster<'_>, (): &()) -> Result<Change, StepError> {
        let ctl = cluster.ctl(&self.node).map_err(step)?;
        ctl.disable(None).map_err(step)?;
        Ok(Change::Updated)
    }

    fn undo(&self, cluster: &Cluster<'_>, (): &()) -> Result<(), StepError> {
        if cluster.is_given_up(&self.node) {
            return Ok(());
        }
        let ctl = cluster.ctl(&self.node).map_err(step)?;
        ctl.enable(None).map_err(step)
    }

    fn left_behind(&self, (): &()) -> Vec<LeftBehind> {
        let commands = vec!["ctdb enable".into()];
        vec![left_on(
            &self.node,
            "ctdb, which may take no addresses",
            commands,
        )]
    }
}

impl DaemonState {
    fn look(cluster: &Cluster<'_>, node: &NodeName) -> Result<Self, ClusterError> {
        let services = cluster.services(node)?;
        Ok(Self {
            runs: services.runs(Unit::Ctdb)?,
            enabled: services.is_enabled(Unit::Ctdb)?,
            databases: databases::files(cluster.member(node)?.host)?,
        })
    }

    fn bring(&self, cluster: &Cluster<'_>, node: &NodeName) -> Result<(), ClusterError> {
        let services = cluster.services(node)?;
        match self.runs {
            true => services.start(Unit::Ctdb)?,
            false => services.stop(Unit::Ctdb)?,
        }
        if let Some(enabled) = self.enabled {
            services.set_enabled(Unit::Ctdb, enabled)?;
        }
        Ok(())
    }
}
