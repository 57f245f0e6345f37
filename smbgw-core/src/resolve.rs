//! Addresses of a server, within a deadline.

use std::net::{IpAddr, SocketAddr};

use crate::deadline::Deadline;
use crate::error::chain_text;
use crate::host::{Command, Host};

/// As many addresses of one server as are tried.
const MOST_ADDRESSES: usize = 8;

/// The addresses of `name`, in the order the system prefers; never none.
///
/// The system's resolver may take as long as it likes, so it runs in `getent`, which is stopped at
/// the deadline, and not in a thread, which could not be.
pub(crate) fn resolve(
    host: &dyn Host,
    name: &str,
    port: u16,
    deadline: Deadline,
) -> Result<Vec<SocketAddr>, String> {
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    if let Ok(address) = bare.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    // 2: "one or more supplied key could not be found" (getent(1)).
    let command = Command::new("getent")
        .args(["ahosts", "--", bare])
        .accept(&[2])
        .timeout(deadline.remaining());
    let output = host.run(&command, deadline).map_err(|error| {
        format!(
            "the address of `{bare}` was not found: {}",
            chain_text(&error)
        )
    })?;
    match addresses(&output.text(), port) {
        found if found.is_empty() => Err(format!("no address of `{bare}` is known")),
        found => Ok(found),
    }
}

/// The addresses in what `getent ahosts` prints: each is there once for every kind of socket.
fn addresses(text: &str, port: u16) -> Vec<SocketAddr> {
    let mut found = Vec::new();
    for line in text.lines() {
        let address = line.split_whitespace().next().map(str::parse::<IpAddr>);
        if let Some(Ok(address)) = address {
            let address = SocketAddr::new(address, port);
            if !found.contains(&address) && found.len() < MOST_ADDRESSES {
                found.push(address);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_once_each() {
        let text = "2001:db8::1     STREAM mail.example.org\n2001:db8::1     DGRAM  \n\
            2001:db8::1     RAW    \n192.0.2.1       STREAM \n192.0.2.1       DGRAM  \n";
        assert_eq!(
            addresses(text, 25),
            [
                "[2001:db8::1]:25".parse().unwrap(),
                "192.0.2.1:25".parse().unwrap()
            ]
        );
        // A link-local one with its interface, which an address alone does not hold.
        assert_eq!(addresses("fe80::1%eth0 STREAM x\n", 25), []);
    }

    #[test]
    fn names_and_numbers_are_resolved() {
        let host = crate::host::LocalHost::new();
        let soon = Deadline::after(std::time::Duration::from_secs(60));
        assert_eq!(
            resolve(&host, "[::1]", 25, soon).unwrap(),
            ["[::1]:25".parse().unwrap()]
        );
        let found = resolve(&host, "localhost", 25, soon).unwrap();
        assert!(found.iter().all(|address| address.ip().is_loopback()));
        let error = resolve(&host, "nothing.invalid", 25, soon).unwrap_err();
        assert!(error.contains("`nothing.invalid`"), "{error}");
    }
}
