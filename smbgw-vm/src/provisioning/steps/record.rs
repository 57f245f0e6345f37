//! The record of a guest: written before anything is made, and forgotten when nothing is left.

use serde::{Deserialize, Serialize};
use smbgw_core::change::Change;
use smbgw_core::host_label::HostLabel;
use smbgw_core::step::{Action, LeftBehind};
use smbgw_core::step_error::StepError;

use super::deed::{Deed, deeds};
use crate::provisioning::error::ProvisioningError;
use crate::provisioning::record::{GUESTS, GuestRecord, GuestState, key};
use crate::provisioning::world::Provisioning;

deeds! { FinishRecord, ForgetRecord }

/// Writes down that a guest is about to be made, with the mark that it will carry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WriteRecord {
    /// What is known of it beforehand.
    pub record: GuestRecord,
}

impl Action<Provisioning<'_>> for WriteRecord {
    type Undo = ();

    fn title(&self) -> String {
        format!("write down the virtual machine {}", self.record.name)
    }

    fn check(&self, _: &Provisioning<'_>) -> Result<Option<()>, StepError> {
        Ok(Some(()))
    }

    fn apply(&self, world: &Provisioning<'_>, (): &()) -> Result<Change, StepError> {
        Ok(self.record.store(world.machine())?)
    }

    fn undo(&self, world: &Provisioning<'_>, (): &()) -> Result<(), StepError> {
        GuestRecord::remove(world.machine(), &self.record.name)?;
        Ok(())
    }

    fn left_behind(&self, (): &()) -> Vec<LeftBehind> {
        vec![record_of(&self.record.name)]
    }
}

/// Writes down that a guest was made and answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FinishRecord {
    /// The guest.
    pub guest: HostLabel,
}

impl Deed for FinishRecord {
    fn title(&self) -> String {
        format!("write down that {} is ready", self.guest)
    }

    fn carry_out(&self, world: &Provisioning<'_>) -> Result<Change, ProvisioningError> {
        let mut record = world.record(&self.guest)?;
        record.state = GuestState::Ready;
        Ok(record.store(world.machine())?)
    }
}

/// Forgets a guest of which nothing is left.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ForgetRecord {
    /// The guest.
    pub guest: HostLabel,
}

impl Deed for ForgetRecord {
    fn title(&self) -> String {
        format!("forget the virtual machine {}", self.guest)
    }

    fn carry_out(&self, world: &Provisioning<'_>) -> Result<Change, ProvisioningError> {
        Ok(GuestRecord::remove(world.machine(), &self.guest)?)
    }

    fn left_behind(&self) -> Vec<LeftBehind> {
        vec![record_of(&self.guest)]
    }
}

fn record_of(guest: &HostLabel) -> LeftBehind {
    let path = format!("{GUESTS}/{}.json", key(guest));
    LeftBehind {
        what: format!("the record {path}"),
        commands: vec![format!("rm {path}")],
    }
}
