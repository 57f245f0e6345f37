//! Why a ctdbd gave no answer.

use std::io;
use std::path::PathBuf;

use smbgw_core::error::{Coded, ErrorKind};

use crate::client::Version;
use crate::code::Code;

/// Why a ctdbd gave no answer at its socket.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The files of the node are not reached from here, and so its socket is not.
    #[error("the socket of ctdbd on {host} is not reached from here")]
    Elsewhere {
        /// The node.
        host: String,
    },
    /// Nobody listens.
    #[error("nobody listens at {}", socket.display())]
    NotRunning {
        /// The socket.
        socket: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The connection ended.
    #[error("the connection with ctdbd ended")]
    Ended {
        /// What the system said.
        source: io::Error,
    },
    /// It did not answer in time.
    #[error("ctdbd did not answer in time when it was asked for {question}")]
    Silent {
        /// What it was asked.
        question: &'static str,
    },
    /// It refused.
    #[error("ctdbd refused {question} with {status}{}", because(why))]
    Refused {
        /// What it was asked.
        question: &'static str,
        /// The status in the answer.
        status: i32,
        /// What it said.
        why: String,
    },
    /// What it sent is not understood.
    #[error("ctdbd sent something that is not understood: {what}")]
    NotUnderstood {
        /// What it is.
        what: String,
    },
    /// Nothing is known of what daemons of that version send.
    #[error("it is not known what ctdbd of version {} sends", version.map_or("unknown".into(), |version| version.to_string()))]
    OtherVersion {
        /// The version, where that can be said.
        version: Option<Version>,
    },
}

impl ClientError {
    /// Whether the `ctdb` command may do better.
    pub fn has_another_way(&self) -> bool {
        !matches!(self, Self::Silent { .. })
    }
}

fn because(why: &str) -> String {
    if why.is_empty() {
        String::new()
    } else {
        format!(": {why}")
    }
}

impl ClientError {
    fn reason(&self) -> Code {
        match self {
            Self::NotRunning { .. } | Self::Ended { .. } => Code::DaemonNotRunning,
            Self::Silent { .. } => Code::DaemonSilent,
            Self::Refused { .. } => Code::DaemonRefused,
            Self::Elsewhere { .. } | Self::NotUnderstood { .. } | Self::OtherVersion { .. } => {
                Code::DaemonNotUnderstood
            }
        }
    }
}

impl Coded for ClientError {
    fn code(&self) -> &'static str {
        self.reason().as_str()
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::Elsewhere { .. } | Self::OtherVersion { .. } => ErrorKind::Unsupported,
            _ => ErrorKind::Failed,
        }
    }

    fn remedy(&self) -> Option<String> {
        Some(self.reason().fix().into())
    }
}
