//! A guest of a node of Proxmox VE.

use std::time::Duration;

use smbgw_core::change::Change;
use smbgw_core::deadline::Deadline;
use smbgw_core::error::chain_text;
use smbgw_core::secret::Secret;

use super::{Guest, Standing};
use crate::guest_interface::GuestInterface;
use crate::provisioning::console::Console;
use crate::provisioning::error::ProvisioningError;
use crate::proxmox::{Executed, HaState, Mark, Proxmox, ProxmoxError, RunState};
use crate::vmid::Vmid;

/// How much longer a command may take than the guest that it waits for.
const GRACE: Duration = Duration::from_secs(10);

/// A guest of a node of Proxmox VE.
pub(in crate::provisioning) struct NodeGuest<'a> {
    /// The node.
    pub(in crate::provisioning) node: Proxmox<'a>,
    /// Its number.
    pub(in crate::provisioning) vmid: Vmid,
}

impl Guest for NodeGuest<'_> {
    fn id(&self) -> String {
        self.vmid.to_string()
    }

    fn until(&self, deadline: Deadline) -> Box<dyn Guest + '_> {
        Box::new(Self {
            node: self.node.until(deadline),
            vmid: self.vmid,
        })
    }

    fn start(&self) -> Result<Change, ProvisioningError> {
        let status = self.node.status(self.vmid)?;
        if status.is_managed {
            // It would stop again what it is to keep switched off.
            self.node.keep_available(self.vmid, HaState::Started)?;
        } else if status.state == RunState::Stopped {
            match self.node.start(self.vmid) {
                Err(ProxmoxError::AlreadyRunning { .. }) => return Ok(Change::Unchanged),
                other => other?,
            }
        }
        Ok(match status.state {
            RunState::Stopped => Change::Updated,
            RunState::Running | RunState::Paused => Change::Unchanged,
        })
    }

    fn ask_to_end(&self) -> Result<(), ProvisioningError> {
        let status = self.node.status(self.vmid)?;
        if status.is_managed {
            return Ok(self.node.keep_available(self.vmid, HaState::Stopped)?);
        }
        if status.state == RunState::Stopped {
            return Ok(());
        }
        let seconds = self.node.deadline().remaining().as_secs();
        let seconds = u32::try_from(seconds.max(1)).unwrap_or(u32::MAX);
        // The command ends when the guest has, or the seconds are over.
        let node = self
            .node
            .until(Deadline::after(self.node.deadline().remaining() + GRACE));
        match node.shut_down(self.vmid, seconds) {
            Err(error) if chain_text(&error).contains("got timeout") => Ok(()),
            other => Ok(other?),
        }
    }

    fn switch_off(&self) -> Result<(), ProvisioningError> {
        let is_kept = self.node.status(self.vmid)?.is_managed;
        let switched_off = match is_kept {
            true => self.node.stop_kept(self.vmid),
            false => self.node.stop(self.vmid),
        };
        Ok(switched_off?)
    }

    fn standing(&self, mark: &Mark) -> Result<Standing, ProvisioningError> {
        let vmid = self.vmid;
        if self.node.ours(vmid, mark)?.is_none() {
            return Err(ProxmoxError::NoSuchGuest { vmid }.into());
        }
        let status = self.node.status(vmid)?;
        Ok(Standing {
            state: status.state,
            kept_available: status.is_managed,
        })
    }

    fn ping(&self) -> Result<(), ProvisioningError> {
        Ok(self.node.ping_agent(self.vmid)?)
    }

    fn execute(
        &self,
        words: &[&str],
        input: Option<Secret>,
        within_seconds: u32,
    ) -> Result<Executed, ProvisioningError> {
        let ended = self.node.execute(self.vmid, words, input, within_seconds);
        Ok(ended?)
    }

    fn interfaces(&self) -> Result<Vec<GuestInterface>, ProvisioningError> {
        Ok(self.node.interfaces(self.vmid)?)
    }

    fn console(&self) -> Console<'_> {
        Console::of_node(self.node.host(), self.vmid)
    }
}
