//! What a host is set up to resolve names with: `/etc/resolv.conf` and `/etc/hosts`.

use std::net::{IpAddr, SocketAddr, SocketAddrV6};

use crate::name::HostName;

/// What `resolv.conf` and `hosts` say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// The name servers, the first to be asked first.
    pub servers: Vec<SocketAddr>,
    /// Names with an address of their own.
    pub hosts: Vec<(HostName, IpAddr)>,
}

/// So many name servers are used at most. The C library takes three.
const MOST_SERVERS: usize = 8;

/// So many names of `hosts` are kept at most.
const MOST_HOSTS: usize = 10_000;

/// Reads the content of `resolv.conf` and of `hosts`. Lines that say nothing of use are passed over,
/// as the C library does.
pub fn settings(resolv: &[u8], hosts: &[u8]) -> Settings {
    let mut found = Settings::default();
    for line in String::from_utf8_lossy(resolv).lines() {
        let mut words = line.split_ascii_whitespace();
        if words.next() == Some("nameserver")
            && let Some(server) = words.next().and_then(server)
            && !found.servers.contains(&server)
            && found.servers.len() < MOST_SERVERS
        {
            found.servers.push(server);
        }
    }
    for line in String::from_utf8_lossy(hosts).lines() {
        let line = line.split('#').next().unwrap_or_default();
        let mut words = line.split_ascii_whitespace();
        let Some(Ok(address)) = words.next().map(str::parse::<IpAddr>) else {
            continue;
        };
        for name in words {
            if let Ok(name) = name.parse()
                && found.hosts.len() < MOST_HOSTS
            {
                found.hosts.push((name, address));
            }
        }
    }
    found
}

/// An address of a name server, with `%eth0` after it where it is one of a link.
fn server(text: &str) -> Option<SocketAddr> {
    const PORT: u16 = 53;
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(SocketAddr::new(address, PORT));
    }
    let (address, link) = text.split_once('%')?;
    let index = match link.parse::<u32>() {
        Ok(index) => index,
        Err(_) => interface(link)?,
    };
    let address = address.parse().ok()?;
    Some(SocketAddrV6::new(address, PORT, 0, index).into())
}

fn interface(name: &str) -> Option<u32> {
    use rustix::net::{AddressFamily, SocketFlags, SocketType, netdevice, socket_with};
    let socket = socket_with(
        AddressFamily::INET,
        SocketType::DGRAM,
        SocketFlags::CLOEXEC,
        None,
    )
    .ok()?;
    netdevice::name_to_index(&socket, name).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_as_the_c_library_does() {
        let found = settings(
            b"# c\nsearch ad.test\nnameserver 10.0.0.1\nnameserver\tfd00::1 x\nnameserver nonsense\n\
              nameserver 10.0.0.1\nnameserver fe80::1%7\n;nameserver 1.1.1.1\noptions timeout:2\n\xff",
            b"127.0.0.1 localhost\n10.0.0.5 dc.ad.test dc # 10.0.0.6 no\nnonsense x\n",
        );
        let servers: Vec<String> = found.servers.iter().map(SocketAddr::to_string).collect();
        assert_eq!(servers, ["10.0.0.1:53", "[fd00::1]:53", "[fe80::1%7]:53"]);
        let hosts: Vec<String> = found
            .hosts
            .iter()
            .map(|(n, a)| format!("{n} {a}"))
            .collect();
        assert_eq!(
            hosts,
            ["localhost 127.0.0.1", "dc.ad.test 10.0.0.5", "dc 10.0.0.5"]
        );
    }
}
