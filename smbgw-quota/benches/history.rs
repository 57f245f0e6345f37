//! What it costs to remember 1,000 shares: bytes of the file after a year of one sample a minute, and
//! the time of a pass, of an hour's maintenance and of looking things up (`make bench`; no root).
//!
//! What is older than samples are kept is recorded once an hour, and before that once a day: that
//! leaves the same rows. With `SMBGW_BENCH_FULL=1` every minute of the year is recorded (half an hour).

#![allow(clippy::print_stdout)]

use std::fs;
use std::hint::black_box;
use std::time::{Duration, Instant};

use smbgw_quota::history::{Allowance, History, Reader, Resolution, Sample, Source};

const SHARES: usize = 1000;
const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// A day in 2026.
const START: i64 = 20_500 * DAY;
const END: i64 = START + 365 * DAY;

fn main() {
    // Beside the build, as /tmp may be memory.
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let path = dir.path().join("history.db");
    let mut history = History::open(&path).unwrap().history;
    let names: Vec<String> = (0..SHARES)
        .map(|number| format!("share-{number}"))
        .collect();
    let full = std::env::var_os("SMBGW_BENCH_FULL").is_some();

    println!("{SHARES} shares, a year of one sample a minute");
    let start = Instant::now();
    let mut largest = 0;
    let mut written = 0;
    let mut at = START;
    while at < END {
        record(&mut history, &names, at);
        written += 1;
        let step = match END - at {
            _ if full => MINUTE,
            left if left > 92 * DAY => DAY,
            left if left > 9 * DAY => HOUR,
            _ => MINUTE,
        };
        if (at + step) / HOUR > at / HOUR {
            history.maintain(at).unwrap();
            largest = largest.max(history.size().unwrap());
        }
        at += step;
    }
    println!(
        "  {written} passes in {:.0} s",
        start.elapsed().as_secs_f64()
    );
    size("file", history.size().unwrap());
    size("file at its largest, with its log", largest);
    tables(&history);

    let mut times = Vec::new();
    let mut hourly = Vec::new();
    let mut log = 0;
    for minute in 0..6 * 60 {
        let at = END + minute * MINUTE;
        let before = written_bytes();
        let start = Instant::now();
        record(&mut history, &names, at);
        times.push(start.elapsed());
        if at % HOUR == 0 {
            let start = Instant::now();
            history.maintain(at).unwrap();
            hourly.push(start.elapsed());
        }
        log += written_bytes() - before;
    }
    show("one pass", median(&mut times));
    show("one hour's maintenance", median(&mut hourly));
    size("written to disk an hour", log / 6);

    let now = END + 6 * HOUR;
    let days = |days| now - days * DAY;
    let mut number = 0;
    let mut look = |what, from, resolution| {
        let mut found = 0;
        let mut times: Vec<Duration> = (0..50)
            .map(|_| {
                number = (number + 37) % SHARES;
                let start = Instant::now();
                let points = history.points(&names[number], from, now, resolution);
                found = black_box(points.unwrap()).len();
                start.elapsed()
            })
            .collect();
        show(&format!("{what} ({found} points)"), median(&mut times));
    };
    look("a day, all samples", days(1), Resolution::Raw);
    look("7 days, all samples", days(7), Resolution::Raw);
    look("7 days, hourly", days(7), Resolution::Hourly);
    look("90 days, hourly", days(90), Resolution::Hourly);
    look("90 days, daily", days(90), Resolution::Daily);
    look("a year, all there is", days(365), Resolution::Raw);

    let start = Instant::now();
    history.check().unwrap();
    show("check", start.elapsed());
    let start = Instant::now();
    history.forget(&names[1]).unwrap();
    show("forget a share", start.elapsed());
    let start = Instant::now();
    history.archive(&names[2], now).unwrap();
    show("archive a share", start.elapsed());
}

fn record(history: &mut History, names: &[String], at: i64) {
    let pass: Vec<(&str, Sample)> = names
        .iter()
        .enumerate()
        .map(|(number, name)| (name.as_str(), sample(number as u64, at)))
        .collect();
    history.record(at, &pass).unwrap();
}

/// Usage of some TiB that grows, with noise; the limit is raised twice a year.
fn sample(number: u64, at: i64) -> Sample {
    let at = at as u64;
    let noise = (at ^ (number << 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 34;
    let bytes = (number << 30) + (1 << 40) + (at % 31_536_000) * 4096 + noise;
    Sample {
        bytes,
        inodes: Some(1_000_000 + number * 9 + (noise >> 12)),
        limit: Allowance {
            bytes: Some((1 + at / 15_768_000) << 42),
            inodes: Some(100_000_000),
        },
        source: Source::Poll,
    }
}

fn tables(reader: &Reader) {
    let db = rusqlite::Connection::open(reader.path()).unwrap();
    let mut statement = db
        .prepare(
            "SELECT name, sum(pgsize), sum(ncell) FROM dbstat
             GROUP BY name HAVING sum(pgsize) > 100000 ORDER BY 2 DESC",
        )
        .unwrap();
    let mut rows = statement.query([]).unwrap();
    while let Some(row) = rows.next().unwrap() {
        let name: String = row.get(0).unwrap();
        let (bytes, cells): (i64, i64) = (row.get(1).unwrap(), row.get(2).unwrap());
        let each = bytes as f64 / cells as f64;
        println!(
            "  {name:<40} {:>12.1} MB, {each:.1} bytes a row",
            bytes as f64 / 1e6
        );
    }
}

/// Bytes this process has sent to disk.
fn written_bytes() -> u64 {
    let io = fs::read_to_string("/proc/self/io").unwrap();
    let line = io.lines().find_map(|line| line.strip_prefix("wchar: "));
    line.unwrap().parse().unwrap()
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn show(what: &str, time: Duration) {
    println!("  {what:<40} {:>12.2} ms", time.as_secs_f64() * 1e3);
}

fn size(what: &str, bytes: u64) {
    println!("  {what:<40} {:>12.1} MB", bytes as f64 / 1e6);
}
