//! Showing results: as text for a person, or as one JSON document.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this is where the program prints"
)]

mod alert;
mod domain;
mod ha;
mod ha_change;
mod ha_move;
mod ha_test;
mod history;
mod listed;
mod monitor;
mod owner;
mod recovered;
mod template;
mod verify;
mod vm;

use std::fmt::Write as _;
use std::io::{self, Write as _};

use comfy_table::{Cell, CellAlignment, Table, presets};
use serde::Serialize;
use serde_json::json;
use smbgw_core::error::{Coded, ErrorKind};
use smbgw_core::lifecycle::{
    CheckResult, ErrorDocument, Finding, Outcome, Preflight, Recovered, Report, ShareError,
    ShareStatus, ShareUsage, StepReport,
};
use smbgw_core::size::ByteSize;
use smbgw_core::step::LeftBehind;
use smbgw_vm::provisioning::{ProvisioningError, Recovered as GuestRecovered};

pub(crate) use self::listed::Listed;
use self::recovered::RecoveredShare;
use crate::exit::Exit;

/// How results are shown.
pub(crate) struct Output {
    json: bool,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        Self { json }
    }

    /// A request that could not even be read.
    pub(crate) fn unusable(&self, field: &str, message: &str) -> Exit {
        let problem =
            smbgw_core::error::Problem::invalid(field, "cli.unusable", message.to_string());
        self.error(&ShareError::Refused(vec![problem]))
    }

    /// Something that went wrong and is not about one share's life.
    pub(crate) fn failed(&self, error: &dyn Coded) -> Exit {
        if self.json {
            self.document(&Refusal::from(ErrorDocument::of(error)));
        } else {
            complain(&smbgw_core::error::chain_text(error), &error.remedy());
        }
        Exit::from(error.kind())
    }

    /// An operation on a share that was not begun.
    pub(crate) fn error(&self, error: &ShareError) -> Exit {
        self.refused(error.kind(), error.into())
    }

    /// An operation that was not begun, because of an error of this kind.
    fn refused(&self, kind: ErrorKind, document: ErrorDocument) -> Exit {
        let exit = Exit::refused(kind, &document);
        if self.json {
            self.document(&Refusal::from(document));
            return exit;
        }
        match (&document.problems, &document.checks) {
            (Some(problems), _) => {
                for problem in problems {
                    complain(
                        &format!("{}: {}", problem.field, problem.message),
                        &problem.remedy,
                    );
                }
            }
            (None, Some(found)) => {
                for check in found.failures() {
                    complain(&format!("{}: {}", check.name, check.message), &check.remedy);
                }
            }
            (None, None) => complain(&document.message, &document.remedy),
        }
        eprint!("{}", leftovers(&document.left_behind.unwrap_or_default()));
        exit
    }

    /// How `create`, `resize` or `delete` ended.
    pub(crate) fn outcome(&self, operation: &str, result: Result<Outcome, ShareError>) -> Exit {
        match result {
            Ok(outcome) => self.ended(&outcome, |report| report_text(operation, report)),
            Err(error) => self.error(&error),
        }
    }

    /// How an operation ended that was begun; `text` tells what it did.
    fn ended<R: Serialize>(&self, outcome: &Outcome<R>, text: impl FnOnce(&R) -> String) -> Exit {
        if self.json {
            self.document(outcome);
        } else {
            match outcome {
                Outcome::Done(report) => self.text(&text(report)),
                other => eprint!("{}", failure_text(other)),
            }
        }
        Exit::from(outcome)
    }

    pub(crate) fn list(&self, result: Result<Vec<Listed>, ShareError>) -> Exit {
        self.show(result, |shares| {
            if shares.is_empty() {
                return "There are no shares.\n".into();
            }
            let mut table = table(&["NAME", "MODE", "QUOTA", "PATH", "WHO"]);
            for share in shares {
                table.add_row(share.row());
            }
            format!("{table}\n")
        })
    }

    pub(crate) fn status(&self, result: Result<ShareStatus, ShareError>) -> Exit {
        self.show(result, |status| {
            let ShareStatus {
                record,
                usage,
                answers,
                findings,
            } = status;
            let spec = &record.spec;
            let mut text = format!("Share {} ({})\n", spec.name, spec.mode);
            let _ = writeln!(
                text,
                "  path        {} ({})",
                spec.path, record.volume.filesystem
            );
            let _ = writeln!(text, "  who         {}", who(spec));
            if !spec.access.guest {
                let _ = writeln!(text, "  auth        {}", spec.auth);
            }
            let _ = writeln!(text, "  quota       {}", spec.quota);
            if let Some(usage) = usage {
                let used = ByteSize::from_bytes(usage.bytes);
                let share = percent(usage.bytes, spec.quota.bytes());
                let _ = writeln!(text, "  used        {used} ({share} %)");
                let free = ByteSize::from_bytes(usage.available);
                let _ = writeln!(text, "  free        {free}");
                if let Some(inodes) = usage.inodes {
                    let _ = writeln!(text, "  files       {inodes}");
                }
            }
            match answers {
                Some(true) => text.push_str("  over SMB    answers\n"),
                Some(false) => text.push_str("  over SMB    does not answer\n"),
                None => {}
            }
            for finding in findings {
                let _ = writeln!(text, "! {finding}");
                if let Some(remedy) = &finding.remedy {
                    let _ = writeln!(text, "  → {remedy}");
                }
            }
            text
        })
    }

    pub(crate) fn quotas(&self, result: Result<Vec<ShareUsage>, ShareError>) -> Exit {
        self.show(result, |usages| {
            if usages.is_empty() {
                return "There are no shares.\n".into();
            }
            let mut table = table(&["NAME", "USED", "LIMIT", "USE%", "FREE", "FILES", "STATE"]);
            for share in usages {
                let right = |text: String| Cell::new(text).set_alignment(CellAlignment::Right);
                let size = |bytes: u64| ByteSize::from_bytes(bytes).to_string();
                let mut row = vec![Cell::new(share.name.as_str())];
                match &share.usage {
                    Some(usage) => {
                        let limit = usage.limits.bytes;
                        row.push(right(size(usage.bytes)));
                        row.push(right(limit.map_or("none".into(), size)));
                        row.push(right(
                            limit.map_or("-".into(), |limit| percent(usage.bytes, limit)),
                        ));
                        row.push(right(size(usage.available)));
                        row.push(right(usage.inodes.map_or("-".into(), |n| n.to_string())));
                    }
                    None => row.extend((0..5).map(|_| right("-".into()))),
                }
                row.push(Cell::new(match &share.problem {
                    Some(finding) => finding.message.as_str(),
                    None => "ok",
                }));
                table.add_row(row);
            }
            format!("{table}\n")
        })
    }

    /// What became of all that was interrupted, on this machine and of virtual machines.
    pub(crate) fn recovered(
        &self,
        here: Result<Vec<Recovered>, ShareError>,
        guests: Result<Vec<GuestRecovered>, ProvisioningError>,
    ) -> Exit {
        // What was settled is told even where something else could not be looked at.
        let mut all = Vec::new();
        let failed = RecoveredShare::gather(here, guests, &mut all);
        let worst = all.iter().any(RecoveredShare::needs_attention);
        if let Some((kind, document)) = failed {
            if !self.json {
                for share in &all {
                    self.text(&share.text());
                }
            }
            return self.refused(kind, document);
        }
        let exit = self.shown(&all, |all| match all[..] {
            [] => "Nothing was interrupted.\n".into(),
            _ => all.iter().map(RecoveredShare::text).collect(),
        });
        if worst { Exit::NeedsAttention } else { exit }
    }

    pub(crate) fn preflight(&self, result: Result<Preflight, ShareError>) -> Exit {
        let failed = matches!(&result, Ok(found) if found.failures().next().is_some());
        let exit = self.show(result, |found| {
            let mut text = String::new();
            for check in &found.checks {
                let mark = match check.result {
                    CheckResult::Passed => "ok    ",
                    CheckResult::Warning => "warn  ",
                    CheckResult::Failed => "FAILED",
                };
                let _ = writeln!(text, "{mark} {}: {}", check.name, check.message);
                if let Some(remedy) = &check.remedy {
                    let _ = writeln!(text, "       → {remedy}");
                }
            }
            text
        });
        if failed { Exit::Preflight } else { exit }
    }

    fn show<T: Serialize>(
        &self,
        result: Result<T, ShareError>,
        text: impl FnOnce(&T) -> String,
    ) -> Exit {
        match result {
            Ok(value) => {
                if self.json {
                    self.document(&value)
                } else {
                    self.text(&text(&value))
                }
                Exit::Done
            }
            Err(error) => self.error(&error),
        }
    }

    fn document(&self, value: &impl Serialize) {
        self.text(&document(value));
    }

    /// Prints what tells how an operation went; that it cannot be printed changes nothing about it.
    fn text(&self, text: &str) {
        let _ = self.printed(text);
    }

    /// Prints what is all that was asked for.
    fn printed(&self, text: &str) -> Exit {
        let mut stdout = std::io::stdout();
        let written = stdout
            .write_all(text.as_bytes())
            .and_then(|()| stdout.flush());
        match written {
            // A reader that has gone away, as with `| head`, has what it wanted.
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                complain(&format!("cannot write the output: {error}"), &None);
                Exit::Failed
            }
            _ => Exit::Done,
        }
    }
}

fn document(value: &impl Serialize) -> String {
    match serde_json::to_string_pretty(value) {
        Ok(text) => text + "\n",
        Err(error) => json!({ "error": error.to_string() }).to_string() + "\n",
    }
}

/// What says that an operation was not begun.
#[derive(Serialize)]
struct Refusal {
    outcome: &'static str,
    #[serde(flatten)]
    error: ErrorDocument,
}

impl From<ErrorDocument> for Refusal {
    fn from(error: ErrorDocument) -> Self {
        let outcome = "refused";
        Self { outcome, error }
    }
}

fn report_text(operation: &str, report: &Report) -> String {
    let mut text = work_text(&report.steps, &report.notes);
    let done = match operation {
        "create" => "is there",
        "resize" => "has its new quota",
        "auth" => "lets in whom it is to",
        _ => "is gone",
    };
    let _ = writeln!(text, "The share {} {done}.", report.share);
    text
}

/// What was done, step by step, and what there is to know beside it.
fn work_text(steps: &[StepReport], notes: &[String]) -> String {
    let mut text = String::new();
    for step in steps {
        let mark = if step.change.happened() { "✓" } else { "·" };
        let _ = writeln!(text, "{mark} {}", step.title);
    }
    for note in notes {
        let _ = writeln!(text, "! {note}");
    }
    text
}

fn failure_text<R>(outcome: &Outcome<R>) -> String {
    match outcome {
        Outcome::Done(_) => String::new(),
        Outcome::RolledBack { cause } => {
            format!(
                "{}Everything is as it was before.\n",
                cause_text("failed", cause)
            )
        }
        Outcome::NeedsAttention { cause, left_behind } => {
            cause_text("needs attention", cause) + &leftovers(left_behind)
        }
    }
}

fn cause_text(how: &str, cause: &Finding) -> String {
    let mut text = format!("{how}: {cause}\n");
    if let Some(remedy) = &cause.remedy {
        let _ = writeln!(text, "  → {remedy}");
    }
    text
}

fn leftovers(left_behind: &[LeftBehind]) -> String {
    let mut text = String::new();
    for left in left_behind {
        let _ = writeln!(text, "Left behind: {}", left.what);
        for command in &left.commands {
            let _ = writeln!(text, "  {command}");
        }
    }
    text
}

fn complain(message: &str, remedy: &Option<String>) {
    eprintln!("{message}");
    if let Some(remedy) = remedy {
        eprintln!("  → {remedy}");
    }
}

fn who(spec: &smbgw_core::share::ShareSpec) -> String {
    let access = &spec.access;
    let mut names: Vec<String> = access.users.iter().map(ToString::to_string).collect();
    names.extend(access.groups.iter().map(|group| format!("@{group}")));
    if access.guest {
        names.push("everybody".into());
    }
    let names = names.join(", ");
    if access.read_only {
        format!("{names} (read only)")
    } else {
        names
    }
}

fn percent(used: u64, limit: u64) -> String {
    let tenths = u128::from(used) * 1000 / u128::from(limit.max(1));
    format!("{}.{}", tenths / 10, tenths % 10)
}

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(header.to_vec());
    table
}
