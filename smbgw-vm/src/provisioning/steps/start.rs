//! The start and the end of a guest.

use serde::{Deserialize, Serialize};
use smbgw_core::change::Change;
use smbgw_core::host_label::HostLabel;

use super::deed::{Deed, deeds};
use crate::provisioning::error::ProvisioningError;
use crate::provisioning::switch::{switch_off, switch_on};
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
        switch_on(world, &self.guest)
    }
}

/// Stops a guest.
pub(in crate::provisioning) struct StopGuest {
    /// The guest.
    pub(in crate::provisioning) guest: HostLabel,
    /// Whether it is switched off where it does not end by itself.
    pub(in crate::provisioning) forced: bool,
}

impl Deed for StopGuest {
    fn title(&self) -> String {
        format!("stop {}", self.guest)
    }

    fn carry_out(&self, world: &Provisioning<'_>) -> Result<Change, ProvisioningError> {
        switch_off(world, &self.guest, self.forced)
    }
}
