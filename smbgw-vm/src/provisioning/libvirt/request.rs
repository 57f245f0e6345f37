//! What a guest of libvirt is to be like.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use smbgw_core::error::Problem;
use smbgw_core::host_label::HostLabel;
use smbgw_core::size::ByteSize;

use crate::address_setting::AddressSetting;
use crate::cloudinit::{DataFilesystem, LoginName, PublicKey};
use crate::code::Code;
use crate::domain_xml::{Accelerator, Boot, NetworkSource};
use crate::libvirt::Name;
use crate::provisioning::headroom::smallest_disk;
use crate::provisioning::share_request::ShareRequest;
use crate::template::TemplateName;

/// What a guest of libvirt that serves SMB is to be like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuestRequest {
    /// What it calls itself, and what its virtual machine is called.
    pub name: HostLabel,
    /// Its memory, in MiB.
    pub memory_mib: u32,
    /// How many processors it has.
    pub cores: u32,
    /// The template of the store that it is made from.
    pub template: TemplateName,
    /// Whether its first disk begins as that of the template and keeps what differs, instead of being a copy.
    pub linked: bool,
    /// The pool of its first disk and of its documents, which keeps files.
    pub pool: Name,
    /// What its network card is connected to.
    pub network: NetworkSource,
    /// How it gets its address.
    pub address: AddressSetting,
    /// Servers for names, beside those that DHCP tells.
    pub name_servers: Vec<IpAddr>,
    /// Its disk for data, where it has one.
    pub data: Option<DataRequest>,
    /// The share that it serves, on its disk for data.
    pub share: Option<ShareRequest>,
    /// Who may log in as its administrator by ssh.
    pub ssh_keys: Vec<PublicKey>,
    /// Its users for SMB; each is given a password.
    pub users: Vec<LoginName>,
    /// Whether it starts with the machine of libvirt.
    pub starts_with_host: bool,
    /// What runs it. Whether KVM can is found out by [`Virsh::try_kvm`](crate::libvirt::Virsh::try_kvm) alone.
    pub accelerator: Accelerator,
    /// What starts it.
    pub boot: Boot,
}

/// A disk for data. It has one filesystem, mounted at
/// [`DataRequest::MOUNT_POINT`](super::super::DataRequest::MOUNT_POINT).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataRequest {
    /// Its pool.
    pub pool: Name,
    /// Its size, which takes room of the pool as it is written to.
    pub size: ByteSize,
    /// What it is formatted with.
    pub filesystem: DataFilesystem,
}

impl DataRequest {
    /// A disk in `pool` with room for a share with `quota`, so that the quota and not the disk is what stops a client.
    pub fn for_quota(pool: Name, quota: ByteSize, filesystem: DataFilesystem) -> Self {
        Self {
            pool,
            size: smallest_disk(quota),
            filesystem,
        }
    }
}

/// The least memory that a guest boots in, in MiB.
const LEAST_MEMORY_MIB: u32 = 128;

/// The smallest disk that both file systems can be made on: that of XFS (mkfs.xfs(8)), in MiB.
const LEAST_DATA_MIB: u64 = 300;

impl GuestRequest {
    /// What is wrong with the request by itself.
    pub fn check(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut wrong = |field: &str, code: Code, message: String| {
            problems.push(Problem::invalid(field, code.as_str(), message).remedy(code.fix()));
        };
        if self.memory_mib < LEAST_MEMORY_MIB {
            let message = format!(
                "a guest boots in {LEAST_MEMORY_MIB} MiB of memory at least, and not in {}",
                self.memory_mib
            );
            wrong("vm-memory", Code::MemoryInvalid, message);
        }
        if let Some(data) = &self.data
            && data.size < ByteSize::from_mib(LEAST_DATA_MIB)
        {
            let message = format!(
                "a disk for data has {LEAST_DATA_MIB} MiB at least, and not {}",
                data.size
            );
            wrong("data-size", Code::GuestRequestInvalid, message);
        }
        if self.users.iter().any(|user| user.as_str() == "root") {
            let message = "`root` is the guest's administrator, and no user for SMB";
            wrong("users", Code::GuestRequestInvalid, message.into());
        }
        if let Some(share) = &self.share {
            let least = smallest_disk(share.quota);
            match &self.data {
                None => {
                    let message = "a share needs a disk for data".to_owned();
                    wrong("data-size", Code::GuestRequestInvalid, message);
                }
                Some(data) if data.size < least => {
                    let message = format!(
                        "a disk of {} is too small for a quota of {}: with what the filesystem takes for itself that \
                         needs {least}",
                        data.size, share.quota
                    );
                    wrong("data-size", Code::GuestRequestInvalid, message);
                }
                Some(_) => {}
            }
            problems.extend(share.spec(&self.users).err().unwrap_or_default());
        }
        problems
    }
}
