//! How an operation on a membership ended.

use serde::Serialize;
use smbgw_core::lifecycle::{Finding, StepReport};
use smbgw_core::step::LeftBehind;
use smbgw_core::transaction::Ending;

use crate::name::{ComputerName, DomainName, HostName};
use crate::plan::Plan;
use crate::session::Session;

/// How an operation that was begun ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", tag = "outcome")]
pub enum Outcome {
    /// All of it is done.
    Done(Report),
    /// It failed, and host and domain are as they were before.
    RolledBack {
        /// What failed.
        cause: Finding,
    },
    /// It failed, and something is left.
    NeedsAttention {
        /// What failed.
        cause: Finding,
        /// What is left, and the commands to clean it up.
        left_behind: Vec<LeftBehind>,
    },
}

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

impl Outcome {
    /// Whether all of it is done.
    pub fn is_done(&self) -> bool {
        matches!(self, Self::Done(_))
    }

    pub(crate) fn of(plan: &Plan, session: Option<&Session>, ending: Ending) -> Self {
        match ending {
            Ending::Done { steps, notes } => Self::Done(Report {
                domain: plan.domain.clone(),
                computer: plan.computer.clone(),
                controller: session.map(|session| session.controller().clone()),
                steps,
                notes,
            }),
            Ending::RolledBack { cause } => Self::RolledBack { cause },
            Ending::NeedsAttention { cause, left_behind } => {
                Self::NeedsAttention { cause, left_behind }
            }
        }
    }
}
