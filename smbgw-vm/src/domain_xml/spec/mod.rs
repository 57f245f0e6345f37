//! A new machine as it is asked for.

mod check;
#[cfg(test)]
mod tests;
mod write;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use smbgw_core::error::{Coded, ErrorKind, Problem};
use smbgw_core::mac::Mac;
use smbgw_core::size::ByteSize;

use super::{DiskSource, Mark};
use crate::code::Code;
use crate::image::ImageFormat;

pub(super) use check::{check_disk, is_text};
pub(super) use write::{disk, source};

/// A machine that libvirt is to define.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DomainSpec {
    /// Its name: letters, digits, `-`, `_` and `.`.
    pub name: String,
    /// What people are told of it.
    pub description: Option<String>,
    /// That it is ours.
    pub mark: Mark,
    /// What runs it. Whether the processor can is not seen from `/dev/kvm`.
    pub accelerator: Accelerator,
    /// The kind of computer.
    pub chipset: Chipset,
    /// What starts it.
    pub boot: Boot,
    /// Features that its processor shall not have, by libvirt's names (`cx16`).
    pub cpu_features_off: Vec<String>,
    /// Its memory.
    pub memory_bytes: ByteSize,
    /// Its processors.
    pub vcpus: u32,
    /// Its disks, the one that it starts from first.
    pub disks: Vec<DiskSpec>,
    /// Its network adapters.
    pub interfaces: Vec<InterfaceSpec>,
    /// Folders of the machine of libvirt that it has by virtiofs. With one it can be neither saved nor have a
    /// snapshot with its memory.
    pub folders: Vec<FolderSpec>,
    /// The file that is a copy of what comes on its serial console, since it was started. The console is a terminal of
    /// libvirt's (`virsh console`) with or without it.
    pub console_log: Option<PathBuf>,
}

/// What runs a new machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Accelerator {
    /// The processor itself.
    Kvm,
    /// QEMU, which translates every instruction: slow, and everywhere.
    Qemu,
}

/// The kind of computer that a new machine is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Chipset {
    /// One with PCI Express.
    Q35,
    /// One with PCI, which the oldest systems know.
    Pc,
}

/// What starts a new machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Boot {
    /// A BIOS, from the first disk.
    Bios,
    /// UEFI, from the first disk.
    Uefi,
    /// A kernel of the machine of libvirt.
    Kernel {
        /// The kernel.
        kernel: PathBuf,
        /// Its first root.
        initrd: Option<PathBuf>,
        /// Its command line.
        command_line: String,
    },
}

/// A disk of a new machine. The machine sees it by virtio, so that every kernel with virtio finds it: that of
/// Debian 12 for clouds has no driver for SATA.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DiskSpec {
    /// Where its content is: a file, a block device or a volume.
    pub source: DiskSource,
    /// The format of that.
    pub format: ImageFormat,
    /// The number by which the machine finds it (`/dev/disk/by-id/virtio-SERIAL`), 20 characters at most.
    pub serial: Option<String>,
    /// Whether the machine can only read it.
    pub read_only: bool,
}

/// A network adapter of a new machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct InterfaceSpec {
    /// Its address.
    pub mac: Mac,
    /// What it is connected to.
    pub network: NetworkSource,
}

/// What a network adapter of a new machine is connected to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum NetworkSource {
    /// A network of libvirt's.
    Network(String),
    /// A bridge of the machine of libvirt.
    Bridge(String),
}

/// A folder of the machine of libvirt that a new machine has by virtiofs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FolderSpec {
    /// The folder.
    pub source: PathBuf,
    /// The name by which the machine mounts it, 36 bytes at most.
    pub tag: String,
}

/// A machine cannot be as it is asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the virtual machine cannot be as it is asked for: {}", list(.0))]
pub struct SpecError(pub Vec<Problem>);

impl Coded for SpecError {
    fn code(&self) -> &'static str {
        Code::DomainSpecInvalid.as_str()
    }

    fn kind(&self) -> ErrorKind {
        ErrorKind::Invalid
    }

    fn remedy(&self) -> Option<String> {
        Some(Code::DomainSpecInvalid.fix().into())
    }
}

impl Accelerator {
    /// libvirt's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Kvm => "kvm",
            Self::Qemu => "qemu",
        }
    }
}

impl Chipset {
    /// The newest machine type of this kind, by its name that always means the newest.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Q35 => "q35",
            Self::Pc => "pc",
        }
    }
}

fn list(problems: &[Problem]) -> String {
    let texts: Vec<String> = problems.iter().map(Problem::to_string).collect();
    texts.join("; ")
}
