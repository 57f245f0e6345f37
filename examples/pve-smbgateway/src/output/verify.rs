//! What is enforced against what is configured.

use std::fmt::Write as _;

use smbgw_core::lifecycle::{Finding, ShareError, ShareVerdict, StrayVerdict, Verification};
use smbgw_core::ports::{Deviation, Repair};

use super::Output;
use crate::exit::Exit;

impl Output {
    /// What came out of looking at shares closely.
    pub(crate) fn verified(&self, result: Result<Verification, ShareError>) -> Exit {
        let is_sound = result.as_ref().is_ok_and(Verification::is_sound);
        let exit = self.show(result, text);
        match exit {
            Exit::Done if !is_sound => Exit::NeedsAttention,
            exit => exit,
        }
    }
}

fn text(verification: &Verification) -> String {
    let mut text = String::new();
    if verification.shares.is_empty() {
        text.push_str("There are no shares.\n");
    }
    for share in &verification.shares {
        share_text(&mut text, share);
    }
    for stray in &verification.strays {
        stray_text(&mut text, stray);
    }
    if let Some(problem) = &verification.problem {
        problem_text(&mut text, problem);
    }
    text
}

fn share_text(text: &mut String, share: &ShareVerdict) {
    let state = match (share.is_sound(), share.deviations.is_empty()) {
        (true, true) => "is as it is meant to be",
        (true, false) => "was put right",
        (false, _) if share.under_way => "is being changed just now",
        (false, _) => "is NOT as it is meant to be",
    };
    let _ = writeln!(text, "{} {state}", share.name);
    for repair in &share.fixed {
        repair_text(text, repair);
    }
    for deviation in &share.remaining {
        deviation_text(text, deviation);
    }
    if let Some(problem) = &share.problem {
        problem_text(text, problem);
    }
}

fn stray_text(text: &mut String, stray: &StrayVerdict) {
    let state = if stray.removed {
        "removed"
    } else {
        "left by a share that is gone"
    };
    let _ = writeln!(text, "{state}: {}", stray.stray.message);
    for repair in &stray.fixed {
        repair_text(text, repair);
    }
    match &stray.problem {
        Some(problem) => problem_text(text, problem),
        None if stray.removed => {}
        None => advice_text(text, stray.stray.remedy.as_deref(), stray.stray.repairable),
    }
}

fn repair_text(text: &mut String, repair: &Repair) {
    let _ = writeln!(text, "✓ {}", repair.message);
}

fn deviation_text(text: &mut String, deviation: &Deviation) {
    let _ = write!(text, "! {}", deviation.message);
    let path = deviation
        .path
        .as_ref()
        .map(|path| path.display().to_string());
    if let Some(path) = path.filter(|path| !deviation.message.contains(path)) {
        let _ = write!(text, ", such as {path}");
    }
    text.push('\n');
    advice_text(text, deviation.remedy.as_deref(), deviation.repairable);
}

/// What is to be done about something that is not as it is meant to be.
fn advice_text(text: &mut String, remedy: Option<&str>, repairable: bool) {
    match remedy {
        Some(remedy) => {
            let _ = writeln!(text, "  → {remedy}");
        }
        None if repairable => text.push_str("  → run this with --fix\n"),
        None => {}
    }
}

fn problem_text(text: &mut String, problem: &Finding) {
    let _ = writeln!(text, "! {problem}");
    if let Some(remedy) = &problem.remedy {
        let _ = writeln!(text, "  → {remedy}");
    }
}
