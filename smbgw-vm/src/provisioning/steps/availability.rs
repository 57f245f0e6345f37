//! The high availability of a guest.

use serde::{Deserialize, Serialize};
use smbgw_core::change::Change;
use smbgw_core::host_label::HostLabel;
use smbgw_core::step::{Action, LeftBehind};
use smbgw_core::step_error::StepError;

use crate::provisioning::error::step;
use crate::provisioning::record::GuestRecord;
use crate::provisioning::world::Provisioning;
use crate::proxmox::HaState;

/// Has the high availability of Proxmox VE keep a guest running.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeepAvailable {
    /// The guest.
    pub guest: HostLabel,
}

impl Action<Provisioning<'_>> for KeepAvailable {
    type Undo = ();

    fn title(&self) -> String {
        format!("keep {} available", self.guest)
    }

    fn check(&self, _: &Provisioning<'_>) -> Result<Option<()>, StepError> {
        Ok(Some(()))
    }

    fn apply(&self, world: &Provisioning<'_>, (): &()) -> Result<Change, StepError> {
        let vmid = world.vmid(&self.guest).map_err(step)?;
        let node = world.node().map_err(step)?;
        let kept = node.keep_available(vmid, HaState::Started);
        kept.map_err(step)?;
        Ok(Change::Created)
    }

    fn undo(&self, world: &Provisioning<'_>, (): &()) -> Result<(), StepError> {
        let record = GuestRecord::load(world.machine(), &self.guest)?;
        let Some(vmid) = record.and_then(|record| record.vmid()) else {
            return Ok(());
        };
        let node = world.node().map_err(step)?;
        node.leave_availability(vmid).map_err(step)
    }

    fn left_behind(&self, (): &()) -> Vec<LeftBehind> {
        vec![LeftBehind {
            what: format!("`{}` in high availability", self.guest),
            commands: vec![
                "ha-manager status".into(),
                "ha-manager remove vm:NUMBER".into(),
            ],
        }]
    }
}
