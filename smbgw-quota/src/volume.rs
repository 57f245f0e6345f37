//! Choosing, making and taking back volumes: one module for each way a file system has to limit a
//! directory.

pub(crate) mod dataset;
pub(crate) mod marked;
pub(crate) mod subvolume;

use std::path::{Path, PathBuf};

use smbgw_core::change::Change;
use smbgw_core::host::{FileKind, Host};
use smbgw_core::ports::{Handle, Volume};
use smbgw_core::share::ShareName;

use crate::detect::Place;
use crate::error::QuotaError;
use dataset::DatasetHandle;
use marked::ProjectHandle;

/// The permission bits of a directory that is made for a volume.
const NEW_MODE: u32 = 0o750;

/// A path of a host that this process can reach.
#[derive(Clone, Debug)]
pub(crate) struct Site<'a> {
    pub(crate) host: &'a dyn Host,
    /// The path as the host has it.
    pub(crate) path: &'a Path,
    /// The path by which this process reaches it.
    pub(crate) local: PathBuf,
}

impl<'a> Site<'a> {
    pub(crate) fn new(host: &'a dyn Host, path: &'a Path) -> Result<Self, QuotaError> {
        let local = host.local_path(path).ok_or_else(|| QuotaError::NotLocal {
            path: path.into(),
            host: host.name().into(),
        })?;
        Ok(Self { host, path, local })
    }

    /// Whether there is a directory at the path.
    ///
    /// # Errors
    /// Where something else is.
    pub(crate) fn exists(&self) -> Result<bool, QuotaError> {
        match self.host.status(self.path)? {
            Some(status) if status.kind == FileKind::Directory => Ok(true),
            Some(_) => Err(QuotaError::NotADirectory {
                path: self.path.into(),
            }),
            None => Ok(false),
        }
    }

    /// The directory at the path, or `None` where nothing is.
    pub(crate) fn place(&self) -> Result<Option<Place>, QuotaError> {
        match self.exists()? {
            true => Place::open(&self.local).map(Some),
            false => Ok(None),
        }
    }

    /// Removes the directory at the path, which has to be empty.
    pub(crate) fn remove_empty(&self) -> Result<Change, QuotaError> {
        let change = self.host.remove_dir(self.path)?;
        if change == Change::Unchanged && self.exists()? {
            return Err(QuotaError::HasContent {
                path: self.path.into(),
            });
        }
        Ok(change)
    }

    /// Puts back the empty directory that a volume took the place of.
    pub(crate) fn put_back(&self, uid: u32, gid: u32, mode: u32) -> Result<Change, QuotaError> {
        let change = self.host.create_dir(self.path, mode)?;
        self.host.set_owner(self.path, uid, gid)?;
        // Changing the owner may have cleared bits.
        self.host.set_mode(self.path, mode)?;
        Ok(change)
    }
}

/// The path by which `host` knows what this process reaches at `local`.
pub(crate) fn as_host_sees(host: &dyn Host, local: &Path) -> PathBuf {
    let root = host.local_path(Path::new("/")).unwrap_or_default();
    match local.strip_prefix(root) {
        Ok(below) => Path::new("/").join(below),
        Err(_) => local.into(),
    }
}

/// A volume that is wanted: for which share, and which volumes there are already.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wish<'a> {
    pub(crate) share: &'a ShareName,
    pub(crate) taken: &'a [Volume],
}

/// The three ways in which a file system knows a volume.
pub(crate) enum Kind<'v> {
    Project(ProjectHandle<'v>),
    Dataset(DatasetHandle<'v>),
    Subvolume,
}

impl<'v> Kind<'v> {
    pub(crate) fn of(handle: &'v Handle) -> Self {
        match handle {
            Handle::Project { id, name } => Self::Project(ProjectHandle { id: *id, name }),
            Handle::Dataset {
                name,
                with_snapshots,
            } => Self::Dataset(DatasetHandle {
                name,
                with_snapshots: *with_snapshots,
            }),
            Handle::Subvolume => Self::Subvolume,
        }
    }
}
