//! Finishing or undoing what was interrupted.

use std::path::Path;

use serde::Serialize;
use smbgw_core::host::Host;
use smbgw_core::journal::{Account, Journal, read_file};
use smbgw_core::state_error::StateError;
use smbgw_core::transaction::{carry_out, settle};

use crate::cluster_error::ClusterError;
use crate::node::NodeSpec;
use crate::outcome::Outcome;
use crate::plan::{JOURNAL, Operation, Plan};
use crate::world::Cluster;

/// An operation that was interrupted, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Recovered {
    /// The kind of operation.
    pub operation: Operation,
    /// The name of the cluster.
    pub cluster: String,
    /// What became of it.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// The nodes of an operation that was interrupted, with the ways to them; `None` where there was none.
/// [`recover`] needs those of them that are reached.
///
/// # Errors
/// Where the journal cannot be read.
pub fn nodes_under_way(coordinator: &dyn Host) -> Result<Option<Vec<NodeSpec>>, ClusterError> {
    Ok(under_way(coordinator)?.map(|(_, account)| account.plan.nodes))
}

/// Undoes an operation that was interrupted, or finishes it where that cannot be; `None` where there was none.
///
/// What was done on a node that is not reached stays, and is said; another recovery does it when the node
/// is back. A node that is lost for good is among those [given up](Cluster::given_up).
///
/// # Errors
/// Where the journal cannot be read, or somebody else works on the cluster.
pub fn recover(cluster: &Cluster<'_>) -> Result<Option<Recovered>, ClusterError> {
    let _locks = cluster.lock("recovering")?;
    let Some((journal, account)) = under_way(cluster.coordinator)? else {
        return Ok(None);
    };
    let ending = settle(cluster, journal, &account);
    let plan = account.plan;
    Ok(Some(Recovered {
        outcome: plan.outcome(ending),
        operation: plan.operation,
        cluster: plan.cluster,
    }))
}

/// Settles what was interrupted before a new operation begins, and says what it did. Only the nodes of
/// the new operation are there, so what concerns others has to be recovered by itself.
pub(crate) fn settle_earlier(cluster: &Cluster<'_>) -> Result<Vec<String>, ClusterError> {
    let Some((journal, account)) = under_way(cluster.coordinator)? else {
        return Ok(Vec::new());
    };
    let plan = &account.plan;
    let operation = format!("{} of {}", plan.operation, plan.cluster);
    match plan.outcome(settle(cluster, journal, &account)) {
        Outcome::Done(_) => Ok(vec![format!("an interrupted {operation} was finished")]),
        Outcome::RolledBack { .. } => Ok(vec![format!("an interrupted {operation} was undone")]),
        Outcome::NeedsAttention { cause, left_behind } => Err(ClusterError::Unrecovered {
            cause: Box::new(cause),
            left_behind,
        }),
    }
}

/// Writes the plan down and carries it out. The caller holds the locks.
pub(crate) fn begin(
    cluster: &Cluster<'_>,
    plan: &Plan,
    notes: Vec<String>,
) -> Result<Outcome, ClusterError> {
    let journal = Journal::create(cluster.coordinator, plan)?;
    Ok(plan.outcome(carry_out(cluster, journal, plan, notes)))
}

/// The operation that was interrupted. One that was killed while it wrote down its plan had not begun,
/// and one that was killed right after it had removed its journal was over: what they left is removed.
fn under_way(host: &dyn Host) -> Result<Option<(Journal, Account<Plan>)>, StateError> {
    let path = Path::new(JOURNAL);
    let found = read_file::<Plan>(host, path)?;
    if found.is_none() {
        host.remove_temporary(path)?;
        for directory in path.ancestors().skip(1).take(2) {
            host.remove_dir(directory)?;
        }
    }
    Ok(found)
}
