//! Why libvirt did not do something.

use std::fmt;

use serde::{Deserialize, Serialize};
use smbgw_core::error::{Coded, ErrorKind};
use smbgw_core::host::{CommandError, FileError};

use crate::agent::AgentError;
use crate::code::Code;
use crate::domain_xml::{Mark, XmlError};

/// Something that libvirt has by a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ObjectKind {
    /// A virtual machine.
    Domain,
    /// A pool of storage.
    Pool,
    /// A volume of a pool.
    Volume,
    /// A network.
    Network,
}

/// Why libvirt was not asked or told something.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LibvirtError {
    /// There is no libvirt to ask.
    #[error("libvirt does not answer on {host}: {said}")]
    Unreachable {
        /// The machine.
        host: String,
        /// What `virsh` says.
        said: String,
    },
    /// It has no such thing.
    #[error("libvirt has no {kind} `{name}`")]
    Missing {
        /// What it is.
        kind: ObjectKind,
        /// Its name.
        name: String,
    },
    /// It has one of that name already.
    #[error("libvirt has a {kind} `{name}` already")]
    Exists {
        /// What it is.
        kind: ObjectKind,
        /// Its name.
        name: String,
    },
    /// It is not running.
    #[error("the {kind} `{name}` is not running")]
    NotRunning {
        /// What it is.
        kind: ObjectKind,
        /// Its name.
        name: String,
    },
    /// It is running.
    #[error("the {kind} `{name}` is running")]
    Running {
        /// What it is.
        kind: ObjectKind,
        /// Its name.
        name: String,
    },
    /// It is still being worked on.
    #[error("libvirt still works on the {kind} `{name}`")]
    Busy {
        /// What it is.
        kind: ObjectKind,
        /// Its name.
        name: String,
    },
    /// Nobody answers in the machine.
    #[error("the guest agent of the virtual machine `{name}` does not answer")]
    AgentSilent {
        /// The machine.
        name: String,
    },
    /// The guest agent refused.
    #[error("the guest agent of the virtual machine `{name}` says: {said}")]
    AgentRefused {
        /// The machine.
        name: String,
        /// What it says.
        said: String,
    },
    /// The machine is not the one that was made.
    #[error("the virtual machine `{name}` was not made for the share `{}` by the run `{}`", wanted.share, wanted.run)]
    NotOurs {
        /// The machine.
        name: String,
        /// The mark that it should have.
        wanted: Mark,
    },
    /// The XML is not what libvirt writes, or cannot be changed so.
    #[error(transparent)]
    Xml(#[from] XmlError),
    /// The guest agent did not do what it was asked.
    #[error(transparent)]
    Agent(#[from] AgentError),
    /// A file of the machine cannot be reached.
    #[error(transparent)]
    File(#[from] FileError),
    /// The command failed.
    #[error(transparent)]
    Command(#[from] CommandError),
}

impl LibvirtError {
    /// Whether it says that there is no such thing.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Missing { .. })
    }

    fn reason(&self) -> Option<Code> {
        Some(match self {
            Self::Unreachable { .. } => Code::LibvirtUnreachable,
            Self::Missing { .. } => Code::LibvirtMissing,
            Self::Exists { .. } => Code::LibvirtExists,
            Self::NotRunning { .. } => Code::LibvirtNotRunning,
            Self::Running { .. } => Code::LibvirtRunning,
            Self::Busy { .. } => Code::LibvirtBusy,
            Self::AgentSilent { .. } => Code::LibvirtAgentSilent,
            Self::AgentRefused { .. } => Code::LibvirtAgentRefused,
            Self::NotOurs { .. } => Code::LibvirtNotOurs,
            Self::Xml(_) | Self::Agent(_) | Self::File(_) | Self::Command(_) => return None,
        })
    }
}

impl Coded for LibvirtError {
    fn code(&self) -> &'static str {
        match self {
            Self::Xml(error) => error.code(),
            Self::Agent(error) => error.code(),
            Self::File(error) => error.code(),
            Self::Command(error) => error.code(),
            other => other.reason().map_or("", Code::as_str),
        }
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::Unreachable { .. } => ErrorKind::Unsupported,
            Self::Missing { .. } => ErrorKind::NotFound,
            Self::Exists { .. }
            | Self::Running { .. }
            | Self::Busy { .. }
            | Self::NotOurs { .. } => ErrorKind::Conflict,
            Self::NotRunning { .. } | Self::AgentSilent { .. } | Self::AgentRefused { .. } => {
                ErrorKind::Failed
            }
            Self::Xml(error) => error.kind(),
            Self::Agent(error) => error.kind(),
            Self::File(error) => error.kind(),
            Self::Command(error) => error.kind(),
        }
    }

    fn remedy(&self) -> Option<String> {
        match self {
            Self::Xml(error) => error.remedy(),
            Self::Agent(error) => error.remedy(),
            Self::File(error) => error.remedy(),
            Self::Command(error) => error.remedy(),
            other => other.reason().map(|reason| reason.fix().into()),
        }
    }
}

impl fmt::Display for ObjectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Domain => "virtual machine",
            Self::Pool => "pool",
            Self::Volume => "volume",
            Self::Network => "network",
        })
    }
}
