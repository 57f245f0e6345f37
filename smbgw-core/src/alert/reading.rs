//! What was seen of a share.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::notice::Facts;
use crate::share::ShareName;

/// One thing seen of a share, or of the machine, at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// The share; `None` for the machine as a whole.
    pub share: Option<ShareName>,
    /// What was looked at.
    pub kind: Kind,
    /// What came out.
    pub measure: Measure,
    /// What people are told with it.
    pub facts: Facts,
}

/// How a reading is judged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Measure {
    /// Part of a limit, in percent; judged by the thresholds of the share.
    Percent(f64),
    /// Days until the limit is reached (0 where it is); `None` where it is not in sight. Judged by
    /// the number of days set for the share.
    DaysLeft(Option<f64>),
    /// Something is so, with the severity that has; `None`: it is not so.
    Present(Option<Severity>),
    /// It could not be seen this time: what is raised stays raised.
    Unknown,
}

/// What an alert is about. A share has at most one alert of each kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Bytes against their limit.
    Space,
    /// Files and directories against their limit.
    Inodes,
    /// The limit will be reached within the days set.
    Forecast,
    /// A soft limit is exceeded and its grace time runs, or is over.
    SoftLimit,
    /// The hard limit is reached: writes fail.
    HardLimit,
    /// What the kernel enforces is not what is meant.
    Drift,
    /// A share cannot be looked at: its file system is not mounted, say.
    Unreadable,
    /// Usage is not remembered.
    History,
    /// A node of the cluster is not healthy.
    ClusterNode,
    /// A public address of the cluster is on no node.
    ClusterAddress,
    /// A public address is on two nodes, or nothing keeps parts of the cluster from that.
    ClusterSplit,
    /// Shares are not served by a public address.
    ClusterService,
    /// The cluster has no leader, recovers again and again, or does not come to an end with it.
    ClusterRecovery,
    /// An event script of ctdb does not end in time.
    ClusterScript,
    /// A node or an address is well and unwell by turns.
    ClusterFlapping,
    /// A database of ctdb is damaged.
    ClusterDatabase,
    /// The nodes have different versions of ctdb.
    ClusterVersion,
    /// Nodes that would take an address over do not know who is connected to it.
    ClusterTickles,
    /// The cluster cannot be looked at.
    ClusterUnreadable,
    /// A message sent to see whether messages arrive.
    Test,
}

impl Kind {
    /// Those that alerts are of: all but [`Kind::Test`].
    pub const OF_ALERTS: [Self; 19] = [
        Self::Space,
        Self::Inodes,
        Self::Forecast,
        Self::SoftLimit,
        Self::HardLimit,
        Self::Drift,
        Self::Unreadable,
        Self::History,
        Self::ClusterNode,
        Self::ClusterAddress,
        Self::ClusterSplit,
        Self::ClusterService,
        Self::ClusterRecovery,
        Self::ClusterScript,
        Self::ClusterFlapping,
        Self::ClusterDatabase,
        Self::ClusterVersion,
        Self::ClusterTickles,
        Self::ClusterUnreadable,
    ];

    /// Those that are about a cluster. Whoever looks at one has damped them: they are told at once, and so
    /// is their end.
    pub const OF_CLUSTERS: [Self; 11] = [
        Self::ClusterNode,
        Self::ClusterAddress,
        Self::ClusterSplit,
        Self::ClusterService,
        Self::ClusterRecovery,
        Self::ClusterScript,
        Self::ClusterFlapping,
        Self::ClusterDatabase,
        Self::ClusterVersion,
        Self::ClusterTickles,
        Self::ClusterUnreadable,
    ];

    /// The name in files and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Space => "space",
            Self::Inodes => "inodes",
            Self::Forecast => "forecast",
            Self::SoftLimit => "soft-limit",
            Self::HardLimit => "hard-limit",
            Self::Drift => "drift",
            Self::Unreadable => "unreadable",
            Self::History => "history",
            Self::ClusterNode => "cluster-node",
            Self::ClusterAddress => "cluster-address",
            Self::ClusterSplit => "cluster-split",
            Self::ClusterService => "cluster-service",
            Self::ClusterRecovery => "cluster-recovery",
            Self::ClusterScript => "cluster-script",
            Self::ClusterFlapping => "cluster-flapping",
            Self::ClusterDatabase => "cluster-database",
            Self::ClusterVersion => "cluster-version",
            Self::ClusterTickles => "cluster-tickles",
            Self::ClusterUnreadable => "cluster-unreadable",
            Self::Test => "test",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// How bad something is, by the names of syslog(3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Worth knowing.
    Notice,
    /// Something has to be done soon.
    Warning,
    /// Something has to be done now.
    Critical,
}

impl Severity {
    /// All of them, the least bad first.
    pub const ALL: [Self; 3] = [Self::Notice, Self::Warning, Self::Critical];

    /// The name in files and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Notice => "notice",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
