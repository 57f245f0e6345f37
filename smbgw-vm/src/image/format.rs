//! How the bytes of a disk are kept in a file.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The form of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ImageFormat {
    /// The bytes of the disk as they are.
    Raw,
    /// QEMU's own, which grows with what is written and can be a layer over another image.
    Qcow2,
}

impl ImageFormat {
    /// The name that `qemu-img` and Proxmox VE have for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Qcow2 => "qcow2",
        }
    }

    /// The format of this name, where it is one that is used here.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Raw, Self::Qcow2]
            .into_iter()
            .find(|format| format.as_str() == name)
    }
}

impl fmt::Display for ImageFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
