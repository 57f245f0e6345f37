//! Finishing or unwinding what was interrupted.

use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use crate::deadline::Deadline;
use crate::definition::synchronise;
use crate::error::chain_text;
use crate::host::{Host, LockError};
use crate::journal;
use crate::layout::{CATALOG_DIR, JOURNAL_DIR, SHARES_CONF, SMB_CONF};
use crate::lifecycle::execute::settle;
use crate::lifecycle::outcome::{Outcome, ShareError, Unrecovered};
use crate::machine::Machine;
use crate::plan::Operation;
use crate::share::ShareName;
use crate::step_error::StepError;
use crate::steps::announce::reload_if_running;

/// What became of one interrupted operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
/// Where a journal cannot be read; all others are settled before that is told.
pub fn recover(machine: &Machine<'_>) -> Result<Vec<Recovered>, ShareError> {
    let mut recovered = Vec::new();
    let mut unreadable = None;
    for key in journal::pending(machine.host)? {
        let Some(_lock) = try_lock(machine, &key)? else {
            tracing::info!(share = key, "an operation is under way");
            continue;
        };
        match settle_one(machine, &key) {
            Ok(settled) => recovered.extend(settled),
            Err(error) => unreadable = unreadable.or(Some(error)),
        }
    }
    let changed = {
        let _lock = machine.lock_configuration()?;
        tidy(machine.host)?;
        synchronise(machine.host, None, machine.deadline).map_err(StepError::from)?
    };
    if changed.happened() {
        reload_if_running(machine)?;
    }
    unreadable.map_or(Ok(recovered), Err)
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
        let settled = match settle_one(machine, &key) {
            Ok(settled) => settled,
            Err(error) if own => return Err(error),
            // Another share's damage is no reason to refuse this one.
            Err(error) => {
                notes.push(chain_text(&error));
                continue;
            }
        };
        let Some(Recovered {
            share,
            operation,
            outcome,
        }) = settled
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
