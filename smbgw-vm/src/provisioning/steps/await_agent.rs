//! Waiting until a guest has booted so far that its agent answers.

use std::time::Instant;

use serde::{Deserialize, Serialize};
use smbgw_core::change::Change;
use smbgw_core::host_label::HostLabel;

use super::deed::{Deed, deeds};
use crate::provisioning::console::Console;
use crate::provisioning::error::ProvisioningError;
use crate::provisioning::wait::{may_pass, until};
use crate::provisioning::world::Provisioning;
use crate::proxmox::ProxmoxError;

deeds! { AwaitAgent }

/// Waits until the agent of a guest answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AwaitAgent {
    /// The guest.
    pub guest: HostLabel,
}

impl Deed for AwaitAgent {
    fn title(&self) -> String {
        format!("wait until the agent of {} answers", self.guest)
    }

    fn carry_out(&self, world: &Provisioning<'_>) -> Result<Change, ProvisioningError> {
        let vmid = world.vmid(&self.guest)?;
        let begun = Instant::now();
        let deadline = world.deadline().at_most(world.waits.agent);
        let node = world.node.until(deadline);
        let mut console = Console::of(world.machine(), vmid);
        let answered = until(deadline, || {
            console.look();
            match node.ping_agent(vmid) {
                Ok(()) => Ok(Some(())),
                Err(error) if may_pass(&error) => Ok(None),
                Err(ProxmoxError::NotRunning { .. }) => Err(ProvisioningError::Ended {
                    vmid,
                    said: console.tail(),
                }),
                Err(error) => Err(error.into()),
            }
        })?;
        let silent = || ProvisioningError::Silent {
            vmid,
            seconds: begun.elapsed().as_secs(),
            said: console.tail(),
        };
        answered.map(|()| Change::Unchanged).ok_or_else(silent)
    }
}
