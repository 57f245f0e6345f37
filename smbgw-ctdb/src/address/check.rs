//! Whether addresses fit to the nodes and to their networks.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{AddressError, InterfaceName, Range, Subnet, VirtualAddress};

/// An interface that every node has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Interface {
    /// Its name.
    pub name: InterfaceName,
    /// The networks that it is in by addresses of its own. It may be in none: ctdb needs no address there.
    pub networks: Vec<Subnet>,
}

/// What is known of where addresses are to be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Surroundings {
    /// The interfaces of the nodes.
    pub interfaces: Vec<Interface>,
    /// The addresses that nodes have for themselves, on any interface.
    pub nodes: Vec<IpAddr>,
    /// What DHCP servers give away.
    pub dhcp: Vec<Range>,
}

impl Surroundings {
    /// All that speaks against `address`.
    pub fn check(&self, address: &VirtualAddress) -> Vec<AddressError> {
        let mut problems: Vec<_> = self.check_network(address).err().into_iter().collect();
        let of = address.address();
        if self.nodes.contains(&of) {
            problems.push(AddressError::OfANode { address: of });
        }
        if let Some(range) = self.dhcp.iter().find(|range| range.contains(of)) {
            let range = *range;
            problems.push(AddressError::InDhcpRange { address: of, range });
        }
        problems
    }

    /// All that speaks against `addresses`, also that one is given more than once.
    pub fn check_all(&self, addresses: &[VirtualAddress]) -> Vec<AddressError> {
        let mut problems = Vec::new();
        for (at, one) in addresses.iter().enumerate() {
            let is_same = |other: &&VirtualAddress| other.address() == one.address();
            match addresses[..at].iter().filter(is_same).count() {
                0 => problems.extend(self.check(one)),
                1 => problems.push(AddressError::Twice {
                    address: one.address(),
                }),
                _ => {}
            }
        }
        problems
    }

    fn check_network(&self, address: &VirtualAddress) -> Result<(), AddressError> {
        let of = address.address();
        let Some(name) = address.interface() else {
            let mut networks = self.interfaces.iter().flat_map(|one| &one.networks);
            let is_there = networks.any(|network| *network == address.network());
            return match is_there {
                true => Ok(()),
                false => Err(AddressError::NoNetwork { address: of }),
            };
        };
        let interface = self.interfaces.iter().find(|one| one.name == *name);
        let interface = interface.ok_or_else(|| AddressError::NoInterface {
            address: of,
            interface: name.clone(),
        })?;
        let is_family = |network: &&Subnet| network.first().is_ipv4() == of.is_ipv4();
        let networks: Vec<_> = interface.networks.iter().filter(is_family).collect();
        if networks.is_empty() || networks.contains(&&address.network()) {
            return Ok(());
        }
        let interface = name.clone();
        match networks.iter().find(|network| network.contains(of)) {
            Some(network) => Err(AddressError::OtherPrefix {
                address: of,
                prefix: address.network().prefix(),
                interface,
                network: **network,
            }),
            None => {
                let networks: Vec<_> = networks.iter().map(ToString::to_string).collect();
                Err(AddressError::OutsideNetwork {
                    address: of,
                    interface,
                    networks: networks.join(", "),
                })
            }
        }
    }
}
