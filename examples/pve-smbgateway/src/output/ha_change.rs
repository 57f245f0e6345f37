//! What became of changes to a cluster.

use std::fmt::Write as _;

use smbgw_core::error::Coded;
use smbgw_ctdb::adopt::Adoption;
use smbgw_ctdb::cluster_error::ClusterError;
use smbgw_ctdb::drill;
use smbgw_ctdb::outcome::{Outcome, Report};
use smbgw_ctdb::preflight::NodeFacts;
use smbgw_ctdb::ready::SetupCheck;
use smbgw_ctdb::recover::Recovered;
use smbgw_ctdb::settled::Settled;

use super::{Output, failure_text, work_text};
use crate::exit::Exit;

impl Output {
    /// Something with a cluster that was not begun.
    pub(crate) fn cluster_error(&self, error: &ClusterError) -> Exit {
        self.refused(error.kind(), error.into())
    }

    /// What a cluster would be like.
    pub(crate) fn cluster_checked(&self, checked: &SetupCheck) -> Exit {
        self.shown(checked, check_text)
    }

    /// What adopting a cluster would do.
    pub(crate) fn adoption(&self, adoption: &Adoption) -> Exit {
        self.shown(adoption, adoption_text)
    }

    /// How a change ended.
    pub(crate) fn cluster_changed(&self, outcome: &Outcome) -> Exit {
        self.ended(outcome, |report| {
            let Report {
                operation, cluster, ..
            } = report;
            let text = work_text(&report.steps, &report.notes);
            format!("{text}The {operation} of the cluster {cluster} is done.\n")
        })
    }

    /// What a machine that would join is like.
    pub(crate) fn node_checked(&self, facts: &NodeFacts) -> Exit {
        self.shown(facts, |facts| {
            format!(
                "{} can join the cluster; nothing was changed.\n",
                facts.name
            )
        })
    }

    /// What became of an operation and of a drill that were interrupted.
    pub(crate) fn cluster_recovered(&self, settled: &Settled) -> Exit {
        let exit = self.shown(settled, |settled| {
            let change = settled.change.iter().map(recovered_text);
            let drill = settled.drill.iter().map(repaired_text);
            let text: String = change.chain(drill).collect();
            match text.is_empty() {
                true => "Nothing was interrupted.\n".into(),
                false => text,
            }
        });
        match settled.is_over() {
            true => exit,
            false => Exit::NeedsAttention,
        }
    }
}

fn recovered_text(recovered: &Recovered) -> String {
    let Recovered {
        operation,
        cluster,
        outcome,
    } = recovered;
    let what = format!("{operation} of the cluster {cluster}");
    match outcome {
        Outcome::Done(report) => {
            let text = work_text(&report.steps, &report.notes);
            format!("{text}{what}: finished\n")
        }
        Outcome::RolledBack { .. } => format!("{what}: undone\n"),
        other => format!("{what}: {}", failure_text(other)),
    }
}

fn repaired_text(repaired: &drill::Recovered) -> String {
    let drill::Recovered {
        node,
        scenario,
        cause,
        left_behind,
    } = repaired;
    match cause {
        None => format!("the drill `{scenario}` on {node}: repaired\n"),
        Some(cause) => {
            let failure: Outcome = Outcome::NeedsAttention {
                cause: cause.clone(),
                left_behind: left_behind.clone(),
            };
            format!(
                "the drill `{scenario}` on {node}: {}",
                failure_text(&failure)
            )
        }
    }
}

fn adoption_text(adoption: &Adoption) -> String {
    let mut text = String::new();
    for difference in &adoption.differences {
        let _ = writeln!(text, "! nodes differ in {}:", difference.what);
        for (node, value) in &difference.on {
            let _ = writeln!(text, "  {node}: {value}");
        }
    }
    for problem in &adoption.problems {
        let _ = writeln!(text, "! {}: {}", problem.field, problem.message);
        if let Some(remedy) = &problem.remedy {
            let _ = writeln!(text, "  → {remedy}");
        }
    }
    for change in &adoption.changes {
        let _ = writeln!(text, "{} on {}:", change.path.display(), change.node);
        text.push_str(&change.diff);
    }
    if let Some(record) = &adoption.record {
        let _ = writeln!(
            text,
            "The cluster {} can be adopted; nothing was changed so far, and --yes does it.",
            record.name
        );
    }
    text
}

fn check_text(checked: &SetupCheck) -> String {
    let SetupCheck {
        request,
        notes,
        worst_cases,
        ..
    } = checked;
    let mut text = String::new();
    for (number, node) in request.nodes.iter().enumerate() {
        let _ = writeln!(
            text,
            "· node {number}: {} at {}, by {}",
            node.name, node.address, node.reach
        );
    }
    for address in &request.addresses {
        let _ = writeln!(text, "· address {address}");
    }
    for note in notes {
        let _ = writeln!(text, "  {note}");
    }
    let _ = writeln!(text, "· shared folder {}", request.shared_path.display());
    text.push_str("At worst, clients are served again after\n");
    for case in worst_cases {
        let seconds = case.client_milliseconds;
        let seconds = seconds.map(|ms| format!("{:.1} s", ms as f64 / 1000.0));
        let _ = writeln!(
            text,
            "  {:<14} {}",
            case.loss.to_string(),
            seconds.as_deref().unwrap_or("not promised")
        );
    }
    let _ = writeln!(
        text,
        "The cluster {} can be set up; nothing was changed.",
        request.name
    );
    text
}
