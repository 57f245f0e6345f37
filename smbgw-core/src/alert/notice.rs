//! What people are told.

use serde::{Deserialize, Serialize};

use super::reading::{Kind, Severity};
use crate::share::ShareName;

/// One message to people, before it has the form of a channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Notice {
    /// A random number that names this message, so that who gets it twice can tell: 32 hexadecimal
    /// digits.
    pub id: String,
    /// When it was made, in seconds since 1970-01-01 00:00 UTC.
    pub at: i64,
    /// The machine it comes from.
    pub host: String,
    /// The share; `None` for the machine as a whole.
    pub share: Option<ShareName>,
    /// What it is about.
    pub kind: Kind,
    /// What happened.
    pub event: Event,
    /// How bad it is; for [`Event::Cleared`], how bad it was.
    pub severity: Severity,
    /// Since when it is so, in seconds since 1970-01-01 00:00 UTC.
    pub since: i64,
    /// What is known.
    pub facts: Facts,
}

/// What happened to an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// It is new.
    Raised,
    /// It became worse.
    Escalated,
    /// It is still so, after the time set for reminders.
    Repeated,
    /// It is over.
    Cleared,
    /// Nothing did: somebody tries whether messages arrive.
    Test,
}

/// What is known with a reading; what does not apply is `None`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// One lower-case sentence without a full stop: what is the matter.
    pub summary: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
    /// Bytes used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub used: Option<u64>,
    /// The limit in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// Part of the limit used, in percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub percent: Option<f64>,
    /// Files and directories.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inodes: Option<u64>,
    /// The limit on files and directories.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inode_limit: Option<u64>,
    /// Days until the limit is reached, as estimated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days_left: Option<f64>,
    /// The soonest and the latest of the estimate, in days; the latest is `None` for "maybe never".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days_range: Option<(f64, Option<f64>)>,
    /// Bytes a day that usage grows by, as estimated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub growth: Option<f64>,
}
