//! Size and free space of a directory as the users of a share should see them.

use std::path::Path;

use rustix::fs as unix;
use smbgw_core::ports::Filesystem;

use crate::btrfs;
use crate::detect::Place;
use crate::error::QuotaError;

/// The size of a directory under a limit, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// The limit, or the size of the file system where there is none.
    pub total: u64,
    /// What can still be written by somebody without privileges.
    pub available: u64,
}

/// The space in the directory `path`; needs no privilege.
///
/// statfs(2) tells it on ext4, XFS and ZFS. On btrfs it tells the whole file system's, so the quota
/// group of the subvolume that the directory is in is looked at too. The output of a program for
/// Samba's `dfree command` is `total` and `available` in bytes with the block size 1.
///
/// # Errors
/// Where the directory cannot be opened.
pub fn visible_space(path: &Path) -> Result<Space, QuotaError> {
    let place = Place::open(path)?;
    let status =
        unix::fstatfs(&place).map_err(|error| QuotaError::path("look at", place.path(), error))?;
    let bytes = |blocks: u64| blocks.saturating_mul(status.f_bsize as u64);
    let space = Space {
        total: bytes(status.f_blocks),
        available: bytes(status.f_bavail),
    };
    if place.filesystem() != Some(Filesystem::Btrfs) {
        return Ok(space);
    }
    Ok(match btrfs::limit_and_usage(&place)? {
        Some((limit, used)) if limit < space.total => Space {
            total: limit,
            available: limit.saturating_sub(used).min(space.available),
        },
        _ => space,
    })
}
