//! Templates of the store that were brought to a node: each once for a storage.

use serde::{Deserialize, Serialize};
use smbgw_core::change::Change;
use smbgw_core::host::Host;
use smbgw_core::state_error::{StateError, StateKind};
use smbgw_core::state_file::StateFile;

use crate::proxmox::{Mark, Proxmox, ProxmoxError, StorageId};
use crate::template::TemplateName;
use crate::vmid::Vmid;

/// The folder with a record of each template that was brought to the node.
const TEMPLATES: &str = "/var/lib/smbgw/node-templates";

/// A template of the store on a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NodeTemplate {
    /// The form of this record; [`NodeTemplate::VERSION`] in one that is made.
    pub version: u32,
    /// What it is called in the store.
    pub name: TemplateName,
    /// The storage that it is on.
    pub storage: StorageId,
    /// The SHA-256 of the disk that it was made of.
    pub disk_sha256: String,
    /// The mark that it carries in its notes.
    pub mark: Mark,
    /// Its number, from when it is about to be made.
    pub vmid: Option<Vmid>,
    /// Whether it was finished.
    pub is_finished: bool,
}

impl NodeTemplate {
    /// The version of the record's form that this program writes.
    pub const VERSION: u32 = 1;

    /// What is remembered of the template `name` on `storage`.
    ///
    /// # Errors
    /// Where the record cannot be read or is not one.
    pub fn load(
        host: &dyn Host,
        name: &TemplateName,
        storage: &StorageId,
    ) -> Result<Option<Self>, StateError> {
        file(&path(name, storage)).load(host)
    }

    pub(super) fn store(&self, host: &dyn Host) -> Result<Change, StateError> {
        file(&path(&self.name, &self.storage)).store(host, self)
    }

    pub(super) fn remove(
        host: &dyn Host,
        name: &TemplateName,
        storage: &StorageId,
    ) -> Result<Change, StateError> {
        file(&path(name, storage)).remove(host)
    }

    /// The number of it, where it is finished, still there, and still the one.
    pub(super) fn usable(&self, node: &Proxmox<'_>) -> Result<Option<Vmid>, ProxmoxError> {
        let Some(vmid) = self.vmid.filter(|_| self.is_finished) else {
            return Ok(None);
        };
        let config = node.find_config(vmid)?;
        let is_it = config.is_some_and(|config| {
            config.is_template() && config.mark().as_ref() == Some(&self.mark)
        });
        Ok(is_it.then_some(vmid))
    }
}

fn path(name: &TemplateName, storage: &StorageId) -> String {
    format!("{TEMPLATES}/{name}@{storage}.json")
}

fn file(path: &str) -> StateFile<'_> {
    StateFile {
        kind: StateKind::NodeTemplate,
        path,
        version: NodeTemplate::VERSION,
    }
}
