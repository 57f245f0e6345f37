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
    /// Since when it is so, in seconds since 1970-01-01 00:00 UTC; for [`Event::Cleared`], since
    /// when it was.
    pub since: i64,
    /// What is known.
    pub facts: Facts,
}

impl Notice {
    /// A new [`id`](Notice::id).
    pub fn new_id() -> String {
        let mut bytes = [0; 16];
        if let Err(error) = getrandom::fill(&mut bytes) {
            // Linux always gives so few bytes (getrandom(2)). Were it not to, the message goes out
            // all the same, named by the time.
            tracing::warn!(%error, "no random number for a message");
            bytes = jiff::Timestamp::now().as_nanosecond().to_be_bytes();
        }
        format!("{:032x}", u128::from_be_bytes(bytes))
    }
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

impl Event {
    /// The name in files and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Raised => "raised",
            Self::Escalated => "escalated",
            Self::Repeated => "repeated",
            Self::Cleared => "cleared",
            Self::Test => "test",
        }
    }
}

/// What is known with a reading; what does not apply is `None`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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

impl Facts {
    /// The same without numbers that a JSON file cannot hold (infinite, or none at all).
    #[must_use]
    pub(super) fn finite(self) -> Self {
        let finite = |number: Option<f64>| number.filter(|number| number.is_finite());
        Self {
            percent: finite(self.percent),
            days_left: finite(self.days_left),
            days_range: self
                .days_range
                .filter(|(soonest, _)| soonest.is_finite())
                .map(|(soonest, latest)| (soonest, finite(latest))),
            growth: finite(self.growth),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_32_digits_and_differ() {
        let (one, other) = (Notice::new_id(), Notice::new_id());
        assert_ne!(one, other);
        for id in [one, other] {
            assert_eq!(id.len(), 32);
            assert!(id.bytes().all(|byte| byte.is_ascii_hexdigit()));
        }
    }

    #[test]
    fn facts_fit_into_a_file() {
        let facts = Facts {
            percent: Some(f64::INFINITY),
            days_left: Some(f64::NAN),
            days_range: Some((2.0, Some(f64::INFINITY))),
            growth: Some(1.5),
            ..Facts::default()
        };
        let facts = facts.finite();
        assert_eq!((facts.percent, facts.days_left), (None, None));
        assert_eq!(
            (facts.days_range, facts.growth),
            (Some((2.0, None)), Some(1.5))
        );
        let text = serde_json::to_string(&facts).unwrap();
        assert_eq!(serde_json::from_str::<Facts>(&text).unwrap(), facts);
    }
}
