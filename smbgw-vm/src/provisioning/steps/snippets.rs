//! The documents for a guest's cloud-init, as snippets of a storage.

use serde::{Deserialize, Serialize};
use smbgw_core::change::Change;
use smbgw_core::step::{Action, LeftBehind};
use smbgw_core::step_error::StepError;

use super::deed::{Deed, deeds};
use crate::provisioning::error::{ProvisioningError, step};
use crate::provisioning::world::Provisioning;
use crate::proxmox::{Documents, Mark, NameError, SnippetName, StorageId, VolumeId};

deeds! { RemoveSnippets }

/// The documents that a guest has, by the names that Proxmox VE has for them.
const KINDS: [&str; 3] = ["user", "meta", "network"];

/// Writes the documents for the cloud-init of a guest. Nothing in them is secret.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WriteSnippets {
    /// Their storage.
    pub storage: StorageId,
    /// The mark of the guest, which is a part of their names: no two guests of a cluster have the same.
    pub mark: Mark,
    /// `user-data`.
    pub user: String,
    /// `meta-data`.
    pub meta: String,
    /// `network-config`.
    pub network: String,
}

impl Action<Provisioning<'_>> for WriteSnippets {
    type Undo = ();

    fn title(&self) -> String {
        format!("write the documents for cloud-init to {}", self.storage)
    }

    fn check(&self, _: &Provisioning<'_>) -> Result<Option<()>, StepError> {
        Ok(Some(()))
    }

    fn apply(&self, world: &Provisioning<'_>, (): &()) -> Result<Change, StepError> {
        for (kind, text) in KINDS.iter().zip([&self.user, &self.meta, &self.network]) {
            let name = name(&self.mark, kind).map_err(step)?;
            let node = world.node().map_err(step)?;
            let written = node.write_snippet(&self.storage, &name, text.as_bytes());
            written.map_err(step)?;
        }
        Ok(Change::Created)
    }

    fn undo(&self, world: &Provisioning<'_>, (): &()) -> Result<(), StepError> {
        remove(world, &self.storage, &self.mark).map_err(step)?;
        Ok(())
    }

    fn left_behind(&self, (): &()) -> Vec<LeftBehind> {
        vec![left_of(&self.storage, &self.mark)]
    }
}

/// Removes the documents for the cloud-init of a guest that is gone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RemoveSnippets {
    /// Their storage.
    pub storage: StorageId,
    /// The mark of the guest.
    pub mark: Mark,
}

impl Deed for RemoveSnippets {
    fn title(&self) -> String {
        format!("remove the documents for cloud-init from {}", self.storage)
    }

    fn carry_out(&self, world: &Provisioning<'_>) -> Result<Change, ProvisioningError> {
        remove(world, &self.storage, &self.mark)
    }

    fn left_behind(&self) -> Vec<LeftBehind> {
        vec![left_of(&self.storage, &self.mark)]
    }
}

/// Where the documents of the guest with `mark` are, for its configuration.
pub(in crate::provisioning) fn volumes(
    storage: &StorageId,
    mark: &Mark,
) -> Result<Documents, NameError> {
    let volume = |kind| {
        let volume = VolumeId::snippet(storage.clone(), &name(mark, kind)?);
        Ok::<_, NameError>(Some(volume))
    };
    Ok(Documents {
        user: volume("user")?,
        meta: volume("meta")?,
        network: volume("network")?,
        vendor: None,
    })
}

fn name(mark: &Mark, kind: &str) -> Result<SnippetName, NameError> {
    format!("smbgw-{mark}-{kind}.yaml").parse()
}

fn remove(
    world: &Provisioning<'_>,
    storage: &StorageId,
    mark: &Mark,
) -> Result<Change, ProvisioningError> {
    let mut change = Change::Unchanged;
    for kind in KINDS {
        let name = name(mark, kind)?;
        if world.node()?.remove_snippet(storage, &name)?.happened() {
            change = Change::Removed;
        }
    }
    Ok(change)
}

impl From<NameError> for ProvisioningError {
    /// Names made of a mark are always taken.
    fn from(error: NameError) -> Self {
        Self::Refused(vec![smbgw_core::error::Problem::from_error("name", &error)])
    }
}

fn left_of(storage: &StorageId, mark: &Mark) -> LeftBehind {
    let path = |kind| format!("$(pvesm path {storage}:snippets/smbgw-{mark}-{kind}.yaml)");
    LeftBehind {
        what: format!("documents for cloud-init on the storage {storage}"),
        commands: KINDS
            .iter()
            .map(|kind| format!("rm -f {}", path(kind)))
            .collect(),
    }
}
