//! Documents for cloud-init on a storage, each a file in its folder `snippets`.

use std::path::PathBuf;

use smbgw_core::change::Change;
use smbgw_core::host::{Command, create_dirs};

use super::Proxmox;
use super::call::unexpected;
use super::error::ProxmoxError;
use super::name::{SnippetName, StorageId, VolumeId};
use super::storage::Content;

/// Only root, as whom Proxmox VE makes the drive for cloud-init, has to read it.
const MODE: u32 = 0o600;

impl Proxmox<'_> {
    /// Writes a document for cloud-init.
    ///
    /// # Errors
    /// [`ProxmoxError::NoSuchStorage`] and [`ProxmoxError::NoSnippets`] where the storage cannot have it.
    pub fn write_snippet(
        &self,
        storage: &StorageId,
        name: &SnippetName,
        content: &[u8],
    ) -> Result<(VolumeId, Change), ProxmoxError> {
        let known = self.storages()?;
        let found = known.iter().find(|known| known.id == *storage);
        let Some(found) = found else {
            let storage = storage.to_string();
            return Err(ProxmoxError::NoSuchStorage { storage });
        };
        if !found.holds(Content::Snippets) {
            let storage = storage.clone();
            return Err(ProxmoxError::NoSnippets { storage });
        }
        let volume = VolumeId::snippet(storage.clone(), name);
        let path = self.path_of_volume(&volume)?;
        if let Some(folder) = path.parent() {
            create_dirs(self.host(), folder, 0o755)?;
        }
        let change = self.host().write(&path, content, MODE)?;
        Ok((volume, change))
    }

    /// Removes a document for cloud-init, and what an interrupted [`write_snippet`](Self::write_snippet) left of it.
    ///
    /// # Errors
    /// Where its storage cannot be asked, or it cannot be removed.
    pub fn remove_snippet(
        &self,
        storage: &StorageId,
        name: &SnippetName,
    ) -> Result<Change, ProxmoxError> {
        let volume = VolumeId::snippet(storage.clone(), name);
        let path = self.path_of_volume(&volume)?;
        self.host().remove_temporary(&path)?;
        Ok(self.host().remove(&path)?)
    }

    /// Where a volume is on this node, be it there or not.
    ///
    /// # Errors
    /// Where it cannot be asked.
    pub fn path_of_volume(&self, volume: &VolumeId) -> Result<PathBuf, ProxmoxError> {
        let command = Command::new("pvesm").args(["path", &volume.to_string()]);
        let output = self.run(command.clone(), None)?;
        let text = output.text();
        let path = text.trim_end_matches('\n');
        if !path.starts_with('/') || path.contains('\n') {
            return Err(unexpected(&command, path));
        }
        Ok(path.into())
    }
}
