//! One address of a cluster.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::subnet::parse_prefix;
use super::{AddressError, InterfaceName, Subnet};

/// An address that moves between nodes, such as `10.0.0.100/24%eth0`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(try_from = "String", into = "String")]
#[cfg_attr(feature = "schema", schemars(with = "String"))]
pub struct VirtualAddress {
    address: IpAddr,
    network: Subnet,
    interface: Option<InterfaceName>,
}

impl VirtualAddress {
    /// The address, with the length of its network's prefix, on an interface where that is known.
    ///
    /// # Errors
    ///
    /// [`AddressError::NotOfAHost`] for an address that no server can have in that network, and
    /// [`AddressError::Malformed`] for a prefix that the address cannot have.
    pub fn new(
        address: IpAddr,
        prefix: u8,
        interface: Option<InterfaceName>,
    ) -> Result<Self, AddressError> {
        let network = Subnet::of(address, prefix).ok_or_else(|| AddressError::Malformed {
            text: format!("{address}/{prefix}"),
            wanted: "an address with the length of its prefix",
        })?;
        if let Some(what) = not_of_a_host(address, network) {
            return Err(AddressError::NotOfAHost { address, what });
        }
        Ok(Self {
            address,
            network,
            interface,
        })
    }

    /// The address.
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// Its network.
    pub fn network(&self) -> Subnet {
        self.network
    }

    /// The interface that it is asked for on.
    pub fn interface(&self) -> Option<&InterfaceName> {
        self.interface.as_ref()
    }
}

/// What an address is that no server can have, where it is such a one.
fn not_of_a_host(address: IpAddr, network: Subnet) -> Option<&'static str> {
    let is_edge = |edge: IpAddr| !network.is_all_hosts() && address == edge;
    match address {
        _ if address.is_unspecified() => Some("no address at all"),
        _ if address.is_loopback() => Some("an address of each machine for itself"),
        _ if address.is_multicast() => Some("an address of a group"),
        IpAddr::V4(v4) if v4.is_broadcast() || is_edge(network.last()) => {
            Some("the broadcast address of its network")
        }
        IpAddr::V4(v4) if v4.octets()[0] == 0 || v4.octets()[0] >= 240 => {
            Some("a reserved address")
        }
        IpAddr::V4(v4) if v4.is_link_local() => Some("an address of one link"),
        IpAddr::V6(v6) if v6.is_unicast_link_local() => Some("an address of one link"),
        IpAddr::V6(v6) if v6.to_ipv4().is_some() => Some("an IPv4 address written as IPv6"),
        _ if is_edge(network.first()) => Some("the address of its network itself"),
        _ => None,
    }
}

impl FromStr for VirtualAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (rest, interface) = split_interface(text)?;
        let parts = rest
            .split_once('/')
            .and_then(|(address, prefix)| Some((address.parse().ok()?, parse_prefix(prefix)?)));
        let (address, prefix) = parts.ok_or_else(|| AddressError::Malformed {
            text: text.to_owned(),
            wanted: "an address with the length of its prefix",
        })?;
        Self::new(address, prefix, interface)
    }
}

/// What is before a `%`, and the interface after it.
pub(super) fn split_interface(text: &str) -> Result<(&str, Option<InterfaceName>), AddressError> {
    match text.split_once('%') {
        None => Ok((text, None)),
        Some((rest, interface)) => Ok((rest, Some(interface.parse()?))),
    }
}

impl TryFrom<String> for VirtualAddress {
    type Error = AddressError;

    fn try_from(text: String) -> Result<Self, AddressError> {
        text.parse()
    }
}

impl From<VirtualAddress> for String {
    fn from(address: VirtualAddress) -> Self {
        address.to_string()
    }
}

impl fmt::Display for VirtualAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.network.prefix())?;
        match &self.interface {
            Some(interface) => write!(f, "%{interface}"),
            None => Ok(()),
        }
    }
}
