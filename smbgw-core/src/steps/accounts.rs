//! The Unix accounts and SMB passwords that a share brings with it.

use serde::{Deserialize, Serialize};

use crate::account::{self, UserName};
use crate::change::Change;
use crate::machine::Machine;
use crate::step::{Action, LeftBehind};
use crate::step_error::StepError;

/// Makes a Unix account without log-in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MakeAccount {
    /// Its name.
    pub user: UserName,
}

impl Action<Machine<'_>> for MakeAccount {
    type Undo = ();

    fn title(&self) -> String {
        format!("create the Unix account {} without log-in", self.user)
    }

    fn check(&self, machine: &Machine<'_>) -> Result<Option<()>, StepError> {
        let found = account::find_user(machine.host, &self.user, machine.deadline)?;
        Ok(found.is_none().then_some(()))
    }

    fn apply(&self, machine: &Machine<'_>, (): &()) -> Result<Change, StepError> {
        Ok(account::create_user(
            machine.host,
            &self.user,
            machine.deadline,
        )?)
    }

    fn undo(&self, machine: &Machine<'_>, (): &()) -> Result<(), StepError> {
        account::delete_user(machine.host, &self.user, machine.deadline)?;
        Ok(())
    }

    fn left_behind(&self, (): &()) -> Vec<LeftBehind> {
        vec![LeftBehind {
            what: format!("the Unix account {}", self.user),
            commands: vec![format!("userdel {}", self.user)],
        }]
    }
}

/// Gives an account an SMB password, if it has none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SetPassword {
    /// The account.
    pub user: UserName,
}

impl Action<Machine<'_>> for SetPassword {
    type Undo = ();

    fn title(&self) -> String {
        format!("set the SMB password of {}", self.user)
    }

    fn check(&self, machine: &Machine<'_>) -> Result<Option<()>, StepError> {
        let has_one = account::smb_password_exists(machine.host, &self.user, machine.deadline)?;
        Ok((!has_one).then_some(()))
    }

    fn apply(&self, machine: &Machine<'_>, (): &()) -> Result<Change, StepError> {
        let password = machine
            .password_of(&self.user)
            .ok_or_else(|| StepError::NoPassword(self.user.to_string()))?;
        Ok(account::set_smb_password(
            machine.host,
            &self.user,
            password,
            machine.deadline,
        )?)
    }

    fn undo(&self, machine: &Machine<'_>, (): &()) -> Result<(), StepError> {
        account::remove_smb_user(machine.host, &self.user, machine.deadline)?;
        Ok(())
    }

    fn left_behind(&self, (): &()) -> Vec<LeftBehind> {
        vec![LeftBehind {
            what: format!("the SMB password of {}", self.user),
            commands: vec![format!("smbpasswd -x {}", self.user)],
        }]
    }
}

/// Removes an account that was made for a share, with its SMB password.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RemoveAccount {
    /// The account.
    pub user: UserName,
}

impl Action<Machine<'_>> for RemoveAccount {
    type Undo = ();

    fn title(&self) -> String {
        format!(
            "remove the account {} that was made for the share",
            self.user
        )
    }

    fn check(&self, _: &Machine<'_>) -> Result<Option<()>, StepError> {
        Ok(Some(()))
    }

    fn apply(&self, machine: &Machine<'_>, (): &()) -> Result<Change, StepError> {
        account::remove_smb_user(machine.host, &self.user, machine.deadline)?;
        Ok(account::delete_user(
            machine.host,
            &self.user,
            machine.deadline,
        )?)
    }

    fn undo(&self, _: &Machine<'_>, (): &()) -> Result<(), StepError> {
        // Its password is gone: plans put this behind their point of no return.
        Ok(())
    }

    fn left_behind(&self, (): &()) -> Vec<LeftBehind> {
        vec![LeftBehind {
            what: format!("the account {}", self.user),
            commands: vec![
                format!("smbpasswd -x {}", self.user),
                format!("userdel {}", self.user),
            ],
        }]
    }
}
