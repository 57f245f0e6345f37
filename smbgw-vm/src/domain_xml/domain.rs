//! What this crate knows of a machine.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use smbgw_core::size::ByteSize;

use super::{Disk, Interface, Mark};

/// A virtual machine of libvirt's, as far as this crate needs to know it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Domain {
    /// What runs it.
    pub virtualization: Virtualization,
    /// Its name: one on a machine of libvirt.
    pub name: String,
    /// Its number for all time. libvirt gives it one where nobody else did.
    pub uuid: Option<String>,
    /// What people are told it is, in a few words.
    pub title: Option<String>,
    /// What people are told of it.
    pub description: Option<String>,
    /// The most memory it can have.
    pub memory_bytes: ByteSize,
    /// The most processors it can have.
    pub vcpus: u32,
    /// The kind of computer, such as `pc-q35-7.2`.
    pub machine: Option<String>,
    /// The file in which UEFI keeps its variables, where it has one.
    pub nvram: Option<PathBuf>,
    /// Whether its memory can be shared with another process, as virtiofs needs.
    pub shared_memory: bool,
    /// Its disks, in their order.
    pub disks: Vec<Disk>,
    /// Its network adapters, in their order.
    pub interfaces: Vec<Interface>,
    /// Its folders of the machine of libvirt.
    pub filesystems: Vec<Filesystem>,
    /// Its ways to talk to the machine of libvirt.
    pub channels: Vec<Channel>,
    /// That it is one of ours, where it is.
    pub mark: Option<Mark>,
}

/// What runs a machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Virtualization {
    /// The processor itself.
    Kvm,
    /// QEMU, which translates every instruction.
    Qemu,
    /// Something else, by libvirt's word for it.
    Other(String),
}

/// A folder of the machine of libvirt that a machine has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Filesystem {
    /// How it is handed over, such as `virtiofs`.
    pub driver: Option<String>,
    /// The folder.
    pub source: Option<PathBuf>,
    /// The name by which the machine mounts it.
    pub target: String,
    /// Whether the machine can only read it.
    pub read_only: bool,
}

/// A way of a machine to talk to the machine of libvirt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Channel {
    /// Its name in the machine.
    pub name: String,
    /// Whether somebody in the machine listens; known while it runs.
    pub connected: Option<bool>,
}

impl Channel {
    /// The name of the channel that the guest agent of QEMU listens at.
    pub const GUEST_AGENT: &'static str = "org.qemu.guest_agent.0";
}

impl Domain {
    /// Whether it has the channel of the guest agent.
    pub fn has_agent_channel(&self) -> bool {
        let is_agent = |channel: &Channel| channel.name == Channel::GUEST_AGENT;
        self.channels.iter().any(is_agent)
    }

    /// Whether it has a folder by virtiofs: it can be neither saved nor have a snapshot with its memory.
    pub fn has_virtiofs(&self) -> bool {
        let is_virtiofs =
            |filesystem: &Filesystem| filesystem.driver.as_deref() == Some("virtiofs");
        self.filesystems.iter().any(is_virtiofs)
    }
}

impl Virtualization {
    /// libvirt's word for it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Kvm => "kvm",
            Self::Qemu => "qemu",
            Self::Other(word) => word,
        }
    }
}
