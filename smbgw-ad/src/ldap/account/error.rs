use smbgw_core::error::{Coded, ErrorKind};

use crate::code::Code;
use crate::ldap::{Dn, LdapError};

/// Why something with the account of a computer failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AccountError {
    /// The directory did not do it.
    #[error(transparent)]
    Ldap(#[from] LdapError),
    /// An account of that name is not one of a computer.
    #[error("the account `{account}` is not that of a computer: `{dn}`")]
    NotAComputer {
        /// Its name.
        account: String,
        /// Where it is.
        dn: Dn,
    },
    /// An account lacks something that every account has.
    #[error("the directory does not show a usable `{attribute}` of `{dn}`")]
    Unusual {
        /// Where it is.
        dn: Dn,
        /// What is missing.
        attribute: &'static str,
    },
    /// There is no such object any more.
    #[error("the directory has no object `{target}` any more")]
    Gone {
        /// What was asked for.
        target: String,
    },
    /// A password cannot be given to a directory.
    #[error(
        "a password for the directory has to be UTF-8, not empty, and at most 256 characters long"
    )]
    Password,
}

impl Coded for AccountError {
    fn code(&self) -> &'static str {
        match self {
            Self::Ldap(error) => error.code(),
            Self::NotAComputer { .. } => Code::ObjectExists.as_str(),
            Self::Unusual { .. } => Code::DirectoryUnusual.as_str(),
            Self::Gone { .. } => Code::ObjectMissing.as_str(),
            Self::Password => Code::PasswordPolicy.as_str(),
        }
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::Ldap(error) => error.kind(),
            Self::NotAComputer { .. } => ErrorKind::Conflict,
            Self::Unusual { .. } => ErrorKind::Failed,
            Self::Gone { .. } => ErrorKind::NotFound,
            Self::Password => ErrorKind::Invalid,
        }
    }

    fn remedy(&self) -> Option<String> {
        match self {
            Self::Ldap(error) => error.remedy(),
            Self::NotAComputer { .. } => Some("choose another name for the computer".into()),
            Self::Unusual { .. } => Some(Code::DirectoryUnusual.fix().into()),
            Self::Gone { .. } => Some(Code::ObjectMissing.fix().into()),
            Self::Password => None,
        }
    }
}
