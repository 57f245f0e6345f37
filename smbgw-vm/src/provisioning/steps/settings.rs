//! What a guest has that its template has not: memory, network, the drive for cloud-init.

use serde::{Deserialize, Serialize};
use smbgw_core::change::Change;
use smbgw_core::host_label::HostLabel;

use super::deed::{Deed, deeds};
use crate::provisioning::error::ProvisioningError;
use crate::provisioning::world::Provisioning;
use crate::proxmox::{DiskSlot, GuestConfig, GuestSettings, StorageId};

deeds! { ChangeSettings }

/// Gives a guest its settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChangeSettings {
    /// The guest.
    pub guest: HostLabel,
    /// What it is to have.
    pub settings: GuestSettings,
    /// The storage of its drive for cloud-init, where the template has none.
    pub cloud_init: StorageId,
}

impl Deed for ChangeSettings {
    fn title(&self) -> String {
        format!("give {} its memory, processors and network", self.guest)
    }

    fn carry_out(&self, world: &Provisioning<'_>) -> Result<Change, ProvisioningError> {
        let vmid = world.vmid(&self.guest)?;
        let node = world.node()?;
        let config = node.config(vmid)?;
        let mut settings = self.settings.clone();
        let mut disks = config.disks().into_iter();
        if !disks.any(|disk| disk.is_cdrom && disk.volume.name().contains("cloudinit")) {
            // `ide2` as Proxmox VE itself has it.
            let slot = free_slot(&config, [2, 0, 3, 1].map(|number| format!("ide{number}")))?;
            settings.cloud_init = Some((slot, self.cloud_init.clone()));
        }
        node.set(vmid, &settings)?;
        Ok(Change::Updated)
    }
}

/// The first of `places` that the guest has nothing in.
pub(super) fn free_slot(
    config: &GuestConfig,
    places: impl IntoIterator<Item = String>,
) -> Result<DiskSlot, ProvisioningError> {
    let mut places = places.into_iter();
    let free = places.find(|place| config.option(place).is_none());
    let name = free.unwrap_or_else(|| "none is free".into());
    Ok(name.parse::<DiskSlot>()?)
}
