//! Why a question to the DNS has no answer.

use std::net::SocketAddr;

use smbgw_core::error::{Coded, ErrorKind};
use smbgw_core::host::FileError;

use super::message::ResponseCode;
use crate::code::Code;

/// Why a question to the DNS has no answer. That a name is not there is an answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DnsError {
    /// The host has no name servers.
    #[error("`{path}` on `{host}` names no name server")]
    NoServers {
        /// The host.
        host: String,
        /// The file that should name one.
        path: &'static str,
    },
    /// The host's settings cannot be read.
    #[error("the name servers of `{host}` cannot be read")]
    Settings {
        /// The host.
        host: String,
        /// Why.
        source: Box<FileError>,
    },
    /// No name server answered in time.
    #[error(
        "no name server answered the question for `{name}`; asked: {}",
        list(servers)
    )]
    Silent {
        /// What was asked for.
        name: String,
        /// The servers asked.
        servers: Vec<SocketAddr>,
    },
    /// All name servers that answered did so with an error.
    #[error("the name server {server} answered the question for `{name}` with {code}")]
    Refused {
        /// What was asked for.
        name: String,
        /// The last server that did so.
        server: SocketAddr,
        /// Its answer.
        code: ResponseCode,
    },
    /// A name server sends what is not DNS.
    #[error(
        "the name server {server} answered the question for `{name}` with something else than DNS: {reason}"
    )]
    Garbled {
        /// What was asked for.
        name: String,
        /// The server.
        server: SocketAddr,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A name is too long for the DNS.
    #[error("`{name}` is too long for a name in the DNS")]
    TooLong {
        /// The name.
        name: String,
    },
    /// The machine cannot send.
    #[error("this machine cannot ask name servers")]
    Local {
        /// Why.
        source: std::io::Error,
    },
}

impl Coded for DnsError {
    fn code(&self) -> &'static str {
        match self {
            Self::NoServers { .. } | Self::Settings { .. } => Code::DnsNoServers,
            Self::Silent { .. } | Self::Local { .. } => Code::DnsSilent,
            Self::Refused { .. } | Self::Garbled { .. } => Code::DnsRefused,
            Self::TooLong { .. } => Code::NameInvalid,
        }
        .as_str()
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::NoServers { .. } => ErrorKind::Unsupported,
            Self::TooLong { .. } => ErrorKind::Invalid,
            _ => ErrorKind::Failed,
        }
    }

    fn remedy(&self) -> Option<String> {
        Some(match self {
            Self::NoServers { path, .. } => {
                format!("put the addresses of the domain's name servers into `{path}`")
            }
            Self::Silent { .. } => {
                "check that these are the domain's name servers, that they run, and that UDP and \
                 TCP port 53 are open"
                    .into()
            }
            Self::Refused { .. } | Self::Garbled { .. } => {
                "look at that name server, or use the domain's own".into()
            }
            Self::Settings { .. } | Self::TooLong { .. } | Self::Local { .. } => return None,
        })
    }
}

/// Addresses of name servers, the usual port left out.
pub(crate) fn list(servers: &[SocketAddr]) -> String {
    let texts: Vec<String> = servers
        .iter()
        .map(|server| match server.port() {
            53 => server.ip().to_string(),
            _ => server.to_string(),
        })
        .collect();
    texts.join(", ")
}
