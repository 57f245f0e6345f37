//! Waiting until a guest has booted so far that its agent answers.

use std::time::Instant;

use serde::{Deserialize, Serialize};
use smbgw_core::change::Change;
use smbgw_core::host_label::HostLabel;

use super::deed::{Deed, deeds};
use crate::provisioning::error::ProvisioningError;
use crate::provisioning::wait::{is_off, may_pass, until};
use crate::provisioning::world::Provisioning;

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
        let guest = world.guest(&self.guest)?;
        let begun = Instant::now();
        let deadline = world.deadline().at_most(world.waits.agent);
        let asked = guest.until(deadline);
        let mut console = guest.console();
        let answered = until(deadline, || {
            console.look();
            let answer = asked.ping();
            // That takes a while, and where the guest has ended, its last words can still be read.
            console.look();
            match answer {
                Ok(()) => Ok(Some(())),
                Err(error) if may_pass(&error) => Ok(None),
                Err(error) if is_off(&error) => Err(ProvisioningError::Ended {
                    guest: guest.id(),
                    said: console.tail(),
                }),
                Err(error) => Err(error),
            }
        })?;
        let silent = || ProvisioningError::Silent {
            guest: guest.id(),
            seconds: begun.elapsed().as_secs(),
            said: console.tail(),
        };
        answered.map(|()| Change::Unchanged).ok_or_else(silent)
    }
}
