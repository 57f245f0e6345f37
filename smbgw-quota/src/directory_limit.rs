//! The limit of a directory that is no share's.

use std::path::Path;

use rustix::fs as unix;
use serde::Serialize;
use smbgw_core::catalog::{self, ShareRecord};
use smbgw_core::change::Change;
use smbgw_core::deadline::Deadline;
use smbgw_core::host::Host;
use smbgw_core::ports::{Filesystem, Handle, Limits, Origin, PortError, Storage, Volume};

use crate::btrfs;
use crate::detect::Place;
use crate::directory::{DirectoryUsage, directory_usage};
use crate::error::QuotaError;
use crate::project::project_of;
use crate::projid::Registry;
use crate::storage::QuotaStorage;
use crate::volume::Site;

/// What came of setting the limit of a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DirectoryChange {
    /// What was done.
    pub change: Change,
    /// The directory as it is now.
    pub usage: DirectoryUsage,
}

/// Sets the limit of the directory `path` of `host` to `bytes` (`None`: no limit): of its project
/// (ext4, XFS), of the dataset mounted there (ZFS) or of the subvolume that it is (btrfs). Other
/// limits stay.
///
/// It may be below what is used, but on ZFS.
///
/// # Errors
/// [`QuotaError::OfShare`] where that is what limits a share, [`QuotaError::NoLimitOfItsOwn`] where
/// nothing limits this directory by itself, or where the file system refuses. Nothing was touched.
pub fn set_directory_limit(
    host: &dyn Host,
    path: &Path,
    bytes: Option<u64>,
    deadline: Deadline,
) -> Result<DirectoryChange, PortError> {
    let place = Place::open(&Site::new(host, path)?.local)?;
    let volume = Volume {
        path: path.into(),
        filesystem: place.require_enforced()?,
        handle: handle(host, &place)?,
        origin: Origin::Adopted {
            limits: Limits::default(),
        },
    };
    let records = catalog::load_all(host).map_err(PortError::new)?;
    for record in &records {
        if is_limited_by(host, record, &volume, &place)? {
            return Err(QuotaError::OfShare {
                path: path.into(),
                share: record.name().clone(),
            }
            .into());
        }
    }
    drop(place);
    let storage = QuotaStorage::new(host).without_sync();
    let limits = Limits {
        bytes,
        ..storage.limits(&volume, deadline)?
    };
    let change = storage.set_limits(&volume, limits, deadline)?;
    let usage = directory_usage(host, path, deadline)?;
    Ok(DirectoryChange { change, usage })
}

/// What limits the directory at `place`.
fn handle(host: &dyn Host, place: &Place) -> Result<Handle, QuotaError> {
    let none = |remedy| QuotaError::NoLimitOfItsOwn {
        path: place.path().into(),
        remedy,
    };
    match place.known_filesystem()? {
        Filesystem::Ext4 | Filesystem::Xfs => match project_of(place)? {
            0 => Err(none(
                "make a share of it with `pve-smbgateway create`, or give it a project with \
                 `xfs_quota` or `chattr -p`",
            )),
            id => Ok(Handle::Project {
                id,
                name: Registry::load(host)?.name_of(id).unwrap_or_default(),
            }),
        },
        Filesystem::Zfs => {
            let mount = place.mount()?;
            match mount.root == Path::new("/") && mount.mount_point == place.path() {
                true => Ok(Handle::Dataset {
                    name: mount.source.clone(),
                    with_snapshots: false,
                }),
                false => Err(none("name the directory where its dataset is mounted")),
            }
        }
        Filesystem::Btrfs => match btrfs::is_subvolume(place) {
            true => Ok(Handle::Subvolume),
            false => Err(none("name the subvolume that it is in")),
        },
    }
}

/// Whether what limits `volume`, the directory at `place`, limits the share of `record` too: a
/// directory inside a share counts for the share's project.
fn is_limited_by(
    host: &dyn Host,
    record: &ShareRecord,
    volume: &Volume,
    place: &Place,
) -> Result<bool, QuotaError> {
    let share = &record.volume;
    if share.path == volume.path {
        return Ok(true);
    }
    let same = match (&share.handle, &volume.handle) {
        (Handle::Project { id, .. }, Handle::Project { id: other, .. }) => id == other,
        (Handle::Dataset { name, .. }, Handle::Dataset { name: other, .. }) => {
            return Ok(name == other);
        }
        (Handle::Subvolume, Handle::Subvolume) => true,
        _ => false,
    };
    if !same {
        return Ok(false);
    }
    // Project ids are those of one file system, and each subvolume has a number of its own.
    let local = Site::new(host, &share.path)?.local;
    let number = |status: unix::Stat| status.st_dev;
    let here = unix::fstat(place).map(number);
    Ok(match unix::lstat(&local).map(number) {
        Ok(theirs) => here == Ok(theirs),
        // It cannot be looked at: it may be the same.
        Err(_) => matches!(volume.handle, Handle::Project { .. }),
    })
}
