//! Why an address cannot be a public address of a cluster.

use std::net::IpAddr;

use smbgw_core::error::{Coded, ErrorKind};

use crate::code::Code;
use thiserror::Error;

use super::{InterfaceName, Range, Subnet};

/// What is wrong with an address, a pool or an interface.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AddressError {
    /// It is not of the form of an address, or of a pool.
    #[error("'{text}' is not {wanted}")]
    Malformed {
        /// What was given.
        text: String,
        /// What it should be.
        wanted: &'static str,
    },
    /// The name cannot be that of a network interface.
    #[error("'{name}' cannot be the name of a network interface")]
    Interface {
        /// What was given.
        name: String,
    },
    /// Nobody can have such an address.
    #[error("{address} is {what}, which no server can have")]
    NotOfAHost {
        /// The address.
        address: IpAddr,
        /// What kind of address it is.
        what: &'static str,
    },
    /// The ends of a range are in the wrong order, of different families, or in different subnets.
    #[error("a pool cannot go from {first} to {last}: {why}")]
    Ends {
        /// Its first address.
        first: IpAddr,
        /// Its last address.
        last: IpAddr,
        /// What is wrong with that.
        why: &'static str,
    },
    /// The node has no such interface.
    #[error("there is no interface {interface} for {address}")]
    NoInterface {
        /// The address.
        address: IpAddr,
        /// The interface that is asked for.
        interface: InterfaceName,
    },
    /// The interface is in other networks.
    #[error("{address} is in none of the networks of {interface} ({networks})")]
    OutsideNetwork {
        /// The address.
        address: IpAddr,
        /// The interface.
        interface: InterfaceName,
        /// Its networks.
        networks: String,
    },
    /// The network of the interface is larger or smaller.
    #[error("{address} is given with /{prefix}, but {interface} is in {network}")]
    OtherPrefix {
        /// The address.
        address: IpAddr,
        /// The length of the prefix that is given.
        prefix: u8,
        /// The interface.
        interface: InterfaceName,
        /// Its network.
        network: Subnet,
    },
    /// No interface is given, and none is in the network.
    #[error("no interface is in the network of {address}")]
    NoNetwork {
        /// The address.
        address: IpAddr,
    },
    /// A node has it for itself.
    #[error("{address} is an address of a node itself")]
    OfANode {
        /// The address.
        address: IpAddr,
    },
    /// A DHCP server may give it to somebody.
    #[error("{address} is in the DHCP range {range}")]
    InDhcpRange {
        /// The address.
        address: IpAddr,
        /// The range.
        range: Range,
    },
    /// It is given more than once.
    #[error("{address} is given more than once")]
    Twice {
        /// The address.
        address: IpAddr,
    },
    /// No address of a pool is left.
    #[error("no address of the pool {range} is left")]
    PoolExhausted {
        /// The pool.
        range: Range,
    },
}

impl Coded for AddressError {
    fn code(&self) -> &'static str {
        let code = match self {
            Self::Malformed { .. } => Code::AddressMalformed,
            Self::Interface { .. } => Code::InterfaceMalformed,
            Self::NotOfAHost { .. } => Code::AddressNotOfAHost,
            Self::Ends { .. } => Code::PoolMalformed,
            Self::NoInterface { .. } => Code::NoInterface,
            Self::OutsideNetwork { .. } | Self::NoNetwork { .. } => Code::AddressOutsideNetwork,
            Self::OtherPrefix { .. } => Code::AddressOtherPrefix,
            Self::OfANode { .. } => Code::AddressOfANode,
            Self::InDhcpRange { .. } => Code::AddressInDhcpRange,
            Self::Twice { .. } => Code::AddressTwice,
            Self::PoolExhausted { .. } => Code::PoolExhausted,
        };
        code.as_str()
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::NoInterface { .. } => ErrorKind::NotFound,
            Self::OfANode { .. } | Self::InDhcpRange { .. } | Self::PoolExhausted { .. } => {
                ErrorKind::Conflict
            }
            _ => ErrorKind::Invalid,
        }
    }

    fn remedy(&self) -> Option<String> {
        Some(match self {
            Self::Malformed { .. } => "write an address as 10.0.0.100/24%eth0 and a pool as \
                 10.0.0.100-10.0.0.120/24%eth0; the interface may be left out"
                .into(),
            Self::Interface { .. } | Self::NoInterface { .. } => {
                "give an interface that `ip link` shows on every node".into()
            }
            Self::NotOfAHost { .. } => {
                "give an address that a server of this network can have".into()
            }
            Self::Ends { .. } => "give the lowest address first, and both of one network".into(),
            Self::OutsideNetwork { .. } => {
                "give an address of one of these networks, or another interface".into()
            }
            Self::OtherPrefix { network, .. } => format!("give it with /{}", network.prefix()),
            Self::NoNetwork { .. } => "name the interface, as in 10.0.0.100/24%eth0".into(),
            Self::OfANode { .. } => {
                "give an address that moves between nodes beside those they have".into()
            }
            Self::InDhcpRange { .. } => {
                "give an address outside of it, or take the address out of the DHCP server's range"
                    .into()
            }
            Self::Twice { .. } => "give it once".into(),
            Self::PoolExhausted { .. } => "make the pool larger".into(),
        })
    }
}
