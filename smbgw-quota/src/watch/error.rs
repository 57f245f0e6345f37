//! Why the kernel's events cannot be had.

use std::io;

use smbgw_core::error::{Coded, ErrorKind};

/// Why the kernel could not be listened to.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// Nothing will ever be announced to this process: usage has to be polled.
    #[error("quota warnings of the kernel cannot be had: {reason}")]
    Unavailable {
        /// What is missing.
        reason: &'static str,
        /// What to do about it.
        remedy: &'static str,
    },
    /// A system call on the socket failed.
    #[error("cannot {action} the socket for quota warnings")]
    Socket {
        /// What was tried, such as `open`.
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// A message is not what the kernel's headers promise.
    #[error("a message about quotas is malformed: {reason}")]
    Malformed {
        /// What is wrong with it.
        reason: &'static str,
    },
}

impl WatchError {
    pub(crate) fn socket(action: &'static str, source: impl Into<io::Error>) -> Self {
        Self::Socket {
            action,
            source: source.into(),
        }
    }

    pub(crate) fn malformed(reason: &'static str) -> Self {
        Self::Malformed { reason }
    }
}

impl Coded for WatchError {
    fn code(&self) -> &'static str {
        match self {
            Self::Unavailable { .. } => "watch.unavailable",
            Self::Socket { .. } => "watch.socket",
            Self::Malformed { .. } => "watch.malformed",
        }
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::Unavailable { .. } => ErrorKind::Unsupported,
            Self::Socket { .. } | Self::Malformed { .. } => ErrorKind::Failed,
        }
    }

    fn remedy(&self) -> Option<String> {
        match self {
            Self::Unavailable { remedy, .. } => Some((*remedy).into()),
            Self::Socket { .. } | Self::Malformed { .. } => None,
        }
    }
}
