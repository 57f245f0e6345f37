//! Whether a guest starts with the machine of libvirt.

use serde::{Deserialize, Serialize};
use smbgw_core::change::Change;
use smbgw_core::host_label::HostLabel;

use crate::provisioning::error::ProvisioningError;
use crate::provisioning::steps::deed::{Deed, deeds};
use crate::provisioning::world::Provisioning;

deeds! { StartWithHost }

/// Has a guest start with the machine of libvirt. That ends with its definition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StartWithHost {
    /// The guest.
    pub guest: HostLabel,
}

impl Deed for StartWithHost {
    fn title(&self) -> String {
        format!("have {} start with its machine", self.guest)
    }

    fn carry_out(&self, world: &Provisioning<'_>) -> Result<Change, ProvisioningError> {
        let record = world.record(&self.guest)?;
        let domain = &record.on_libvirt()?.domain;
        world.virsh()?.set_autostart(domain, true)?;
        Ok(Change::Updated)
    }
}
