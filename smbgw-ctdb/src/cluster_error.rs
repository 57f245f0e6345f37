//! Why a cluster could not be set up, changed or taken apart.

use std::net::IpAddr;

use smbgw_core::error::{Coded, ErrorKind, Problem};
use smbgw_core::host::{CommandError, FileError, LockError};
use smbgw_core::lifecycle::{ErrorDocument, Finding};
use smbgw_core::ports::PortError;
use smbgw_core::service::ServiceError;
use smbgw_core::state_error::StateError;
use smbgw_core::step::LeftBehind;
use smbgw_core::step_error::StepError;

use crate::code::Code;
use crate::conflict::InterfaceError;
use crate::ctl::CtlError;
use crate::files;
use crate::node::NodeName;

/// Why an operation on a cluster was not begun, or a step of it failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClusterError {
    /// The request, or the nodes, are not in order. All that is wrong is here.
    #[error("{}", listed(.0))]
    Refused(Vec<Problem>),
    /// There is no record of a cluster.
    #[error("{0} is a node of no cluster that this program knows")]
    NoCluster(String),
    /// A node is not reached.
    #[error("the node {node} is not reached")]
    Unreached {
        /// The node.
        node: NodeName,
    },
    /// There is no such node.
    #[error("the cluster has no node `{0}`")]
    NoNode(NodeName),
    /// Nodes did not become what they should in time.
    #[error("after {seconds} s not all nodes are healthy: {}", each.join("; "))]
    NotHealthy {
        /// How long was waited.
        seconds: u64,
        /// Those nodes, each with what is known of the reason.
        each: Vec<String>,
    },
    /// No node took an address in time.
    #[error("after {seconds} s the cluster does not serve under {address}: {why}")]
    NotServed {
        /// The address.
        address: IpAddr,
        /// How long was waited.
        seconds: u64,
        /// What was missing last.
        why: String,
    },
    /// An address did not go in time.
    #[error("after {seconds} s {address} is not gone: {why}")]
    AddressStays {
        /// The address.
        address: IpAddr,
        /// How long was waited.
        seconds: u64,
        /// Who has it.
        why: String,
    },
    /// Samba reads something else than was meant.
    #[error("samba on {node} reads `{parameter}` as `{read}` where `{meant}` is meant")]
    ReadDifferently {
        /// The node.
        node: NodeName,
        /// The parameter.
        parameter: &'static str,
        /// What it was to be.
        meant: String,
        /// What Samba reads.
        read: String,
    },
    /// What a node was like before the cluster is not known.
    #[error("what {node} was like before the cluster is not known")]
    NoWayBack {
        /// The node.
        node: NodeName,
    },
    /// A service did not start or end.
    #[error("{service} on {node} {what}")]
    Service {
        /// The service.
        service: &'static str,
        /// The node.
        node: String,
        /// What it did not do.
        what: &'static str,
    },
    /// An interrupted operation has to be cleaned up first.
    #[error("an interrupted operation could not be cleaned up: {cause}")]
    Unrecovered {
        /// Why not.
        cause: Box<Finding>,
        /// What is left of it.
        left_behind: Vec<LeftBehind>,
    },
    /// A file of a cluster cannot be read or changed.
    #[error(transparent)]
    Content(#[from] files::FileError),
    /// ctdb could not be told or asked something.
    #[error(transparent)]
    Ctl(#[from] CtlError),
    /// A file could not be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// A command failed.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// The interfaces of a node cannot be read.
    #[error(transparent)]
    Interfaces(#[from] InterfaceError),
    /// A lock was not taken.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// A record or a journal could not be used.
    #[error(transparent)]
    State(#[from] StateError),
    /// smbd could not be controlled.
    #[error(transparent)]
    Samba(#[from] ServiceError),
}

impl ClusterError {
    /// The error that one of the parts brought.
    fn part(&self) -> Option<&dyn Coded> {
        Some(match self {
            Self::Content(error) => error,
            Self::Ctl(error) => error,
            Self::File(error) => error,
            Self::Command(error) => error,
            Self::Interfaces(error) => error,
            Self::Lock(error) => error,
            Self::State(error) => error,
            Self::Samba(error) => error,
            _ => return None,
        })
    }

    fn reason(&self) -> Code {
        match self {
            Self::NoCluster(_) => Code::NoCluster,
            Self::Unreached { .. } => Code::NodeUnreached,
            Self::NoNode(_) => Code::NoNode,
            Self::NotHealthy { .. } => Code::NotHealthyInTime,
            Self::NotServed { .. } => Code::AddressNowhere,
            Self::AddressStays { .. } => Code::AddressLeftBehind,
            Self::ReadDifferently { .. } => Code::SambaSettings,
            Self::NoWayBack { .. } => Code::NoWayBack,
            Self::Service { .. } => Code::ServiceStuck,
            Self::Unrecovered { .. } => Code::Interrupted,
            _ => Code::RequestInvalid,
        }
    }
}

impl Coded for ClusterError {
    fn code(&self) -> &'static str {
        self.part().map_or(self.reason().as_str(), Coded::code)
    }

    fn kind(&self) -> ErrorKind {
        if let Some(part) = self.part() {
            return part.kind();
        }
        match self {
            Self::Refused(problems) => worst(problems),
            Self::NoCluster(_) | Self::NoNode(_) => ErrorKind::NotFound,
            Self::NoWayBack { .. } => ErrorKind::Unsupported,
            _ => ErrorKind::Failed,
        }
    }

    fn remedy(&self) -> Option<String> {
        match (self.part(), self) {
            (Some(part), _) => part.remedy(),
            (None, Self::Refused(_)) => None,
            (None, _) => Some(self.reason().fix().into()),
        }
    }
}

/// As a document: what is wrong with a request, or what is left, is in it.
impl From<&ClusterError> for ErrorDocument {
    fn from(error: &ClusterError) -> Self {
        let mut document = Self::of(error);
        match error {
            ClusterError::Refused(problems) => document.problems = Some(problems.clone()),
            ClusterError::Unrecovered { left_behind, .. } => {
                document.left_behind = Some(left_behind.clone());
            }
            _ => {}
        }
        document
    }
}

/// The error of a step.
pub(crate) fn step(error: impl Into<ClusterError>) -> StepError {
    match error.into() {
        ClusterError::File(error) => error.into(),
        ClusterError::Command(error) => error.into(),
        ClusterError::Lock(error) => error.into(),
        ClusterError::State(error) => error.into(),
        ClusterError::Samba(error) => error.into(),
        other => PortError::new(other).into(),
    }
}

/// The kind that stands for all problems: an invalid request before a conflict before a machine that is not
/// ready.
fn worst(problems: &[Problem]) -> ErrorKind {
    let mut kinds: Vec<ErrorKind> = problems.iter().map(|problem| problem.kind).collect();
    let rank = |kind: &ErrorKind| match kind {
        ErrorKind::Invalid => 0,
        ErrorKind::Conflict => 1,
        ErrorKind::Unsupported => 2,
        _ => 3,
    };
    kinds.sort_by_key(rank);
    kinds.first().copied().unwrap_or(ErrorKind::Invalid)
}

fn listed(problems: &[Problem]) -> String {
    let texts: Vec<_> = problems.iter().map(ToString::to_string).collect();
    texts.join("\n")
}
