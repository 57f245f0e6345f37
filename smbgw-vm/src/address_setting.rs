//! How a guest gets an address: `dhcp`, or one that is given.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use smbgw_core::error::{Coded, ErrorKind};

use crate::code::Code;

/// How a network card of a guest gets its address.
///
/// ```
/// use smbgw_vm::address_setting::AddressSetting;
///
/// let fixed: AddressSetting = "192.0.2.10/24,gw=192.0.2.1".parse()?;
/// assert_eq!(fixed.to_string(), "192.0.2.10/24,gw=192.0.2.1");
/// assert_eq!("dhcp".parse::<AddressSetting>()?, AddressSetting::Dhcp);
/// assert!("192.0.2.255/24".parse::<AddressSetting>().is_err(), "that is everybody's");
/// # Ok::<(), smbgw_vm::address_setting::AddressSettingError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(with = "String"))]
#[serde(try_from = "String", into = "String")]
pub enum AddressSetting {
    /// The network's DHCP server gives one (IPv4).
    Dhcp,
    /// It is given.
    Static(StaticAddress),
}

/// An address that a host of its network can have, and the gateway to other networks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StaticAddress {
    address: IpAddr,
    prefix: u8,
    gateway: Option<IpAddr>,
}

/// Why a text does not say how a guest gets its address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressSettingError {
    /// It has another form.
    #[error("`{0}` is neither `dhcp` nor an address like `192.0.2.10/24,gw=192.0.2.1`")]
    Malformed(String),
    /// The prefix is longer than the address, or leaves no network to be in.
    #[error("a network of {address} cannot have a prefix of {prefix} bits")]
    Prefix {
        /// The address.
        address: IpAddr,
        /// The bits.
        prefix: u8,
    },
    /// No single machine of the network can have the address.
    #[error("{address}/{prefix} is not the address of a machine: it is {why}")]
    NotAMachines {
        /// The address.
        address: IpAddr,
        /// The bits of its prefix.
        prefix: u8,
        /// What it is.
        why: &'static str,
    },
    /// The gateway cannot be reached from the address.
    #[error("the gateway {gateway} is {why}")]
    Gateway {
        /// The gateway.
        gateway: IpAddr,
        /// What is wrong with it.
        why: String,
    },
}

impl StaticAddress {
    /// The address `address` in the network of its first `prefix` bits.
    ///
    /// # Errors
    /// Where a machine cannot have that address, or cannot reach that gateway.
    pub fn new(
        address: IpAddr,
        prefix: u8,
        gateway: Option<IpAddr>,
    ) -> Result<Self, AddressSettingError> {
        if prefix == 0 || prefix > bits(address) {
            return Err(AddressSettingError::Prefix { address, prefix });
        }
        if let Some(why) = no_machines(address, prefix) {
            return Err(AddressSettingError::NotAMachines {
                address,
                prefix,
                why,
            });
        }
        if let Some(gateway) = gateway
            && let Some(why) = no_gateway(gateway, address, prefix)
        {
            return Err(AddressSettingError::Gateway { gateway, why });
        }
        Ok(Self {
            address,
            prefix,
            gateway,
        })
    }

    /// The address itself.
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// How many bits its network shares.
    pub fn prefix(&self) -> u8 {
        self.prefix
    }

    /// What leads to other networks.
    pub fn gateway(&self) -> Option<IpAddr> {
        self.gateway
    }

    /// The address with its prefix, such as `192.0.2.10/24`.
    pub fn with_prefix(&self) -> String {
        format!("{}/{}", self.address, self.prefix)
    }
}

impl AddressSetting {
    /// The address where it is known beforehand.
    pub fn address(&self) -> Option<IpAddr> {
        match self {
            Self::Dhcp => None,
            Self::Static(address) => Some(address.address),
        }
    }
}

impl FromStr for AddressSetting {
    type Err = AddressSettingError;

    fn from_str(text: &str) -> Result<Self, AddressSettingError> {
        if text == "dhcp" {
            return Ok(Self::Dhcp);
        }
        let malformed = || AddressSettingError::Malformed(text.to_owned());
        let (address, gateway) = match text.split_once(',') {
            None => (text, None),
            Some((address, gateway)) => {
                let gateway = gateway.strip_prefix("gw=").ok_or_else(malformed)?;
                (address, Some(gateway.parse().map_err(|_| malformed())?))
            }
        };
        let (address, prefix) = address.split_once('/').ok_or_else(malformed)?;
        let address = address.parse().map_err(|_| malformed())?;
        if !prefix.bytes().all(|digit| digit.is_ascii_digit()) {
            return Err(malformed());
        }
        let prefix = prefix.parse().map_err(|_| malformed())?;
        StaticAddress::new(address, prefix, gateway).map(Self::Static)
    }
}

impl TryFrom<String> for AddressSetting {
    type Error = AddressSettingError;

    fn try_from(text: String) -> Result<Self, AddressSettingError> {
        text.parse()
    }
}

impl From<AddressSetting> for String {
    fn from(setting: AddressSetting) -> Self {
        setting.to_string()
    }
}

impl fmt::Display for AddressSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dhcp => f.pad("dhcp"),
            Self::Static(address) => address.fmt(f),
        }
    }
}

impl fmt::Display for StaticAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)?;
        match self.gateway {
            Some(gateway) => write!(f, ",gw={gateway}"),
            None => Ok(()),
        }
    }
}

impl Coded for AddressSettingError {
    fn code(&self) -> &'static str {
        Code::AddressInvalid.as_str()
    }

    fn kind(&self) -> ErrorKind {
        ErrorKind::Invalid
    }

    fn remedy(&self) -> Option<String> {
        Some(Code::AddressInvalid.fix().into())
    }
}

fn bits(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

/// The address as a number, left-aligned in 128 bits, so that both kinds are looked at alike.
fn aligned(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()) << 96,
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// What the address is, where it is not one machine's.
fn no_machines(address: IpAddr, prefix: u8) -> Option<&'static str> {
    let special = match address {
        IpAddr::V4(v4) if v4.is_broadcast() => Some("that of all machines"),
        IpAddr::V4(v4) if v4.octets()[0] == 0 => Some("in 0.0.0.0/8, which means no machine"),
        IpAddr::V4(v4) if v4.octets()[0] >= 240 => Some("reserved"),
        IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some() => Some("an IPv4 address in disguise"),
        _ if address.is_unspecified() => Some("no address"),
        _ if address.is_loopback() => Some("a machine's own, inside of it"),
        _ if address.is_multicast() => Some("that of a group"),
        _ => None,
    };
    if special.is_some() {
        return special;
    }
    // A network of one or two addresses has none for itself (RFC 3021, RFC 6164).
    let host_bits = bits(address) - prefix;
    if host_bits < 2 {
        return None;
    }
    let mask = !0_u128 >> (128 - u32::from(host_bits));
    let host = (aligned(address) >> (128 - u32::from(bits(address)))) & mask;
    match address {
        _ if host == 0 => Some("that of the network itself"),
        IpAddr::V4(_) if host == mask => Some("that of all machines of the network"),
        _ => None,
    }
}

/// What is wrong with the gateway, where something is.
fn no_gateway(gateway: IpAddr, address: IpAddr, prefix: u8) -> Option<String> {
    if gateway.is_ipv4() != address.is_ipv4() {
        return Some("of the other kind of addresses".into());
    }
    if gateway == address {
        return Some("the address of the machine itself".into());
    }
    // The routers of an IPv6 network mostly say such an address (RFC 4861, section 4.2).
    if matches!(gateway, IpAddr::V6(v6) if v6.is_unicast_link_local()) {
        return None;
    }
    let differs = (aligned(gateway) ^ aligned(address)) >> (128 - u32::from(prefix)) != 0;
    if differs {
        return Some(format!("not in the network of {address}/{prefix}"));
    }
    // An IPv6 network's own address is any of its routers' (RFC 4291, section 2.6.1).
    let mask = (!0_u128).checked_shr(prefix.into()).unwrap_or(0);
    let is_any_router = gateway.is_ipv6() && aligned(gateway) & mask == 0;
    no_machines(gateway, prefix)
        .filter(|_| !is_any_router)
        .map(|why| format!("not the address of a machine: it is {why}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_of_machines_are_taken() {
        for good in [
            "dhcp",
            "192.0.2.10/24",
            "192.0.2.10/24,gw=192.0.2.1",
            "192.0.2.255/16,gw=192.0.3.0",
            "192.0.2.0/31,gw=192.0.2.1",
            "192.0.2.1/32",
            "10.0.0.1/8,gw=10.255.255.254",
            "169.254.7.7/16",
            "2001:db8::10/64,gw=2001:db8::1",
            "2001:db8::10/64,gw=2001:db8::",
            "2001:db8::10/64,gw=fe80::1",
            "2001:db8::ffff:ffff:ffff:ffff/64",
            "2001:db8::/127",
            "fd00::1/128",
        ] {
            assert_eq!(good.parse::<AddressSetting>().unwrap().to_string(), good);
        }
    }

    #[test]
    fn what_no_machine_can_have_is_refused_with_the_reason() {
        for (bad, why) in [
            ("192.0.2.0/24", "that of the network itself"),
            ("192.0.2.255/24", "that of all machines of the network"),
            ("10.255.255.255/8", "that of all machines of the network"),
            ("255.255.255.255/32", "that of all machines"),
            ("127.0.0.1/8", "inside of it"),
            ("224.0.0.5/24", "of a group"),
            ("0.0.0.1/8", "means no machine"),
            ("240.0.0.1/8", "reserved"),
            ("192.0.2.10/0", "prefix of 0 bits"),
            ("192.0.2.10/33", "prefix of 33 bits"),
            ("2001:db8::/64", "that of the network itself"),
            ("2001:db8::1/129", "prefix of 129 bits"),
            ("::1/128", "inside of it"),
            ("::/64", "no address"),
            ("ff02::1/64", "of a group"),
            ("::ffff:192.0.2.1/96", "in disguise"),
            ("192.0.2.10/24,gw=192.0.3.1", "not in the network"),
            ("192.0.2.10/24,gw=192.0.2.10", "of the machine itself"),
            ("192.0.2.10/24,gw=192.0.2.0", "that of the network itself"),
            ("192.0.2.10/24,gw=192.0.2.255", "that of all machines"),
            ("192.0.2.10/24,gw=2001:db8::1", "other kind"),
            ("192.0.2.1/32,gw=192.0.2.2", "not in the network"),
            ("fd00::1/128,gw=fd00::2", "not in the network"),
            ("2001:db8::10/64,gw=2001:db8:0:1::1", "not in the network"),
        ] {
            let error = bad.parse::<AddressSetting>().unwrap_err();
            assert!(error.to_string().contains(why), "{bad}: {error}");
            assert_eq!(error.code(), "vm.address-invalid");
        }
        for malformed in [
            "",
            "DHCP",
            "dhcp6",
            "dhcp,gw=192.0.2.1",
            "192.0.2.10",
            "192.0.2.10/",
            "192.0.2.10/+24",
            "192.0.2.10/256",
            "192.0.2.10/24,192.0.2.1",
            "192.0.2.10/24,gw=",
            "192.0.2.10/24,gw=192.0.2.1/24",
            "192.0.2.10/24,gw=192.0.2.1,gw=192.0.2.2",
            " 192.0.2.10/24",
            "192.0.02.10/24",
            "fe80::1%eth0/64",
        ] {
            let error = malformed.parse::<AddressSetting>().unwrap_err();
            let wanted = AddressSettingError::Malformed(malformed.to_owned());
            assert_eq!(error, wanted);
        }
    }

    proptest! {
        #[test]
        fn any_address_is_judged(four in any::<u32>(), six in any::<u128>(), prefix in any::<u8>(), other in any::<u128>()) {
            let both = [
                (IpAddr::from(std::net::Ipv4Addr::from_bits(four)), IpAddr::from(std::net::Ipv4Addr::from_bits(other as u32))),
                (IpAddr::from(std::net::Ipv6Addr::from_bits(six)), IpAddr::from(std::net::Ipv6Addr::from_bits(other))),
            ];
            for (address, gateway) in both {
                for gateway in [None, Some(gateway), Some(address)] {
                    if let Ok(setting) = StaticAddress::new(address, prefix, gateway) {
                        let text = AddressSetting::Static(setting).to_string();
                        prop_assert_eq!(text.parse(), Ok(AddressSetting::Static(setting)));
                        prop_assert!(prefix > 0 && gateway != Some(address));
                    }
                }
            }
        }

        #[test]
        fn no_text_breaks_the_reading(text in any::<String>()) {
            let _ = text.parse::<AddressSetting>();
        }
    }
}
