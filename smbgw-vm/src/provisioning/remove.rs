//! Taking a guest away.

use std::path::PathBuf;

use smbgw_core::host_label::HostLabel;

use super::error::ProvisioningError;
use super::outcome::Outcome;
use super::place::Place;
use super::plan::{Operation, Plan, Step};
use super::record::GuestRecord;
use super::recover::{begin, settle_earlier};
use super::steps::discard::DiscardGuest;
use super::steps::record::ForgetRecord;
use super::steps::snippets::RemoveSnippets;
use super::world::Provisioning;

/// Takes the guest `name` away with its disks and all that is on them, and its documents. That cannot be undone: what
/// is interrupted is finished by recovering.
///
/// # Errors
/// [`ProvisioningError::Unknown`] where no guest of that name was made on this node; `vm.guest-not-ours` where the
/// guest of its number does not carry its mark, and [`ProvisioningError::Elsewhere`] where it is on another node.
/// Nothing was touched then.
pub fn remove(world: &Provisioning<'_>, name: &HostLabel) -> Result<Outcome, ProvisioningError> {
    let _lock = world.lock(name, "removing a virtual machine")?;
    let notes = settle_earlier(world, name)?;
    let record = world.record(name)?;
    is_here(world, &record)?;
    let discarded = DiscardGuest {
        record: record.clone(),
    };
    let mut steps: Vec<Step> = vec![discarded.into()];
    if let Place::Proxmox(place) = &record.place {
        let documents = RemoveSnippets {
            storage: place.snippets.clone(),
            mark: record.mark.clone(),
        };
        steps.push(documents.into());
    }
    let guest = record.name.clone();
    steps.push(ForgetRecord { guest }.into());
    let plan = Plan {
        operation: Operation::Remove,
        name: record.name,
        steps,
        point_of_no_return: Some(0),
    };
    begin(world, &plan, notes)
}

/// Looks whether the guest is on this node and carries its mark, or is gone.
fn is_here(world: &Provisioning<'_>, record: &GuestRecord) -> Result<(), ProvisioningError> {
    let node = world.node()?;
    let Some(vmid) = record.on_node()?.vmid else {
        return Ok(());
    };
    if node.ours(vmid, &record.mark)?.is_some() {
        return Ok(());
    }
    let guests = node.guests()?;
    let Some(other) = guests.iter().find(|guest| guest.vmid == vmid) else {
        return Ok(());
    };
    // Each node has the configurations of all (pmxcfs(8)). The number may be somebody else's by now.
    let path = format!("/etc/pve/nodes/{}/qemu-server/{vmid}.conf", other.node);
    let config = world.machine().read(&PathBuf::from(path))?;
    let text = config.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    if text.is_some_and(|text| text.contains(record.mark.as_str())) {
        let node = other.node.clone();
        return Err(ProvisioningError::Elsewhere { vmid, node });
    }
    Ok(())
}
