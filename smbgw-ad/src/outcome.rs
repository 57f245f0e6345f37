//! How an operation on a membership ended.

use serde::Serialize;
use smbgw_core::lifecycle::{self, StepReport};
use smbgw_core::transaction::{Ending, Work};

use crate::name::{ComputerName, DomainName, HostName};
use crate::plan::Plan;
use crate::session::Session;

/// How an operation that was begun ended.
pub type Outcome = lifecycle::Outcome<Report>;

/// What an operation did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Report {
    /// The domain.
    pub domain: DomainName,
    /// The computer.
    pub computer: ComputerName,
    /// The controller that was used.
    pub controller: Option<HostName>,
    /// Each step with what it did.
    pub steps: Vec<StepReport>,
    /// What an administrator should know beside it.
    pub notes: Vec<String>,
}

impl Plan {
    /// How this plan ended, which was carried out with `session`.
    pub(crate) fn outcome(&self, session: Option<&Session>, ending: Ending) -> Outcome {
        ending.map(|Work { steps, notes }| Report {
            domain: self.domain.clone(),
            computer: self.computer.clone(),
            controller: session.map(|session| session.controller().clone()),
            steps,
            notes,
        })
    }
}
