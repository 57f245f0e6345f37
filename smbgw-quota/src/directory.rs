//! Usage and limit of any directory, whatever limits it and whoever made it.

use std::collections::BTreeSet;
use std::path::Path;

use rustix::fs as unix;
use serde::Serialize;
use smbgw_core::deadline::Deadline;
use smbgw_core::host::Host;
use smbgw_core::ports::{Filesystem, Limits, QuotaState, Usage};

use crate::btrfs;
use crate::detect::Place;
use crate::error::QuotaError;
use crate::project::{ProjectQuotas, project_of};
use crate::volume::Site;
use crate::zfs;

/// Usage and limit of a directory, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DirectoryUsage {
    /// What users of the directory see as its size: the limit, or the size of the file system where
    /// that is smaller or there is no limit.
    pub total: u64,
    /// What counts against the limit. Where there is none, `bytes` is what is used of the file system.
    #[serde(flatten)]
    pub usage: Usage,
}

/// Usage and limit of the directory `path` of `host`: of its project (ext4, XFS; root only), of the
/// dataset it is in (ZFS, by one command) or of the subvolume it is in (btrfs).
///
/// Limits that are not enforced are none. Nothing is written out before: on ZFS and btrfs the numbers
/// are as of the last commit, and on btrfs with what is about to be written.
///
/// # Errors
/// Where there is no such directory, or its file system cannot be asked.
pub fn directory_usage(
    host: &dyn Host,
    path: &Path,
    deadline: Deadline,
) -> Result<DirectoryUsage, QuotaError> {
    let place = Place::open(&Site::new(host, path)?.local)?;
    let whole = whole(&place)?;
    let usage = match place.quota_state()? {
        QuotaState::Enforced(Filesystem::Ext4 | Filesystem::Xfs) => of_project(place)?,
        QuotaState::Enforced(Filesystem::Zfs) => of_dataset(host, &place, deadline)?,
        QuotaState::Enforced(Filesystem::Btrfs) => of_subvolume(&place, &whole)?,
        _ => None,
    };
    Ok(match usage {
        Some(usage) => DirectoryUsage {
            total: usage
                .limits
                .bytes
                .map_or(whole.total, |limit| limit.min(whole.total)),
            usage,
        },
        None => whole,
    })
}

/// The file system of `place`, as seen from there.
fn whole(place: &Place) -> Result<DirectoryUsage, QuotaError> {
    let status =
        unix::fstatfs(place).map_err(|error| QuotaError::path("look at", place.path(), error))?;
    let bytes = |blocks: u64| blocks.saturating_mul(status.f_bsize as u64);
    Ok(DirectoryUsage {
        total: bytes(status.f_blocks),
        usage: Usage {
            bytes: bytes(status.f_blocks.saturating_sub(status.f_bfree)),
            inodes: None,
            limits: Limits::default(),
            available: bytes(status.f_bavail),
        },
    })
}

fn of_project(place: Place) -> Result<Option<Usage>, QuotaError> {
    match project_of(&place)? {
        0 => Ok(None),
        id => {
            let free = place.filesystem_free()?;
            Ok(Some(ProjectQuotas::at(place)?.get(id)?.usage(free)))
        }
    }
}

fn of_dataset(
    host: &dyn Host,
    place: &Place,
    deadline: Deadline,
) -> Result<Option<Usage>, QuotaError> {
    let name = place.mount()?.source.as_str();
    let found = zfs::datasets(host, &BTreeSet::from([name]), deadline)?.remove(name);
    Ok(found.and_then(|dataset| {
        let own = dataset.usage(false);
        let with_snapshots = dataset.usage(true);
        let limited = [own, with_snapshots].into_iter();
        limited.min_by_key(|usage| usage.limits.bytes.unwrap_or(u64::MAX))
    }))
}

fn of_subvolume(place: &Place, whole: &DirectoryUsage) -> Result<Option<Usage>, QuotaError> {
    let Some((limit, bytes)) = btrfs::limit_and_usage(place)? else {
        return Ok(None);
    };
    Ok(Some(Usage {
        bytes,
        inodes: None,
        limits: Limits::of_bytes(limit),
        available: limit.saturating_sub(bytes).min(whole.usage.available),
    }))
}
