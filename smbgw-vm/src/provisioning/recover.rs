//! Finishing or undoing what was interrupted.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;
use smbgw_core::deadline::Deadline;
use smbgw_core::host::{Host, LockError};
use smbgw_core::host_label::HostLabel;
use smbgw_core::journal::{Account, Journal, Verdict, read_file};
use smbgw_core::state_error::StateError;
use smbgw_core::transaction::{carry_out, settle};

use super::error::ProvisioningError;
use super::outcome::Outcome;
use super::plan::{JOURNALS, Operation, Plan, journal_of};
use super::record::key;
use super::world::Provisioning;

/// An operation that was interrupted, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Recovered {
    /// The kind of operation.
    pub operation: Operation,
    /// The guest.
    pub name: HostLabel,
    /// What became of it.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// Undoes the making of guests that was interrupted, and finishes their removal. Guests that somebody works on are
/// left out.
///
/// # Errors
/// Where a journal cannot be read; what can be settled was.
pub fn recover(world: &Provisioning<'_>) -> Result<Vec<Recovered>, ProvisioningError> {
    let mut recovered = Vec::new();
    let mut failed = None;
    for name in interrupted(world.machine())? {
        let trying = world.until(Deadline::after(Duration::ZERO));
        let _lock = match trying.lock(&name, "recovering") {
            Ok(lock) => lock,
            Err(LockError::Held { .. }) => continue,
            Err(error) => return Err(error.into()),
        };
        match settle_one(world, &name) {
            Ok(settled) => recovered.extend(settled),
            Err(error) => failed = Some(error),
        }
    }
    match failed {
        None => Ok(recovered),
        Some(error) => Err(error.into()),
    }
}

/// Settles what was interrupted of the guest `name` before a new operation begins, and says what it did. The caller
/// holds its lock.
pub(super) fn settle_earlier(
    world: &Provisioning<'_>,
    name: &HostLabel,
) -> Result<Vec<String>, ProvisioningError> {
    let Some(settled) = settle_one(world, name)? else {
        return Ok(Vec::new());
    };
    let Recovered {
        operation, outcome, ..
    } = settled;
    match outcome {
        Outcome::Done(_) => Ok(vec![format!("an interrupted {operation} was finished")]),
        Outcome::RolledBack { .. } => Ok(vec![format!("an interrupted {operation} was undone")]),
        Outcome::NeedsAttention { cause, left_behind } => Err(ProvisioningError::Unrecovered {
            name: name.clone(),
            cause: Box::new(cause),
            left_behind,
        }),
    }
}

/// Whether a resize of the guest `name` was interrupted. Undoing that needs a guest that runs.
pub(super) fn is_half_resized(
    world: &Provisioning<'_>,
    name: &HostLabel,
) -> Result<bool, ProvisioningError> {
    let found = under_way(world.machine(), name)?;
    Ok(found.is_some_and(|(_, account)| account.plan.operation == Operation::Resize))
}

/// Forgets that a resize of the guest `name` was interrupted, which is to be taken away.
pub(super) fn forget_resize(
    world: &Provisioning<'_>,
    name: &HostLabel,
) -> Result<(), ProvisioningError> {
    if let Some((journal, mut account)) = under_way(world.machine(), name)?
        && account.plan.operation == Operation::Resize
    {
        account.verdict = Some(Verdict::RolledBack);
        settle(world, journal, &account);
    }
    Ok(())
}

/// Writes the plan down and carries it out. The caller holds the lock of the guest.
pub(super) fn begin(
    world: &Provisioning<'_>,
    plan: &Plan,
    notes: Vec<String>,
) -> Result<Outcome, ProvisioningError> {
    let journal = Journal::create(world.machine(), plan)?;
    let ending = carry_out(world, journal, plan, notes);
    Ok(plan.outcome(world, ending))
}

/// Whether an operation on a guest of `host` was interrupted, or is under way.
///
/// # Errors
/// Where that cannot be looked at.
pub fn is_interrupted(host: &dyn Host) -> Result<bool, ProvisioningError> {
    Ok(!interrupted(host)?.is_empty())
}

fn settle_one(world: &Provisioning<'_>, name: &HostLabel) -> Result<Option<Recovered>, StateError> {
    let Some((journal, account)) = under_way(world.machine(), name)? else {
        return Ok(None);
    };
    let ending = settle(world, journal, &account);
    let plan = account.plan;
    Ok(Some(Recovered {
        operation: plan.operation,
        outcome: plan.outcome(world, ending),
        name: plan.name,
    }))
}

/// The guests of which there is a journal, or what was left of one that was being written.
fn interrupted(host: &dyn Host) -> Result<BTreeSet<HostLabel>, ProvisioningError> {
    let files = host.list(Path::new(JOURNALS))?;
    let named = files.iter().filter_map(|file| {
        let (name, _) = file.trim_start_matches('.').split_once(".jsonl")?;
        name.parse().ok()
    });
    Ok(named.collect())
}

/// The operation that was interrupted. One that was killed while it wrote down its plan had not begun, and one that
/// was killed right after it had removed its journal was over: what they left is removed.
fn under_way(
    host: &dyn Host,
    name: &HostLabel,
) -> Result<Option<(Journal, Account<Plan>)>, StateError> {
    let path = journal_of(&key(name));
    let found = read_file::<Plan>(host, &path)?;
    if found.is_none() {
        host.remove_temporary(&path)?;
        for directory in path.ancestors().skip(1).take(2) {
            host.remove_dir(directory)?;
        }
    }
    Ok(found)
}
