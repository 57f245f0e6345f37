//! What it costs to see how a cluster stands, side by side with the `ctdb` command.
//!
//! `make bench`, as root. Figures are medians of one run, taken in turns on the same cluster of three nodes.
//! `ctdb` runs in the node by `nsenter`; what `true` takes in the same way is taken off its figures, and so
//! `ctdb` even has the start of its process for nothing.

#![allow(
    clippy::print_stdout,
    reason = "the figures are what this program is for"
)]

use std::error::Error;
use std::fs;
use std::time::{Duration, Instant};

use smbgw_core::deadline::Deadline;
use smbgw_core::host::NamespaceHost;
use smbgw_ctdb::client::{Client, question};
use smbgw_ctdb::status::{Watch, read_one};
use smbgw_testing::cluster::Settings;
use smbgw_testing::{Cluster, run};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// How often each way is timed.
const ROUNDS: usize = 25;

/// How often that is done in a row which takes less than a tick of the clock of processes.
const IN_A_ROW: u32 = 100;

fn main() -> Outcome<()> {
    // `cargo test --benches` runs this as well, and wants no measuring.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    let settings = Settings {
        file_server: false,
        ..Settings::default()
    };
    let cluster = Cluster::start(3, settings)?;
    let node = cluster.node(0);
    let host = NamespaceHost::of_process(node.name(), node.pid())?;
    let command = |words: &[&str]| -> Outcome<()> {
        let (program, arguments) = words.split_first().ok_or("no program")?;
        run(node.command(program).args(arguments))?;
        Ok(())
    };
    let mut watch = Watch::of_host(&host);
    watch.read(soon())?;

    let mut nothing = Row::new("`true`");
    let mut theirs = Row::new("`ctdb status`");
    let mut their_nodes = Row::new("`ctdb -X nodestatus all`");
    let mut ours = Row::new("`read_one`, all of it, from nothing");
    let mut our_watch = Row::new("`Watch::read`, all of it");
    let mut our_nodes = Row::new("the nodes, from nothing");
    for _ in 0..ROUNDS {
        nothing.take(1, || command(&["true"]))?;
        theirs.take(1, || command(&["ctdb", "status"]))?;
        their_nodes.take(1, || command(&["ctdb", "-X", "nodestatus", "all"]))?;
        ours.take(1, || {
            read_one(&host, soon())?;
            Ok(())
        })?;
        our_watch.take(IN_A_ROW, || {
            watch.read(soon())?;
            Ok(())
        })?;
        our_nodes.take(IN_A_ROW, || {
            let mut client = Client::of_host(&host, soon())?;
            client.get(&question::nodes(), None, soon())?;
            Ok(())
        })?;
    }
    let (wall, cpu) = nothing.medians();
    println!("| way | wall | processor |");
    println!("| --- | --- | --- |");
    let less = |row: &Row| {
        let (all_wall, all_cpu) = row.medians();
        (all_wall.saturating_sub(wall), all_cpu.saturating_sub(cpu))
    };
    let all = [
        (&theirs, less(&theirs)),
        (&ours, ours.medians()),
        (&our_watch, our_watch.medians()),
        (&their_nodes, less(&their_nodes)),
        (&our_nodes, our_nodes.medians()),
    ];
    for (row, (wall, cpu)) in &all {
        println!("| {} | {wall:.1?} | {cpu:.1?} |", row.title);
    }
    for (ours, theirs) in [(1, 0), (2, 0), (4, 3)] {
        let ((our_wall, our_cpu), (their_wall, their_cpu)) = (all[ours].1, all[theirs].1);
        println!(
            "{} beside {}: {:.0} times less wall, {:.0} times less processor",
            all[ours].0.title,
            all[theirs].0.title,
            their_wall.as_secs_f64() / our_wall.as_secs_f64(),
            their_cpu.as_secs_f64() / our_cpu.as_secs_f64(),
        );
    }
    Ok(())
}

/// The figures of one way.
struct Row {
    title: &'static str,
    wall: Vec<Duration>,
    cpu: Vec<Duration>,
}

impl Row {
    fn new(title: &'static str) -> Self {
        Self {
            title,
            wall: Vec::new(),
            cpu: Vec::new(),
        }
    }

    fn take(&mut self, times: u32, mut work: impl FnMut() -> Outcome<()>) -> Outcome<()> {
        let (start, cpu) = (Instant::now(), processor_time()?);
        for _ in 0..times {
            work()?;
        }
        self.wall.push(start.elapsed() / times);
        self.cpu.push(processor_time()?.saturating_sub(cpu) / times);
        Ok(())
    }

    /// The median of wall time, and the mean of processor time, which has the grain of a tick for processes.
    fn medians(&self) -> (Duration, Duration) {
        let mut wall = self.wall.clone();
        wall.sort_unstable();
        let rounds = u32::try_from(self.cpu.len()).unwrap_or(u32::MAX).max(1);
        let cpu: Duration = self.cpu.iter().sum();
        (wall[wall.len() / 2], cpu / rounds)
    }
}

/// What this thread used, and the programs it ran and waited for (proc(5)).
fn processor_time() -> Outcome<Duration> {
    let own = fs::read_to_string("/proc/thread-self/schedstat")?;
    let own: u64 = own.split_whitespace().next().ok_or("no time")?.parse()?;
    let stat = fs::read_to_string("/proc/self/stat")?;
    // The name of the program may have blanks in it.
    let (_, fields) = stat.rsplit_once(')').ok_or("no fields")?;
    let mut fields = fields.split_whitespace().skip(13);
    let mut ticks = 0;
    for _ in 0..2 {
        ticks += fields.next().ok_or("no ticks")?.parse::<u64>()?;
    }
    Ok(Duration::from_nanos(own) + Duration::from_millis(ticks * 10))
}

fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(60))
}
