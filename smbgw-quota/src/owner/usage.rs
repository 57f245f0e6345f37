//! What a user or group holds, and where it stands against its limits.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use smbgw_core::ports::Limits;

use crate::by_id::Quota;

/// What one user or group holds on a file system, and its limits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OwnerUsage {
    /// The user id or group id.
    pub id: u32,
    /// The name, where it was looked up and there is one.
    pub name: Option<String>,
    /// Bytes it holds.
    pub bytes: u64,
    /// Files and directories it holds; `None` where the file system does not count them.
    pub inodes: Option<u64>,
    /// Its limits.
    pub limits: Limits,
    /// Where it stands against its limits of bytes.
    pub bytes_standing: Standing,
    /// Where it stands against its limits of files.
    pub inodes_standing: Standing,
}

impl OwnerUsage {
    /// The worse of both standings.
    pub fn standing(&self) -> Standing {
        self.bytes_standing.max(self.inodes_standing)
    }

    pub(crate) fn new(id: u32, bytes: u64, inodes: Option<u64>, limits: Limits) -> Self {
        let quota = Quota {
            id,
            bytes,
            inodes: inodes.unwrap_or(0),
            limits,
            ..Quota::default()
        };
        Self {
            inodes,
            ..Self::at(quota, 0)
        }
    }

    /// What `quota` says at `now` (Unix time).
    pub(crate) fn at(quota: Quota, now: u64) -> Self {
        let limits = quota.limits;
        Self {
            id: quota.id,
            name: None,
            bytes: quota.bytes,
            inodes: Some(quota.inodes),
            limits,
            bytes_standing: Standing::of(
                quota.bytes,
                limits.soft_bytes,
                limits.bytes,
                quota.bytes_grace_ends,
                now,
            ),
            inodes_standing: Standing::of(
                quota.inodes,
                limits.soft_inodes,
                limits.inodes,
                quota.inodes_grace_ends,
                now,
            ),
        }
    }
}

/// Where an owner stands against a soft and a hard limit; later ones are worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum Standing {
    /// Below its limits, or it has none.
    Within,
    /// Above the soft limit, for some time yet.
    Grace {
        /// When the grace time ends, in Unix time (seconds); `None` where it has not begun to run.
        ends: Option<u64>,
    },
    /// Above the soft limit for longer than the grace time: nothing more can be written.
    GraceOver {
        /// When it ended, in Unix time (seconds).
        since: u64,
    },
    /// At the hard limit or above it: nothing more can be written.
    Full,
}

impl Standing {
    /// Whether the kernel refuses to let it grow.
    pub fn refuses(self) -> bool {
        matches!(self, Self::GraceOver { .. } | Self::Full)
    }

    fn of(held: u64, soft: Option<u64>, hard: Option<u64>, ends: u64, now: u64) -> Self {
        if hard.is_some_and(|hard| held >= hard) {
            return Self::Full;
        }
        if soft.is_none_or(|soft| held <= soft) {
            return Self::Within;
        }
        match ends {
            0 => Self::Grace { ends: None },
            since if since <= now => Self::GraceOver { since },
            ends => Self::Grace { ends: Some(ends) },
        }
    }
}

/// The kernel's clock, by which grace times end.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standing_follows_from_usage_limits_and_clock() {
        let of = |held, ends, now| Standing::of(held, Some(10), Some(20), ends, now);
        assert_eq!(of(10, 0, 0), Standing::Within);
        assert_eq!(of(11, 0, 5), Standing::Grace { ends: None });
        assert_eq!(of(11, 6, 5), Standing::Grace { ends: Some(6) });
        assert_eq!(of(11, 5, 5), Standing::GraceOver { since: 5 });
        assert_eq!(of(20, 5, 5), Standing::Full);
        assert_eq!(Standing::of(99, None, None, 0, 0), Standing::Within);
        assert!(of(20, 0, 0).refuses() && of(11, 5, 5).refuses());
        assert!(!of(11, 6, 5).refuses());
    }

    #[test]
    fn the_worse_standing_counts() {
        let quota = Quota {
            bytes: 30,
            inodes: 3,
            limits: Limits {
                bytes: Some(20),
                soft_inodes: Some(2),
                ..Limits::default()
            },
            inodes_grace_ends: 7,
            ..Quota::default()
        };
        let usage = OwnerUsage::at(quota, 5);
        assert_eq!(usage.inodes_standing, Standing::Grace { ends: Some(7) });
        assert_eq!(usage.standing(), Standing::Full);
    }
}
