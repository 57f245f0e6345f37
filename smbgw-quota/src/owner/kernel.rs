//! Quotas of users and groups on ext4 and XFS. See quotactl(2).

use std::io;
use std::path::Path;

use smbgw_core::change::Change;
use smbgw_core::ports::{Filesystem, Limits};

use super::usage::now;
use super::{GraceTimes, OwnerKind, OwnerUsage, check_id};
use crate::by_id::{Quota, Quotas, Walk};
use crate::detect::Place;
use crate::error::QuotaError;
use crate::sys;

/// The quotas of the users, or of the groups, of one ext4 or XFS file system.
///
/// ```no_run
/// use smbgw_quota::owner::{OwnerKind, OwnerQuotas};
///
/// for user in OwnerQuotas::open("/srv".as_ref(), OwnerKind::User)?.iter() {
///     let user = user?;
///     println!("user {}: {} bytes", user.id, user.bytes);
/// }
/// # Ok::<(), smbgw_quota::QuotaError>(())
/// ```
///
/// Where the kernel counts without enforcing, usage can be read; limits cannot be set.
#[derive(Debug)]
pub struct OwnerQuotas {
    quotas: Quotas,
    kind: OwnerKind,
    filesystem: Filesystem,
}

impl OwnerQuotas {
    /// The quotas of the file system that the directory `path` is on.
    ///
    /// # Errors
    /// [`QuotaError::OwnerUnsupported`] where that is neither ext4 nor XFS. Whether quotas are
    /// switched on shows when they are read.
    pub fn open(path: &Path, kind: OwnerKind) -> Result<Self, QuotaError> {
        Self::at(Place::open(path)?, kind)
    }

    /// The quotas of the file system that `place` is on.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn at(place: Place, kind: OwnerKind) -> Result<Self, QuotaError> {
        let filesystem = match place.filesystem() {
            Some(filesystem @ (Filesystem::Ext4 | Filesystem::Xfs)) => filesystem,
            Some(Filesystem::Zfs) => {
                let what = "quotas that the kernel keeps by id";
                return Err(unsupported(&place, what, "use `OwnerStorage`"));
            }
            Some(Filesystem::Btrfs) => {
                let remedy = "make a share for each user or group, which btrfs can limit, or \
                              choose a path on ext4, XFS or ZFS";
                return Err(unsupported(&place, "limits of users and groups", remedy));
            }
            None => {
                let remedy = "choose a path on ext4, XFS or ZFS";
                return Err(unsupported(&place, "limits of users and groups", remedy));
            }
        };
        Ok(Self {
            quotas: Quotas::at(place, kind.into())?,
            kind,
            filesystem,
        })
    }

    /// The directory that was opened, with its file system.
    pub fn place(&self) -> &Place {
        self.quotas.place()
    }

    /// Whether the kernel holds users, or groups, to their limits; `false` where it only counts.
    ///
    /// # Errors
    /// [`QuotaError::Off`] where it does not even count, with the way to switch it on.
    pub fn is_enforced(&self) -> Result<bool, QuotaError> {
        let switches = self.place().switches(self.kind.into())?;
        match switches.counted {
            true => Ok(switches.enforced),
            false => Err(self
                .place()
                .off(self.filesystem, self.kind.into(), switches)),
        }
    }

    /// What `id` holds and its limits; nothing for an id never used, which on XFS gets the
    /// [default limits](Self::defaults) with its first file. Root and its group have no limits.
    ///
    /// # Errors
    /// Where quotas are switched off ([`QuotaError::Off`]), or the caller is not root.
    pub fn get(&self, id: u32) -> Result<OwnerUsage, QuotaError> {
        Ok(self.usage(self.quotas.get(id)?, now()))
    }

    /// Sets the limits of `id`; `None` means no limit, or on XFS the default one. Limits in bytes
    /// are cut to whole blocks of the file system, and are at least one block.
    ///
    /// An owner above a new soft limit gets the whole grace time.
    ///
    /// # Errors
    /// [`QuotaError::RootOwner`], [`QuotaError::OwnerId`], [`QuotaError::SoftAboveHard`],
    /// [`QuotaError::Off`] where limits would not be enforced, or where the kernel refuses.
    pub fn set_limits(&self, id: u32, limits: Limits) -> Result<Change, QuotaError> {
        check_id(self.kind, id)?;
        self.apply(id, limits)
    }

    /// Takes all limits of `id` away. On XFS it has the [default limits](Self::defaults) from its
    /// next write on.
    ///
    /// # Errors
    /// As [`set_limits`](Self::set_limits).
    pub fn clear(&self, id: u32) -> Result<Change, QuotaError> {
        self.set_limits(id, Limits::default())
    }

    /// Every user or group that holds something or has limits, by rising id.
    pub fn iter(&self) -> Owners<'_> {
        Owners {
            quotas: self,
            walk: self.quotas.walk(0),
            now: now(),
        }
    }

    /// For how long soft limits may be exceeded.
    ///
    /// # Errors
    /// Where that cannot be read.
    pub fn grace(&self) -> Result<GraceTimes, QuotaError> {
        sys::quota_info(self.place(), self.kind.into())
            .map(Into::into)
            .map_err(|error| self.grace_failure("read the grace times of", error))
    }

    /// Sets for how long soft limits may be exceeded. Grace that runs already ends when it would
    /// have.
    ///
    /// # Errors
    /// [`QuotaError::GraceTime`], or where the kernel refuses.
    pub fn set_grace(&self, grace: GraceTimes) -> Result<Change, QuotaError> {
        let info = grace.to_kernel()?;
        if self.grace()? == grace {
            return Ok(Change::Unchanged);
        }
        sys::set_quota_info(self.place(), self.kind.into(), &info)
            .map_err(|error| self.grace_failure("set the grace times of", error))?;
        Ok(Change::Updated)
    }

    /// Sets when the grace of `id` ends, in Unix time (seconds), for bytes and for files; `None`
    /// leaves it as it is. It has no meaning for an owner below its soft limit.
    ///
    /// # Errors
    /// As [`set_limits`](Self::set_limits).
    pub fn set_grace_ends(
        &self,
        id: u32,
        bytes: Option<u64>,
        inodes: Option<u64>,
    ) -> Result<(), QuotaError> {
        check_id(self.kind, id)?;
        let valid = bytes.map_or(0, |_| sys::BLOCK_TIME) | inodes.map_or(0, |_| sys::INODE_TIME);
        self.quotas.set(&sys::DiskQuota {
            block_time: bytes.unwrap_or(0),
            inode_time: inodes.unwrap_or(0),
            valid,
            id,
            ..sys::DiskQuota::default()
        })
    }

    /// The limits of every user or group that has none of its own, which only XFS has.
    ///
    /// # Errors
    /// [`QuotaError::OwnerUnsupported`] on ext4, or where they cannot be read.
    pub fn defaults(&self) -> Result<Limits, QuotaError> {
        self.require_defaults()?;
        Ok(self.quotas.get(0)?.limits)
    }

    /// Sets the limits of every user or group that has none of its own. XFS writes them down for an
    /// owner when it next uses the file system: from then on they are that owner's own.
    ///
    /// # Errors
    /// As [`defaults`](Self::defaults) and [`set_limits`](Self::set_limits).
    pub fn set_defaults(&self, limits: Limits) -> Result<Change, QuotaError> {
        self.require_defaults()?;
        self.apply(0, limits)
    }

    pub(crate) fn filesystem(&self) -> Filesystem {
        self.filesystem
    }

    fn apply(&self, id: u32, limits: Limits) -> Result<Change, QuotaError> {
        let switches = self.place().switches(self.kind.into())?;
        if !switches.enforced {
            return Err(self
                .place()
                .off(self.filesystem, self.kind.into(), switches));
        }
        Ok(match self.quotas.set_limits(id, limits)? {
            true => Change::Updated,
            false => Change::Unchanged,
        })
    }

    fn grace_failure(&self, action: &'static str, source: io::Error) -> QuotaError {
        self.quotas
            .off(&source)
            .unwrap_or_else(|| QuotaError::path(action, self.place().path(), source))
    }

    fn require_defaults(&self) -> Result<(), QuotaError> {
        match self.filesystem {
            Filesystem::Xfs => Ok(()),
            _ => Err(unsupported(
                self.place(),
                "default limits",
                "set the limits of each user or group",
            )),
        }
    }

    fn usage(&self, mut quota: Quota, now: u64) -> OwnerUsage {
        // XFS keeps the defaults of all others there.
        if quota.id == 0 && self.filesystem == Filesystem::Xfs {
            quota.limits = Limits::default();
        }
        OwnerUsage::at(quota, now)
    }
}

impl<'q> IntoIterator for &'q OwnerQuotas {
    type Item = Result<OwnerUsage, QuotaError>;
    type IntoIter = Owners<'q>;

    fn into_iter(self) -> Owners<'q> {
        self.iter()
    }
}

/// The users or groups of one file system, by rising id; see [`OwnerQuotas::iter`].
#[derive(Debug)]
pub struct Owners<'q> {
    quotas: &'q OwnerQuotas,
    walk: Walk,
    now: u64,
}

impl Iterator for Owners<'_> {
    type Item = Result<OwnerUsage, QuotaError>;

    fn next(&mut self) -> Option<Self::Item> {
        let found = self.walk.step(&self.quotas.quotas)?;
        Some(found.map(|quota| self.quotas.usage(quota, self.now)))
    }
}

/// The error of `place`, whose file system has no `what`.
pub(super) fn unsupported(place: &Place, what: &'static str, remedy: &'static str) -> QuotaError {
    match place.mount() {
        Ok(mount) => QuotaError::OwnerUnsupported {
            path: place.path().into(),
            type_name: mount.type_name.clone(),
            what,
            remedy,
        },
        Err(error) => error,
    }
}
