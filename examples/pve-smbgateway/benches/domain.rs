//! How long it takes to join a domain and to look at the membership, side by side with the programs
//! that do so today.
//!
//! `make bench`, as root. Every figure is a median of one run on one machine, and what is compared
//! is measured in turns on the same domain controller, so that the ratios hold where the
//! milliseconds do not. `docs/performance.md` explains what is measured and keeps the results.
//!
//! The domain and its members are those of the test lab: hosts in namespaces, which nothing of the
//! machine's own Samba and Kerberos reaches. Each join is that of a new account by a new host.

#![allow(
    clippy::print_stdout,
    reason = "the figures are what this program is for"
)]

use std::error::Error;
use std::time::{Duration, Instant};

use smbgw_testing::process::run_with;
use smbgw_testing::{Domain, LightHost, run};

type Outcome<T> = Result<T, Box<dyn Error>>;

const PROGRAM: &str = env!("CARGO_BIN_EXE_pve-smbgateway");

/// How often each way of joining is timed.
const JOINS: usize = 9;

/// How often each way of looking at a membership is timed.
const LOOKS: usize = 25;

fn main() -> Outcome<()> {
    // `cargo test --benches` runs this as well, and wants no measuring.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    let domain = Domain::start()?;
    joins(&domain)?;
    looks(&domain)
}

/// A way to join a host.
struct Joiner {
    title: &'static str,
    /// What its hosts are called, with a number behind it.
    name: &'static str,
    /// Whether the host is given a configuration first.
    configured: bool,
    join: fn(&LightHost) -> Outcome<()>,
}

const JOINERS: [Joiner; 3] = [
    Joiner {
        title: "`pve-smbgateway ad-join`",
        name: "ours",
        configured: false,
        join: |host| {
            let mut command = host.command(PROGRAM);
            command
                // The others do not start winbindd either.
                .args(["ad-join", "--no-winbind", Domain::NAME])
                .args(["--user", Domain::ADMINISTRATOR, "--password-file", "-"]);
            Ok(run_with(&mut command, Domain::PASSWORD.as_bytes()).map(drop)?)
        },
    },
    Joiner {
        title: "`adcli join`",
        name: "adcli",
        configured: true,
        join: |host| {
            let mut command = host.command("adcli");
            command
                .args(["join", "--stdin-password", "--domain", Domain::NAME])
                .args(["--login-user", Domain::ADMINISTRATOR]);
            Ok(run_with(&mut command, Domain::PASSWORD.as_bytes()).map(drop)?)
        },
    },
    Joiner {
        title: "`net ads join`",
        name: "net",
        configured: true,
        join: |host| {
            let login = format!("{}%{}", Domain::ADMINISTRATOR, Domain::PASSWORD);
            Ok(run(host.command("net").args(["ads", "join", "-U", &login])).map(drop)?)
        },
    },
];

/// New hosts, joined in each way in turns.
fn joins(domain: &Domain) -> Outcome<()> {
    let mut times = JOINERS.map(|_| Vec::new());
    for round in 0..JOINS {
        for (joiner, times) in JOINERS.iter().zip(&mut times) {
            let name = format!("{}{round}", joiner.name);
            let host = match joiner.configured {
                true => domain.prepared_member(&name)?,
                false => domain.host(&name)?,
            };
            let entering = time(|| Ok(run(&mut host.command("true")).map(drop)?))?;
            let whole = time(|| (joiner.join)(&host))?;
            times.push(whole.saturating_sub(entering));
        }
    }
    let titles = JOINERS.each_ref().map(|joiner| joiner.title);
    compare("joining a domain", &titles, &times);
    Ok(())
}

/// One member of each kind, looked at in turns.
fn looks(domain: &Domain) -> Outcome<()> {
    let [ours, _, by_net] = &JOINERS;
    let program = domain.host("look1")?;
    (ours.join)(&program)?;
    // Without it, `ad-status` says so and fails; with it, it asks it as well.
    let _winbindd = program.start_winbindd()?;
    let net = domain.prepared_member("look2")?;
    (by_net.join)(&net)?;
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..LOOKS {
        let entering = time(|| Ok(run(&mut net.command("true")).map(drop)?))?;
        let status = time(|| Ok(run(program.command(PROGRAM).arg("ad-status")).map(drop)?))?;
        let both = time(|| {
            run(net.command("net").args(["ads", "testjoin"]))?;
            Ok(run(net.command("net").args(["ads", "info"])).map(drop)?)
        })?;
        times[0].push(status.saturating_sub(entering));
        times[1].push(both.saturating_sub(entering * 2));
    }
    let titles = [
        "`pve-smbgateway ad-status`",
        "`net ads testjoin` and `net ads info`",
    ];
    compare("looking at a membership", &titles, &times);
    Ok(())
}

fn time(work: impl FnOnce() -> Outcome<()>) -> Outcome<Duration> {
    let begin = Instant::now();
    work()?;
    Ok(begin.elapsed())
}

/// Shows medians, and how much of each other's the first is.
fn compare<const COUNT: usize>(
    title: &str,
    titles: &[&str; COUNT],
    times: &[Vec<Duration>; COUNT],
) {
    println!("\n### {title}\n\n| way | median | ours is of it |\n| --- | --- | --- |");
    let medians = times.each_ref().map(|times| median(times));
    for (title, median) in titles.iter().zip(medians) {
        let share = medians[0].as_secs_f64() / median.as_secs_f64();
        let milliseconds = median.as_secs_f64() * 1000.0;
        println!("| {title} | {milliseconds:.0} ms | {share:.2} |");
    }
}

fn median(times: &[Duration]) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort();
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}
