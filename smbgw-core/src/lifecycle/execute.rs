//! Carrying a plan for a share out, and taking it back.

use crate::journal::{Account, Journal};
use crate::lifecycle::outcome::{Outcome, Report};
use crate::machine::Machine;
use crate::plan::Plan;
use crate::transaction::{self, Ending, Work};

/// Carries out `plan`, whose `journal` has just been made.
pub(super) fn carry_out(
    machine: &Machine<'_>,
    journal: Journal,
    plan: &Plan,
    notes: Vec<String>,
) -> Outcome {
    outcome(plan, transaction::carry_out(machine, journal, plan, notes))
}

/// Finishes or unwinds what `account`, found in `journal`, says was interrupted.
pub(super) fn settle(machine: &Machine<'_>, journal: Journal, account: &Account) -> Outcome {
    outcome(
        &account.plan,
        transaction::settle(machine, journal, account),
    )
}

fn outcome(plan: &Plan, ending: Ending) -> Outcome {
    ending.map(|Work { steps, notes }| Report {
        share: plan.share.clone(),
        steps,
        notes,
    })
}
