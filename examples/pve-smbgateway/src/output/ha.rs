//! What there is to say of a cluster.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write as _};

use comfy_table::{Cell, CellAlignment};
use serde::Serialize;
use smbgw_core::error::{Coded, chain_text};
use smbgw_core::lifecycle::ErrorDocument;
use smbgw_ctdb::conflict::{ProbeDocument, Probed, Verdict};
use smbgw_ctdb::events::{ClusterEvent, LogError, Past};
use smbgw_ctdb::forecast::Forecast;
use smbgw_ctdb::node::NodeName;
use smbgw_ctdb::standing::{ShareStanding, Standing};
use smbgw_ctdb::status::{ClusterStatus, NodeStatus, ScriptResult};

use super::{Output, Refusal, complain, table};
use crate::exit::Exit;
use crate::moment;

/// Moves to the upper left corner of a terminal and clears it (ECMA-48).
const CLEAR: &str = "\x1b[H\x1b[2J";

impl Output {
    /// How a cluster stands.
    pub(crate) fn cluster(&self, standing: &Standing) -> Exit {
        let exit = self.shown(standing, standing_text);
        match standing.is_good() {
            true => exit,
            false => Exit::NeedsAttention,
        }
    }

    /// How a cluster stands that is watched: a screen, or a line of JSON.
    pub(crate) fn cluster_watched(&self, standing: &Standing) -> io::Result<()> {
        self.one_of_many(standing, || standing_text(standing))
    }

    /// That a cluster that is watched could not be looked at.
    pub(crate) fn trouble_watched(&self, error: &dyn Coded) -> io::Result<()> {
        let refusal = Refusal::from(ErrorDocument::of(error));
        self.one_of_many(&refusal, || format!("{}\n", chain_text(error)))
    }

    fn one_of_many(&self, value: &impl Serialize, text: impl FnOnce() -> String) -> io::Result<()> {
        let mut stdout = io::stdout();
        let shown = if self.json {
            serde_json::to_string(value)? + "\n"
        } else if stdout.is_terminal() {
            CLEAR.to_owned() + &text()
        } else {
            text() + "\n"
        };
        stdout.write_all(shown.as_bytes())?;
        stdout.flush()
    }

    /// Where addresses go.
    pub(crate) fn forecast(&self, forecast: &Forecast) -> Exit {
        let exit = self.shown(forecast, forecast_text);
        match forecast.nowhere.is_empty() {
            true => exit,
            false => Exit::NeedsAttention,
        }
    }

    /// Whether somebody has addresses.
    pub(crate) fn probed(&self, document: &ProbeDocument) -> Exit {
        let exit = self.shown(document, |document| {
            document.probes.iter().map(probed_text).collect()
        });
        let mut probes = document.probes.iter();
        let mut is_any = |is: fn(&Verdict) -> bool| probes.any(|probed| is(&probed.verdict));
        if is_any(|verdict| matches!(verdict, Verdict::Held { .. })) {
            return Exit::Conflict;
        }
        let mut probes = document.probes.iter();
        match probes.any(|probed| matches!(probed.verdict, Verdict::Unknown { .. })) {
            true => Exit::Failed,
            false => exit,
        }
    }

    /// What happened in a cluster.
    pub(crate) fn happened(&self, past: &Past) -> Exit {
        self.shown(past, past_text)
    }

    /// Whether it was written down what ctdb said. ctdb goes on whatever came of it.
    pub(crate) fn written_down(&self, written: Result<(), LogError>) -> Exit {
        match written {
            Ok(()) if self.json => self.document(&serde_json::json!({ "outcome": "done" })),
            Ok(()) => {}
            Err(error) if self.json => self.document(&Refusal::from(ErrorDocument::of(&error))),
            Err(error) => complain(&chain_text(&error), &error.remedy()),
        }
        Exit::Done
    }
}

fn standing_text(standing: &Standing) -> String {
    let Standing {
        name,
        status,
        last_failovers,
        share,
    } = standing;
    let how = match standing.is_good() {
        true => "good",
        false => "needs attention",
    };
    let mut text = match name {
        Some(name) => format!("Cluster {name}: {how}\n"),
        None => format!("A cluster that this program has no record of: {how}\n"),
    };
    let leader = status.leader.map(|number| title(status, number));
    let leader = leader.unwrap_or_else(|| "none".into());
    let _ = writeln!(text, "  leader      {leader}");
    let generation = status
        .generation
        .map_or("none".into(), |generation| generation.to_string());
    let _ = writeln!(
        text,
        "  recovery    {}, generation {generation}",
        status.recovery_mode
    );
    let lock = status.cluster_lock.as_deref().unwrap_or("none");
    let _ = writeln!(text, "  lock        {lock}");
    let damaged = status.databases.iter().filter(|one| one.damage.is_some());
    let _ = writeln!(
        text,
        "  databases   {}, {} damaged",
        status.databases.len(),
        damaged.count()
    );
    let _ = writeln!(text, "  seen by     {}", title(status, status.seen_by));
    let _ = write!(text, "\n{}\n", nodes_table(status));
    if !status.addresses.is_empty() {
        let _ = write!(text, "\n{}\n", addresses_table(status));
    }
    for node in &status.nodes {
        for script in node.failed_scripts() {
            text.push_str(&script_text(node, script));
        }
    }
    if !last_failovers.is_empty() {
        text.push_str("\nLast failovers\n");
        for event in last_failovers {
            let _ = writeln!(text, "  {}", event_text(event));
        }
    }
    if let Some(share) = share {
        text.push_str(&share_text(share));
    }
    if !status.findings.is_empty() {
        text.push('\n');
    }
    for finding in &status.findings {
        let _ = writeln!(text, "! {finding} ({})", finding.code);
        let _ = writeln!(text, "  → {}", finding.remedy);
    }
    text
}

fn nodes_table(status: &ClusterStatus) -> comfy_table::Table {
    let header = [
        "NODE",
        "NAME",
        "ADDRESS",
        "STATE",
        "VIPS",
        "LAG",
        "RECOVERED",
        "CTDB",
    ];
    let mut table = table(&header);
    let unknown = || "-".to_owned();
    for node in &status.nodes {
        let lag = node.lag_microseconds;
        let lag = lag.map_or_else(unknown, |lag| format!("{:.1} ms", lag as f64 / 1000.0));
        let recovered = node.last_recovery.map_or_else(unknown, |recovery| {
            let ago = status.read_at_seconds - recovery.finished_at_seconds;
            format!("{} ago", moment::shown_span(ago))
        });
        let right = |text: String| Cell::new(text).set_alignment(CellAlignment::Right);
        table.add_row(vec![
            right(node.number.to_string()),
            Cell::new(node.name.as_ref().map_or("-", NodeName::as_str)),
            Cell::new(node.address),
            Cell::new(state(node, status.leader)),
            right(status.addresses_of(node.number).count().to_string()),
            right(lag),
            right(recovered),
            Cell::new(node.version.as_deref().unwrap_or("-")),
        ]);
    }
    table
}

/// How a node is, in words.
fn state(node: &NodeStatus, leader: Option<u32>) -> String {
    let mut words: Vec<String> = node.states.iter().map(ToString::to_string).collect();
    if words.is_empty() {
        words.push("healthy".into());
    }
    if leader == Some(node.number) {
        words.push("leader".into());
    }
    words.join(", ")
}

fn addresses_table(status: &ClusterStatus) -> comfy_table::Table {
    let mut table = table(&["ADDRESS", "ON", "MAY BE ON"]);
    let name = |number: &u32| name(status, *number);
    for address in &status.addresses {
        let on = match &address.claimed_by[..] {
            [] => "no node".into(),
            nodes => nodes.iter().map(name).collect::<Vec<_>>().join(" and "),
        };
        let available: Vec<String> = address.available_on.iter().map(name).collect();
        table.add_row(vec![address.address.to_string(), on, available.join(" ")]);
    }
    table
}

fn script_text(node: &NodeStatus, script: &ScriptResult) -> String {
    let mut text = format!("\n{}, {}: {}\n", node.title(), script.name, script.outcome);
    for line in script.output.lines() {
        let _ = writeln!(text, "  {line}");
    }
    text
}

fn share_text(share: &ShareStanding) -> String {
    let names = |nodes: &[NodeName]| {
        let names: Vec<&str> = nodes.iter().map(NodeName::as_str).collect();
        names.join(" ")
    };
    let mut text = format!("\nShare {}\n", share.name);
    let place = match share.is_shared {
        Some(true) => ", which all nodes see",
        Some(false) => ", which is not in the folder that all nodes share",
        None => "",
    };
    let _ = writeln!(text, "  path        {}{place}", share.path.display());
    for (what, nodes) in [
        ("on", &share.on),
        ("missing on", &share.missing_on),
        ("unknown on", &share.unknown_on),
    ] {
        if !nodes.is_empty() {
            let _ = writeln!(text, "  {what:<11} {}", names(nodes));
        }
    }
    text
}

/// A node's name where it is known, and else its number.
fn name(status: &ClusterStatus, number: u32) -> String {
    let known = status.node(number).and_then(|node| node.name.as_ref());
    known.map_or_else(|| number.to_string(), ToString::to_string)
}

fn title(status: &ClusterStatus, number: u32) -> String {
    match status.node(number) {
        Some(node) => node.title(),
        None => format!("node {number}"),
    }
}

fn forecast_text(forecast: &Forecast) -> String {
    let name = |number: Option<u32>| {
        let Some(number) = number else {
            return "no node".into();
        };
        let node = forecast.nodes.iter().find(|node| node.number == number);
        let known = node.and_then(|node| node.name.as_ref());
        known.map_or_else(|| number.to_string(), ToString::to_string)
    };
    let mut addresses = table(&["ADDRESS", "NOW ON", "THEN ON", ""]);
    for one in &forecast.addresses {
        let moves = if one.from == one.to { "" } else { "moves" };
        addresses.add_row(vec![
            one.address.to_string(),
            name(one.from),
            name(one.to),
            moves.into(),
        ]);
    }
    let mut nodes = table(&["NODE", "NAME", "SERVES", "NOW", "THEN"]);
    for node in &forecast.nodes {
        let right = |text: String| Cell::new(text).set_alignment(CellAlignment::Right);
        nodes.add_row(vec![
            right(node.number.to_string()),
            Cell::new(node.name.as_ref().map_or("-", NodeName::as_str)),
            Cell::new(if node.serves { "yes" } else { "no" }),
            right(node.now.to_string()),
            right(node.then.to_string()),
        ]);
    }
    let mut text = format!("{addresses}\n\n{nodes}\n");
    for note in &forecast.notes {
        let _ = writeln!(text, "! {note}");
    }
    for address in &forecast.nowhere {
        let _ = writeln!(text, "! {address} would be on no node");
    }
    text
}

fn probed_text(probed: &Probed) -> String {
    let Probed {
        address,
        interface,
        here,
        verdict,
    } = probed;
    let on = interface.as_ref().map(|on| format!(" on {on}"));
    let on = on.unwrap_or_default();
    let here = if *here {
        ", and this machine has it"
    } else {
        ""
    };
    match verdict {
        Verdict::Free => format!("{address}{on}: nobody else has it{here}\n"),
        Verdict::Unknown { why } => format!("{address}{on}: not found out{here}: {why}\n"),
        Verdict::Held { by } => {
            let by: Vec<String> = by
                .iter()
                .map(|one| format!("{} {}", one.mac, one.sign))
                .collect();
            format!("{address}{on}: {}{here}\n", by.join(", "))
        }
    }
}

fn past_text(past: &Past) -> String {
    let mut text = String::new();
    if past.events.is_empty() {
        text.push_str("Nothing happened, as far as it was written down.\n");
    }
    for event in &past.events {
        let _ = writeln!(text, "{}", event_text(event));
    }
    for unread in &past.unread {
        let _ = writeln!(
            text,
            "! the log of {} was not read: {}",
            unread.host, unread.reason
        );
    }
    if past.damaged_lines > 0 {
        let _ = writeln!(text, "! {} lines are no events", past.damaged_lines);
    }
    text
}

fn event_text(event: &ClusterEvent) -> String {
    let mut text = format!("{}  {event}", moment::shown(event.at_milliseconds / 1000));
    let span = |milliseconds: u64| format!("{:.1} s", milliseconds as f64 / 1000.0);
    if let Some(gap) = event.gap_milliseconds {
        let _ = write!(text, ", clients waited {}", span(gap));
    }
    if let Some(by) = &event.by {
        let _ = write!(text, ", by {by}");
    }
    text
}
