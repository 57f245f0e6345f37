//! Project quotas of ext4 and XFS.
//!
//! A file or directory counts for the project it is marked with; what is made in a marked directory
//! inherits the mark. See quotactl(2), ext4(5) and xfs_quota(8).

use std::io;
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use smbgw_core::change::Change;
use smbgw_core::ports::{Filesystem, Limits, Usage};

use crate::detect::Place;
use crate::error::QuotaError;
use crate::sys;

/// The project quotas of one ext4 or XFS file system.
///
/// ```no_run
/// use smbgw_quota::ProjectQuotas;
///
/// for project in ProjectQuotas::open("/srv".as_ref())?.iter() {
///     let project = project?;
///     println!("project {}: {} bytes", project.id, project.bytes);
/// }
/// # Ok::<(), smbgw_quota::QuotaError>(())
/// ```
#[derive(Debug)]
pub struct ProjectQuotas {
    place: Place,
    block: u64,
}

impl ProjectQuotas {
    /// The quotas of the file system that the directory `path` is on.
    ///
    /// # Errors
    /// [`QuotaError::UnsupportedFilesystem`] where that is neither ext4 nor XFS. Whether quotas are
    /// switched on shows when they are read.
    pub fn open(path: &Path) -> Result<Self, QuotaError> {
        Self::at(Place::open(path)?)
    }

    /// The quotas of the file system that `place` is on.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn at(place: Place) -> Result<Self, QuotaError> {
        if !matches!(place.filesystem(), Some(Filesystem::Ext4 | Filesystem::Xfs)) {
            return Err(QuotaError::UnsupportedFilesystem {
                path: place.path().into(),
                type_name: place.mount().type_name.clone(),
            });
        }
        let status = rustix::fs::fstatfs(&place)
            .map_err(|error| QuotaError::path("look at", place.path(), error))?;
        Ok(Self {
            place,
            block: u64::try_from(status.f_bsize).unwrap_or(4096).max(1024),
        })
    }

    /// The directory that was opened, with its file system.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// What project `id` holds and what its limits are; nothing for an id never used.
    ///
    /// # Errors
    /// Where quotas are switched off ([`QuotaError::Off`]), or the caller is not root.
    pub fn get(&self, id: u32) -> Result<ProjectQuota, QuotaError> {
        match sys::project_quota(&self.place, id) {
            Ok(quota) => Ok(quota.into()),
            // XFS has no record of an id that was never used.
            Err(error) if is(&error, Errno::NOENT) => Ok(ProjectQuota {
                id,
                ..ProjectQuota::default()
            }),
            Err(error) => Err(self.failure("read", id, error)),
        }
    }

    /// Sets the limits of project `id`; `None` means no limit. Limits in bytes are cut to whole
    /// blocks of the file system (and are at least one block), as the kernel counts whole blocks.
    ///
    /// # Errors
    /// [`QuotaError::ProjectId`] for ids that are none, [`QuotaError::SoftAboveHard`], or where the
    /// kernel refuses.
    pub fn set_limits(&self, id: u32, limits: Limits) -> Result<Change, QuotaError> {
        if id == 0 || id == u32::MAX {
            return Err(QuotaError::ProjectId { id });
        }
        check_order(limits.soft_bytes, limits.bytes)?;
        check_order(limits.soft_inodes, limits.inodes)?;
        let limits = self.effective(limits);
        if self.get(id)?.limits == limits {
            return Ok(Change::Unchanged);
        }
        let blocks = |bytes: Option<u64>| bytes.unwrap_or(0) >> 10;
        let quota = sys::DiskQuota {
            block_hard: blocks(limits.bytes),
            block_soft: blocks(limits.soft_bytes),
            inode_hard: limits.inodes.unwrap_or(0),
            inode_soft: limits.soft_inodes.unwrap_or(0),
            ..sys::DiskQuota::default()
        };
        sys::set_project_quota(&self.place, id, &quota)
            .map_err(|error| self.failure("set", id, error))?;
        Ok(Change::Updated)
    }

    /// Every project that holds something or has limits, by rising id.
    pub fn iter(&self) -> Projects<'_> {
        Projects {
            quotas: self,
            next: Some(0),
            in_a_row: false,
        }
    }

    /// The limits the kernel will tell after `limits` were set.
    fn effective(&self, limits: Limits) -> Limits {
        let whole = |bytes: u64| (bytes / self.block).max(1) * self.block;
        Limits {
            bytes: limits.bytes.map(whole),
            soft_bytes: limits.soft_bytes.map(whole),
            // To the kernel, zero is no limit.
            inodes: limits.inodes.filter(|&count| count > 0),
            soft_inodes: limits.soft_inodes.filter(|&count| count > 0),
        }
    }

    fn failure(&self, action: &'static str, id: u32, source: io::Error) -> QuotaError {
        if crate::detect::means_quotas_are_off(&source)
            && let Err(off @ QuotaError::Off { .. }) = self.place.require_enforced()
        {
            return off;
        }
        QuotaError::Project {
            action,
            path: self.place.path().into(),
            id,
            source,
        }
    }
}

impl<'q> IntoIterator for &'q ProjectQuotas {
    type Item = Result<ProjectQuota, QuotaError>;
    type IntoIter = Projects<'q>;

    fn into_iter(self) -> Projects<'q> {
        self.iter()
    }
}

/// The projects of one file system, by rising id; see [`ProjectQuotas::iter`].
#[derive(Debug)]
pub struct Projects<'q> {
    quotas: &'q ProjectQuotas,
    next: Option<u32>,
    /// Whether the id before `next` is in use.
    in_a_row: bool,
}

impl<'q> Projects<'q> {
    /// Leaves out the projects with ids below `id`.
    #[must_use]
    pub fn from_id(self, id: u32) -> Self {
        Self {
            next: Some(id),
            in_a_row: false,
            ..self
        }
    }

    /// The quota of `id`, if it is in use; an error is left to the search for the next one.
    fn neighbour(&self, id: u32) -> Option<ProjectQuota> {
        let quota = self.quotas.get(id).ok()?;
        (!quota.is_unused()).then_some(quota)
    }

    fn go_on_after(&mut self, id: u32) {
        // The highest number is no id, and asking for it is an error.
        self.next = id.checked_add(1).filter(|&id| id != u32::MAX);
    }
}

impl Iterator for Projects<'_> {
    type Item = Result<ProjectQuota, QuotaError>;

    fn next(&mut self) -> Option<Self::Item> {
        while let Some(from) = self.next.take() {
            // Ids are mostly given out in a row, and ext4 answers for a known id in a fifth of the
            // time that it takes to search for the next one.
            if self.in_a_row
                && let Some(quota) = self.neighbour(from)
            {
                self.go_on_after(from);
                return Some(Ok(quota));
            }
            match sys::next_project_quota(&self.quotas.place, from) {
                Ok(found) => {
                    self.go_on_after(found.id);
                    let quota = ProjectQuota::from(found);
                    // ext4 goes on listing an id for a while that is no longer used.
                    self.in_a_row = !quota.is_unused();
                    if self.in_a_row {
                        return Some(Ok(quota));
                    }
                }
                Err(error) if is(&error, Errno::NOENT) => return None,
                // ext4 ends so where it has never stored a quota.
                Err(error) if is(&error, Errno::SRCH) && from > 0 => return None,
                Err(error) => return Some(Err(self.quotas.failure("read", from, error))),
            }
        }
        None
    }
}

/// What one project holds and what its limits are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProjectQuota {
    /// The project's id; 0 stands for all files without a project.
    pub id: u32,
    /// Bytes it holds.
    pub bytes: u64,
    /// Files and directories it holds.
    pub inodes: u64,
    /// Its limits.
    pub limits: Limits,
}

impl ProjectQuota {
    /// Whether nothing belongs to the project and it has no limits.
    pub fn is_unused(&self) -> bool {
        self.bytes == 0 && self.inodes == 0 && self.limits == Limits::default()
    }

    /// The same as a [`Usage`], on a file system with `free` bytes left.
    pub fn usage(&self, free: u64) -> Usage {
        let rest = |limit: u64| limit.saturating_sub(self.bytes);
        Usage {
            bytes: self.bytes,
            inodes: Some(self.inodes),
            limits: self.limits,
            available: self.limits.bytes.map_or(free, rest).min(free),
        }
    }
}

impl From<sys::DiskQuota> for ProjectQuota {
    fn from(quota: sys::DiskQuota) -> Self {
        let limit = |value: u64| (value > 0).then_some(value);
        let bytes = |blocks: u64| limit(blocks).map(|blocks| blocks.saturating_mul(1024));
        Self {
            id: quota.id,
            bytes: quota.space,
            inodes: quota.inodes,
            limits: Limits {
                bytes: bytes(quota.block_hard),
                soft_bytes: bytes(quota.block_soft),
                inodes: limit(quota.inode_hard),
                soft_inodes: limit(quota.inode_soft),
            },
        }
    }
}

/// One project, found by a directory that belongs to it.
#[derive(Debug)]
pub struct Project {
    quotas: ProjectQuotas,
    id: u32,
}

impl Project {
    /// The project that the directory `path` belongs to.
    ///
    /// # Errors
    /// [`QuotaError::NotFound`] where it belongs to none.
    pub fn open(path: &Path) -> Result<Self, QuotaError> {
        let quotas = ProjectQuotas::open(path)?;
        match project_of(&quotas.place)? {
            0 => Err(QuotaError::NotFound {
                what: "project".into(),
                path: path.into(),
            }),
            id => Ok(Self { quotas, id }),
        }
    }

    /// The project's id.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// What it holds, its limits and what can still be written.
    ///
    /// # Errors
    /// Where that cannot be read.
    pub fn usage(&self) -> Result<Usage, QuotaError> {
        let quota = self.quotas.get(self.id)?;
        Ok(quota.usage(self.quotas.place.filesystem_free()?))
    }

    /// Its limits.
    ///
    /// # Errors
    /// Where they cannot be read.
    pub fn limits(&self) -> Result<Limits, QuotaError> {
        Ok(self.quotas.get(self.id)?.limits)
    }

    /// Sets its limits; see [`ProjectQuotas::set_limits`].
    ///
    /// # Errors
    /// Where they cannot be set.
    pub fn set_limits(&self, limits: Limits) -> Result<Change, QuotaError> {
        self.quotas.set_limits(self.id, limits)
    }
}

/// The project that the directory `place` belongs to; 0 for none.
pub(crate) fn project_of(place: &Place) -> Result<u32, QuotaError> {
    match sys::file_attributes(place) {
        Ok(attributes) => Ok(attributes.project),
        Err(error) => Err(QuotaError::path("read the project of", place.path(), error)),
    }
}

/// The project that what is made in the directory `place` will belong to, if any.
pub(crate) fn inherited_project(place: &Place) -> Result<Option<(PathBuf, u32)>, QuotaError> {
    let attributes = sys::file_attributes(place)
        .map_err(|error| QuotaError::path("read the project of", place.path(), error))?;
    let inherits = attributes.flags & sys::PROJECT_INHERIT != 0 && attributes.project != 0;
    Ok(inherits.then(|| (place.path().to_path_buf(), attributes.project)))
}

fn check_order(soft: Option<u64>, hard: Option<u64>) -> Result<(), QuotaError> {
    match (soft, hard) {
        (Some(soft), Some(hard)) if soft > hard => Err(QuotaError::SoftAboveHard { soft, hard }),
        _ => Ok(()),
    }
}

fn is(error: &io::Error, errno: Errno) -> bool {
    error.raw_os_error() == Some(errno.raw_os_error())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_written_is_the_rest_of_the_limit_or_of_the_file_system() {
        let quota = ProjectQuota {
            id: 7,
            bytes: 30,
            inodes: 2,
            limits: Limits::of_bytes(100),
        };
        assert_eq!(quota.usage(1000).available, 70);
        assert_eq!(quota.usage(50).available, 50);
        let over = ProjectQuota {
            bytes: 120,
            ..quota
        };
        assert_eq!(over.usage(1000).available, 0);
        let free = ProjectQuota {
            limits: Limits::default(),
            ..quota
        };
        assert_eq!(free.usage(1000).available, 1000);
    }

    #[test]
    fn units_of_the_kernel_become_bytes() {
        let quota = ProjectQuota::from(sys::DiskQuota {
            block_hard: 2048,
            space: 4096,
            inode_soft: 5,
            id: 9,
            ..sys::DiskQuota::default()
        });
        assert_eq!(quota.limits.bytes, Some(2 << 20));
        assert_eq!(quota.limits.soft_bytes, None);
        assert_eq!(quota.limits.soft_inodes, Some(5));
        assert_eq!((quota.id, quota.bytes), (9, 4096));
    }
}
