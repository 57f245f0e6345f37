//! Why a client did not get what it asked for.

use std::io;

use smbgw_core::error::{Coded, ErrorKind};

use super::message::status;

/// Why a client did not get what it asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SmbError {
    /// The connection could not be made, or was lost.
    #[error("the connection to the SMB server failed")]
    Connection(#[from] io::Error),
    /// The server said no.
    #[error("the SMB server refused {doing} with status {status:#010x}")]
    Refused {
        /// What was asked for, such as `the login`.
        doing: &'static str,
        /// What it said (MS-ERREF 2.3).
        status: u32,
    },
    /// The server took the user for a guest.
    #[error("the SMB server took the user for a guest")]
    Guest,
    /// The server's answer is not signed with the key of the session.
    #[error("an answer of the SMB server is not signed by it")]
    Signature,
    /// The server's answer cannot be read.
    #[error("an answer of the SMB server cannot be read: {0}")]
    Malformed(&'static str),
}

impl SmbError {
    /// Whether it is about the user or the share, so that another attempt would end in the same way.
    pub fn is_final(&self) -> bool {
        match self {
            Self::Guest => true,
            Self::Refused { status: found, .. } => status::FINAL.contains(found),
            _ => false,
        }
    }
}

impl Coded for SmbError {
    fn code(&self) -> &'static str {
        match self {
            Self::Connection(_) => "smb.connection-refused",
            Self::Refused { .. } | Self::Signature | Self::Malformed(_) => "smb.failed",
            Self::Guest => "smb.logon-failure",
        }
    }

    fn kind(&self) -> ErrorKind {
        ErrorKind::Failed
    }

    fn remedy(&self) -> Option<String> {
        Some(match self {
            Self::Connection(_) => {
                "see with `ctdb status` and `ctdb ip` whether a healthy node has the address".into()
            }
            Self::Refused { .. } | Self::Guest => {
                "try the same with `smbclient -U USER //ADDRESS/SHARE`; encryption and Kerberos \
                 must not be required for this user and share"
                    .into()
            }
            Self::Signature | Self::Malformed(_) => "look into /var/log/samba/log.smbd".into(),
        })
    }
}
