//! The addresses of the machine that this process is on.

use std::net::IpAddr;

use nix::ifaddrs::getifaddrs;
use nix::sys::socket::SockaddrStorage;

/// Whether an interface of this machine has the address.
pub(crate) fn is_own(address: IpAddr) -> bool {
    // Without an answer it is some machine by the network, which is right for this one, too.
    getifaddrs()
        .is_ok_and(|mut all| all.any(|entry| entry.address.as_ref().and_then(ip) == Some(address)))
}

/// The address in an entry, where it is one of IP.
pub(crate) fn ip(address: &SockaddrStorage) -> Option<IpAddr> {
    let v4 = address.as_sockaddr_in().map(|address| address.ip().into());
    v4.or_else(|| address.as_sockaddr_in6().map(|address| address.ip().into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_machine_has_the_loopback_and_not_those_of_examples() {
        assert!(is_own(IpAddr::from([127, 0, 0, 1])));
        // RFC 5737.
        assert!(!is_own(IpAddr::from([198, 51, 100, 77])));
    }
}
