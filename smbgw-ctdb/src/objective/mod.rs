//! From the time in which clients are to be served again to ctdb's settings, and back.
//!
//! ```
//! use smbgw_ctdb::objective::{worst_cases, Loss, Objective, Tunables};
//!
//! let objective: Objective = "10s".parse()?;
//! let tunables = objective.tunables();
//! assert_eq!((tunables.keepalive_interval, tunables.keepalive_limit), (1, 2));
//!
//! // What a node that loses its power costs then, and with ctdb's own settings.
//! let silent = |tunables: &Tunables| {
//!     let cases = worst_cases(tunables);
//!     let case = cases.iter().find(|case| case.loss == Loss::PoweredOff).unwrap();
//!     case.address_milliseconds.unwrap()
//! };
//! assert!(silent(&tunables) <= 6_000);
//! assert!(silent(&Tunables::STOCK) >= 29_000);
//! # Ok::<(), smbgw_ctdb::objective::ObjectiveError>(())
//! ```

mod error;
mod tunables;
mod worst;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use error::ObjectiveError;
pub use tunables::Tunables;
pub use worst::{Loss, Part, WorstCase, client_gap, worst_cases};

/// The time in which clients are to be served again after a node is lost, in whole milliseconds.
///
/// As text it is a number with `s`, `m` or `ms`: `10s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(with = "String"))]
#[serde(try_from = "String", into = "String")]
pub struct Objective(Duration);

impl Objective {
    /// The shortest that can be promised: with a shorter one no leader stays one, or a node that is busy
    /// is taken for a lost one.
    pub const SMALLEST: Self = Self(Duration::from_secs(10));

    /// The longest. Beyond it ctdb's own settings are quick enough.
    pub const LARGEST: Self = Self(Duration::from_secs(600));

    /// An objective of that time.
    ///
    /// # Errors
    /// Where it is shorter than [`Objective::SMALLEST`], or longer than [`Objective::LARGEST`].
    pub fn new(within: Duration) -> Result<Self, ObjectiveError> {
        if within < Self::SMALLEST.0 {
            return Err(ObjectiveError::TooShort {
                asked: within,
                smallest: Self::SMALLEST,
            });
        }
        if within > Self::LARGEST.0 {
            return Err(ObjectiveError::TooLong {
                asked: within,
                largest: Self::LARGEST,
            });
        }
        Ok(Self(Duration::from_millis(
            u64::try_from(within.as_millis()).unwrap_or(u64::MAX),
        )))
    }

    /// The time.
    pub fn within(self) -> Duration {
        self.0
    }

    /// The time in which an address has to be on another node, in whole seconds: at most half of all, and so that
    /// a client that pauses between its attempts comes back in time.
    pub fn address_within(self) -> Duration {
        Duration::from_secs(self.longest().min(self.0.as_secs() / 2))
    }

    /// The same where the node led that is lost: another leader has to be found first, so it may be more than half,
    /// and clients still come back in time.
    pub fn leader_within(self) -> Duration {
        Duration::from_secs(self.longest())
    }

    /// The settings that keep it, and notice a loss no sooner than that needs.
    pub fn tunables(self) -> Tunables {
        tunables::for_address_within(self.address_within(), self.leader_within())
    }

    /// For how many seconds an address may be away.
    fn longest(self) -> u64 {
        let is_in_time =
            |seconds: &u64| u128::from(client_gap(seconds * 1_000)) <= self.0.as_millis();
        let seconds = (0..=self.0.as_secs()).rev().find(is_in_time);
        seconds.unwrap_or_default()
    }
}

impl FromStr for Objective {
    type Err = ObjectiveError;

    fn from_str(text: &str) -> Result<Self, ObjectiveError> {
        let malformed = || ObjectiveError::Malformed(text.to_owned());
        let end = text
            .find(|c: char| !c.is_ascii_digit())
            .ok_or_else(malformed)?;
        let (number, unit) = text.split_at(end);
        let number: u64 = number.parse().map_err(|_| malformed())?;
        let milliseconds = match unit {
            "ms" => Some(number),
            "s" => number.checked_mul(1_000),
            "m" => number.checked_mul(60_000),
            _ => None,
        };
        Self::new(Duration::from_millis(milliseconds.ok_or_else(malformed)?))
    }
}

impl fmt::Display for Objective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&duration_text(self.0))
    }
}

impl TryFrom<String> for Objective {
    type Error = ObjectiveError;

    fn try_from(text: String) -> Result<Self, ObjectiveError> {
        text.parse()
    }
}

impl From<Objective> for String {
    fn from(objective: Objective) -> Self {
        objective.to_string()
    }
}

/// A duration as [`Objective`] reads it: `10s`, `1500ms`.
fn duration_text(duration: Duration) -> String {
    match (duration.as_secs(), duration.subsec_millis()) {
        (seconds, 0) => format!("{seconds}s"),
        _ => format!("{}ms", duration.as_millis()),
    }
}

#[cfg(test)]
mod tests;
