//! The settings of a member in `smb.conf`.

use serde::{Deserialize, Serialize};
use smbgw_core::change::Change;
use smbgw_core::layout::SMB_CONF;
use smbgw_core::step::{Action, LeftBehind};
use smbgw_core::step_error::StepError;

use crate::gateway::Gateway;
use crate::join_error::step;
use crate::samba::globals::{self, DOMAIN_CONF, Decision, Undo};

/// Writes the settings of a member.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SetSettings {
    /// What is set.
    pub decision: Decision,
}

impl Action<Gateway<'_>> for SetSettings {
    type Undo = Undo;

    fn title(&self) -> String {
        format!("set what a member needs in {DOMAIN_CONF}")
    }

    fn check(&self, gateway: &Gateway<'_>) -> Result<Option<Undo>, StepError> {
        globals::inspect(gateway.host).map(Some).map_err(step)
    }

    fn apply(&self, gateway: &Gateway<'_>, _: &Undo) -> Result<Change, StepError> {
        globals::apply(gateway.host, &self.decision, gateway.deadline).map_err(step)
    }

    fn undo(&self, gateway: &Gateway<'_>, undo: &Undo) -> Result<(), StepError> {
        globals::undo(gateway.host, undo).map_err(step)
    }

    fn left_behind(&self, _: &Undo) -> Vec<LeftBehind> {
        left_behind()
    }
}

/// Takes the settings of a member out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UnsetSettings {}

impl Action<Gateway<'_>> for UnsetSettings {
    type Undo = Undo;

    fn title(&self) -> String {
        format!("take the settings of a member out of {SMB_CONF}")
    }

    fn check(&self, gateway: &Gateway<'_>) -> Result<Option<Undo>, StepError> {
        globals::inspect(gateway.host).map(Some).map_err(step)
    }

    fn apply(&self, gateway: &Gateway<'_>, _: &Undo) -> Result<Change, StepError> {
        globals::remove(gateway.host).map_err(step)
    }

    fn undo(&self, gateway: &Gateway<'_>, undo: &Undo) -> Result<(), StepError> {
        globals::undo(gateway.host, undo).map_err(step)
    }

    fn left_behind(&self, _: &Undo) -> Vec<LeftBehind> {
        left_behind()
    }
}

fn left_behind() -> Vec<LeftBehind> {
    vec![LeftBehind {
        what: format!("{DOMAIN_CONF} and the line in {SMB_CONF} that includes it"),
        commands: vec![format!("rm {DOMAIN_CONF}"), format!("editor {SMB_CONF}")],
    }]
}
