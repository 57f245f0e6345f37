//! The limit of a share.

use serde::{Deserialize, Serialize};

use crate::change::Change;
use crate::machine::Machine;
use crate::ports::{Limits, Volume};
use crate::size::ByteSize;
use crate::step::{Action, LeftBehind};
use crate::step_error::StepError;
use crate::steps::volume::describe;

/// Sets the limits of a volume.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SetLimits {
    /// The volume.
    pub volume: Volume,
    /// Its limits from now on.
    pub limits: Limits,
}

impl Action<Machine<'_>> for SetLimits {
    type Undo = Limits;

    fn title(&self) -> String {
        format!(
            "limit {} to {}",
            self.volume.path.display(),
            in_words(self.limits)
        )
    }

    fn check(&self, machine: &Machine<'_>) -> Result<Option<Limits>, StepError> {
        let before = machine.storage.limits(&self.volume, machine.deadline)?;
        Ok((before != self.limits).then_some(before))
    }

    fn apply(&self, machine: &Machine<'_>, _: &Limits) -> Result<Change, StepError> {
        Ok(machine
            .storage
            .set_limits(&self.volume, self.limits, machine.deadline)?)
    }

    fn undo(&self, machine: &Machine<'_>, before: &Limits) -> Result<(), StepError> {
        machine
            .storage
            .set_limits(&self.volume, *before, machine.deadline)?;
        Ok(())
    }

    fn left_behind(&self, before: &Limits) -> Vec<LeftBehind> {
        vec![LeftBehind {
            what: format!(
                "the limit of {}, which was {} before",
                describe(&self.volume),
                in_words(*before)
            ),
            commands: vec!["pve-smbgateway recover".into()],
        }]
    }
}

fn in_words(limits: Limits) -> String {
    match limits.bytes {
        Some(bytes) => ByteSize::from_bytes(bytes).to_string(),
        None => "no limit".into(),
    }
}
