//! Subvolumes of btrfs.

use std::time::Duration;

use smbgw_core::deadline::Deadline;
use smbgw_core::ports::{Depth, Deviation, Limits, Meant, Repair};

use super::{Inspection, limits, mismatch, missing, off, uncounted_inside};
use crate::btrfs::{self, Counting, Subvolume};
use crate::detect::Place;
use crate::error::QuotaError;
use crate::tree;
use crate::volume::Site;

const NO_GROUP: &str = "quota.no-group";
const INCONSISTENT: &str = "quota.inconsistent";

/// For how long a repair waits for the groups to be counted; the kernel goes on by itself.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) fn look(
    pass: &mut Inspection<'_>,
    site: &Site<'_>,
    meant: Meant<'_>,
) -> Result<Vec<Deviation>, QuotaError> {
    let examination = examine(pass, site, meant)?;
    let mut all = examination.deviations;
    let limit = examination.limits.map(|(deviation, _)| deviation);
    all.extend(limit);
    Ok(all)
}

pub(super) fn repair(
    pass: &mut Inspection<'_>,
    site: &Site<'_>,
    meant: Meant<'_>,
) -> Result<Vec<Repair>, QuotaError> {
    // A look into the tree finds nothing that could be repaired.
    pass.depth = Depth::Quick;
    let examination = examine(pass, site, meant)?;
    let Some(subvolume) = examination.subvolume else {
        return Ok(Vec::new());
    };
    let has = |code: &str| {
        let mut found = examination.deviations.iter();
        found.any(|deviation| deviation.repairable && deviation.code == code)
    };
    let mut done = Vec::new();
    let path = site.path.display();
    // A count that is under way may be past what the subvolume holds when the group is made; it is
    // made by the next repair then.
    if has(NO_GROUP) && !is_counted(&subvolume, pass.deadline.at_most(PATIENCE))? {
        return Ok(done);
    }
    if has(NO_GROUP) && subvolume.create_group()?.happened() {
        let message = format!("`{path}` was given a quota group again");
        done.push(Repair::new(NO_GROUP, message, 1));
    }
    if let Some((deviation, right)) = &examination.limits {
        subvolume.set_limits(*right)?;
        done.push(limits::repaired(deviation));
    }
    if has(NO_GROUP) || has(INCONSISTENT) {
        subvolume.count_anew()?;
        let mount_point = subvolume.place().mount()?.mount_point.display();
        let message = format!("the quota groups of {mount_point} are counted anew");
        done.push(Repair::new(INCONSISTENT, message, 1));
        is_counted(&subvolume, pass.deadline.at_most(PATIENCE))?;
    }
    Ok(done)
}

/// Whether the kernel has no groups to count, waiting until the deadline for it to be done.
fn is_counted(subvolume: &Subvolume, deadline: Deadline) -> Result<bool, QuotaError> {
    while subvolume.is_being_counted()? {
        if deadline.has_passed() {
            return Ok(false);
        }
        std::thread::sleep(Duration::from_millis(50).min(deadline.remaining()));
    }
    Ok(true)
}

struct Examination {
    deviations: Vec<Deviation>,
    /// What is wrong with the limits, and the right ones.
    limits: Option<(Deviation, Limits)>,
    /// The subvolume, where it can be repaired.
    subvolume: Option<Subvolume>,
}

fn examine(
    pass: &mut Inspection<'_>,
    site: &Site<'_>,
    meant: Meant<'_>,
) -> Result<Examination, QuotaError> {
    let with = |deviations| {
        Ok(Examination {
            deviations,
            limits: None,
            subvolume: None,
        })
    };
    let place = match Place::open(&site.local) {
        Ok(place) => place,
        Err(QuotaError::NotFound { .. }) => return with(vec![missing(site)]),
        Err(error) => return Err(error),
    };
    if !btrfs::is_subvolume(&place) {
        let found = format!("a directory on {}", place.mount()?.type_name);
        return with(vec![mismatch(site, "a btrfs subvolume", &found)]);
    }
    let counting = btrfs::counting(&place)?;
    if counting == Counting::Off {
        return with(off(&place.quota_state()?).into_iter().collect());
    }
    let mut deviations = Vec::new();
    if counting == Counting::Inconsistent {
        let mount_point = place.mount()?.mount_point.display();
        let message = format!("the quota groups of {mount_point} are not counted to the end");
        deviations.push(Deviation::new(INCONSISTENT, message).repairable());
    }
    let subvolume = Subvolume::at(place)?;
    let in_force = if subvolume.has_group() {
        subvolume.limits()?
    } else {
        let message = format!(
            "`{}` has no quota group 0/{}, so nothing limits it",
            site.path.display(),
            subvolume.id()
        );
        deviations.push(Deviation::new(NO_GROUP, message).at(site.path).repairable());
        Limits::default()
    };
    let limits = limits::differing(meant.limits, in_force)
        .map(|found| (found, limits::corrected(meant.limits, in_force)));
    if pass.depth == Depth::Thorough {
        deviations.extend(super::mounts_inside(site, |_| true)?);
        deviations.extend(subvolumes_inside(pass, site)?);
    }
    Ok(Examination {
        deviations,
        limits,
        subvolume: Some(subvolume),
    })
}

fn subvolumes_inside(
    pass: &Inspection<'_>,
    site: &Site<'_>,
) -> Result<Option<Deviation>, QuotaError> {
    let found = match tree::devices_inside(&site.local, pass.deadline) {
        Ok(found) => found,
        Err(QuotaError::TimedOut { .. }) => {
            let message = format!(
                "the time was not enough for all of `{}`",
                site.path.display()
            );
            return Ok(Some(
                Deviation::new("quota.not-finished", message)
                    .at(site.path)
                    .remedy("look again with more time"),
            ));
        }
        Err(error) => return Err(error),
    };
    let first = found.first.as_deref();
    Ok(first.map(|first| uncounted_inside(site, "subvolume", found.count, first)))
}
