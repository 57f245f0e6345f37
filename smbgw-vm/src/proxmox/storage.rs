//! Storages of a node, what they may hold and how much room they have.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Proxmox;
use super::call::{is_set, lacking, number};
use super::error::ProxmoxError;
use super::name::StorageId;

/// What a storage may hold (pvesm(1), `--content`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Content {
    /// Disks of virtual machines.
    Images,
    /// Documents for cloud-init.
    Snippets,
    /// Images to be imported.
    Import,
}

/// A storage as a node sees it (`/nodes/NODE/storage`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Storage {
    /// Its name.
    pub id: StorageId,
    /// Its type, such as `lvmthin`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it may hold, as Proxmox VE calls it.
    pub content: Vec<String>,
    /// Whether it is enabled and can be used now.
    pub is_usable: bool,
    /// Whether other nodes have the same.
    pub is_shared: bool,
    /// The room that is left, in bytes.
    pub available_bytes: u64,
    /// All its room, in bytes.
    pub total_bytes: u64,
}

impl Content {
    /// The word of Proxmox VE for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Images => "images",
            Self::Snippets => "snippets",
            Self::Import => "import",
        }
    }
}

impl Storage {
    /// Whether it may hold this.
    pub fn holds(&self, content: Content) -> bool {
        self.content.iter().any(|word| word == content.word())
    }

    /// Whether a guest on it can begin as what a template has, and keep what differs. On storages of files that
    /// takes a format with layers, which the disks of templates get there.
    pub fn can_link(&self) -> bool {
        // The feature `clone` of a base volume (pve-storage, `volume_has_feature`).
        matches!(
            self.kind.as_str(),
            "dir" | "nfs" | "cifs" | "btrfs" | "lvmthin" | "zfspool" | "zfs" | "rbd"
        )
    }

    /// Whether disks on it are image files, which have layers as qcow2 only.
    pub fn keeps_files(&self) -> bool {
        matches!(self.kind.as_str(), "dir" | "nfs" | "cifs")
    }

    /// Whether the room for a disk is taken when it is written, and not when it is made.
    pub fn is_thin(&self) -> bool {
        self.kind != "lvm"
    }

    fn read(value: &Value) -> Option<Self> {
        let text = |name: &str| value.get(name).and_then(Value::as_str);
        let count = |name: &str| value.get(name).and_then(number).unwrap_or(0);
        let flag = |name: &str| value.get(name).is_some_and(is_set);
        let content = text("content").unwrap_or_default().split(',');
        Some(Self {
            id: text("storage")?.parse().ok()?,
            kind: text("type")?.to_owned(),
            content: content
                .filter(|word| !word.is_empty())
                .map(str::to_owned)
                .collect(),
            is_usable: flag("active") && value.get("enabled").is_none_or(is_set),
            is_shared: flag("shared"),
            available_bytes: count("avail"),
            total_bytes: count("total"),
        })
    }
}

impl Proxmox<'_> {
    /// The storages of this node.
    ///
    /// # Errors
    /// Where it cannot be asked.
    pub fn storages(&self) -> Result<Vec<Storage>, ProxmoxError> {
        let path = format!("/nodes/{}/storage", self.node());
        let value = self.get(&path, &[])?;
        let list = value.as_array().ok_or_else(|| lacking(&path, "list"))?;
        Ok(list.iter().filter_map(Storage::read).collect())
    }

    /// The storage of this node that may hold `content`, can be used, and has the most room left.
    ///
    /// # Errors
    /// Where it cannot be asked.
    pub fn roomiest(&self, content: Content) -> Result<Option<Storage>, ProxmoxError> {
        let fit = |storage: &Storage| storage.is_usable && storage.holds(content);
        let storages = self.storages()?.into_iter().filter(fit);
        Ok(storages.max_by_key(|storage| storage.available_bytes))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn storages_tell_what_they_hold() {
        let storage = Storage::read(
            &json!({"storage": "local-lvm", "type": "lvmthin", "active": 1, "enabled": 1,
            "content": "rootdir,images", "avail": 5_000_000_000_u64, "total": "9000000000", "shared": 0}),
        );
        let storage = storage.unwrap();
        assert!(storage.holds(Content::Images) && !storage.holds(Content::Snippets));
        assert!(storage.is_usable && storage.can_link() && storage.is_thin() && !storage.is_shared);
        assert_eq!(
            (storage.available_bytes, storage.total_bytes),
            (5_000_000_000, 9_000_000_000)
        );
        let plain = Storage::read(&json!({"storage": "vg", "type": "lvm", "active": 0})).unwrap();
        assert!(
            !plain.can_link() && !plain.is_thin() && !plain.is_usable && plain.content.is_empty()
        );
    }
}
