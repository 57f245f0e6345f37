//! Messages that wait for their delivery: one queue for each channel, no threads.
//!
//! A channel that fails is left alone for a time that doubles with each failure
//! ([`Pace::first_retry`] up to [`Pace::longest_retry`]), and so is the message. A message that
//! nobody has tried yet waits for a minute at most, so that news do not wait for an hour for a
//! channel that was down. Messages about one alert keep their order; otherwise one message that is
//! refused again and again does not hold up the others.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::channel::ChannelError;
use super::error::AlertError;
use super::message::one_line;
use super::notice::Notice;
use super::versioned::Versioned;
use crate::host::Host;
use crate::layout;

/// How many messages that were given up are shown for each channel; older ones are forgotten.
const GIVEN_UP_SHOWN: usize = 20;

/// How often a message is tried at least before it is given up, however long it waited: the
/// machine may have been off.
const LEAST_ATTEMPTS: u32 = 10;

/// The longest reason of a failure that is kept, in characters: what a server or a program says goes
/// into the file with every failure, and onto terminals.
const LONGEST_REASON: usize = 1000;

/// How long a message that was not tried yet waits for a channel that failed, in seconds.
const FRESH_WAIT: i64 = 60;

pub(super) const FILE: Versioned = Versioned {
    path: layout::OUTBOX,
    what: "messages that wait for their delivery",
    version: 1,
};

/// How deliveries are tried again, and given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// How long one attempt may take.
    pub attempt: Duration,
    /// The wait after the first failure, in seconds; each further one waits twice as long.
    pub first_retry: i64,
    /// The longest wait, in seconds.
    pub longest_retry: i64,
    /// How long a message is tried for, in seconds.
    pub give_up_after: i64,
    /// How many messages wait for one channel; more push out the oldest.
    pub most_waiting: usize,
}

impl Default for Pace {
    /// Attempts of 30 seconds, retries after 2 seconds up to an hour, for three days; 1,000
    /// messages.
    fn default() -> Self {
        Self {
            attempt: Duration::from_secs(30),
            first_retry: 2,
            longest_retry: 3600,
            give_up_after: 3 * 86_400,
            most_waiting: 1000,
        }
    }
}

/// How the delivery by one channel goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ChannelStatus {
    /// The name of the channel.
    pub channel: String,
    /// How many messages wait.
    pub waiting: usize,
    /// Since when the oldest of them does, in seconds since 1970-01-01 00:00 UTC.
    pub waiting_since: Option<i64>,
    /// When a message was last delivered, in seconds since 1970-01-01 00:00 UTC.
    pub last_success: Option<i64>,
    /// What went wrong last.
    pub last_failure: Option<Failure>,
    /// How many attempts in a row have failed.
    pub failures: u32,
    /// How many messages were pushed out by newer ones.
    pub dropped: u64,
    /// Messages that were given up, the oldest first; the last 20 of them.
    pub given_up: Vec<GivenUp>,
}

/// An attempt that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Failure {
    /// When, in seconds since 1970-01-01 00:00 UTC.
    pub at: i64,
    /// What happened: one line of at most 1000 characters.
    pub message: String,
}

/// A message that was not delivered and will not be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GivenUp {
    /// The message's [`id`](Notice::id).
    pub id: String,
    /// What it was about, such as `media: space warning (raised)`.
    pub subject: String,
    /// When it was given up, in seconds since 1970-01-01 00:00 UTC.
    pub at: i64,
    /// How often it was tried.
    pub attempts: u32,
    /// Why the last attempt failed: one line of at most 1000 characters.
    pub reason: String,
}

/// How the delivery goes, as the file says: for programs other than the one that delivers.
///
/// # Errors
/// Where the file cannot be read, or is not in its form, or in a newer one.
pub fn status(host: &dyn Host) -> Result<Vec<ChannelStatus>, AlertError> {
    let content = FILE.read(host)?;
    let outbox = content.map_or_else(|| Ok(Outbox::default()), |text| FILE.parse(&text))?;
    Ok(outbox.status())
}

/// The queues of all channels.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Outbox {
    #[serde(default)]
    queues: BTreeMap<String, Queue>,
}

/// The messages for one channel.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Queue {
    waiting: VecDeque<Waiting>,
    /// Attempts in a row that failed.
    failures: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_success: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_failure: Option<Failure>,
    dropped: u64,
    given_up: VecDeque<GivenUp>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Waiting {
    queued_at: i64,
    attempts: u32,
    /// When it was tried last.
    tried_at: i64,
    notice: Notice,
}

/// When to look into a queue again.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Next {
    /// This message is to be delivered now.
    Now(Box<Notice>),
    /// In this many seconds, at least 1.
    In(i64),
    /// When there is a new message.
    Empty,
}

impl Outbox {
    /// Leaves queues for exactly the channels `names`.
    pub(super) fn keep_channels(&mut self, names: &[&str]) {
        self.queues.retain(|name, queue| {
            let stays = names.contains(&name.as_str());
            if !stays && !queue.waiting.is_empty() {
                let waiting = queue.waiting.len();
                tracing::warn!(channel = %name, waiting, "a channel is gone with its messages");
            }
            stays
        });
        for &name in names {
            self.queues.entry(name.into()).or_default();
        }
    }

    /// Puts `notice` into all queues.
    pub(super) fn enqueue(&mut self, notice: &Notice, pace: &Pace, now: i64) {
        for (channel, queue) in &mut self.queues {
            queue.waiting.push_back(Waiting {
                queued_at: now,
                attempts: 0,
                tried_at: now,
                notice: notice.clone(),
            });
            while queue.waiting.len() > pace.most_waiting.max(1) {
                queue.waiting.pop_front();
                queue.dropped = queue.dropped.saturating_add(1);
                tracing::warn!(%channel, dropped = queue.dropped, "too many messages wait");
            }
        }
    }

    /// What to do for `channel` at `now`.
    pub(super) fn next(&self, channel: &str, pace: &Pace, now: i64) -> Next {
        let Some(queue) = self.queues.get(channel) else {
            return Next::Empty;
        };
        // The least tried message first; in a row of messages about one alert, only the first.
        let mut best: Option<(i64, u32, &Waiting)> = None;
        let mut alerts = HashSet::new();
        for waiting in &queue.waiting {
            if !alerts.insert((&waiting.notice.share, waiting.notice.kind)) {
                continue;
            }
            let wait = queue.wait_of(waiting, pace, now);
            if best.is_none_or(|(least, attempts, _)| (wait, waiting.attempts) < (least, attempts))
            {
                best = Some((wait, waiting.attempts, waiting));
            }
            if best.is_some_and(|(least, attempts, _)| (least, attempts) == (0, 0)) {
                break;
            }
        }
        match best {
            Some((0, _, waiting)) => Next::Now(Box::new(waiting.notice.clone())),
            Some((wait, ..)) => Next::In(wait),
            None => Next::Empty,
        }
    }

    /// Notes how an attempt to deliver the message `id` by `channel` ended at `now`.
    pub(super) fn settle(
        &mut self,
        channel: &str,
        id: &str,
        result: &Result<(), ChannelError>,
        pace: &Pace,
        now: i64,
    ) {
        let Some(queue) = self.queues.get_mut(channel) else {
            return;
        };
        let place = queue.waiting.iter().position(|one| one.notice.id == id);
        let error = match result {
            Ok(()) => {
                queue.failures = 0;
                queue.last_success = Some(now);
                // It is not there where newer messages pushed it out meanwhile.
                place.map(|place| queue.waiting.remove(place));
                return;
            }
            Err(error) => error,
        };
        let reason = one_line(&error.message, LONGEST_REASON);
        queue.last_failure = Some(Failure {
            at: now,
            message: reason.clone(),
        });
        // Who refuses one message for good may well take the next.
        if !error.is_permanent() {
            queue.failures = queue.failures.saturating_add(1);
        }
        let Some(place) = place else { return };
        let Some(waiting) = queue.waiting.get_mut(place) else {
            return;
        };
        waiting.attempts = waiting.attempts.saturating_add(1);
        waiting.tried_at = now;
        waiting.queued_at = waiting.queued_at.min(now);
        let is_old = now.saturating_sub(waiting.queued_at) >= pace.give_up_after;
        if error.is_permanent() || is_old && waiting.attempts >= LEAST_ATTEMPTS {
            let attempts = waiting.attempts;
            let notice = waiting.notice.clone();
            queue.waiting.remove(place);
            let subject = subject_of(&notice);
            tracing::error!(%channel, %subject, %error, "a message is given up");
            queue.given_up.push_back(GivenUp {
                id: notice.id,
                subject,
                at: now,
                attempts,
                reason,
            });
            while queue.given_up.len() > GIVEN_UP_SHOWN {
                queue.given_up.pop_front();
            }
        }
    }

    /// How the delivery goes, by channel.
    pub(super) fn status(&self) -> Vec<ChannelStatus> {
        self.queues
            .iter()
            .map(|(channel, queue)| ChannelStatus {
                channel: channel.clone(),
                waiting: queue.waiting.len(),
                waiting_since: queue.waiting.iter().map(|one| one.queued_at).min(),
                last_success: queue.last_success,
                last_failure: queue.last_failure.clone(),
                failures: queue.failures,
                dropped: queue.dropped,
                given_up: queue.given_up.iter().cloned().collect(),
            })
            .collect()
    }
}

impl Queue {
    /// In how many seconds `waiting` may be tried; 0 for now.
    fn wait_of(&self, waiting: &Waiting, pace: &Pace, now: i64) -> i64 {
        let longest = if waiting.attempts == 0 {
            pace.longest_retry.min(FRESH_WAIT)
        } else {
            pace.longest_retry
        };
        let of_channel = match &self.last_failure {
            Some(failure) if self.failures > 0 => {
                left(failure.at, pace.wait_after(self.failures).min(longest), now)
            }
            _ => 0,
        };
        let own = left(waiting.tried_at, pace.wait_after(waiting.attempts), now);
        of_channel.max(own)
    }
}

impl Pace {
    /// How long to wait after so many failures, in seconds.
    fn wait_after(&self, failures: u32) -> i64 {
        let Some(doublings) = failures.checked_sub(1) else {
            return 0;
        };
        1_i64
            .checked_shl(doublings)
            .filter(|factor| *factor > 0)
            .map_or(self.longest_retry, |factor| {
                self.first_retry
                    .saturating_mul(factor)
                    .min(self.longest_retry)
            })
    }
}

/// What is left at `now` of `wait` seconds from `start`. A start that lies ahead is one that a
/// clock made which was set back since: there is nothing left to wait for.
fn left(start: i64, wait: i64, now: i64) -> i64 {
    if start > now {
        return 0;
    }
    start.saturating_add(wait).saturating_sub(now).max(0)
}

fn subject_of(notice: &Notice) -> String {
    let share = notice
        .share
        .as_ref()
        .map_or("the machine", |one| one.as_str());
    format!(
        "{share}: {} {} ({})",
        notice.kind,
        notice.severity,
        notice.event.as_str()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::{Event, Facts, Kind, Severity};

    const PACE: Pace = Pace {
        attempt: Duration::from_secs(30),
        first_retry: 2,
        longest_retry: 3600,
        give_up_after: 3 * 86_400,
        most_waiting: 5,
    };

    fn notice(id: &str, share: &str) -> Notice {
        Notice {
            id: id.into(),
            at: 0,
            host: "pve1".into(),
            share: Some(share.parse().unwrap()),
            kind: Kind::Space,
            event: Event::Raised,
            severity: Severity::Warning,
            since: 0,
            facts: Facts::default(),
        }
    }

    fn outbox(notices: &[(&str, &str)]) -> Outbox {
        let mut outbox = Outbox::default();
        outbox.keep_channels(&["mail"]);
        for (id, share) in notices {
            outbox.enqueue(&notice(id, share), &PACE, 0);
        }
        outbox
    }

    fn failure(permanent: bool) -> Result<(), ChannelError> {
        Err(ChannelError {
            channel: "mail".into(),
            message: "no route".into(),
            permanent,
        })
    }

    /// The message that is due, or the seconds to wait.
    fn next(outbox: &Outbox, now: i64) -> Result<String, i64> {
        match outbox.next("mail", &PACE, now) {
            Next::Now(notice) => Ok(notice.id),
            Next::In(seconds) => Err(seconds),
            Next::Empty => Err(0),
        }
    }

    fn settle(outbox: &mut Outbox, id: &str, result: Result<(), ChannelError>, now: i64) {
        outbox.settle("mail", id, &result, &PACE, now);
    }

    #[test]
    fn messages_go_in_their_order() {
        let mut outbox = outbox(&[("1", "a"), ("2", "b")]);
        assert_eq!(next(&outbox, 0), Ok("1".into()));
        settle(&mut outbox, "1", Ok(()), 1);
        assert_eq!(next(&outbox, 1), Ok("2".into()));
        settle(&mut outbox, "2", Ok(()), 2);
        assert_eq!(outbox.next("mail", &PACE, 2), Next::Empty);
        assert_eq!(outbox.status()[0].last_success, Some(2));
        assert_eq!(outbox.next("elsewhere", &PACE, 2), Next::Empty);
    }

    #[test]
    fn what_is_kept_of_a_failure_is_one_line_and_bounded() {
        let mut outbox = outbox(&[("1", "a")]);
        let long = ChannelError::permanent("mail", "no\r\n\u{1b}[2J".repeat(50_000));
        settle(&mut outbox, "1", Err(long), 1);
        let status = &outbox.status()[0];
        let (failure, given_up) = (status.last_failure.as_ref().unwrap(), &status.given_up[0]);
        for text in [&failure.message, &given_up.reason] {
            assert!(text.starts_with("no [2Jno"), "{text}");
            assert_eq!(text.chars().count(), LONGEST_REASON);
            assert!(!text.contains(char::is_control));
        }
    }

    #[test]
    fn waits_double_up_to_the_longest() {
        let mut outbox = outbox(&[("1", "a")]);
        let mut now = 0;
        let mut waits = Vec::new();
        for _ in 0..14 {
            settle(&mut outbox, "1", failure(false), now);
            let wait = next(&outbox, now).unwrap_err();
            assert_eq!(next(&outbox, now + wait - 1), Err(1));
            now += wait;
            assert_eq!(next(&outbox, now), Ok("1".into()));
            waits.push(wait);
        }
        assert_eq!(
            waits,
            [
                2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 3600, 3600, 3600
            ]
        );
        assert_eq!(PACE.wait_after(u32::MAX), 3600);
    }

    #[test]
    fn news_waits_a_minute_at_most_for_a_channel_that_is_down() {
        let mut outbox = outbox(&[("1", "a")]);
        for _ in 0..12 {
            settle(&mut outbox, "1", failure(false), 1000);
        }
        outbox.enqueue(&notice("2", "b"), &PACE, 1010);
        assert_eq!(next(&outbox, 1010), Err(50));
        assert_eq!(next(&outbox, 1060), Ok("2".into()));
        // Where it comes through, the channel is up, and only the message itself waits.
        settle(&mut outbox, "2", Ok(()), 1060);
        assert_eq!(next(&outbox, 1060), Err(3540));
    }

    #[test]
    fn one_that_is_refused_does_not_hold_up_others() {
        let mut outbox = outbox(&[("1", "a"), ("2", "b"), ("3", "A")]);
        settle(&mut outbox, "1", failure(false), 0);
        assert_eq!(next(&outbox, 1), Err(1));
        assert_eq!(next(&outbox, 2), Ok("2".into()));
        settle(&mut outbox, "2", Ok(()), 2);
        // What is about the same alert waits for its turn.
        assert_eq!(next(&outbox, 2), Ok("1".into()));
        settle(&mut outbox, "1", Ok(()), 2);
        assert_eq!(next(&outbox, 2), Ok("3".into()));
    }

    #[test]
    fn what_is_refused_for_good_is_given_up_at_once() {
        let mut outbox = outbox(&[("1", "a"), ("2", "a")]);
        settle(&mut outbox, "1", failure(true), 7);
        assert_eq!(next(&outbox, 7), Ok("2".into()));
        let status = &outbox.status()[0];
        assert_eq!(status.failures, 0);
        assert_eq!(
            status.given_up,
            [GivenUp {
                id: "1".into(),
                subject: "a: space warning (raised)".into(),
                at: 7,
                attempts: 1,
                reason: "no route".into(),
            }]
        );
    }

    #[test]
    fn what_waited_for_three_days_is_given_up() {
        let mut outbox = outbox(&[("1", "a")]);
        let mut now = 0;
        let mut attempts = 0;
        while let Ok(id) = next(&outbox, now) {
            settle(&mut outbox, &id, failure(false), now);
            attempts += 1;
            now += next(&outbox, now).unwrap_err();
        }
        let status = &outbox.status()[0];
        assert_eq!((status.waiting, status.given_up.len()), (0, 1));
        assert_eq!(status.given_up[0].attempts, attempts);
        assert!((3 * 86_400..3 * 86_400 + 3600).contains(&now), "{now}");
        // One that waited while the machine was off has its attempts all the same.
        let mut outbox = one_message();
        for attempt in 1..LEAST_ATTEMPTS {
            settle(&mut outbox, "1", failure(false), 30 * 86_400);
            assert_eq!(outbox.status()[0].waiting, 1, "{attempt}");
        }
        settle(&mut outbox, "1", failure(false), 30 * 86_400);
        assert_eq!(outbox.status()[0].waiting, 0);
    }

    fn one_message() -> Outbox {
        outbox(&[("1", "a")])
    }

    #[test]
    fn queues_and_what_is_shown_of_failures_are_bounded() {
        let mut outbox = Outbox::default();
        outbox.keep_channels(&["mail"]);
        for number in 0..30 {
            outbox.enqueue(&notice(&number.to_string(), "a"), &PACE, number);
        }
        let status = &outbox.status()[0];
        assert_eq!((status.waiting, status.dropped), (5, 25));
        assert_eq!(status.waiting_since, Some(25));
        assert_eq!(next(&outbox, 30), Ok("25".into()));
        // One that was pushed out while it was being delivered is delivered.
        settle(&mut outbox, "3", Ok(()), 31);
        settle(&mut outbox, "3", failure(true), 31);
        assert_eq!(outbox.status()[0].waiting, 5);
        for number in 0..30 {
            let id = format!("x{number}");
            outbox.enqueue(&notice(&id, "a"), &PACE, 40);
            settle(&mut outbox, &id, failure(true), 41);
        }
        let shown = &outbox.status()[0].given_up;
        assert_eq!(shown.len(), GIVEN_UP_SHOWN);
        assert_eq!(shown[GIVEN_UP_SHOWN - 1].id, "x29");
    }

    #[test]
    fn a_clock_that_steps_back_does_not_stop_the_delivery() {
        let year = 365 * 86_400;
        let mut outbox = outbox(&[("1", "a")]);
        for _ in 0..8 {
            settle(&mut outbox, "1", failure(false), year);
        }
        assert_eq!(next(&outbox, 100), Ok("1".into()));
        settle(&mut outbox, "1", failure(false), 100);
        assert_eq!(next(&outbox, 100), Err(512));
    }

    #[test]
    fn a_channel_that_is_gone_takes_its_messages_along() {
        let mut outbox = outbox(&[("1", "a")]);
        outbox.keep_channels(&["mail", "hook"]);
        outbox.enqueue(&notice("2", "a"), &PACE, 0);
        let waiting = |outbox: &Outbox| -> Vec<_> {
            outbox
                .status()
                .into_iter()
                .map(|one| (one.channel, one.waiting))
                .collect()
        };
        assert_eq!(waiting(&outbox), [("hook".into(), 1), ("mail".into(), 2)]);
        outbox.keep_channels(&["hook"]);
        assert_eq!(waiting(&outbox), [("hook".into(), 1)]);
    }
}
