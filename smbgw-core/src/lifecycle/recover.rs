//! Finishing or unwinding what was interrupted.

use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use crate::catalog;
use crate::deadline::Deadline;
use crate::host::{Host, LockError};
use crate::journal;
use crate::layout::{CATALOG_DIR, JOURNAL_DIR, SHARES_CONF, SMB_CONF};
use crate::lifecycle::execute::settle;
use crate::lifecycle::outcome::{Outcome, ShareError, Unrecovered};
use crate::machine::Machine;
use crate::plan::Operation;
use crate::share::ShareName;

/// What became of one interrupted operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Recovered {
    /// The share.
    pub share: ShareName,
    /// What was interrupted.
    pub operation: Operation,
    /// How it ended now: `Done` where it was finished, `RolledBack` where it was unwound.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// Finishes or unwinds every operation that was interrupted, and brings Samba's configuration in
/// line with the records. Operations that are under way in other processes are left alone.
///
/// # Errors
/// Where the journals cannot be read.
pub fn recover(machine: &Machine<'_>) -> Result<Vec<Recovered>, ShareError> {
    let mut recovered = Vec::new();
    for key in journal::pending(machine.host)? {
        match try_lock(machine, &key)? {
            Some(_lock) => recovered.extend(settle_one(machine, &key)?),
            None => tracing::info!(share = key, "an operation is under way"),
        }
    }
    let lock = machine.lock_configuration()?;
    tidy(machine.host)?;
    if !catalog::load_all(machine.host)?.is_empty() || journal::pending(machine.host)?.is_empty() {
        crate::definition::synchronise(machine.host, None, machine.deadline)
            .map_err(crate::step_error::StepError::from)?;
    }
    drop(lock);
    Ok(recovered)
}

/// Settles what was interrupted before a new operation begins: of the share `name`, whose lock the
/// caller holds, and of any other share that nobody works on. Says what it did.
pub(super) fn settle_earlier(
    machine: &Machine<'_>,
    name: Option<&ShareName>,
) -> Result<Vec<String>, ShareError> {
    let mut notes = Vec::new();
    for key in journal::pending(machine.host)? {
        let own = name.is_some_and(|name| name.key() == key);
        let lock = if own { None } else { try_lock(machine, &key)? };
        if !own && lock.is_none() {
            continue;
        }
        let Some(Recovered {
            share,
            operation,
            outcome,
        }) = settle_one(machine, &key)?
        else {
            continue;
        };
        match outcome {
            Outcome::Done(_) => {
                notes.push(format!(
                    "an interrupted {operation} of `{share}` was finished"
                ));
            }
            Outcome::RolledBack { .. } => {
                notes.push(format!(
                    "an interrupted {operation} of `{share}` was undone"
                ));
            }
            Outcome::NeedsAttention { cause, left_behind } if own => {
                return Err(ShareError::Unrecovered(Box::new(Unrecovered {
                    share,
                    cause,
                    left_behind,
                })));
            }
            Outcome::NeedsAttention { cause, .. } => notes.push(format!(
                "an interrupted {operation} of `{share}` still needs attention ({cause}); run \
                 `pve-smbgateway recover`"
            )),
        }
    }
    Ok(notes)
}

/// The lock of the share with the folded name `key`, unless somebody holds it.
fn try_lock(machine: &Machine<'_>, key: &str) -> Result<Option<crate::host::Lock>, LockError> {
    let now = Deadline::after(Duration::ZERO);
    match machine.host.lock(&format!("share-{key}"), "recover", now) {
        Ok(lock) => Ok(Some(lock)),
        Err(LockError::Held { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

fn settle_one(machine: &Machine<'_>, key: &str) -> Result<Option<Recovered>, ShareError> {
    let Some((journal, account)) = journal::read(machine.host, key)? else {
        return Ok(None);
    };
    let share = account.plan.share.clone();
    let operation = account.plan.operation;
    tracing::info!(%share, %operation, "settle an interrupted operation");
    let outcome = settle(machine, journal, &account);
    Ok(Some(Recovered {
        share,
        operation,
        outcome,
    }))
}

/// Removes what a crash in the middle of replacing a file left, and our directories if empty.
fn tidy(host: &dyn Host) -> Result<(), ShareError> {
    for file in [SMB_CONF, SHARES_CONF] {
        host.remove_temporary(Path::new(file))?;
    }
    for dir in [CATALOG_DIR, JOURNAL_DIR].map(Path::new) {
        for name in host.list(dir)?.iter().filter(|name| name.starts_with('.')) {
            host.remove(&dir.join(name))?;
        }
        for dir in [Some(dir), dir.parent()].into_iter().flatten() {
            host.remove_dir(dir)?;
        }
    }
    Ok(())
}
