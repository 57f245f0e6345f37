//! How an operation ended.

use std::fmt;

use serde::Serialize;

use crate::change::Change;
use crate::error::{Coded, ErrorKind, Problem};
use crate::host::{FileError, LockError};
use crate::lifecycle::preflight::Preflight;
use crate::ports::PortError;
use crate::share::ShareName;
use crate::state_error::StateError;
use crate::step::LeftBehind;
use crate::step_error::StepError;

/// How an operation that was begun ended; `R` is what it tells where all of it is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "Outcome")
)]
#[serde(rename_all = "kebab-case", tag = "outcome")]
pub enum Outcome<R = Report> {
    /// All of it is done.
    Done(R),
    /// It failed, and everything is as it was before.
    RolledBack {
        /// What failed.
        cause: Finding,
    },
    /// It failed, and something is left.
    NeedsAttention {
        /// What failed.
        cause: Finding,
        /// What is left, and the commands to clean it up.
        left_behind: Vec<LeftBehind>,
    },
}

impl<R> Outcome<R> {
    /// Whether all of it is done.
    pub fn is_done(&self) -> bool {
        matches!(self, Self::Done(_))
    }

    /// The same with another report, where all of it is done.
    pub fn map<S>(self, report: impl FnOnce(R) -> S) -> Outcome<S> {
        match self {
            Self::Done(told) => Outcome::Done(report(told)),
            Self::RolledBack { cause } => Outcome::RolledBack { cause },
            Self::NeedsAttention { cause, left_behind } => {
                Outcome::NeedsAttention { cause, left_behind }
            }
        }
    }
}

/// What an operation did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Report {
    /// The share.
    pub share: ShareName,
    /// Each step with what it did.
    pub steps: Vec<StepReport>,
    /// What an administrator should know beside it.
    pub notes: Vec<String>,
}

/// What one step did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StepReport {
    /// What the step does.
    pub title: String,
    /// What it did.
    pub change: Change,
}

/// A failure in a form that can be shown and stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Finding {
    /// What was being done.
    pub during: String,
    /// Stable code of the failure.
    pub code: String,
    /// What happened, as a lower-case sentence.
    pub message: String,
    /// What to do about it, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

impl Finding {
    /// The failure `error` of what is described by `during`.
    pub fn new(during: impl Into<String>, error: &dyn Coded) -> Self {
        Self {
            during: during.into(),
            code: error.code().into(),
            message: crate::error::chain_text(error),
            remedy: error.remedy(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.during, self.message)
    }
}

/// An interrupted operation that could be neither finished nor undone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unrecovered {
    /// The share.
    pub share: ShareName,
    /// Why not.
    pub cause: Finding,
    /// What is left of it.
    pub left_behind: Vec<LeftBehind>,
}

/// Why an operation was not begun; nothing was touched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ShareError {
    /// The request is wrong, or collides with what is there.
    #[error("{}", listed(.0))]
    Refused(Vec<Problem>),
    /// The machine is not set up for it.
    #[error("the machine is not ready: {}", failures(.0))]
    Preflight(Preflight),
    /// There is no such share.
    #[error("there is no share `{0}`")]
    NotFound(ShareName),
    /// An interrupted operation has to be cleaned up first.
    #[error("an interrupted operation on `{}` could not be cleaned up: {}", .0.share, .0.cause)]
    Unrecovered(Box<Unrecovered>),
    /// A lock was not taken.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// A record or a journal could not be used.
    #[error(transparent)]
    State(#[from] StateError),
    /// A file could not be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// The storage could not be looked at.
    #[error(transparent)]
    Storage(#[from] PortError),
    /// The machine could not be looked at.
    #[error(transparent)]
    Step(#[from] StepError),
}

impl Coded for ShareError {
    fn code(&self) -> &'static str {
        match self {
            Self::Refused(_) => "share.refused",
            Self::Preflight(_) => "share.preflight-failed",
            Self::NotFound(_) => "share.not-found",
            Self::Unrecovered(_) => "share.unrecovered",
            Self::Lock(error) => error.code(),
            Self::State(error) => error.code(),
            Self::File(error) => error.code(),
            Self::Storage(error) => error.code(),
            Self::Step(error) => error.code(),
        }
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::Refused(problems) => worst(problems),
            Self::Preflight(_) => ErrorKind::Unsupported,
            Self::NotFound(_) => ErrorKind::NotFound,
            Self::Unrecovered(_) => ErrorKind::Failed,
            Self::Lock(error) => of_a_part(error.kind()),
            Self::State(error) => of_a_part(error.kind()),
            Self::File(error) => of_a_part(error.kind()),
            Self::Storage(error) => of_a_part(error.kind()),
            Self::Step(error) => of_a_part(error.kind()),
        }
    }

    fn remedy(&self) -> Option<String> {
        match self {
            Self::Refused(_) | Self::Preflight(_) => None,
            Self::NotFound(_) => Some("run `pve-smbgateway list` to see the shares".into()),
            Self::Unrecovered(_) => Some("run `pve-smbgateway recover`".into()),
            Self::Lock(error) => error.remedy(),
            Self::State(error) => error.remedy(),
            Self::File(error) => error.remedy(),
            Self::Storage(error) => error.remedy(),
            Self::Step(error) => error.remedy(),
        }
    }
}

/// What is missing of a share that is there is a failure: only the share itself is "not found".
fn of_a_part(kind: ErrorKind) -> ErrorKind {
    match kind {
        ErrorKind::NotFound => ErrorKind::Failed,
        kind => kind,
    }
}

/// The kind that stands for all problems: an invalid request before a conflict before a machine that
/// is not ready. A request that names what is not there is invalid.
fn worst(problems: &[Problem]) -> ErrorKind {
    let is_any = |kind| problems.iter().any(|problem| problem.kind == kind);
    if is_any(ErrorKind::Invalid) || is_any(ErrorKind::NotFound) {
        return ErrorKind::Invalid;
    }
    [ErrorKind::Conflict, ErrorKind::Unsupported]
        .into_iter()
        .find(|kind| is_any(*kind))
        .unwrap_or(ErrorKind::Invalid)
}

fn listed(problems: &[Problem]) -> String {
    let texts: Vec<_> = problems.iter().map(ToString::to_string).collect();
    texts.join("\n")
}

fn failures(preflight: &Preflight) -> String {
    let texts: Vec<_> = preflight
        .failures()
        .map(|check| check.message.clone())
        .collect();
    texts.join("; ")
}
