//! A history on a file system that becomes full (root).

#![cfg(feature = "history")]

mod history;

use std::fs;

use history::{DAY, START, sample};
use smbgw_core::error::Coded;
use smbgw_quota::history::{History, Resolution};
use smbgw_testing::{Capability, Filesystem, MIB, Scratch, require};

#[test]
fn it_goes_on_once_there_is_space_again() {
    require!(Capability::Root);
    let disk = Scratch::new(Filesystem::Ext4Plain, 16 * MIB).unwrap();
    let ballast = disk.path().join("ballast");
    let mut history = History::open(disk.path().join("history.db"))
        .unwrap()
        .history;
    let names: Vec<String> = (0..300).map(|share| format!("share-{share}")).collect();
    let pass: Vec<_> = names
        .iter()
        .map(|name| (name.as_str(), sample(1 << 40)))
        .collect();
    let mut written = Vec::new();
    let mut now = START;
    for round in 0..3 {
        for _ in 0..5 {
            now += 60;
            history.record(now, &pass).unwrap();
            written.push(now);
        }
        fill(&ballast);
        // A pass may still fit into what the files have already.
        let error = loop {
            now += 60;
            match history.record(now, &pass) {
                Ok(()) => written.push(now),
                Err(error) => break error,
            }
            assert!(now < START + DAY, "it never became full");
        };
        assert_eq!(error.code(), "history.full", "round {round}: {error:?}");
        assert!(error.remedy().is_some());
        for _ in 0..3 {
            assert_eq!(
                history.record(now, &pass).unwrap_err().code(),
                "history.full"
            );
        }
        assert_eq!(
            times(&history, &names[0]),
            written,
            "what is there can be read"
        );
        fs::remove_file(&ballast).unwrap();
    }
    now += DAY;
    history.record(now, &pass).unwrap();
    written.push(now);
    history.maintain(now).unwrap();
    history.check().unwrap();
    for name in &names {
        assert_eq!(times(&history, name), written);
    }
}

#[test]
fn maintenance_that_found_no_space_is_made_up_for() {
    require!(Capability::Root);
    let disk = Scratch::new(Filesystem::Ext4Plain, 16 * MIB).unwrap();
    let mut history = History::open(disk.path().join("history.db"))
        .unwrap()
        .history;
    let names: Vec<String> = (0..300).map(|share| format!("share-{share}")).collect();
    let pass: Vec<_> = names
        .iter()
        .map(|name| (name.as_str(), sample(1 << 40)))
        .collect();
    for hour in 0..60 {
        history.record(START + hour * 3600, &pass).unwrap();
    }
    let ballast = disk.path().join("ballast");
    fill(&ballast);
    let now = START + 60 * 3600;
    // More and more rows: at some point they do not fit.
    let mut more = 0;
    let error = loop {
        match history.maintain(now) {
            Err(error) => break error,
            Ok(()) => {
                more += 1;
                let _ = history.record(now + more * 3600, &pass);
            }
        }
        assert!(more < 10_000, "it never became full");
    };
    assert_eq!(error.code(), "history.full", "{error:?}");
    fs::remove_file(&ballast).unwrap();
    history.maintain(now).unwrap();
    history.check().unwrap();
    let taken = times(&history, &names[7]).len() as u64;
    for resolution in [Resolution::Hourly, Resolution::Daily] {
        let points = history.points(&names[7], 0, i64::MAX, resolution).unwrap();
        assert_eq!(points.iter().map(|point| point.samples).sum::<u64>(), taken);
    }
}

#[test]
fn one_that_cannot_be_made_says_so() {
    require!(Capability::Root);
    let disk = Scratch::new(Filesystem::Ext4Plain, 16 * MIB).unwrap();
    let ballast = disk.path().join("ballast");
    fill(&ballast);
    let path = disk.path().join("history.db");
    let error = History::open(&path).unwrap_err();
    assert_eq!(error.code(), "history.full", "{error:?}");
    fs::remove_file(&ballast).unwrap();
    let opened = History::open(&path).unwrap();
    assert_eq!(opened.moved_aside, None);
}

fn times(history: &History, share: &str) -> Vec<i64> {
    let points = history.points(share, 0, i64::MAX, Resolution::Raw).unwrap();
    points.iter().map(|point| point.at).collect()
}

/// Writes until nothing more fits.
fn fill(path: &std::path::Path) {
    use std::io::Write;
    let mut file = fs::File::create(path).unwrap();
    for chunk in [65_536, 4096, 1] {
        let chunk = vec![7; chunk];
        while file.write_all(&chunk).is_ok() {}
    }
    let _ = file.sync_all();
}
