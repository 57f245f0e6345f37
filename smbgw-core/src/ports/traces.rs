//! What is remembered of a share beside the share itself.

use crate::change::Change;
use crate::deadline::Deadline;
use crate::ports::PortError;
use crate::share::ShareName;

/// A memory of shares, such as their usage over time or their alerts, which a share that is taken
/// away leaves.
///
/// A later share of the same name must not be taken for the one that was.
pub trait Traces: Sync {
    /// What is remembered, such as `the history of usage`.
    fn what(&self) -> &str;

    /// Removes what is remembered of `share`; with `keep`, only sets it apart where that is of use
    /// to anybody, so that it is no longer about a share of that name.
    ///
    /// # Errors
    /// Where that fails; it may be called again.
    fn forget(
        &self,
        share: &ShareName,
        keep: bool,
        deadline: Deadline,
    ) -> Result<Change, PortError>;
}
