//! What operations are made of: steps that can be written down, done and undone.
//!
//! A step is plain data with an [`Action`]. [`steps!`](crate::steps!) makes one type of the steps that
//! an operation may have, which the journal holds and [`transaction`](crate::transaction) carries out.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::change::Change;
use crate::step_error::StepError;

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
/// `W` is what it works on, such as [`Machine`](crate::machine::Machine).
///
/// `check` looks at the machine and says what undoing will need; that is on disk before `apply`
/// starts. `undo` runs for a step that *may* have been applied, wholly, in part or not at all, and
/// may run again.
pub trait Action<W> {
    /// What undoing needs to know of the time before.
    type Undo: Serialize + DeserializeOwned;

    /// What the step does, such as `create directory /srv/smb/media`.
    fn title(&self) -> String;

    /// Looks whether anything is to be done; `None` if not.
    ///
    /// # Errors
    /// Where that cannot be seen; the step is not done then.
    fn check(&self, world: &W) -> Result<Option<Self::Undo>, StepError>;

    /// Does it.
    ///
    /// # Errors
    /// Where it fails; it is undone then, as it may have been done in part.
    fn apply(&self, world: &W, undo: &Self::Undo) -> Result<Change, StepError>;

    /// Brings back what was before.
    ///
    /// # Errors
    /// Where something is left.
    fn undo(&self, world: &W, undo: &Self::Undo) -> Result<(), StepError>;

    /// What may be left where undoing failed.
    fn left_behind(&self, undo: &Self::Undo) -> Vec<LeftBehind>;
}

/// A step of any kind: an [`Action`] whose undo data is the JSON that the journal holds.
///
/// [`steps!`](crate::steps!) implements it.
pub trait AnyStep<W>: Serialize + DeserializeOwned {
    /// What the step does, such as `create directory /srv/smb/media`.
    fn title(&self) -> String;

    /// As [`Action::check`].
    ///
    /// # Errors
    /// As there.
    fn check(&self, world: &W) -> Result<Option<Value>, StepError>;

    /// As [`Action::apply`].
    ///
    /// # Errors
    /// As there, and where `undo` is not what this kind of step has written.
    fn apply(&self, world: &W, undo: &Value) -> Result<Change, StepError>;

    /// As [`Action::undo`].
    ///
    /// # Errors
    /// As there, and where `undo` is not what this kind of step has written.
    fn undo(&self, world: &W, undo: &Value) -> Result<(), StepError>;

    /// As [`Action::left_behind`].
    fn left_behind(&self, undo: &Value) -> Vec<LeftBehind>;
}

/// Makes the enum of all steps that an operation may have, and has each answer as its action does.
///
/// After the name of the enum comes what its steps work on, as the type of a reference to it, with
/// the lifetime that it has.
#[macro_export]
macro_rules! steps {
    ($(#[$doc:meta])* $enum:ident<$life:lifetime> on $world:ty: $($action:ident),* $(,)?) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(rename_all = "kebab-case")]
        #[allow(missing_docs, reason = "each is documented where its action is")]
        pub enum $enum {
            $($action($action),)*
        }

        impl $enum {
            /// What the step does, such as `create directory /srv/smb/media`.
            pub fn title(&self) -> String {
                self.action().title()
            }

            fn action<$life>(&self) -> &dyn $crate::step::Erased<$world> {
                match self {
                    $(Self::$action(action) => action,)*
                }
            }
        }

        impl<$life> $crate::step::AnyStep<$world> for $enum {
            fn title(&self) -> String {
                self.action().title()
            }

            fn check(
                &self,
                world: &$world,
            ) -> Result<Option<serde_json::Value>, $crate::step_error::StepError> {
                self.action().check(world)
            }

            fn apply(
                &self,
                world: &$world,
                undo: &serde_json::Value,
            ) -> Result<$crate::change::Change, $crate::step_error::StepError> {
                self.action().apply(world, undo)
            }

            fn undo(
                &self,
                world: &$world,
                undo: &serde_json::Value,
            ) -> Result<(), $crate::step_error::StepError> {
                self.action().undo(world, undo)
            }

            fn left_behind(&self, undo: &serde_json::Value) -> Vec<$crate::step::LeftBehind> {
                self.action().left_behind(undo)
            }
        }

        $(impl From<$action> for $enum {
            fn from(action: $action) -> Self {
                Self::$action(action)
            }
        })*
    };
}

/// What [`steps!`](crate::steps!) dispatches by.
#[doc(hidden)]
pub trait Erased<W> {
    fn title(&self) -> String;
    fn check(&self, world: &W) -> Result<Option<Value>, StepError>;
    fn apply(&self, world: &W, undo: &Value) -> Result<Change, StepError>;
    fn undo(&self, world: &W, undo: &Value) -> Result<(), StepError>;
    fn left_behind(&self, undo: &Value) -> Vec<LeftBehind>;
}

impl<W, A: Action<W>> Erased<W> for A {
    fn title(&self) -> String {
        Action::<W>::title(self)
    }

    fn check(&self, world: &W) -> Result<Option<Value>, StepError> {
        let undo = Action::check(self, world)?;
        undo.map(|undo| serde_json::to_value(undo).map_err(StepError::UndoData))
            .transpose()
    }

    fn apply(&self, world: &W, undo: &Value) -> Result<Change, StepError> {
        Action::apply(
            self,
            world,
            &<A as Action<W>>::Undo::deserialize(undo).map_err(StepError::UndoData)?,
        )
    }

    fn undo(&self, world: &W, undo: &Value) -> Result<(), StepError> {
        Action::undo(
            self,
            world,
            &<A as Action<W>>::Undo::deserialize(undo).map_err(StepError::UndoData)?,
        )
    }

    fn left_behind(&self, undo: &Value) -> Vec<LeftBehind> {
        <A as Action<W>>::Undo::deserialize(undo)
            .map(|undo| Action::<W>::left_behind(self, &undo))
            .unwrap_or_default()
    }
}
