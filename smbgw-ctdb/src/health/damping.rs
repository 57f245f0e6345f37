//! From what single looks see to what people are told: what lasts, and what flaps.
//!
//! No files, no clock, no cluster. Something is raised after [`Settings::bad_looks`] looks that see it one
//! after the other, and over after [`Settings::good_looks`] that do not. What changes too often is one
//! condition of its own as long as it does, whatever it is at the moment: nobody is told of every change.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use smbgw_core::alert::{Kind, Severity};

use super::Settings;
use super::trouble::Trouble;
use crate::code::Code;

/// What is about one kind and subject, over several looks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Track {
    /// As it was seen the last time that it was.
    pub(super) trouble: Trouble,
    /// Whether the last look saw it.
    is_bad: bool,
    /// How many looks one after the other were like the last one.
    same_looks: u32,
    /// Whether people are told that it is so.
    raised: bool,
    /// When it changed, in seconds since 1970-01-01 00:00 UTC.
    changes: Vec<i64>,
    /// Whether people are told that it flaps.
    flapping: bool,
}

/// The kind of a trouble and its subject: there is one track for each.
type Key = (Kind, String);

/// What is known from the looks until now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<Track>", into = "Vec<Track>")]
pub(super) struct Tracks(BTreeMap<Key, Track>);

/// What one look adds.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen<'a> {
    /// All that is wrong. Of several with one kind and subject, the worst counts.
    pub(super) troubles: &'a [Trouble],
    /// What could not be looked at; nothing changes about that.
    pub(super) unseen: BTreeSet<Kind>,
    /// Changes that nodes told of by themselves since the last look, of nodes by their names: a look
    /// sees at most one.
    pub(super) told: BTreeMap<String, Vec<i64>>,
}

impl Tracks {
    /// Takes in what a look at `now` (seconds since 1970-01-01 00:00 UTC) saw, and returns what people are
    /// to believe: the worst first.
    pub(super) fn take(&mut self, seen: &Seen<'_>, settings: &Settings, now: i64) -> Vec<Trouble> {
        let mut bad: BTreeMap<Key, &Trouble> = BTreeMap::new();
        for trouble in seen.troubles {
            let worst = bad.entry(key(trouble)).or_insert(trouble);
            if trouble.severity > worst.severity {
                *worst = trouble;
            }
        }
        for (key, trouble) in &bad {
            let new = || Track::new((*trouble).clone());
            self.0.entry(key.clone()).or_insert_with(new);
        }
        for (key, track) in &mut self.0 {
            if seen.unseen.contains(&key.0) {
                continue;
            }
            let told = match key.0 {
                Kind::ClusterNode => seen.told.get(&key.1),
                _ => None,
            };
            let told = told.map_or(&[] as &[i64], Vec::as_slice);
            track.take(bad.get(key).copied(), told, settings, now);
        }
        self.0.retain(|_, track| !track.is_idle());
        let mut believed: Vec<Trouble> = self.0.values().filter_map(Track::believed).collect();
        believed.sort_by_key(|trouble| std::cmp::Reverse(trouble.severity));
        believed
    }
}

impl Track {
    fn new(trouble: Trouble) -> Self {
        Self {
            trouble,
            is_bad: false,
            same_looks: 0,
            raised: false,
            changes: Vec::new(),
            flapping: false,
        }
    }

    fn take(&mut self, bad: Option<&Trouble>, told: &[i64], settings: &Settings, now: i64) {
        let was_bad = std::mem::replace(&mut self.is_bad, bad.is_some());
        if let Some(bad) = bad {
            self.trouble.clone_from(bad);
        }
        if !told.is_empty() {
            self.changes.extend(told);
            self.same_looks = 1;
        } else if was_bad != self.is_bad {
            self.changes.push(now);
            self.same_looks = 1;
        } else {
            self.same_looks = self.same_looks.saturating_add(1);
        }
        // A clock that was set back does not make them last for ever.
        let since = now.saturating_sub(settings.flapping_seconds);
        self.changes.retain(|at| (since..=now).contains(at));
        // No more than are counted, however many a node tells of.
        let most = settings.flapping_changes.max(1) * 4;
        let rest = self.changes.len().saturating_sub(most);
        self.changes.drain(..rest);

        let needed = match self.is_bad {
            true if self.trouble.is_urgent() => 1,
            true => settings.bad_looks,
            false => settings.good_looks,
        };
        let is_settled = self.same_looks >= needed;
        if is_settled {
            self.raised = self.is_bad;
        }
        if self.changes.len() >= settings.flapping_changes.max(2) && !self.trouble.is_urgent() {
            self.flapping = true;
        } else if is_settled && self.changes.len() * 2 < settings.flapping_changes.max(2) {
            self.flapping = false;
        }
    }

    /// What people are to believe of it.
    fn believed(&self) -> Option<Trouble> {
        if !self.flapping {
            return self.raised.then(|| self.trouble.clone());
        }
        let subject = &self.trouble.subject;
        Some(Trouble::new(
            Kind::ClusterFlapping,
            subject.clone(),
            self.trouble.severity.max(Severity::Warning),
            format!(
                "{subject} is well and unwell by turns; at the worst, {}",
                self.trouble.message
            ),
            Code::Flapping,
        ))
    }

    /// Whether there is nothing to remember.
    fn is_idle(&self) -> bool {
        !self.is_bad && !self.raised && !self.flapping && self.changes.is_empty()
    }
}

fn key(trouble: &Trouble) -> Key {
    (trouble.kind, trouble.subject.clone())
}

impl From<Vec<Track>> for Tracks {
    fn from(tracks: Vec<Track>) -> Self {
        let keyed = tracks.into_iter().map(|track| (key(&track.trouble), track));
        Self(keyed.collect())
    }
}

impl From<Tracks> for Vec<Track> {
    fn from(tracks: Tracks) -> Self {
        tracks.0.into_values().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60;

    /// Looks once a minute.
    #[derive(Default)]
    struct Watch {
        tracks: Tracks,
        looks: i64,
    }

    impl Watch {
        fn look(&mut self, troubles: &[Trouble]) -> Vec<(Kind, String)> {
            let seen = Seen {
                troubles,
                ..Seen::default()
            };
            self.look_at(&seen)
        }

        fn look_at(&mut self, seen: &Seen<'_>) -> Vec<(Kind, String)> {
            self.looks += 1;
            let now = self.looks * MINUTE;
            let believed = self.tracks.take(seen, &Settings::default(), now);
            believed.iter().map(key).collect()
        }
    }

    fn unhealthy(node: &str) -> Trouble {
        let message = format!("{node} is unhealthy");
        Trouble::new(
            Kind::ClusterNode,
            node,
            Severity::Warning,
            message,
            Code::NodeUnhealthy,
        )
    }

    fn of(kind: Kind, subject: &str) -> (Kind, String) {
        (kind, subject.to_owned())
    }

    const NOTHING: [(Kind, String); 0] = [];

    #[test]
    fn what_lasts_is_raised_and_what_is_over_for_a_while_ends() {
        let mut watch = Watch::default();
        let bad = [unhealthy("n2")];
        let raised = [of(Kind::ClusterNode, "n2")];
        assert_eq!(watch.look(&bad), NOTHING);
        assert_eq!(watch.look(&bad), raised);
        assert_eq!(watch.look(&bad), raised);
        assert_eq!(watch.look(&[]), raised);
        assert_eq!(watch.look(&[]), raised);
        assert_eq!(watch.look(&[]), NOTHING);
        assert_eq!(watch.look(&bad), NOTHING, "it begins anew");
    }

    #[test]
    fn what_passes_by_is_not_raised_and_forgotten() {
        let mut watch = Watch::default();
        assert_eq!(watch.look(&[unhealthy("n2")]), NOTHING);
        for _ in 0..20 {
            assert_eq!(watch.look(&[]), NOTHING);
        }
        assert_eq!(watch.tracks, Tracks::default());
    }

    #[test]
    fn a_node_that_flaps_is_one_alert_until_it_stays_as_it_is() {
        let mut watch = Watch::default();
        let mut told = BTreeSet::new();
        for round in 0..30 {
            let bad = [unhealthy("n2")];
            let troubles = if round % 2 == 0 { &bad[..] } else { &[] };
            let believed = watch.look(troubles);
            if round >= 6 {
                assert_eq!(believed, [of(Kind::ClusterFlapping, "n2")], "{round}");
            }
            told.extend(believed);
        }
        assert_eq!(told.len(), 1, "{told:?}");
        // It stays well for a quarter of an hour.
        let ends: Vec<usize> = (0..16).map(|_| watch.look(&[]).len()).collect();
        assert_eq!((ends[0], ends[15]), (1, 0));
        assert!(
            ends.is_sorted_by(|a, b| a >= b),
            "told once that it is over: {ends:?}"
        );
    }

    #[test]
    fn a_node_that_flaps_and_stays_unwell_is_raised_as_that() {
        let mut watch = Watch::default();
        let bad = [unhealthy("n2")];
        for round in 0..10 {
            watch.look(if round % 2 == 0 { &bad[..] } else { &[] });
        }
        let mut last = Vec::new();
        for _ in 0..16 {
            last = watch.look(&bad);
        }
        assert_eq!(last, [of(Kind::ClusterNode, "n2")]);
    }

    #[test]
    fn slow_changes_are_no_flapping() {
        let mut watch = Watch::default();
        for round in 0..60 {
            let bad = [unhealthy("n2")];
            let believed = watch.look(if round % 12 < 6 { &bad[..] } else { &[] });
            let flaps = believed
                .iter()
                .any(|(kind, _)| *kind == Kind::ClusterFlapping);
            assert!(!flaps, "{round}");
        }
    }

    #[test]
    fn what_a_node_tells_between_two_looks_counts() {
        let mut watch = Watch::default();
        // Every look sees it unwell, and it was well three times in between.
        let bad = [unhealthy("n2")];
        let told: Vec<i64> = (61..67).collect();
        watch.look(&bad);
        let seen = Seen {
            troubles: &bad,
            told: BTreeMap::from([("n2".to_owned(), told)]),
            ..Seen::default()
        };
        assert_eq!(watch.look_at(&seen), [of(Kind::ClusterFlapping, "n2")]);
    }

    #[test]
    fn danger_is_told_at_once_and_is_no_flapping() {
        let mut watch = Watch::default();
        let split = Trouble::new(
            Kind::ClusterSplit,
            "10.0.0.100",
            Severity::Critical,
            "10.0.0.100 is on two nodes",
            Code::AddressOnTwoNodes,
        );
        for _ in 0..20 {
            let believed = watch.look(std::slice::from_ref(&split));
            assert_eq!(believed, [of(Kind::ClusterSplit, "10.0.0.100")]);
            watch.look(&[]);
        }
    }

    #[test]
    fn what_cannot_be_seen_stays_as_it_is() {
        let mut watch = Watch::default();
        let bad = [unhealthy("n2")];
        watch.look(&bad);
        watch.look(&bad);
        let blind = Seen {
            unseen: BTreeSet::from([Kind::ClusterNode]),
            ..Seen::default()
        };
        for _ in 0..30 {
            assert_eq!(watch.look_at(&blind), [of(Kind::ClusterNode, "n2")]);
        }
    }

    #[test]
    fn the_worst_of_one_subject_counts_and_comes_first() {
        let mut watch = Watch::default();
        let mut worse = unhealthy("n2");
        worse.severity = Severity::Critical;
        let all = [
            unhealthy("n1"),
            unhealthy("n2"),
            worse.clone(),
            unhealthy("n2"),
        ];
        watch.look(&all);
        let seen = Seen {
            troubles: &all,
            ..Seen::default()
        };
        let believed = watch.tracks.take(&seen, &Settings::default(), 120);
        assert_eq!(believed, [worse, unhealthy("n1")]);
    }

    #[test]
    fn it_goes_on_from_what_was_kept() {
        let mut watch = Watch::default();
        watch.look(&[unhealthy("n2")]);
        let kept = serde_json::to_string(&watch.tracks).unwrap();
        let mut again = Watch {
            tracks: serde_json::from_str(&kept).unwrap(),
            looks: 1,
        };
        let raised = [of(Kind::ClusterNode, "n2")];
        assert_eq!(again.look(&[unhealthy("n2")]), raised);
    }
}
