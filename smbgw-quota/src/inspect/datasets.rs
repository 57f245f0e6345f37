//! Datasets of ZFS.

use std::path::Path;

use smbgw_core::ports::{Depth, Deviation, Limits, Meant, Origin, Repair};
use smbgw_core::size::ByteSize;

use super::{Inspection, limits};
use crate::detect::{self, Place};
use crate::error::QuotaError;
use crate::volume::Site;
use crate::volume::dataset::{self, DatasetHandle};
use crate::zfs::Dataset;

pub(super) fn look(
    pass: &mut Inspection<'_>,
    site: &Site<'_>,
    handle: DatasetHandle<'_>,
    meant: Meant<'_>,
) -> Result<Vec<Deviation>, QuotaError> {
    let name = handle.name;
    let Some(found) = pass.dataset(name)? else {
        let pool = name.split('/').next().unwrap_or(name);
        return Ok(vec![missing_dataset(name, pool, site)]);
    };
    let mut all = Vec::new();
    all.extend(unmounted(site, name)?);
    let in_force = found.usage(handle.with_snapshots).limits;
    all.extend(limits::differing(meant.limits, in_force));
    all.extend(tighter(&found, handle, meant));
    if pass.depth == Depth::Thorough {
        all.extend(mounts_inside(site, handle)?);
    }
    Ok(all)
}

pub(super) fn repair(
    pass: &mut Inspection<'_>,
    site: &Site<'_>,
    handle: DatasetHandle<'_>,
    meant: Meant<'_>,
) -> Result<Vec<Repair>, QuotaError> {
    let Some(found) = pass.dataset(handle.name)? else {
        return Ok(Vec::new());
    };
    let in_force = found.usage(handle.with_snapshots).limits;
    let Some(deviation) = limits::differing(meant.limits, in_force) else {
        return Ok(Vec::new());
    };
    let right = limits::corrected(meant.limits, in_force);
    dataset::set_limits(site, handle, right, pass.deadline)?;
    Ok(vec![limits::repaired(&deviation)])
}

fn missing_dataset(name: &str, pool: &str, site: &Site<'_>) -> Deviation {
    Deviation::new(
        "quota.volume-missing",
        format!("there is no dataset {name}"),
    )
    .at(site.path)
    .remedy(format!(
        "look at `zfs list -r {pool}`; run `zpool import {pool}` if the pool is not imported"
    ))
}

/// Where something else than the dataset `name` is seen at its path.
fn unmounted(site: &Site<'_>, name: &str) -> Result<Option<Deviation>, QuotaError> {
    let is_seen = match Place::open(&site.local) {
        Ok(place) => {
            let mount = place.mount()?;
            mount.source == name && mount.root == Path::new("/") && mount.mount_point == site.local
        }
        Err(QuotaError::NotFound { .. } | QuotaError::NotADirectory { .. }) => false,
        Err(error) => return Err(error),
    };
    let path = site.path.display();
    Ok((!is_seen).then(|| {
        let message = format!("the dataset {name} is not mounted at `{path}`");
        Deviation::new("quota.not-mounted", message)
            .at(site.path)
            .remedy(format!(
                "look at `zfs get mountpoint,mounted {name}` and at what is in `{path}`, and run \
                 `zfs mount {name}`"
            ))
    }))
}

/// A limit of the other kind that binds before the one that is meant.
fn tighter(found: &Dataset, handle: DatasetHandle<'_>, meant: Meant<'_>) -> Option<Deviation> {
    // An administrator's dataset may have had it before it was adopted.
    if matches!(meant.volume.origin, Origin::Adopted { .. }) {
        return None;
    }
    let (property, other) = match handle.with_snapshots {
        true => ("refquota", found.refquota),
        false => ("quota", found.quota),
    };
    let Limits { bytes, .. } = meant.limits;
    let (other, bytes) = (other?, bytes?);
    (other < bytes).then(|| {
        let (other, bytes) = (ByteSize::from_bytes(other), ByteSize::from_bytes(bytes));
        let name = handle.name;
        let message = format!(
            "the property {property} of {name} is {other} and binds before the limit of {bytes}"
        );
        Deviation::new("quota.other-limit", message).remedy(format!(
            "run `zfs set {property}=none {name}` if nothing needs it"
        ))
    })
}

fn mounts_inside(
    site: &Site<'_>,
    handle: DatasetHandle<'_>,
) -> Result<Option<Deviation>, QuotaError> {
    let descendants = format!("{}/", handle.name);
    // With snapshots, `quota` counts the datasets below too.
    let is_counted = |source: &str| handle.with_snapshots && source.starts_with(&descendants);
    super::mounts_inside(site, |mount: &detect::Mount| !is_counted(&mount.source))
}
