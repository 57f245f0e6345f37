//! The proof that the membership holds.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use smbgw_core::change::Change;
use smbgw_core::step::{Action, LeftBehind};
use smbgw_core::step_error::StepError;

use crate::gateway::Gateway;
use crate::join_error::{JoinError, step};
use crate::name::{ComputerName, Principal, Realm, Spn};
use crate::session::{Session, Who};
use crate::steps::keytab;

/// Proves that the keytab has the keys that the domain has: the machine logs in with them, and reads
/// a ticket for one of its own services.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProveMembership {
    /// The computer.
    pub computer: ComputerName,
    /// The realm.
    pub realm: Realm,
    /// The keytab.
    pub keytab: PathBuf,
    /// The service whose ticket is read.
    pub service: Spn,
}

impl Action<Gateway<'_>> for ProveMembership {
    type Undo = ();

    fn title(&self) -> String {
        format!(
            "log in as {} with the keys that were written",
            self.computer.account()
        )
    }

    fn check(&self, _: &Gateway<'_>) -> Result<Option<()>, StepError> {
        Ok(Some(()))
    }

    fn apply(&self, gateway: &Gateway<'_>, (): &()) -> Result<Change, StepError> {
        self.prove(gateway)
            .map(|()| Change::Unchanged)
            .map_err(step)
    }

    fn undo(&self, _: &Gateway<'_>, (): &()) -> Result<(), StepError> {
        Ok(())
    }

    fn left_behind(&self, (): &()) -> Vec<LeftBehind> {
        Vec::new()
    }
}

impl ProveMembership {
    fn prove(&self, gateway: &Gateway<'_>) -> Result<(), JoinError> {
        let known = gateway.session.ok_or(JoinError::CredentialsNeeded)?;
        let account = Principal::computer(&self.computer, self.realm.clone());
        let keytab = keytab::read(gateway.host, &self.keytab)?;
        let newest = keytab.newest(&account).unwrap_or_default();
        let refused = |source| JoinError::KeysRefused {
            principal: account.to_string(),
            source: Box::new(source),
        };
        let who = Who::Keys(account.clone(), keytab.keys(&account, newest));
        let session = Session::new(known.discovery().clone(), who, known.clock());
        session.log_in(gateway.deadline).map_err(refused)?;
        let service = Principal::of_spn(&self.service, self.realm.clone());
        let ticket = session
            .ticket(&service, gateway.deadline)
            .map_err(refused)?;
        let keys = keytab.keys(&service, newest);
        match ticket.read_with(&keys) {
            Ok(Some(_)) => Ok(()),
            _ => Err(JoinError::TicketUnreadable(self.service.clone())),
        }
    }
}
