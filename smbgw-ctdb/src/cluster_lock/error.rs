//! Why a text is no cluster lock, or a lock cannot keep the nodes of a cluster apart.

use smbgw_core::error::{Coded, ErrorKind};
use smbgw_core::host::{CommandError, FileError};

use crate::code::Code;

/// What is wrong with a lock.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClusterLockError {
    /// The text is none.
    #[error("`{text}` is no cluster lock; {wanted} is expected")]
    Malformed {
        /// What was given.
        text: String,
        /// What it should be.
        wanted: &'static str,
    },
    /// There are several nodes, and no lock.
    #[error("a cluster of {nodes} nodes has no cluster lock")]
    Missing {
        /// How many nodes.
        nodes: usize,
    },
    /// The lock is on a filesystem of one machine.
    #[error(
        "the cluster lock {lock} is on a filesystem of this machine alone ({kind} on {target})"
    )]
    Local {
        /// The lock.
        lock: String,
        /// The type of the filesystem, with what makes it one of this machine alone.
        kind: String,
        /// Where it is mounted.
        target: String,
    },
    /// Two nodes had it at once.
    #[error("the cluster lock {lock} was given to this node while {holder} had it")]
    NotShared {
        /// The lock.
        lock: String,
        /// The node that had it first.
        holder: String,
    },
    /// Somebody has it who is none of these nodes.
    #[error("the cluster lock {lock} is held already, and by none of these nodes")]
    Held {
        /// The lock.
        lock: String,
    },
    /// It cannot be taken.
    #[error("the cluster lock {lock} cannot be taken: {why}")]
    Failed {
        /// The lock.
        lock: String,
        /// What is known of the reason.
        why: String,
    },
    /// The node cannot be asked.
    #[error("the node could not be asked about the cluster lock")]
    Command(#[source] CommandError),
    /// A file of the node cannot be looked at.
    #[error("the node could not be asked about the cluster lock")]
    File(#[source] FileError),
}

impl Coded for ClusterLockError {
    fn code(&self) -> &'static str {
        let code = match self {
            Self::Malformed { .. } => Code::LockMalformed,
            Self::Missing { .. } => Code::LockMissing,
            Self::Local { .. } => Code::LockLocal,
            Self::NotShared { .. } => Code::LockNotShared,
            Self::Held { .. } => Code::LockHeld,
            Self::Failed { .. } => Code::LockFailed,
            Self::Command(error) => return error.code(),
            Self::File(error) => return error.code(),
        };
        code.as_str()
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::Malformed { .. } | Self::Missing { .. } => ErrorKind::Invalid,
            Self::Local { .. } | Self::NotShared { .. } => ErrorKind::Unsupported,
            Self::Held { .. } => ErrorKind::Conflict,
            Self::Failed { .. } => ErrorKind::Failed,
            Self::Command(error) => error.kind(),
            Self::File(error) => error.kind(),
        }
    }

    fn remedy(&self) -> Option<String> {
        Some(match self {
            Self::Malformed { .. } => {
                "give the path of a file in the shared folder, rados:CLUSTER/USER/POOL/OBJECT, etcd, \
                 or `!` and a program with its arguments"
                    .into()
            }
            Self::Missing { .. } => Code::LockMissing.fix().into(),
            Self::Local { .. } => {
                "put it on the cluster filesystem that all nodes have mounted".into()
            }
            Self::NotShared { .. } => {
                "mount the same filesystem on all nodes, with locks that hold between them".into()
            }
            Self::Held { .. } => "give each cluster a lock of its own".into(),
            Self::Failed { .. } => Code::LockFailed.fix().into(),
            Self::Command(error) => return error.remedy(),
            Self::File(error) => return error.remedy(),
        })
    }
}
