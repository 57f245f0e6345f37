//! Carrying a plan out, and taking it back.
//!
//! A plan of any kind, on a world of any kind: [`Machine`](crate::machine::Machine) is that of shares.
//! The steps are done one after the other, each noted in the journal first; where one fails, all that
//! were begun are undone, the last first. What a crash interrupts is [settled](settle) by a later
//! run: undone, or finished where a step was begun that cannot be undone.

use serde_json::Value;

use crate::change::Change;
use crate::error::Coded;
use crate::host::{Host, Lock, LockError};
use crate::journal::{Account, Begun, Journal, Planned, Verdict};
use crate::lifecycle::{Finding, Outcome, StepReport};
use crate::progress::{Event, Progress};
use crate::step::{AnyStep, LeftBehind};
use crate::step_error::StepError;

/// What a transaction works on.
pub trait World: Sized {
    /// Where its journal is.
    fn host(&self) -> &dyn Host;

    /// Who is told what happens.
    fn progress(&self) -> &dyn Progress;

    /// The same with time of its own for undoing, which must not fail because what is undone took all
    /// the time there was.
    fn for_undo(&self) -> Self;

    /// Takes the lock under which journals appear and disappear.
    ///
    /// # Errors
    /// Where somebody else holds it for too long.
    fn lock_journals(&self) -> Result<Lock, LockError>;
}

/// A plan that can be carried out on a world `W`.
pub trait Transaction<W>: Planned {
    /// The kind of its steps.
    type Step: AnyStep<W>;

    /// Its steps, in order.
    fn list(&self) -> &[Self::Step];

    /// The first step that cannot be undone, by its place. An operation that was interrupted at or
    /// after it is finished, not unwound.
    fn point_of_no_return(&self) -> Option<usize>;

    /// What it does, such as `create media`.
    fn title(&self) -> String;

    /// Whether the step at `step` may be undone where the one at `other`, which came after it, could not
    /// be, as on another machine. It is not, if nothing else is said.
    fn is_independent(&self, step: usize, other: usize) -> bool {
        let _ = (step, other);
        false
    }

    /// The code that says that it was interrupted, such as `share.interrupted`.
    fn interrupted(&self) -> &'static str;

    /// The command by which an administrator has it finished, such as `pve-smbgateway recover`.
    fn to_finish(&self) -> &'static str;
}

/// How a transaction ended.
pub type Ending = Outcome<Work>;

/// What was done by a transaction that succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Work {
    /// Each step with what it did.
    pub steps: Vec<StepReport>,
    /// What an administrator should know beside it.
    pub notes: Vec<String>,
}

/// Carries out `plan`, whose `journal` has just been made.
pub fn carry_out<W: World, P: Transaction<W>>(
    world: &W,
    journal: Journal,
    plan: &P,
    notes: Vec<String>,
) -> Ending {
    world.progress().event(&Event::PlanStarts {
        steps: plan.steps(),
    });
    let mut run = Run {
        world,
        journal,
        plan,
        begun: Vec::new(),
        done: Vec::new(),
    };
    match run.forward(0) {
        Ok(()) => run.conclude(notes),
        Err((index, error)) => {
            let cause = Finding::new(run.title(index), &error);
            tracing::warn!(operation = plan.title(), %cause, "operation failed");
            if run.is_past_return() {
                run.leave(cause, index)
            } else {
                run.back(cause)
            }
        }
    }
}

/// Finishes or unwinds what `account`, found in `journal`, says was interrupted.
pub fn settle<W: World, P: Transaction<W>>(
    world: &W,
    journal: Journal,
    account: &Account<P>,
) -> Ending {
    let plan = &account.plan;
    let mut run = Run {
        world,
        journal,
        plan,
        begun: account.begun.clone(),
        done: Vec::new(),
    };
    let interrupted = Finding {
        during: plan.title(),
        code: plan.interrupted().into(),
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

struct Run<'a, W, P> {
    world: &'a W,
    journal: Journal,
    plan: &'a P,
    begun: Vec<Begun>,
    done: Vec<StepReport>,
}

impl<W: World, P: Transaction<W>> Run<'_, W, P> {
    /// Whether a step that cannot be undone was begun; one that failed before that has done nothing.
    fn is_past_return(&self) -> bool {
        match (self.begun.last(), self.plan.point_of_no_return()) {
            (Some(last), Some(point)) => last.step >= point,
            _ => false,
        }
    }

    /// Does the steps from the one at `first` on; fails with the place of the one that failed.
    fn forward(&mut self, first: usize) -> Result<(), (usize, StepError)> {
        for index in first..self.plan.steps() {
            let change = self.step(index).map_err(|error| (index, error))?;
            self.done.push(StepReport {
                title: self.title(index),
                change,
            });
        }
        Ok(())
    }

    fn step(&mut self, index: usize) -> Result<Change, StepError> {
        let step = &self.plan.list()[index];
        let title = step.title();
        let Some(undo) = step.check(self.world)? else {
            let change = Change::Unchanged;
            self.world.progress().event(&Event::StepDone {
                index,
                title: &title,
                change,
            });
            return Ok(change);
        };
        let begun = Begun { step: index, undo };
        self.journal.begin(self.world.host(), &begun)?;
        self.world.progress().event(&Event::StepStarts {
            index,
            title: &title,
        });
        self.begun.push(begun);
        let undo = self.begun.last().map_or(&Value::Null, |begun| &begun.undo);
        let change = step.apply(self.world, undo)?;
        self.world.progress().event(&Event::StepDone {
            index,
            title: &title,
            change,
        });
        Ok(change)
    }

    /// Undoes all that was begun, the last first. Where that fails for a step, those that do not depend on
    /// it are undone all the same.
    fn back(mut self, cause: Finding) -> Ending {
        let world = self.world.for_undo();
        let mut failed: Vec<(usize, StepError)> = Vec::new();
        let mut left: Vec<Begun> = Vec::new();
        while let Some(begun) = self.begun.pop() {
            let index = begun.step;
            if failed
                .iter()
                .any(|(other, _)| !self.plan.is_independent(index, *other))
            {
                left.push(begun);
                continue;
            }
            let step = &self.plan.list()[index];
            let title = step.title();
            self.world.progress().event(&Event::UndoStarts {
                index,
                title: &title,
            });
            if let Err(error) = step.undo(&world, &begun.undo) {
                tracing::error!(
                    operation = self.plan.title(),
                    step = title,
                    message = crate::error::chain_text(&error),
                    "undo failed"
                );
                failed.push((index, error));
                left.push(begun);
            }
        }
        if !failed.is_empty() {
            left.reverse();
            self.begun = left;
            return self.stuck(cause, &failed);
        }
        match self.journal.decide(self.world.host(), Verdict::RolledBack) {
            Ok(()) => {
                self.world.progress().event(&Event::PlanDecided);
                self.rolled_back(cause)
            }
            // Removing it says as much as the verdict in it would have.
            Err(_) => match self.remove_journal() {
                Ok(()) => Ending::RolledBack { cause },
                Err(leftover) => Ending::NeedsAttention {
                    cause,
                    left_behind: vec![leftover],
                },
            },
        }
    }

    /// Stops at a step behind the point of no return; the journal lets `recover` go on from there.
    fn leave(self, cause: Finding, index: usize) -> Ending {
        let steps = self.plan.list()[index..].iter();
        let mut left_behind: Vec<LeftBehind> = steps
            .flat_map(|step| match step.check(self.world) {
                Ok(Some(undo)) => step.left_behind(&undo),
                _ => step.left_behind(&Value::Null),
            })
            .collect();
        left_behind.push(LeftBehind {
            what: "the rest of the operation, which can be finished".into(),
            commands: vec![self.plan.to_finish().into()],
        });
        Ending::NeedsAttention { cause, left_behind }
    }

    /// Makes the success of all steps final.
    fn conclude(self, notes: Vec<String>) -> Ending {
        if let Err(error) = self.journal.decide(self.world.host(), Verdict::Done) {
            let cause = Finding::new("finish the journal", &error);
            if self.plan.point_of_no_return().is_some() {
                let end = self.plan.steps();
                return self.leave(cause, end);
            }
            return self.back(cause);
        }
        self.world.progress().event(&Event::PlanDecided);
        self.conclude_decided(notes)
    }

    fn conclude_decided(self, mut notes: Vec<String>) -> Ending {
        let steps = self.done.clone();
        if let Err(leftover) = self.remove_journal() {
            notes.push(format!(
                "{} is left, and says that all is done: {}",
                leftover.what,
                leftover.commands.join("; ")
            ));
        }
        Ending::Done(Work { steps, notes })
    }

    /// What is to be said where undoing has `failed` for steps.
    fn stuck(&self, cause: Finding, failed: &[(usize, StepError)]) -> Ending {
        let mut message = cause.message.clone();
        for (index, error) in failed {
            let title = self.title(*index);
            let why = crate::error::chain_text(error);
            message.push_str(&format!("; undoing `{title}` failed too: {why}"));
        }
        let remedy = failed.iter().find_map(|(_, error)| error.remedy());
        Ending::NeedsAttention {
            cause: Finding {
                message,
                remedy: Some(self.to_undo_the_rest(remedy.or(cause.remedy))),
                ..cause
            },
            left_behind: self.left_behind(),
        }
    }

    /// The journal says that all is undone; should it stay, the next run removes it.
    fn rolled_back(self, cause: Finding) -> Ending {
        if let Err(leftover) = self.remove_journal() {
            tracing::warn!(what = leftover.what, "left behind");
        }
        Ending::RolledBack { cause }
    }

    fn remove_journal(self) -> Result<(), LeftBehind> {
        let path = self.journal.path().display().to_string();
        let removed = self
            .world
            .for_undo()
            .lock_journals()
            .map_err(StepError::from)
            .and_then(|lock| {
                let removed = self.journal.remove(self.world.host());
                drop(lock);
                Ok(removed?)
            });
        removed.map_err(|error| LeftBehind {
            what: format!("the journal {path} ({})", crate::error::chain_text(&error)),
            commands: vec![format!("rm {}", crate::host::cmd::quote_for_shell(&path))],
        })
    }

    /// What to do where undoing failed: mend what made it fail, and have it done again.
    fn to_undo_the_rest(&self, mend: Option<String>) -> String {
        let again = self.plan.to_finish();
        match mend {
            Some(mend) => format!("{mend}; then have `{again}` undo the rest"),
            None => format!("have `{again}` undo the rest"),
        }
    }

    fn left_behind(&self) -> Vec<LeftBehind> {
        let begun = self.begun.iter().rev();
        begun
            .flat_map(|begun| self.plan.list()[begun.step].left_behind(&begun.undo))
            .collect()
    }

    fn title(&self, index: usize) -> String {
        match self.plan.list().get(index) {
            Some(step) => step.title(),
            None => self.plan.title(),
        }
    }
}
