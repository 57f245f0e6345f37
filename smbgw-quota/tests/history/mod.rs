//! Histories to throw away, and what is expected of them.

#![allow(dead_code)] // Each test program uses a part.

use std::path::PathBuf;

use smbgw_quota::history::{Allowance, History, LimitChange, Point, Sample, Source};
use tempfile::TempDir;

pub(crate) const HOUR: i64 = 3600;
pub(crate) const DAY: i64 = 24 * HOUR;

/// The start of a day in 2026.
pub(crate) const START: i64 = 20_500 * DAY;

/// A history in a folder of its own.
pub(crate) struct Scene {
    pub(crate) history: History,
    dir: TempDir,
}

impl Scene {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let opened = History::open(dir.path().join("history.db")).unwrap();
        assert_eq!(opened.moved_aside, None);
        Self {
            history: opened.history,
            dir,
        }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.dir.path().join("history.db")
    }

    /// The folder, to keep when the history is closed.
    pub(crate) fn close(self) -> TempDir {
        self.dir
    }

    /// All that is in the tables.
    pub(crate) fn dump(&self) -> String {
        let db = rusqlite::Connection::open(self.path()).unwrap();
        let mut dump = String::new();
        for table in [
            "series",
            "pass",
            "sample",
            "allowance",
            "hourly",
            "daily",
            "tier",
        ] {
            let mut statement = db.prepare(&format!("SELECT * FROM {table}")).unwrap();
            let columns = statement.column_count();
            let mut rows = statement.query([]).unwrap();
            while let Some(row) = rows.next().unwrap() {
                let cells = (0..columns).map(|column| row.get_ref(column).unwrap());
                dump += &format!("{table} {:?}\n", cells.collect::<Vec<_>>());
            }
        }
        dump
    }
}

pub(crate) fn sample(bytes: u64) -> Sample {
    Sample {
        bytes,
        inodes: None,
        limit: Allowance {
            bytes: Some(1 << 40),
            inodes: None,
        },
        source: Source::Poll,
    }
}

/// The samples of one share, in the order in which they were taken.
#[derive(Clone, Debug, Default)]
pub(crate) struct Taken(pub(crate) Vec<(i64, Sample)>);

impl Taken {
    /// The points from `from` to before `to` of `seconds` each; 0 for every sample.
    pub(crate) fn points(&self, from: i64, to: i64, seconds: i64) -> Vec<Point> {
        let step = seconds.max(1);
        let starts = self.0.iter().map(|(at, _)| at.div_euclid(step) * step);
        let mut starts: Vec<i64> = starts
            .filter(|start| start + step > from && *start < to)
            .collect();
        starts.sort_unstable();
        if seconds == 0 {
            // Samples of one second, in the order in which they came.
            starts.dedup();
            let at = |start| self.0.iter().filter(move |(at, _)| *at == start);
            return starts
                .into_iter()
                .flat_map(at)
                .map(|one| Point {
                    source: Some(one.1.source),
                    ..point(one.0, 0, &[one])
                })
                .collect();
        }
        starts.dedup();
        starts
            .into_iter()
            .map(|start| {
                let within = |(at, _): &&(i64, Sample)| (start..start + step).contains(at);
                let samples: Vec<_> = self.0.iter().filter(within).collect();
                point(start, seconds, &samples)
            })
            .collect()
    }

    pub(crate) fn limit_changes(&self, from: i64, to: i64) -> Vec<LimitChange> {
        let mut changes = Vec::new();
        let mut old = None;
        for (at, sample) in &self.0 {
            if old != Some(sample.limit) {
                changes.push(LimitChange {
                    at: *at,
                    old,
                    new: sample.limit,
                });
                old = Some(sample.limit);
            }
        }
        changes.retain(|change| (from..to).contains(&change.at));
        changes
    }
}

fn point(at: i64, seconds: i64, samples: &[&(i64, Sample)]) -> Point {
    let bytes = || samples.iter().map(|(_, sample)| sample.bytes);
    let sum: u128 = bytes().map(u128::from).sum();
    let last = samples.last().unwrap().1;
    Point {
        at,
        seconds: seconds as u32,
        samples: samples.len() as u64,
        min: bytes().min().unwrap(),
        mean: (sum / samples.len() as u128) as u64,
        max: bytes().max().unwrap(),
        last: last.bytes,
        limit: last.limit.bytes,
        inodes: last.inodes,
        inode_limit: last.limit.inodes,
        source: None,
    }
}
