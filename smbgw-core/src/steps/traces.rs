//! What is remembered of a share that is gone.

use serde::{Deserialize, Serialize};

use crate::change::Change;
use crate::machine::Machine;
use crate::share::ShareName;
use crate::step::{Action, LeftBehind};
use crate::step_error::StepError;

/// Forgets a share: its alerts and its history.
///
/// This is done after the share itself is gone and cannot be undone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ForgetTraces {
    /// The share.
    pub share: ShareName,
    /// Whether its history is set apart instead of removed.
    pub keep_history: bool,
}

impl Action<Machine<'_>> for ForgetTraces {
    type Undo = ();

    fn title(&self) -> String {
        match self.keep_history {
            true => format!("set the history of {} apart", self.share),
            false => format!("forget the history of {}", self.share),
        }
    }

    fn check(&self, machine: &Machine<'_>) -> Result<Option<()>, StepError> {
        Ok((!machine.traces.is_empty()).then_some(()))
    }

    fn apply(&self, machine: &Machine<'_>, (): &()) -> Result<Change, StepError> {
        let mut change = Change::Unchanged;
        for traces in machine.traces {
            if traces
                .forget(&self.share, self.keep_history, machine.deadline)?
                .happened()
            {
                change = Change::Removed;
            }
        }
        Ok(change)
    }

    fn undo(&self, _: &Machine<'_>, (): &()) -> Result<(), StepError> {
        Ok(())
    }

    fn left_behind(&self, (): &()) -> Vec<LeftBehind> {
        vec![LeftBehind {
            what: format!("what is remembered of the share {}", self.share),
            commands: vec!["pve-smbgateway recover".into()],
        }]
    }
}
