//! The directories above a share's own.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::change::Change;
use crate::machine::Machine;
use crate::step::{Action, LeftBehind};
use crate::step_error::StepError;

/// Makes the directories above a volume that are missing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MakeParents {
    /// Those that were missing when the plan was made, the outermost first.
    pub directories: Vec<PathBuf>,
}

impl Action<Machine<'_>> for MakeParents {
    type Undo = Vec<PathBuf>;

    fn title(&self) -> String {
        format!("create parent directories {}", listed(&self.directories))
    }

    fn check(&self, machine: &Machine<'_>) -> Result<Option<Vec<PathBuf>>, StepError> {
        let mut missing = Vec::new();
        for dir in &self.directories {
            if machine.host.status(dir)?.is_none() {
                missing.push(dir.clone());
            }
        }
        Ok(Some(missing).filter(|missing| !missing.is_empty()))
    }

    fn apply(&self, machine: &Machine<'_>, _: &Vec<PathBuf>) -> Result<Change, StepError> {
        for dir in &self.directories {
            machine.host.create_dir(dir, 0o755)?;
        }
        Ok(Change::Created)
    }

    fn undo(&self, machine: &Machine<'_>, missing: &Vec<PathBuf>) -> Result<(), StepError> {
        // One that is in use by now stays.
        for dir in missing.iter().rev() {
            machine.host.remove_dir(dir)?;
        }
        Ok(())
    }

    fn left_behind(&self, missing: &Vec<PathBuf>) -> Vec<LeftBehind> {
        vec![LeftBehind {
            what: format!("the parent directories {}", listed(missing)),
            commands: missing.iter().rev().map(|dir| rmdir(dir)).collect(),
        }]
    }
}

/// Removes directories that were made for a share, as far as they are empty.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RemoveParents {
    /// The directories, the outermost first.
    pub directories: Vec<PathBuf>,
}

impl Action<Machine<'_>> for RemoveParents {
    type Undo = ();

    fn title(&self) -> String {
        format!(
            "remove empty parent directories {}",
            listed(&self.directories)
        )
    }

    fn check(&self, _: &Machine<'_>) -> Result<Option<()>, StepError> {
        Ok(Some(()))
    }

    fn apply(&self, machine: &Machine<'_>, (): &()) -> Result<Change, StepError> {
        let mut change = Change::Unchanged;
        for dir in self.directories.iter().rev() {
            if machine.host.remove_dir(dir)?.happened() {
                change = Change::Removed;
            }
        }
        Ok(change)
    }

    fn undo(&self, machine: &Machine<'_>, (): &()) -> Result<(), StepError> {
        for dir in &self.directories {
            machine.host.create_dir(dir, 0o755)?;
        }
        Ok(())
    }

    fn left_behind(&self, (): &()) -> Vec<LeftBehind> {
        vec![LeftBehind {
            what: format!("the parent directories {}", listed(&self.directories)),
            commands: self
                .directories
                .iter()
                .rev()
                .map(|dir| rmdir(dir))
                .collect(),
        }]
    }
}

fn listed(directories: &[PathBuf]) -> String {
    let names: Vec<_> = directories
        .iter()
        .map(|dir| dir.display().to_string())
        .collect();
    names.join(", ")
}

fn rmdir(dir: &std::path::Path) -> String {
    let quoted = crate::host::cmd::quote_for_shell(&dir.to_string_lossy());
    format!("rmdir --ignore-fail-on-non-empty {quoted}")
}
