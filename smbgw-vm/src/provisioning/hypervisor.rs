//! What runs guests.

use smbgw_core::deadline::Deadline;
use smbgw_core::host::Host;

use super::error::ProvisioningError;
use crate::libvirt::Virsh;
use crate::proxmox::Proxmox;

/// What runs guests, and when all of it has to be over.
#[derive(Clone, Debug)]
pub enum Hypervisor<'a> {
    /// A node of Proxmox VE.
    Proxmox(Proxmox<'a>),
    /// A machine with libvirt.
    Libvirt(Virsh<'a>),
}

impl<'a> Hypervisor<'a> {
    /// The same, all of it over by `deadline`.
    #[must_use]
    pub fn until(&self, deadline: Deadline) -> Self {
        match self {
            Self::Proxmox(node) => Self::Proxmox(node.until(deadline)),
            Self::Libvirt(virsh) => Self::Libvirt(virsh.until(deadline)),
        }
    }

    pub(super) fn machine(&self) -> &'a dyn Host {
        match self {
            Self::Proxmox(node) => node.host(),
            Self::Libvirt(virsh) => virsh.host,
        }
    }

    pub(super) fn deadline(&self) -> Deadline {
        match self {
            Self::Proxmox(node) => node.deadline(),
            Self::Libvirt(virsh) => virsh.deadline,
        }
    }

    /// The node, for what is done with Proxmox VE alone.
    pub(super) fn node(&self) -> Result<&Proxmox<'a>, ProvisioningError> {
        match self {
            Self::Proxmox(node) => Ok(node),
            Self::Libvirt(_) => Err(ProvisioningError::OtherHypervisor {
                wanted: "Proxmox VE",
            }),
        }
    }

    /// libvirt, for what is done with it alone.
    pub(super) fn virsh(&self) -> Result<&Virsh<'a>, ProvisioningError> {
        match self {
            Self::Libvirt(virsh) => Ok(virsh),
            Self::Proxmox(_) => Err(ProvisioningError::OtherHypervisor { wanted: "libvirt" }),
        }
    }
}

impl<'a> From<Proxmox<'a>> for Hypervisor<'a> {
    fn from(node: Proxmox<'a>) -> Self {
        Self::Proxmox(node)
    }
}

impl<'a> From<Virsh<'a>> for Hypervisor<'a> {
    fn from(virsh: Virsh<'a>) -> Self {
        Self::Libvirt(virsh)
    }
}
