//! The disk for data.

use serde::{Deserialize, Serialize};
use smbgw_core::change::Change;
use smbgw_core::host_label::HostLabel;

use super::deed::{Deed, deeds};
use super::settings::free_slot;
use crate::cloudinit::DiskSerial;
use crate::provisioning::error::ProvisioningError;
use crate::provisioning::world::Provisioning;
use crate::proxmox::{DiskSource, GuestSettings, StorageId};

deeds! { AddDataDisk }

/// Gives a guest an empty disk, by whose serial it finds it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AddDataDisk {
    /// The guest.
    pub guest: HostLabel,
    /// The storage of the disk.
    pub storage: StorageId,
    /// Its size in GiB.
    pub size_gib: u32,
    /// Its serial.
    pub serial: DiskSerial,
}

impl Deed for AddDataDisk {
    fn title(&self) -> String {
        format!(
            "give {} a disk of {} GiB for data",
            self.guest, self.size_gib
        )
    }

    fn carry_out(&self, world: &Provisioning<'_>) -> Result<Change, ProvisioningError> {
        let (node, vmid) = (world.node()?, world.vmid(&self.guest)?);
        // The kernel of a template is known to have the driver for this bus.
        let slot = free_slot(
            &node.config(vmid)?,
            (1..=15).map(|number| format!("virtio{number}")),
        )?;
        let disk = DiskSource::Empty {
            storage: self.storage.clone(),
            size_gib: self.size_gib,
        };
        let settings = GuestSettings {
            disks: vec![(slot.clone(), disk)],
            serials: vec![(slot, self.serial.clone())],
            ..GuestSettings::default()
        };
        node.set(vmid, &settings)?;
        Ok(Change::Created)
    }
}
