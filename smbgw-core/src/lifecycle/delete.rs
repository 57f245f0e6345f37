//! Taking a share away.

use crate::account::UserName;
use crate::catalog::{self, ShareRecord};
use crate::journal::Journal;
use crate::lifecycle::execute::carry_out;
use crate::lifecycle::outcome::{Outcome, ShareError};
use crate::lifecycle::recover::settle_earlier;
use crate::machine::Machine;
use crate::plan::{Operation, Plan, Step};
use crate::ports::Origin;
use crate::share::ShareName;
use crate::steps::accounts::RemoveAccount;
use crate::steps::definition::Withdraw;
use crate::steps::parents::RemoveParents;
use crate::steps::traces::ForgetTraces;
use crate::steps::volume::GiveUpVolume;

/// How a share is taken away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeleteOptions {
    /// Remove the data too, and the accounts and directories that were made for the share.
    pub purge: bool,
    /// Set the history of its usage apart instead of removing it.
    pub keep_history: bool,
}

/// Takes the share `name` away: its definition, its sessions and its limit; with
/// [`DeleteOptions::purge`] also its data.
///
/// A directory, dataset or subvolume that was there before the share is never removed.
///
/// # Errors
/// Where there is no such share; nothing was touched then.
pub fn delete(
    machine: &Machine<'_>,
    name: &ShareName,
    options: DeleteOptions,
) -> Result<Outcome, ShareError> {
    let _share_lock = machine.lock_share(name, "delete", machine.deadline)?;
    let mut notes = settle_earlier(machine, Some(name))?;
    let lock = machine.lock_configuration()?;
    let record =
        catalog::load(machine.host, name)?.ok_or_else(|| ShareError::NotFound(name.clone()))?;
    let path = record.volume.path.display();
    if options.purge && matches!(record.volume.origin, Origin::Adopted { .. }) {
        notes.push(format!(
            "{path} was there before the share, so it and its data are kept"
        ));
    } else if !options.purge {
        notes.push(format!("the data is kept in {path}"));
    }
    let plan = plan(machine, record, options)?;
    let journal = Journal::create(machine.host, &plan)?;
    drop(lock);
    Ok(carry_out(machine, journal, &plan, notes))
}

fn plan(
    machine: &Machine<'_>,
    record: ShareRecord,
    DeleteOptions {
        purge,
        keep_history,
    }: DeleteOptions,
) -> Result<Plan, ShareError> {
    let share = record.name().clone();
    let volume = record.volume.clone();
    let mut steps: Vec<Step> = vec![
        Withdraw {
            record: record.clone(),
        }
        .into(),
        GiveUpVolume { volume, purge }.into(),
    ];
    if purge {
        if !record.made_directories.is_empty() {
            steps.push(
                RemoveParents {
                    directories: record.made_directories,
                }
                .into(),
            );
        }
        if !record.made_accounts.is_empty() {
            let others = catalog::load_all(machine.host)?;
            let used_elsewhere = |user: &UserName| {
                let others = others.iter().filter(|other| *other.name() != share);
                others
                    .flat_map(|other| &other.spec.access.users)
                    .any(|other| *other == *user)
            };
            let only_here = record
                .made_accounts
                .iter()
                .filter(|user| !used_elsewhere(user));
            steps.extend(only_here.map(|user| RemoveAccount { user: user.clone() }.into()));
        }
    }
    if !machine.traces.is_empty() {
        let share = share.clone();
        steps.push(
            ForgetTraces {
                share,
                keep_history,
            }
            .into(),
        );
    }
    Ok(Plan {
        operation: Operation::Delete,
        share,
        steps,
        // What a volume is known by cannot be given back to data that was let go.
        point_of_no_return: Some(1),
    })
}
