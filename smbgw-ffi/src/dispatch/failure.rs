//! What a method answers where it does not succeed.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};
use smbgw_ad::join_error::JoinError;
use smbgw_core::error::{Coded, ErrorKind, Problem};
use smbgw_core::lifecycle::{ErrorDocument, Finding, Outcome, ShareError};
use smbgw_core::ports::PortError;
use smbgw_core::step::LeftBehind;
use smbgw_ctdb::cluster_error::ClusterError;
use smbgw_ctdb::drill::DrillError;
use smbgw_quota::QuotaError;
use smbgw_quota::owner::OwnerError;
use smbgw_vm::provisioning::ProvisioningError;
use smbgw_vm::template::TemplateError;

use crate::abi::Code;

/// Why a method did not do what was asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    code: Code,
    document: Value,
}

/// What a reply says where a method did not succeed.
#[derive(Serialize, JsonSchema)]
pub struct ErrorReply {
    /// The name of what the function returned, such as `not-found`.
    error: String,
    #[serde(flatten)]
    what: ErrorDocument,
    /// How an operation ended that was begun: `rolled-back` or `needs-attention`.
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<&'static str>,
    /// What failed in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<Finding>,
}

impl Failure {
    /// What the function returns for it.
    pub fn code(&self) -> Code {
        self.code
    }

    /// The document that says what went wrong: an [`ErrorReply`].
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

    pub(super) fn not_a_request(why: &str) -> Self {
        Self::invalid(
            "call.not-a-request",
            format!("the request cannot be read: {why}"),
            "see docs/abi.md and the schema of the method's request for what it takes",
        )
    }

    pub(super) fn not_a_reply(error: &serde_json::Error) -> Self {
        let document = ErrorDocument {
            code: "call.not-a-reply".into(),
            message: format!("what was found cannot be told as JSON: {error}"),
            remedy: Some("rename files whose names are no UTF-8".into()),
            problems: None,
            checks: None,
            left_behind: None,
        };
        Self::new(Code::Failed, document)
    }

    /// A request with a field that says what cannot be meant.
    pub(crate) fn refused(problem: Problem) -> Self {
        ShareError::Refused(vec![problem]).into()
    }

    /// The failure `error` of something that is not about one share's life.
    pub(super) fn of(error: &dyn Coded) -> Self {
        Self::new(Code::from(error.kind()), ErrorDocument::of(error))
    }

    /// What `outcome` is for a caller: done, or a failure.
    pub(super) fn unless_done<R>(outcome: Outcome<R>) -> Result<R, Self> {
        let (code, name, cause, left_behind) = match outcome {
            Outcome::Done(report) => return Ok(report),
            Outcome::RolledBack { cause } => (Code::RolledBack, "rolled-back", cause, None),
            Outcome::NeedsAttention { cause, left_behind } => (
                Code::NeedsAttention,
                "needs-attention",
                cause,
                Some(left_behind),
            ),
        };
        Err(Self::of_outcome(code, name, cause, left_behind))
    }

    /// An operation that was not begun, because of an error of this kind.
    fn not_begun(kind: ErrorKind, document: ErrorDocument) -> Self {
        let code = match document.left_behind {
            Some(_) => Code::NeedsAttention,
            None => Code::from(kind),
        };
        Self::new(code, document)
    }

    fn of_outcome(
        code: Code,
        name: &'static str,
        cause: Finding,
        left_behind: Option<Vec<LeftBehind>>,
    ) -> Self {
        let what = ErrorDocument {
            code: cause.code.clone(),
            message: cause.to_string(),
            remedy: cause.remedy.clone(),
            problems: None,
            checks: None,
            left_behind,
        };
        Self::with(code, what, Some((name, cause)))
    }

    fn invalid(code: &str, message: String, remedy: &str) -> Self {
        let what = ErrorDocument {
            code: code.into(),
            message,
            remedy: Some(remedy.into()),
            problems: None,
            checks: None,
            left_behind: None,
        };
        Self::new(Code::Invalid, what)
    }

    fn new(code: Code, what: ErrorDocument) -> Self {
        Self::with(code, what, None)
    }

    fn with(code: Code, what: ErrorDocument, ended: Option<(&'static str, Finding)>) -> Self {
        let (outcome, cause) = ended.unzip();
        let error = code.name().to_string_lossy().into_owned();
        let reply = ErrorReply {
            error,
            what,
            outcome,
            cause,
        };
        Self {
            code,
            document: json!(reply),
        }
    }
}

impl From<ShareError> for Failure {
    fn from(error: ShareError) -> Self {
        Self::not_begun(error.kind(), ErrorDocument::from(&error))
    }
}

impl From<JoinError> for Failure {
    fn from(error: JoinError) -> Self {
        Self::not_begun(error.kind(), ErrorDocument::from(&error))
    }
}

impl From<ClusterError> for Failure {
    fn from(error: ClusterError) -> Self {
        Self::not_begun(error.kind(), ErrorDocument::from(&error))
    }
}

impl From<TemplateError> for Failure {
    fn from(error: TemplateError) -> Self {
        Self::not_begun(error.kind(), ErrorDocument::from(&error))
    }
}

impl From<ProvisioningError> for Failure {
    fn from(error: ProvisioningError) -> Self {
        Self::not_begun(error.kind(), ErrorDocument::from(&error))
    }
}

impl From<DrillError> for Failure {
    fn from(error: DrillError) -> Self {
        Self::not_begun(error.kind(), ErrorDocument::from(&error))
    }
}

impl From<OwnerError> for Failure {
    fn from(error: OwnerError) -> Self {
        match error {
            OwnerError::Share(error) => error.into(),
            OwnerError::Quota(error) => error.into(),
        }
    }
}

impl From<QuotaError> for Failure {
    fn from(error: QuotaError) -> Self {
        Self::of(&error)
    }
}

impl From<PortError> for Failure {
    fn from(error: PortError) -> Self {
        Self::of(&error)
    }
}
