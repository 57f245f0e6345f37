//! The file with which another machine joins.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use smbgw_core::change::Change;
use smbgw_core::host::cmd::quote_for_shell;
use smbgw_core::step::{Action, LeftBehind};
use smbgw_core::step_error::StepError;

use super::secret::provision;
use crate::gateway::Gateway;
use crate::join_error::{JoinError, step};
use crate::samba::Member;

/// Writes an offline domain join blob (MS-ODJ) for an account that was just made. It holds the
/// account's password: only its owner may read it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WriteBlob {
    /// The member that the account is of.
    pub member: Member,
    /// The file.
    pub file: PathBuf,
}

impl Action<Gateway<'_>> for WriteBlob {
    type Undo = ();

    fn title(&self) -> String {
        format!("write {}", self.file.display())
    }

    fn check(&self, gateway: &Gateway<'_>) -> Result<Option<()>, StepError> {
        match gateway.host.status(&self.file)? {
            None => Ok(Some(())),
            Some(_) => Err(step(JoinError::FileExists(self.file.clone()))),
        }
    }

    fn apply(&self, gateway: &Gateway<'_>, (): &()) -> Result<Change, StepError> {
        let provision = provision(gateway, &self.member).map_err(step)?;
        let file = provision.to_file().map_err(step)?;
        Ok(gateway.host.write(&self.file, &file, 0o600)?)
    }

    fn undo(&self, gateway: &Gateway<'_>, (): &()) -> Result<(), StepError> {
        gateway.host.remove_temporary(&self.file)?;
        gateway.host.remove(&self.file)?;
        Ok(())
    }

    fn left_behind(&self, (): &()) -> Vec<LeftBehind> {
        let file = self.file.display().to_string();
        vec![LeftBehind {
            commands: vec![format!("rm {}", quote_for_shell(&file))],
            what: format!("the file {file}"),
        }]
    }
}
