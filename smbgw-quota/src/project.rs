//! Project quotas of ext4 and XFS.
//!
//! A file or directory counts for the project it is marked with; what is made in a marked directory
//! inherits the mark. See quotactl(2), ext4(5) and xfs_quota(8).

use std::path::{Path, PathBuf};

use smbgw_core::change::Change;
use smbgw_core::ports::{Limits, Usage};

use crate::by_id::{NO_ID, Quota, Quotas, Walk};
use crate::detect::Place;
use crate::error::QuotaError;
use crate::kind::QuotaKind;
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
pub struct ProjectQuotas(Quotas);

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
        Quotas::at(place, QuotaKind::Project).map(Self)
    }

    /// The same for a volume that was made on ext4 or XFS, without looking for its mount.
    pub(crate) fn of_volume(place: Place) -> Result<Self, QuotaError> {
        Quotas::supposed_at(place, QuotaKind::Project).map(Self)
    }

    /// The directory that was opened, with its file system.
    pub fn place(&self) -> &Place {
        self.0.place()
    }

    /// What project `id` holds and what its limits are; nothing for an id never used.
    ///
    /// # Errors
    /// Where quotas are switched off ([`QuotaError::Off`]), or the caller is not root.
    pub fn get(&self, id: u32) -> Result<ProjectQuota, QuotaError> {
        Ok(self.0.get(id)?.into())
    }

    /// Sets the limits of project `id`; `None` means no limit. Limits in bytes are cut to whole
    /// blocks of the file system (and are at least one block), as the kernel counts whole blocks.
    ///
    /// # Errors
    /// [`QuotaError::ProjectId`] for ids that are none, [`QuotaError::SoftAboveHard`], or where the
    /// kernel refuses.
    pub fn set_limits(&self, id: u32, limits: Limits) -> Result<Change, QuotaError> {
        if id == 0 || id == NO_ID {
            return Err(QuotaError::ProjectId { id });
        }
        Ok(match self.0.set_limits(id, limits)? {
            true => Change::Updated,
            false => Change::Unchanged,
        })
    }

    /// The limits that the kernel tells after [`set_limits`](Self::set_limits) of `limits`.
    pub(crate) fn effective(&self, limits: Limits) -> Limits {
        self.0.effective(limits)
    }

    /// Every project that holds something or has limits, by rising id.
    pub fn iter(&self) -> Projects<'_> {
        Projects {
            quotas: &self.0,
            walk: self.0.walk(0),
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
    quotas: &'q Quotas,
    walk: Walk,
}

impl Projects<'_> {
    /// Leaves out the projects with ids below `id`.
    #[must_use]
    pub fn from_id(self, id: u32) -> Self {
        Self {
            walk: self.quotas.walk(id),
            ..self
        }
    }
}

impl Iterator for Projects<'_> {
    type Item = Result<ProjectQuota, QuotaError>;

    fn next(&mut self) -> Option<Self::Item> {
        let found = self.walk.step(self.quotas)?;
        Some(found.map(ProjectQuota::from))
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

impl From<Quota> for ProjectQuota {
    fn from(quota: Quota) -> Self {
        Self {
            id: quota.id,
            bytes: quota.bytes,
            inodes: quota.inodes,
            limits: quota.limits,
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
        match project_of(quotas.place())? {
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
        Ok(quota.usage(self.quotas.place().filesystem_free()?))
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
}
