//! Why Proxmox VE could not be asked or told something.

use smbgw_core::error::{Coded, ErrorKind};
use smbgw_core::host::{CommandError, FileError};

use super::name::{MappingId, StorageId};
use crate::code::Code;
use crate::vmid::Vmid;

/// Why Proxmox VE could not be asked or told something.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProxmoxError {
    /// The machine has no Proxmox VE.
    #[error("{host} is no node of Proxmox VE: it has no program `{program}`")]
    NotProxmox {
        /// The machine.
        host: String,
        /// What is missing.
        program: &'static str,
    },
    /// No virtual machine of this node has that number.
    #[error("there is no virtual machine {vmid} on this node")]
    NoSuchGuest {
        /// The number.
        vmid: Vmid,
    },
    /// Another guest has the number.
    #[error("the number {vmid} belongs to another guest already")]
    VmidTaken {
        /// The number.
        vmid: Vmid,
    },
    /// No free number was found.
    #[error("no free number was found: others took each of {tried} while it was being used")]
    NoFreeVmid {
        /// How many were tried.
        tried: usize,
    },
    /// An operation holds the guest.
    #[error("virtual machine {vmid} is locked ({lock})")]
    Locked {
        /// The guest.
        vmid: Vmid,
        /// By what, such as `migrate`, `backup`, `clone`.
        lock: String,
    },
    /// The guest does not run.
    #[error("virtual machine {vmid} does not run")]
    NotRunning {
        /// The guest.
        vmid: Vmid,
    },
    /// The guest runs already.
    #[error("virtual machine {vmid} runs already")]
    AlreadyRunning {
        /// The guest.
        vmid: Vmid,
    },
    /// The agent in the guest does not answer.
    #[error("the guest agent of virtual machine {vmid} does not answer")]
    AgentSilent {
        /// The guest.
        vmid: Vmid,
    },
    /// The guest has no connection to an agent.
    #[error("virtual machine {vmid} has no guest agent configured")]
    NoAgent {
        /// The guest.
        vmid: Vmid,
    },
    /// There is no such storage.
    #[error("there is no storage `{storage}`")]
    NoSuchStorage {
        /// Its name.
        storage: String,
    },
    /// A storage does not keep documents for cloud-init.
    #[error("the storage `{storage}` cannot hold snippets")]
    NoSnippets {
        /// Its name.
        storage: StorageId,
    },
    /// There is no such mapping of a directory, or none for this node.
    #[error("there is no mapping `{mapping}` of a directory on this node")]
    NoSuchMapping {
        /// Its name.
        mapping: MappingId,
    },
    /// A storage has no room left.
    #[error("the storage is full: {said}")]
    StorageFull {
        /// What Proxmox VE said.
        said: String,
    },
    /// A guest does not have the mark by which it would be ours.
    #[error("virtual machine {vmid} was not made by this: {why}")]
    NotOurs {
        /// The guest.
        vmid: Vmid,
        /// What is there instead of the mark.
        why: &'static str,
    },
    /// A task ended with a failure.
    #[error("the task `{task}` failed: {status}{}", log_of(log))]
    TaskFailed {
        /// Its UPID.
        task: String,
        /// What it ended with.
        status: String,
        /// The last lines of its log.
        log: Vec<String>,
    },
    /// A task still worked when the time was over.
    #[error("the task `{task}` had not ended when the time was over")]
    TaskTimedOut {
        /// Its UPID.
        task: String,
    },
    /// It printed something else than its documentation says.
    #[error("`{command}` printed something unexpected: {said}")]
    Unexpected {
        /// The command.
        command: String,
        /// What it printed, shortened, or what is wrong with it.
        said: String,
    },
    /// Another failure of a command.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// A file could not be read or changed.
    #[error(transparent)]
    File(#[from] FileError),
}

impl ProxmoxError {
    /// Whether what was asked for is not there, as opposed to not having been found out.
    pub fn is_not_found(&self) -> bool {
        self.kind() == ErrorKind::NotFound
    }

    fn reason(&self) -> Option<Code> {
        Some(match self {
            Self::NotProxmox { .. } => Code::NoProxmox,
            Self::NoSuchGuest { .. } => Code::GuestMissing,
            Self::VmidTaken { .. } => Code::VmidTaken,
            Self::NoFreeVmid { .. } => Code::NoFreeVmid,
            Self::Locked { .. } => Code::GuestLocked,
            Self::NotRunning { .. } => Code::GuestNotRunning,
            Self::AlreadyRunning { .. } => Code::GuestRunning,
            Self::AgentSilent { .. } => Code::AgentSilent,
            Self::NoAgent { .. } => Code::NoAgent,
            Self::NoSuchStorage { .. } => Code::StorageMissing,
            Self::NoSnippets { .. } => Code::SnippetsDisabled,
            Self::NoSuchMapping { .. } => Code::MappingMissing,
            Self::StorageFull { .. } => Code::StorageFull,
            Self::NotOurs { .. } => Code::GuestNotOurs,
            Self::TaskFailed { .. } => Code::TaskFailed,
            Self::TaskTimedOut { .. } => Code::TaskTimedOut,
            Self::Unexpected { .. } | Self::Command(_) | Self::File(_) => return None,
        })
    }
}

impl Coded for ProxmoxError {
    fn code(&self) -> &'static str {
        match (self.reason(), self) {
            (Some(reason), _) => reason.as_str(),
            (None, Self::Command(error)) => error.code(),
            (None, Self::File(error)) => error.code(),
            (None, _) => "host.command-output-unexpected",
        }
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::NotProxmox { .. } | Self::NoSnippets { .. } | Self::NoAgent { .. } => {
                ErrorKind::Unsupported
            }
            Self::NoSuchGuest { .. } | Self::NoSuchStorage { .. } | Self::NoSuchMapping { .. } => {
                ErrorKind::NotFound
            }
            Self::VmidTaken { .. }
            | Self::NoFreeVmid { .. }
            | Self::Locked { .. }
            | Self::AlreadyRunning { .. }
            | Self::NotOurs { .. } => ErrorKind::Conflict,
            Self::Command(error) => error.kind(),
            Self::File(error) => error.kind(),
            _ => ErrorKind::Failed,
        }
    }

    fn remedy(&self) -> Option<String> {
        match (self.reason(), self) {
            (Some(reason), _) => Some(reason.fix().into()),
            (None, Self::Command(error)) => error.remedy(),
            (None, Self::File(error)) => error.remedy(),
            (None, _) => None,
        }
    }
}

fn log_of(lines: &[String]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    format!(" (its log: {})", lines.join("; "))
}
