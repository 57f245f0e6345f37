//! Why it cannot be told where addresses go.

use smbgw_core::error::{Coded, ErrorKind};

use crate::code::Code;
use crate::ctl::CtlError;
use crate::node::NodeName;
use crate::placement::PlacementError;
use crate::status::StatusError;

/// Why it cannot be told where the addresses of a running cluster go.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ForecastError {
    /// There is no node of that number.
    #[error("the cluster has no node {number}")]
    NoSuchNode {
        /// The number.
        number: u32,
    },
    /// There is no node of that name, or it does not answer.
    #[error("no node that answers is called {name}")]
    NoSuchName {
        /// The name.
        name: NodeName,
    },
    /// No node was given to be asked.
    #[error("there is no node that could be asked")]
    NobodyAsked,
    /// The cluster cannot be looked at.
    #[error(transparent)]
    Status(#[from] StatusError),
    /// The tunables cannot be read.
    #[error(transparent)]
    Ctl(#[from] CtlError),
    /// No address would be placed.
    #[error(transparent)]
    Placement(#[from] PlacementError),
}

impl Coded for ForecastError {
    fn code(&self) -> &'static str {
        match self {
            Self::NoSuchNode { .. } | Self::NoSuchName { .. } => Code::NoNode.as_str(),
            Self::NobodyAsked => Code::NobodyAnswers.as_str(),
            Self::Status(error) => error.code(),
            Self::Ctl(error) => error.code(),
            Self::Placement(error) => error.code(),
        }
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::NoSuchNode { .. } | Self::NoSuchName { .. } => ErrorKind::NotFound,
            Self::NobodyAsked => ErrorKind::Failed,
            Self::Status(error) => error.kind(),
            Self::Ctl(error) => error.kind(),
            Self::Placement(error) => error.kind(),
        }
    }

    fn remedy(&self) -> Option<String> {
        match self {
            Self::NoSuchNode { .. } | Self::NoSuchName { .. } => Some(Code::NoNode.fix().into()),
            Self::NobodyAsked => Some(Code::NobodyAnswers.fix().into()),
            Self::Status(error) => error.remedy(),
            Self::Ctl(error) => error.remedy(),
            Self::Placement(error) => error.remedy(),
        }
    }
}
