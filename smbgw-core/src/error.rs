//! What every public error offers beside its text: a stable code, a kind and a remedy.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The broad kind of an error, which decides a program's exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ErrorKind {
    /// The request itself is wrong; nothing was touched.
    Invalid,
    /// What the request names does not exist.
    NotFound,
    /// The request collides with what is there or with another request under way.
    Conflict,
    /// The machine cannot do this as it is set up; nothing was touched.
    Unsupported,
    /// An operation was tried and failed.
    Failed,
}

/// An error with a code that stays the same over versions.
pub trait Coded: std::error::Error {
    /// The stable code, such as `quota.unsupported-filesystem`.
    fn code(&self) -> &'static str;

    /// The broad kind of the error.
    fn kind(&self) -> ErrorKind {
        ErrorKind::Failed
    }

    /// What an administrator does about it, as a sentence, where that is known.
    fn remedy(&self) -> Option<String> {
        None
    }
}

/// One thing that is wrong with a request or with the machine it is meant for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Problem {
    /// The field of the request (`name`, `path`, `quota`, …) or the part of the machine.
    pub field: String,
    /// Stable code of the problem.
    pub code: String,
    /// The broad kind of the problem.
    pub kind: ErrorKind,
    /// What is wrong, as a lower-case sentence.
    pub message: String,
    /// What to do about it, where that is known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub remedy: Option<String>,
}

impl Problem {
    /// A problem of `field` that makes the request invalid.
    pub fn invalid(
        field: impl Into<String>,
        code: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            field: field.into(),
            code: code.into(),
            kind: ErrorKind::Invalid,
            message: message.into(),
            remedy: None,
        }
    }

    /// The problem that `error` is to `field`.
    pub fn from_error(field: impl Into<String>, error: &dyn Coded) -> Self {
        Self {
            field: field.into(),
            code: error.code().into(),
            kind: error.kind(),
            message: chain_text(error),
            remedy: error.remedy(),
        }
    }

    /// The same problem with a remedy.
    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// The same problem of another kind.
    #[must_use]
    pub fn kind(mut self, kind: ErrorKind) -> Self {
        self.kind = kind;
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.message)?;
        match &self.remedy {
            Some(remedy) => write!(f, "; {remedy}"),
            None => Ok(()),
        }
    }
}

/// The text of an error and of all its sources, `: ` between them.
///
/// An error's own text never repeats its source's, so each part appears once.
pub fn chain_text(error: &(impl std::error::Error + ?Sized)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
