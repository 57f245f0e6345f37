//! Why something with a directory failed.

use std::io;

use smbgw_core::error::{Coded, ErrorKind};

use crate::code::Code;
use crate::gss::GssError;

use super::{MessageError, Reason, Refusal, Server, TlsError};

/// Why a request to an LDAP server failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LdapError {
    /// No connection can be made.
    #[error("cannot connect to the LDAP server {server}")]
    Connect {
        /// The server.
        server: Box<Server>,
        /// What the system says.
        source: io::Error,
    },
    /// The connection broke.
    #[error("the connection to the LDAP server {server} broke while {doing}")]
    Broken {
        /// The server.
        server: Box<Server>,
        /// What was being done.
        doing: String,
        /// What the system says.
        source: io::Error,
    },
    /// The server ended the connection without an answer.
    #[error("the LDAP server {server} closed the connection while {doing}")]
    Closed {
        /// The server.
        server: Box<Server>,
        /// What was being done.
        doing: String,
    },
    /// The server ended the connection, and said why.
    #[error("the LDAP server {server} ended the connection while {doing}: {refusal}")]
    Dismissed {
        /// The server.
        server: Box<Server>,
        /// What was being done.
        doing: String,
        /// What it said.
        refusal: Refusal,
    },
    /// The time is over.
    #[error("the LDAP server {server} did not answer in time while {doing}")]
    Deadline {
        /// The server.
        server: Box<Server>,
        /// What was being done.
        doing: String,
    },
    /// What the server sent is no answer.
    #[error("the LDAP server {server} sent something unusable while {doing}")]
    Message {
        /// The server.
        server: Box<Server>,
        /// What was being done.
        doing: String,
        /// What is wrong with it.
        source: MessageError,
    },
    /// The connection cannot be protected by TLS.
    #[error("no protected connection to the LDAP server {server}")]
    Tls {
        /// The server.
        server: Box<Server>,
        /// Why.
        source: TlsError,
    },
    /// A message protected by Kerberos cannot be made or read.
    #[error("no protected connection to the LDAP server {server}")]
    Kerberos {
        /// The server.
        server: Box<Server>,
        /// Why.
        source: GssError,
    },
    /// The server did not do what it was asked for.
    #[error("{doing} failed on the LDAP server {server}: {refusal}")]
    Refused {
        /// The server.
        server: Box<Server>,
        /// What it was asked for.
        doing: String,
        /// What it said.
        refusal: Refusal,
    },
    /// A search finds more than was asked for, or more than fits.
    #[error("{doing} on the LDAP server {server} found more than {most} objects")]
    TooMany {
        /// The server.
        server: Box<Server>,
        /// What it was asked for.
        doing: String,
        /// So many were wanted at most.
        most: usize,
    },
    /// An earlier request left the connection in an unknown state.
    #[error(
        "the connection to the LDAP server {server} is not used any more after an earlier failure"
    )]
    Unusable {
        /// The server.
        server: Box<Server>,
    },
    /// No runtime can be made for the connection.
    #[error("cannot prepare a connection to an LDAP server")]
    Prepare {
        /// What the system says.
        source: io::Error,
    },
}

impl LdapError {
    /// What the server said, where it said something.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused { refusal, .. } | Self::Dismissed { refusal, .. } => Some(refusal),
            _ => None,
        }
    }

    /// What the server meant, where it said something.
    pub fn reason(&self) -> Option<Reason> {
        self.refusal().map(Refusal::reason)
    }

    /// Whether another server of the domain may do what this one did not.
    pub fn is_of_server(&self) -> bool {
        match self {
            Self::Refused { refusal, .. } => refusal.reason() == Reason::Busy,
            Self::TooMany { .. } | Self::Prepare { .. } => false,
            _ => true,
        }
    }

    fn reason_code(&self) -> Code {
        match self {
            Self::Connect { .. } => Code::LdapUnreachable,
            Self::Broken { .. } | Self::Closed { .. } | Self::Unusable { .. } => {
                Code::LdapUnreachable
            }
            Self::Dismissed { .. } | Self::TooMany { .. } => Code::LdapBusy,
            Self::Deadline { .. } => Code::LdapTimeout,
            Self::Message { .. } => Code::LdapBroken,
            Self::Tls { source, .. } => source.reason_code(),
            // It has one of its own.
            Self::Kerberos { .. } => Code::LdapBroken,
            Self::Refused { refusal, .. } => refusal.reason().code(),
            Self::Prepare { .. } => Code::LdapUnreachable,
        }
    }
}

impl Coded for LdapError {
    fn code(&self) -> &'static str {
        match self {
            Self::Kerberos { source, .. } => source.code(),
            _ => self.reason_code().as_str(),
        }
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::Refused { refusal, .. } => refusal.reason().kind(),
            Self::Kerberos { source, .. } => source.kind(),
            _ => ErrorKind::Failed,
        }
    }

    fn remedy(&self) -> Option<String> {
        match self {
            Self::Kerberos { source, .. } => source.remedy(),
            _ => Some(self.reason_code().fix().to_string()),
        }
    }
}
