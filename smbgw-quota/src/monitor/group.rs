//! Many shares with the same trouble: one message instead of hundreds.
//!
//! A file system that is not mounted makes all shares on it unreadable at once. People are told of
//! the machine then, with the shares named; of each share by itself nothing is said, so what was
//! raised for it before stays raised, and nothing new is.

use std::collections::BTreeMap;

use smbgw_core::alert::{Facts, Kind, Measure, Reading, Severity};

/// So many shares with one trouble are told of one by one; more of them, in one message.
const HANDFUL: usize = 5;

/// How many shares a message names.
const NAMED: usize = 10;

/// How much of a reason a message has, in characters.
const REASON: usize = 300;

/// The trouble of one share.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Trouble {
    /// What is the same for all shares with the same trouble, such as the code of an error.
    pub(super) class: String,
    /// What is told of the share, if it is alone.
    pub(super) reading: Reading,
}

/// The readings of `kind` that `troubles` are told by, with that of the machine; `machine` is what
/// is wrong with it besides.
pub(super) fn group(kind: Kind, troubles: Vec<Trouble>, machine: Option<Facts>) -> Vec<Reading> {
    let mut classes: BTreeMap<String, Vec<Reading>> = BTreeMap::new();
    for Trouble { class, reading } in troubles {
        classes.entry(class).or_default().push(reading);
    }
    let mut readings = Vec::new();
    let mut all: Vec<Facts> = machine.into_iter().collect();
    for members in classes.into_values() {
        if members.len() <= HANDFUL {
            readings.extend(members);
            continue;
        }
        all.push(in_one(kind, &members));
        readings.extend(members.into_iter().map(|reading| Reading {
            measure: Measure::Unknown,
            facts: Facts::default(),
            ..reading
        }));
    }
    let is_so = !all.is_empty();
    readings.push(Reading {
        share: None,
        kind,
        measure: Measure::Present(is_so.then_some(Severity::Critical)),
        facts: joined(all),
    });
    readings
}

/// What is told of `members`, which have one trouble.
fn in_one(kind: Kind, members: &[Reading]) -> Facts {
    let count = members.len();
    let what = match kind {
        Kind::Drift => format!("{count} shares are not limited as configured"),
        _ => format!("the usage of {count} shares cannot be read"),
    };
    let mut names: Vec<&str> = members
        .iter()
        .filter_map(|reading| reading.share.as_ref())
        .map(|share| share.as_str())
        .take(NAMED)
        .collect();
    let more = count.saturating_sub(names.len());
    let more = match more {
        0 => String::new(),
        _ => format!("{more} more"),
    };
    if !more.is_empty() {
        names.push(&more);
    }
    let first = members.first().map(|reading| &reading.facts);
    let reason = first.map_or("", |facts| facts.summary.as_str());
    Facts {
        summary: format!(
            "{what}: {}; of the first: {}",
            names.join(", "),
            shortened(reason)
        ),
        remedy: remedy_of(kind, members),
        ..Facts::default()
    }
}

/// What to do about all `members`.
fn remedy_of(kind: Kind, members: &[Reading]) -> Option<String> {
    let first = members.first()?.facts.remedy.as_ref();
    let is_same = members.iter().all(|one| one.facts.remedy.as_ref() == first);
    match kind {
        Kind::Drift if !is_same => Some("run `pve-smbgateway quota check --fix`".into()),
        _ => first.cloned(),
    }
}

fn joined(all: Vec<Facts>) -> Facts {
    let summaries: Vec<&str> = all.iter().map(|facts| facts.summary.as_str()).collect();
    let mut remedies: Vec<&str> = Vec::new();
    for remedy in all.iter().filter_map(|facts| facts.remedy.as_deref()) {
        if !remedies.contains(&remedy) {
            remedies.push(remedy);
        }
    }
    Facts {
        summary: summaries.join("; "),
        remedy: (!remedies.is_empty()).then(|| remedies.join("; ")),
        ..Facts::default()
    }
}

fn shortened(reason: &str) -> String {
    match reason.char_indices().nth(REASON) {
        Some((end, _)) => format!("{}…", &reason[..end]),
        None => reason.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trouble(number: usize, class: &str, summary: &str) -> Trouble {
        Trouble {
            class: class.into(),
            reading: Reading {
                share: Some(format!("share{number:03}").parse().unwrap()),
                kind: Kind::Unreadable,
                measure: Measure::Present(Some(Severity::Critical)),
                facts: Facts {
                    summary: summary.into(),
                    remedy: Some(format!("run `mount /srv/{class}`")),
                    ..Facts::default()
                },
            },
        }
    }

    fn troubles(count: usize, class: &str) -> Vec<Trouble> {
        (0..count)
            .map(|number| {
                trouble(
                    number,
                    class,
                    &format!("nothing is mounted at /srv/{class}"),
                )
            })
            .collect()
    }

    /// What the machine is told of, and how many shares by themselves.
    fn told(readings: &[Reading]) -> (Option<&Facts>, usize) {
        let raised =
            |reading: &&Reading| reading.measure == Measure::Present(Some(Severity::Critical));
        let machine = readings.iter().filter(|reading| reading.share.is_none());
        let machine: Vec<&Reading> = machine.collect();
        assert_eq!(machine.len(), 1, "{machine:#?}");
        let shares = readings.iter().filter(|reading| reading.share.is_some());
        (
            machine
                .into_iter()
                .find(raised)
                .map(|reading| &reading.facts),
            shares.filter(raised).count(),
        )
    }

    #[test]
    fn nothing_wrong_says_so_of_the_machine() {
        let readings = group(Kind::Drift, Vec::new(), None);
        assert_eq!(readings.len(), 1);
        assert_eq!(readings[0].measure, Measure::Present(None));
        assert_eq!(
            (readings[0].share.as_ref(), readings[0].kind),
            (None, Kind::Drift)
        );
    }

    #[test]
    fn a_handful_is_told_one_by_one() {
        let mut all = troubles(HANDFUL, "a");
        all.extend(troubles(HANDFUL, "b"));
        let readings = group(Kind::Unreadable, all, None);
        assert_eq!(told(&readings), (None, 2 * HANDFUL));
    }

    #[test]
    fn more_are_told_in_one_message_that_stays_short() {
        let mut all = troubles(400, "a");
        all.push(trouble(999, "b", "another reason"));
        let readings = group(Kind::Unreadable, all, None);
        assert_eq!(readings.len(), 402);
        let (facts, alone) = told(&readings);
        assert_eq!(alone, 1);
        let facts = facts.unwrap();
        assert_eq!(
            facts.summary,
            "the usage of 400 shares cannot be read: share000, share001, share002, share003, \
             share004, share005, share006, share007, share008, share009, 390 more; of the first: \
             nothing is mounted at /srv/a"
        );
        assert_eq!(facts.remedy.as_deref(), Some("run `mount /srv/a`"));
        let unknown = readings
            .iter()
            .filter(|one| one.measure == Measure::Unknown);
        assert_eq!(unknown.count(), 400);
    }

    #[test]
    fn a_remedy_for_one_share_is_not_told_for_all() {
        let with_remedies = |remedy: &dyn Fn(usize) -> String| {
            let mut all = troubles(6, "quota.limit-differs");
            for (number, trouble) in all.iter_mut().enumerate() {
                trouble.reading.kind = Kind::Drift;
                trouble.reading.facts.remedy = Some(remedy(number));
            }
            let readings = group(Kind::Drift, all, None);
            told(&readings).0.unwrap().remedy.clone().unwrap()
        };
        let one_each = with_remedies(&|number| format!("run `quota check {number} --fix`"));
        assert_eq!(one_each, "run `pve-smbgateway quota check --fix`");
        let the_same = with_remedies(&|_| "run `btrfs quota enable /srv`".into());
        assert_eq!(the_same, "run `btrfs quota enable /srv`");
    }

    #[test]
    fn reasons_are_cut_off_between_characters() {
        let long = "ä".repeat(5_000);
        let all = (0..9).map(|number| trouble(number, "a", &long)).collect();
        let readings = group(Kind::Unreadable, all, None);
        let summary = &told(&readings).0.unwrap().summary;
        assert!(
            summary.ends_with("ä…") && summary.chars().count() < 600,
            "{summary}"
        );
    }

    #[test]
    fn what_is_wrong_with_the_machine_comes_first() {
        let machine = Facts {
            summary: "the list of shares cannot be read".into(),
            ..Facts::default()
        };
        let mut all = troubles(6, "a");
        all.extend(troubles(7, "b"));
        let readings = group(Kind::Unreadable, all, Some(machine.clone()));
        let (facts, alone) = told(&readings);
        let facts = facts.unwrap();
        assert_eq!(alone, 0);
        let parts: Vec<&str> = facts.summary.split("; ").collect();
        assert_eq!(parts[0], machine.summary);
        assert!(parts[1].starts_with("the usage of 6 shares"), "{parts:#?}");
        assert_eq!(
            facts.remedy.as_deref(),
            Some("run `mount /srv/a`; run `mount /srv/b`")
        );
        let readings = group(Kind::Unreadable, Vec::new(), Some(machine.clone()));
        assert_eq!(told(&readings), (Some(&machine), 0));
    }
}
