//! Where smbd of this machine listens, as the administrator's configuration says.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::deadline::Deadline;
use crate::host::{CommandError, Host};
use crate::probe::{SMB_PORT, address_for_probe, interfaces};
use crate::smbconf::globals::Globals;

/// The address and port at which this machine reaches its own smbd.
///
/// # Errors
/// Where the machine's addresses matter and cannot be listed.
pub fn smb_endpoint(
    host: &dyn Host,
    globals: &Globals,
    deadline: Deadline,
) -> Result<SocketAddr, CommandError> {
    let bound = globals.flag("bind interfaces only").unwrap_or(false);
    let present = if bound {
        interfaces(host, deadline)?
    } else {
        Vec::new()
    };
    let parameter = globals.text("interfaces").unwrap_or_default();
    let address =
        address_for_probe(&parameter, bound, &present).unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
    Ok(SocketAddr::new(address, port_of(globals)))
}

/// The port to use of those in smb.conf(5), `smb ports`: 445 where it is among them.
fn port_of(globals: &Globals) -> u16 {
    let text = globals.text("smb ports").unwrap_or_default();
    let ports: Vec<u16> = text
        .split([' ', ',', '\t'])
        .filter_map(|port| port.parse().ok())
        .filter(|&port| port != 0)
        .collect();
    match ports.first() {
        Some(&first) if !ports.contains(&SMB_PORT) => first,
        _ => SMB_PORT,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smbconf::globals::explicit_globals;

    #[test]
    fn the_port_is_445_unless_smbd_is_told_otherwise() {
        let port = |text: &str| port_of(&explicit_globals(text.as_bytes()));
        assert_eq!(port(""), 445);
        assert_eq!(port("smb ports = 139 445"), 445);
        assert_eq!(port("smb ports = 1445, 1139"), 1445);
        assert_eq!(port("smb ports = none"), 445);
    }
}
