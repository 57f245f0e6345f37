//! What a method answers where it does not succeed.

use serde_json::{Value, json};
use smbgw_core::error::{Coded, chain_text};
use smbgw_core::lifecycle::{Outcome, ShareError};

use crate::abi::Code;

/// Why a method did not do what was asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    code: Code,
    document: Value,
}

impl Failure {
    /// What the function returns for it.
    pub fn code(&self) -> Code {
        self.code
    }

    /// The document that says what went wrong.
    pub fn document(&self) -> &Value {
        &self.document
    }

    pub(super) fn unknown_method(name: &str) -> Self {
        Self::invalid(
            "call.unknown-method",
            format!("there is no method `{name}`"),
            "library.methods lists those there are",
        )
    }

    pub(super) fn not_a_request(error: &serde_json::Error) -> Self {
        Self::invalid(
            "call.not-a-request",
            format!("the request cannot be read: {error}"),
            "docs/abi.md and the schemas say what the method takes",
        )
    }

    /// The failure `error` of something that is not about one share's life.
    pub(super) fn of(error: &dyn Coded) -> Self {
        let code = Code::from(error.kind());
        let mut document = json!({ "code": error.code(), "message": chain_text(error) });
        if let Some(remedy) = error.remedy() {
            document["remedy"] = remedy.into();
        }
        Self::new(code, document)
    }

    fn invalid(code: &str, message: String, remedy: &str) -> Self {
        let document = json!({ "code": code, "message": message, "remedy": remedy });
        Self::new(Code::Invalid, document)
    }

    fn new(code: Code, mut document: Value) -> Self {
        document["error"] = code.name().to_string_lossy().into();
        Self { code, document }
    }
}

impl From<ShareError> for Failure {
    fn from(error: ShareError) -> Self {
        let mut failure = Self::of(&error);
        match &error {
            ShareError::Refused(problems) => failure.document["problems"] = json!(problems),
            ShareError::Preflight(found) => failure.document["checks"] = json!(found),
            ShareError::Unrecovered(unrecovered) => {
                failure.document["left_behind"] = json!(unrecovered.left_behind);
            }
            _ => {}
        }
        failure
    }
}

impl Failure {
    /// What `outcome` is for a caller: done, or a failure.
    pub(super) fn unless_done(outcome: &Outcome) -> Result<Value, Self> {
        let code = match outcome {
            Outcome::Done(_) => return Ok(json!(outcome)),
            Outcome::RolledBack { .. } => Code::RolledBack,
            Outcome::NeedsAttention { .. } => Code::NeedsAttention,
        };
        let mut document = json!(outcome);
        if let Outcome::RolledBack { cause } | Outcome::NeedsAttention { cause, .. } = outcome {
            document["code"] = cause.code.clone().into();
            document["message"] = cause.to_string().into();
            if let Some(remedy) = &cause.remedy {
                document["remedy"] = remedy.clone().into();
            }
        }
        Err(Self::new(code, document))
    }
}
