//! A guest that is taken away.

use serde::{Deserialize, Serialize};
use smbgw_core::change::Change;
use smbgw_core::step::LeftBehind;

use crate::provisioning::error::ProvisioningError;
use crate::provisioning::guest::mark_of;
use crate::provisioning::record::GuestRecord;
use crate::provisioning::steps::deed::{Deed, deeds};
use crate::provisioning::world::Provisioning;
use crate::proxmox::Mark;

deeds! { DiscardDomain }

/// Takes the virtual machine of a guest away. Its disks stay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DiscardDomain {
    /// What is known of it.
    pub record: GuestRecord,
}

impl Deed for DiscardDomain {
    fn title(&self) -> String {
        format!("remove the virtual machine {}", self.record.name)
    }

    fn carry_out(&self, world: &Provisioning<'_>) -> Result<Change, ProvisioningError> {
        discard(world, &self.record)
    }

    fn left_behind(&self) -> Vec<LeftBehind> {
        vec![left_of(self.record.name.as_str(), &self.record.mark)]
    }
}

/// Takes the virtual machine of a guest away, where it is there and has the mark, with what it wrote to its console.
pub(super) fn discard(
    world: &Provisioning<'_>,
    record: &GuestRecord,
) -> Result<Change, ProvisioningError> {
    let virsh = world.virsh()?;
    let place = record.on_libvirt()?;
    let change = match virsh.prove(&place.domain, &mark_of(&record.name, &record.mark)) {
        Ok(ours) => {
            virsh.power_off(&place.domain)?;
            virsh.undefine(ours)?;
            Change::Removed
        }
        Err(error) if error.is_missing() => Change::Unchanged,
        Err(error) => return Err(error.into()),
    };
    world.machine().remove(&place.console)?;
    Ok(change)
}

/// What may be left of a guest.
pub(super) fn left_of(domain: &str, mark: &Mark) -> LeftBehind {
    LeftBehind {
        what: format!("the virtual machine `{domain}`, with the mark {mark} in its XML"),
        commands: vec![
            format!("virsh dumpxml {domain} | grep {mark}"),
            format!("virsh destroy {domain}"),
            format!("virsh undefine {domain} --nvram"),
        ],
    }
}
