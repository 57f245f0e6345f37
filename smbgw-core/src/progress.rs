//! What an operation tells while it works.

use crate::change::Change;

/// Something that happened in an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A plan with so many steps starts.
    PlanStarts {
        /// How many steps it has.
        steps: usize,
    },
    /// A step is about to be applied; what undoing it needs is on disk.
    StepStarts {
        /// Its place in the plan, from 0.
        index: usize,
        /// What it does, such as `create directory /srv/smb/media`.
        title: &'a str,
    },
    /// A step is done.
    StepDone {
        /// Its place in the plan, from 0.
        index: usize,
        /// What it does.
        title: &'a str,
        /// What it did.
        change: Change,
    },
    /// A step is about to be undone.
    UndoStarts {
        /// Its place in the plan, from 0.
        index: usize,
        /// What it had done.
        title: &'a str,
    },
    /// The outcome is on disk; only the journal remains to be removed.
    PlanDecided,
}

/// Somebody who wants to know what an operation does.
pub trait Progress: Sync {
    /// Called for each event as it happens.
    fn event(&self, event: &Event<'_>);
}

/// Tells nobody.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn event(&self, _event: &Event<'_>) {}
}
