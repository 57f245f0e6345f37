//! A report as text.

use std::fmt::Write;

use super::{Handle, Report, Round};
use crate::objective::client_gap;

pub(super) fn render(report: &Report) -> String {
    let mut text = String::new();
    let rounds = report.rounds.len();
    let _ = writeln!(
        text,
        "Drill of {}: {}, {rounds} {}",
        report.address,
        report.scenario,
        if rounds == 1 { "round" } else { "rounds" }
    );
    for (number, round) in (1..).zip(&report.rounds) {
        self::round(&mut text, number, round);
    }
    let _ = writeln!(
        text,
        "all rounds: {} reads and writes, {} of them failed; {} bytes said to be on disk, {} lost",
        report.operations, report.operations_failed, report.bytes_acknowledged, report.bytes_lost
    );
    for place in &report.ended_at {
        let node = place.node.as_ref().map_or("no node", |node| node.as_str());
        let seen: Vec<_> = place.seen_on.iter().map(|node| node.as_str()).collect();
        let _ = write!(text, "{} is on {node}", place.address);
        let _ = match &seen[..] {
            [one] if *one == node => writeln!(text),
            [] => writeln!(text, ", and on no interface"),
            all => writeln!(text, ", and on interfaces of {}", all.join(", ")),
        };
    }
    for note in &report.notes {
        let _ = writeln!(text, "note: {note}");
    }
    text
}

fn round(text: &mut String, number: usize, round: &Round) {
    let led = if round.led { ", which led," } else { "" };
    let to = round.to.as_ref().map_or("nobody", |node| node.as_str());
    let _ = writeln!(
        text,
        "round {number}: {}{led} broken; {to} took over",
        round.node
    );
    let mut line = |what: &str, time: Option<u64>| {
        let time = time.map_or("never".to_owned(), seconds);
        let _ = writeln!(text, "  {what:<22} {time}");
    };
    line("noticed after", round.noticed_milliseconds);
    line("address moved after", round.moved_milliseconds);
    line("clients not served for", round.client_gap_milliseconds);
    line("repair began after", Some(round.repaired_milliseconds));
    line("not served in repair", Some(round.repair_gap_milliseconds));
    line("healthy again after", Some(round.healthy_milliseconds));
    let expected = round.moved_milliseconds.map(client_gap);
    if let (Some(gap), Some(expected)) = (round.client_gap_milliseconds, expected)
        && gap > expected + 1_000
    {
        let _ = writeln!(
            text,
            "  the clients came back later than the address; smbd may have been slow to serve"
        );
    }
    let _ = writeln!(
        text,
        "  open file: {}",
        match round.handle {
            Handle::Kept => "stayed open",
            Handle::TakenUp => "taken up again (a durable handle)",
            Handle::Lost => "had to be opened anew",
            Handle::NotOpened => "was never opened",
        }
    );
}

fn seconds(milliseconds: u64) -> String {
    format!("{}.{:03} s", milliseconds / 1_000, milliseconds % 1_000)
}
