//! One event out of many that say the same.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::event::{Device, Owner, QuotaEvent, Warning};

/// Lets the first of several events that say the same pass, and one more after every `window`.
///
/// XFS announces a limit several times per write, and again at every further write; on ext4, "hard
/// limit reached" and "below it again" take turns.
#[derive(Clone, Debug)]
pub struct Coalesce {
    window: Duration,
    passed: HashMap<(Device, Owner, Warning), Instant>,
}

impl Coalesce {
    /// With the time during which an event is not repeated.
    pub fn new(window: Duration) -> Self {
        Self {
            window,
            passed: HashMap::new(),
        }
    }

    /// Whether `event`, which was seen at `now`, is to be passed on.
    pub fn is_news(&mut self, event: &QuotaEvent, now: Instant) -> bool {
        let key = (event.device, event.owner, event.warning);
        let fresh = |at: &Instant| now.saturating_duration_since(*at) < self.window;
        if self.passed.get(&key).is_some_and(fresh) {
            return false;
        }
        self.passed.retain(|_, at| fresh(at));
        self.passed.insert(key, now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEVICE: Device = Device { major: 7, minor: 0 };

    fn event(warning: Warning) -> QuotaEvent {
        QuotaEvent {
            owner: Owner::Project(5),
            warning,
            device: DEVICE,
            caused_by: 1000,
        }
    }

    #[test]
    fn the_same_is_told_once_in_a_window() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let mut coalesce = Coalesce::new(Duration::from_secs(10));
        let hard = event(Warning::BytesHard);
        assert!(coalesce.is_news(&hard, start));
        // Also where somebody else causes it.
        let by_another = QuotaEvent {
            caused_by: 1001,
            ..hard
        };
        assert!(!coalesce.is_news(&by_another, after(1)));
        assert!(!coalesce.is_news(&hard, after(9)));
        assert!(coalesce.is_news(&hard, after(10)));
        assert!(!coalesce.is_news(&hard, after(11)));
        // Not even a clock that goes back makes it pass.
        assert!(!coalesce.is_news(&hard, start));
    }

    #[test]
    fn what_differs_is_told() {
        let now = Instant::now();
        let mut coalesce = Coalesce::new(Duration::from_secs(10));
        let hard = event(Warning::BytesHard);
        assert!(coalesce.is_news(&hard, now));
        assert!(coalesce.is_news(&event(Warning::BytesSoft), now));
        for owner in [Owner::Project(6), Owner::User(5), Owner::Group(5)] {
            assert!(coalesce.is_news(&QuotaEvent { owner, ..hard }, now));
        }
        let device = Device { major: 7, minor: 1 };
        assert!(coalesce.is_news(&QuotaEvent { device, ..hard }, now));
        assert!(!coalesce.is_news(&hard, now));
    }

    #[test]
    fn what_takes_turns_is_told_once_each() {
        let now = Instant::now();
        let mut coalesce = Coalesce::new(Duration::from_secs(10));
        let mut is_news = |warning| coalesce.is_news(&event(warning), now);
        assert!(is_news(Warning::BytesHard));
        assert!(is_news(Warning::BytesBelowHard));
        assert!(!is_news(Warning::BytesHard));
        assert!(!is_news(Warning::BytesBelowHard));
    }

    #[test]
    fn nothing_is_remembered_for_longer_than_the_window() {
        let start = Instant::now();
        let mut coalesce = Coalesce::new(Duration::from_secs(10));
        for id in 0..100u32 {
            let owner = Owner::Project(id);
            let event = QuotaEvent {
                owner,
                ..event(Warning::BytesHard)
            };
            coalesce.is_news(&event, start + Duration::from_secs(id.into()));
        }
        assert!(coalesce.passed.len() <= 10);
    }
}
