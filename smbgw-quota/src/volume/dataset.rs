//! Volumes on ZFS: a dataset with a `refquota` or `quota`.

use std::collections::BTreeSet;
use std::path::Path;

use smbgw_core::change::Change;
use smbgw_core::deadline::Deadline;
use smbgw_core::host::Host;
use smbgw_core::ports::storage::Data;
use smbgw_core::ports::{Filesystem, Handle, Limits, Origin, Volume};

use super::{NEW_MODE, Site, Wish, subvolume};
use crate::bytes_only;
use crate::detect::Place;
use crate::error::QuotaError;
use crate::projid::slug;
use crate::tree;
use crate::zfs::{self, Dataset};

/// The dataset of a volume.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DatasetHandle<'v> {
    pub(crate) name: &'v str,
    pub(crate) with_snapshots: bool,
}

/// Chooses a volume at `site` in the dataset of `place`, its nearest existing directory.
pub(crate) fn choose(
    site: &Site<'_>,
    place: &Place,
    wish: Wish<'_>,
    deadline: Deadline,
) -> Result<Volume, QuotaError> {
    let parent = &place.mount()?.source;
    let volume = |name, origin| Volume {
        path: site.path.into(),
        filesystem: Filesystem::Zfs,
        handle: Handle::Dataset {
            name,
            with_snapshots: false,
        },
        origin,
    };
    let exists = site.exists()?;
    // A bind mount of a directory of the dataset is no dataset.
    let is_root = place.mount()?.root == Path::new("/") && place.mount()?.mount_point == site.local;
    if exists && is_root {
        let dataset = one(site, parent, deadline)?;
        let limits = dataset.usage(false).limits;
        return Ok(volume(parent.clone(), Origin::Adopted { limits }));
    }
    let origin = if exists {
        subvolume::replaced(site, place, "dataset")?
    } else {
        Origin::Created
    };
    let mut used = zfs::children(site.host, parent, deadline)?;
    for volume in wish.taken {
        if let Handle::Dataset { name, .. } = &volume.handle {
            used.insert(name.clone());
        }
    }
    Ok(volume(free_name(parent, &wish.share.key(), &used), origin))
}

pub(crate) fn create(
    site: &Site<'_>,
    dataset: DatasetHandle<'_>,
    origin: &Origin,
    deadline: Deadline,
) -> Result<Change, QuotaError> {
    if matches!(origin, Origin::Adopted { .. }) {
        one(site, dataset.name, deadline)?;
        return Ok(Change::Unchanged);
    }
    match site.place()? {
        // zfs would hide what is in the directory.
        Some(place) => {
            if place.mount()?.source != dataset.name && !tree::is_empty(&place, &site.local)? {
                return Err(QuotaError::NotOurs {
                    what: site.path.display().to_string(),
                });
            }
        }
        // In the C locale, zfs itself cannot make a directory whose name has other letters.
        None => {
            site.host.create_dir(site.path, NEW_MODE)?;
        }
    }
    let change = zfs::create(site.host, dataset.name, &site.local, deadline)?;
    if change.happened() {
        site.host.set_mode(site.path, NEW_MODE)?;
    }
    Ok(change)
}

pub(crate) fn destroy(
    site: &Site<'_>,
    dataset: DatasetHandle<'_>,
    origin: &Origin,
    data: Data,
    deadline: Deadline,
) -> Result<Change, QuotaError> {
    if let Origin::Adopted { limits } = origin {
        return match find(site.host, dataset.name, deadline)? {
            Some(found) => apply(site.host, &found, dataset, *limits, deadline),
            None => Ok(Change::Unchanged),
        };
    }
    match data {
        Data::Keep => {
            let change = match find(site.host, dataset.name, deadline)? {
                Some(found) => apply(site.host, &found, dataset, Limits::default(), deadline)?,
                None => Change::Unchanged,
            };
            let released = zfs::release(site.host, dataset.name, &site.local, deadline)?;
            return Ok(if change.happened() { change } else { released });
        }
        Data::RemoveIfEmpty => check_empty(site, dataset.name, deadline)?,
        Data::Remove => {}
    }
    let change = zfs::destroy(site.host, dataset.name, &site.local, deadline)?;
    let directory = match *origin {
        Origin::ReplacedEmptyDirectory { uid, gid, mode } => site.put_back(uid, gid, mode)?,
        // What it was mounted on; a directory with content is somebody else's.
        _ => site.host.remove_dir(site.path)?,
    };
    Ok(if change.happened() { change } else { directory })
}

pub(crate) fn set_limits(
    site: &Site<'_>,
    dataset: DatasetHandle<'_>,
    limits: Limits,
    deadline: Deadline,
) -> Result<Change, QuotaError> {
    bytes_only::check(Filesystem::Zfs, &limits)?;
    let found = one(site, dataset.name, deadline)?;
    apply(site.host, &found, dataset, limits, deadline)
}

/// The dataset `name`, which the volume at `site` is.
pub(crate) fn one(site: &Site<'_>, name: &str, deadline: Deadline) -> Result<Dataset, QuotaError> {
    find(site.host, name, deadline)?.ok_or_else(|| QuotaError::NotFound {
        what: format!("dataset {name}"),
        path: site.path.into(),
    })
}

fn find(host: &dyn Host, name: &str, deadline: Deadline) -> Result<Option<Dataset>, QuotaError> {
    Ok(zfs::datasets(host, &BTreeSet::from([name]), deadline)?.remove(name))
}

fn apply(
    host: &dyn Host,
    found: &Dataset,
    dataset: DatasetHandle<'_>,
    limits: Limits,
    deadline: Deadline,
) -> Result<Change, QuotaError> {
    if found.usage(dataset.with_snapshots).limits == limits {
        return Ok(Change::Unchanged);
    }
    zfs::set_limits(host, dataset.name, dataset.with_snapshots, limits, deadline)?;
    Ok(Change::Updated)
}

/// # Errors
/// [`QuotaError::HasContent`] where something is in the dataset.
fn check_empty(site: &Site<'_>, name: &str, deadline: Deadline) -> Result<(), QuotaError> {
    if !zfs::is_made_for(site.host, name, &site.local, deadline)? {
        return Ok(());
    }
    // Where making it was cut off, it may not be mounted yet.
    zfs::mount(site.host, name, deadline)?;
    match site.place()? {
        Some(place) if place.mount()?.source == name => {
            match tree::is_empty(&place, &site.local)? {
                true => Ok(()),
                false => Err(QuotaError::HasContent {
                    path: site.path.into(),
                }),
            }
        }
        _ => Err(QuotaError::NotFound {
            what: format!("mounted dataset {name}"),
            path: site.path.into(),
        }),
    }
}

/// A name below `parent` for the share `key` that is not in `used`.
fn free_name(parent: &str, key: &str, used: &BTreeSet<String>) -> String {
    let name = format!("{parent}/{}", slug(key));
    if !used.contains(&name) {
        return name;
    }
    (2u64..)
        .map(|number| format!("{name}-{number}"))
        .find(|name| !used.contains(name))
        .unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_below_the_parent_differ() {
        let used = BTreeSet::from(["tank/smb/a".to_string(), "tank/smb/a-2".to_string()]);
        assert_eq!(free_name("tank/smb", "b", &used), "tank/smb/b");
        assert_eq!(free_name("tank/smb", "a", &used), "tank/smb/a-3");
    }
}
