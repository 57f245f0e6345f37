//! How long to listen for an answer.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How patiently somebody is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Pace {
    /// As RFC 5227 says: three probes, four to seven seconds. Before an address is used.
    ///
    /// A machine that is about to take an address of IPv6 hears this as a conflict, and does not.
    #[default]
    Thorough,
    /// Three probes within a second, as a wired network answers in far less. For addresses in use, again and
    /// again: a node that is about to take one is not disturbed.
    Quick,
}

/// A text is none of the paces.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is neither `thorough` nor `quick`")]
pub struct PaceError(pub String);

/// When probes are sent: RFC 5227, section 1.1, has the names of the waits.
pub(super) struct Waits {
    /// `PROBE_WAIT`: the longest wait before the first one.
    pub(super) first: Duration,
    /// `PROBE_NUM`.
    pub(super) probes: u32,
    /// `PROBE_MIN`: the shortest wait between two.
    pub(super) shortest: Duration,
    /// `PROBE_MAX`: the longest wait between two.
    pub(super) longest: Duration,
    /// `ANNOUNCE_WAIT`: the wait after the last one.
    pub(super) last: Duration,
}

impl Pace {
    pub(super) fn waits(self) -> Waits {
        let of = |first, shortest, longest, last| Waits {
            first: Duration::from_millis(first),
            probes: 3,
            shortest: Duration::from_millis(shortest),
            longest: Duration::from_millis(longest),
            last: Duration::from_millis(last),
        };
        match self {
            Self::Thorough => of(1000, 1000, 2000, 2000),
            Self::Quick => of(50, 100, 200, 400),
        }
    }

    /// How long a probe takes at most.
    pub fn longest(self) -> Duration {
        let waits = self.waits();
        waits.first + waits.longest * (waits.probes - 1) + waits.last
    }

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Thorough => "thorough",
            Self::Quick => "quick",
        }
    }
}

impl FromStr for Pace {
    type Err = PaceError;

    fn from_str(text: &str) -> Result<Self, PaceError> {
        let known = [Self::Thorough, Self::Quick];
        let found = known.into_iter().find(|pace| pace.as_str() == text);
        found.ok_or_else(|| PaceError(text.to_owned()))
    }
}

impl fmt::Display for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_thorough_one_is_that_of_the_rfc() {
        assert_eq!(Pace::Thorough.longest(), Duration::from_secs(7));
        assert!(Pace::Quick.longest() < Duration::from_secs(1));
        assert_eq!("quick".parse(), Ok(Pace::Quick));
        assert_eq!("fast".parse::<Pace>(), Err(PaceError("fast".into())));
    }
}
