//! The time as Kerberos needs it: the machine's own, and how far it is from the domain's.

use jiff::{SignedDuration, Timestamp};

/// A clock that is some time off the machine's.
///
/// Kerberos refuses messages that are more than a tolerance, usually five minutes, off the time of
/// the domain controller (RFC 4120, section 7.5.8). Once a controller has told its time, a clock
/// with that offset makes messages that it takes.
///
/// ```
/// use jiff::SignedDuration;
/// use smbgw_ad::clock::Clock;
///
/// let ahead = Clock::system().shifted(SignedDuration::from_mins(7));
/// assert_eq!(ahead.offset(), SignedDuration::from_mins(7));
/// assert!(ahead.now() > Clock::system().now());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    offset: SignedDuration,
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self {
            offset: SignedDuration::ZERO,
        }
    }

    /// A clock that is `by` later than this one.
    #[must_use]
    pub fn shifted(self, by: SignedDuration) -> Self {
        Self {
            offset: self.offset.saturating_add(by),
        }
    }

    /// How much later than the machine's clock this one is.
    pub fn offset(self) -> SignedDuration {
        self.offset
    }

    /// What it shows.
    pub fn now(self) -> Timestamp {
        let now = Timestamp::now();
        now.saturating_add(self.offset).unwrap_or(now)
    }
}
