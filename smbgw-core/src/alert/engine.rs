//! From what is seen to what is told: no files, no clock, no channels.
//!
//! [`observe`] takes readings and returns what people have to be told. It is called with all
//! readings of a pass, or with those of one share that the kernel says something about.
//!
//! - **Raised** at a level or above it, once that has lasted for `hold_seconds`; at once for what
//!   the kernel says. The severity is the worst one that has lasted.
//! - **Less bad** only below a level by the hysteresis (percentage points; for days, a quarter of
//!   them), once that has lasted for `clear_seconds`. A lower severity is noted silently; the end
//!   is told, if people were told of the beginning.
//! - **Told again** when it becomes worse than people were last told, or after `repeat_seconds`.
//!   What was acknowledged is told again only where it becomes worse than it was then.
//! - **Silenced** alerts are followed all the same. When the silence ends, what is so then is told;
//!   so is the end of what people believe to be so.
//! - **Not known** ([`Measure::Unknown`], no reading at all): what is raised stays raised. What the
//!   caller stops looking at has to be reported as [`Measure::Present`] of `None`, or forgotten.
//! - **A clock that steps back** makes times that lie ahead of it count as now: what is held is
//!   told later by at most its holding time, and reminders start over. One that steps forward
//!   makes what is held, and one reminder for each alert, come early. Nothing is lost, and nothing
//!   comes twice.

use std::cmp::Reverse;
use std::mem;

use super::notice::{Event, Facts, Notice};
use super::reading::{Kind, Measure, Reading, Severity};
use super::settings::{RuleBook, Rules};
use super::state::{self, State, Told, Track};
use crate::share::ShareName;

/// Something that people have to be told.
#[derive(Clone, Debug, PartialEq)]
pub struct Transition {
    /// The share; `None` for the machine as a whole.
    pub share: Option<ShareName>,
    /// What it is about.
    pub kind: Kind,
    /// What happened.
    pub event: Event,
    /// How bad it is; for [`Event::Cleared`], how bad people were told it was.
    pub severity: Severity,
    /// Since when it is so, or was, in seconds since 1970-01-01 00:00 UTC.
    pub since: i64,
    /// What is known.
    pub facts: Facts,
}

impl Transition {
    /// The message about this from the machine `host`, made at `at` (seconds since 1970-01-01
    /// 00:00 UTC), with a number of its own.
    pub fn notice(self, host: &str, at: i64) -> Notice {
        Notice {
            id: Notice::new_id(),
            at,
            host: host.into(),
            share: self.share,
            kind: self.kind,
            event: self.event,
            severity: self.severity,
            since: self.since,
            facts: self.facts,
        }
    }
}

/// Takes `readings` made at `now` (seconds since 1970-01-01 00:00 UTC) into `state`, and returns
/// what people have to be told, the worst first.
///
/// `state` then says that they were told.
pub fn observe(
    state: &mut State,
    rules: &RuleBook,
    now: i64,
    readings: &[Reading],
) -> Vec<Transition> {
    for reading in readings {
        take(state, rules.of(reading.share.as_ref()), now, reading);
    }
    let mut transitions = tell(state, rules, now);
    transitions.sort_by_key(|transition| Reverse(transition.severity));
    state.tracks.retain(|_, track| !track.is_idle());
    state.drop_old_silences(now);
    transitions
}

/// Takes one reading into the state.
fn take(state: &mut State, rules: &Rules, now: i64, reading: &Reading) {
    let key = state::key(reading.share.as_ref(), reading.kind);
    let known = state.tracks.remove(&key);
    let mut track = known.unwrap_or_else(|| Track::new(reading.share.clone(), reading.kind, now));
    judge(&mut track, rules, now, reading.measure);
    if !matches!(reading.measure, Measure::Unknown) {
        track.facts = reading.facts.clone().finite();
        // The share may have been made anew under another spelling.
        track.share.clone_from(&reading.share);
    }
    if !track.is_idle() {
        state.tracks.insert(key, track);
    }
}

/// Brings the severity of `track` up to date, each level by itself.
fn judge(track: &mut Track, rules: &Rules, now: i64, measure: Measure) {
    let before = track.severity;
    let mut after = None;
    let mut began = now;
    for level in Severity::ALL {
        let was = before >= Some(level);
        let Some(is) = rules.reaches(track.kind, measure, level, was) else {
            return;
        };
        let mut holds = was;
        if is == was {
            track.changing.remove(&level);
        } else {
            let since = track.changing.entry(level).or_insert(now);
            *since = (*since).min(now);
            let hold = if is {
                rules.hold_of(track.kind)
            } else {
                rules.clear_of(track.kind)
            };
            if now.saturating_sub(*since) >= hold {
                holds = is;
                began = began.min(*since);
                track.changing.remove(&level);
            }
        }
        if holds {
            after = Some(level);
        }
    }
    track.severity = after;
    track.since = match before {
        None => began,
        Some(_) => track.since.min(now),
    };
    if after.is_none() {
        track.acknowledged = None;
    }
}

/// What has to be told of the state, which then says that it was.
fn tell(state: &mut State, rules: &RuleBook, now: i64) -> Vec<Transition> {
    let mut transitions = Vec::new();
    let mut tracks = mem::take(&mut state.tracks);
    for track in tracks.values_mut() {
        let share = track.share.as_ref();
        let repeat = rules.of(share).repeat_seconds;
        if state.silenced_until(share, track.kind, now).is_some() {
            track.hushed = track.severity.is_some();
            continue;
        }
        if let Some((event, severity)) = due(track, repeat, now) {
            transitions.push(Transition {
                share: track.share.clone(),
                kind: track.kind,
                event,
                severity,
                since: track.since,
                facts: track.facts.clone(),
            });
        }
    }
    state.tracks = tracks;
    transitions
}

/// What has to be told of one alert that is not silenced.
fn due(track: &mut Track, repeat: Option<i64>, now: i64) -> Option<(Event, Severity)> {
    let hushed = mem::take(&mut track.hushed);
    let Some(severity) = track.severity else {
        let told = track.told.take()?;
        return Some((Event::Cleared, told.severity));
    };
    let mut became_worse = false;
    if let Some(known) = &track.acknowledged {
        if severity <= known.severity {
            return None;
        }
        track.acknowledged = None;
        became_worse = true;
    }
    let event = match &mut track.told {
        None => Event::Raised,
        Some(told) if became_worse || severity > told.severity => Event::Escalated,
        Some(told) => {
            told.at = told.at.min(now);
            let is_due = repeat.is_some_and(|after| now.saturating_sub(told.at) >= after);
            if !hushed && !is_due {
                return None;
            }
            Event::Repeated
        }
    };
    track.told = Some(Told { severity, at: now });
    Some((event, severity))
}
