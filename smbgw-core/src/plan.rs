//! An operation on a share as a list of steps.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::journal::Planned;
use crate::layout;
use crate::machine::Machine;
use crate::share::ShareName;
use crate::steps::{
    accounts::{MakeAccount, RemoveAccount, SetPassword},
    announce::StartService,
    definition::{ChangeRecord, Publish, Redefine, Withdraw},
    limits::SetLimits,
    parents::{MakeParents, RemoveParents},
    permissions::GrantAccess,
    prove::ProveShare,
    traces::ForgetTraces,
    volume::{GiveUpVolume, MakeVolume},
};
use crate::transaction::Transaction;

/// What an operation on one share will do, in order.
///
/// A plan and everything in it is plain data: after a crash, the plan read from the journal does
/// and undoes the same things. It holds no secrets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The kind of operation.
    pub operation: Operation,
    /// The share.
    pub share: ShareName,
    /// What is done, in order.
    pub steps: Vec<Step>,
    /// The first step that cannot be undone, by its place in `steps`. An operation that was
    /// interrupted at or after it is finished, not unwound.
    pub point_of_no_return: Option<usize>,
}

impl Planned for Plan {
    fn journal_file(&self) -> PathBuf {
        layout::journal_file(&self.share.key())
    }

    fn steps(&self) -> usize {
        self.steps.len()
    }
}

impl<'a> Transaction<Machine<'a>> for Plan {
    type Step = Step;

    fn list(&self) -> &[Step] {
        &self.steps
    }

    fn point_of_no_return(&self) -> Option<usize> {
        self.point_of_no_return
    }

    fn title(&self) -> String {
        format!("{} {}", self.operation, self.share)
    }

    fn interrupted(&self) -> &'static str {
        "share.interrupted"
    }

    fn to_finish(&self) -> &'static str {
        "pve-smbgateway recover"
    }
}

/// The kinds of operations on shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Operation {
    /// Make a share.
    Create,
    /// Change its quota.
    Resize,
    /// Change whom of its users it lets in.
    Auth,
    /// Take it away.
    Delete,
}

impl std::fmt::Display for Operation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Create => "create",
            Self::Resize => "resize",
            Self::Auth => "auth",
            Self::Delete => "delete",
        })
    }
}

crate::steps! {
    /// One step of a plan for a share.
    Step<'a> on Machine<'a>:
    MakeParents,
    MakeAccount,
    SetPassword,
    MakeVolume,
    SetLimits,
    GrantAccess,
    Publish,
    StartService,
    ProveShare,
    ChangeRecord,
    Redefine,
    Withdraw,
    GiveUpVolume,
    RemoveParents,
    RemoveAccount,
    ForgetTraces,
}
