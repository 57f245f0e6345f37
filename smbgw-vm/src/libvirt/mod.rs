//! A machine with libvirt: its virtual machines, pools and networks, by `virsh` (virsh(1)).
//!
//! Some things that libvirt can do are left out on purpose, as they go wrong without a word: `blockcommit`
//! without `--base` merges a machine into the template below it, `undefine --remove-all-storage` also removes
//! disks that were only lent, and snapshots with memory fail where there is virtiofs. No command that takes a
//! machine away works without proof that the machine is ours ([`OurDomain`]).

mod agent;
mod agent_secret;
mod call;
mod capabilities;
mod domains;
mod error;
mod execute;
mod kvm;
mod name;
mod networks;
mod ours;
mod pools;
mod requirements;
mod volumes;

use smbgw_core::deadline::Deadline;
use smbgw_core::host::Host;

pub use agent::{AdapterAddress, AddressSource};
pub use capabilities::{MachineTypes, NodeMemory};
pub use domains::DomainState;
pub use error::{LibvirtError, ObjectKind};
pub use kvm::{KvmProbe, KvmVerdict};
pub use name::{Name, NameError};
pub use networks::NetworkInfo;
pub use ours::OurDomain;
pub use pools::PoolInfo;
pub use requirements::{DiskNeed, Requirements};
pub use volumes::{NewVolume, VolumeInfo};

/// `virsh` on one machine.
#[derive(Clone, Copy, Debug)]
pub struct Virsh<'a> {
    /// The machine that runs the command.
    pub host: &'a dyn Host,
    /// When all of it has to be over.
    pub deadline: Deadline,
    uri: &'a str,
}

impl<'a> Virsh<'a> {
    /// The libvirt of the whole machine.
    pub const SYSTEM: &'static str = "qemu:///system";

    /// `virsh` on `host`, all of it over by `deadline`.
    pub fn new(host: &'a dyn Host, deadline: Deadline) -> Self {
        Self {
            host,
            deadline,
            uri: Self::SYSTEM,
        }
    }

    /// The same with another libvirt, such as `qemu:///session`.
    #[must_use]
    pub fn at(self, uri: &'a str) -> Self {
        Self { uri, ..self }
    }

    /// The same with another deadline.
    #[must_use]
    pub fn until(self, deadline: Deadline) -> Self {
        Self { deadline, ..self }
    }
}
