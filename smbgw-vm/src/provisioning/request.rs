//! What a guest is to be like.

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use smbgw_core::error::Problem;
use smbgw_core::host_label::HostLabel;
use smbgw_core::size::ByteSize;

use super::headroom::smallest_disk;
use super::share_request::ShareRequest;
use crate::address_setting::AddressSetting;
use crate::cloudinit::{DataFilesystem, DiskSerial, LoginName, PublicKey};
use crate::code::Code;
use crate::proxmox::{BridgeName, CloneKind, StorageId};
use crate::resources::{self, Origin};
use crate::template::TemplateName;
use crate::vmid::Vmid;

/// What a guest that serves SMB is to be like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuestRequest {
    /// What it calls itself, and what it is known by on its node.
    pub name: HostLabel,
    /// Its number, where a certain one is wanted.
    pub vmid: Option<Vmid>,
    /// Its memory, in MiB.
    pub memory_mib: u32,
    /// What ballooning leaves it with at least, in MiB; all where it is not said, or 0.
    pub balloon_mib: Option<u32>,
    /// How many processors it has.
    pub cores: u32,
    /// What it is made from.
    pub template: TemplateOrigin,
    /// Whether its first disk begins as that of the template and keeps what differs, instead of being a copy.
    pub linked: bool,
    /// The storage of its first disk and of the drive for cloud-init.
    pub storage: StorageId,
    /// The bridge that it is plugged into.
    pub bridge: BridgeName,
    /// The VLAN of its network card.
    pub vlan: Option<u16>,
    /// How it gets its address.
    pub address: AddressSetting,
    /// Servers for names, beside those that DHCP tells.
    pub name_servers: Vec<IpAddr>,
    /// Its disk for data, where it has one.
    pub data: Option<DataRequest>,
    /// The share that it serves from that disk, where it has one.
    pub share: Option<ShareRequest>,
    /// The storage with the documents for its cloud-init. They stay there: Proxmox VE reads them whenever the guest
    /// starts.
    pub snippets: StorageId,
    /// Who may log in as its administrator by ssh.
    pub ssh_keys: Vec<PublicKey>,
    /// Its users for SMB; each is given a password.
    pub users: Vec<LoginName>,
    /// Whether it starts with the node.
    pub starts_with_node: bool,
    /// Whether the high availability of Proxmox VE keeps it running.
    pub highly_available: bool,
}

/// What a guest is made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum TemplateOrigin {
    /// A template on the node.
    OnNode(Vmid),
    /// A template of the store, which is brought to the storage of the guest once.
    InStore(TemplateName),
}

impl fmt::Display for TemplateOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OnNode(vmid) => vmid.fmt(f),
            Self::InStore(name) => name.fmt(f),
        }
    }
}

/// A disk for data. It has one filesystem, mounted at [`DataRequest::MOUNT_POINT`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DataRequest {
    /// Its storage.
    pub storage: StorageId,
    /// Its size, which is rounded up to whole GiB.
    pub size: ByteSize,
    /// What it is formatted with.
    pub filesystem: DataFilesystem,
}

impl DataRequest {
    /// Where the filesystem is mounted in the guest.
    pub const MOUNT_POINT: &str = "/srv/smbgw";

    /// A disk on `storage` with room for a share with `quota`, so that the quota and not the disk is what stops a
    /// client.
    pub fn for_quota(storage: StorageId, quota: ByteSize, filesystem: DataFilesystem) -> Self {
        let gib = smallest_disk(quota).bytes().div_ceil(GIB);
        Self {
            storage,
            size: ByteSize::from_bytes(gib.saturating_mul(GIB)),
            filesystem,
        }
    }

    /// The disk, as the guest finds it.
    pub(super) fn device() -> String {
        format!("/dev/disk/by-id/virtio-{}", Self::NAME)
    }

    /// What is wrong with its size.
    pub(super) fn problem(&self) -> Option<Problem> {
        let message = format!(
            "a disk for data has 1 GiB to {LARGEST_GIB} GiB, and not {}",
            self.size
        );
        self.size_gib()
            .is_none()
            .then(|| wrong("data-size", message))
    }

    /// The label of the filesystem, and the serial of the disk.
    pub(super) const NAME: &str = "smbgw-data";

    /// The serial of the disk, by which the guest finds it.
    pub(super) fn serial() -> DiskSerial {
        Self::NAME.parse().expect("it is short and plain")
    }

    /// Its size in GiB, where Proxmox VE can have a disk so large.
    pub(super) fn size_gib(&self) -> Option<u32> {
        let gib = u32::try_from(self.size.bytes().div_ceil(GIB)).ok()?;
        (1..=LARGEST_GIB).contains(&gib).then_some(gib)
    }
}

impl GuestRequest {
    /// What is wrong with the request by itself.
    pub fn check(&self) -> Vec<Problem> {
        let data = self.data.as_ref();
        let mut problems: Vec<Problem> = data.and_then(DataRequest::problem).into_iter().collect();
        if self.users.iter().any(|user| user.as_str() == "root") {
            let message = "`root` is the guest's administrator, and no user for SMB";
            problems.push(wrong("users", message.into()));
        }
        if let Some(share) = &self.share {
            problems.extend(self.problems_of(share));
        }
        problems
    }

    /// What is wrong with the share.
    fn problems_of(&self, share: &ShareRequest) -> Vec<Problem> {
        let mut problems = share.spec(&self.users).err().unwrap_or_default();
        let least = smallest_disk(share.quota);
        let size = self.data.as_ref().and_then(DataRequest::size_gib);
        let message = match (&self.data, size) {
            (None, _) => "a share needs a disk for data".to_owned(),
            (Some(_), Some(gib)) if u64::from(gib) * GIB < least.bytes() => format!(
                "a disk of {gib} GiB is too small for a quota of {}: with what the filesystem takes for itself that \
                 needs {} GiB",
                share.quota,
                least.bytes().div_ceil(GIB)
            ),
            _ => return problems,
        };
        problems.push(wrong("data-size", message));
        problems
    }

    /// What a node has to have for it, whose first disk is made of `origin`.
    pub(super) fn needs(&self, origin: Origin) -> resources::GuestRequest {
        let rounded = |data: &DataRequest| {
            let gib = data.size.bytes().div_ceil(GIB);
            let size = ByteSize::from_bytes(gib.saturating_mul(GIB));
            (data.storage.clone(), size)
        };
        resources::GuestRequest {
            vmid: self.vmid,
            memory_mib: self.memory_mib,
            balloon_mib: self.balloon_mib,
            cores: self.cores,
            origin,
            storage: self.storage.clone(),
            data: self.data.as_ref().map(rounded),
            bridge: self.bridge.clone(),
            vlan: self.vlan,
            address: self.address,
            snippets: Some(self.snippets.clone()),
            mapping: None,
        }
    }

    /// How its first disk comes from a template on the node.
    pub(super) fn clone_kind(&self) -> CloneKind {
        match self.linked {
            true => CloneKind::Linked,
            false => CloneKind::Full {
                storage: Some(self.storage.clone()),
            },
        }
    }
}

/// A problem of a field of a request.
fn wrong(field: &str, message: String) -> Problem {
    let code = Code::GuestRequestInvalid;
    Problem::invalid(field, code.as_str(), message).remedy(code.fix())
}

const GIB: u64 = 1 << 30;

/// The largest disk that Proxmox VE makes of whole GiB with all kinds of storages: 128 TiB.
const LARGEST_GIB: u32 = 128 << 10;
