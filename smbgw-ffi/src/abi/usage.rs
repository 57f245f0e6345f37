//! Usage and limit of a directory, as numbers.

use std::ffi::{c_char, c_int};
use std::mem::size_of;
use std::path::Path;
use std::ptr;

use smbgw_core::error::Coded;
use smbgw_core::host::LocalHost;
use smbgw_quota::{DirectoryUsage, directory_usage};

use super::code::Code;
use super::guard::guarded;
use super::text::{self, SMBGW_LONGEST_TEXT};
use crate::dispatch::Request;

/// Stands for a limit that there is not, and for a number that the file system does not count.
pub const SMBGW_NONE: u64 = u64::MAX;

/// Usage and limit of a directory. All amounts are bytes.
///
/// Later versions have more fields at the end; `size` says for which ones the caller has room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
#[allow(non_camel_case_types, reason = "the name in C")]
pub struct smbgw_quota_usage {
    /// Before: `sizeof(struct smbgw_quota_usage)`. After: how many bytes of the structure are filled
    /// in, which are fewer where the library is older than the header.
    pub size: u64,
    /// What counts against the limit; without a limit, what is used of the file system.
    pub used: u64,
    /// What can still be written: the rest of the limit, or of the file system where that is less.
    pub available: u64,
    /// The limit, or `SMBGW_NONE`.
    pub limit: u64,
    /// Files and directories that count against the limit, or `SMBGW_NONE`.
    pub inodes: u64,
    /// The limit on them, or `SMBGW_NONE`.
    pub inode_limit: u64,
    /// What users of the directory see as its size: the limit, or the size of the file system where
    /// that is smaller or there is no limit.
    pub total: u64,
}

/// The size of the structure in the first version.
const SMALLEST: u64 = 56;

/// Writes usage and limit of the directory `path`, which begins with `/`, to `*usage`, where `size` is
/// set. It takes microseconds on ext4, XFS and btrfs, and one run of the `zfs` command on ZFS;
/// `timeout_ms` is as for [`smbgw_call`](super::smbgw_call).
///
/// The limit is that of the project the directory belongs to (ext4, XFS: only root may ask), or of the
/// dataset or subvolume it is in. A limit that is not enforced is none. Nothing is written out before:
/// on ZFS and btrfs, the numbers may be some seconds old. Writes only where it returns 0.
///
/// # Safety
/// `path` is NULL or ends with a NUL; `usage` is NULL, or can be read and written as far as its `size`
/// says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smbgw_quota_usage(
    path: *const c_char,
    timeout_ms: u64,
    usage: *mut smbgw_quota_usage,
) -> c_int {
    guarded(|| {
        if usage.is_null() {
            return Err(Code::NullArgument);
        }
        // SAFETY: the caller's promise.
        let path = Path::new(unsafe { text::read(path, SMBGW_LONGEST_TEXT) }?);
        // SAFETY: the caller's promise; the number is the first field.
        let room = unsafe { usage.cast::<u64>().read() };
        if room < SMALLEST || !path.is_absolute() {
            return Err(Code::Invalid);
        }
        let request = Request {
            timeout_ms,
            ..Request::new("{}")
        };
        let found = directory_usage(&LocalHost::new(), path, request.deadline())
            .map_err(|error| Code::from(error.kind()))?;
        let filled = room.min(size_of::<smbgw_quota_usage>() as u64);
        let found = as_structure(&found, filled);
        // SAFETY: the caller has room for as many bytes, and there are as many in `found`.
        unsafe {
            ptr::copy_nonoverlapping(
                ptr::from_ref(&found).cast::<u8>(),
                usage.cast::<u8>(),
                filled as usize,
            );
        }
        Ok(Code::Ok)
    })
}

fn as_structure(found: &DirectoryUsage, size: u64) -> smbgw_quota_usage {
    let usage = &found.usage;
    smbgw_quota_usage {
        size,
        used: usage.bytes,
        available: usage.available,
        limit: usage.limits.bytes.unwrap_or(SMBGW_NONE),
        inodes: usage.inodes.unwrap_or(SMBGW_NONE),
        inode_limit: usage.limits.inodes.unwrap_or(SMBGW_NONE),
        total: found.total,
    }
}

const _: () = assert!(size_of::<smbgw_quota_usage>() as u64 >= SMALLEST);

#[cfg(test)]
mod tests {
    use smbgw_core::ports::{Limits, Usage};

    use super::*;

    #[test]
    fn every_number_goes_to_its_field() {
        let found = DirectoryUsage {
            total: 1,
            usage: Usage {
                bytes: 2,
                inodes: Some(3),
                limits: Limits {
                    bytes: Some(4),
                    soft_bytes: Some(5),
                    inodes: Some(6),
                    soft_inodes: Some(7),
                },
                available: 8,
            },
        };
        let expected = smbgw_quota_usage {
            size: 56,
            used: 2,
            available: 8,
            limit: 4,
            inodes: 3,
            inode_limit: 6,
            total: 1,
        };
        assert_eq!(as_structure(&found, 56), expected);
        let none = DirectoryUsage {
            total: 1,
            usage: Usage::default(),
        };
        let none = as_structure(&none, 56);
        assert_eq!(
            (none.limit, none.inodes, none.inode_limit),
            (SMBGW_NONE, SMBGW_NONE, SMBGW_NONE)
        );
    }
}
