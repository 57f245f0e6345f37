//! Disks of a machine.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::tree::Element;

/// The most images that are read of the chain below a disk.
const LONGEST_CHAIN: usize = 32;

/// A disk of a machine, or a drive that a disk can be put into.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Disk {
    /// `disk`, `cdrom`, `floppy` or `lun`.
    pub device: String,
    /// Its name in the machine, such as `vda`: one in a machine.
    pub target: String,
    /// How the machine sees it, such as `virtio`, `scsi` or `sata`.
    pub bus: Option<String>,
    /// The format of its image, such as `qcow2` or `raw`.
    pub format: Option<String>,
    /// Where its content is; nothing for an empty drive.
    pub source: Option<DiskSource>,
    /// The images below that of the disk, the nearest first. libvirt knows them while the machine runs.
    pub backing: Vec<Backing>,
    /// The number that the machine sees, as in `/dev/disk/by-id/virtio-SERIAL`.
    pub serial: Option<String>,
    /// Whether the machine can only read it.
    pub read_only: bool,
}

/// Where the content of a disk is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum DiskSource {
    /// A file.
    File(PathBuf),
    /// A block device.
    Block(PathBuf),
    /// A volume of a pool.
    Volume {
        /// The pool.
        pool: String,
        /// Its volume.
        volume: String,
    },
    /// Something on the network.
    Network {
        /// How it is reached, such as `rbd`.
        protocol: String,
        /// What it is called there.
        name: Option<String>,
    },
    /// Something else, by libvirt's word for it.
    Other(String),
}

/// An image below another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Backing {
    /// Where it is.
    pub source: DiskSource,
    /// Its format.
    pub format: Option<String>,
}

impl DiskSource {
    /// What the element `disk` or `backingStore` says.
    fn of(element: &Element) -> Option<Self> {
        let kind = element.attribute("type")?;
        let source = element.at(&["source"]);
        let from = |name: &str| source.and_then(|source| source.attribute(name));
        match kind.as_str() {
            "file" => from("file").map(|file| Self::File(file.into())),
            "block" => from("dev").map(|dev| Self::Block(dev.into())),
            "volume" => Some(Self::Volume {
                pool: from("pool")?,
                volume: from("volume")?,
            }),
            "network" => Some(Self::Network {
                protocol: from("protocol")?,
                name: from("name"),
            }),
            _ => source.map(|_| Self::Other(kind)),
        }
    }

    /// The file or block device on the machine of libvirt, where it is one.
    pub fn path(&self) -> Option<&std::path::Path> {
        match self {
            Self::File(path) | Self::Block(path) => Some(path),
            Self::Volume { .. } | Self::Network { .. } | Self::Other(_) => None,
        }
    }
}

impl Disk {
    /// What an element `disk` says; nothing where it has no name.
    pub(crate) fn of(element: &Element) -> Option<Self> {
        let device = element.attribute("device");
        Some(Self {
            device: device.unwrap_or_else(|| "disk".to_owned()),
            target: element.attribute_at(&["target"], "dev")?,
            bus: element.attribute_at(&["target"], "bus"),
            format: element.attribute_at(&["driver"], "type"),
            source: DiskSource::of(element),
            backing: chain(element),
            serial: element.text_at(&["serial"]),
            read_only: element.at(&["readonly"]).is_some(),
        })
    }
}

fn chain(disk: &Element) -> Vec<Backing> {
    fn below(element: &Element) -> Option<&Element> {
        element.at(&["backingStore"])
    }
    let stores = std::iter::successors(below(disk), |store| below(store));
    let read = |store: &Element| {
        Some(Backing {
            source: DiskSource::of(store)?,
            format: store.attribute_at(&["format"], "type"),
        })
    };
    // The end of the chain is an empty element.
    stores.take(LONGEST_CHAIN).map_while(read).collect()
}
