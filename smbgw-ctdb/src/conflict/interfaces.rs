//! What interfaces a machine has, and with which addresses: read by ip-address(8).

use std::net::IpAddr;

use serde::Deserialize;
use smbgw_core::deadline::Deadline;
use smbgw_core::error::{Coded, ErrorKind};
use smbgw_core::host::{Command, CommandError, Host};

use super::Mac;
use crate::address::{InterfaceName, Subnet};

/// An interface of a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeInterface {
    /// Its name.
    pub name: InterfaceName,
    /// Its adapter, where it has one on an Ethernet.
    pub mac: Option<Mac>,
    /// Whether it is up and has a link.
    pub has_link: bool,
    /// Its addresses with their networks, the virtual ones that it has at the moment among them.
    pub addresses: Vec<(IpAddr, Subnet)>,
}

/// The interfaces of a machine cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InterfaceError {
    /// The command failed.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// It printed something else than it is known to.
    #[error("`ip -json address` printed something unexpected")]
    Unexpected(#[source] serde_json::Error),
}

/// The interfaces of `host`.
///
/// # Errors
/// Where they cannot be read.
pub fn interfaces(
    host: &dyn Host,
    deadline: Deadline,
) -> Result<Vec<NodeInterface>, InterfaceError> {
    let command = Command::new("ip").args(["-json", "address", "show"]);
    let output = host.run(&command, deadline)?;
    parse(&output.stdout).map_err(InterfaceError::Unexpected)
}

impl Coded for InterfaceError {
    fn code(&self) -> &'static str {
        match self {
            Self::Command(error) => error.code(),
            Self::Unexpected(_) => "host.command-output-unexpected",
        }
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::Command(error) => error.kind(),
            Self::Unexpected(_) => ErrorKind::Failed,
        }
    }

    fn remedy(&self) -> Option<String> {
        match self {
            Self::Command(error) => error.remedy(),
            Self::Unexpected(_) => None,
        }
    }
}

/// What `ip` prints of an interface; it prints more.
#[derive(Deserialize)]
struct Link {
    // Empty for one that vanished while it was listed.
    ifname: Option<String>,
    link_type: Option<String>,
    address: Option<String>,
    #[serde(default)]
    flags: Vec<String>,
    #[serde(default)]
    addr_info: Vec<Address>,
}

#[derive(Deserialize)]
struct Address {
    local: Option<IpAddr>,
    #[serde(default)]
    prefixlen: u8,
}

fn parse(text: &[u8]) -> Result<Vec<NodeInterface>, serde_json::Error> {
    let links: Vec<Link> = serde_json::from_slice(text)?;
    let read = |link: Link| {
        let is_ethernet = link.link_type.as_deref() == Some("ether");
        let mac = link.address.filter(|_| is_ethernet);
        let has = |flag: &str| link.flags.iter().any(|found| found == flag);
        let network = |info: &Address| {
            let address = info.local?;
            Some((address, Subnet::of(address, info.prefixlen)?))
        };
        Some(NodeInterface {
            // Those whose names ctdb cannot have are of no use.
            name: link.ifname?.parse().ok()?,
            mac: mac.and_then(|mac| mac.parse().ok()),
            has_link: has("UP") && has("LOWER_UP"),
            addresses: link.addr_info.iter().filter_map(network).collect(),
        })
    };
    Ok(links.into_iter().filter_map(read).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As iproute2 6.1 printed it, shortened.
    const PRINTED: &str = r#"[{"ifindex":1,"ifname":"lo","flags":["LOOPBACK","UP","LOWER_UP"],"mtu":65536,
        "link_type":"loopback","address":"00:00:00:00:00:00","addr_info":[
        {"family":"inet","local":"127.0.0.1","prefixlen":8,"scope":"host","label":"lo"}]},
        {"ifindex":2,"link":null,"ifname":"eth0","flags":["NO-CARRIER","BROADCAST","MULTICAST","UP"],
        "operstate":"DOWN","link_type":"ether","address":"02:fc:00:00:00:01","addr_info":[
        {"family":"inet","local":"10.99.0.31","prefixlen":24,"broadcast":"10.99.0.255"},
        {"family":"inet6","local":"fd99::31","prefixlen":64,"nodad":true}]},{}]"#;

    #[test]
    fn interfaces_are_read() {
        let found = parse(PRINTED.as_bytes()).unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].mac, found[0].has_link), (None, true));
        let eth0 = &found[1];
        assert_eq!(eth0.mac, Some(Mac([2, 0xfc, 0, 0, 0, 1])));
        assert!(!eth0.has_link);
        let addresses: Vec<_> = eth0
            .addresses
            .iter()
            .map(|(_, net)| net.to_string())
            .collect();
        assert_eq!(addresses, ["10.99.0.0/24", "fd99::/64"]);
        assert!(parse(b"{}").is_err());
    }
}
