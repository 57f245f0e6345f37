//! Why a drill was not begun.

use smbgw_core::error::{Coded, ErrorKind, Problem};
use smbgw_core::host::LockError;
use smbgw_core::lifecycle::{ErrorDocument, Finding};
use smbgw_core::state_error::StateError;
use smbgw_core::step::LeftBehind;

use crate::cluster_error::ClusterError;
use crate::code::Code;
use crate::smb::SmbError;

/// Why a drill was not begun.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DrillError {
    /// The request, or the cluster, is not fit for it. All that is wrong is here.
    #[error("{}", listed(.0))]
    Refused(Vec<Problem>),
    /// There is no such way of breaking a node.
    #[error("`{0}` is no way of breaking a node")]
    NoScenario(String),
    /// The client does not get into the share while all is well.
    #[error("the drill's client does not get into the share `{share}`")]
    Client {
        /// The share.
        share: String,
        /// Why not.
        source: SmbError,
    },
    /// An earlier drill was interrupted, and what it broke cannot be repaired.
    #[error("what an interrupted drill broke could not be repaired: {cause}")]
    Unrecovered {
        /// Why not.
        cause: Box<Finding>,
        /// What is left of it.
        left_behind: Vec<LeftBehind>,
    },
    /// The cluster could not be looked at.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// A lock was not taken.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// A journal could not be used.
    #[error(transparent)]
    State(#[from] StateError),
}

impl DrillError {
    fn part(&self) -> Option<&dyn Coded> {
        Some(match self {
            Self::Client { source, .. } => source,
            Self::Cluster(error) => error,
            Self::Lock(error) => error,
            Self::State(error) => error,
            Self::Refused(_) | Self::NoScenario(_) | Self::Unrecovered { .. } => return None,
        })
    }
}

impl Coded for DrillError {
    fn code(&self) -> &'static str {
        match self {
            Self::NoScenario(_) => Code::NoScenario.as_str(),
            Self::Unrecovered { .. } => Code::DrillInterrupted.as_str(),
            _ => self.part().map_or(Code::DrillRefused.as_str(), Coded::code),
        }
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::NoScenario(_) => ErrorKind::Invalid,
            Self::Refused(problems) => {
                let kinds = problems.iter().map(|problem| problem.kind);
                let is_invalid = kinds.clone().any(|kind| kind == ErrorKind::Invalid);
                let other = kinds.clone().next().unwrap_or(ErrorKind::Invalid);
                if is_invalid {
                    ErrorKind::Invalid
                } else {
                    other
                }
            }
            _ => self.part().map_or(ErrorKind::Failed, Coded::kind),
        }
    }

    fn remedy(&self) -> Option<String> {
        match self {
            Self::Refused(_) => None,
            Self::NoScenario(_) => Some("give disable, kill, hang, cut or poweroff-sim".into()),
            Self::Unrecovered { .. } => Some("run `pve-smbgateway ha-recover`".into()),
            _ => self.part().and_then(Coded::remedy),
        }
    }
}

/// As a document: what is wrong with a request, or what is left, is in it.
impl From<&DrillError> for ErrorDocument {
    fn from(error: &DrillError) -> Self {
        if let DrillError::Cluster(error) = error {
            return error.into();
        }
        let mut document = Self::of(error);
        match error {
            DrillError::Refused(problems) => document.problems = Some(problems.clone()),
            DrillError::Unrecovered { left_behind, .. } => {
                document.left_behind = Some(left_behind.clone());
            }
            _ => {}
        }
        document
    }
}

fn listed(problems: &[Problem]) -> String {
    let each: Vec<_> = problems.iter().map(ToString::to_string).collect();
    each.join("\n")
}
