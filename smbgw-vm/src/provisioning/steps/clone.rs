//! The guest itself, made from a template.

use serde::{Deserialize, Serialize};
use smbgw_core::change::Change;
use smbgw_core::host_label::HostLabel;
use smbgw_core::step::{Action, LeftBehind};
use smbgw_core::step_error::StepError;

use super::discard::{discard, left_of};
use crate::provisioning::error::{ProvisioningError, step};
use crate::provisioning::place::Place;
use crate::provisioning::record::GuestRecord;
use crate::provisioning::request::TemplateOrigin;
use crate::provisioning::template_record::NodeTemplate;
use crate::provisioning::world::Provisioning;
use crate::proxmox::{CloneKind, Mark, NewGuest, ProxmoxError, StorageId};
use crate::template::TemplateError;
use crate::vmid::Vmid;

/// Makes a guest from a template, under a number that is written down before it is used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CloneGuest {
    /// The guest.
    pub guest: HostLabel,
    /// Its number, where a certain one is wanted.
    pub vmid: Option<Vmid>,
    /// The template.
    pub template: TemplateOrigin,
    /// The storage that a template of the store was brought to.
    pub storage: StorageId,
    /// How its disks come from those of the template.
    pub kind: CloneKind,
    /// The mark that it carries.
    pub mark: Mark,
}

impl Action<Provisioning<'_>> for CloneGuest {
    type Undo = ();

    fn title(&self) -> String {
        format!("make the virtual machine {}", self.guest)
    }

    fn check(&self, _: &Provisioning<'_>) -> Result<Option<()>, StepError> {
        Ok(Some(()))
    }

    fn apply(&self, world: &Provisioning<'_>, (): &()) -> Result<Change, StepError> {
        self.make(world).map_err(step)?;
        Ok(Change::Created)
    }

    fn undo(&self, world: &Provisioning<'_>, (): &()) -> Result<(), StepError> {
        // Without a record nothing was made.
        let Some(record) = GuestRecord::load(world.machine(), &self.guest)? else {
            return Ok(());
        };
        let place = record.on_node().map_err(step)?;
        let made = (place.vmid, &record.mark);
        discard(world, made, place.template).map_err(step)
    }

    fn left_behind(&self, (): &()) -> Vec<LeftBehind> {
        vec![left_of(&self.guest, &self.mark)]
    }
}

impl CloneGuest {
    fn make(&self, world: &Provisioning<'_>) -> Result<(), ProvisioningError> {
        let node = world.node()?;
        let mut record = world.record(&self.guest)?;
        let template = self.template(world)?;
        let mut place = record.on_node()?.clone();
        place.template = Some(template);
        let about = format!("{} serves SMB.", self.guest);
        let new = NewGuest {
            name: self.guest.as_str().parse().map_err(unexpected)?,
            description: self.mark.description(&about),
        };
        let mut make = |vmid: Vmid| {
            place.vmid = Some(vmid);
            record.place = Place::Proxmox(place.clone());
            note(world, &record)?;
            let made = node.clone_guest(template, vmid, &new, &self.kind);
            if let Err(ProxmoxError::VmidTaken { .. }) = made {
                // What has the number is somebody else's.
                place.vmid = None;
                record.place = Place::Proxmox(place.clone());
                note(world, &record)?;
            }
            made
        };
        match self.vmid {
            Some(vmid) => make(vmid)?,
            None => node.claim(make).map(|_| ())?,
        }
        Ok(())
    }

    /// The number of the template.
    fn template(&self, world: &Provisioning<'_>) -> Result<Vmid, ProvisioningError> {
        let name = match &self.template {
            TemplateOrigin::OnNode(vmid) => return Ok(*vmid),
            TemplateOrigin::InStore(name) => name,
        };
        let record = NodeTemplate::load(world.machine(), name, &self.storage)?;
        let node = world.node()?;
        let usable = record.map(|record| record.usable(node)).transpose()?;
        let missing = || TemplateError::NotFound(name.clone());
        Ok(usable.flatten().ok_or_else(missing)?)
    }
}

/// Writes down how far it has come.
fn note(world: &Provisioning<'_>, record: &GuestRecord) -> Result<(), ProxmoxError> {
    match record.store(world.machine()) {
        Ok(_) => Ok(()),
        Err(smbgw_core::state_error::StateError::File(error)) => Err(error.into()),
        Err(other) => Err(unexpected(other)),
    }
}

/// What cannot be with names and records that were looked at before.
fn unexpected(error: impl std::error::Error) -> ProxmoxError {
    ProxmoxError::Unexpected {
        command: "qm clone".into(),
        said: smbgw_core::error::chain_text(&error),
    }
}
