//! The addresses under which clients reach a host: those of the interface on the way to the domain.

use std::net::IpAddr;

use serde::Deserialize;
use smbgw_core::deadline::Deadline;
use smbgw_core::error::{ErrorKind, Problem};
use smbgw_core::host::{Command, CommandError, Host};

use super::{Existing, JoinSpec};
use crate::code::Code;
use crate::dns::Name;
use crate::gateway::Gateway;
use crate::join_error::JoinError;
use crate::session::Session;

/// The addresses to register, if any are; a problem where there are none, or the DNS has no zone for
/// the host's name.
pub(super) fn to_register(
    gateway: &Gateway<'_>,
    spec: &JoinSpec,
    session: &Session,
    problems: &mut Vec<Problem>,
) -> Result<Vec<IpAddr>, JoinError> {
    if !spec.dns {
        return Ok(Vec::new());
    }
    let controller = session.discovery().controller.address;
    let addresses = match spec.addresses.is_empty() {
        true => of_host(gateway.host, controller, gateway.deadline)?,
        false => spec.addresses.clone(),
    };
    if addresses.is_empty() {
        let error = JoinError::NoAddress;
        problems.push(Problem::from_error("addresses", &error));
        return Ok(addresses);
    }
    let name = Name::from(&spec.host_name);
    let zone = gateway.resolve(|resolver| Ok(resolver.zone(&name, gateway.deadline)?))?;
    if zone.is_none() {
        problems.push(
            Problem::invalid(
                "host-name",
                Code::DnsUpdateFailed.as_str(),
                format!("the DNS has no zone for `{}`", spec.host_name),
            )
            .remedy("make the zone, or leave the DNS alone with --no-dns"),
        );
        return Ok(addresses);
    }
    problems.extend(taken(gateway, spec, &addresses)?);
    Ok(addresses)
}

/// A problem where the DNS has the name for somebody else. Where an account is to be taken over, its
/// record is, too.
fn taken(
    gateway: &Gateway<'_>,
    spec: &JoinSpec,
    addresses: &[IpAddr],
) -> Result<Option<Problem>, JoinError> {
    if spec.existing != Existing::Refuse {
        return Ok(None);
    }
    let mut others = gateway.resolve(|resolver| {
        Ok(resolver.registered_addresses(&spec.host_name, gateway.deadline)?)
    })?;
    others.retain(|address| !addresses.contains(address));
    if others.is_empty() {
        return Ok(None);
    }
    let others: Vec<String> = others.iter().map(ToString::to_string).collect();
    let message = format!(
        "the DNS has `{}` with {} already",
        spec.host_name,
        others.join(", ")
    );
    Ok(Some(
        Problem::invalid("host-name", Code::DnsNameTaken.as_str(), message)
            .kind(ErrorKind::Conflict)
            .remedy(Code::DnsNameTaken.fix()),
    ))
}

/// Those of the interface by which `controller` is reached; an address that comes and goes, such as a
/// virtual one of a cluster, is a further one of its network and left out.
fn of_host(
    host: &dyn Host,
    controller: IpAddr,
    deadline: Deadline,
) -> Result<Vec<IpAddr>, CommandError> {
    let ask = Command::new("ip")
        .args(["-json", "route", "get"])
        .arg(controller.to_string());
    let output = host.run(&ask, deadline)?;
    let Some(interface) = outgoing(&output.stdout) else {
        return Ok(Vec::new());
    };
    let ask = Command::new("ip")
        .args(["-json", "address", "show", "dev", &interface])
        .args(["scope", "global", "primary"])
        .args(["-deprecated", "-dadfailed", "-tentative"]);
    let output = host.run(&ask, deadline)?;
    Ok(global(&output.stdout))
}

/// The interface in what `ip -json route get` prints.
fn outgoing(json: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Route {
        dev: String,
    }
    let routes: Vec<Route> = serde_json::from_slice(json).ok()?;
    routes.into_iter().next().map(|route| route.dev)
}

/// The addresses in what `ip -json address show` prints.
fn global(json: &[u8]) -> Vec<IpAddr> {
    #[derive(Deserialize)]
    struct Link {
        #[serde(default)]
        addr_info: Vec<Address>,
    }
    #[derive(Deserialize)]
    struct Address {
        local: Option<IpAddr>,
    }
    let links: Vec<Link> = serde_json::from_slice(json).unwrap_or_default();
    links
        .into_iter()
        .flat_map(|link| link.addr_info)
        .filter_map(|address| address.local)
        .filter(|address| !address.is_loopback())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ip_prints_is_read() {
        let route = br#"[{"dst":"10.1.0.2","dev":"eth0","prefsrc":"10.1.0.7","flags":[]}]"#;
        assert_eq!(outgoing(route).as_deref(), Some("eth0"));
        assert_eq!(outgoing(b""), None);
        let addresses = br#"[{},{"ifname":"eth0","addr_info":[{"family":"inet","local":"10.1.0.7"},
            {"family":"inet6","local":"fd00::7","prefixlen":64}]}]"#;
        let expected: [IpAddr; 2] = ["10.1.0.7".parse().unwrap(), "fd00::7".parse().unwrap()];
        assert_eq!(global(addresses), expected);
    }
}
