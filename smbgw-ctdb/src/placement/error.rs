//! Why nothing can be predicted.

use std::net::IpAddr;

use smbgw_core::error::{Coded, ErrorKind};

use crate::code::Code;
use thiserror::Error;

/// Why it cannot be told where addresses go.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PlacementError {
    /// All nodes are disconnected, banned, stopped or deleted.
    #[error("none of the {nodes} nodes is active, so ctdb places no address")]
    NoActiveNode {
        /// How many nodes there are.
        nodes: usize,
    },
    /// An IPv4 address and an IPv6 address that has the same last 32 bits, and nothing before them.
    #[error("ctdb takes the addresses {first} and {second} for one")]
    Alike {
        /// One of them.
        first: IpAddr,
        /// The other one.
        second: IpAddr,
    },
}

impl Coded for PlacementError {
    fn code(&self) -> &'static str {
        let code = match self {
            Self::NoActiveNode { .. } => Code::NoActiveNode,
            Self::Alike { .. } => Code::AddressesAlike,
        };
        code.as_str()
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::NoActiveNode { .. } => ErrorKind::Unsupported,
            Self::Alike { .. } => ErrorKind::Invalid,
        }
    }

    fn remedy(&self) -> Option<String> {
        Some(match self {
            Self::NoActiveNode { .. } => {
                "bring a node back with `ctdb continue` or by starting its ctdbd, or plan with fewer \
                 nodes taken away"
                    .into()
            }
            Self::Alike { second, .. } => format!("give another IPv6 address than {second}"),
        })
    }
}
