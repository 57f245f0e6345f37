//! A template of the store, brought to a pool.

use serde::{Deserialize, Serialize};
use smbgw_core::change::Change;
use smbgw_core::host_label::HostLabel;
use smbgw_core::step::{Action, LeftBehind};
use smbgw_core::step_error::StepError;

use super::volume::{delete, left_of, upload};
use crate::provisioning::error::{ProvisioningError, step};
use crate::provisioning::libvirt::pool_template::PoolTemplate;
use crate::provisioning::place::{Place, PoolVolume};
use crate::provisioning::record::{GuestRecord, key};
use crate::provisioning::world::Provisioning;
use crate::proxmox::Mark;
use crate::template::TemplateName;

/// Makes a volume of a template in the store, where there is none yet in that pool. It stays for guests to come.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BringTemplate {
    /// The guest that it is made for.
    pub guest: HostLabel,
    /// What it is called in the store.
    pub template: TemplateName,
    /// The volume that it becomes.
    pub volume: PoolVolume,
    /// What the name of the volume has in it.
    pub mark: Mark,
}

impl Action<Provisioning<'_>> for BringTemplate {
    type Undo = ();

    fn title(&self) -> String {
        format!(
            "bring the template {} to {}",
            self.template, self.volume.pool
        )
    }

    fn check(&self, world: &Provisioning<'_>) -> Result<Option<()>, StepError> {
        let is_usable = self.is_usable(world).map_err(step)?;
        Ok((!is_usable).then_some(()))
    }

    fn apply(&self, world: &Provisioning<'_>, (): &()) -> Result<Change, StepError> {
        self.bring(world).map_err(step)
    }

    fn undo(&self, world: &Provisioning<'_>, (): &()) -> Result<(), StepError> {
        self.take_back(world).map_err(step)
    }

    fn left_behind(&self, (): &()) -> Vec<LeftBehind> {
        vec![left_of(&self.volume)]
    }
}

impl BringTemplate {
    fn bring(&self, world: &Provisioning<'_>) -> Result<Change, ProvisioningError> {
        let host = world.machine();
        let _lock = PoolTemplate::lock(world, &self.template, &self.volume.pool)?;
        if self.is_usable(world)? {
            // Somebody else was faster.
            return Ok(Change::Unchanged);
        }
        if let Some(former) = self.load(world)? {
            // It was never finished, or is none any more.
            forget(world, &former)?;
        }
        let store = world.store();
        // It is not deleted while it is copied.
        let user = key(&self.guest).parse()?;
        store.claim(&self.template, &user, world.deadline())?;
        let template = store.show(&self.template)?;
        let mut record = PoolTemplate {
            version: PoolTemplate::VERSION,
            name: self.template.clone(),
            volume: self.volume.clone(),
            size_bytes: smbgw_core::size::ByteSize::from_bytes(template.record.size_bytes),
            disk_sha256: template.record.disk_sha256.clone(),
            mark: self.mark.clone(),
            is_finished: false,
        };
        record.store(host)?;
        upload(world, &self.volume, &template.disk())?;
        record.is_finished = true;
        record.store(host)?;
        store.release(&self.template, &user, world.deadline())?;
        Ok(Change::Created)
    }

    /// Takes it away where this made it and no other guest has it.
    fn take_back(&self, world: &Provisioning<'_>) -> Result<(), ProvisioningError> {
        let _lock = PoolTemplate::lock(world, &self.template, &self.volume.pool)?;
        let user = key(&self.guest).parse()?;
        world
            .store()
            .release(&self.template, &user, world.deadline())?;
        let record = self
            .load(world)?
            .filter(|record| record.volume == self.volume);
        match record {
            Some(record) if !is_needed(world, &record, Some(&self.guest))? => {
                forget(world, &record)
            }
            _ => Ok(()),
        }
    }

    fn load(&self, world: &Provisioning<'_>) -> Result<Option<PoolTemplate>, ProvisioningError> {
        let pool = &self.volume.pool;
        Ok(PoolTemplate::load(world.machine(), &self.template, pool)?)
    }

    fn is_usable(&self, world: &Provisioning<'_>) -> Result<bool, ProvisioningError> {
        match self.load(world)? {
            Some(record) => Ok(record.usable(world.virsh()?)?.is_some()),
            None => Ok(false),
        }
    }
}

/// Whether a guest beside `but` has its first disk over the volume of a template, or is about to.
pub(in crate::provisioning::libvirt) fn is_needed(
    world: &Provisioning<'_>,
    template: &PoolTemplate,
    but: Option<&HostLabel>,
) -> Result<bool, ProvisioningError> {
    if !template.is_finished {
        // Under its lock nobody brings it.
        return Ok(false);
    }
    let has_it = |guest: &GuestRecord| match &guest.place {
        Place::Libvirt(place) => {
            place.template.as_ref() == Some(&template.name)
                && place.pool == template.volume.pool
                && Some(&guest.name) != but
        }
        Place::Proxmox(_) => false,
    };
    Ok(GuestRecord::all(world.machine())?.iter().any(has_it))
}

/// Takes the volume of a template away, as far as it was made.
pub(in crate::provisioning::libvirt) fn forget(
    world: &Provisioning<'_>,
    template: &PoolTemplate,
) -> Result<(), ProvisioningError> {
    delete(world, &template.volume)?;
    PoolTemplate::remove(world.machine(), &template.name, &template.volume.pool)?;
    Ok(())
}
