//! The file is no larger than it is said to be.

#![cfg(feature = "history")]

mod history;

use history::{DAY, HOUR, START, Scene};
use rusqlite::Connection;
use smbgw_quota::history::{Allowance, Retention, Sample, Source};

const SHARES: u64 = 20;

/// What the documentation of the module says, for one share and for the log.
const SHARE: u64 = 712_000;
const LOG: u64 = 8 * 1024 * 1024;
const SAMPLE: f64 = 32.0;
const AGGREGATE: f64 = 96.0;

/// A year of one sample a minute: as `benches/history.rs` does, what is only kept by the hour is
/// recorded by the hour, and what is kept by the day by the day. Amounts are as long as they get.
#[test]
fn a_year_of_a_sample_a_minute_keeps_to_the_bound() {
    let mut scene = Scene::new();
    let names: Vec<String> = (0..SHARES).map(|share| format!("share-{share}")).collect();
    let end = START + 365 * DAY;
    let mut at = START;
    let mut largest = 0;
    while at < end {
        let noise = (at as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 4;
        let pass: Vec<(&str, Sample)> = (0..SHARES)
            .map(|share| {
                let seen = Sample {
                    bytes: (1 << 62) + (noise ^ share),
                    inodes: Some((1 << 62) + noise),
                    limit: Allowance {
                        bytes: Some(1 << 62),
                        inodes: Some(1 << 62),
                    },
                    source: Source::Event,
                };
                (names[share as usize].as_str(), seen)
            })
            .collect();
        scene.history.record(at, &pass).unwrap();
        at += match end - at {
            left if left > 92 * DAY => DAY,
            left if left > 8 * DAY => HOUR,
            _ => 60,
        };
        if at % HOUR == 0 {
            scene.history.maintain(at).unwrap();
            largest = largest.max(scene.history.size().unwrap());
        }
    }
    assert!(largest < SHARES * SHARE + LOG, "{largest} bytes");

    let db = Connection::open(scene.path()).unwrap();
    db.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    let rows = |table: &str| -> u64 {
        let count = format!("SELECT count(*) FROM {table}");
        db.query_one(&count, [], |row| row.get::<_, i64>(0))
            .unwrap() as u64
    };
    // Seven days and an hour, 90 days and one, and all of the year.
    assert!((10_080..=10_140).contains(&(rows("sample") / SHARES)));
    assert!((90 * 24..=91 * 24).contains(&(rows("hourly") / SHARES)));
    assert!((363..=366).contains(&(rows("daily") / SHARES)));
    for (table, bound) in [
        ("sample", SAMPLE),
        ("hourly", AGGREGATE),
        ("daily", AGGREGATE),
    ] {
        let bytes: i64 = db
            .query_one(
                "SELECT sum(pgsize) FROM dbstat WHERE name = ?1",
                [table],
                |row| row.get(0),
            )
            .unwrap();
        let each = bytes as f64 / rows(table) as f64;
        assert!(each <= bound, "{table}: {each} bytes a row");
    }
}

#[test]
fn space_of_what_is_no_longer_kept_is_given_back() {
    let mut scene = Scene::new();
    let names: Vec<String> = (0..400).map(|share| format!("share-{share}")).collect();
    let limit = Allowance::default();
    let seen = Sample {
        bytes: 1 << 62,
        inodes: Some(1 << 62),
        limit,
        source: Source::Poll,
    };
    let pass: Vec<(&str, Sample)> = names.iter().map(|name| (name.as_str(), seen)).collect();
    for minute in 0..1500 {
        scene.history.record(START + 60 * minute, &pass).unwrap();
    }
    let before = scene.history.size().unwrap();
    scene.history.set_retention(Retention {
        raw_days: 0,
        ..Retention::default()
    });
    for _ in 0..10 {
        scene.history.maintain(START + 2 * DAY).unwrap();
    }
    let db = Connection::open(scene.path()).unwrap();
    db.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    let after = scene.history.size().unwrap();
    assert!(after < before / 2, "{before} bytes before, {after} after");
    scene.history.check().unwrap();
}
