//! The network adapters of the network that this thread is on.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};

use nix::ifaddrs::getifaddrs;
use nix::net::if_::InterfaceFlags;
use nix::sys::socket::LinkAddr;

use super::super::Mac;
use crate::address::{InterfaceName, Subnet, VirtualAddress};
use crate::own_addresses::ip;

/// `ARPHRD_ETHER` (RFC 826): what has addresses of 6 bytes.
const ETHERNET: u16 = 1;

/// An adapter.
pub(super) struct Adapter {
    pub(super) name: InterfaceName,
    pub(super) link: LinkAddr,
    flags: InterfaceFlags,
    /// Its own addresses, with their networks.
    addresses: Vec<(IpAddr, Option<Subnet>)>,
}

impl Adapter {
    pub(super) fn mac(&self) -> Mac {
        Mac(self.link.addr().unwrap_or_default())
    }

    pub(super) fn has(&self, address: IpAddr) -> bool {
        self.addresses.iter().any(|(own, _)| *own == address)
    }

    /// An address of it that is no virtual one for certain: those are not of one link.
    pub(super) fn of_the_link(&self) -> Option<Ipv6Addr> {
        self.addresses.iter().find_map(|(own, _)| match own {
            IpAddr::V6(own) if own.is_unicast_link_local() => Some(*own),
            _ => None,
        })
    }

    /// Whether it is without IPv6, and so hears nothing of what neighbours say there.
    pub(super) fn is_without_v6(&self) -> bool {
        // As the network has it that this thread is on.
        let file = format!("/proc/sys/net/ipv6/conf/{}/disable_ipv6", self.name);
        !std::fs::read(file).is_ok_and(|value| value.starts_with(b"0"))
    }

    /// Why nothing can be heard on it, where that is so.
    fn unusable(&self) -> Option<String> {
        let name = &self.name;
        let why = if self.link.hatype() != ETHERNET {
            "is no Ethernet"
        } else if !self.flags.contains(InterfaceFlags::IFF_UP) {
            "is down"
        } else if !self.flags.contains(InterfaceFlags::IFF_LOWER_UP) {
            "has no link"
        } else if self.flags.contains(InterfaceFlags::IFF_NOARP) {
            "does not do ARP"
        } else {
            return None;
        };
        Some(format!("{name} {why}"))
    }
}

/// All adapters by their names.
pub(super) struct Adapters(BTreeMap<InterfaceName, Adapter>);

impl Adapters {
    pub(super) fn read() -> Result<Self, String> {
        let all =
            getifaddrs().map_err(|error| format!("its interfaces cannot be read: {error}"))?;
        let mut adapters = BTreeMap::new();
        let mut addresses = Vec::new();
        for entry in all {
            let Ok(name) = entry.interface_name.parse::<InterfaceName>() else {
                continue;
            };
            let Some(address) = entry.address else {
                continue;
            };
            if let Some(link) = address.as_link_addr() {
                let adapter = Adapter {
                    name: name.clone(),
                    link: *link,
                    flags: entry.flags,
                    addresses: Vec::new(),
                };
                adapters.insert(name, adapter);
            } else if let Some(address) = ip(&address) {
                let prefix = entry.netmask.as_ref().and_then(ip).map(ones);
                let network = prefix.and_then(|prefix| Subnet::of(address, prefix));
                addresses.push((name, (address, network)));
            }
        }
        for (name, address) in addresses {
            if let Some(adapter) = adapters.get_mut(&name) {
                adapter.addresses.push(address);
            }
        }
        Ok(Self(adapters))
    }

    /// Whether any of them has the address.
    pub(super) fn have(&self, address: IpAddr) -> bool {
        self.0.values().any(|adapter| adapter.has(address))
    }

    /// Whether it is one of them that has this address on the link.
    pub(super) fn are(&self, mac: Mac) -> bool {
        self.0.values().any(|adapter| adapter.mac() == mac)
    }

    /// The one to ask for `address` on.
    pub(super) fn choose(&self, address: &VirtualAddress) -> Result<&Adapter, String> {
        let found = match address.interface() {
            Some(name) => self
                .0
                .get(name)
                .ok_or_else(|| format!("there is no {name}")),
            None => self.of_network(address.network()),
        }?;
        match found.unusable() {
            None => Ok(found),
            Some(why) => Err(why),
        }
    }

    /// Says why nothing can be heard on the adapter of that name, where that is so.
    pub(super) fn usable(&self, name: &InterfaceName) -> Result<(), String> {
        let found = self
            .0
            .get(name)
            .ok_or_else(|| format!("there is no {name}"))?;
        found.unusable().map_or(Ok(()), Err)
    }

    fn of_network(&self, network: Subnet) -> Result<&Adapter, String> {
        let is_in = |adapter: &&Adapter| {
            let mut own = adapter.addresses.iter();
            own.any(|(_, of)| *of == Some(network))
        };
        let found = self.0.values().find(is_in);
        found.ok_or_else(|| format!("no interface is in {network}"))
    }
}

/// The length of a prefix, given as a mask.
fn ones(mask: IpAddr) -> u8 {
    let ones = match mask {
        IpAddr::V4(mask) => mask.to_bits().leading_ones(),
        IpAddr::V6(mask) => mask.to_bits().leading_ones(),
    };
    ones as u8
}
