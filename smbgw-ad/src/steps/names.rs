//! Users and groups of the domain as the system itself knows them.

use serde::{Deserialize, Serialize};
use smbgw_core::change::Change;
use smbgw_core::step::{Action, LeftBehind};
use smbgw_core::step_error::StepError;

use crate::gateway::Gateway;
use crate::join_error::step;
use crate::nsswitch::{self, FILE, Undo};

/// Has `nsswitch.conf` name the domain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SetNames {
    /// What is added.
    pub addition: Undo,
}

impl Action<Gateway<'_>> for SetNames {
    type Undo = ();

    fn title(&self) -> String {
        format!("have {FILE} name winbind")
    }

    fn check(&self, gateway: &Gateway<'_>) -> Result<Option<()>, StepError> {
        let missing = nsswitch::inspect(gateway.host).map_err(step)?;
        Ok(missing.map(|_| ()))
    }

    fn apply(&self, gateway: &Gateway<'_>, (): &()) -> Result<Change, StepError> {
        nsswitch::apply(gateway.host, &self.addition).map_err(step)
    }

    fn undo(&self, gateway: &Gateway<'_>, (): &()) -> Result<(), StepError> {
        nsswitch::undo(gateway.host, &self.addition).map_err(step)?;
        Ok(())
    }

    fn left_behind(&self, (): &()) -> Vec<LeftBehind> {
        left_behind()
    }
}

/// Takes out what a join added.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UnsetNames {
    /// What was added.
    pub addition: Undo,
}

impl Action<Gateway<'_>> for UnsetNames {
    type Undo = ();

    fn title(&self) -> String {
        format!("take winbind out of {FILE}")
    }

    fn check(&self, _: &Gateway<'_>) -> Result<Option<()>, StepError> {
        Ok(Some(()))
    }

    fn apply(&self, gateway: &Gateway<'_>, (): &()) -> Result<Change, StepError> {
        nsswitch::undo(gateway.host, &self.addition).map_err(step)
    }

    fn undo(&self, gateway: &Gateway<'_>, (): &()) -> Result<(), StepError> {
        nsswitch::apply(gateway.host, &self.addition).map_err(step)?;
        Ok(())
    }

    fn left_behind(&self, (): &()) -> Vec<LeftBehind> {
        left_behind()
    }
}

fn left_behind() -> Vec<LeftBehind> {
    vec![LeftBehind {
        what: format!("the word `winbind` in {FILE}"),
        commands: vec![format!("editor {FILE}")],
    }]
}
