//! The network interfaces that a guest says it has.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A network interface as a guest sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GuestInterface {
    /// Its name in the guest.
    pub name: String,
    /// Its address on the link, as the guest tells it.
    pub mac: Option<String>,
    /// Its addresses, those of the host itself and of the link left out.
    pub addresses: Vec<IpAddr>,
}

/// The interfaces in the answer to `guest-network-get-interfaces` (QEMU's guest agent protocol reference), with those
/// that nobody else can reach left out; nothing where it is no list.
pub(crate) fn interfaces_in(told: &Value) -> Option<Vec<GuestInterface>> {
    let interface = |entry: &Value| {
        let text = |name: &str| entry.get(name).and_then(Value::as_str);
        let addresses = entry.get("ip-addresses").and_then(Value::as_array);
        let address = |entry: &Value| entry.get("ip-address")?.as_str()?.parse().ok();
        let addresses = addresses.into_iter().flatten().filter_map(address);
        Some(GuestInterface {
            name: text("name")?.to_owned(),
            mac: text("hardware-address").map(str::to_owned),
            addresses: addresses.filter(is_reachable).collect(),
        })
    };
    let is_other = |interface: &GuestInterface| interface.name != "lo";
    let all = told.as_array()?.iter().filter_map(interface);
    Some(all.filter(is_other).collect())
}

/// Whether others can reach the address: it is none of the host itself, and not one of its link alone.
pub(crate) fn is_reachable(address: &IpAddr) -> bool {
    let of_link = match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    !of_link && !address.is_loopback() && !address.is_unspecified()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn interfaces_are_read_as_qm_prints_them() {
        let printed = br#"[
   {
      "hardware-address" : "00:00:00:00:00:00",
      "ip-addresses" : [
         { "ip-address" : "127.0.0.1", "ip-address-type" : "ipv4", "prefix" : 8 },
         { "ip-address" : "::1", "ip-address-type" : "ipv6", "prefix" : 128 }
      ],
      "name" : "lo"
   },
   {
      "hardware-address" : "bc:24:11:2e:c1:12",
      "ip-addresses" : [
         { "ip-address" : "192.0.2.10", "ip-address-type" : "ipv4", "prefix" : 24 },
         { "ip-address" : "169.254.3.4", "ip-address-type" : "ipv4", "prefix" : 16 },
         { "ip-address" : "2001:db8::5", "ip-address-type" : "ipv6", "prefix" : 64 },
         { "ip-address" : "fe80::be24:11ff:fe2e:c112", "ip-address-type" : "ipv6", "prefix" : 64 }
      ],
      "name" : "eth0"
   },
   { "hardware-address" : "bc:24:11:2e:c1:13", "name" : "eth1" }
]"#;
        let interfaces = interfaces_in(&serde_json::from_slice(printed).unwrap()).unwrap();
        assert_eq!(interfaces.len(), 2);
        let texts: Vec<String> = interfaces[0]
            .addresses
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(texts, ["192.0.2.10", "2001:db8::5"]);
        assert_eq!(interfaces[0].mac.as_deref(), Some("bc:24:11:2e:c1:12"));
        assert_eq!(
            (interfaces[1].name.as_str(), interfaces[1].addresses.len()),
            ("eth1", 0)
        );
    }

    #[test]
    fn what_is_no_list_is_none() {
        assert_eq!(interfaces_in(&json!([])), Some(Vec::new()));
        for bad in [
            json!({}),
            json!("QEMU guest agent is not running"),
            json!(null),
        ] {
            assert_eq!(interfaces_in(&bad), None);
        }
    }
}
