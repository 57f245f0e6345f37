//! The virtual machine itself.

use serde::{Deserialize, Serialize};
use smbgw_core::change::Change;
use smbgw_core::host_label::HostLabel;
use smbgw_core::step::{Action, LeftBehind};
use smbgw_core::step_error::StepError;

use super::discard::{discard, left_of};
use crate::domain_xml::DomainSpec;
use crate::libvirt::LibvirtError;
use crate::provisioning::error::{ProvisioningError, step};
use crate::provisioning::record::GuestRecord;
use crate::provisioning::world::Provisioning;
use crate::proxmox::Mark;

/// Defines the virtual machine of a guest, with its mark in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DefineDomain {
    /// The guest.
    pub guest: HostLabel,
    /// The machine.
    pub domain: DomainSpec,
    /// The mark that it carries.
    pub mark: Mark,
}

impl Action<Provisioning<'_>> for DefineDomain {
    type Undo = ();

    fn title(&self) -> String {
        format!("make the virtual machine {}", self.guest)
    }

    fn check(&self, _: &Provisioning<'_>) -> Result<Option<()>, StepError> {
        Ok(Some(()))
    }

    fn apply(&self, world: &Provisioning<'_>, (): &()) -> Result<Change, StepError> {
        self.define(world).map_err(step)?;
        Ok(Change::Created)
    }

    fn undo(&self, world: &Provisioning<'_>, (): &()) -> Result<(), StepError> {
        // Without a record nothing was made.
        let Some(record) = GuestRecord::load(world.machine(), &self.guest)? else {
            return Ok(());
        };
        match discard(world, &record) {
            // Somebody else was faster with that name.
            Ok(_) | Err(ProvisioningError::Libvirt(LibvirtError::NotOurs { .. })) => Ok(()),
            Err(error) => Err(step(error)),
        }
    }

    fn left_behind(&self, (): &()) -> Vec<LeftBehind> {
        vec![left_of(&self.domain.name, &self.mark)]
    }
}

impl DefineDomain {
    fn define(&self, world: &Provisioning<'_>) -> Result<(), ProvisioningError> {
        let problems = |error: crate::domain_xml::SpecError| ProvisioningError::Refused(error.0);
        let xml = self.domain.to_xml().map_err(problems)?;
        Ok(world.virsh()?.define(&xml)?)
    }
}
