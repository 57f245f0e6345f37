//! A process that is killed while it writes leaves each pass whole or not at all.

#![cfg(feature = "history")]

mod history;

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use history::{HOUR, START, sample};
use smbgw_quota::history::{History, Resolution};

const SHARES: usize = 40;
const KILLS: u64 = 40;

/// Tells the process that it is the one to be killed, and where to write.
const VICTIM: &str = "SMBGW_HISTORY_VICTIM";

#[test]
fn a_pass_is_there_whole_or_not_at_all() {
    if let Some(path) = std::env::var_os(VICTIM) {
        write_on(Path::new(&path));
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("history.db");
    let mut last = 0;
    for kill in 0..KILLS {
        let acknowledged = kill_at(&path, 3 + kill * 7 % 60, kill * 137 % 3000);
        let opened = History::open(&path).unwrap();
        assert_eq!(opened.moved_aside, None);
        let mut history = opened.history;
        history.check().unwrap();
        let passes = passes(&history, 0);
        assert!(passes > last, "nothing was written");
        // What was written and not yet said so is at most one pass.
        assert!(
            passes == acknowledged || passes == acknowledged + 1,
            "{passes} of {acknowledged} passes"
        );
        for share in 1..SHARES {
            assert_eq!(self::passes(&history, share), passes, "share {share}");
        }
        if kill % 5 == 0 {
            history.maintain(START + 60 * passes as i64).unwrap();
        }
        last = passes;
    }
}

/// The number of samples of a share, which all tiers agree on.
fn passes(history: &History, share: usize) -> u64 {
    let [raw, hourly, daily] =
        [Resolution::Raw, Resolution::Hourly, Resolution::Daily].map(|one| {
            let points = history
                .points(&format!("share-{share}"), 0, i64::MAX, one)
                .unwrap();
            points.iter().map(|point| point.samples).sum::<u64>()
        });
    assert_eq!((raw, raw), (hourly, daily));
    raw
}

/// Lets a process write `passes`, and some microseconds more; how many there are, it says.
fn kill_at(path: &Path, passes: u64, microseconds: u64) -> u64 {
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "a_pass_is_there_whole_or_not_at_all",
            "--nocapture",
        ])
        .env(VICTIM, path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(victim.stdout.take().unwrap()).lines();
    let mut acknowledged = 0;
    let mut listen = |limit: u64| {
        let mut heard = 0;
        while heard < limit
            && let Some(line) = said.next()
        {
            if let Some(number) = line.unwrap().strip_prefix("passes: ") {
                acknowledged = number.parse().unwrap();
                heard += 1;
            }
        }
        heard
    };
    let heard = listen(passes);
    std::thread::sleep(Duration::from_micros(microseconds));
    victim.kill().unwrap();
    let status = victim.wait().unwrap();
    assert_eq!(heard, passes, "{status}");
    // What it still said.
    listen(u64::MAX);
    acknowledged
}

/// Writes passes, and tells of each, until killed.
fn write_on(path: &Path) -> ! {
    let mut history = History::open(path).unwrap().history;
    let names: Vec<String> = (0..SHARES).map(|share| format!("share-{share}")).collect();
    let mut passes = match history.series().unwrap().is_empty() {
        true => 0,
        false => self::passes(&history, 0),
    };
    let mut out = std::io::stdout();
    loop {
        let at = START + 60 * passes as i64;
        let pass: Vec<_> = names
            .iter()
            .map(|name| (name.as_str(), sample(passes)))
            .collect();
        history.record(at, &pass).unwrap();
        passes += 1;
        writeln!(out, "\npasses: {passes}").unwrap();
        if at % HOUR == 0 {
            history.maintain(at).unwrap();
        }
    }
}
