//! What is wrong with who has an address.

use std::net::IpAddr;

use smbgw_core::error::{Coded, ErrorKind};

use super::Holder;
use crate::code::Code;
use crate::node::NodeName;

/// Why an address cannot be used, or is not safe where it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConflictError {
    /// Somebody has it who should not.
    #[error("{address} is in use: {}", listed(.by))]
    Held {
        /// The address.
        address: IpAddr,
        /// Everybody who has it.
        by: Vec<Holder>,
    },
    /// Several nodes have it.
    #[error("{address} is on several nodes at once: {}", listed(.by))]
    SplitBrain {
        /// The address.
        address: IpAddr,
        /// All of them.
        by: Vec<Holder>,
    },
    /// A node could not find out.
    #[error("whether {address} is free could not be asked from {node}: {why}")]
    NotChecked {
        /// The address.
        address: IpAddr,
        /// The node.
        node: NodeName,
        /// Why not.
        why: String,
    },
}

fn listed(holders: &[Holder]) -> String {
    let texts: Vec<_> = holders.iter().map(ToString::to_string).collect();
    texts.join(" and ")
}

impl ConflictError {
    /// The address in question.
    pub fn address(&self) -> IpAddr {
        match self {
            Self::Held { address, .. }
            | Self::SplitBrain { address, .. }
            | Self::NotChecked { address, .. } => *address,
        }
    }

    fn reason(&self) -> Code {
        match self {
            Self::Held { .. } => Code::AddressHeld,
            Self::SplitBrain { .. } => Code::AddressOnTwoNodes,
            Self::NotChecked { .. } => Code::AddressNotChecked,
        }
    }
}

impl Coded for ConflictError {
    fn code(&self) -> &'static str {
        self.reason().as_str()
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::Held { .. } | Self::SplitBrain { .. } => ErrorKind::Conflict,
            Self::NotChecked { .. } => ErrorKind::Failed,
        }
    }

    fn remedy(&self) -> Option<String> {
        Some(self.reason().fix().into())
    }
}
