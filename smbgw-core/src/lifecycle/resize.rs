//! Changing the quota of a share.

use crate::catalog;
use crate::journal::Journal;
use crate::lifecycle::execute::carry_out;
use crate::lifecycle::outcome::{Outcome, ShareError};
use crate::lifecycle::recover::settle_earlier;
use crate::lifecycle::request::usage_problem;
use crate::machine::Machine;
use crate::plan::{Operation, Plan};
use crate::ports::Limits;
use crate::share::ShareName;
use crate::size::QuotaSize;
use crate::steps::definition::ChangeRecord;
use crate::steps::limits::SetLimits;

/// Changes the quota of the share `name`.
///
/// # Errors
/// Where there is no such share, or it holds more than the new quota and `force` is not given;
/// nothing was touched then.
pub fn resize(
    machine: &Machine<'_>,
    name: &ShareName,
    quota: QuotaSize,
    force: bool,
) -> Result<Outcome, ShareError> {
    let _share_lock = machine.lock_share(name, "resize", machine.deadline)?;
    let notes = settle_earlier(machine, Some(name))?;
    let before =
        catalog::load(machine.host, name)?.ok_or_else(|| ShareError::NotFound(name.clone()))?;
    let usage = machine.storage.usage(&before.volume, machine.deadline)?;
    if let (Some(problem), false) = (usage_problem(usage.bytes, quota), force) {
        return Err(ShareError::Refused(vec![problem]));
    }
    let before = Box::new(before);
    let mut after = before.clone();
    after.spec.quota = quota;
    let limits = Limits {
        bytes: Some(quota.bytes()),
        ..usage.limits
    };
    let plan = Plan {
        operation: Operation::Resize,
        share: before.name().clone(),
        steps: vec![
            SetLimits {
                volume: before.volume.clone(),
                limits,
            }
            .into(),
            ChangeRecord { before, after }.into(),
        ],
        point_of_no_return: None,
    };
    let lock = machine.lock_configuration()?;
    let journal = Journal::create(machine.host, &plan)?;
    drop(lock);
    Ok(carry_out(machine, journal, &plan, notes))
}
