//! Why something about a template failed.

use std::path::PathBuf;

use smbgw_core::error::{Coded, ErrorKind, Problem};
use smbgw_core::host::{CommandError, FileError, LockError};
use smbgw_core::lifecycle::ErrorDocument;

use super::name::TemplateName;
use crate::code::Code;
use crate::image::ImageError;

/// Why a template could not be made, found or removed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TemplateError {
    /// The request is wrong, or the machine is not ready for it; nothing was touched.
    #[error("{}", listed(.0))]
    Refused(Vec<Problem>),
    /// A template of that name is there.
    #[error("there is a template `{0}` already")]
    Exists(TemplateName),
    /// There is no such template.
    #[error("there is no template `{0}`")]
    NotFound(TemplateName),
    /// Disks of guests are layers over it.
    #[error("the template `{name}` is in use by {}", users.join(", "))]
    InUse {
        /// The template.
        name: TemplateName,
        /// Who uses it.
        users: Vec<String>,
    },
    /// The record of a template cannot be used.
    #[error("`{}` is no record of a template: {why}", path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The system that was put together lacks something that it has to have.
    #[error("the new system has no {what}: the packages differ from what was expected")]
    Incomplete {
        /// What is missing, such as `/vmlinuz`.
        what: String,
    },
    /// The image is not the one whose checksum was given.
    #[error("`{from}` has the checksum {found}, and {expected} was given")]
    Checksum {
        /// The file or address.
        from: String,
        /// What was computed.
        found: String,
        /// What was given.
        expected: String,
    },
    /// The image could not be fetched.
    #[error("`{from}` could not be fetched: {why}")]
    Download {
        /// The address, without secrets.
        from: String,
        /// Why not.
        why: String,
    },
    /// The boot loader has a form that is not known.
    #[error("the boot loader that `grub-mkimage` made is not of the expected form: {0}")]
    BootLoader(&'static str),
    /// The disk could not be made.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// A command failed.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// A file could not be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// Another process works on the template.
    #[error(transparent)]
    Lock(#[from] LockError),
}

/// All problems, a line each.
pub(crate) fn listed(problems: &[Problem]) -> String {
    let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
    texts.join("\n")
}

impl TemplateError {
    /// The reason, where it is one of this crate.
    fn reason(&self) -> Option<Code> {
        Some(match self {
            Self::Refused(_) => Code::TemplateRefused,
            Self::Exists(_) => Code::TemplateExists,
            Self::NotFound(_) => Code::TemplateNotFound,
            Self::InUse { .. } => Code::TemplateInUse,
            Self::Record { .. } => Code::TemplateRecord,
            Self::Incomplete { .. } => Code::TemplateIncomplete,
            Self::Checksum { .. } => Code::TemplateChecksum,
            Self::Download { .. } => Code::TemplateDownload,
            Self::BootLoader(_) => Code::TemplateBootLoader,
            _ => return None,
        })
    }

    /// The error of a part, where it is one.
    fn part(&self) -> Option<&dyn Coded> {
        match self {
            Self::Image(error) => Some(error),
            Self::Command(error) => Some(error),
            Self::File(error) => Some(error),
            Self::Lock(error) => Some(error),
            _ => None,
        }
    }
}

impl Coded for TemplateError {
    fn code(&self) -> &'static str {
        match (self.reason(), self.part()) {
            (Some(reason), _) => reason.as_str(),
            (None, part) => part.map_or("vm.template-refused", Coded::code),
        }
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::Refused(problems) => problems
                .iter()
                .find(|problem| problem.kind == ErrorKind::Invalid)
                .or(problems.first())
                .map_or(ErrorKind::Invalid, |problem| problem.kind),
            Self::Exists(_) | Self::InUse { .. } => ErrorKind::Conflict,
            Self::NotFound(_) => ErrorKind::NotFound,
            _ => self.part().map_or(ErrorKind::Failed, Coded::kind),
        }
    }

    fn remedy(&self) -> Option<String> {
        match (self, self.reason()) {
            // Each problem has its own.
            (Self::Refused(_), _) => None,
            (_, Some(reason)) => Some(reason.fix().into()),
            (_, None) => self.part().and_then(Coded::remedy),
        }
    }
}

/// As a document: what is wrong with a request is in it.
impl From<&TemplateError> for ErrorDocument {
    fn from(error: &TemplateError) -> Self {
        let mut document = Self::of(error);
        if let TemplateError::Refused(problems) = error {
            document.problems = Some(problems.clone());
        }
        document
    }
}
