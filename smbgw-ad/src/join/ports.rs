//! The ports of a domain controller that a member needs.

use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use smbgw_core::deadline::Deadline;

use crate::session::Session;

/// Each with what it is for.
pub const NEEDED: [(u16, &str); 5] = [
    (53, "DNS"),
    (88, "Kerberos"),
    (389, "LDAP"),
    (445, "SMB"),
    (464, "changes of passwords"),
];

/// Those that do not take connections, each with the reason.
pub(super) fn closed(session: &Session, deadline: Deadline) -> Vec<(u16, &'static str, String)> {
    NEEDED
        .iter()
        .filter_map(|(port, what)| {
            let address = session.socket(*port);
            reach(address, deadline)
                .err()
                .map(|why| (*port, *what, why))
        })
        .collect()
}

fn reach(address: SocketAddr, deadline: Deadline) -> Result<(), String> {
    let time = deadline.at_most(PATIENCE).remaining();
    if time.is_zero() {
        return Err("there was no time left to try".into());
    }
    TcpStream::connect_timeout(&address, time)
        .map(drop)
        .map_err(|error| error.to_string())
}

/// A controller that is near answers in milliseconds.
const PATIENCE: Duration = Duration::from_secs(3);
