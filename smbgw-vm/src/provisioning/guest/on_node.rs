//! A guest of a node of Proxmox VE.

use smbgw_core::change::Change;
use smbgw_core::deadline::Deadline;
use smbgw_core::secret::Secret;

use super::{Guest, Standing};
use crate::guest_interface::GuestInterface;
use crate::provisioning::console::Console;
use crate::provisioning::error::ProvisioningError;
use crate::proxmox::{Executed, Mark, Proxmox, ProxmoxError};
use crate::vmid::Vmid;

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
        self.node.start(self.vmid)?;
        Ok(Change::Updated)
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
