//! What a mutation did.

use serde::{Deserialize, Serialize};

/// What an idempotent operation did to the machine.
///
/// Undoing follows from it: only what was [`Created`](Change::Created) or
/// [`Updated`](Change::Updated) by a run is undone by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// All was as asked for already.
    Unchanged,
    /// Something that was not there is there now.
    Created,
    /// Something that was there is different now.
    Updated,
    /// Something that was there is gone.
    Removed,
}

impl Change {
    /// Whether anything is different from before.
    pub fn happened(self) -> bool {
        self != Self::Unchanged
    }
}
