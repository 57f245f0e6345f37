//! The proof that a share is there for clients.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::account::UserName;
use crate::change::Change;
use crate::definition::administrators_globals;
use crate::endpoint::smb_endpoint;
use crate::machine::Machine;
use crate::probe::{Login, ProbeResult, ShareProbe};
use crate::share::ShareName;
use crate::step::{Action, LeftBehind};
use crate::step_error::StepError;

/// Connects to a share over SMB and waits until it answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProveShare {
    /// The share.
    pub name: ShareName,
    /// A user to log in as, if a password of that user is at hand. Otherwise the probe is
    /// anonymous: smbd then refuses it, and tells by how it refuses that the share is there.
    pub user: Option<UserName>,
    /// Whether the share has to let an anonymous session in.
    pub guest: bool,
}

impl Action<Machine<'_>> for ProveShare {
    type Undo = ();

    fn title(&self) -> String {
        format!("connect to //localhost/{} over SMB", self.name)
    }

    fn check(&self, _: &Machine<'_>) -> Result<Option<()>, StepError> {
        Ok(Some(()))
    }

    fn apply(&self, machine: &Machine<'_>, (): &()) -> Result<Change, StepError> {
        let login = match &self.user {
            Some(name) => match machine.password_of(name) {
                Some(password) => Login::User { name, password },
                None => Login::Anonymous,
            },
            None => Login::Anonymous,
        };
        let theirs = administrators_globals(machine.host)?;
        let endpoint = smb_endpoint(machine.host, &theirs, machine.deadline)?;
        let probe = ShareProbe {
            address: endpoint.ip(),
            port: endpoint.port(),
            share: &self.name,
            login,
        };
        let found = probe.wait_until_there(machine.host, machine.deadline.at_most(PATIENCE))?;
        if self.guest && found == ProbeResult::ExistsButDenied {
            return Err(StepError::GuestsRefused(self.name.to_string()));
        }
        Ok(Change::Unchanged)
    }

    fn undo(&self, _: &Machine<'_>, (): &()) -> Result<(), StepError> {
        Ok(())
    }

    fn left_behind(&self, (): &()) -> Vec<LeftBehind> {
        Vec::new()
    }
}

/// How long smbd has to answer for a share it was told of.
const PATIENCE: Duration = Duration::from_secs(20);
