//! How an operation on a cluster ended.

use serde::Serialize;
use smbgw_core::lifecycle::{self, StepReport};
use smbgw_core::transaction::{Ending, Work};

use crate::plan::{Operation, Plan};

/// How an operation that was begun ended.
pub type Outcome = lifecycle::Outcome<Report>;

/// What an operation did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Report {
    /// The kind of operation.
    pub operation: Operation,
    /// The name of the cluster.
    pub cluster: String,
    /// Each step with what it did.
    pub steps: Vec<StepReport>,
    /// What an administrator should know beside it.
    pub notes: Vec<String>,
}

impl Plan {
    /// How this plan ended.
    pub(crate) fn outcome(&self, ending: Ending) -> Outcome {
        ending.map(|Work { steps, notes }| Report {
            operation: self.operation,
            cluster: self.cluster.clone(),
            steps,
            notes,
        })
    }
}
