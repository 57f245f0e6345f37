//! The addresses that the interfaces of a host really have, read without a process.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv6Addr};
use std::path::Path;

use smbgw_core::host::{FileError, Host};

/// The addresses of the first process's network, which is that of the host (proc(5)).
const IPV4: &str = "/proc/1/net/fib_trie";
const IPV6: &str = "/proc/1/net/if_inet6";

/// All addresses of the host.
pub(super) fn addresses(host: &dyn Host) -> Result<BTreeSet<IpAddr>, FileError> {
    let read = |path: &str| -> Result<String, FileError> {
        let content = host.read(Path::new(path))?.unwrap_or_default();
        Ok(String::from_utf8_lossy(&content).into_owned())
    };
    let mut addresses = parse_ipv4(&read(IPV4)?);
    // It is not there where IPv6 is switched off.
    addresses.extend(parse_ipv6(&read(IPV6)?));
    Ok(addresses)
}

/// Reads the kernel's routes: an address is followed by a line that says what it is, and the host's own
/// ones are `/32 host LOCAL`.
fn parse_ipv4(routes: &str) -> BTreeSet<IpAddr> {
    let mut last: Option<IpAddr> = None;
    let mut found = BTreeSet::new();
    for line in routes.lines().map(str::trim) {
        if let Some(address) = line.strip_prefix("|-- ") {
            last = address.parse().ok();
        } else if line == "/32 host LOCAL" {
            found.extend(last);
        }
    }
    found
}

/// Reads lines that begin with an address of 32 hexadecimal digits.
fn parse_ipv6(interfaces: &str) -> impl Iterator<Item = IpAddr> {
    interfaces.lines().filter_map(|line| {
        let digits = line
            .split_whitespace()
            .next()
            .filter(|word| word.len() == 32)?;
        let bits = u128::from_str_radix(digits, 16).ok()?;
        Some(Ipv6Addr::from_bits(bits).into())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_addresses_are_told_from_routes() {
        let routes = "\
Local:
  +-- 10.99.0.0/24 2 0 1
     |-- 10.99.0.0
        /24 link UNICAST
     |-- 10.99.0.31
        /32 host LOCAL
     |-- 10.99.0.255
        /32 link BROADCAST
";
        let own: IpAddr = "10.99.0.31".parse().unwrap();
        assert_eq!(parse_ipv4(routes), BTreeSet::from([own]));
    }

    #[test]
    fn addresses_of_ipv6_are_read() {
        let interfaces = "fd000000000000000000000000000001 02 40 00 80     eth0\nshort\n\n";
        let found: Vec<IpAddr> = parse_ipv6(interfaces).collect();
        assert_eq!(found, ["fd00::1".parse::<IpAddr>().unwrap()]);
    }
}
