//! Locks between processes on one host.

use std::os::fd::OwnedFd;
use std::path::PathBuf;

use crate::error::{Coded, ErrorKind};
use crate::host::files::FileError;
use crate::host::remote::Link;

/// A lock of this process, released when dropped or when the process ends however it ends.
#[derive(Debug)]
pub struct Lock {
    pub(crate) _held: Held,
}

/// What holds the `flock`; dropping it releases the lock.
#[derive(Debug)]
pub(crate) enum Held {
    /// The file itself.
    File(#[allow(dead_code, reason = "it is held")] OwnedFd),
    /// A program on the machine, which ends with this.
    There(#[allow(dead_code, reason = "it is held")] Box<Link>),
}

/// Why a lock was not taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process held it until the deadline.
    #[error("{} is locked by another process ({holder})", path.display())]
    Held {
        /// The lock file.
        path: PathBuf,
        /// Process id and purpose of the holder, as it wrote them.
        holder: String,
    },
    /// The lock file could not be used.
    #[error(transparent)]
    File(#[from] FileError),
}

impl Coded for LockError {
    fn code(&self) -> &'static str {
        match self {
            Self::Held { .. } => "host.locked",
            Self::File(error) => error.code(),
        }
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::Held { .. } => ErrorKind::Conflict,
            Self::File(error) => error.kind(),
        }
    }

    fn remedy(&self) -> Option<String> {
        match self {
            Self::Held { .. } => Some("wait for that process to end and try again".into()),
            Self::File(error) => error.remedy(),
        }
    }
}
