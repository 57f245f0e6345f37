//! Quotas that ext4 and XFS keep by id: of users, of groups and of projects. See quotactl(2).

use std::io;

use rustix::io::Errno;
use smbgw_core::ports::{Filesystem, Limits};

use crate::detect::{self, Place};
use crate::error::QuotaError;
use crate::kind::QuotaKind;
use crate::sys;

/// The number that is no id: what `-1` reads as.
pub(crate) const NO_ID: u32 = u32::MAX;

/// The quotas of one kind on one ext4 or XFS file system.
#[derive(Debug)]
pub(crate) struct Quotas {
    place: Place,
    kind: QuotaKind,
}

impl Quotas {
    /// # Errors
    /// [`QuotaError::UnsupportedFilesystem`] where `place` is on neither ext4 nor XFS.
    pub(crate) fn at(place: Place, kind: QuotaKind) -> Result<Self, QuotaError> {
        match place.filesystem() {
            Some(Filesystem::Ext4 | Filesystem::Xfs) => Ok(Self { place, kind }),
            _ => Err(unsupported(&place)),
        }
    }

    /// The same where it is known to have been ext4 or XFS. If it is ext2 or ext3 by now, reading
    /// fails: to find out before, all mounts would have to be listed.
    pub(crate) fn supposed_at(place: Place, kind: QuotaKind) -> Result<Self, QuotaError> {
        match place.may_count_by_id() {
            true => Ok(Self { place, kind }),
            false => Err(unsupported(&place)),
        }
    }

    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    /// Usage and limits of `id`; nothing for an id never used.
    pub(crate) fn get(&self, id: u32) -> Result<Quota, QuotaError> {
        match sys::quota(&self.place, self.kind, id) {
            Ok(quota) => Ok(quota.into()),
            // XFS has no record of an id that was never used.
            Err(error) if is(&error, Errno::NOENT) => Ok(Quota {
                id,
                ..Quota::default()
            }),
            Err(error) => Err(self.failure("read", id, error)),
        }
    }

    /// Sets those limits of `id` that differ, in whole blocks of the file system, and tells whether
    /// there were any.
    pub(crate) fn set_limits(&self, id: u32, limits: Limits) -> Result<bool, QuotaError> {
        check_order(limits.soft_bytes, limits.bytes)?;
        check_order(limits.soft_inodes, limits.inodes)?;
        let limits = self.effective(limits);
        let valid = differences(&self.get(id)?.limits, &limits);
        if valid == 0 {
            return Ok(false);
        }
        let blocks = |bytes: Option<u64>| bytes.unwrap_or(0) >> 10;
        self.set(&sys::DiskQuota {
            block_hard: blocks(limits.bytes),
            block_soft: blocks(limits.soft_bytes),
            inode_hard: limits.inodes.unwrap_or(0),
            inode_soft: limits.soft_inodes.unwrap_or(0),
            valid,
            id,
            ..sys::DiskQuota::default()
        })?;
        Ok(true)
    }

    pub(crate) fn set(&self, quota: &sys::DiskQuota) -> Result<(), QuotaError> {
        sys::set_quota(&self.place, self.kind, quota)
            .map_err(|error| self.failure("set", quota.id, error))
    }

    /// Every id that holds something or has limits, in rising order, from `first` on.
    pub(crate) fn walk(&self, first: u32) -> Walk {
        Walk {
            next: Some(first),
            in_a_row: false,
        }
    }

    /// The limits the kernel will tell after `limits` were set.
    pub(crate) fn effective(&self, limits: Limits) -> Limits {
        let block = self.place.block().max(1024);
        let whole = |bytes: u64| (bytes / block).max(1) * block;
        Limits {
            bytes: limits.bytes.map(whole),
            soft_bytes: limits.soft_bytes.map(whole),
            // To the kernel, zero is no limit.
            inodes: limits.inodes.filter(|&count| count > 0),
            soft_inodes: limits.soft_inodes.filter(|&count| count > 0),
        }
    }

    /// The error of a call that failed with `source` because quotas are not on.
    pub(crate) fn off(&self, source: &io::Error) -> Option<QuotaError> {
        if !detect::means_quotas_are_off(source) {
            return None;
        }
        let filesystem = self.place.filesystem()?;
        let switches = self.place.switches(self.kind).ok()?;
        (!switches.enforced).then(|| self.place.off(filesystem, self.kind, switches))
    }

    fn failure(&self, action: &'static str, id: u32, source: io::Error) -> QuotaError {
        if self.place.filesystem().is_none() {
            return unsupported(&self.place);
        }
        if let Some(off) = self.off(&source) {
            return off;
        }
        let path = self.place.path().into();
        match self.kind {
            QuotaKind::Project => QuotaError::Project {
                action,
                path,
                id,
                source,
            },
            QuotaKind::User | QuotaKind::Group => QuotaError::Owner {
                action,
                kind: self.kind.name(),
                path,
                id,
                source,
            },
        }
    }
}

/// Where a walk through the ids of [`Quotas`] is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Walk {
    next: Option<u32>,
    /// Whether the id before `next` is in use.
    in_a_row: bool,
}

impl Walk {
    /// The next id in use, and what it holds.
    pub(crate) fn step(&mut self, quotas: &Quotas) -> Option<Result<Quota, QuotaError>> {
        while let Some(from) = self.next.take() {
            // Ids are mostly given out in a row, and ext4 answers for a known id in a fifth of the
            // time that it takes to search for the next one.
            if self.in_a_row
                && let Some(quota) = neighbour(quotas, from)
            {
                self.go_on_after(from);
                return Some(Ok(quota));
            }
            match sys::next_quota(&quotas.place, quotas.kind, from) {
                Ok(found) => {
                    self.go_on_after(found.id);
                    let quota = Quota::from(found);
                    // ext4 goes on listing an id for a while that is no longer used.
                    self.in_a_row = !quota.is_unused();
                    if self.in_a_row {
                        return Some(Ok(quota));
                    }
                }
                Err(error) if is(&error, Errno::NOENT) => return None,
                // ext4 ends so where it has never stored a quota.
                Err(error) if is(&error, Errno::SRCH) && from > 0 => return None,
                Err(error) => return Some(Err(quotas.failure("read", from, error))),
            }
        }
        None
    }

    fn go_on_after(&mut self, id: u32) {
        // The highest number is no id, and asking for it is an error.
        self.next = id.checked_add(1).filter(|&id| id != NO_ID);
    }
}

/// Usage and limits of one id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Quota {
    pub(crate) id: u32,
    pub(crate) bytes: u64,
    pub(crate) inodes: u64,
    pub(crate) limits: Limits,
    /// When the soft limit of bytes becomes a hard one (Unix time); 0 while it is kept.
    pub(crate) bytes_grace_ends: u64,
    /// When the soft limit of files becomes a hard one.
    pub(crate) inodes_grace_ends: u64,
}

impl Quota {
    /// Whether nothing belongs to the id and it has no limits.
    pub(crate) fn is_unused(&self) -> bool {
        self.bytes == 0 && self.inodes == 0 && self.limits == Limits::default()
    }
}

impl From<sys::DiskQuota> for Quota {
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
            bytes_grace_ends: quota.block_time,
            inodes_grace_ends: quota.inode_time,
        }
    }
}

/// The error of a file system that has no quotas by id.
fn unsupported(place: &Place) -> QuotaError {
    match place.mount() {
        Ok(mount) => QuotaError::UnsupportedFilesystem {
            path: place.path().into(),
            type_name: mount.type_name.clone(),
        },
        Err(error) => error,
    }
}

/// The quota of `id`, if it is in use; an error is left to the search for the next one.
fn neighbour(quotas: &Quotas, id: u32) -> Option<Quota> {
    let quota = quotas.get(id).ok()?;
    (!quota.is_unused()).then_some(quota)
}

/// Which limits to set. Those that stay are left out, because setting a soft limit that is exceeded
/// starts its grace time again.
fn differences(now: &Limits, wanted: &Limits) -> u32 {
    let mut valid = 0;
    if (now.bytes, now.soft_bytes) != (wanted.bytes, wanted.soft_bytes) {
        valid |= sys::BLOCK_LIMITS;
    }
    if (now.inodes, now.soft_inodes) != (wanted.inodes, wanted.soft_inodes) {
        valid |= sys::INODE_LIMITS;
    }
    valid
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
    fn units_of_the_kernel_become_bytes() {
        let quota = Quota::from(sys::DiskQuota {
            block_hard: 2048,
            space: 4096,
            inode_soft: 5,
            block_time: 77,
            id: 9,
            ..sys::DiskQuota::default()
        });
        assert_eq!(quota.limits.bytes, Some(2 << 20));
        assert_eq!(quota.limits.soft_bytes, None);
        assert_eq!(quota.limits.soft_inodes, Some(5));
        assert_eq!((quota.id, quota.bytes), (9, 4096));
        assert_eq!((quota.bytes_grace_ends, quota.inodes_grace_ends), (77, 0));
    }

    #[test]
    fn only_limits_that_differ_are_set() {
        let limits = Limits::of_bytes(8192);
        let files = Limits {
            inodes: Some(3),
            ..limits
        };
        let none = Limits::default();
        assert_eq!(differences(&limits, &limits), 0);
        assert_eq!(differences(&limits, &files), sys::INODE_LIMITS);
        assert_eq!(differences(&none, &limits), sys::BLOCK_LIMITS);
        let both = sys::BLOCK_LIMITS | sys::INODE_LIMITS;
        assert_eq!(differences(&files, &none), both);
    }
}
