//! Clocks that step cost no history.

#![cfg(feature = "history")]

mod history;

use history::{DAY, HOUR, START, Scene, sample};
use smbgw_quota::history::{Resolution, Retention};

/// 2099-01-01.
const FAR: i64 = 4_070_908_800;

/// A history of `days` with a sample an hour, and the time at its end.
fn kept(days: i64) -> (Scene, i64) {
    let mut scene = Scene::new();
    let mut now = START;
    go_on(&mut scene, &mut now, days * 24);
    (scene, now)
}

fn go_on(scene: &mut Scene, now: &mut i64, hours: i64) {
    for _ in 0..hours {
        scene.history.record(*now, &[("media", sample(7))]).unwrap();
        *now += HOUR;
    }
    scene.history.maintain(*now).unwrap();
}

fn count(scene: &Scene, resolution: Resolution, to: i64) -> u64 {
    let points = scene.history.points("media", 0, to, resolution).unwrap();
    points.iter().filter(|point| point.seconds == 0).count() as u64
}

fn total(scene: &Scene, to: i64) -> u64 {
    let points = scene
        .history
        .points("media", 0, to, Resolution::Daily)
        .unwrap();
    points.iter().map(|point| point.samples).sum()
}

#[test]
fn a_clock_that_is_far_ahead_for_a_while_removes_nothing() {
    let (mut scene, mut now) = kept(40);
    let before = (count(&scene, Resolution::Raw, now), total(&scene, now));
    assert_eq!(before, (7 * 24 + 1, 40 * 24));
    let hours = scene
        .history
        .points("media", 0, now, Resolution::Hourly)
        .unwrap();
    let mut ahead = FAR;
    go_on(&mut scene, &mut ahead, 20);
    assert_eq!(
        (count(&scene, Resolution::Raw, now), total(&scene, now)),
        before
    );
    // Back again: what is old enough is removed again after a day, and not before.
    let at = now;
    go_on(&mut scene, &mut now, 12);
    assert_eq!(count(&scene, Resolution::Raw, now), 7 * 24 + 1 + 12);
    go_on(&mut scene, &mut now, 24);
    assert_eq!(count(&scene, Resolution::Raw, now), 7 * 24 + 1);
    assert_eq!(total(&scene, now), 40 * 24 + 36);
    assert_eq!(
        scene
            .history
            .points("media", 0, at, Resolution::Hourly)
            .unwrap(),
        hours
    );
    let future = scene
        .history
        .points("media", FAR, FAR + DAY, Resolution::Raw);
    assert_eq!(future.unwrap().len(), 20);
}

#[test]
fn the_present_bounds_what_is_old() {
    let (mut scene, now) = kept(8);
    let before = scene.dump();
    let week = now - 7 * DAY;
    scene.history.maintain(week).unwrap();
    scene.history.maintain(i64::MIN).unwrap();
    scene.history.maintain(FAR).unwrap();
    scene.history.maintain(i64::MAX).unwrap();
    assert_eq!(before, scene.dump());
}

#[test]
fn a_machine_that_was_off_for_months_goes_on() {
    let (mut scene, now) = kept(10);
    let mut later = now + 60 * DAY;
    go_on(&mut scene, &mut later, 20);
    assert_eq!(count(&scene, Resolution::Raw, later), 7 * 24 + 1 + 20);
    go_on(&mut scene, &mut later, 10);
    assert_eq!(count(&scene, Resolution::Raw, later), 30);
    assert_eq!(total(&scene, later), 10 * 24 + 30);
}

#[test]
fn a_clock_that_was_at_its_beginning_leaves_what_came_before() {
    let (mut scene, mut now) = kept(10);
    let mut beginning = 0;
    go_on(&mut scene, &mut beginning, 5);
    assert_eq!(total(&scene, now), 10 * 24 + 5);
    go_on(&mut scene, &mut now, 48);
    let points = scene
        .history
        .points("media", START, now, Resolution::Hourly);
    assert_eq!(
        points
            .unwrap()
            .iter()
            .map(|point| point.samples)
            .sum::<u64>(),
        12 * 24
    );
}

#[test]
fn samples_of_one_second_are_all_kept() {
    let mut scene = Scene::new();
    for bytes in [5, 1, 3] {
        scene
            .history
            .record(START, &[("media", sample(bytes))])
            .unwrap();
    }
    let points = scene
        .history
        .points("media", START, START + 1, Resolution::Raw)
        .unwrap();
    let bytes: Vec<u64> = points.iter().map(|point| point.last).collect();
    assert_eq!(bytes, [5, 1, 3]);
    // Of a share named twice in one pass, the latter counts.
    let twice = [("work", sample(1)), ("work", sample(2))];
    scene.history.record(START + 1, &twice).unwrap();
    let points = scene
        .history
        .points("work", 0, i64::MAX, Resolution::Raw)
        .unwrap();
    assert_eq!(
        points.iter().map(|point| point.last).collect::<Vec<_>>(),
        [2]
    );
}

#[test]
fn times_at_the_ends_of_time_are_survived() {
    let mut scene = Scene::new();
    for at in [i64::MAX, i64::MIN, 0, i64::MIN + 1, i64::MAX - 1, START] {
        scene.history.record(at, &[("media", sample(1))]).unwrap();
        scene.history.maintain(at).unwrap();
    }
    let points = scene
        .history
        .points("media", i64::MIN, i64::MAX, Resolution::Raw);
    assert_eq!(
        points.unwrap().len(),
        5,
        "all but the one at the end itself"
    );
}

#[test]
fn a_shorter_retention_removes_more_and_a_longer_one_keeps_more() {
    let (mut scene, mut now) = kept(20);
    let set = |scene: &mut Scene, raw_days| {
        scene.history.set_retention(Retention {
            raw_days,
            ..Retention::default()
        });
    };
    set(&mut scene, 2);
    scene.history.maintain(now).unwrap();
    assert_eq!(count(&scene, Resolution::Raw, now), 2 * 24 + 1);
    set(&mut scene, 10);
    go_on(&mut scene, &mut now, 24);
    assert_eq!(count(&scene, Resolution::Raw, now), 3 * 24 + 1);
    assert_eq!(total(&scene, now), 21 * 24);
}
