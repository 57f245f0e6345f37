//! The smbd that serves the shares.

use serde::{Deserialize, Serialize};

use crate::catalog;
use crate::change::Change;
use crate::machine::Machine;
use crate::service::ServiceState;
use crate::step::{Action, LeftBehind};
use crate::step_error::StepError;

/// Starts smbd if it does not run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StartService {}

impl Action<Machine<'_>> for StartService {
    type Undo = ();

    fn title(&self) -> String {
        "start smbd".into()
    }

    fn check(&self, machine: &Machine<'_>) -> Result<Option<()>, StepError> {
        let state = machine.service.state(machine.deadline)?;
        Ok((state == ServiceState::Stopped).then_some(()))
    }

    fn apply(&self, machine: &Machine<'_>, (): &()) -> Result<Change, StepError> {
        Ok(machine.service.start(machine.deadline)?)
    }

    fn undo(&self, machine: &Machine<'_>, (): &()) -> Result<(), StepError> {
        let _lock = machine.lock_configuration()?;
        // Another share that came meanwhile needs it running; this step's own share is still there.
        if catalog::load_all(machine.host)?.len() <= 1 {
            machine.service.stop(machine.deadline)?;
        }
        Ok(())
    }

    fn left_behind(&self, (): &()) -> Vec<LeftBehind> {
        vec![LeftBehind {
            what: "smbd, which was not running before".into(),
            commands: vec!["systemctl stop smbd".into()],
        }]
    }
}

/// Makes a running smbd take note of what changed.
pub(crate) fn reload_if_running(machine: &Machine<'_>) -> Result<(), StepError> {
    if machine.host.is_live() && machine.service.state(machine.deadline)? == ServiceState::Running {
        machine.service.reload(machine.deadline)?;
    }
    Ok(())
}
