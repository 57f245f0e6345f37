//! The proof that the membership holds.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use smbgw_core::change::Change;
use smbgw_core::step::{Action, LeftBehind};
use smbgw_core::step_error::StepError;

use crate::gateway::Gateway;
use crate::join_error::{JoinError, step};
use crate::krb::error::KrbError;
use crate::name::{Principal, Spn};
use crate::samba::Member;
use crate::session::Session;
use crate::steps::keytab;

/// Proves that the keytab has the keys that the domain has: the machine logs in with them, and reads
/// a ticket for one of its own services.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProveMembership {
    /// The member.
    pub member: Member,
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
            self.member.computer.account()
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
        let known = gateway.logged_in()?;
        let account = self.member.principal();
        let refused = |source: KrbError| match source {
            // Nobody has said anything about the keys.
            KrbError::Unreachable { .. } => source.into(),
            source => JoinError::KeysRefused {
                principal: account.to_string(),
                source: Box::new(source),
            },
        };
        let discovery = known.discovery().clone();
        let (keytab, clock) = (&self.keytab, known.clock());
        let session = Session::of_machine(gateway.host, &self.member, keytab, discovery, clock)?;
        session.log_in(gateway.deadline).map_err(refused)?;
        let service = Principal::of_spn(&self.service, self.member.realm.clone());
        let ticket = session
            .ticket(&service, gateway.deadline)
            .map_err(refused)?;
        let keytab = keytab::read(gateway.host, &self.keytab)?;
        let newest = keytab.newest(&account).unwrap_or_default();
        let keys = keytab.keys(&service, newest);
        match ticket.read_with(&keys) {
            Ok(Some(_)) => Ok(()),
            _ => Err(JoinError::TicketUnreadable(self.service.clone())),
        }
    }
}
