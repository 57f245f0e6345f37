//! Whether a guest is here and is the one that was made.

use std::path::PathBuf;

use super::error::ProvisioningError;
use super::guest::{Guest, Standing};
use super::place::Place;
use super::record::GuestRecord;
use super::world::Provisioning;
use crate::proxmox::ProxmoxError;

/// Looks whether the guest is on this node and carries its mark, or is gone.
pub(super) fn is_not_elsewhere(
    world: &Provisioning<'_>,
    record: &GuestRecord,
) -> Result<(), ProvisioningError> {
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

/// The guest that is remembered so, which has to be here, and how it stands.
pub(super) fn here<'a>(
    world: &Provisioning<'a>,
    record: &GuestRecord,
) -> Result<(Box<dyn Guest + 'a>, Standing), ProvisioningError> {
    let unknown = || ProvisioningError::Unknown(record.name.clone());
    let guest = world.guest_of(record)?.ok_or_else(unknown)?;
    match guest.standing(&record.mark) {
        Ok(standing) => Ok((guest, standing)),
        Err(gone @ ProvisioningError::Proxmox(ProxmoxError::NoSuchGuest { .. })) => {
            if matches!(record.place, Place::Proxmox(_)) {
                is_not_elsewhere(world, record)?;
            }
            Err(gone)
        }
        Err(error) => Err(error),
    }
}
