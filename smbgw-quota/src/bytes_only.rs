//! Limits of file systems that know none but bytes.

use smbgw_core::ports::{Filesystem, Limits};

use crate::error::QuotaError;

/// Checks that `limits` has nothing but a limit of bytes, as datasets of ZFS and quota groups of
/// btrfs have no other.
///
/// # Errors
/// [`QuotaError::UnsupportedLimit`] naming the kind of limit that `filesystem` does not have.
pub(crate) fn check(filesystem: Filesystem, limits: &Limits) -> Result<(), QuotaError> {
    let unsupported = |what| Err(QuotaError::UnsupportedLimit { filesystem, what });
    if limits.soft_bytes.is_some() {
        return unsupported("bytes that may be exceeded for a time");
    }
    if limits.inodes.is_some() || limits.soft_inodes.is_some() {
        return unsupported("the number of files");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_the_one_limit() {
        let check = |limits| check(Filesystem::Btrfs, &limits);
        assert!(check(Limits::of_bytes(5)).is_ok());
        assert!(check(Limits::default()).is_ok());
        let soft = Limits {
            soft_bytes: Some(5),
            ..Limits::default()
        };
        assert!(check(soft).is_err());
        let files = Limits {
            inodes: Some(5),
            ..Limits::default()
        };
        assert!(check(files).is_err());
    }
}
