//! Quotas of users and groups wherever a path is.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Serialize;
use smbgw_core::change::Change;
use smbgw_core::deadline::Deadline;
use smbgw_core::host::Host;
use smbgw_core::ports::{Filesystem, Limits};

use super::dataset::DatasetOwners;
use super::kernel::unsupported;
use super::name::add_names;
use super::{GraceTimes, OwnerKind, OwnerQuotas, OwnerUsage};
use crate::detect::Place;
use crate::error::QuotaError;
use crate::volume::{Site, as_host_sees};
use crate::zfs;

/// The quotas of the users, or of the groups, where a directory of a host is: [`OwnerQuotas`] on
/// ext4 and XFS, the properties of the dataset on ZFS.
#[derive(Debug)]
pub struct OwnerStorage<'a> {
    host: &'a dyn Host,
    backend: Backend<'a>,
    scope: OwnerScope,
    syncs: bool,
}

#[derive(Debug)]
enum Backend<'a> {
    Kernel(OwnerQuotas),
    Dataset(Place, DatasetOwners<'a>),
}

/// What the quotas of users or groups count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OwnerScope {
    /// Whose they are.
    pub kind: OwnerKind,
    /// The kind of file system.
    pub filesystem: Filesystem,
    /// The device or dataset: all that is on it counts.
    pub source: String,
    /// Where it is mounted.
    pub mount_point: PathBuf,
    /// Whether limits bind; `false` where usage is only counted.
    pub enforced: bool,
}

impl<'a> OwnerStorage<'a> {
    /// The quotas of the file system that the directory `path` of `host` is on.
    ///
    /// # Errors
    /// [`QuotaError::OwnerUnsupported`] where it has none (btrfs), [`QuotaError::Off`] where they
    /// are switched off, both with what to do.
    pub fn open(host: &'a dyn Host, path: &Path, kind: OwnerKind) -> Result<Self, QuotaError> {
        let place = Place::open(&Site::new(host, path)?.local)?;
        let source = place.mount()?.source.clone();
        let mount_point = as_host_sees(host, &place.mount()?.mount_point);
        let (backend, filesystem, enforced) = if place.filesystem() == Some(Filesystem::Zfs) {
            let owners = DatasetOwners {
                host,
                dataset: source.clone(),
                kind,
            };
            (Backend::Dataset(place, owners), Filesystem::Zfs, true)
        } else {
            let quotas = OwnerQuotas::at(place, kind)?;
            let (filesystem, enforced) = (quotas.filesystem(), quotas.is_enforced()?);
            (Backend::Kernel(quotas), filesystem, enforced)
        };
        Ok(Self {
            host,
            backend,
            scope: OwnerScope {
                kind,
                filesystem,
                source,
                mount_point,
                enforced,
            },
            syncs: true,
        })
    }

    /// The same, without writing out what is pending before usages are read: on ZFS they are then as
    /// of the last commit (5 seconds ago at most), and reading costs little.
    #[must_use]
    pub fn without_sync(self) -> Self {
        Self {
            syncs: false,
            ..self
        }
    }

    pub(super) fn host(&self) -> &'a dyn Host {
        self.host
    }

    /// What is counted.
    pub fn scope(&self) -> &OwnerScope {
        &self.scope
    }

    /// What the user or group `id` holds and its limits, with its name where it has one.
    ///
    /// # Errors
    /// Where that cannot be read.
    pub fn usage(&self, id: u32, deadline: Deadline) -> Result<OwnerUsage, QuotaError> {
        let mut usage = match &self.backend {
            Backend::Kernel(quotas) => quotas.get(id)?,
            Backend::Dataset(_, owners) => {
                self.sync(deadline);
                owners.get(id, deadline)?
            }
        };
        self.add_names(std::slice::from_mut(&mut usage), deadline);
        Ok(usage)
    }

    /// Every user or group that holds something or has limits, by rising id, with the names of those
    /// that have one.
    ///
    /// # Errors
    /// Where that cannot be read. Names that cannot be looked up are no error.
    pub fn report(&self, deadline: Deadline) -> Result<Vec<OwnerUsage>, QuotaError> {
        let mut owners = match &self.backend {
            Backend::Kernel(quotas) => quotas.iter().collect::<Result<_, _>>()?,
            Backend::Dataset(_, owners) => {
                self.sync(deadline);
                owners.report(deadline)?
            }
        };
        self.add_names(&mut owners, deadline);
        Ok(owners)
    }

    /// Sets the limits of the user or group `id`; `None` means no limit, or the default one where
    /// there is one.
    ///
    /// # Errors
    /// As [`OwnerQuotas::set_limits`]; [`QuotaError::UnsupportedLimit`] for soft limits on ZFS.
    pub fn set_limits(
        &self,
        id: u32,
        limits: Limits,
        deadline: Deadline,
    ) -> Result<Change, QuotaError> {
        match &self.backend {
            Backend::Kernel(quotas) => quotas.set_limits(id, limits),
            Backend::Dataset(_, owners) => owners.set_limits(id, limits, deadline),
        }
    }

    /// For how long soft limits may be exceeded.
    ///
    /// # Errors
    /// [`QuotaError::OwnerUnsupported`] on ZFS, or where it cannot be read.
    pub fn grace(&self) -> Result<GraceTimes, QuotaError> {
        self.kernel("grace times")?.grace()
    }

    /// Sets for how long soft limits may be exceeded; see [`OwnerQuotas::set_grace`].
    ///
    /// # Errors
    /// As [`grace`](Self::grace), and [`QuotaError::GraceTime`].
    pub fn set_grace(&self, grace: GraceTimes) -> Result<Change, QuotaError> {
        self.kernel("grace times")?.set_grace(grace)
    }

    /// Sets when the grace of the user or group `id` ends; see [`OwnerQuotas::set_grace_ends`].
    ///
    /// # Errors
    /// As [`grace`](Self::grace) and [`set_limits`](Self::set_limits).
    pub fn set_grace_ends(
        &self,
        id: u32,
        bytes: Option<u64>,
        inodes: Option<u64>,
    ) -> Result<(), QuotaError> {
        self.kernel("grace times")?
            .set_grace_ends(id, bytes, inodes)
    }

    /// The limits of all that have none of their own.
    ///
    /// # Errors
    /// [`QuotaError::OwnerUnsupported`] on everything but XFS, or where they cannot be read.
    pub fn defaults(&self) -> Result<Limits, QuotaError> {
        self.kernel("default limits")?.defaults()
    }

    /// Sets the limits of all that have none of their own; see [`OwnerQuotas::set_defaults`].
    ///
    /// # Errors
    /// As [`defaults`](Self::defaults) and [`set_limits`](Self::set_limits).
    pub fn set_defaults(&self, limits: Limits) -> Result<Change, QuotaError> {
        self.kernel("default limits")?.set_defaults(limits)
    }

    fn kernel(&self, what: &'static str) -> Result<&OwnerQuotas, QuotaError> {
        match &self.backend {
            Backend::Kernel(quotas) => Ok(quotas),
            Backend::Dataset(place, _) => {
                let remedy = "set a hard limit for each user or group";
                Err(unsupported(place, what, remedy))
            }
        }
    }

    fn sync(&self, deadline: Deadline) {
        let names = BTreeSet::from([self.scope.source.as_str()]);
        if self.syncs
            && let Err(error) = zfs::sync(self.host, &names, deadline)
        {
            tracing::warn!(%error, "usages are as of the last commit");
        }
    }

    fn add_names(&self, owners: &mut [OwnerUsage], deadline: Deadline) {
        add_names(self.host, self.scope.kind, owners, deadline);
    }
}
