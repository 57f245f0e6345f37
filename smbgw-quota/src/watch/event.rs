//! What an event says.

use std::fmt;

/// What a listener is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A limit was reached, or usage is below it again.
    Warning(QuotaEvent),
    /// The kernel had more to say than the listener had room for: anything may have happened, so
    /// everything has to be looked at.
    Lost,
}

/// One announcement of the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct QuotaEvent {
    /// Whose quota it is.
    pub owner: Owner,
    /// What happened.
    pub warning: Warning,
    /// The file system it happened on.
    pub device: Device,
    /// The user whose process caused it: a writer, or whoever removes something. Where the file
    /// system does that in the background, it is 0.
    pub caused_by: u32,
}

/// Whose quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Owner {
    /// That of a user.
    User(u32),
    /// That of a group.
    Group(u32),
    /// That of a project.
    Project(u32),
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(id) => write!(f, "user {id}"),
            Self::Group(id) => write!(f, "group {id}"),
            Self::Project(id) => write!(f, "project {id}"),
        }
    }
}

/// The number of a mounted file system's device, which stat(2) gives for every file on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Device {
    /// The major number.
    pub major: u32,
    /// The minor number.
    pub minor: u32,
}

impl Device {
    /// The device that stat(2) gives as `st_dev`.
    pub fn of_stat(st_dev: u64) -> Self {
        Self {
            major: rustix::fs::major(st_dev),
            minor: rustix::fs::minor(st_dev),
        }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.major, self.minor)
    }
}

/// What is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Resource {
    /// Bytes.
    Bytes,
    /// Files and directories.
    Inodes,
}

/// Which limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Limit {
    /// The one that may be exceeded for a while.
    Soft,
    /// The one that may not.
    Hard,
}

/// What happened: the kernel's `QUOTA_NL_*` warnings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Warning {
    /// A file would have exceeded the hard limit and was refused (`IHARDWARN`).
    InodesHard,
    /// The soft limit on files was exceeded for too long, so that a new one was refused
    /// (`ISOFTLONGWARN`).
    InodesGraceOver,
    /// The soft limit on files is exceeded (`ISOFTWARN`).
    InodesSoft,
    /// Blocks that would have exceeded the hard limit were refused (`BHARDWARN`).
    BytesHard,
    /// The soft limit on bytes was exceeded for too long, so that blocks were refused
    /// (`BSOFTLONGWARN`).
    BytesGraceOver,
    /// The soft limit on bytes is exceeded (`BSOFTWARN`).
    BytesSoft,
    /// There are fewer files than the hard limit again (`IHARDBELOW`).
    InodesBelowHard,
    /// There are no more files than the soft limit again (`ISOFTBELOW`).
    InodesBelowSoft,
    /// There are fewer bytes than the hard limit again (`BHARDBELOW`).
    BytesBelowHard,
    /// There are no more bytes than the soft limit again (`BSOFTBELOW`).
    BytesBelowSoft,
}

impl Warning {
    /// All of them, by the kernel's numbers, which begin with 1.
    const BY_NUMBER: [Warning; 10] = [
        Self::InodesHard,
        Self::InodesGraceOver,
        Self::InodesSoft,
        Self::BytesHard,
        Self::BytesGraceOver,
        Self::BytesSoft,
        Self::InodesBelowHard,
        Self::InodesBelowSoft,
        Self::BytesBelowHard,
        Self::BytesBelowSoft,
    ];

    /// The warning with the kernel's `number`, if it has one.
    pub(crate) fn from_number(number: u32) -> Option<Self> {
        let index = usize::try_from(number).ok()?.checked_sub(1)?;
        Self::BY_NUMBER.get(index).copied()
    }

    /// What is limited.
    pub fn resource(self) -> Resource {
        match self {
            Self::BytesHard
            | Self::BytesGraceOver
            | Self::BytesSoft
            | Self::BytesBelowHard
            | Self::BytesBelowSoft => Resource::Bytes,
            Self::InodesHard
            | Self::InodesGraceOver
            | Self::InodesSoft
            | Self::InodesBelowHard
            | Self::InodesBelowSoft => Resource::Inodes,
        }
    }

    /// Which limit it is about; the end of the grace time is about the soft one.
    pub fn limit(self) -> Limit {
        match self {
            Self::InodesHard | Self::BytesHard | Self::InodesBelowHard | Self::BytesBelowHard => {
                Limit::Hard
            }
            Self::InodesGraceOver
            | Self::InodesSoft
            | Self::BytesGraceOver
            | Self::BytesSoft
            | Self::InodesBelowSoft
            | Self::BytesBelowSoft => Limit::Soft,
        }
    }

    /// Whether usage went below the limit, rather than up to it.
    pub fn is_below(self) -> bool {
        matches!(
            self,
            Self::InodesBelowHard
                | Self::InodesBelowSoft
                | Self::BytesBelowHard
                | Self::BytesBelowSoft
        )
    }

    /// Whether the grace time of a soft limit is over.
    pub fn is_grace_over(self) -> bool {
        matches!(self, Self::InodesGraceOver | Self::BytesGraceOver)
    }

    /// Whether somebody was refused blocks or a new file. A refused write is one reason; on XFS, a
    /// removal that wanted blocks and goes on without is another.
    pub fn is_refusal(self) -> bool {
        matches!(self, Self::InodesHard | Self::BytesHard) || self.is_grace_over()
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::InodesHard => "hard limit on files reached",
            Self::InodesGraceOver => "grace time of the soft limit on files over",
            Self::InodesSoft => "soft limit on files exceeded",
            Self::BytesHard => "hard limit reached",
            Self::BytesGraceOver => "grace time of the soft limit over",
            Self::BytesSoft => "soft limit exceeded",
            Self::InodesBelowHard => "below the hard limit on files again",
            Self::InodesBelowSoft => "below the soft limit on files again",
            Self::BytesBelowHard => "below the hard limit again",
            Self::BytesBelowSoft => "below the soft limit again",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_kernel_header() {
        assert_eq!(Warning::from_number(1), Some(Warning::InodesHard));
        assert_eq!(Warning::from_number(4), Some(Warning::BytesHard));
        assert_eq!(Warning::from_number(6), Some(Warning::BytesSoft));
        assert_eq!(Warning::from_number(10), Some(Warning::BytesBelowSoft));
        for number in [0, 11, u32::MAX] {
            assert_eq!(Warning::from_number(number), None);
        }
    }

    #[test]
    fn every_warning_says_what_it_is_about() {
        let about = |warning: Warning| {
            (
                warning.resource(),
                warning.limit(),
                warning.is_below(),
                warning.is_refusal(),
            )
        };
        use {Limit::*, Resource::*, Warning::*};
        assert_eq!(about(BytesHard), (Bytes, Hard, false, true));
        assert_eq!(about(BytesSoft), (Bytes, Soft, false, false));
        assert_eq!(about(BytesGraceOver), (Bytes, Soft, false, true));
        assert_eq!(about(InodesBelowHard), (Inodes, Hard, true, false));
        let texts: std::collections::HashSet<_> =
            Warning::BY_NUMBER.map(|warning| warning.to_string()).into();
        assert_eq!(texts.len(), 10);
    }

    #[test]
    fn device_numbers_are_taken_apart_as_the_kernel_does() {
        let device = Device::of_stat(rustix::fs::makedev(259, 4711));
        assert_eq!((device.major, device.minor), (259, 4711));
        assert_eq!(device.to_string(), "259:4711");
    }
}
