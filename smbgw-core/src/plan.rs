//! An operation as a list of steps that can be written down, applied and undone.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::change::Change;
use crate::machine::Machine;
use crate::share::ShareName;
use crate::step_error::StepError;
use crate::steps::{
    accounts::{MakeAccount, RemoveAccount, SetPassword},
    announce::StartService,
    definition::{ChangeRecord, Publish, Withdraw},
    limits::SetLimits,
    parents::{MakeParents, RemoveParents},
    permissions::GrantAccess,
    prove::ProveShare,
    traces::ForgetTraces,
    volume::{GiveUpVolume, MakeVolume},
};

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

/// The kinds of operations on shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Operation {
    /// Make a share.
    Create,
    /// Change its quota.
    Resize,
    /// Take it away.
    Delete,
}

impl std::fmt::Display for Operation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Create => "create",
            Self::Resize => "resize",
            Self::Delete => "delete",
        })
    }
}

/// Something that may be left of an operation that could be neither finished nor undone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LeftBehind {
    /// What it is, such as `the directory /srv/smb/media`.
    pub what: String,
    /// The commands that clean it up, as an administrator would type them.
    pub commands: Vec<String>,
}

/// One kind of step: how to look, do and undo.
///
/// `check` looks at the machine and says what undoing will need; that is on disk before `apply`
/// starts. `undo` runs for a step that *may* have been applied, wholly, in part or not at all, and
/// may run again.
pub(crate) trait Action {
    /// What undoing needs to know of the time before.
    type Undo: Serialize + DeserializeOwned;

    /// What the step does, such as `create directory /srv/smb/media`.
    fn title(&self) -> String;

    /// Looks whether anything is to be done; `None` if not.
    fn check(&self, machine: &Machine<'_>) -> Result<Option<Self::Undo>, StepError>;

    /// Does it.
    fn apply(&self, machine: &Machine<'_>, undo: &Self::Undo) -> Result<Change, StepError>;

    /// Brings back what was before.
    fn undo(&self, machine: &Machine<'_>, undo: &Self::Undo) -> Result<(), StepError>;

    /// What may be left where undoing failed.
    fn left_behind(&self, undo: &Self::Undo) -> Vec<LeftBehind>;
}

/// Makes the enum of all steps, and has each answer as its action does.
macro_rules! steps {
    ($($action:ident),* $(,)?) => {
        /// One step of a plan.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        #[allow(missing_docs, reason = "each is documented where its action is")]
        pub enum Step {
            $($action($action),)*
        }

        impl Step {
            fn action(&self) -> &dyn Erased {
                match self {
                    $(Self::$action(action) => action,)*
                }
            }
        }

        $(impl From<$action> for Step {
            fn from(action: $action) -> Self {
                Self::$action(action)
            }
        })*
    };
}

steps![
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
    Withdraw,
    GiveUpVolume,
    RemoveParents,
    RemoveAccount,
    ForgetTraces,
];

impl Step {
    /// What the step does, such as `create directory /srv/smb/media`.
    pub fn title(&self) -> String {
        self.action().title()
    }

    pub(crate) fn check(&self, machine: &Machine<'_>) -> Result<Option<Value>, StepError> {
        self.action().check(machine)
    }

    pub(crate) fn apply(&self, machine: &Machine<'_>, undo: &Value) -> Result<Change, StepError> {
        self.action().apply(machine, undo)
    }

    pub(crate) fn undo(&self, machine: &Machine<'_>, undo: &Value) -> Result<(), StepError> {
        self.action().undo(machine, undo)
    }

    pub(crate) fn left_behind(&self, undo: &Value) -> Vec<LeftBehind> {
        self.action().left_behind(undo)
    }
}

/// An [`Action`] whose undo data is the JSON that the journal holds.
trait Erased {
    fn title(&self) -> String;
    fn check(&self, machine: &Machine<'_>) -> Result<Option<Value>, StepError>;
    fn apply(&self, machine: &Machine<'_>, undo: &Value) -> Result<Change, StepError>;
    fn undo(&self, machine: &Machine<'_>, undo: &Value) -> Result<(), StepError>;
    fn left_behind(&self, undo: &Value) -> Vec<LeftBehind>;
}

impl<A: Action> Erased for A {
    fn title(&self) -> String {
        Action::title(self)
    }

    fn check(&self, machine: &Machine<'_>) -> Result<Option<Value>, StepError> {
        let undo = Action::check(self, machine)?;
        undo.map(|undo| serde_json::to_value(undo).map_err(StepError::UndoData))
            .transpose()
    }

    fn apply(&self, machine: &Machine<'_>, undo: &Value) -> Result<Change, StepError> {
        Action::apply(
            self,
            machine,
            &A::Undo::deserialize(undo).map_err(StepError::UndoData)?,
        )
    }

    fn undo(&self, machine: &Machine<'_>, undo: &Value) -> Result<(), StepError> {
        Action::undo(
            self,
            machine,
            &A::Undo::deserialize(undo).map_err(StepError::UndoData)?,
        )
    }

    fn left_behind(&self, undo: &Value) -> Vec<LeftBehind> {
        A::Undo::deserialize(undo)
            .map(|undo| Action::left_behind(self, &undo))
            .unwrap_or_default()
    }
}
