//! Why a guest could not be made or removed.

use std::io;

use smbgw_core::error::{Coded, ErrorKind, Problem};
use smbgw_core::host::{CommandError, FileError, LockError};
use smbgw_core::host_label::HostLabel;
use smbgw_core::lifecycle::{ErrorDocument, Finding, ShareError};
use smbgw_core::ports::PortError;
use smbgw_core::share::ShareName;
use smbgw_core::size::ByteSize;
use smbgw_core::state_error::StateError;
use smbgw_core::step::LeftBehind;
use smbgw_core::step_error::StepError;

use crate::cloudinit::{CloudInitError, LoginName, SchemasError};
use crate::code::Code;
use crate::libvirt::LibvirtError;
use crate::proxmox::{NodeName, ProxmoxError};
use crate::seed::SeedError;
use crate::template::{TemplateError, listed};
use crate::vmid::Vmid;

/// Why an operation on a guest was not begun, or a step of it failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProvisioningError {
    /// The request is wrong, or the node does not have what it takes; nothing was touched.
    #[error("{}", listed(.0))]
    Refused(Vec<Problem>),
    /// There is no record of it.
    #[error("no virtual machine `{0}` was made on this node")]
    Unknown(HostLabel),
    /// The guest ended before it was ready.
    #[error(
        "virtual machine {guest} ended while it booted{}",
        told("its console", said)
    )]
    Ended {
        /// The guest, as its hypervisor knows it.
        guest: String,
        /// The end of what it wrote to its console.
        said: String,
    },
    /// The agent did not answer in time.
    #[error(
        "the guest agent of virtual machine {guest} did not answer within {seconds} s{}",
        told("its console", said)
    )]
    Silent {
        /// The guest, as its hypervisor knows it.
        guest: String,
        /// How long was waited.
        seconds: u64,
        /// The end of what it wrote to its console.
        said: String,
    },
    /// The guest has not done all that it was told.
    #[error(
        "cloud-init of virtual machine {guest} {what}{}",
        told("its log", said)
    )]
    NotReady {
        /// The guest, as its hypervisor knows it.
        guest: String,
        /// What it did not do.
        what: String,
        /// The end of its log.
        said: String,
    },
    /// The guest does not answer to SMB.
    #[error(
        "virtual machine {guest} did not answer to SMB within {seconds} s ({why}){}",
        told("the log of smbd", said)
    )]
    NoSmb {
        /// The guest, as its hypervisor knows it.
        guest: String,
        /// How long was waited.
        seconds: u64,
        /// What the last attempt found.
        why: String,
        /// The end of the log of its smbd.
        said: String,
    },
    /// The guest was moved.
    #[error("virtual machine {vmid} is on the node {node} now")]
    Elsewhere {
        /// The guest.
        vmid: Vmid,
        /// Its node.
        node: NodeName,
    },
    /// A user is to have a password, and there is none.
    #[error("no password was given for the user `{0}`")]
    PasswordMissing(LoginName),
    /// The guest did not take a password.
    #[error("virtual machine {guest} did not take the password of `{user}`: {said}")]
    PasswordRefused {
        /// The guest, as its hypervisor knows it.
        guest: String,
        /// The user.
        user: LoginName,
        /// What it said.
        said: String,
    },
    /// A program failed in the guest.
    #[error("`{program}` failed in `{guest}` with status {status}: {said}")]
    ProgramFailed {
        /// The guest.
        guest: HostLabel,
        /// The program with its arguments.
        program: String,
        /// Its exit status.
        status: i32,
        /// What it said.
        said: String,
    },
    /// The disk for data is not where it should be.
    #[error("the disk for data of `{guest}` is not mounted with project quotas: {found}")]
    NoDataDisk {
        /// The guest.
        guest: HostLabel,
        /// What is there.
        found: String,
    },
    /// The share does not answer.
    #[error("the share `{share}` of `{guest}` does not answer: {why}")]
    ShareSilent {
        /// The guest.
        guest: HostLabel,
        /// The share.
        share: ShareName,
        /// What the last attempt found.
        why: String,
    },
    /// It has no share.
    #[error("the virtual machine `{0}` has no share")]
    NoShare(HostLabel),
    /// The guest does not end.
    #[error("`{guest}` still runs {seconds} s after it was asked to end")]
    StillRuns {
        /// The guest.
        guest: HostLabel,
        /// How long was waited.
        seconds: u64,
    },
    /// High availability does not start the guest.
    #[error("high availability did not start `{guest}` within {seconds} s")]
    StillOff {
        /// The guest.
        guest: HostLabel,
        /// How long was waited.
        seconds: u64,
    },
    /// The guest does not see that its disk has grown.
    #[error("`{guest}` sees {seen} bytes of its disk of {size} for data after {seconds} s")]
    DiskUnseen {
        /// The guest.
        guest: HostLabel,
        /// The size of the disk.
        size: ByteSize,
        /// What it says instead.
        seen: String,
        /// How long was waited.
        seconds: u64,
    },
    /// An interrupted operation has to be cleaned up first.
    #[error("an interrupted operation on `{name}` could not be cleaned up: {cause}")]
    Unrecovered {
        /// The guest.
        name: HostLabel,
        /// Why not.
        cause: Box<Finding>,
        /// What is left of it.
        left_behind: Vec<LeftBehind>,
    },
    /// The system has no random numbers.
    #[error("the system gives no random numbers")]
    Random(#[source] io::Error),
    /// The guest is one of the other hypervisor.
    #[error(
        "the virtual machine is one of {wanted}, and this is about those of the other hypervisor"
    )]
    OtherHypervisor {
        /// Which it is one of.
        wanted: &'static str,
    },
    /// Proxmox VE could not be asked or told something.
    #[error(transparent)]
    Proxmox(#[from] ProxmoxError),
    /// libvirt could not be asked or told something.
    #[error(transparent)]
    Libvirt(#[from] LibvirtError),
    /// A command of the machine of the hypervisor failed.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// A template of the store cannot be used.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// A word for the guest is not one.
    #[error(transparent)]
    CloudInit(#[from] CloudInitError),
    /// The schemas of a template cannot be used.
    #[error(transparent)]
    Schemas(#[from] SchemasError),
    /// A record or a journal could not be used.
    #[error(transparent)]
    State(#[from] StateError),
    /// The documents cannot be put on an image.
    #[error(transparent)]
    Seed(#[from] SeedError),
    /// A file could not be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// A lock was not taken.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The name of the share could not be kept for it.
    #[error(transparent)]
    Name(#[from] ShareError),
}

/// What is shown of the end of a console or log.
fn told(what: &str, said: &str) -> String {
    match said.trim() {
        "" => String::new(),
        said => format!("; the end of {what}:\n{said}"),
    }
}

impl ProvisioningError {
    /// The error that one of the parts brought.
    fn part(&self) -> Option<&dyn Coded> {
        Some(match self {
            Self::Proxmox(error) => error,
            Self::Libvirt(error) => error,
            Self::Command(error) => error,
            Self::Template(error) => error,
            Self::CloudInit(error) => error,
            Self::Schemas(error) => error,
            Self::Seed(error) => error,
            Self::State(error) => error,
            Self::File(error) => error,
            Self::Lock(error) => error,
            Self::Name(error) => error,
            _ => return None,
        })
    }

    fn reason(&self) -> Code {
        match self {
            Self::Unknown(_) => Code::GuestUnknown,
            Self::Ended { .. } => Code::GuestEnded,
            Self::Silent { .. } => Code::GuestSilent,
            Self::NotReady { .. } => Code::GuestNotReady,
            Self::NoSmb { .. } => Code::GuestNoSmb,
            Self::Elsewhere { .. } => Code::GuestElsewhere,
            Self::OtherHypervisor { .. } => Code::GuestOtherHypervisor,
            Self::PasswordMissing(_) => Code::PasswordMissing,
            Self::PasswordRefused { .. } => Code::PasswordRefused,
            Self::ProgramFailed { .. } => Code::GuestProgramFailed,
            Self::NoDataDisk { .. } => Code::GuestNoDataDisk,
            Self::NoShare(_) => Code::GuestNoShare,
            Self::StillRuns { .. } => Code::GuestStillRuns,
            Self::StillOff { .. } => Code::GuestStillOff,
            Self::DiskUnseen { .. } => Code::GuestDiskUnseen,
            Self::ShareSilent { .. } => Code::GuestShareSilent,
            Self::Unrecovered { .. } => Code::Interrupted,
            _ => Code::GuestRequestInvalid,
        }
    }
}

impl Coded for ProvisioningError {
    fn code(&self) -> &'static str {
        self.part().map_or(self.reason().as_str(), Coded::code)
    }

    fn kind(&self) -> ErrorKind {
        let invalid = |problem: &&Problem| problem.kind == ErrorKind::Invalid;
        match (self.part(), self) {
            (Some(part), _) => part.kind(),
            (None, Self::Refused(problems)) => {
                let first = problems.iter().find(invalid).or(problems.first());
                first.map_or(ErrorKind::Invalid, |problem| problem.kind)
            }
            (None, Self::Unknown(_) | Self::NoShare(_)) => ErrorKind::NotFound,
            (None, Self::Elsewhere { .. } | Self::OtherHypervisor { .. }) => ErrorKind::Conflict,
            (None, Self::PasswordMissing(_)) => ErrorKind::Invalid,
            _ => ErrorKind::Failed,
        }
    }

    fn remedy(&self) -> Option<String> {
        match (self.part(), self) {
            (Some(part), _) => part.remedy(),
            (None, Self::Refused(_) | Self::Random(_)) => None,
            (None, _) => Some(self.reason().fix().into()),
        }
    }
}

/// As a document: what is wrong with a request, or what is left, is in it.
impl From<&ProvisioningError> for ErrorDocument {
    fn from(error: &ProvisioningError) -> Self {
        let mut document = Self::of(error);
        match error {
            ProvisioningError::Refused(problems) => document.problems = Some(problems.clone()),
            ProvisioningError::Unrecovered { left_behind, .. } => {
                document.left_behind = Some(left_behind.clone());
            }
            _ => {}
        }
        document
    }
}

/// The error of a step.
pub(super) fn step(error: impl Into<ProvisioningError>) -> StepError {
    match error.into() {
        ProvisioningError::State(error) => error.into(),
        ProvisioningError::File(error) => error.into(),
        ProvisioningError::Lock(error) => error.into(),
        other => PortError::new(other).into(),
    }
}
