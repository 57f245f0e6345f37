//! Which address of the machine smbd listens on, as `interfaces` and `bind interfaces only` say.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::Deserialize;

use crate::deadline::Deadline;
use crate::host::{Command, CommandError, Host};

/// A network interface with one of its addresses; an interface with two addresses is listed twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its name, such as `eth0`.
    pub name: String,
    /// The address.
    pub address: IpAddr,
}

/// The address at which to probe an smbd of this machine whose `interfaces` parameter is
/// `parameter`, with `bind interfaces only` on or off.
///
/// Loopback is taken where smbd listens on it, and else the first address that the parameter
/// names. The parameter's items are those of smb.conf(5): names, names with wildcards, addresses,
/// and networks in the forms `a.b.c.d/24` and `a.b.c.d/255.255.255.0`, with options after `;`.
/// `None` where no address of the machine fits.
///
/// ```
/// use smbgw_core::probe::{Interface, address_for_probe};
///
/// let present = [Interface { name: "eth0".into(), address: "10.0.0.7".parse().unwrap() }];
/// let address = address_for_probe("eth*", true, &present);
/// assert_eq!(address, Some("10.0.0.7".parse().unwrap()));
/// ```
pub fn address_for_probe(
    parameter: &str,
    bind_interfaces_only: bool,
    present: &[Interface],
) -> Option<IpAddr> {
    let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let items: Vec<Item> = parameter
        .split([' ', '\t', ','])
        .map(|item| item.trim_matches('"'))
        // What follows is the speed and the capabilities of the interface.
        .filter_map(|item| item.split(';').next())
        .filter(|item| !item.is_empty())
        .map(Item::parse)
        .collect();
    if !bind_interfaces_only {
        return Some(loopback);
    }
    let usable = |address: &IpAddr| match address {
        // Such an address is of use with the number of its interface only.
        IpAddr::V6(address) => !address.is_unicast_link_local(),
        IpAddr::V4(_) => true,
    };
    let fits: Vec<&Interface> = if items.is_empty() {
        // Samba takes all but loopback then.
        present
            .iter()
            .filter(|interface| !interface.address.is_loopback())
            .collect()
    } else {
        items
            .iter()
            .flat_map(|item| present.iter().filter(|interface| item.fits(interface)))
            .collect()
    };
    let mut fits = fits
        .iter()
        .map(|interface| interface.address)
        .filter(usable);
    if fits.clone().any(|address| address == loopback) {
        return Some(loopback);
    }
    fits.next()
}

/// The addresses of the host's interfaces that are up, as ip(8) lists them.
///
/// # Errors
/// Where they cannot be listed.
pub fn interfaces(host: &dyn Host, deadline: Deadline) -> Result<Vec<Interface>, CommandError> {
    let command = Command::new("ip").args(["-json", "address", "show", "up"]);
    let output = host.run(&command, deadline)?;
    parse_interfaces(&output.stdout)
        .map_err(|error| CommandError::unexpected(&command, error.to_string()))
}

fn parse_interfaces(json: &[u8]) -> serde_json::Result<Vec<Interface>> {
    #[derive(Deserialize)]
    struct Link {
        // ip(8) prints an empty object for what a filter left out.
        #[serde(default)]
        ifname: String,
        #[serde(default)]
        addr_info: Vec<Address>,
    }
    #[derive(Deserialize)]
    struct Address {
        local: Option<IpAddr>,
    }
    if json.trim_ascii().is_empty() {
        return Ok(Vec::new());
    }
    let links: Vec<Link> = serde_json::from_slice(json)?;
    Ok(links
        .into_iter()
        .flat_map(|link| {
            let name = link.ifname;
            link.addr_info
                .into_iter()
                .filter_map(|address| address.local)
                .map(move |address| Interface {
                    name: name.clone(),
                    address,
                })
        })
        .collect())
}

/// One item of the parameter.
#[derive(Debug, PartialEq, Eq)]
enum Item<'a> {
    Name(&'a str),
    Address(IpAddr),
    Network(IpAddr, u32),
}

impl<'a> Item<'a> {
    fn parse(text: &'a str) -> Self {
        if let Ok(address) = text.parse() {
            return Self::Address(address);
        }
        if let Some((address, mask)) = text.split_once('/')
            && let Ok(address) = address.parse()
            && let Some(length) = prefix_length(mask)
        {
            return Self::Network(address, length);
        }
        Self::Name(text)
    }

    fn fits(&self, interface: &Interface) -> bool {
        match *self {
            Self::Name(pattern) => matches(pattern, &interface.name),
            Self::Address(address) => interface.address == address,
            // An own address with its mask means that address; a network's means all within.
            Self::Network(network, length) => match (network, interface.address) {
                (IpAddr::V4(network), IpAddr::V4(address)) => same_start(
                    network.to_bits().into(),
                    address.to_bits().into(),
                    32,
                    length,
                ),
                (IpAddr::V6(network), IpAddr::V6(address)) => {
                    same_start(network.to_bits(), address.to_bits(), Ipv6Addr::BITS, length)
                }
                _ => false,
            },
        }
    }
}

/// The length of a mask written as `24` or as `255.255.255.0`.
fn prefix_length(mask: &str) -> Option<u32> {
    mask.parse()
        .ok()
        .or_else(|| Some(mask.parse::<Ipv4Addr>().ok()?.to_bits().leading_ones()))
}

/// Whether the first `length` of the `bits` bits of both numbers are the same.
fn same_start(one: u128, other: u128, bits: u32, length: u32) -> bool {
    let rest = bits.saturating_sub(length);
    (one ^ other).checked_shr(rest).unwrap_or(0) == 0
}

/// Whether `name` fits a pattern with `*` and `?`, in which Samba ignores case.
fn matches(pattern: &str, name: &str) -> bool {
    let mut pattern = pattern.chars();
    let mut rest = name.chars();
    while let Some(expected) = pattern.next() {
        match expected {
            '*' => {
                let tail = pattern.as_str();
                return (0..=rest.as_str().len())
                    .filter_map(|start| rest.as_str().get(start..))
                    .any(|end| matches(tail, end));
            }
            '?' if rest.next().is_some() => {}
            '?' => return false,
            _ => {
                if !rest
                    .next()
                    .is_some_and(|c| c.eq_ignore_ascii_case(&expected))
                {
                    return false;
                }
            }
        }
    }
    rest.as_str().is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine() -> Vec<Interface> {
        [
            ("lo", "127.0.0.1"),
            ("lo", "::1"),
            ("eth0", "fe80::1"),
            ("eth0", "10.1.2.3"),
            ("eth0", "2001:db8::3"),
            ("vmbr1", "192.168.7.1"),
        ]
        .map(|(name, address)| Interface {
            name: name.into(),
            address: address.parse().unwrap(),
        })
        .into()
    }

    fn chosen(parameter: &str) -> Option<String> {
        address_for_probe(parameter, true, &machine()).map(|address| address.to_string())
    }

    #[test]
    fn the_address_is_one_that_smbd_listens_on() {
        for (parameter, address) in [
            ("lo eth0", "127.0.0.1"),
            ("eth0, lo", "127.0.0.1"),
            ("127.0.0.0/8 eth0", "127.0.0.1"),
            ("eth0", "10.1.2.3"),
            ("vmbr* eth*", "192.168.7.1"),
            ("10.1.2.3/24", "10.1.2.3"),
            ("192.168.0.0/255.255.0.0", "192.168.7.1"),
            ("192.168.7.1", "192.168.7.1"),
            ("\"eth0;speed=1000,capability=RSS\"", "10.1.2.3"),
            ("2001:db8::/32", "2001:db8::3"),
            ("", "10.1.2.3"),
        ] {
            assert_eq!(chosen(parameter).as_deref(), Some(address), "{parameter}");
        }
        for none in ["wlan0", "172.16.0.0/12", "10.9.9.9"] {
            assert_eq!(chosen(none), None, "{none}");
        }
        let unbound = address_for_probe("eth0", false, &machine());
        assert_eq!(unbound, Some(IpAddr::from([127, 0, 0, 1])));
    }

    #[test]
    fn wildcards_fit_as_in_samba() {
        assert!(matches("eth*", "eth0") && matches("e?h*", "ETH0") && matches("*", ""));
        assert!(!matches("eth?", "eth") && !matches("eth", "eth0") && !matches("", "x"));
        assert!(matches("*0", "vmbr0") && matches("v*r*0", "vmbr10") && !matches("*1", "vmbr0"));
    }

    #[test]
    fn the_list_of_ip_is_understood() {
        // `ip -json address show up` of iproute2 6.1, shortened.
        let json = br#"[{"ifindex":1,"ifname":"lo","flags":["LOOPBACK","UP"],"addr_info":[
            {"family":"inet","local":"127.0.0.1","prefixlen":8,"scope":"host","label":"lo"},
            {"family":"inet6","local":"::1","prefixlen":128,"scope":"host"}]},{},
            {"ifindex":2,"ifname":"eth0","addr_info":[]}]"#;
        let found = parse_interfaces(json).unwrap();
        assert_eq!(found, machine()[..2]);
        assert_eq!(parse_interfaces(b"").unwrap(), []);
        assert!(parse_interfaces(b"{").is_err());
    }
}
