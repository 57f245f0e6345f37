//! Breaks a node of a CTDB cluster on purpose, measures what SMB clients see of it, and repairs the node: any
//! cluster, whoever set it up.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::io::{self, BufRead, IsTerminal};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use smbgw_core::deadline::Deadline;
use smbgw_core::error::{Problem, chain_text};
use smbgw_core::host::Reach;
use smbgw_core::lifecycle::Outcome;
use smbgw_core::progress::Silent;
use smbgw_core::secret::Secret;
use smbgw_ctdb::draft::NodeDraft;
use smbgw_ctdb::drill::{self, DrillDraft, Report, Scenario};
use smbgw_ctdb::members::Members;
use smbgw_ctdb::world::Cluster;

/// Breaks a node of a CTDB cluster on purpose, measures what SMB clients see of it, and repairs the node.
///
/// The clients are on this machine. The password is asked for, or the first line of standard input. A drill that
/// was killed is repaired by the next one.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// A node with its private address and the way to it, such as n1=10.0.0.11,ssh:root@n1; all nodes have to be
    /// given. Without a way it is ssh as root.
    #[arg(long = "node", value_name = "NODE=ADDRESS[,WAY]", required = true)]
    nodes: Vec<String>,
    /// The node to break.
    #[arg(long = "break", value_name = "NODE")]
    victim: String,
    /// How: disable, kill, hang, cut or poweroff-sim.
    #[arg(long, default_value_t = Scenario::Disable)]
    scenario: Scenario,
    /// The public address that the clients use.
    #[arg(long = "vip", value_name = "ADDRESS")]
    address: String,
    /// The share that they work in.
    #[arg(long)]
    share: String,
    /// As whom they log in.
    #[arg(long)]
    user: String,
    /// Do it though others are connected to the address.
    #[arg(long)]
    yes: bool,
    /// Where what repairing needs is written down [default: this machine].
    #[arg(long, value_name = "WAY", default_value_t = Reach::Local)]
    from: Reach,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// Write a picture to this file.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Give up after so many seconds.
    #[arg(long, default_value_t = 600)]
    timeout: u64,
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(code) => code,
        Err(messages) => {
            for message in messages {
                eprintln!("ha-drill: {message}");
            }
            ExitCode::from(2)
        }
    }
}

fn run(arguments: Arguments) -> Result<ExitCode, Vec<String>> {
    let mut nodes = Vec::new();
    for text in &arguments.nodes {
        let (node, way) = match text.split_once(',') {
            Some((node, way)) => (node, Some(way.to_owned())),
            None => (text.as_str(), None),
        };
        let draft = NodeDraft {
            node: node.to_owned(),
            reach: way,
        };
        nodes.push(draft.check().map_err(listed)?);
    }
    let draft = DrillDraft {
        nodes: vec![arguments.victim],
        address: arguments.address,
        scenario: arguments.scenario,
        share: arguments.share,
        user: arguments.user,
        yes: arguments.yes,
        ..DrillDraft::default()
    };
    let password = password(&draft.user)
        .map_err(|error| vec![format!("the password cannot be read: {error}")])?;
    let login = draft.login(password);
    let request = draft.check(&login).map_err(listed)?;
    let coordinator = arguments.from.open("the coordinator").map_err(one)?;
    let members = Members::open(&nodes);
    let cluster = Cluster {
        coordinator: coordinator.as_ref(),
        members: &members.all().map_err(one)?,
        given_up: &[],
        progress: &Silent,
        deadline: Deadline::after(Duration::from_secs(arguments.timeout)),
    };
    let outcome = drill::run(&cluster, &request).map_err(one)?;
    let Outcome::Done(report) = outcome else {
        let text = serde_json::to_string_pretty(&outcome).map_err(one)?;
        return Err(vec![format!("the node is not repaired: {text}")]);
    };
    if let Some(path) = &arguments.svg {
        std::fs::write(path, report.svg()).map_err(one)?;
    }
    print(&report, arguments.json).map_err(one)?;
    Ok(match report.is_good() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

fn print(report: &Report, json: bool) -> serde_json::Result<()> {
    match json {
        true => println!("{}", serde_json::to_string_pretty(report)?),
        false => print!("{}", report.text()),
    }
    Ok(())
}

/// The password of `user`, typed or from standard input.
fn password(user: &str) -> io::Result<Secret> {
    if io::stdin().is_terminal() {
        return rpassword::prompt_password(format!("Password of {user}: ")).map(Secret::from);
    }
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    line.truncate(line.trim_end_matches(['\r', '\n']).len());
    Ok(Secret::from(line))
}

fn listed(problems: Vec<Problem>) -> Vec<String> {
    problems.iter().map(ToString::to_string).collect()
}

fn one(error: impl std::error::Error) -> Vec<String> {
    vec![chain_text(&error)]
}
