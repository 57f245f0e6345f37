//! Ranges of addresses, and pools that addresses of a cluster are taken from.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::subnet::{from_number, number, parse_prefix};
use super::virtual_address::split_interface;
use super::{AddressError, InterfaceName, Subnet, Surroundings, VirtualAddress};

/// Addresses from one to another, both of them in it, such as `10.0.0.100-10.0.0.120`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(try_from = "String", into = "String")]
#[cfg_attr(feature = "schema", schemars(with = "String"))]
pub struct Range {
    first: IpAddr,
    last: IpAddr,
}

impl Range {
    /// The addresses from `first` to `last`.
    ///
    /// # Errors
    ///
    /// [`AddressError::Ends`] where the families differ, or the last one is the lower one.
    pub fn new(first: IpAddr, last: IpAddr) -> Result<Self, AddressError> {
        let why = if first.is_ipv4() != last.is_ipv4() {
            "one is of IPv4, the other one of IPv6"
        } else if last < first {
            "the last one is lower"
        } else {
            return Ok(Self { first, last });
        };
        Err(AddressError::Ends { first, last, why })
    }

    /// Whether `address` is in it.
    pub fn contains(self, address: IpAddr) -> bool {
        let is_same_family = address.is_ipv4() == self.first.is_ipv4();
        is_same_family && (self.first..=self.last).contains(&address)
    }

    /// Its addresses, from the lowest to the highest. A range of IPv6 may have very many.
    pub fn addresses(self) -> impl Iterator<Item = IpAddr> {
        let numbers = number(self.first)..=number(self.last);
        numbers.map(move |number| from_number(self.first, number))
    }
}

impl FromStr for Range {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let ends = text.split_once('-');
        let ends = ends.and_then(|(first, last)| Some((first.parse().ok()?, last.parse().ok()?)));
        let (first, last) = ends.ok_or_else(|| AddressError::Malformed {
            text: text.to_owned(),
            wanted: "a range of addresses",
        })?;
        Self::new(first, last)
    }
}

impl TryFrom<String> for Range {
    type Error = AddressError;

    fn try_from(text: String) -> Result<Self, AddressError> {
        text.parse()
    }
}

impl From<Range> for String {
    fn from(range: Range) -> Self {
        range.to_string()
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}

/// Addresses that a cluster may take, such as `10.0.0.100-10.0.0.120/24%eth0`. All are of one network.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(try_from = "String", into = "String")]
#[cfg_attr(feature = "schema", schemars(with = "String"))]
pub struct Pool {
    range: Range,
    network: Subnet,
    interface: Option<InterfaceName>,
}

impl Pool {
    /// From where to where it goes.
    pub fn range(&self) -> Range {
        self.range
    }

    /// The address with the network and interface of the pool, where it is one of the pool.
    ///
    /// # Errors
    ///
    /// Where no server can have it.
    pub fn address(&self, address: IpAddr) -> Option<Result<VirtualAddress, AddressError>> {
        let interface = self.interface.clone();
        let prefix = self.network.prefix();
        let is_in = self.range.contains(address);
        is_in.then(|| VirtualAddress::new(address, prefix, interface))
    }

    /// The lowest address that is not `taken` and that nothing in `surroundings` speaks against.
    ///
    /// # Errors
    ///
    /// [`AddressError::PoolExhausted`] where some are taken and no other one can be used; the first thing that
    /// speaks against one of them where none is taken.
    pub fn pick(
        &self,
        taken: &[IpAddr],
        surroundings: &Surroundings,
    ) -> Result<VirtualAddress, AddressError> {
        let mut against = None;
        for address in self.range.addresses().take(MOST_TRIED) {
            if taken.contains(&address) {
                continue;
            }
            let made = VirtualAddress::new(address, self.network.prefix(), self.interface.clone());
            let problem = match made {
                Err(problem) => problem,
                Ok(address) => match surroundings.check(&address).into_iter().next() {
                    None => return Ok(address),
                    Some(problem) => problem,
                },
            };
            against.get_or_insert(problem);
        }
        let exhausted = AddressError::PoolExhausted { range: self.range };
        let is_begun = taken.iter().any(|one| self.range.contains(*one));
        Err(against.filter(|_| !is_begun).unwrap_or(exhausted))
    }
}

/// More addresses than a cluster has; a pool of IPv6 may have 2⁶⁴.
const MOST_TRIED: usize = 0x1_0000;

impl FromStr for Pool {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let malformed = || AddressError::Malformed {
            text: text.to_owned(),
            wanted: "a pool of addresses with the length of their prefix",
        };
        let (rest, interface) = split_interface(text)?;
        let (range, prefix) = rest.split_once('/').ok_or_else(malformed)?;
        let range: Range = range.parse()?;
        let prefix = parse_prefix(prefix).ok_or_else(malformed)?;
        let network = Subnet::of(range.first, prefix).ok_or_else(malformed)?;
        if !network.contains(range.last) {
            let (first, last) = (range.first, range.last);
            let why = "they are in different networks";
            return Err(AddressError::Ends { first, last, why });
        }
        Ok(Self {
            range,
            network,
            interface,
        })
    }
}

impl TryFrom<String> for Pool {
    type Error = AddressError;

    fn try_from(text: String) -> Result<Self, AddressError> {
        text.parse()
    }
}

impl From<Pool> for String {
    fn from(pool: Pool) -> Self {
        pool.to_string()
    }
}

impl fmt::Display for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.range, self.network.prefix())?;
        match &self.interface {
            Some(interface) => write!(f, "%{interface}"),
            None => Ok(()),
        }
    }
}
