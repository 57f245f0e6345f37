//! The network of the guest.

use std::net::IpAddr;

use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};
use smbgw_core::mac::Mac;

use super::GuestName;
use super::error::text_type;
use crate::address_setting::AddressSetting;

text_type! {
    /// The name of a network interface of the guest (netdevice(7): 15 bytes at most).
    InterfaceName, "the name of a network interface: up to 15 letters, digits, `_` and `-`, the first a letter", |text| {
        (1..=15).contains(&text.len())
            && text.starts_with(|first: char| first.is_ascii_alphabetic())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
    }
}

/// The form of a network configuration. They say the same here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum NetworkVersion {
    /// Version 1. It is read in the same way by every cloud-init and for every kind of network
    /// configuration in the guest.
    #[default]
    V1,
    /// Version 2, that of netplan.
    V2,
}

/// The document `network-config`: all network cards of the guest. Each is known by its address: where
/// only its name is given, cloud-init 22.4 configures nothing through systemd-networkd, and the boot waits
/// for a network for two minutes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkConfig {
    /// The form that is written.
    pub version: NetworkVersion,
    /// The network cards.
    pub interfaces: Vec<Interface>,
}

/// A network card of the guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// What it is called in the guest from then on.
    pub name: InterfaceName,
    /// Its address on the link, by which it is known.
    pub mac: Mac,
    /// Its addresses in networks.
    pub addresses: Vec<AddressSetting>,
    /// Servers for names, beside those that DHCP tells.
    pub name_servers: Vec<IpAddr>,
    /// Domains in which short names are looked for.
    pub search: Vec<GuestName>,
    /// The largest packet, where it is not the usual one.
    pub mtu: Option<u16>,
}

impl NetworkConfig {
    /// The network of a guest with one card.
    pub fn of(interface: Interface) -> Self {
        Self {
            version: NetworkVersion::default(),
            interfaces: vec![interface],
        }
    }
}

impl Interface {
    /// A card with one address, called `eth0`.
    pub fn new(mac: Mac, address: AddressSetting) -> Self {
        Self {
            name: InterfaceName("eth0".into()),
            mac,
            addresses: vec![address],
            name_servers: Vec::new(),
            search: Vec::new(),
            mtu: None,
        }
    }

    fn v1(&self) -> Value {
        let subnets: Vec<Value> = self.addresses.iter().map(|one| self.subnet(one)).collect();
        let mut card = json!({
            "type": "physical",
            "name": self.name,
            "mac_address": self.mac,
            "subnets": subnets,
        });
        if let Some(mtu) = self.mtu {
            card["mtu"] = mtu.into();
        }
        card
    }

    fn subnet(&self, address: &AddressSetting) -> Value {
        match address {
            AddressSetting::Dhcp => json!({ "type": "dhcp4" }),
            AddressSetting::Static(address) => {
                // `static` is IPv4 for some of cloud-init's renderers.
                let kind = match address.address() {
                    IpAddr::V4(_) => "static",
                    IpAddr::V6(_) => "static6",
                };
                let mut subnet = json!({ "type": kind, "address": address.with_prefix() });
                if let Some(gateway) = address.gateway() {
                    subnet["gateway"] = gateway.to_string().into();
                }
                subnet
            }
        }
    }

    fn v2(&self) -> Value {
        let mut card = json!({
            "match": { "macaddress": self.mac },
            "set-name": self.name,
            "dhcp4": self.addresses.contains(&AddressSetting::Dhcp),
        });
        let fixed = || {
            self.addresses.iter().filter_map(|setting| match setting {
                AddressSetting::Dhcp => None,
                AddressSetting::Static(address) => Some(address),
            })
        };
        let addresses: Vec<String> = fixed().map(|address| address.with_prefix()).collect();
        if !addresses.is_empty() {
            card["addresses"] = addresses.into();
        }
        for gateway in fixed().filter_map(|address| address.gateway()) {
            let key = if gateway.is_ipv4() {
                "gateway4"
            } else {
                "gateway6"
            };
            card[key] = gateway.to_string().into();
        }
        if let Some(mtu) = self.mtu {
            card["mtu"] = mtu.into();
        }
        if !self.name_servers.is_empty() || !self.search.is_empty() {
            card["nameservers"] = json!({ "addresses": self.name_servers, "search": self.search });
        }
        card
    }

    /// Those of all cards: where one is named, cloud-init 22.4 writes a line that ifupdown does not know.
    fn name_servers_v1(&self) -> Option<Value> {
        let is_needed = !self.name_servers.is_empty() || !self.search.is_empty();
        is_needed.then(|| {
            json!({
                "type": "nameserver",
                "address": self.name_servers,
                "search": self.search,
            })
        })
    }
}

impl Serialize for NetworkConfig {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let cards = self.interfaces.iter();
        let document = match self.version {
            NetworkVersion::V1 => {
                let names = cards.clone().filter_map(Interface::name_servers_v1);
                let config: Vec<Value> = cards.map(Interface::v1).chain(names).collect();
                json!({ "version": 1, "config": config })
            }
            NetworkVersion::V2 => {
                let cards: Map<String, Value> = cards
                    .map(|card| (card.name.to_string(), card.v2()))
                    .collect();
                json!({ "version": 2, "ethernets": cards })
            }
        };
        document.serialize(serializer)
    }
}
