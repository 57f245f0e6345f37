//! Mappings of directories (`/cluster/mapping/dir`), by which a guest reaches a directory of its node.

use serde_json::Value;

use super::Proxmox;
use super::call::lacking;
use super::config::property;
use super::error::ProxmoxError;
use super::name::{MappingId, NodeName};
use super::settings::GuestSettings;

/// A mapping of a directory: on each node, where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryMapping {
    /// Its name.
    pub id: MappingId,
    /// The directory on each node that it names one for.
    pub places: Vec<(NodeName, String)>,
}

impl DirectoryMapping {
    /// The directory on `node`.
    pub fn path_on(&self, node: &NodeName) -> Option<&str> {
        let place = self.places.iter().find(|(name, _)| name == node);
        place.map(|(_, path)| path.as_str())
    }

    fn read(value: &Value) -> Option<Self> {
        let place = |entry: &Value| {
            let entry = entry.as_str()?;
            let node = property(entry, "node")?.parse().ok()?;
            Some((node, property(entry, "path")?.to_owned()))
        };
        let map = value.get("map")?.as_array()?;
        Some(Self {
            id: value.get("id")?.as_str()?.parse().ok()?,
            places: map.iter().filter_map(place).collect(),
        })
    }
}

impl Proxmox<'_> {
    /// All mappings of directories. Proxmox VE has them from 8.4 on.
    ///
    /// # Errors
    /// Where it cannot be asked.
    pub fn directory_mappings(&self) -> Result<Vec<DirectoryMapping>, ProxmoxError> {
        let path = "/cluster/mapping/dir";
        let value = self.get(path, &[])?;
        let list = value.as_array().ok_or_else(|| lacking(path, "list"))?;
        let read = |entry| DirectoryMapping::read(entry).ok_or_else(|| lacking(path, "mapping"));
        list.iter().map(read).collect()
    }

    /// Checks that each directory that `settings` share has a mapping on this node, as Proxmox VE takes any name
    /// and fails when the guest starts.
    pub(super) fn check_mappings(&self, settings: &GuestSettings) -> Result<(), ProxmoxError> {
        if settings.shared_directories.is_empty() {
            return Ok(());
        }
        let known = self.directory_mappings()?;
        for (_, directory) in &settings.shared_directories {
            let mapping = known.iter().find(|mapping| mapping.id == directory.mapping);
            if mapping
                .and_then(|mapping| mapping.path_on(self.node()))
                .is_none()
            {
                let mapping = directory.mapping.clone();
                return Err(ProxmoxError::NoSuchMapping { mapping });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapping_tells_a_directory_for_each_node() {
        let value = serde_json::json!({"id": "vault-data", "description": "x",
            "map": ["node=pve,path=/srv/vault", "path=/tank/vault,node=n2"]});
        let mapping = DirectoryMapping::read(&value).unwrap();
        assert_eq!(mapping.path_on(&"pve".parse().unwrap()), Some("/srv/vault"));
        assert_eq!(mapping.path_on(&"n2".parse().unwrap()), Some("/tank/vault"));
        assert_eq!(mapping.path_on(&"n3".parse().unwrap()), None);
        assert!(DirectoryMapping::read(&serde_json::json!({"id": "x"})).is_none());
    }
}
