//! A guest that is taken away.

use serde::{Deserialize, Serialize};
use smbgw_core::change::Change;
use smbgw_core::host_label::HostLabel;
use smbgw_core::step::LeftBehind;

use super::deed::{Deed, deeds};
use crate::provisioning::error::ProvisioningError;
use crate::provisioning::record::GuestRecord;
use crate::provisioning::world::Provisioning;
use crate::proxmox::{Mark, ProxmoxError};
use crate::vmid::Vmid;

deeds! { DiscardGuest }

/// Takes a guest away, with its disks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DiscardGuest {
    /// What is known of it.
    pub record: GuestRecord,
}

impl Deed for DiscardGuest {
    fn title(&self) -> String {
        format!("remove the virtual machine {}", self.record.name)
    }

    fn carry_out(&self, world: &Provisioning<'_>) -> Result<Change, ProvisioningError> {
        let place = self.record.on_node()?;
        let Some(vmid) = place.vmid else {
            return Ok(Change::Unchanged);
        };
        let node = world.node()?;
        Ok(node.discard(vmid, &self.record.mark, place.template)?)
    }

    fn left_behind(&self) -> Vec<LeftBehind> {
        vec![left_of(&self.record.name, &self.record.mark)]
    }
}

/// Takes away what was made under a number, which failed or was interrupted, where it has the mark. `template` is what
/// it was cloned from.
pub(super) fn discard(
    world: &Provisioning<'_>,
    (vmid, mark): (Option<Vmid>, &Mark),
    template: Option<Vmid>,
) -> Result<(), ProvisioningError> {
    let Some(vmid) = vmid else { return Ok(()) };
    match world.node()?.discard(vmid, mark, template) {
        Ok(_) => Ok(()),
        Err(error @ ProxmoxError::NotOurs { .. }) => {
            // Somebody else was faster with that number. While a guest is being made it has no mark yet.
            let config = world.node()?.find_config(vmid)?;
            let is_being_made = config.is_some_and(|config| {
                config.mark().is_none() && matches!(config.lock(), Some("clone" | "create"))
            });
            if is_being_made {
                Err(error.into())
            } else {
                Ok(())
            }
        }
        Err(error) => Err(error.into()),
    }
}

/// What may be left of a guest.
pub(super) fn left_of(guest: &HostLabel, mark: &Mark) -> LeftBehind {
    LeftBehind {
        what: format!("the virtual machine `{guest}`, with the mark {mark} in its notes"),
        commands: vec![
            format!("grep -l {mark} /etc/pve/qemu-server/*.conf"),
            "qm destroy NUMBER --purge 1".into(),
        ],
    }
}
