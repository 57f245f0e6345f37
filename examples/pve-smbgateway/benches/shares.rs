//! How long the program takes, side by side with what a script does today.
//!
//! `make bench`, as root. Every figure is a median of one run on one machine, and what is compared
//! is measured in turns, so that the ratios hold where the milliseconds do not.
//! `docs/performance.md` explains what is measured and keeps the results.
//!
//! The machine's own Samba is not touched: each smbd runs in a light host of its own, on a btrfs
//! with quotas.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the figures are what this program is for"
)]

use std::error::Error;
use std::process::Command;
use std::time::{Duration, Instant};

use smbgw_core::catalog::{self, ShareRecord};
use smbgw_core::deadline::Deadline;
use smbgw_core::definition::synchronise;
use smbgw_core::host::LocalHost;
use smbgw_core::ports::{Filesystem, Handle, Origin, Volume};
use smbgw_core::share::ShareDraft;
use smbgw_testing::{Daemon, LightHost, MIB, Scratch, run};

type Outcome<T> = Result<T, Box<dyn Error>>;

const PROGRAM: &str = env!("CARGO_BIN_EXE_pve-smbgateway");

/// How often each way of making a share is timed.
const REPETITIONS: usize = 25;

/// How often each operation beside many shares is timed.
const REPETITIONS_BESIDE: usize = 7;

/// How many shares there are, beside which operations are timed.
const COUNTS: [usize; 4] = [1_000, 2_500, 5_000, 10_000];

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
    start_up()?;
    create_against_script()?;
    beside_many_shares()
}

/// The program's own start, which every other figure contains.
fn start_up() -> Outcome<()> {
    heading("start of the program", &["call", "median"]);
    let host = LightHost::start()?;
    for (name, arguments) in [
        ("--version", ["--version"].as_slice()),
        ("list, no shares", &["list"]),
        ("list --json, no shares", &["--json", "list"]),
    ] {
        let times = repeat(REPETITIONS, |_| time(host.command(PROGRAM).args(arguments)))?;
        let entering = repeat(REPETITIONS, |_| time(&mut host.command("true")))?;
        let own = median(&times).saturating_sub(median(&entering));
        row(&[name.into(), milliseconds(own)]);
    }
    Ok(())
}

/// One share, made by the program and by a script, in turns.
fn create_against_script() -> Outcome<()> {
    let ours = Gateway::start("ours", "[global]\n")?;
    let theirs = Gateway::start("theirs", "[global]\ninclude = registry\n")?;
    let mixed = Gateway::start("mixed", "[global]\ninclude = registry\n")?;
    let [
        mut create,
        mut beside_registry,
        mut define,
        mut until_it_answers,
        mut all,
    ] = [(); 5].map(|()| Vec::new());
    for number in 0..=REPETITIONS {
        let made = ours.create(number)?;
        let made_beside_registry = mixed.create(number)?;
        let (defined, answered) = theirs.script(number)?;
        let everything = theirs.whole_script(number)?;
        // The first of each warms the caches up.
        if number > 0 {
            create.push(made);
            beside_registry.push(made_beside_registry);
            define.push(defined);
            until_it_answers.push(answered);
            all.push(everything);
        }
    }
    heading(
        &format!("one new share, {REPETITIONS} times each"),
        &["way", "median", "fastest", "create is"],
    );
    let ratio = |other: &[Duration]| {
        let ratio = median(&create).as_secs_f64() / median(other).as_secs_f64();
        format!("{ratio:.2} ×")
    };
    for (name, times) in [
        ("create", &create),
        (
            "create, smb.conf with `include = registry`",
            &beside_registry,
        ),
        ("net conf addshare; smbcontrol reload-config", &define),
        (
            "the same, then smbclient until it answers",
            &until_it_answers,
        ),
        (
            "a script for all that create does: testparm, subvolume, quota, ACL, net conf, \
             smbcontrol, smbclient",
            &all,
        ),
    ] {
        let fastest = times.iter().min().copied().unwrap_or_default();
        row(&[
            name.into(),
            milliseconds(median(times)),
            milliseconds(fastest),
            ratio(times),
        ]);
    }
    Ok(())
}

/// Listing many shares, and making one more.
fn beside_many_shares() -> Outcome<()> {
    heading(
        "beside many shares",
        &[
            "shares",
            "list",
            "list --json",
            "check",
            "create",
            "of it Samba alone",
        ],
    );
    let mut first: Option<[Duration; 5]> = None;
    let mut last = [Duration::ZERO; 5];
    for count in COUNTS {
        let gateway = Gateway::start("many", "[global]\n")?;
        let mut fill = gateway.host.command(std::env::current_exe()?);
        run(fill.arg("fill").arg(count.to_string()))?;
        run(gateway
            .host
            .command("smbcontrol")
            .args(["smbd", "reload-config"]))?;
        let program = |arguments: &[&str]| {
            repeat(REPETITIONS_BESIDE, |_| {
                time(gateway.host.command(PROGRAM).args(arguments))
            })
        };
        let list = median(&program(&["list"])?);
        let json = median(&program(&["--json", "list"])?);
        let check = median(&program(&["check"])?);
        // In turns: a share made, and the same smbd only told to read the same definitions again
        // and then asked.
        let [mut create, mut samba] = [(); 2].map(|()| Vec::new());
        for number in 0..REPETITIONS_BESIDE {
            create.push(gateway.create(number)?);
            let again = format!("smbcontrol smbd reload-config\n{UNTIL_IT_ANSWERS}");
            samba.push(time(&mut gateway.bash(&again, "new0", ""))?);
        }
        last = [list, json, check, median(&create), median(&samba)];
        first.get_or_insert(last);
        let mut cells = vec![count.to_string()];
        cells.extend(last.iter().copied().map(milliseconds));
        row(&cells);
    }
    let more = COUNTS[COUNTS.len() - 1] as f64 / COUNTS[0] as f64;
    let mut cells = vec![format!("{more:.0} times as many take")];
    for (first, last) in first.iter().flatten().zip(last) {
        let ratio = last.as_secs_f64() / first.as_secs_f64();
        cells.push(format!("{ratio:.1} ×"));
    }
    row(&cells);
    Ok(())
}

/// A host with a running smbd, a disk with quotas at `/srv/disk` and the user `alice`.
struct Gateway {
    // Dropped in this order.
    _smbd: Daemon,
    host: LightHost,
    _disk: Scratch,
}

impl Gateway {
    fn start(name: &str, smb_conf: &str) -> Outcome<Self> {
        let disk = Scratch::new(smbgw_testing::Filesystem::BtrfsQuota, 2048 * MIB)?;
        let host = LightHost::named(name)?;
        host.bind(disk.path(), "/srv/disk")?;
        host.write("/etc/samba/smb.conf", smb_conf)?;
        host.add_user("alice", "a password")?;
        let smbd = host.start_smbd()?;
        Ok(Self {
            _smbd: smbd,
            host,
            _disk: disk,
        })
    }

    /// A share made by the program, which ends when the share has answered over SMB.
    fn create(&self, number: usize) -> Outcome<Duration> {
        let (name, path) = (format!("new{number}"), format!("/srv/disk/new{number}"));
        time(
            self.host
                .command(PROGRAM)
                .args(["create", &name, "--path", &path])
                .args(["--quota", "16M", "--user", "alice"]),
        )
    }

    /// A share as scripts make it: how long it takes to define it, and until it answers.
    fn script(&self, number: usize) -> Outcome<(Duration, Duration)> {
        let (name, path) = (format!("old{number}"), format!("/srv/disk/old{number}"));
        std::fs::create_dir(self.host.path(&path))?;
        let begin = Instant::now();
        run(&mut self.bash(DEFINE, &name, &path))?;
        let defined = begin.elapsed();
        run(&mut self.bash(UNTIL_IT_ANSWERS, &name, &path))?;
        Ok((defined, begin.elapsed()))
    }

    /// All that the program does, done by the usual programs.
    fn whole_script(&self, number: usize) -> Outcome<Duration> {
        let (name, path) = (format!("all{number}"), format!("/srv/disk/all{number}"));
        let script = format!("{PREPARE}{DEFINE}{UNTIL_IT_ANSWERS}");
        time(&mut self.bash(&script, &name, &path))
    }

    fn bash(&self, script: &str, name: &str, path: &str) -> Command {
        let mut command = self.host.command("bash");
        command.args(["-euc", script, "bash", name, path]);
        command
    }
}

const DEFINE: &str = "
    net conf addshare \"$1\" \"$2\" writeable=y guest_ok=n >/dev/null
    smbcontrol smbd reload-config
";

/// Nobody is let in, and told so by a share that is there.
const UNTIL_IT_ANSWERS: &str = "
    until smbclient --configfile=/dev/null --no-pass \"//localhost/$1\" --command=quit 2>&1 |
        grep -Eq 'NT_STATUS_ACCESS_DENIED|^$'; do
        :
    done
";

const PREPARE: &str = "
    testparm -s >/dev/null 2>&1
    pdbedit --list --user alice >/dev/null
    ! net conf showshare \"$1\" >/dev/null 2>&1
    btrfs --quiet subvolume create \"$2\"
    btrfs qgroup limit 16M \"$2\"
    chmod 770 \"$2\"
    setfacl -m u:alice:rwx,d:u:alice:rwx \"$2\"
    sync --file-system \"$2\"
";

/// Runs inside a host: the records and definitions of `count` shares, made by the library.
fn fill_with_shares(count: usize) -> Outcome<()> {
    let host = LocalHost::new();
    for number in 0..count {
        let path = format!("/srv/many/{number:05}");
        let draft = ShareDraft {
            name: format!("share{number:05}"),
            mode: Some("native".into()),
            path: Some(path.clone()),
            quota: Some("10G".into()),
            users: vec!["alice".into()],
            ..ShareDraft::default()
        };
        let spec = draft.check().map_err(|problems| format!("{problems:?}"))?;
        let volume = Volume {
            path: path.into(),
            filesystem: Filesystem::Btrfs,
            handle: Handle::Subvolume,
            origin: Origin::Created,
        };
        catalog::store(&host, &ShareRecord::new(spec, volume, 1_700_000_000))?;
    }
    synchronise(&host, None, Deadline::after(Duration::from_secs(60)))?;
    Ok(())
}

fn repeat(
    times: usize,
    mut once: impl FnMut(usize) -> Outcome<Duration>,
) -> Outcome<Vec<Duration>> {
    (0..times).map(&mut once).collect()
}

/// How long a command takes; one that fails ends the measuring.
fn time(command: &mut Command) -> Outcome<Duration> {
    let begin = Instant::now();
    run(command)?;
    Ok(begin.elapsed())
}

fn median(times: &[Duration]) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort();
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}

fn heading(title: &str, columns: &[&str]) {
    println!("\n### {title}\n\n| {} |", columns.join(" | "));
    println!("|{}", " --- |".repeat(columns.len()));
}

fn row(cells: &[String]) {
    println!("| {} |", cells.join(" | "));
}
