//! What the DNS says of a domain.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::check::CheckName;
use super::run::{Found, Run};
use crate::code::Code;
use crate::dns::{DnsError, Kind, Name, Resolver, services};
use crate::name::{DomainName, HostName};

/// Whether each name server answers, and knows the domain; whether any answers.
pub(super) fn servers(run: &mut Run, domain: &DomainName, resolver: &Resolver) -> bool {
    let mut answers = false;
    for server in resolver.servers() {
        let of = Some(shown(*server));
        answers |= run.check(CheckName::DnsServer, of, |deadline| {
            let one = Resolver::with_servers([*server]).patience(STEP, LAST);
            let answer = one.lookup(&Name::from(domain), Kind::SOA, deadline);
            let is_there = !matches!(
                answer,
                Err(DnsError::Silent { .. } | DnsError::Local { .. })
            );
            let found = match answer {
                Ok(answer) if answer.exists => Found::Good(format!("it knows {domain}")),
                Ok(_) => Found::bad(
                    Code::DomainUnknown,
                    format!("it answers, and knows no domain {domain}"),
                ),
                Err(error) => Found::failed(&error),
            };
            (found, is_there)
        });
    }
    run.one_is_enough(CheckName::DnsServer, Code::DnsSilent);
    answers
}

/// The controllers that the service records name.
pub(super) fn service_records(
    run: &mut Run,
    domain: &DomainName,
    resolver: &Resolver,
) -> Vec<HostName> {
    let mut hosts: Vec<HostName> = Vec::new();
    for (labels, is_needed) in RECORDS {
        let Some(name) = Name::from(domain).below(labels.split('.')) else {
            continue;
        };
        let of = Some(name.to_string());
        let found = run.check(CheckName::ServiceRecords, of, |deadline| {
            match resolver.lookup(&name, Kind::SRV, deadline) {
                Ok(answer) => {
                    let found = services(&answer.records);
                    (
                        judged(
                            domain,
                            &found
                                .iter()
                                .map(|one| format!("{}:{}", one.host, one.port))
                                .collect::<Vec<_>>(),
                            is_needed,
                        ),
                        found,
                    )
                }
                Err(error) => (Found::failed(&error), Vec::new()),
            }
        });
        // The first ones name the controllers of the domain.
        if is_needed {
            for service in found {
                if !hosts.contains(&service.host) {
                    hosts.push(service.host);
                }
            }
        }
    }
    hosts.truncate(MOST);
    hosts
}

fn judged(domain: &DomainName, found: &[String], is_needed: bool) -> Found {
    let missing = || format!("there are no such records of {domain}");
    match found.is_empty() {
        false => Found::Good(found.join(", ")),
        true if is_needed => Found::bad(Code::DnsNoServiceRecords, missing()),
        true => Found::odd(Code::DnsNoServiceRecords, missing()),
    }
}

/// The addresses of the controllers.
pub(super) fn addresses(
    run: &mut Run,
    hosts: &[HostName],
    resolver: &Resolver,
) -> Vec<(HostName, IpAddr)> {
    let mut all = Vec::new();
    for host in hosts {
        let of = Some(host.to_string());
        let found = run.check(CheckName::Addresses, of, |deadline| {
            match resolver.addresses(host, deadline) {
                Ok(found) if found.is_empty() => {
                    let message = format!("{host} has no address in the DNS");
                    (Found::bad(Code::ControllerNoAddress, message), found)
                }
                Ok(found) => (Found::Good(listed(&found)), found),
                Err(error) => (Found::failed(&error), Vec::new()),
            }
        });
        all.extend(found.into_iter().map(|address| (host.clone(), address)));
    }
    run.one_is_enough(CheckName::Addresses, Code::ControllerNoAddress);
    all.truncate(MOST);
    all
}

/// Whether the addresses of the controllers lead back to their names.
pub(super) fn reverse(run: &mut Run, addresses: &[(HostName, IpAddr)], resolver: &Resolver) {
    for (host, address) in addresses {
        let of = Some(address.to_string());
        run.check(CheckName::Reverse, of, |deadline| {
            let found = match resolver.names(*address, deadline) {
                Ok(names) if names.contains(host) => Found::Good(host.to_string()),
                Ok(names) if names.is_empty() => Found::odd(
                    Code::DnsNoReverse,
                    format!("the DNS has no name for {address}, the address of {host}"),
                ),
                Ok(names) => {
                    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
                    Found::odd(
                        Code::DnsNoReverse,
                        format!("{address} is called {}, and not {host}", names.join(", ")),
                    )
                }
                // Zones of private addresses are refused by some servers.
                Err(error @ DnsError::Refused { .. }) => {
                    Found::odd(Code::DnsNoReverse, error.to_string())
                }
                Err(error) => Found::failed(&error).not_needed(),
            };
            (found, ())
        });
    }
}

fn shown(server: SocketAddr) -> String {
    match server.port() {
        53 => server.ip().to_string(),
        _ => server.to_string(),
    }
}

fn listed(addresses: &[IpAddr]) -> String {
    let texts: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    texts.join(", ")
}

/// Records that controllers register, and whether finding the domain needs them.
const RECORDS: [(&str, bool); 5] = [
    ("_ldap._tcp.dc._msdcs", true),
    ("_kerberos._tcp.dc._msdcs", false),
    ("_kerberos._tcp", false),
    ("_kerberos._udp", false),
    ("_kpasswd._udp", false),
];

/// How long to wait for a name server.
pub(super) const STEP: Duration = Duration::from_millis(700);
pub(super) const LAST: Duration = Duration::from_millis(1500);

/// So many controllers and addresses are looked at.
const MOST: usize = 16;
