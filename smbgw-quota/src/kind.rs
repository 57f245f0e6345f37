//! The three kinds of quota that ext4 and XFS keep by id, and what their tools call them.

use smbgw_core::ports::Filesystem;

/// Whose quota it is. The numbers are the kernel's: `USRQUOTA`, `GRPQUOTA` and `PRJQUOTA` of
/// `linux/quota.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum QuotaKind {
    User = 0,
    Group = 1,
    Project = 2,
}

impl QuotaKind {
    pub(crate) fn name(self) -> &'static str {
        ["user", "group", "project"][self as usize]
    }

    /// The option of mount(8) that switches enforcement on.
    pub(crate) fn mount_option(self, filesystem: Filesystem) -> &'static str {
        match filesystem {
            Filesystem::Ext4 => self.ext4_name(),
            _ => ["uquota", "gquota", "pquota"][self as usize],
        }
    }

    /// What tune2fs(8) and mount(8) call it on ext4.
    pub(crate) fn ext4_name(self) -> &'static str {
        ["usrquota", "grpquota", "prjquota"][self as usize]
    }

    /// The features of ext4 without which it cannot be counted.
    pub(crate) fn ext4_features(self) -> &'static str {
        match self {
            Self::User | Self::Group => "quota",
            Self::Project => "quota,project",
        }
    }

    /// The option of quotaon(8) for it.
    pub(crate) fn tool_option(self) -> &'static str {
        ["-u", "-g", "-P"][self as usize]
    }
}
