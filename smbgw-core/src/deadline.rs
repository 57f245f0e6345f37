//! One point in time by which a whole operation has to end.

use std::time::{Duration, Instant};

/// The time by which an operation, with everything it waits for, has to be over.
///
/// It is made once where an operation starts and handed down, so that waiting never adds up.
#[derive(Clone, Copy, Debug)]
pub struct Deadline(Instant);

impl Deadline {
    /// The deadline `duration` from now.
    pub fn after(duration: Duration) -> Self {
        Self(Instant::now() + duration.min(FAR))
    }

    /// The time left; zero when the deadline has passed.
    pub fn remaining(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// Whether the deadline has passed.
    pub fn has_passed(self) -> bool {
        self.remaining().is_zero()
    }

    /// The earlier one of this deadline and `duration` from now.
    #[must_use]
    pub fn at_most(self, duration: Duration) -> Self {
        Self(self.0.min(Self::after(duration).0))
    }
}

/// Farther than anybody waits, and near enough for the clock not to overflow.
const FAR: Duration = Duration::from_secs(10 * 365 * 24 * 3600);
