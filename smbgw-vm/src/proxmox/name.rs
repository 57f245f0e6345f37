//! The names that Proxmox VE gives to things, each made from valid text only.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use smbgw_core::error::{Coded, ErrorKind};

use crate::code::Code;

/// A text is no name of the kind that is wanted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {kind}: {rule}")]
pub struct NameError {
    /// The text.
    pub text: String,
    /// What was wanted, such as `the name of a storage`.
    pub kind: &'static str,
    /// What such a name is like.
    pub rule: &'static str,
}

impl Coded for NameError {
    fn code(&self) -> &'static str {
        Code::NameInvalid.as_str()
    }

    fn kind(&self) -> ErrorKind {
        ErrorKind::Invalid
    }

    fn remedy(&self) -> Option<String> {
        Some(Code::NameInvalid.fix().into())
    }
}

/// Makes a type for one kind of name out of a test that valid text passes.
macro_rules! names {
    ($($(#[$about:meta])* $name:ident: $kind:literal, $rule:literal, $valid:expr;)*) => {$(
        $(#[$about])*
        #[derive(
            Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, ::serde::Serialize, ::serde::Deserialize,
        )]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The name itself.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl ::std::str::FromStr for $name {
            type Err = $crate::proxmox::NameError;

            fn from_str(text: &str) -> Result<Self, $crate::proxmox::NameError> {
                let valid: fn(&str) -> bool = $valid;
                if valid(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    let text = text.chars().take(80).collect();
                    Err($crate::proxmox::NameError { text, kind: $kind, rule: $rule })
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = $crate::proxmox::NameError;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.pad(&self.0)
            }
        }
    )*};
}

pub(super) use names;

names! {
    /// The name of a node of a cluster, as in `/etc/pve/nodes`: a host name without its domain.
    NodeName: "the name of a node",
        "letters, digits and hyphens, up to 63, with no hyphen at either end",
        is_label;

    /// The name of a virtual machine: a host name, with a domain or without.
    GuestName: "the name of a virtual machine",
        "a host name of letters, digits, hyphens and dots",
        |text| text.len() <= 253 && text.split('.').all(is_label);

    /// The name of a storage (pvesm(1), `<storage>`).
    StorageId: "the name of a storage",
        "a letter first, a letter or digit last, and between them those, `-`, `_` and `.`",
        is_storage;

    /// The name of a network interface that is a bridge.
    BridgeName: "the name of a bridge",
        "letters, digits, `.`, `_` and `-`, up to 15",
        |text| {
            (1..=15).contains(&text.len())
                && text.starts_with(|c: char| c.is_ascii_alphanumeric())
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        };

    /// The name of a mapping of a directory, as in `/cluster/mapping/dir`.
    MappingId: "the name of a mapping",
        "a letter first, then letters, digits, `-` and `_`, from 2 to 128",
        |text| {
            (2..=128).contains(&text.len())
                && text.starts_with(|c: char| c.is_ascii_alphabetic())
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        };

    /// The name of a file with a document for cloud-init, in the folder `snippets` of a storage.
    SnippetName: "the name of a snippet",
        "letters, digits, `.`, `_` and `-`, up to 128, no dot first",
        |text| {
            (1..=128).contains(&text.len())
                && text.starts_with(|c: char| c.is_ascii_alphanumeric())
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        };

    /// A place for a disk: `scsi0` to `scsi30`, `virtio0` to `virtio15`, `sata0` to `sata5`, `ide0` to `ide3`.
    DiskSlot: "a place for a disk",
        "`scsi0` to `scsi30`, `virtio0` to `virtio15`, `sata0` to `sata5` or `ide0` to `ide3`",
        is_slot;

    /// A tag of a guest.
    GuestTag: "a tag of a guest",
        "small letters, digits, `-`, `_`, `+` and `.`, a letter or digit or `_` first",
        |text| {
            (1..=60).contains(&text.len())
                && text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
                && text.bytes().all(|byte| {
                    byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_+.".contains(&byte)
                })
        };
}

/// The name of a volume on a storage, such as `local-lvm:vm-105-disk-0`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(try_from = "String", into = "String")]
pub struct VolumeId {
    storage: StorageId,
    name: String,
}

impl VolumeId {
    /// The document `name` for cloud-init on `storage`.
    pub fn snippet(storage: StorageId, name: &SnippetName) -> Self {
        let name = format!("snippets/{name}");
        Self { storage, name }
    }

    /// The storage.
    pub fn storage(&self) -> &StorageId {
        &self.storage
    }

    /// What the storage calls it.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl FromStr for VolumeId {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let wrong = || NameError {
            text: text.chars().take(80).collect(),
            kind: "the name of a volume",
            rule: "STORAGE:NAME, without spaces and commas",
        };
        let (storage, name) = text.split_once(':').ok_or_else(wrong)?;
        let is_plain = |c: char| !c.is_whitespace() && !c.is_control() && c != ',';
        if name.is_empty() || name.len() > 1024 || !name.chars().all(is_plain) {
            return Err(wrong());
        }
        Ok(Self {
            storage: storage.parse().map_err(|_| wrong())?,
            name: name.to_owned(),
        })
    }
}

impl TryFrom<String> for VolumeId {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl From<VolumeId> for String {
    fn from(volume: VolumeId) -> Self {
        volume.to_string()
    }
}

impl fmt::Display for VolumeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.storage, self.name)
    }
}

fn is_label(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && !text.starts_with('-')
        && !text.ends_with('-')
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn is_storage(text: &str) -> bool {
    (2..=100).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.ends_with(|c: char| c.is_ascii_alphanumeric())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

fn is_slot(text: &str) -> bool {
    let split = text.find(|c: char| c.is_ascii_digit());
    let Some((bus, number)) = split.map(|at| text.split_at(at)) else {
        return false;
    };
    let last = match bus {
        "scsi" => 30,
        "virtio" => 15,
        "sata" => 5,
        "ide" => 3,
        _ => return false,
    };
    let number: Option<u8> = number.parse().ok();
    number.is_some_and(|number| number <= last && format!("{bus}{number}") == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<N: FromStr>(good: &[&str], bad: &[&str]) {
        for text in good {
            assert!(text.parse::<N>().is_ok(), "{text}");
        }
        for text in bad {
            assert!(text.parse::<N>().is_err(), "{text}");
        }
    }

    #[test]
    fn names_are_those_that_proxmox_takes() {
        check::<NodeName>(&["pve", "n-1"], &["", "-n", "n.x", "a/b", "n_1"]);
        check::<GuestName>(&["vault", "vault.example.org"], &["", "a..b", "a b", "a_b"]);
        check::<StorageId>(&["local-lvm", "nfs_1.x"], &["", "a", "1a", "a-", "a:b"]);
        check::<BridgeName>(&["vmbr0", "br.5"], &["", "vmbr0123456789ab", "a,b", "-a"]);
        check::<MappingId>(&["vault-data"], &["", "a", "1a", "a b", "a/b"]);
        check::<SnippetName>(&["vault-user.yaml"], &["", ".a", "a/b", "a,b"]);
        check::<DiskSlot>(
            &["scsi0", "scsi30", "virtio15", "sata5", "ide2"],
            &[
                "scsi", "scsi31", "scsi01", "ide4", "efidisk0", "", "scsi-1", "nvme0",
            ],
        );
        check::<GuestTag>(&["smbgw", "_a.b+c"], &["", "A", "a;b", "-a"]);
        check::<VolumeId>(
            &[
                "local-lvm:vm-105-disk-0",
                "local:9000/base-9000-disk-0.qcow2/105/vm-105-disk-0.qcow2",
            ],
            &[
                "none",
                "local:",
                ":x",
                "local:a,b",
                "local:a b",
                "local:a\nb",
            ],
        );
    }

    #[test]
    fn what_is_wrong_with_a_name_is_said() {
        let error = "a b".parse::<StorageId>().unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("`a b` is not the name of a storage: ")
        );
        assert_eq!(
            (error.code(), Coded::kind(&error)),
            ("vm.name-invalid", ErrorKind::Invalid)
        );
    }
}
