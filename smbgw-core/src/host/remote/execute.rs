//! Machines into which something leads that runs one program at a time, and no command of this machine does.

use std::fmt;

use super::error::LinkError;
use super::way::unopened;
use crate::deadline::Deadline;
use crate::secret::Secret;

/// What runs a program in another machine and gives back what it wrote: the agent of a guest, asked
/// directly.
pub trait Execute: fmt::Debug + Send + Sync {
    /// Runs the program of these words, the first of which is its path, with `input` on its standard input, and waits
    /// for its end. `machine` is what the machine is called in errors.
    ///
    /// # Errors
    /// Where it cannot be started, or its end is not known before the deadline.
    fn execute(
        &self,
        machine: &str,
        words: &[&str],
        input: &Secret,
        deadline: Deadline,
    ) -> Result<Executed, LinkError>;
}

/// How a program ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Executed {
    /// Its exit status, where no signal ended it.
    pub status: Option<i32>,
    /// What it wrote to standard output.
    pub output: Vec<u8>,
    /// What it wrote to standard error.
    pub errors: Vec<u8>,
}

impl Executed {
    /// What it means that nothing was done before it ended.
    pub(super) fn explain(&self, machine: &str) -> LinkError {
        let said = String::from_utf8_lossy(&self.errors);
        unopened(machine.to_owned(), self.status, &said)
    }
}
