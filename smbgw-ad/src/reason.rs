//! Why something about a domain is not as it should be: what was seen, its usual cause, and what to do.

use serde::Serialize;
use smbgw_core::error::{Coded, chain_text};

use crate::code::Code;

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Reason {
    /// Its stable code, such as `ad.clock-skew`.
    pub code: String,
    /// What was seen, as a lower-case sentence.
    pub message: String,
    /// What usually is behind it, as a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// What to do about it, as a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

impl Reason {
    /// That `message` was seen, which has the cause and the cure of `code`.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code: code.as_str().into(),
            message: message.into(),
            cause: Some(code.cause().into()),
            remedy: Some(code.fix().into()),
        }
    }

    /// That something failed with `error`.
    pub fn of(error: &dyn Coded) -> Self {
        let known = Code::ALL.iter().find(|code| code.as_str() == error.code());
        Self {
            code: error.code().into(),
            message: chain_text(error),
            cause: known.map(|code| code.cause().into()),
            remedy: error
                .remedy()
                .or_else(|| known.map(|code| code.fix().into())),
        }
    }

    /// Whether it is this one.
    pub fn is(&self, code: Code) -> bool {
        self.code == code.as_str()
    }

    /// The same with another thing to do.
    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}
