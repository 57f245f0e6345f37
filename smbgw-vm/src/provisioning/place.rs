//! Where a guest lives.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::domain_xml::NetworkSource;
use crate::libvirt::Name;
use crate::proxmox::StorageId;
use crate::template::TemplateName;
use crate::vmid::Vmid;

/// Where a guest lives, and what it has there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", tag = "on")]
pub enum Place {
    /// On a node of Proxmox VE.
    Proxmox(NodePlace),
    /// On a machine with libvirt.
    Libvirt(LibvirtPlace),
}

/// What a guest has on a node of Proxmox VE.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NodePlace {
    /// Its number, from when it is about to be made.
    pub vmid: Option<Vmid>,
    /// The template that it is made from.
    pub template: Option<Vmid>,
    /// The storage with the documents for its cloud-init.
    pub snippets: StorageId,
}

/// What a guest has on a machine with libvirt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LibvirtPlace {
    /// The name of its virtual machine.
    pub domain: Name,
    /// Its volumes. Their names have its mark in them, so that nobody else's are called so.
    pub volumes: Vec<PoolVolume>,
    /// The template in the pool, where its first disk is a layer over that. Others may have it, too.
    pub template: Option<TemplateName>,
    /// The pool of its first disk.
    pub pool: Name,
    /// What its network card is connected to.
    pub network: NetworkSource,
    /// The file with what it writes to its console.
    pub console: PathBuf,
}

/// A volume in a pool of libvirt's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PoolVolume {
    /// The pool.
    pub pool: Name,
    /// The volume.
    pub volume: Name,
}
