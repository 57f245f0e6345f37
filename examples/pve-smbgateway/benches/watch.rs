//! What watching many shares costs: memory, processor time, processes and the size of the history.
//!
//! `make bench`, as root. `docs/performance.md` explains what is measured and keeps the results.
//! How long and how much is set by `SMBGW_WATCH_SECONDS` (30), `SMBGW_WATCH_INTERVAL` (1, seconds
//! between two looks) and `SMBGW_WATCH_SHARES` (1000).
//!
//! The shares are subvolumes with limits on a btrfs of its own, in a light host; something is
//! written to one after the other all the time.

#![allow(
    clippy::print_stdout,
    reason = "the figures are what this program is for"
)]

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;
use smbgw_core::catalog::{self, ShareRecord};
use smbgw_core::deadline::Deadline;
use smbgw_core::host::LocalHost;
use smbgw_core::ports::{Limits, Storage};
use smbgw_core::share::ShareDraft;
use smbgw_quota::QuotaStorage;
use smbgw_testing::{Daemon, Filesystem, LightHost, MIB, Scratch, run, wait_until};

type Outcome<T> = Result<T, Box<dyn Error>>;

const PROGRAM: &str = env!("CARGO_BIN_EXE_pve-smbgateway");

const STATUS: &str = "/run/smbgw/monitor.json";
const HISTORY: &str = "/var/lib/smbgw/history.db";

/// How often the program's memory is looked at between its start and its end.
const ROWS: u32 = 5;

/// How often something is written to a share, and the time of the last look noted.
const PAUSE: Duration = Duration::from_millis(250);

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, fill, count] = arguments.as_slice()
        && fill == "fill"
    {
        return fill_with_shares(count.parse()?);
    }
    // `cargo test --benches` runs this as well, and wants no measuring.
    if !arguments.iter().any(|argument| argument == "--bench") {
        return Ok(());
    }
    let set = |name: &str, default: u64| match std::env::var(name) {
        Ok(text) => text.parse(),
        Err(_) => Ok(default),
    };
    let plan = Plan {
        length: Duration::from_secs(set("SMBGW_WATCH_SECONDS", 30)?),
        interval: set("SMBGW_WATCH_INTERVAL", 1)?,
        shares: set("SMBGW_WATCH_SHARES", 1_000)?,
    };
    plan.carry_out()
}

struct Plan {
    length: Duration,
    interval: u64,
    shares: u64,
}

impl Plan {
    fn carry_out(&self) -> Outcome<()> {
        let disk = Scratch::new(Filesystem::BtrfsQuota, 4096 * MIB)?;
        run(Command::new("btrfs")
            .args(["quota", "rescan", "-w"])
            .arg(disk.path()))?;
        let host = LightHost::named("watched")?;
        host.bind(disk.path(), "/srv/disk")?;
        let settings = format!(
            "[monitor]\ninterval_seconds = {}\n[journal]\nenabled = false\n",
            self.interval
        );
        host.write("/etc/smbgw/monitor.toml", settings)?;
        let mut fill = host.command(std::env::current_exe()?);
        run(fill.arg("fill").arg(self.shares.to_string()))?;

        let mut command = host.command(PROGRAM);
        command
            .args(["monitor", "run"])
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        let monitor = Daemon::spawn(&mut command)?;
        let looked = || fs::metadata(host.path(STATUS)).is_ok().then_some(());
        wait_until(Duration::from_secs(120), "the first look", looked)?;
        self.watch(&host, disk.path(), &monitor)?;
        let looks = run(host.command(PROGRAM).args([
            "quota-history",
            "share00000",
            "--resolution",
            "raw",
            "--csv",
        ]))
        .map(|table| table.lines().count().saturating_sub(1));
        monitor.stop()?;
        self.history(&host, looks)
    }

    /// Watches the program watching, and says what it uses.
    fn watch(&self, host: &LightHost, disk: &Path, monitor: &Daemon) -> Outcome<()> {
        let title = format!(
            "{} shares, a look every {} s, {} s long",
            self.shares,
            self.interval,
            self.length.as_secs()
        );
        heading(
            &title,
            &[
                "after",
                "looks",
                "memory",
                "of it its own",
                "processor time a look",
                "a look takes, median",
                "at most",
                "history",
            ],
        );
        let pid = monitor.program_pid();
        let processes = processes_started(host)?;
        let overhead = processes_started(host)? - processes;
        let begin = Instant::now();
        let mut looks = BTreeMap::new();
        let mut before = Used::of(pid)?;
        let mut in_rows = 0;
        let mut written = 0;
        for number in 0..=ROWS {
            let end = begin + self.length * number / ROWS;
            while Instant::now() < end {
                let share = disk.join(format!("{:05}", written % self.shares));
                written += 1;
                let mut file = fs::OpenOptions::new()
                    .create(true)
                    .append(true)
                    .open(share.join("file"))?;
                file.write_all(&[7; 16 * 1024])?;
                sleep(PAUSE);
                let status: Value = serde_json::from_str(&host.read(STATUS)?)?;
                let last = &status["last_look"];
                if let (Some(at), Some(seconds)) = (last["at"].as_i64(), last["seconds"].as_f64()) {
                    looks.insert(at, seconds);
                }
            }
            let used = Used::of(pid)?;
            let new = looks.len() - in_rows;
            in_rows = looks.len();
            let a_look = (used.processor - before.processor)
                .checked_div(u32::try_from(new)?)
                .unwrap_or_default();
            before = used;
            let mut times: Vec<f64> = looks.values().copied().collect();
            times.sort_by(f64::total_cmp);
            let milliseconds = |seconds: Option<&f64>| {
                seconds.map_or("".into(), |seconds| format!("{:.0} ms", seconds * 1e3))
            };
            row(&[
                format!("{:.0} s", begin.elapsed().as_secs_f64()),
                looks.len().to_string(),
                format!("{:.1} MiB", used.memory as f64 / 1024.0),
                format!("{:.1} MiB", used.own_memory as f64 / 1024.0),
                format!("{:.1} ms", a_look.as_secs_f64() * 1e3),
                milliseconds(times.get(times.len() / 2)),
                milliseconds(times.last()),
                format!("{} KiB", size(host)? / 1024),
            ]);
        }
        let started = processes_started(host)? - processes - 2 * overhead;
        println!(
            "\n{started} processes and threads were started in {} looks.",
            looks.len()
        );
        Ok(())
    }

    /// What the history needs, once all of it is in one file.
    fn history(&self, host: &LightHost, looks: Result<usize, smbgw_testing::Error>) -> Outcome<()> {
        let (looks, bytes) = (looks? as u64, size(host)?);
        let samples = (looks * self.shares).max(1);
        let a_sample = bytes as f64 / samples as f64;
        println!(
            "The history has {} KiB for {looks} looks: {a_sample:.1} bytes for a share and look, \
             {:.1} MiB for a day of looks each minute.",
            bytes / 1024,
            a_sample * 1440.0 * self.shares as f64 / MIB as f64
        );
        Ok(())
    }
}

/// What the program uses.
#[derive(Clone, Copy)]
struct Used {
    /// In KiB, with what it shares with others.
    memory: u64,
    /// In KiB, without that.
    own_memory: u64,
    processor: Duration,
}

impl Used {
    fn of(pid: u32) -> Outcome<Self> {
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        let field = |name: &str| -> Outcome<u64> {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let number = line.and_then(|line| line.split_whitespace().next());
            Ok(number.ok_or("a line is missing in status")?.parse()?)
        };
        let mut nanoseconds = 0;
        for task in fs::read_dir(format!("/proc/{pid}/task"))? {
            let text = fs::read_to_string(task?.path().join("schedstat"))?;
            let ran = text.split(' ').next().unwrap_or_default();
            nanoseconds += ran.parse::<u64>()?;
        }
        Ok(Self {
            memory: field("VmRSS:")?,
            own_memory: field("RssAnon:")?,
            processor: Duration::from_nanos(nanoseconds),
        })
    }
}

/// How many processes and threads were started in `host` since it began; asking counts too.
fn processes_started(host: &LightHost) -> Outcome<u64> {
    let last = run(host.command("cat").arg("/proc/sys/kernel/ns_last_pid"))?;
    Ok(last.trim().parse()?)
}

/// Bytes of the history's database and its log.
fn size(host: &LightHost) -> Outcome<u64> {
    let database = fs::metadata(host.path(HISTORY))?.len();
    let log = fs::metadata(host.path(format!("{HISTORY}-wal")));
    Ok(database + log.map_or(0, |log| log.len()))
}

/// Runs inside a host: makes `count` shares as far as the monitor is concerned.
fn fill_with_shares(count: usize) -> Outcome<()> {
    let host = LocalHost::new();
    let storage = QuotaStorage::new(&host).without_sync();
    let deadline = Deadline::after(Duration::from_secs(600));
    for number in 0..count {
        let path = format!("/srv/disk/{number:05}");
        let draft = ShareDraft {
            name: format!("share{number:05}"),
            path: Some(path.clone()),
            quota: Some("64M".into()),
            users: vec!["root".into()],
            ..ShareDraft::default()
        };
        let spec = draft.check().map_err(|problems| format!("{problems:?}"))?;
        let volume = storage.choose(&spec.name, Path::new(&path), &[], deadline)?;
        storage.create(&volume, deadline)?;
        storage.set_limits(&volume, Limits::of_bytes(spec.quota.bytes()), deadline)?;
        catalog::store(&host, &ShareRecord::new(spec, volume, 1_700_000_000))?;
    }
    Ok(())
}

fn heading(title: &str, columns: &[&str]) {
    println!("\n### {title}\n\n| {} |", columns.join(" | "));
    println!("|{}", " --- |".repeat(columns.len()));
}

fn row(cells: &[String]) {
    println!("| {} |", cells.join(" | "));
}
