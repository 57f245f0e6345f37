//! What this machine remembers of its membership.

use serde::{Deserialize, Serialize};
use smbgw_core::change::Change;
use smbgw_core::step::{Action, LeftBehind};
use smbgw_core::step_error::StepError;

use crate::gateway::Gateway;
use crate::join_error::step;
use crate::membership::{FILE, Membership};
use crate::name::ComputerName;

/// Writes down what was joined.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Remember {
    /// All that is known before the account is made.
    pub draft: Box<crate::membership::Draft>,
}

impl Action<Gateway<'_>> for Remember {
    /// What was remembered before.
    type Undo = Option<Box<Membership>>;

    fn title(&self) -> String {
        format!("remember the membership in {FILE}")
    }

    fn check(&self, gateway: &Gateway<'_>) -> Result<Option<Option<Box<Membership>>>, StepError> {
        Ok(Some(Membership::load(gateway.host)?.map(Box::new)))
    }

    fn apply(
        &self,
        gateway: &Gateway<'_>,
        _: &Option<Box<Membership>>,
    ) -> Result<Change, StepError> {
        let session = gateway.logged_in().map_err(step)?;
        let account = session
            .account(&self.draft.computer, gateway.deadline)
            .map_err(step)?;
        let membership = self
            .draft
            .membership(session.discovery(), &account, gateway.host.now())
            .map_err(step)?;
        Ok(membership.store(gateway.host)?)
    }

    fn undo(
        &self,
        gateway: &Gateway<'_>,
        before: &Option<Box<Membership>>,
    ) -> Result<(), StepError> {
        match before {
            Some(before) => before.store(gateway.host)?,
            None => Membership::remove(gateway.host)?,
        };
        Ok(())
    }

    fn left_behind(&self, _: &Option<Box<Membership>>) -> Vec<LeftBehind> {
        vec![LeftBehind {
            what: format!("the record {FILE}"),
            commands: vec![format!("rm {FILE}")],
        }]
    }
}

/// Forgets the membership, for good.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Forget {
    /// The computer that was a member.
    pub computer: ComputerName,
}

impl Action<Gateway<'_>> for Forget {
    type Undo = Option<Box<Membership>>;

    fn title(&self) -> String {
        format!("forget the membership of {}", self.computer)
    }

    fn check(&self, gateway: &Gateway<'_>) -> Result<Option<Option<Box<Membership>>>, StepError> {
        // Also where nothing is remembered: the directory of the record may be left.
        Ok(Some(Membership::load(gateway.host)?.map(Box::new)))
    }

    fn apply(
        &self,
        gateway: &Gateway<'_>,
        _: &Option<Box<Membership>>,
    ) -> Result<Change, StepError> {
        Ok(Membership::remove(gateway.host)?)
    }

    fn undo(
        &self,
        gateway: &Gateway<'_>,
        before: &Option<Box<Membership>>,
    ) -> Result<(), StepError> {
        if let Some(before) = before {
            before.store(gateway.host)?;
        }
        Ok(())
    }

    fn left_behind(&self, _: &Option<Box<Membership>>) -> Vec<LeftBehind> {
        vec![LeftBehind {
            what: format!("the record {FILE}"),
            commands: vec![format!("rm {FILE}")],
        }]
    }
}
