//! Subnets: an address and how many of its first bits are the network's.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::AddressError;

/// A network, such as `10.0.0.0/24`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(try_from = "String", into = "String")]
#[cfg_attr(feature = "schema", schemars(with = "String"))]
pub struct Subnet {
    first: IpAddr,
    prefix: u8,
}

impl Subnet {
    /// The network that `address` is in with a prefix of that length, in bits. `None` for a prefix longer
    /// than an address, and for none at all.
    pub fn of(address: IpAddr, prefix: u8) -> Option<Self> {
        let width = width(address);
        if prefix == 0 || prefix > width {
            return None;
        }
        let hosts = hosts(width - prefix);
        let first = from_number(address, number(address) & !hosts);
        Some(Self { first, prefix })
    }

    /// How many bits are the network's.
    pub fn prefix(self) -> u8 {
        self.prefix
    }

    /// The address of the network itself, with no bit of a host set.
    pub fn first(self) -> IpAddr {
        self.first
    }

    /// The last address. In IPv4 it is that of everybody.
    pub fn last(self) -> IpAddr {
        let hosts = hosts(width(self.first) - self.prefix);
        from_number(self.first, number(self.first) | hosts)
    }

    /// Whether `address` is in it.
    pub fn contains(self, address: IpAddr) -> bool {
        Self::of(address, self.prefix) == Some(self)
    }

    /// Whether a host may have each of its addresses, as with two addresses or one (RFC 3021, RFC 6164).
    pub(super) fn is_all_hosts(self) -> bool {
        width(self.first) - self.prefix < 2
    }
}

impl FromStr for Subnet {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let parts = text.split_once('/');
        let found = parts.and_then(|(address, prefix)| {
            let address: IpAddr = address.parse().ok()?;
            Self::of(address, parse_prefix(prefix)?).filter(|network| network.first == address)
        });
        found.ok_or_else(|| AddressError::Malformed {
            text: text.to_owned(),
            wanted: "a network such as 10.0.0.0/24",
        })
    }
}

impl TryFrom<String> for Subnet {
    type Error = AddressError;

    fn try_from(text: String) -> Result<Self, AddressError> {
        text.parse()
    }
}

impl From<Subnet> for String {
    fn from(network: Subnet) -> Self {
        network.to_string()
    }
}

impl fmt::Display for Subnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.prefix)
    }
}

/// Digits alone: `u8` would take a sign, too.
pub(super) fn parse_prefix(text: &str) -> Option<u8> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

/// The address as a number, to count with. One of IPv4 is below 2³².
pub(super) fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_bits().into(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// The address of the same family that has this number.
pub(super) fn from_number(like: IpAddr, number: u128) -> IpAddr {
    match like {
        IpAddr::V4(_) => Ipv4Addr::from_bits(number as u32).into(),
        IpAddr::V6(_) => Ipv6Addr::from_bits(number).into(),
    }
}

fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn hosts(bits: u8) -> u128 {
    u128::MAX.checked_shr(128 - u32::from(bits)).unwrap_or(0)
}
