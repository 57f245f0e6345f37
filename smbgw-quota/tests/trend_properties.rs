//! What holds of trends and forecasts whatever the points are.

#![allow(clippy::print_stdout)] // The figures that the documentation quotes.

mod usage;

use proptest::prelude::*;
use smbgw_quota::trend::{Forecast, Insufficient, Options, Point, TimeTo, Trend};
use usage::{GIB, HOUR, Random, hourly};

fn options() -> Options {
    Options::default()
}

/// Hourly samples of a line of `per_day` bytes with noise of the given standard deviation.
fn line(seed: u64, hours: usize, per_day: f64, noise: f64) -> Vec<Point> {
    let mut random = Random(seed);
    hourly(
        (0..hours).map(|hour| 400.0 * GIB + per_day * hour as f64 / 24.0 + noise * random.normal()),
    )
}

fn end(points: &[Point]) -> i64 {
    points.last().map_or(0, |point| point.at)
}

fn arbitrary_points() -> impl Strategy<Value = Vec<Point>> {
    let near = (-100_000i64..100_000, 0u64..1 << 40);
    let any = (any::<i64>(), any::<u64>());
    let few = (0i64..20, 0u64..3);
    let edge = (
        prop_oneof![Just(i64::MIN), Just(i64::MAX), Just(0i64)],
        prop_oneof![Just(0u64), Just(u64::MAX)],
    );
    let point = prop_oneof![4 => near, 1 => any, 2 => few, 1 => edge]
        .prop_map(|(at, bytes)| Point { at, bytes });
    proptest::collection::vec(point, 0..200)
}

fn arbitrary_options() -> impl Strategy<Value = Options> {
    (
        prop_oneof![Just(u64::MAX), 0u64..200_000, Just(30 * 86_400)],
        any::<f64>(),
        0usize..20,
        prop_oneof![Just(0u64), 0u64..100_000, Just(u64::MAX)],
        proptest::option::of(any::<i64>()),
    )
        .prop_map(|(window, confidence, samples, span, not_before)| Options {
            window,
            confidence,
            samples,
            span,
            not_before,
        })
}

fn is_sound(time: &TimeTo) {
    match time {
        TimeTo::In {
            seconds,
            soonest,
            latest,
        } => {
            assert!(
                seconds.is_finite() && *soonest >= 0.0 && soonest <= seconds,
                "{time:?}"
            );
            assert!(latest.is_none_or(|latest| latest.is_finite() && latest >= *seconds));
        }
        TimeTo::Unknown(why) => {
            assert!(why.samples.0 < why.samples.1 || why.seconds.0 < why.seconds.1);
        }
        TimeTo::Reached | TimeTo::Never => {}
    }
    assert!(!time.to_string().contains("NaN") && !time.to_string().contains("inf"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn every_number_is_finite(
        points in arbitrary_points(),
        options in arbitrary_options(),
        now in prop_oneof![4 => 0i64..100_000, 1 => any::<i64>()],
        used in any::<u64>(),
        limit in any::<u64>(),
        ahead in any::<f64>(),
    ) {
        let forecast = Forecast::new(&points, used, limit, &[75.0, 95.0, f64::NAN, -1.0, 1e300], now, &options);
        if let Ok(trend) = &forecast.trend {
            for number in [trend.per_day, trend.low, trend.high, trend.level] {
                prop_assert!(number.is_finite(), "{trend:?}");
            }
            prop_assert!(trend.low <= trend.per_day && trend.per_day <= trend.high);
            prop_assert!(trend.level >= 0.0);
            let then = trend.expected(used, ahead);
            prop_assert!(then.low <= then.mean && then.mean <= then.high, "{then:?}");
        }
        is_sound(&forecast.full);
        forecast.thresholds.iter().for_each(|(_, time)| is_sound(time));
    }

    #[test]
    fn order_does_not_matter(points in arbitrary_points(), now in 0i64..100_000) {
        let mut sorted: Vec<Point> = points;
        sorted.sort_by_key(|point| point.at);
        sorted.dedup_by_key(|point| point.at);
        let mut reversed = sorted.clone();
        reversed.reverse();
        prop_assert_eq!(Trend::new(&sorted, now, &options()), Trend::new(&reversed, now, &options()));
    }

    #[test]
    fn a_time_later_is_the_same(points in arbitrary_points(), now in 0i64..100_000, shift in -1_000_000_000i64..4_000_000_000) {
        let near: Vec<Point> = points.into_iter().filter(|point| point.at.unsigned_abs() < 1 << 40).collect();
        let moved: Vec<Point> = near.iter().map(|point| Point { at: point.at + shift, ..*point }).collect();
        let here = Trend::new(&near, now, &options()).map(|trend| (trend.per_day, trend.low, trend.high, trend.level));
        let there = Trend::new(&moved, now + shift, &options()).map(|trend| (trend.per_day, trend.low, trend.high, trend.level));
        prop_assert_eq!(here.is_ok(), there.is_ok());
        if let (Ok(here), Ok(there)) = (here, there) {
            prop_assert_eq!(here, there);
        }
    }

    #[test]
    fn a_share_of_twice_the_size_grows_twice_as_fast(points in arbitrary_points(), now in 0i64..100_000, shift in 1u32..12) {
        let small: Vec<Point> = points.iter().map(|point| Point { bytes: point.bytes >> 12, ..*point }).collect();
        let large: Vec<Point> = small.iter().map(|point| Point { bytes: point.bytes << shift, ..*point }).collect();
        let factor = f64::from(1u32 << shift);
        match (Trend::new(&small, now, &options()), Trend::new(&large, now, &options())) {
            (Ok(small), Ok(large)) => {
                for (one, other) in [(small.per_day, large.per_day), (small.low, large.low), (small.high, large.high)] {
                    prop_assert!((one * factor - other).abs() <= 1e-9 * other.abs().max(1e-9), "{one} {other}");
                }
            }
            (small, large) => prop_assert_eq!(small.err(), large.err()),
        }
    }
}

/// A quarter of the samples, anywhere, are off by up to `size` GiB: all by as much if `alike`.
fn with_outliers(clean: &[Point], random: &mut Random, size: f64, alike: bool) -> Vec<Point> {
    let mut order: Vec<usize> = (0..clean.len()).collect();
    order.sort_by_cached_key(|_| (random.uniform() * 1e9) as u64);
    let mut points = clean.to_vec();
    for index in order.into_iter().take(clean.len() / 4) {
        let part = if alike {
            1.0
        } else {
            random.between(-1.0, 1.0)
        };
        let bytes = points[index].bytes as f64 + size * part * GIB;
        points[index].bytes = bytes.max(0.0) as u64;
    }
    points
}

#[test]
fn a_quarter_of_outliers_moves_the_line_by_less_than_the_noise() {
    let mut all = Vec::new();
    for seed in 0..400 {
        let mut random = Random(seed);
        let hours = random.between(100.0, 720.0) as usize;
        let clean = line(!seed, hours, random.between(-5.0, 5.0) * GIB, GIB);
        let size = [3.0, -10.0, 100.0, -300.0, 1e6][seed as usize % 5];
        let dirty = with_outliers(&clean, &mut random, size, seed % 2 == 0);
        let now = end(&clean);
        let one = Trend::new(&clean, now, &options()).unwrap();
        let other = Trend::new(&dirty, now, &options()).unwrap();
        assert_eq!(one.since, other.since, "outliers are no reset");
        // What the slopes differ by over the whole time, in standard deviations of the noise.
        all.push((one.per_day - other.per_day).abs() / GIB * hours as f64 / 24.0);
    }
    all.sort_by(f64::total_cmp);
    let (half, most, worst) = (all[200], all[397], all[399]);
    println!(
        "half move it by {half:.2} of the noise, 99 of 100 by {most:.2}, the worst by {worst:.2}"
    );
    assert!(half < 0.2 && most < 0.6 && worst < 1.0);
}

#[test]
fn a_line_without_noise_is_found_exactly() {
    let points = line(1, 240, 3.0 * GIB, 0.0);
    let trend = Trend::new(&points, end(&points), &options()).unwrap();
    for rate in [trend.per_day, trend.low, trend.high] {
        assert!((rate / GIB - 3.0).abs() < 1e-6, "{trend:?}");
    }
    assert_eq!(
        (trend.since, trend.samples, trend.seasonal),
        (0, 240, false)
    );
    let level = points[239].bytes as f64;
    assert!((trend.level - level).abs() < 1e3);
}

#[test]
fn usage_that_stays_is_never_full() {
    let points = hourly([5.0 * GIB; 100]);
    let forecast = Forecast::new(
        &points,
        5 << 30,
        6 << 30,
        &[50.0, 90.0],
        end(&points),
        &options(),
    );
    assert_eq!(forecast.full, TimeTo::Never);
    assert_eq!(forecast.full.to_string(), "never at this rate");
    assert_eq!(
        forecast.thresholds,
        [(50.0, TimeTo::Reached), (90.0, TimeTo::Never)]
    );
    assert_eq!(forecast.trend.unwrap().per_day, 0.0);
}

#[test]
fn too_little_is_said_to_be_too_little() {
    let told = |points: &[Point]| {
        let forecast = Forecast::new(points, 1, 1 << 40, &[], end(points), &options());
        assert!(forecast.trend.is_err());
        forecast.full.to_string()
    };
    assert_eq!(told(&[]), "unknown: 0 samples, 12 are needed");
    let hours = line(1, 240, GIB, GIB / 9.0);
    assert_eq!(told(&hours[..1]), "unknown: 1 sample, 12 are needed");
    assert_eq!(told(&hours[..11]), "unknown: 11 samples, 12 are needed");
    let minutes: Vec<Point> = (0..300)
        .map(|minute| Point {
            at: minute * 60,
            bytes: 1000 + minute as u64,
        })
        .collect();
    assert_eq!(
        told(&minutes),
        "unknown: samples of 5.0 hours, 6.0 are needed"
    );
    // Twelve within six hours, exactly, are enough.
    let half_hours: Vec<Point> = (0..13)
        .map(|half| Point {
            at: half * 1800,
            bytes: 1000 + half as u64,
        })
        .collect();
    assert!(Trend::new(&half_hours, 6 * HOUR, &options()).is_ok());
    // What is older than the window does not count.
    let late = end(&hours) + 29 * 86_400;
    assert!(Trend::new(&hours[..200], late, &options()).is_err());
}

#[test]
fn a_mass_deletion_begins_a_new_series() {
    let mut points = line(7, 480, 4.0 * GIB, GIB / 4.0);
    for point in &mut points[300..] {
        point.bytes -= 200 << 30;
    }
    let now = end(&points);
    let trend = Trend::new(&points, now, &options()).unwrap();
    assert_eq!(trend.since, 300 * HOUR);
    assert_eq!(trend.samples, 180);
    assert!(
        trend.low <= 4.0 * GIB && 4.0 * GIB <= trend.high,
        "{trend:?}"
    );

    // Right after it there is too little to go by, and that is said.
    let why = Trend::new(&points[..305], 304 * HOUR, &options()).unwrap_err();
    assert_eq!(
        why,
        Insufficient {
            samples: (5, 12),
            seconds: (4 * 3600, 6 * 3600),
            reset: Some(300 * HOUR),
        }
    );
    assert_eq!(
        why.to_string(),
        "5 samples since much came or went at once, 12 are needed"
    );
}

#[test]
fn a_deletion_that_takes_hours_is_one() {
    let mut points = line(7, 480, 4.0 * GIB, GIB / 4.0);
    for (hour, point) in points[300..].iter_mut().enumerate() {
        point.bytes -= (50 << 30) * (hour as u64 + 1).min(4);
    }
    let trend = Trend::new(&points, end(&points), &options()).unwrap();
    assert_eq!(trend.since, 303 * HOUR);
}

#[test]
fn a_restore_begins_a_new_series() {
    let mut points = line(7, 480, 4.0 * GIB, GIB / 4.0);
    for point in &mut points[200..] {
        point.bytes += 300 << 30;
    }
    let trend = Trend::new(&points, end(&points), &options()).unwrap();
    assert_eq!(trend.since, 200 * HOUR);
}

#[test]
fn what_was_there_for_hours_is_no_reset() {
    let clean = line(7, 480, 4.0 * GIB, GIB / 4.0);
    let mut points = clean.clone();
    for point in &mut points[300..304] {
        point.bytes += 300 << 30;
    }
    let now = end(&points);
    let with = Trend::new(&points, now, &options()).unwrap();
    let without = Trend::new(&clean, now, &options()).unwrap();
    assert_eq!(with.since, 0);
    assert!((with.per_day - without.per_day).abs() < 0.01 * GIB);
}

#[test]
fn what_happens_every_week_is_no_reset() {
    let points = hourly((0..720).map(|hour| (100.0 + (hour % 168) as f64 * 0.5) * GIB));
    let trend = Trend::new(&points, end(&points), &options()).unwrap();
    assert_eq!(trend.since, 0);
    assert!(trend.seasonal);
    assert!(trend.per_day.abs() < 0.05 * GIB, "{trend:?}");
}

#[test]
fn a_known_move_begins_a_new_series() {
    let points = line(7, 480, 4.0 * GIB, GIB / 4.0);
    let options = Options {
        not_before: Some(400 * HOUR),
        ..options()
    };
    let trend = Trend::new(&points, end(&points), &options).unwrap();
    assert_eq!((trend.since, trend.samples), (400 * HOUR, 80));
}

#[test]
fn points_after_now_do_not_count() {
    let mut points = line(7, 100, 4.0 * GIB, GIB / 4.0);
    let now = end(&points);
    let trend = Trend::new(&points, now, &options());
    points.push(Point {
        at: now + 1,
        bytes: u64::MAX,
    });
    assert_eq!(Trend::new(&points, now, &options()), trend);
}

#[test]
fn the_last_of_one_moment_counts() {
    let points = line(7, 100, 4.0 * GIB, 0.0);
    let mut twice: Vec<Point> = points
        .iter()
        .map(|point| Point { bytes: 7, ..*point })
        .collect();
    twice.extend(&points);
    let now = end(&points);
    assert_eq!(
        Trend::new(&twice, now, &options()),
        Trend::new(&points, now, &options())
    );
}

#[test]
fn a_limit_changes_when_it_is_full_and_not_the_trend() {
    let points = line(7, 480, 4.0 * GIB, GIB / 4.0);
    let used = points[479].bytes;
    let with = |limit: u64| Forecast::new(&points, used, limit, &[], end(&points), &options());
    let (small, large) = (with(500 << 30), with(600 << 30));
    assert_eq!(small.trend, large.trend);
    let days = |forecast: &Forecast| forecast.full.days().unwrap();
    assert!((days(&large) - days(&small) - 25.0).abs() < 1.0);
}

#[test]
fn thresholds_come_before_the_limit() {
    let points = line(7, 480, 4.0 * GIB, GIB);
    let used = points[479].bytes;
    let forecast = Forecast::new(
        &points,
        used,
        600 << 30,
        &[75.0, 85.0, 95.0],
        end(&points),
        &options(),
    );
    assert_eq!(forecast.thresholds[0].1, TimeTo::Reached);
    let days: Vec<f64> = forecast
        .thresholds
        .iter()
        .map(|(_, time)| time.days().unwrap())
        .collect();
    assert!(
        days.is_sorted() && days[2] < forecast.full.days().unwrap(),
        "{days:?}"
    );
}

#[test]
fn times_read_well() {
    const DAY: f64 = 86_400.0;
    let told = |seconds: f64, soonest: f64, latest: Option<f64>| {
        TimeTo::In {
            seconds: seconds * DAY,
            soonest: soonest * DAY,
            latest: latest.map(|latest| latest * DAY),
        }
        .to_string()
    };
    assert_eq!(told(12.1, 9.0, Some(16.8)), "in 12 days (9 to 17)");
    assert_eq!(told(12.1, 12.0, Some(12.4)), "in 12 days");
    assert_eq!(told(12.1, 9.0, None), "in 12 days (9 or more)");
    assert_eq!(told(3.0, 0.5, Some(9.0)), "in 3 days (12 hours to 9 days)");
    assert_eq!(told(3.0, 0.5, None), "in 3 days (12 hours or more)");
    assert_eq!(told(0.5, 0.3, Some(0.9)), "in 12 hours (7 to 22)");
    assert_eq!(told(0.01, 0.01, Some(0.01)), "in 14 minutes");
    assert_eq!(
        told(400.0, 90.0, Some(1500.0)),
        "in 400 days (90 days to 4 years)"
    );
    assert_eq!(
        told(900.0, 90.0, Some(1e9)),
        "in 2 years (90 days to more than 1000 years)"
    );
    assert_eq!(told(9999.0, 90.0, None), "in more than 10 years");
    assert_eq!(TimeTo::Reached.to_string(), "reached");
}
