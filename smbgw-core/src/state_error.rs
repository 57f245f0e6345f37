//! Why a file of this project's own state could not be used.

use std::fmt;
use std::path::PathBuf;

use crate::error::{Coded, ErrorKind};
use crate::host::FileError;

/// Why a record of a share or a journal could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The file could not be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file is not in its form.
    #[error("`{}` is not a valid {kind}", path.display())]
    Malformed {
        /// What the file is.
        kind: StateKind,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The file was written by a newer version of this program.
    #[error("`{}` is a {kind} of version {version}, which this program does not know yet", path.display())]
    TooNew {
        /// What the file is.
        kind: StateKind,
        /// The file.
        path: PathBuf,
        /// Its version.
        version: u32,
    },
}

/// What a file of the state is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateKind {
    /// The record of a share ([`crate::catalog`]).
    Record,
    /// The journal of an operation ([`crate::journal`]).
    Journal,
    /// The record of the domain that the machine is in.
    Domain,
    /// The record of the cluster that the machine is a node of.
    Cluster,
    /// The record of a virtual machine that was made.
    Guest,
    /// The record of a template that was brought to a node of Proxmox VE.
    NodeTemplate,
}

impl fmt::Display for StateKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Record => "record of a share",
            Self::Journal => "journal",
            Self::Domain => "record of the domain",
            Self::Cluster => "record of the cluster",
            Self::Guest => "record of a virtual machine",
            Self::NodeTemplate => "record of a template on a node",
        })
    }
}

impl Coded for StateError {
    fn code(&self) -> &'static str {
        match self {
            Self::File(error) => error.code(),
            Self::Malformed { kind, .. } => match kind {
                StateKind::Record => "catalog.malformed",
                StateKind::Journal => "journal.malformed",
                StateKind::Domain => "domain.malformed",
                StateKind::Cluster => "cluster.malformed",
                StateKind::Guest => "guest.malformed",
                StateKind::NodeTemplate => "node-template.malformed",
            },
            Self::TooNew { kind, .. } => match kind {
                StateKind::Record => "catalog.too-new",
                StateKind::Journal => "journal.too-new",
                StateKind::Domain => "domain.too-new",
                StateKind::Cluster => "cluster.too-new",
                StateKind::Guest => "guest.too-new",
                StateKind::NodeTemplate => "node-template.too-new",
            },
        }
    }

    fn kind(&self) -> ErrorKind {
        ErrorKind::Failed
    }

    fn remedy(&self) -> Option<String> {
        match self {
            Self::File(error) => error.remedy(),
            Self::Malformed { kind, path, .. } => Some(match kind {
                StateKind::Record => format!(
                    "restore {0} from a backup, or move it away and create the share again over \
                     its directory",
                    path.display()
                ),
                StateKind::Journal => format!(
                    "look at what it says of the interrupted operation, clean up by hand, and \
                     remove {}",
                    path.display()
                ),
                StateKind::Domain => format!(
                    "restore {0} from a backup, or move it away and join the domain again",
                    path.display()
                ),
                StateKind::Cluster => format!(
                    "copy {} from another node of the cluster, or restore it from a backup",
                    path.display()
                ),
                StateKind::Guest => format!(
                    "restore {0} from a backup; or remove the virtual machine with `qm destroy`, and then {0}",
                    path.display()
                ),
                StateKind::NodeTemplate => format!(
                    "remove the template with `qm destroy` where no guest is linked to it, and {}",
                    path.display()
                ),
            }),
            Self::TooNew { .. } => Some("use the newer version of this program".into()),
        }
    }
}
