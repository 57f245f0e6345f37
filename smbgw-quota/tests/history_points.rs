//! What a history says of samples that were taken is what the samples themselves say.

#![cfg(feature = "history")]

mod history;

use history::{DAY, HOUR, START, Scene, Taken, sample};
use proptest::prelude::*;
use smbgw_quota::history::{Allowance, Point, Resolution, Retention, Sample, Source};

const SHARES: [&str; 2] = ["media", "work"];

/// Something that happens.
#[derive(Clone, Debug)]
enum Step {
    /// The clock goes on by this, and some of the shares are looked at.
    Pass(i64, [Option<Sample>; 2]),
    Maintain,
}

fn amounts() -> impl Strategy<Value = u64> {
    let large = i64::MAX as u64;
    prop_oneof![0..100u64, (1u64 << 40)..(1u64 << 41), large - 5..=large]
}

fn samples() -> impl Strategy<Value = Sample> {
    let limits = prop::sample::select(vec![None, Some(1 << 40), Some(1 << 41)]);
    let inode_limits = prop::sample::select(vec![None, Some(1000)]);
    let sources = prop::sample::select(vec![Source::Poll, Source::Event]);
    (
        amounts(),
        prop::option::of(amounts()),
        limits,
        inode_limits,
        sources,
    )
        .prop_map(|(bytes, inodes, limit, inode_limit, source)| Sample {
            bytes,
            inodes,
            limit: Allowance {
                bytes: limit,
                inodes: inode_limit,
            },
            source,
        })
}

fn steps(gaps: impl Strategy<Value = i64> + Clone) -> impl Strategy<Value = Vec<Step>> {
    let pass = (
        gaps,
        prop::option::weighted(0.9, samples()),
        prop::option::of(samples()),
    )
        .prop_map(|(gap, one, other)| Step::Pass(gap, [one, other]));
    prop::collection::vec(prop_oneof![6 => pass, 1 => Just(Step::Maintain)], 1..120)
}

/// A clock that now and then steps, also back, but not for days.
fn stepping() -> impl Strategy<Value = i64> + Clone {
    prop_oneof![8 => 1..600i64, 2 => 0..2 * HOUR, 1 => -2 * HOUR..0, 1 => -DAY..DAY]
}

/// A clock that only goes on.
fn going_on() -> impl Strategy<Value = i64> + Clone {
    prop_oneof![3 => 1..HOUR, 3 => HOUR..12 * HOUR]
}

/// A history in which `steps` happened, what was taken of each share, and the time at each
/// maintenance.
struct Played {
    scene: Scene,
    taken: [Taken; 2],
    maintained: Vec<i64>,
    now: i64,
}

fn play(steps: &[Step], retention: Retention) -> Played {
    let mut scene = Scene::new();
    scene.history.set_retention(retention);
    let mut taken = [Taken::default(), Taken::default()];
    let mut maintained = Vec::new();
    let mut now = START + 5000;
    for step in steps {
        let Step::Pass(gap, seen) = step else {
            scene.history.maintain(now).unwrap();
            maintained.push(now);
            continue;
        };
        now += gap;
        let mut pass = Vec::new();
        for (index, sample) in seen.iter().enumerate() {
            if let Some(sample) = sample {
                taken[index].0.push((now, *sample));
                pass.push((SHARES[index], *sample));
            }
        }
        scene.history.record(now, &pass).unwrap();
    }
    Played {
        scene,
        taken,
        maintained,
        now,
    }
}

impl Played {
    fn points(&self, share: usize, from: i64, to: i64, resolution: Resolution) -> Vec<Point> {
        let history = &self.scene.history;
        history.points(SHARES[share], from, to, resolution).unwrap()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn points_are_those_of_the_samples(
        steps in steps(stepping()),
        ranges in prop::collection::vec((-DAY..3 * DAY, 0..4 * DAY), 4),
    ) {
        let played = play(&steps, Retention::default());
        let all = (i64::MIN, i64::MAX);
        let ranges = ranges.iter().map(|(from, length)| (START + from, START + from + length));
        for (from, to) in ranges.chain([all]) {
            for (share, taken) in played.taken.iter().enumerate() {
                // The brute force is no good at the ends of time.
                let near = (from.max(START - 400 * DAY), to.min(START + 400 * DAY));
                for (resolution, seconds) in [
                    (Resolution::Raw, 0),
                    (Resolution::Hourly, HOUR),
                    (Resolution::Daily, DAY),
                ] {
                    let points = played.points(share, from, to, resolution);
                    prop_assert_eq!(points, taken.points(near.0, near.1, seconds));
                }
                let changes = played.scene.history.limit_changes(SHARES[share], from, to).unwrap();
                prop_assert_eq!(changes, taken.limit_changes(near.0, near.1));
            }
        }
    }

    #[test]
    fn maintenance_changes_nothing_that_is_said_and_is_done_once(
        steps in steps(stepping()),
    ) {
        let mut played = play(&steps, Retention::default());
        let say = |played: &Played| {
            [Resolution::Raw, Resolution::Hourly, Resolution::Daily, Resolution::Auto]
                .map(|resolution| played.points(0, i64::MIN, i64::MAX, resolution))
        };
        let before = say(&played);
        played.scene.history.maintain(played.now).unwrap();
        prop_assert_eq!(&before, &say(&played));
        let dump = played.scene.dump();
        played.scene.history.maintain(played.now).unwrap();
        prop_assert_eq!(dump, played.scene.dump());
    }

    #[test]
    fn what_is_no_longer_kept_is_replaced_by_coarser_points(steps in steps(going_on())) {
        let retention = Retention { raw_days: 1, hourly_days: 3, daily_days: 10 };
        let played = play(&steps, retention);
        // What was kept for long enough when there was maintenance, by a clock that is trusted.
        let mut floors = [i64::MIN; 3];
        let first = START + 5000 + steps.iter().find_map(|step| match step {
            Step::Pass(gap, _) => Some(*gap),
            Step::Maintain => None,
        }).unwrap_or(0);
        let tiers = [(1, DAY, HOUR), (3, 7 * DAY, DAY), (10, 30 * DAY, DAY)];
        for at in &played.maintained {
            for (floor, (days, patience, grain)) in floors.iter_mut().zip(tiers) {
                if at - first >= patience {
                    *floor = (*floor).max((at - days * DAY).div_euclid(grain) * grain);
                }
            }
        }
        let [raw, hourly, daily] = floors.map(|floor| floor.max(0));
        let end = START + 400 * DAY;
        for (share, taken) in played.taken.iter().enumerate() {
            let days = |to| taken.points(daily, to, DAY);
            let hours = |to| taken.points(hourly, to, HOUR);
            let samples = taken.points(raw, end, 0);
            prop_assert_eq!(
                played.points(share, i64::MIN, i64::MAX, Resolution::Raw),
                [days(hourly), hours(raw), samples].concat()
            );
            prop_assert_eq!(
                played.points(share, i64::MIN, i64::MAX, Resolution::Hourly),
                [days(hourly), hours(end)].concat()
            );
            prop_assert_eq!(
                played.points(share, i64::MIN, i64::MAX, Resolution::Daily),
                days(end)
            );
        }
    }

    #[test]
    fn no_sample_is_missing_or_counted_twice(steps in steps(-2 * DAY..4 * DAY)) {
        let retention = Retention { raw_days: 1, hourly_days: 2, daily_days: 5000 };
        let played = play(&steps, retention);
        for (share, taken) in played.taken.iter().enumerate() {
            for resolution in [Resolution::Raw, Resolution::Hourly, Resolution::Daily] {
                let points = played.points(share, i64::MIN, i64::MAX, resolution);
                let counted: u64 = points.iter().map(|point| point.samples).sum();
                prop_assert_eq!(counted, taken.0.len() as u64);
                let lowest = points.iter().map(|point| point.min).min();
                prop_assert_eq!(lowest, taken.0.iter().map(|(_, sample)| sample.bytes).min());
                let highest = points.iter().map(|point| point.max).max();
                prop_assert_eq!(highest, taken.0.iter().map(|(_, sample)| sample.bytes).max());
            }
        }
    }
}

#[test]
fn a_backlog_of_many_passes_is_folded_whole() {
    let mut scene = Scene::new();
    let mut taken = Taken::default();
    for minute in 0..3000 {
        let (at, seen) = (START + minute * 60, sample(minute as u64 * 7919 % 1013));
        scene.history.record(at, &[("media", seen)]).unwrap();
        taken.0.push((at, seen));
    }
    let end = START + 3 * DAY;
    scene.history.maintain(end).unwrap();
    for (resolution, seconds) in [(Resolution::Hourly, HOUR), (Resolution::Daily, DAY)] {
        let points = scene.history.points("media", START, end, resolution);
        assert_eq!(points.unwrap(), taken.points(START, end, seconds));
    }
}

#[test]
fn auto_goes_with_the_span_and_with_what_there_is() {
    let mut scene = Scene::new();
    let coarseness = |scene: &Scene, days: i64, now: i64| {
        let points = scene
            .history
            .points("media", now - days * DAY, now, Resolution::Auto);
        points.unwrap().iter().map(|point| point.seconds).max()
    };
    let mut now = START;
    let go_on = |scene: &mut Scene, now: &mut i64, days: i64| {
        for _ in 0..days * 24 {
            scene.history.record(*now, &[("media", sample(1))]).unwrap();
            *now += HOUR;
        }
        scene.history.maintain(*now).unwrap();
    };
    assert_eq!(coarseness(&scene, 7, now), None);
    go_on(&mut scene, &mut now, 1);
    assert_eq!(
        coarseness(&scene, 90, now),
        Some(0),
        "there is one day only"
    );
    go_on(&mut scene, &mut now, 39);
    assert_eq!(coarseness(&scene, 1, now), Some(0));
    assert_eq!(coarseness(&scene, 7, now), Some(3600));
    assert_eq!(coarseness(&scene, 40, now), Some(86_400));
    // A day that is no longer there sample by sample.
    let old = scene
        .history
        .points("media", now - 20 * DAY, now - 19 * DAY, Resolution::Auto);
    assert!(old.unwrap().iter().all(|point| point.seconds == 3600));
}

#[test]
fn a_percentage_of_last_month_is_of_last_months_limit() {
    let mut scene = Scene::new();
    let with_limit = |limit| Sample {
        limit: Allowance {
            bytes: limit,
            inodes: Some(9),
        },
        ..sample(5)
    };
    for hour in 0..40 * 24 {
        let limit = if hour < 10 * 24 { Some(10) } else { Some(20) };
        let at = START + hour * HOUR;
        scene
            .history
            .record(at, &[("media", with_limit(limit))])
            .unwrap();
    }
    scene.history.maintain(START + 40 * DAY).unwrap();
    let changed = START + 10 * DAY;
    for resolution in [Resolution::Raw, Resolution::Hourly, Resolution::Daily] {
        for point in scene
            .history
            .points("media", START, i64::MAX, resolution)
            .unwrap()
        {
            let limit = if point.at < changed { 10 } else { 20 };
            assert_eq!((point.limit, point.inode_limit), (Some(limit), Some(9)));
        }
    }
    let changes = scene
        .history
        .limit_changes("media", START + 1, i64::MAX)
        .unwrap();
    assert_eq!(changes.len(), 1);
    assert_eq!(changes[0].at, changed);
    assert_eq!(changes[0].old.unwrap().bytes, Some(10));
    assert_eq!(changes[0].new.bytes, Some(20));
}

#[test]
fn amounts_that_sqlite_has_no_number_for_are_kept_as_its_largest() {
    let mut scene = Scene::new();
    let wrong = Sample {
        bytes: u64::MAX - 4096,
        inodes: Some(u64::MAX),
        limit: Allowance {
            bytes: Some(u64::MAX),
            inodes: None,
        },
        source: Source::Event,
    };
    for second in 0..3 {
        scene
            .history
            .record(START + second, &[("media", wrong)])
            .unwrap();
    }
    let most = i64::MAX as u64;
    let points = scene
        .history
        .points("media", START, START + 9, Resolution::Hourly)
        .unwrap();
    assert_eq!((points[0].mean, points[0].max), (most, most));
    assert_eq!(
        (points[0].limit, points[0].inodes),
        (Some(most), Some(most))
    );
    let changes = scene.history.limit_changes("media", i64::MIN, i64::MAX);
    assert_eq!(changes.unwrap().len(), 1);
}
