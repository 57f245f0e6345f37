//! Why the status of a cluster could not be read.

use smbgw_core::error::{Coded, ErrorKind, chain_text};

use crate::client::ClientError;
use crate::code::Code;
use crate::ctl::CtlError;

/// Why the status of a cluster could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StatusError {
    /// A node could not be asked by commands.
    #[error(transparent)]
    Command(#[from] CtlError),
    /// The ctdbd of a node does not answer, which no command would change.
    #[error(transparent)]
    Socket(#[from] ClientError),
    /// None of the nodes could be asked.
    #[error("no node of the cluster answers: {}", each.iter().map(chain_text_of).collect::<Vec<_>>().join("; "))]
    Nobody {
        /// What each of them said.
        each: Vec<(String, StatusError)>,
    },
}

fn chain_text_of((node, error): &(String, StatusError)) -> String {
    format!("{node}: {}", chain_text(error))
}

impl Coded for StatusError {
    fn code(&self) -> &'static str {
        match self {
            Self::Command(error) => error.code(),
            Self::Socket(error) => error.code(),
            Self::Nobody { .. } => Code::NobodyAnswers.as_str(),
        }
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::Command(error) => error.kind(),
            Self::Socket(error) => error.kind(),
            Self::Nobody { .. } => ErrorKind::Failed,
        }
    }

    fn remedy(&self) -> Option<String> {
        match self {
            Self::Command(error) => error.remedy(),
            Self::Socket(error) => error.remedy(),
            Self::Nobody { .. } => Some(Code::NobodyAnswers.fix().into()),
        }
    }
}
