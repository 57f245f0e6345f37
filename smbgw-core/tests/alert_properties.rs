//! What holds of alerts for any usage whatever, restarts and clocks included.

#![cfg(feature = "alert")]

use proptest::prelude::*;
use smbgw_core::alert::{
    AlertSettings, Event, Facts, Kind, Measure, Reading, RuleBook, Scope, Severity, Silence, State,
    Subject, Transition, observe,
};

const HOLD: i64 = 30;
const CLEAR: i64 = 300;

/// What happens next.
#[derive(Clone, Debug)]
enum Step {
    /// So many seconds go by, and this is seen.
    See(i64, Measure),
    Acknowledge,
    Silence(i64),
    Unsilence,
    /// The clock is set by so many seconds.
    Set(i64),
}

fn measures() -> impl Strategy<Value = Measure> {
    prop_oneof![
        8 => (60.0..100.0).prop_map(Measure::Percent),
        1 => Just(Measure::Unknown),
        1 => Just(Measure::Percent(0.0)),
    ]
}

fn see() -> impl Strategy<Value = Step> {
    (0_i64..400, measures()).prop_map(|(seconds, measure)| Step::See(seconds, measure))
}

fn anything() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        12 => see(),
        1 => Just(Step::Acknowledge),
        1 => (0_i64..2000).prop_map(Step::Silence),
        1 => Just(Step::Unsilence),
        1 => (-100_000_i64..100_000).prop_map(Step::Set),
    ];
    prop::collection::vec(step, 0..120)
}

fn readings(measure: Measure) -> [Reading; 1] {
    [Reading {
        share: Some("media".parse().unwrap()),
        kind: Kind::Space,
        measure,
        facts: Facts::default(),
    }]
}

fn everything() -> Scope {
    Scope::all_of(Subject::Everything)
}

/// Lets `steps` happen; what is told after each. `between` is done to the state between any two.
fn live(
    rules: &RuleBook,
    steps: &[Step],
    mut between: impl FnMut(State) -> State,
) -> Vec<(i64, Vec<Transition>)> {
    let mut state = State::default();
    let mut now = 1_000_000;
    steps
        .iter()
        .map(|step| {
            let mut told = Vec::new();
            match step {
                Step::See(seconds, measure) => {
                    now += seconds;
                    told = observe(&mut state, rules, now, &readings(*measure));
                }
                Step::Acknowledge => {
                    state.acknowledge(&everything(), "root", None, now);
                }
                Step::Silence(seconds) => state.silence(Silence {
                    scope: everything(),
                    until: now + seconds,
                    by: "root".into(),
                    note: None,
                }),
                Step::Unsilence => {
                    state.unsilence(&everything(), now);
                }
                Step::Set(seconds) => now += seconds,
            }
            state = between(std::mem::take(&mut state));
            (now, told)
        })
        .collect()
}

proptest! {
    #[test]
    fn a_beginning_and_an_end_take_turns(steps in anything()) {
        let mut open: Option<Severity> = None;
        for (_, told) in live(&RuleBook::default(), &steps, |state| state) {
            prop_assert!(told.len() <= 1, "{told:?}");
            for one in told {
                match one.event {
                    Event::Raised => {
                        prop_assert_eq!(open, None);
                        open = Some(one.severity);
                    }
                    Event::Escalated => {
                        prop_assert!(open.is_some());
                        open = Some(one.severity);
                    }
                    Event::Repeated => {
                        prop_assert!(open.is_some());
                        open = Some(one.severity);
                    }
                    Event::Cleared => {
                        prop_assert_eq!(open.take(), Some(one.severity));
                    }
                    Event::Test => prop_assert!(false, "nobody tests"),
                }
            }
        }
    }

    #[test]
    fn a_restart_between_any_steps_changes_nothing(steps in anything()) {
        let rules = RuleBook::default();
        let through_a_file = |state: State| -> State {
            serde_json::from_str(&serde_json::to_string(&state).unwrap()).unwrap()
        };
        prop_assert_eq!(
            live(&rules, &steps, |state| state),
            live(&rules, &steps, through_a_file)
        );
    }

    #[test]
    fn a_walk_within_the_hysteresis_is_told_once(
        percents in prop::collection::vec(82.0..95.0_f64, 2..500),
        seconds in 1_i64..200,
    ) {
        // 85 raises and 82 does not clear: whatever happens between them is one warning, perhaps
        // with the notice (75) that came before it.
        let rules = settings("repeat_seconds = 0");
        let steps: Vec<_> = percents
            .iter()
            .map(|percent| Step::See(seconds, Measure::Percent(*percent)))
            .collect();
        let told: Vec<_> = live(&rules, &steps, |state| state)
            .into_iter()
            .flat_map(|(_, told)| told)
            .collect();
        prop_assert!(told.len() <= 2, "{told:?}");
        prop_assert!(told.iter().all(|one| one.event != Event::Cleared));
    }

    #[test]
    fn flapping_is_told_at_most_once_in_the_time_it_is_held(
        steps in prop::collection::vec((1_i64..120, 0.0..100.0_f64), 0..400),
    ) {
        let rules = settings("repeat_seconds = 0");
        let steps: Vec<_> = steps
            .into_iter()
            .map(|(seconds, percent)| Step::See(seconds, Measure::Percent(percent)))
            .collect();
        let told: Vec<_> = live(&rules, &steps, |state| state)
            .into_iter()
            .flat_map(|(now, told)| told.into_iter().map(move |one| (now, one.event)))
            .collect();
        // Between two beginnings lies an end, which took its time.
        let beginnings: Vec<_> = told
            .iter()
            .filter(|(_, event)| *event == Event::Raised)
            .map(|(at, _)| *at)
            .collect();
        for pair in beginnings.windows(2) {
            prop_assert!(pair[1] - pair[0] >= HOLD + CLEAR, "{told:?}");
        }
        // Of one beginning come two escalations and one end at most.
        prop_assert!(told.len() <= 4 * beginnings.len());
    }

    #[test]
    fn what_lasts_is_told_and_what_does_not_is_not(
        steps in prop::collection::vec((1_i64..60, 60.0..100.0_f64), 1..300),
    ) {
        let rules = settings("repeat_seconds = 0");
        let all = rules.of(None).space;
        let mut state = State::default();
        let mut now = 0;
        let mut told = None;
        let mut since = [None; 3];
        for (seconds, percent) in steps {
            now += seconds;
            for (level, since) in Severity::ALL.into_iter().zip(&mut since) {
                let reached = all.get(level).is_some_and(|level| percent >= level);
                *since = reached.then(|| since.unwrap_or(now));
            }
            for one in observe(&mut state, &rules, now, &readings(Measure::Percent(percent))) {
                told = match one.event {
                    Event::Cleared => None,
                    _ => Some(one.severity),
                };
                // Told is only what lasted.
                if one.event != Event::Cleared {
                    let since = since[one.severity as usize];
                    prop_assert!(since.is_some_and(|since| now - since >= HOLD));
                }
            }
            // And nothing that lasts is not told.
            for (level, since) in Severity::ALL.into_iter().zip(since) {
                if since.is_some_and(|since| now - since >= HOLD) {
                    prop_assert!(told >= Some(level), "{told:?} at {percent}");
                }
            }
        }
    }

    #[test]
    fn however_the_clock_is_set_what_lasts_is_told(
        before in anything(),
        percent in 75.0..100.0_f64,
    ) {
        let rules = RuleBook::default();
        let mut steps = before;
        steps.push(Step::Unsilence);
        steps.extend((0..20).map(|_| Step::See(60, Measure::Percent(percent))));
        let mut last = State::default();
        let told = live(&rules, &steps, |state| {
            last = state.clone();
            state
        });
        let alerts = last.alerts(i64::MAX);
        prop_assert_eq!(alerts.len(), 1);
        // The level reached, or the one above it, which the hysteresis keeps.
        let reached = Severity::ALL
            .into_iter()
            .rfind(|level| rules.of(None).space.get(*level).is_some_and(|at| percent >= at))
            .unwrap();
        prop_assert!(alerts[0].severity >= reached);
        // Somebody was told, or said that they know.
        prop_assert!(alerts[0].told_at.is_some() || alerts[0].acknowledged.is_some());
        // And not more than once while nothing changed.
        let news = told.iter().rev().take(20).flat_map(|(_, told)| told).count();
        prop_assert!(news <= 3, "{news}");
    }
}

fn settings(text: &str) -> RuleBook {
    let rules = toml::from_str::<AlertSettings>(text)
        .unwrap()
        .check()
        .unwrap();
    assert_eq!(rules.of(None).hold_seconds, HOLD);
    assert_eq!(rules.of(None).clear_seconds, CLEAR);
    rules
}
