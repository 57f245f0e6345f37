//! What is raised, who knows of it, and what is to be kept quiet.
//!
//! ```
//! use smbgw_core::alert::engine::observe;
//! use smbgw_core::alert::{Facts, Kind, Measure, Reading, RuleBook, Severity, State};
//!
//! let mut state = State::default();
//! let reading = Reading {
//!     share: Some("media".parse()?),
//!     kind: Kind::HardLimit,
//!     measure: Measure::Present(Some(Severity::Critical)),
//!     facts: Facts::default(),
//! };
//! let told = observe(&mut state, &RuleBook::default(), 1_000, &[reading]);
//! assert_eq!(told.len(), 1);
//! assert_eq!(state.alerts(1_000)[0].severity, Severity::Critical);
//! # Ok::<(), smbgw_core::share::NameError>(())
//! ```

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::notice::Facts;
use super::reading::{Kind, Severity};
use super::scope::{Scope, Subject};
use crate::share::ShareName;

/// How long a silence is remembered after its end, in seconds: a week, so that a clock that is
/// wrong for a while does not lose it.
const REMEMBERED: i64 = 7 * 86_400;

/// All that is known of alerts. It is kept in a file by [`super::AlertStore`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Form", into = "Form")]
pub struct State {
    pub(super) tracks: BTreeMap<Key, Track>,
    silences: Vec<Silence>,
}

/// Share, folded (`None` for the machine), and kind: a share has one alert of each kind.
pub(super) type Key = (Option<String>, Kind);

/// An alert as it is shown.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Alert {
    /// The share; `None` for the machine as a whole.
    pub share: Option<ShareName>,
    /// What it is about.
    pub kind: Kind,
    /// How bad it is.
    pub severity: Severity,
    /// Since when it is so, in seconds since 1970-01-01 00:00 UTC.
    pub since: i64,
    /// When people were last told; `None` for not yet.
    pub told_at: Option<i64>,
    /// Who knows of it.
    pub acknowledged: Option<Acknowledgement>,
    /// Until when it is silenced, if it is.
    pub silenced_until: Option<i64>,
    /// What is known.
    pub facts: Facts,
}

/// Somebody knows of an alert: it is not repeated, unless it becomes worse.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Acknowledgement {
    /// When, in seconds since 1970-01-01 00:00 UTC.
    pub at: i64,
    /// Who.
    pub by: String,
    /// What they say of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// How bad it was then.
    pub severity: Severity,
}

/// Alerts that people are not told of for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Silence {
    /// Which.
    pub scope: Scope,
    /// Until when, in seconds since 1970-01-01 00:00 UTC.
    pub until: i64,
    /// Who set it.
    pub by: String,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// One thing that is raised, was raised, or may soon be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Track {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) share: Option<ShareName>,
    pub(super) kind: Kind,
    /// How bad it is; `None` where it is not raised.
    pub(super) severity: Option<Severity>,
    /// Since when it is raised, or was.
    pub(super) since: i64,
    /// What people were told last; they believe that it is so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) told: Option<Told>,
    /// It was so while it was silenced, and people are to be told when the silence ends.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) hushed: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) acknowledged: Option<Acknowledgement>,
    /// Severities up to that of the alert that are no longer reached, and severities above it that
    /// are, each with the time since when. The change is made when that has lasted.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) changing: BTreeMap<Severity, i64>,
    #[serde(default)]
    pub(super) facts: Facts,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Told {
    pub(super) severity: Severity,
    pub(super) at: i64,
}

impl State {
    /// What is raised, as it is at `now`: the machine's first, then by share and kind.
    pub fn alerts(&self, now: i64) -> Vec<Alert> {
        self.tracks
            .values()
            .filter_map(|track| self.shown(track, now))
            .collect()
    }

    /// The silences that last at `now`.
    pub fn silences(&self, now: i64) -> impl Iterator<Item = &Silence> {
        self.silences
            .iter()
            .filter(move |silence| silence.until > now)
    }

    /// Notes that `by` knows of the alerts that `scope` means, and returns them.
    pub fn acknowledge(
        &mut self,
        scope: &Scope,
        by: &str,
        note: Option<&str>,
        now: i64,
    ) -> Vec<Alert> {
        for track in self.tracks.values_mut() {
            if let Some(severity) = track.severity
                && scope.covers(track.share.as_ref(), track.kind)
            {
                track.acknowledged = Some(Acknowledgement {
                    at: now,
                    by: by.into(),
                    note: note.map(str::to_string),
                    severity,
                });
            }
        }
        let mut alerts = self.alerts(now);
        alerts.retain(|alert| scope.covers(alert.share.as_ref(), alert.kind));
        alerts
    }

    /// Sets `silence`, in place of another one with the same scope.
    pub fn silence(&mut self, silence: Silence) {
        self.silences.retain(|other| other.scope != silence.scope);
        self.silences.push(silence);
    }

    /// Takes back the silences that last at `now` and lie in `scope`, and returns them.
    pub fn unsilence(&mut self, scope: &Scope, now: i64) -> Vec<Silence> {
        let is_meant = |silence: &mut Silence| scope.includes(&silence.scope);
        let mut ended: Vec<_> = self.silences.extract_if(.., is_meant).collect();
        ended.retain(|silence| silence.until > now);
        ended
    }

    /// Forgets all of `share`, which is no more. Nobody is told.
    pub fn forget(&mut self, share: &ShareName) {
        self.keep_shares(|other| other != share);
    }

    /// Forgets what is raised of the machine and of one of `kinds`, as somebody else looks after that now.
    /// Nobody is told.
    pub fn hand_over(&mut self, kinds: &[Kind]) {
        self.tracks
            .retain(|(share, kind), _| share.is_some() || !kinds.contains(kind));
    }

    /// Forgets all of those shares that do not `exist`. Nobody is told.
    pub fn keep_shares(&mut self, exists: impl Fn(&ShareName) -> bool) {
        self.tracks
            .retain(|_, track| track.share.as_ref().is_none_or(&exists));
        self.silences.retain(|silence| match &silence.scope.of {
            Subject::Share(share) => exists(share),
            Subject::Everything | Subject::Machine => true,
        });
    }

    /// Whether there is nothing to remember.
    pub fn is_empty(&self) -> bool {
        self.tracks.is_empty() && self.silences.is_empty()
    }

    /// Until when the alert of `kind` of `share` is silenced at `now`, if it is.
    pub(super) fn silenced_until(
        &self,
        share: Option<&ShareName>,
        kind: Kind,
        now: i64,
    ) -> Option<i64> {
        self.silences(now)
            .filter(|silence| silence.scope.covers(share, kind))
            .map(|silence| silence.until)
            .max()
    }

    /// Forgets silences that are long over.
    pub(super) fn drop_old_silences(&mut self, now: i64) {
        self.silences
            .retain(|silence| silence.until.saturating_add(REMEMBERED) > now);
    }

    /// Takes over what another process changed in the file, which went from `before` to `theirs`
    /// while this state could not be saved: only silences, acknowledgements and forgotten shares
    /// are changed by others.
    pub(super) fn adopt(&mut self, before: &Self, theirs: Self) {
        self.tracks
            .retain(|key, _| theirs.tracks.contains_key(key) || !before.tracks.contains_key(key));
        for (key, track) in theirs.tracks {
            let known = before.tracks.get(&key);
            if let Some(own) = self.tracks.get_mut(&key)
                && own.severity.is_some()
                && known.is_none_or(|known| known.acknowledged != track.acknowledged)
            {
                own.acknowledged = track.acknowledged;
            }
        }
        self.silences = theirs.silences;
    }

    /// Takes over all of the file, which says `theirs` and could not be read before, that was not
    /// told anew in the meantime.
    pub(super) fn adopt_all(&mut self, theirs: Self) {
        for (key, track) in theirs.tracks {
            let own = self.tracks.get(&key);
            if own.is_none_or(|own| own.told.is_none()) {
                self.tracks.insert(key, track);
            }
        }
        self.silences = theirs.silences;
    }

    fn shown(&self, track: &Track, now: i64) -> Option<Alert> {
        Some(Alert {
            share: track.share.clone(),
            kind: track.kind,
            severity: track.severity?,
            since: track.since,
            told_at: track.told.map(|told| told.at),
            acknowledged: track.acknowledged.clone(),
            silenced_until: self.silenced_until(track.share.as_ref(), track.kind, now),
            facts: track.facts.clone(),
        })
    }
}

impl Track {
    /// The alert of `kind` of `share`, not raised.
    pub(super) fn new(share: Option<ShareName>, kind: Kind, now: i64) -> Self {
        Self {
            share,
            kind,
            severity: None,
            since: now,
            told: None,
            hushed: false,
            acknowledged: None,
            changing: BTreeMap::new(),
            facts: Facts::default(),
        }
    }

    pub(super) fn key(&self) -> Key {
        key(self.share.as_ref(), self.kind)
    }

    /// Whether there is nothing to remember.
    pub(super) fn is_idle(&self) -> bool {
        self.severity.is_none() && self.told.is_none() && self.changing.is_empty()
    }
}

pub(super) fn key(share: Option<&ShareName>, kind: Kind) -> Key {
    (share.map(ShareName::key), kind)
}

/// The state as a file has it.
#[derive(Serialize, Deserialize)]
struct Form {
    #[serde(default)]
    alerts: Vec<Track>,
    #[serde(default)]
    silences: Vec<Silence>,
}

impl From<Form> for State {
    fn from(form: Form) -> Self {
        Self {
            tracks: form
                .alerts
                .into_iter()
                .map(|track| (track.key(), track))
                .collect(),
            silences: form.silences,
        }
    }
}

impl From<State> for Form {
    fn from(state: State) -> Self {
        Self {
            alerts: state.tracks.into_values().collect(),
            silences: state.silences,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> ShareName {
        text.parse().unwrap()
    }

    fn of(share: &str) -> Scope {
        Scope::all_of(Subject::Share(name(share)))
    }

    fn raised(shares: &[&str]) -> State {
        let mut state = State::default();
        for share in shares {
            let mut track = Track::new(Some(name(share)), Kind::Space, 10);
            track.severity = Some(Severity::Warning);
            state.tracks.insert(track.key(), track);
        }
        state
    }

    fn silence(scope: Scope, until: i64) -> Silence {
        Silence {
            scope,
            until,
            by: "root".into(),
            note: None,
        }
    }

    #[test]
    fn what_waits_to_be_raised_is_not_shown() {
        let mut state = raised(&["b", "a"]);
        let waiting = Track::new(Some(name("c")), Kind::Space, 10);
        state.tracks.insert(waiting.key(), waiting);
        let shown: Vec<_> = state.alerts(20).into_iter().map(|one| one.share).collect();
        assert_eq!(shown, [Some(name("a")), Some(name("b"))]);
    }

    #[test]
    fn acknowledging_is_for_what_is_meant() {
        let mut state = raised(&["a", "b"]);
        assert!(state.acknowledge(&of("c"), "root", None, 20).is_empty());
        let known = state.acknowledge(&of("A"), "root", Some("moving data"), 20);
        assert_eq!(known.len(), 1);
        let acknowledged = known[0].acknowledged.as_ref().unwrap();
        assert_eq!(acknowledged.severity, Severity::Warning);
        assert_eq!(acknowledged.note.as_deref(), Some("moving data"));
        assert_eq!(state.alerts(20)[1].acknowledged, None);
    }

    #[test]
    fn a_silence_lasts_until_its_end_and_is_replaced_by_a_new_one() {
        let mut state = raised(&["a", "b"]);
        state.silence(silence(of("a"), 50));
        state.silence(silence(of("a"), 40));
        state.silence(silence(of("b"), 90));
        let until = |state: &State, now| -> Vec<_> {
            state
                .alerts(now)
                .iter()
                .map(|alert| alert.silenced_until)
                .collect()
        };
        assert_eq!(until(&state, 39), [Some(40), Some(90)]);
        assert_eq!(until(&state, 40), [None, Some(90)]);
        state.drop_old_silences(40 + REMEMBERED);
        assert_eq!(state.silences.len(), 1);
        assert_eq!(
            state
                .unsilence(&Scope::all_of(Subject::Everything), 60)
                .len(),
            1
        );
        assert!(state.silences.is_empty());
    }

    #[test]
    fn a_share_that_is_no_more_is_forgotten() {
        let mut state = raised(&["a", "b"]);
        state.silence(silence(of("A"), 50));
        state.silence(silence(Scope::all_of(Subject::Machine), 50));
        state.forget(&name("A"));
        assert_eq!(state.alerts(20).len(), 1);
        assert_eq!(state.silences(20).count(), 1);
        state.keep_shares(|_| false);
        assert!(state.alerts(20).is_empty() && !state.is_empty());
    }

    #[test]
    fn what_somebody_else_looks_after_is_forgotten() {
        let mut state = raised(&["a"]);
        for kind in [Kind::ClusterNode, Kind::History] {
            let mut track = Track::new(None, kind, 10);
            track.severity = Some(Severity::Critical);
            state.tracks.insert(track.key(), track);
        }
        state.hand_over(&Kind::OF_CLUSTERS);
        let left: Vec<_> = state.alerts(20).iter().map(|alert| alert.kind).collect();
        assert_eq!(left, [Kind::History, Kind::Space]);
    }

    #[test]
    fn what_others_changed_is_taken_over() {
        let before = raised(&["a", "b", "c"]);
        let mut theirs = before.clone();
        theirs.acknowledge(&of("a"), "root", None, 20);
        theirs.silence(silence(of("b"), 50));
        theirs.forget(&name("c"));
        let mut own = before.clone();
        let told = Told {
            severity: Severity::Warning,
            at: 15,
        };
        for track in own.tracks.values_mut() {
            track.told = Some(told);
        }
        let new = Track::new(Some(name("d")), Kind::Space, 18);
        own.tracks.insert(new.key(), new);
        own.adopt(&before, theirs.clone());
        let shares: Vec<_> = own.tracks.values().map(|one| one.share.clone()).collect();
        assert_eq!(shares, ["a", "b", "d"].map(|one| Some(name(one))));
        let a = &own.tracks[&key(Some(&name("a")), Kind::Space)];
        assert!(a.acknowledged.is_some() && a.told == Some(told));
        assert_eq!(own.silences(20).count(), 1);
        // What we gave up in the meantime does not come back with an old file.
        let mut own = theirs.clone();
        own.tracks
            .values_mut()
            .for_each(|track| track.acknowledged = None);
        own.adopt(&theirs, theirs.clone());
        assert!(own.tracks.values().all(|one| one.acknowledged.is_none()));
    }
}
