//! Carrying a plan out, and taking it back.

use serde_json::Value;

use crate::change::Change;
use crate::error::Coded;
use crate::journal::{Account, Begun, Journal, Verdict};
use crate::lifecycle::outcome::{Finding, Outcome, Report, StepReport};
use crate::machine::Machine;
use crate::plan::{LeftBehind, Plan};
use crate::progress::Event;
use crate::step_error::StepError;

/// Carries out `plan`, whose `journal` has just been made.
pub(super) fn carry_out(
    machine: &Machine<'_>,
    journal: Journal,
    plan: &Plan,
    notes: Vec<String>,
) -> Outcome {
    machine.progress.event(&Event::PlanStarts {
        steps: plan.steps.len(),
    });
    let mut run = Run {
        machine,
        journal,
        plan,
        begun: Vec::new(),
        done: Vec::new(),
    };
    match run.forward(0) {
        Ok(()) => run.conclude(notes),
        Err((index, error)) => {
            let cause = Finding::new(run.title(index), &error);
            tracing::warn!(share = %plan.share, %cause, "operation failed");
            if run.is_past_return() {
                run.leave(cause, index)
            } else {
                run.back(cause)
            }
        }
    }
}

/// Finishes or unwinds what `account`, found in `journal`, says was interrupted.
pub(super) fn settle(machine: &Machine<'_>, journal: Journal, account: &Account) -> Outcome {
    let plan = &account.plan;
    let mut run = Run {
        machine,
        journal,
        plan,
        begun: account.begun.clone(),
        done: Vec::new(),
    };
    let interrupted = Finding {
        during: format!("{} {}", plan.operation, plan.share),
        code: "share.interrupted".into(),
        message: "the operation was interrupted".into(),
        remedy: None,
    };
    match account.verdict {
        Some(Verdict::Done) => return run.conclude_decided(Vec::new()),
        Some(Verdict::RolledBack) => return run.rolled_back(interrupted),
        None => {}
    }
    let Some(last) = account.begun.last().filter(|_| run.is_past_return()) else {
        return run.back(interrupted);
    };
    match run.forward(last.step) {
        Ok(()) => run.conclude(Vec::new()),
        Err((index, error)) => {
            let cause = Finding::new(run.title(index), &error);
            run.leave(cause, index)
        }
    }
}

struct Run<'a> {
    machine: &'a Machine<'a>,
    journal: Journal,
    plan: &'a Plan,
    begun: Vec<Begun>,
    done: Vec<StepReport>,
}

impl Run<'_> {
    /// Whether a step that cannot be undone was begun; one that failed before that has done nothing.
    fn is_past_return(&self) -> bool {
        match (self.begun.last(), self.plan.point_of_no_return) {
            (Some(last), Some(point)) => last.step >= point,
            _ => false,
        }
    }

    /// Does the steps from the one at `first` on; fails with the place of the one that failed.
    fn forward(&mut self, first: usize) -> Result<(), (usize, StepError)> {
        for index in first..self.plan.steps.len() {
            let change = self.step(index).map_err(|error| (index, error))?;
            self.done.push(StepReport {
                title: self.title(index),
                change,
            });
        }
        Ok(())
    }

    fn step(&mut self, index: usize) -> Result<Change, StepError> {
        let step = &self.plan.steps[index];
        let title = step.title();
        let Some(undo) = step.check(self.machine)? else {
            let change = Change::Unchanged;
            self.machine.progress.event(&Event::StepDone {
                index,
                title: &title,
                change,
            });
            return Ok(change);
        };
        let begun = Begun { step: index, undo };
        self.journal.begin(self.machine.host, &begun)?;
        self.machine.progress.event(&Event::StepStarts {
            index,
            title: &title,
        });
        self.begun.push(begun);
        let undo = self.begun.last().map_or(&Value::Null, |begun| &begun.undo);
        let change = step.apply(self.machine, undo)?;
        self.machine.progress.event(&Event::StepDone {
            index,
            title: &title,
            change,
        });
        Ok(change)
    }

    /// Undoes all that was begun, the last first.
    fn back(mut self, cause: Finding) -> Outcome {
        let machine = self.machine.for_undo();
        while let Some(Begun { step: index, undo }) = self.begun.last() {
            let step = &self.plan.steps[*index];
            let title = step.title();
            self.machine.progress.event(&Event::UndoStarts {
                index: *index,
                title: &title,
            });
            if let Err(error) = step.undo(&machine, undo) {
                let message = crate::error::chain_text(&error);
                tracing::error!(share = %self.plan.share, step = title, message, "undo failed");
                let cause = Finding {
                    message: format!("{}; undoing `{title}` failed too: {message}", cause.message),
                    remedy: error.remedy().or(cause.remedy),
                    ..cause
                };
                return Outcome::NeedsAttention {
                    cause,
                    left_behind: self.left_behind(),
                };
            }
            self.begun.pop();
        }
        match self.journal.decide(self.machine.host, Verdict::RolledBack) {
            Ok(()) => {
                self.machine.progress.event(&Event::PlanDecided);
                self.rolled_back(cause)
            }
            // Removing it says as much as the verdict in it would have.
            Err(_) => match self.remove_journal() {
                Ok(()) => Outcome::RolledBack { cause },
                Err(leftover) => Outcome::NeedsAttention {
                    cause,
                    left_behind: vec![leftover],
                },
            },
        }
    }

    /// Stops at a step behind the point of no return; the journal lets `recover` go on from there.
    fn leave(self, cause: Finding, index: usize) -> Outcome {
        let steps = self.plan.steps[index..].iter();
        let mut left_behind: Vec<LeftBehind> = steps
            .flat_map(|step| match step.check(self.machine) {
                Ok(Some(undo)) => step.left_behind(&undo),
                _ => step.left_behind(&Value::Null),
            })
            .collect();
        left_behind.push(LeftBehind {
            what: "the rest of the operation, which can be finished".into(),
            commands: vec!["pve-smbgateway recover".into()],
        });
        Outcome::NeedsAttention { cause, left_behind }
    }

    /// Makes the success of all steps final.
    fn conclude(self, notes: Vec<String>) -> Outcome {
        if let Err(error) = self.journal.decide(self.machine.host, Verdict::Done) {
            let cause = Finding::new("finish the journal", &error);
            if self.plan.point_of_no_return.is_some() {
                let end = self.plan.steps.len();
                return self.leave(cause, end);
            }
            return self.back(cause);
        }
        self.machine.progress.event(&Event::PlanDecided);
        self.conclude_decided(notes)
    }

    fn conclude_decided(self, mut notes: Vec<String>) -> Outcome {
        let share = self.plan.share.clone();
        let steps = self.done.clone();
        if let Err(leftover) = self.remove_journal() {
            notes.push(format!(
                "{} is left, and says that all is done: {}",
                leftover.what,
                leftover.commands.join("; ")
            ));
        }
        Outcome::Done(Report {
            share,
            steps,
            notes,
        })
    }

    /// The journal says that all is undone; should it stay, the next run removes it.
    fn rolled_back(self, cause: Finding) -> Outcome {
        if let Err(leftover) = self.remove_journal() {
            tracing::warn!(what = leftover.what, "left behind");
        }
        Outcome::RolledBack { cause }
    }

    fn remove_journal(self) -> Result<(), LeftBehind> {
        let path = self.journal.path().display().to_string();
        let removed = self
            .machine
            .for_undo()
            .lock_configuration()
            .map_err(StepError::from)
            .and_then(|lock| {
                let removed = self.journal.remove(self.machine.host);
                drop(lock);
                Ok(removed?)
            });
        removed.map_err(|error| LeftBehind {
            what: format!("the journal {path} ({})", crate::error::chain_text(&error)),
            commands: vec![format!("rm {}", crate::host::cmd::quote_for_shell(&path))],
        })
    }

    fn left_behind(&self) -> Vec<LeftBehind> {
        let begun = self.begun.iter().rev();
        begun
            .flat_map(|begun| self.plan.steps[begun.step].left_behind(&begun.undo))
            .collect()
    }

    fn title(&self, index: usize) -> String {
        match self.plan.steps.get(index) {
            Some(step) => step.title(),
            None => format!("{} {}", self.plan.operation, self.plan.share),
        }
    }
}
