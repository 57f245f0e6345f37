//! A template of the store, brought to a storage of the node.

use serde::{Deserialize, Serialize};
use smbgw_core::change::Change;
use smbgw_core::host_label::HostLabel;
use smbgw_core::step::{Action, LeftBehind};
use smbgw_core::step_error::StepError;

use super::discard::{discard, left_of};
use crate::provisioning::error::{ProvisioningError, step};
use crate::provisioning::record::{GuestRecord, key};
use crate::provisioning::template_record::NodeTemplate;
use crate::provisioning::world::Provisioning;
use crate::proxmox::{DiskSource, GuestSettings, Mark, NameError, ProxmoxError, StorageId};
use crate::template::{TemplateName, TemplateNameError};
use crate::vmid::Vmid;

/// Makes a template of Proxmox VE of one in the store, where there is none yet on that storage. It stays for guests to
/// come.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ImportTemplate {
    /// The guest that it is made for.
    pub guest: HostLabel,
    /// What it is called in the store.
    pub template: TemplateName,
    /// The storage.
    pub storage: StorageId,
    /// Whether disks of the storage are files, which have layers as qcow2 only.
    pub as_qcow2: bool,
    /// The mark that it carries.
    pub mark: Mark,
}

impl Action<Provisioning<'_>> for ImportTemplate {
    type Undo = ();

    fn title(&self) -> String {
        format!("bring the template {} to {}", self.template, self.storage)
    }

    fn check(&self, world: &Provisioning<'_>) -> Result<Option<()>, StepError> {
        let usable = self.usable(world).map_err(step)?;
        Ok(usable.is_none().then_some(()))
    }

    fn apply(&self, world: &Provisioning<'_>, (): &()) -> Result<Change, StepError> {
        self.import(world).map_err(step)
    }

    fn undo(&self, world: &Provisioning<'_>, (): &()) -> Result<(), StepError> {
        self.take_back(world).map_err(step)
    }

    fn left_behind(&self, (): &()) -> Vec<LeftBehind> {
        vec![left_of(&self.guest, &self.mark)]
    }
}

impl ImportTemplate {
    fn import(&self, world: &Provisioning<'_>) -> Result<Change, ProvisioningError> {
        let (host, node) = (world.machine(), world.node()?);
        let _lock = self.lock(world)?;
        if self.usable(world)?.is_some() {
            // Somebody else was faster.
            return Ok(Change::Unchanged);
        }
        if let Some(former) = self.load(world)? {
            // It was never finished, or is none any more.
            forget(world, &former)?;
        }
        let store = world.store();
        // It is not deleted while it is copied.
        store.claim(&self.template, &self.user()?, world.deadline())?;
        let template = store.show(&self.template)?;
        let mut record = NodeTemplate {
            version: NodeTemplate::VERSION,
            name: self.template.clone(),
            storage: self.storage.clone(),
            disk_sha256: template.record.disk_sha256.clone(),
            mark: self.mark.clone(),
            vmid: None,
            is_finished: false,
        };
        record.store(host)?;
        let settings = self.settings(template.disk())?;
        let mut failed = None;
        let made = node.claim(|vmid| {
            record.vmid = Some(vmid);
            if let Err(error) = record.store(host) {
                failed = Some(error);
                // Any failure but that of a number ends it.
                return Err(ProxmoxError::NoFreeVmid { tried: 0 });
            }
            let made = node.create(vmid, &settings);
            if let Err(ProxmoxError::VmidTaken { .. }) = made {
                record.vmid = None;
                failed = record.store(host).err();
            }
            made
        });
        if let Some(error) = failed {
            return Err(error.into());
        }
        let (vmid, ()) = made?;
        node.make_template(vmid)?;
        record.is_finished = true;
        record.store(host)?;
        store.release(&self.template, &self.user()?, world.deadline())?;
        Ok(Change::Created)
    }

    /// Takes it away where this made it and no other guest is made from it.
    fn take_back(&self, world: &Provisioning<'_>) -> Result<(), ProvisioningError> {
        let _lock = self.lock(world)?;
        let store = world.store();
        store.release(&self.template, &self.user()?, world.deadline())?;
        let Some(record) = self.load(world)?.filter(|record| record.mark == self.mark) else {
            return Ok(());
        };
        let others = GuestRecord::all(world.machine())?;
        let needs_it = |guest: &GuestRecord| {
            let template = guest.on_node().ok().and_then(|place| place.template);
            template.is_some() && template == record.vmid && guest.name != self.guest
        };
        if record.is_finished && others.iter().any(needs_it) {
            return Ok(());
        }
        forget(world, &record)
    }

    fn settings(&self, image: std::path::PathBuf) -> Result<GuestSettings, NameError> {
        let disk = DiskSource::Import {
            storage: self.storage.clone(),
            image,
            as_qcow2: self.as_qcow2,
        };
        let about = format!("The template {} of smbgw.", self.template);
        Ok(GuestSettings {
            name: Some(self.template.as_str().replace('.', "-").parse()?),
            description: Some(self.mark.description(&about)),
            memory_mib: Some(512),
            boot: vec!["virtio0".parse()?],
            // The kernel of a template is known to have the driver for this bus.
            disks: vec![("virtio0".parse()?, disk)],
            cloud_init: Some(("ide2".parse()?, self.storage.clone())),
            agent: Some(true),
            serial_console: true,
            ..GuestSettings::default()
        })
    }

    fn load(&self, world: &Provisioning<'_>) -> Result<Option<NodeTemplate>, ProvisioningError> {
        let found = NodeTemplate::load(world.machine(), &self.template, &self.storage)?;
        Ok(found)
    }

    fn usable(&self, world: &Provisioning<'_>) -> Result<Option<Vmid>, ProvisioningError> {
        match self.load(world)? {
            Some(record) => Ok(record.usable(world.node()?)?),
            None => Ok(None),
        }
    }

    fn lock(
        &self,
        world: &Provisioning<'_>,
    ) -> Result<smbgw_core::host::Lock, smbgw_core::host::LockError> {
        let name = format!("node-template-{}-{}", self.template, self.storage);
        let purpose = "bringing a template to a storage";
        world.machine().lock(&name, purpose, world.deadline())
    }

    /// As whom it uses the template of the store.
    fn user(&self) -> Result<TemplateName, ProvisioningError> {
        Ok(key(&self.guest).parse()?)
    }
}

/// Takes a template away that was made, as far as it was.
fn forget(world: &Provisioning<'_>, record: &NodeTemplate) -> Result<(), ProvisioningError> {
    discard(world, (record.vmid, &record.mark), None)?;
    NodeTemplate::remove(world.machine(), &record.name, &record.storage)?;
    Ok(())
}

impl From<TemplateNameError> for ProvisioningError {
    /// Names of hosts are names of templates, too.
    fn from(error: TemplateNameError) -> Self {
        Self::Refused(vec![smbgw_core::error::Problem::from_error("name", &error)])
    }
}
