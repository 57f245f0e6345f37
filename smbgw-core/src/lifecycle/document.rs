//! An error as a document for programs.

use serde::Serialize;

use crate::error::{Coded, Problem, chain_text};
use crate::lifecycle::outcome::ShareError;
use crate::lifecycle::preflight::Preflight;
use crate::step::LeftBehind;

/// What went wrong, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ErrorDocument {
    /// The stable code, such as `share.not-found`.
    pub code: String,
    /// What happened, as a lower-case sentence.
    pub message: String,
    /// What an administrator does about it, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
    /// All that is wrong with the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problems: Option<Vec<Problem>>,
    /// What was checked of a machine that is not ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checks: Option<Preflight>,
    /// What is left of an operation that could be neither finished nor undone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left_behind: Option<Vec<LeftBehind>>,
}

impl ErrorDocument {
    /// The document of any error.
    pub fn of(error: &dyn Coded) -> Self {
        Self {
            code: error.code().into(),
            message: chain_text(error),
            remedy: error.remedy(),
            problems: None,
            checks: None,
            left_behind: None,
        }
    }
}

impl From<&ShareError> for ErrorDocument {
    fn from(error: &ShareError) -> Self {
        let mut document = Self::of(error);
        match error {
            ShareError::Refused(problems) => document.problems = Some(problems.clone()),
            ShareError::Preflight(found) => document.checks = Some(found.clone()),
            ShareError::Unrecovered(unrecovered) => {
                document.left_behind = Some(unrecovered.left_behind.clone());
            }
            _ => {}
        }
        document
    }
}
