//! Why Samba could not be told, or does not tell.

use smbgw_core::error::{Coded, ErrorKind};
use smbgw_core::host::{CommandError, FileError};

use crate::code::Code;
use crate::samba::blob::BlobError;

/// Why Samba could not be told of the domain, or does not tell what it knows.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SambaError {
    /// A program is missing or did not end in time.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// A file could not be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// The secret cannot be put into a blob.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// The name of the domain is none.
    #[error("`{0}` is not the NetBIOS name of a domain")]
    DomainName(String),
    /// A program of Samba's refused.
    #[error("samba's `{program}` could not {action}: {said}")]
    Refused {
        /// The program with its first arguments.
        program: &'static str,
        /// What it was to do.
        action: &'static str,
        /// What it said, secrets left out.
        said: String,
    },
    /// It did what it was told, and afterwards it is not so.
    #[error("samba was told to {action}, and afterwards {but}")]
    NotSo {
        /// What it was to do.
        action: &'static str,
        /// What is the case instead.
        but: String,
    },
    /// A program printed something that is not understood. It is not shown, as it may be secret.
    #[error("what `{program}` prints is not understood: {what}")]
    Unexpected {
        /// The program.
        program: &'static str,
        /// What was looked for.
        what: &'static str,
    },
    /// A password has a form that Samba's programs do not take.
    #[error("the password for the machine's account {0}")]
    Password(&'static str),
    /// Samba's database is the cluster's, which is not changed from here.
    #[error(
        "samba keeps its secrets in the cluster (`clustering = yes`), where they cannot be {0}"
    )]
    Clustered(&'static str),
    /// The path of Samba's database cannot be given to Samba's tools.
    #[error("the `private dir` of smb.conf, `{0}`, has a character that tdbtool does not take")]
    PrivateDir(String),
}

impl Coded for SambaError {
    fn code(&self) -> &'static str {
        match self {
            Self::Command(error) => error.code(),
            Self::File(error) => error.code(),
            Self::Blob(error) => error.code(),
            Self::DomainName(_) => Code::NameInvalid.as_str(),
            _ => Code::SambaSecrets.as_str(),
        }
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::Command(error) => error.kind(),
            Self::File(error) => error.kind(),
            Self::Blob(error) => error.kind(),
            Self::DomainName(_) | Self::Password(_) => ErrorKind::Invalid,
            Self::Clustered(_) | Self::PrivateDir(_) => ErrorKind::Unsupported,
            _ => ErrorKind::Failed,
        }
    }

    fn remedy(&self) -> Option<String> {
        match self {
            Self::Command(error) => error.remedy(),
            Self::File(error) => error.remedy(),
            Self::Blob(error) => error.remedy(),
            Self::DomainName(_) | Self::Password(_) => None,
            _ => Some(Code::SambaSecrets.fix().into()),
        }
    }
}
