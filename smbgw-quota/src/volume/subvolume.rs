//! Volumes on btrfs: a subvolume whose quota group is limited.

use smbgw_core::change::Change;
use smbgw_core::ports::storage::Data;
use smbgw_core::ports::{Filesystem, Handle, Limits, Origin, Volume};

use std::os::unix::ffi::OsStrExt;

use super::{NEW_MODE, Site};
use crate::btrfs::{self, Subvolume};
use crate::detect::Place;
use crate::error::QuotaError;
use crate::tree;

/// The attribute of a subvolume's root directory that says for which path it was made; a snapshot
/// has it too, but is at another path.
const MARK: &str = "trusted.smbgw.volume";

/// Chooses a volume at `site`; `place` is its nearest existing directory.
pub(crate) fn choose(site: &Site<'_>, place: Place) -> Result<Volume, QuotaError> {
    let origin = if !site.exists()? {
        Origin::Created
    } else if btrfs::is_subvolume(&place) {
        Origin::Adopted {
            limits: Subvolume::open(&site.local)?.limits()?,
        }
    } else {
        replaced(site, &place, "subvolume")?
    };
    Ok(Volume {
        path: site.path.into(),
        filesystem: Filesystem::Btrfs,
        handle: Handle::Subvolume,
        origin,
    })
}

pub(crate) fn create(site: &Site<'_>, origin: &Origin) -> Result<Change, QuotaError> {
    if let Some(place) = site.place()? {
        let is_subvolume = btrfs::is_subvolume(&place);
        let is_empty = tree::is_empty(&place, &site.local)?;
        match origin {
            Origin::Adopted { .. } if is_subvolume => return Ok(Change::Unchanged),
            Origin::Adopted { .. } => {
                return Err(QuotaError::Mismatch {
                    path: site.path.into(),
                    expected: "a subvolume".into(),
                    found: "a plain directory".into(),
                });
            }
            _ if is_subvolume && is_marked(site)? => return Ok(Change::Unchanged),
            // Made by a call that was cut off before it set the mark.
            _ if is_subvolume && is_empty => {
                mark(site)?;
                return Ok(Change::Updated);
            }
            Origin::ReplacedEmptyDirectory { .. } if !is_subvolume => {
                drop(place);
                site.remove_empty()?;
            }
            _ => {
                return Err(QuotaError::NotOurs {
                    what: site.path.display().to_string(),
                });
            }
        }
    } else if matches!(origin, Origin::Adopted { .. }) {
        return Err(missing(site));
    }
    btrfs::create_subvolume(&site.local)?;
    mark(site)?;
    Ok(Change::Created)
}

pub(crate) fn destroy(site: &Site<'_>, origin: &Origin, data: Data) -> Result<Change, QuotaError> {
    let Some(place) = site.place()? else {
        return put_back(site, origin, data);
    };
    if !btrfs::is_subvolume(&place) {
        return Ok(Change::Unchanged);
    }
    if let Origin::Adopted { limits } = origin {
        return Subvolume::open(&site.local)?.set_limits(*limits);
    }
    let is_empty = tree::is_empty(&place, &site.local)?;
    drop(place);
    if !is_marked(site)? && !is_empty {
        tracing::warn!(path = %site.path.display(), "a subvolume made by somebody else, left alone");
        return Ok(Change::Unchanged);
    }
    match data {
        Data::Keep => {
            let change = Subvolume::open(&site.local)?.set_limits(Limits::default())?;
            let unmarked = site.host.set_xattr(site.path, MARK, None)?;
            return Ok(if change.happened() { change } else { unmarked });
        }
        // The kernel looks and removes at once, so nothing written meanwhile is lost.
        Data::RemoveIfEmpty if !is_empty => {
            return Err(QuotaError::HasContent {
                path: site.path.into(),
            });
        }
        Data::RemoveIfEmpty => btrfs::remove_empty_subvolume(&site.local)?,
        Data::Remove => btrfs::delete_subvolume(&site.local)?,
    }
    put_back(site, origin, data)?;
    Ok(Change::Removed)
}

/// The origin of a volume that takes the place of the plain directory `place`.
pub(crate) fn replaced(
    site: &Site<'_>,
    place: &Place,
    what: &'static str,
) -> Result<Origin, QuotaError> {
    if !tree::is_empty(place, &site.local)? {
        return Err(QuotaError::NotEmpty {
            path: site.path.into(),
            what,
        });
    }
    let status = site.host.status(site.path)?.ok_or_else(|| missing(site))?;
    Ok(Origin::ReplacedEmptyDirectory {
        uid: status.uid,
        gid: status.gid,
        mode: status.mode,
    })
}

fn put_back(site: &Site<'_>, origin: &Origin, data: Data) -> Result<Change, QuotaError> {
    match *origin {
        Origin::ReplacedEmptyDirectory { uid, gid, mode } if data != Data::Keep => {
            site.put_back(uid, gid, mode)
        }
        _ => Ok(Change::Unchanged),
    }
}

fn mark(site: &Site<'_>) -> Result<(), QuotaError> {
    site.host.set_mode(site.path, NEW_MODE)?;
    let path = site.path.as_os_str().as_bytes();
    site.host.set_xattr(site.path, MARK, Some(path))?;
    Ok(())
}

fn is_marked(site: &Site<'_>) -> Result<bool, QuotaError> {
    let value = site.host.xattr(site.path, MARK)?;
    Ok(value.as_deref() == Some(site.path.as_os_str().as_bytes()))
}

fn missing(site: &Site<'_>) -> QuotaError {
    QuotaError::NotFound {
        what: "directory".into(),
        path: site.path.into(),
    }
}
