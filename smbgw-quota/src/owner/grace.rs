//! For how long soft limits may be exceeded.

use serde::{Deserialize, Serialize};

use crate::error::QuotaError;
use crate::sys::QuotaInfo;

/// For how long the soft limits of all users, or all groups, of a file system may be exceeded. When
/// the time is over, a soft limit is a hard one until the owner is below it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GraceTimes {
    /// Seconds for the soft limit of bytes, at least one.
    pub bytes: u64,
    /// Seconds for the soft limit of files, at least one.
    pub inodes: u64,
}

impl GraceTimes {
    /// The longest time that file systems store, in seconds: 68 years.
    pub const LONGEST: u64 = i32::MAX as u64;

    /// # Errors
    /// [`QuotaError::GraceTime`] for a time that file systems do not store. Zero would come back as
    /// a week from XFS after the next mount.
    pub(crate) fn to_kernel(self) -> Result<QuotaInfo, QuotaError> {
        for seconds in [self.bytes, self.inodes] {
            if !(1..=Self::LONGEST).contains(&seconds) {
                return Err(QuotaError::GraceTime { seconds });
            }
        }
        Ok(QuotaInfo::of_seconds(self.bytes, self.inodes))
    }
}

impl From<QuotaInfo> for GraceTimes {
    fn from(info: QuotaInfo) -> Self {
        Self {
            bytes: info.block_grace,
            inodes: info.inode_grace,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_that_no_file_system_stores_are_refused() {
        let check = |bytes, inodes| GraceTimes { bytes, inodes }.to_kernel();
        let info = check(1, GraceTimes::LONGEST).unwrap();
        assert_eq!(GraceTimes::from(info).inodes, GraceTimes::LONGEST);
        assert!(check(0, 1).is_err());
        assert!(check(1, GraceTimes::LONGEST + 1).is_err());
    }
}
