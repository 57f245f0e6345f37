//! Why a domain or a controller was not found.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};
use smbgw_core::error::{Coded, ErrorKind};

use crate::code::Code;
use crate::dns::{DnsError, server_list};
use crate::name::{DomainName, HostName};

/// A controller that was asked, and why it is not the one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Tried {
    /// Its name, where that is known.
    pub host: Option<HostName>,
    /// The address asked; none where it has none.
    pub address: Option<IpAddr>,
    /// Why not.
    pub failure: Failure,
}

/// Why a controller is not the one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Failure {
    /// It has no address.
    NoAddress,
    /// It does not answer.
    Silent,
    /// The network refuses.
    Network(String),
    /// It answers with something else.
    Garbled(String),
    /// It is a directory that gives an error.
    Refused(u32),
    /// It is a controller, but not of that domain, or no controller.
    OtherDomain(Option<DomainName>),
    /// It takes no logons for now.
    Paused,
    /// It takes no changes.
    ReadOnly,
    /// It lacks a service that a member needs.
    Incomplete,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAddress => f.write_str("has no address"),
            Self::Silent => f.write_str("does not answer"),
            Self::Network(why) => write!(f, "cannot be reached ({why})"),
            Self::Garbled(why) => write!(f, "answers with something unknown ({why})"),
            Self::Refused(code) => write!(f, "answers with LDAP error {code}"),
            Self::OtherDomain(Some(domain)) => write!(f, "is of the domain `{domain}`"),
            Self::OtherDomain(None) => f.write_str("does not serve this domain"),
            Self::Paused => f.write_str("takes no logons for now"),
            Self::ReadOnly => f.write_str("takes no changes"),
            Self::Incomplete => f.write_str("lacks LDAP or Kerberos"),
        }
    }
}

impl fmt::Display for Tried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.host, self.address) {
            (Some(host), Some(address)) => write!(f, "{host} ({address})")?,
            (Some(host), None) => write!(f, "{host}")?,
            (None, Some(address)) => write!(f, "{address}")?,
            (None, None) => f.write_str("?")?,
        }
        write!(f, " {}", self.failure)
    }
}

/// Why a domain or a controller was not found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DiscoverError {
    /// The DNS does not answer.
    #[error("the controllers of `{domain}` cannot be looked up")]
    Dns {
        /// The domain.
        domain: DomainName,
        /// Why.
        source: DnsError,
    },
    /// The DNS has no such domain.
    #[error(
        "the name servers know no domain `{domain}`; asked: {}",
        server_list(servers)
    )]
    UnknownDomain {
        /// The domain.
        domain: DomainName,
        /// The servers that answered.
        servers: Vec<SocketAddr>,
    },
    /// The DNS has the name, but not what Active Directory puts there.
    #[error(
        "the name servers know `{domain}`, but no domain controllers of it; asked {} for {record}",
        server_list(servers)
    )]
    NoServiceRecords {
        /// The domain.
        domain: DomainName,
        /// The record that is missing.
        record: String,
        /// The servers that answered.
        servers: Vec<SocketAddr>,
    },
    /// A given server has no address.
    #[error("the server `{server}` has no address in the DNS")]
    UnknownServer {
        /// The server.
        server: HostName,
    },
    /// No controller has an address.
    #[error("no domain controller of `{domain}` has an address: {}", texts(tried))]
    NoAddress {
        /// The domain.
        domain: DomainName,
        /// The controllers.
        tried: Vec<Tried>,
    },
    /// No controller answered that will do.
    #[error("no domain controller of `{domain}` answered: {}", texts(tried))]
    NoController {
        /// The domain.
        domain: DomainName,
        /// Those that were asked.
        tried: Vec<Tried>,
    },
    /// All that answered are of another domain.
    #[error(
        "no server asked is a domain controller of `{domain}`: {}",
        texts(tried)
    )]
    OtherDomain {
        /// The domain.
        domain: DomainName,
        /// Those that were asked.
        tried: Vec<Tried>,
    },
    /// All that answered take no changes.
    #[error(
        "no writable domain controller of `{domain}` answered: {}",
        texts(tried)
    )]
    NoWritable {
        /// The domain.
        domain: DomainName,
        /// Those that were asked.
        tried: Vec<Tried>,
    },
}

fn texts(tried: &[Tried]) -> String {
    const SHOWN: usize = 6;
    let mut texts: Vec<String> = tried.iter().take(SHOWN).map(Tried::to_string).collect();
    if tried.len() > SHOWN {
        texts.push(format!("and {} more", tried.len() - SHOWN));
    }
    texts.join(", ")
}

impl Coded for DiscoverError {
    fn code(&self) -> &'static str {
        match self {
            Self::Dns { source, .. } => return source.code(),
            Self::UnknownDomain { .. } => Code::DomainUnknown,
            Self::NoServiceRecords { .. } => Code::DnsNoServiceRecords,
            Self::UnknownServer { .. } | Self::NoAddress { .. } => Code::ControllerNoAddress,
            Self::NoController { .. } => Code::NoController,
            Self::OtherDomain { .. } => Code::ControllerOfOtherDomain,
            Self::NoWritable { .. } => Code::NoWritableController,
        }
        .as_str()
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::Dns { source, .. } => source.kind(),
            Self::UnknownDomain { .. } | Self::UnknownServer { .. } => ErrorKind::NotFound,
            Self::OtherDomain { .. } => ErrorKind::Invalid,
            _ => ErrorKind::Failed,
        }
    }

    fn remedy(&self) -> Option<String> {
        Some(match self {
            Self::Dns { source, .. } => return source.remedy(),
            Self::UnknownDomain { domain, .. } => format!(
                "check the spelling, and that `/etc/resolv.conf` names the name servers of `{domain}`"
            ),
            Self::NoServiceRecords { .. } => {
                "use the domain's own name servers, have a controller register its records again \
                 (`samba_dnsupdate` or `nltest /dsregdns`), or give a controller as the server"
                    .into()
            }
            Self::UnknownServer { .. } => "check its spelling, or give its address".into(),
            Self::NoAddress { .. } => {
                "have the controllers register their A and AAAA records again".into()
            }
            Self::NoController { .. } => {
                "check that a controller runs, and that UDP port 389 leads to it".into()
            }
            Self::OtherDomain { domain, .. } => {
                format!("give a controller of `{domain}`, or its right domain")
            }
            Self::NoWritable { .. } => {
                "make a writable controller reachable from here: a read-only one cannot take a join"
                    .into()
            }
        })
    }
}
