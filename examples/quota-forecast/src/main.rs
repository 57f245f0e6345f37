//! Watches a directory with a limit (ext4, XFS), remembers its usage, and says when it will be full.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::{error::Error, path::PathBuf, thread, time::Duration};

use clap::Parser;
use smbgw_quota::history::{History, Resolution, Sample, Source};
use smbgw_quota::trend::{Forecast, Options, Point};
use smbgw_quota::{Project, watch::QuotaEvents};

/// Samples the usage of a directory with a limit, and prints when it will be full.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// A directory with a project quota.
    path: PathBuf,
    /// Where the usage is remembered.
    #[arg(long, default_value = "quota-history.db")]
    history: PathBuf,
    /// Seconds between two samples; the kernel says at once when a limit is reached.
    #[arg(long, default_value_t = 60)]
    interval: u64,
    /// End after so many samples.
    #[arg(long)]
    samples: Option<usize>,
}

fn watch(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let mut history = History::open(&arguments.history)?.history;
    let mut events = QuotaEvents::open().ok();
    let key = arguments.path.to_string_lossy();
    for _ in 0..arguments.samples.unwrap_or(usize::MAX) {
        let usage = Project::open(&arguments.path)?.usage()?;
        let now = jiff::Timestamp::now().as_second();
        history.record(now, &[(&key, Sample::of(&usage, Source::Poll))])?;
        history.maintain(now)?;
        let past = history.points(&*key, now - 30 * 86_400, now + 1, Resolution::Auto)?;
        let points = past.iter().map(|one| (one.at, one.mean));
        let points: Vec<_> = points.map(|(at, bytes)| Point { at, bytes }).collect();
        let limit = usage.limits.bytes.unwrap_or(u64::MAX);
        let forecast = Forecast::new(&points, usage.bytes, limit, &[], now, &Options::default());
        println!("{} of {limit} bytes; full {}", usage.bytes, forecast.full);
        let interval = Duration::from_secs(arguments.interval);
        match &mut events {
            Some(events) => drop(events.next(interval)?),
            None => thread::sleep(interval),
        }
    }
    Ok(())
}

fn main() {
    if let Err(error) = watch(&Arguments::parse()) {
        eprintln!("quota-forecast: {error}");
        std::process::exit(1);
    }
}
