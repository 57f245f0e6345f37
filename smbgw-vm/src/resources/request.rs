//! What a guest is to have.

use serde::{Deserialize, Serialize};
use smbgw_core::size::ByteSize;

use crate::address_setting::AddressSetting;
use crate::proxmox::{BridgeName, CloneKind, MappingId, StorageId};
use crate::vmid::Vmid;

/// What a guest is to have, as far as a node has to have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuestRequest {
    /// Its number, where a certain one is wanted.
    pub vmid: Option<Vmid>,
    /// Its memory, in MiB.
    pub memory_mib: u32,
    /// What ballooning leaves it with at least, in MiB; all where it is not said, or 0.
    pub balloon_mib: Option<u32>,
    /// How many processors it has.
    pub cores: u32,
    /// What its first disk is made of.
    pub origin: Origin,
    /// The storage of its first disk.
    pub storage: StorageId,
    /// A disk for data: its storage and size.
    pub data: Option<(StorageId, ByteSize)>,
    /// The bridge that it is plugged into.
    pub bridge: BridgeName,
    /// The VLAN of its network card. It is looked at here whether it is one.
    pub vlan: Option<u16>,
    /// How it gets its address.
    pub address: AddressSetting,
    /// Where documents for cloud-init go, where there are any.
    pub snippets: Option<StorageId>,
    /// The mapping of a directory that it sees through virtiofs.
    pub mapping: Option<MappingId>,
}

/// What the first disk of a guest is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// A template on the node.
    Template {
        /// The template.
        template: Vmid,
        /// How it is copied.
        kind: CloneKind,
    },
    /// An image that is imported.
    Image {
        /// The size of its disk.
        size: ByteSize,
    },
}
