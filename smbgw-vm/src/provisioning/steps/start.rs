//! The start of a guest.

use serde::{Deserialize, Serialize};
use smbgw_core::change::Change;
use smbgw_core::host_label::HostLabel;

use super::deed::{Deed, deeds};
use crate::provisioning::error::ProvisioningError;
use crate::provisioning::world::Provisioning;

deeds! { StartGuest }

/// Starts a guest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StartGuest {
    /// The guest.
    pub guest: HostLabel,
}

impl Deed for StartGuest {
    fn title(&self) -> String {
        format!("start {}", self.guest)
    }

    fn carry_out(&self, world: &Provisioning<'_>) -> Result<Change, ProvisioningError> {
        world.guest(&self.guest)?.start()
    }
}
