//! Why a guest's agent did not do what it was asked.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use smbgw_core::error::{Coded, ErrorKind};

use crate::code::Code;

/// Why there is no answer of a guest's agent, or not the one that was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AgentError {
    /// There is no way to it.
    #[error("the guest agent cannot be reached at {}", socket.display())]
    Unreachable {
        /// The socket.
        socket: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Nothing came back in time.
    #[error("the guest agent did not answer within {} s", after.as_secs())]
    Silent {
        /// How long it was waited for.
        after: Duration,
    },
    /// The virtual machine ended, or somebody else took the connection.
    #[error("the connection to the guest agent ended before the answer came")]
    Closed,
    /// It refuses.
    #[error("the guest agent refused `{command}`: {said}")]
    Refused {
        /// What it was asked.
        command: &'static str,
        /// What it said.
        said: String,
    },
    /// Something came that is no answer.
    #[error("the answer of the guest agent to `{command}` is not understood: {what}")]
    Garbled {
        /// What it was asked.
        command: &'static str,
        /// What is wrong with it.
        what: String,
    },
    /// More was to be handed over than goes at once.
    #[error("{bytes} bytes are more than the {most} that a program of the guest can be given")]
    TooLarge {
        /// How much it was.
        bytes: usize,
        /// How much can be.
        most: usize,
    },
    /// A program wrote more than the agent keeps.
    #[error("`{program}` wrote more than the guest agent keeps")]
    TooMuchOutput {
        /// The program.
        program: String,
    },
    /// A program had not ended in time. It goes on in the guest.
    #[error("`{program}` had not ended in the guest after {} s", after.as_secs())]
    StillRunning {
        /// The program.
        program: String,
        /// How long it was waited for.
        after: Duration,
    },
    /// A program failed.
    #[error("`{program}` failed in the guest with {how}{}", said_of(said))]
    Failed {
        /// The program.
        program: String,
        /// `exit status 1`, `signal 9`.
        how: String,
        /// The end of what it wrote to standard error.
        said: String,
    },
}

impl AgentError {
    fn reason(&self) -> Code {
        match self {
            Self::Unreachable { .. } => Code::AgentUnreachable,
            Self::Silent { .. } | Self::Closed => Code::AgentSilent,
            Self::Refused { .. } => Code::AgentRefused,
            Self::Garbled { .. } => Code::AgentGarbled,
            Self::TooLarge { .. } | Self::TooMuchOutput { .. } => Code::AgentTooMuch,
            Self::StillRunning { .. } | Self::Failed { .. } => Code::GuestProgramFailed,
        }
    }
}

impl Coded for AgentError {
    fn code(&self) -> &'static str {
        self.reason().as_str()
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::TooLarge { .. } => ErrorKind::Invalid,
            Self::Unreachable { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                ErrorKind::NotFound
            }
            _ => ErrorKind::Failed,
        }
    }

    fn remedy(&self) -> Option<String> {
        Some(self.reason().fix().into())
    }
}

fn said_of(said: &str) -> String {
    match said {
        "" => String::new(),
        said => format!(": {said}"),
    }
}
