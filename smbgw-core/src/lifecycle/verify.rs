//! What the file systems enforce on shares against what the records say, and putting it right.

use std::path::Path;

use serde::Serialize;

use crate::catalog::{self, ShareRecord};
use crate::journal;
use crate::layout::{CATALOG_DIR, SHARES_CONF};
use crate::lifecycle::create::volumes_of;
use crate::lifecycle::outcome::{Finding, ShareError};
use crate::lifecycle::recover::settle_earlier;
use crate::machine::Machine;
use crate::ports::{Depth, Deviation, Limits, Meant, Repair, Stray, Volume};
use crate::share::ShareName;

/// What came out of a look at shares.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Verification {
    /// Each share.
    pub shares: Vec<ShareVerdict>,
    /// What shares that are gone left; looked for where all shares are looked at.
    pub strays: Vec<StrayVerdict>,
    /// Why it could not be looked for what shares left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<Finding>,
}

impl Verification {
    /// Whether all is as it is meant to be, or was put right.
    pub fn is_sound(&self) -> bool {
        self.shares.iter().all(ShareVerdict::is_sound)
            && self.strays.iter().all(|stray| stray.removed)
            && self.problem.is_none()
    }
}

/// How a share is against how it is meant to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ShareVerdict {
    /// The share.
    pub name: ShareName,
    /// What was not as it is meant to be.
    pub deviations: Vec<Deviation>,
    /// What was put right.
    pub fixed: Vec<Repair>,
    /// What is still not as it is meant to be; the same as `deviations` where nothing was to be
    /// fixed.
    pub remaining: Vec<Deviation>,
    /// Why the share could not be looked at or put right.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<Finding>,
    /// An operation on the share is under way or was interrupted, so that deviations may be passing.
    pub under_way: bool,
}

impl ShareVerdict {
    /// Whether all is as it is meant to be, or was put right.
    pub fn is_sound(&self) -> bool {
        self.remaining.is_empty() && self.problem.is_none()
    }

    fn new(name: ShareName, under_way: bool) -> Self {
        Self {
            name,
            deviations: Vec::new(),
            fixed: Vec::new(),
            remaining: Vec::new(),
            problem: None,
            under_way,
        }
    }
}

/// Something that a share which is gone left, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StrayVerdict {
    /// What it is.
    #[serde(flatten)]
    pub stray: Stray,
    /// What was done about it.
    pub fixed: Vec<Repair>,
    /// Whether it is gone.
    pub removed: bool,
    /// Why it could not be removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<Finding>,
}

/// Looks at all shares, or at the share `name`, to the given `depth`; changes nothing and takes no
/// lock.
///
/// # Errors
/// Where the records cannot be read, or there is no such share. A share that cannot be looked at is
/// no error: its verdict says so.
pub fn inspect(
    machine: &Machine<'_>,
    name: Option<&ShareName>,
    depth: Depth,
) -> Result<Vec<ShareVerdict>, ShareError> {
    let records = match name {
        Some(name) => vec![record(machine, name)?],
        None => catalog::load_all(machine.host)?,
    };
    let meant: Vec<_> = records.iter().map(meant).collect();
    let found = machine.storage.inspections(&meant, depth, machine.deadline);
    // Asked for afterwards: what was begun before the look is seen, and what has ended since left
    // another record.
    let pending = journal::pending(machine.host)?;
    let mut verdicts = Vec::with_capacity(records.len());
    for (record, found) in records.iter().zip(found) {
        let name = record.name();
        let mut verdict = ShareVerdict::new(name.clone(), pending.contains(&name.key()));
        match found {
            Ok(deviations) => verdict.deviations = deviations,
            Err(error) => verdict.problem = Some(Finding::new("inspect the volume", &error)),
        }
        let is_sound = verdict.deviations.is_empty() && verdict.problem.is_none();
        if !is_sound && catalog::load(machine.host, name)?.as_ref() != Some(record) {
            verdict.under_way = true;
        }
        verdict.remaining = verdict.deviations.clone();
        verdicts.push(verdict);
    }
    Ok(verdicts)
}

/// Looks thoroughly at all shares and for what others left, or at the share `name`; with `fix`, puts
/// right what can be.
///
/// # Errors
/// Where the records cannot be read, or there is no such share. A share that cannot be looked at or
/// put right is no error: its verdict says so.
pub fn verify(
    machine: &Machine<'_>,
    name: Option<&ShareName>,
    fix: bool,
) -> Result<Verification, ShareError> {
    let mut shares = inspect(machine, name, Depth::Thorough)?;
    if fix {
        for verdict in &mut shares {
            if let Err(error) = repair(machine, verdict) {
                verdict.problem = Some(Finding::new("put the volume right", &error));
            }
        }
    }
    let mut verification = Verification {
        shares,
        ..Verification::default()
    };
    if name.is_none() {
        match strays(machine, fix) {
            Ok(strays) => verification.strays = strays,
            Err(error) => {
                let during = "look for what deleted shares left";
                verification.problem = Some(Finding::new(during, &error));
            }
        }
    }
    Ok(verification)
}

/// Puts the share of `verdict` right.
///
/// No journal is written. All of it sets what the record says already, so there is nothing to take
/// back, and where it is cut off the share is nearer to its record than before; the next run does
/// the rest.
fn repair(machine: &Machine<'_>, verdict: &mut ShareVerdict) -> Result<(), ShareError> {
    if verdict.is_sound() {
        return Ok(());
    }
    let name = verdict.name.clone();
    let _share_lock = machine.lock_share(&name, "check", machine.deadline)?;
    settle_earlier(machine, Some(&name))?;
    verdict.under_way = false;
    verdict.problem = None;
    // It may have been deleted, or given another quota, since it was looked at.
    let Some(record) = catalog::load(machine.host, &name)? else {
        verdict.remaining.clear();
        return Ok(());
    };
    let meant = meant(&record);
    match machine.storage.repair(meant, machine.deadline) {
        Ok(done) => verdict.fixed = done,
        Err(error) => verdict.problem = Some(Finding::new("put the volume right", &error)),
    }
    verdict.remaining = machine
        .storage
        .inspect(meant, Depth::Thorough, machine.deadline)?;
    Ok(())
}

fn strays(machine: &Machine<'_>, fix: bool) -> Result<Vec<StrayVerdict>, ShareError> {
    // While the lock is held nobody chooses a volume, so nothing is taken for a stray that a share
    // is just being given. It is held for as long as it takes to find them, and longer only where
    // there is something to remove.
    let _lock = machine.lock_configuration()?;
    let records = catalog::load_all(machine.host)?;
    let plans = journal::plans_under_way(machine.host, None)?;
    let known: Vec<&Volume> = records
        .iter()
        .map(|record| &record.volume)
        .chain(plans.iter().flat_map(volumes_of))
        .collect();
    let found = machine.storage.strays(&known, machine.deadline)?;
    let defined = machine.host.read(Path::new(SHARES_CONF))?;
    let defined = String::from_utf8_lossy(defined.as_deref().unwrap_or_default());
    let verdicts = found.into_iter().map(|stray| {
        let mut verdict = StrayVerdict {
            stray,
            fixed: Vec::new(),
            removed: false,
            problem: None,
        };
        let still_shared = verdict.stray.paths.iter().find(|path| {
            let definition = format!("path = {}", path.display());
            defined.lines().any(|line| line.trim() == definition)
        });
        if let Some(path) = still_shared {
            verdict.problem = Some(record_is_missing(path));
        } else if fix && verdict.stray.repairable {
            let removed = machine
                .storage
                .remove_stray(&verdict.stray, &known, machine.deadline);
            match removed {
                Ok(done) => {
                    verdict.fixed = done;
                    verdict.removed = true;
                }
                Err(error) => {
                    verdict.problem = Some(Finding::new("remove what was left", &error));
                }
            }
        }
        verdict
    });
    Ok(verdicts.collect())
}

/// A share whose record is lost is no stray: taking its limit away would be the second loss.
fn record_is_missing(path: &Path) -> Finding {
    Finding {
        during: "look for what deleted shares left".into(),
        code: "share.record-missing".into(),
        message: format!(
            "{} is still shared by {SHARES_CONF}, but the record of the share is missing",
            path.display()
        ),
        remedy: Some(format!(
            "restore {CATALOG_DIR} from a backup before anything else is done"
        )),
    }
}

fn record(machine: &Machine<'_>, name: &ShareName) -> Result<ShareRecord, ShareError> {
    catalog::load(machine.host, name)?.ok_or_else(|| ShareError::NotFound(name.clone()))
}

/// The volume of `record` with the limits that the record gives it.
pub(super) fn meant(record: &ShareRecord) -> Meant<'_> {
    Meant {
        volume: &record.volume,
        limits: Limits::of_bytes(record.spec.quota.bytes()),
    }
}
