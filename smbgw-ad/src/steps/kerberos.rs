//! The realm in Kerberos' configuration.

use serde::{Deserialize, Serialize};
use smbgw_core::change::Change;
use smbgw_core::step::{Action, LeftBehind};
use smbgw_core::step_error::StepError;

use crate::gateway::Gateway;
use crate::join_error::step;
use crate::krb5conf::{self, FILE, Place, Plan};

/// Writes the realm down.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SetKerberos {
    /// What is written, and where.
    pub plan: Plan,
}

impl Action<Gateway<'_>> for SetKerberos {
    type Undo = ();

    fn title(&self) -> String {
        format!("name the realm in {}", place(&self.plan))
    }

    fn check(&self, gateway: &Gateway<'_>) -> Result<Option<()>, StepError> {
        let is_there = krb5conf::is_in_place(gateway.host, &self.plan).map_err(step)?;
        Ok((!is_there).then_some(()))
    }

    fn apply(&self, gateway: &Gateway<'_>, (): &()) -> Result<Change, StepError> {
        krb5conf::apply(gateway.host, &self.plan).map_err(step)
    }

    fn undo(&self, gateway: &Gateway<'_>, (): &()) -> Result<(), StepError> {
        krb5conf::undo(gateway.host, &self.plan).map_err(step)?;
        Ok(())
    }

    fn left_behind(&self, (): &()) -> Vec<LeftBehind> {
        left_behind(&self.plan)
    }
}

/// Takes out what a join wrote.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UnsetKerberos {
    /// What was written, and where.
    pub plan: Plan,
}

impl Action<Gateway<'_>> for UnsetKerberos {
    type Undo = ();

    fn title(&self) -> String {
        format!("take the realm out of {}", place(&self.plan))
    }

    fn check(&self, gateway: &Gateway<'_>) -> Result<Option<()>, StepError> {
        let is_there = krb5conf::is_in_place(gateway.host, &self.plan).map_err(step)?;
        Ok(is_there.then_some(()))
    }

    fn apply(&self, gateway: &Gateway<'_>, (): &()) -> Result<Change, StepError> {
        krb5conf::undo(gateway.host, &self.plan).map_err(step)
    }

    fn undo(&self, gateway: &Gateway<'_>, (): &()) -> Result<(), StepError> {
        krb5conf::apply(gateway.host, &self.plan).map_err(step)?;
        Ok(())
    }

    fn left_behind(&self, (): &()) -> Vec<LeftBehind> {
        left_behind(&self.plan)
    }
}

fn place(plan: &Plan) -> String {
    match &plan.place {
        Place::DropIn(path) => path.display().to_string(),
        Place::Block => FILE.into(),
    }
}

fn left_behind(plan: &Plan) -> Vec<LeftBehind> {
    let (what, command) = match &plan.place {
        Place::DropIn(path) => (
            format!("the file {}", path.display()),
            format!("rm {}", path.display()),
        ),
        Place::Block => (format!("our block in {FILE}"), format!("editor {FILE}")),
    };
    vec![LeftBehind {
        what,
        commands: vec![command],
    }]
}
