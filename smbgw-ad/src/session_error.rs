//! Why a domain could not be talked to.

use smbgw_core::error::{Coded, ErrorKind};

use crate::code::Code;
use crate::krb::error::KrbError;
use crate::ldap::LdapError;
use crate::name::HostName;

/// Why a domain could not be talked to.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// Kerberos said no.
    #[error(transparent)]
    Kerberos(#[from] KrbError),
    /// The directory said no.
    #[error(transparent)]
    Directory(#[from] LdapError),
    /// The server is another kind of directory.
    #[error("`{0}` is not a domain controller of Active Directory")]
    NotActiveDirectory(HostName),
}

impl Coded for SessionError {
    fn code(&self) -> &'static str {
        match self {
            Self::Kerberos(error) => error.code(),
            Self::Directory(error) => error.code(),
            Self::NotActiveDirectory(_) => Code::NotActiveDirectory.as_str(),
        }
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::Kerberos(error) => error.kind(),
            Self::Directory(error) => error.kind(),
            Self::NotActiveDirectory(_) => ErrorKind::Unsupported,
        }
    }

    fn remedy(&self) -> Option<String> {
        match self {
            Self::Kerberos(error) => error.remedy(),
            Self::Directory(error) => error.remedy(),
            Self::NotActiveDirectory(_) => Some(Code::NotActiveDirectory.fix().into()),
        }
    }
}
