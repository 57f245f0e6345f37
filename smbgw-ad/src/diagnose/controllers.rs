//! The domain controllers: which answer, which one to use, its site and its ports.

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use smbgw_core::deadline::Deadline;

use super::check::CheckName;
use super::request::DiagnoseRequest;
use super::run::{Found, Run};
use crate::code::Code;
use crate::discover::{Discovery, Options, Server, discover};
use crate::dns::Resolver;
use crate::join::NEEDED;
use crate::name::HostName;

/// The controller that is looked at more closely.
pub(super) struct Chosen {
    /// Its name, where that is known.
    pub(super) host: Option<HostName>,
    /// Its address.
    pub(super) address: IpAddr,
    /// What it says of itself and its domain, where it has answered.
    pub(super) discovery: Option<Discovery>,
}

impl Chosen {
    /// Where it listens on `port`.
    pub(super) fn socket(&self, port: u16) -> SocketAddr {
        SocketAddr::new(self.address, port)
    }

    /// What to call it.
    pub(super) fn shown(&self) -> String {
        match &self.host {
            Some(host) => host.to_string(),
            None => self.address.to_string(),
        }
    }
}

/// Asks all controllers who they are, and chooses one: the nearest that answers, else the first that has an
/// address, as only datagrams may be kept from it.
pub(super) fn choose(
    run: &mut Run,
    request: &DiagnoseRequest,
    resolver: &Resolver,
    known: &[(HostName, IpAddr)],
) -> Option<Chosen> {
    let options = Options {
        servers: request.server.iter().cloned().collect(),
        writable: false,
        all: true,
        patience: PATIENCE,
        ..Options::default()
    };
    let of = request.server.as_ref().map(ToString::to_string);
    let found = run.check(CheckName::Netlogon, of, |deadline| {
        match discover(&request.domain, resolver, &options, deadline) {
            Ok(found) => (Found::Good(introduced(&found)), Some(found)),
            Err(error) => (Found::failed(&error), None),
        }
    });
    if let Some(found) = found {
        for tried in &found.passed_over {
            let of = tried.host.as_ref().map(ToString::to_string);
            run.note(
                CheckName::Netlogon,
                of.or(tried.address.map(|address| address.to_string())),
                Duration::ZERO,
                Found::odd(Code::NoController, tried.to_string()),
            );
        }
        return Some(Chosen {
            host: Some(found.controller.host.clone()),
            address: found.controller.address,
            discovery: Some(found),
        });
    }
    let given = match &request.server {
        Some(Server::Address(address)) => Some((None, *address)),
        Some(Server::Name(host)) => {
            let addresses = resolver.addresses(host, run.deadline()).unwrap_or_default();
            addresses
                .first()
                .map(|address| (Some(host.clone()), *address))
        }
        None => known
            .first()
            .map(|(host, address)| (Some(host.clone()), *address)),
    };
    given.map(|(host, address)| Chosen {
        host,
        address,
        discovery: None,
    })
}

fn introduced(found: &Discovery) -> String {
    let controller = &found.controller;
    let others = match found.others.len() {
        0 => String::new(),
        count => format!(", and {count} more"),
    };
    format!(
        "{} ({}) answered for {} in {:.1} ms{others}",
        controller.host,
        controller.address,
        found.domain.netbios,
        controller.round_trip.as_secs_f64() * 1000.0
    )
}

/// Which site this machine is in, and whether the controller is there.
pub(super) fn site(run: &mut Run, chosen: Option<&Chosen>) {
    let Some(found) = chosen.and_then(|chosen| chosen.discovery.as_ref()) else {
        return run.skip(CheckName::Site, CheckName::Netlogon);
    };
    let verdict = match (&found.client_site, &found.controller.site) {
        (None, _) => Found::odd(
            Code::SiteUnknown,
            "the directory knows no site for the address of this machine",
        ),
        (Some(own), Some(other)) if own != other => Found::Good(format!(
            "{own}; the nearest controller that answers is in {other}"
        )),
        (Some(own), _) => Found::Good(own.to_string()),
    };
    run.note(CheckName::Site, None, Duration::ZERO, verdict);
}

/// Which ports of the controller take connections; those that do. All are tried at the same time.
pub(super) fn ports(run: &mut Run, chosen: Option<&Chosen>) -> Vec<u16> {
    let Some(chosen) = chosen else {
        run.skip(CheckName::Port, CheckName::Netlogon);
        return Vec::new();
    };
    let needed = NEEDED.iter().map(|(port, what)| (*port, *what, true));
    let others = FURTHER.iter().map(|(port, what)| (*port, *what, false));
    let all: Vec<(u16, &str, bool)> = needed.chain(others).collect();
    let deadline = run.deadline();
    let tried: Vec<(Duration, Result<(), String>)> = std::thread::scope(|scope| {
        let threads: Vec<_> = all
            .iter()
            .map(|(port, ..)| {
                let socket = chosen.socket(*port);
                scope.spawn(move || {
                    let began = Instant::now();
                    let reached = reach(socket, deadline);
                    (began.elapsed(), reached)
                })
            })
            .collect();
        let lost = || (Duration::ZERO, Err("it could not be tried".into()));
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|_| lost()))
            .collect()
    });
    let mut open = Vec::new();
    for ((port, what, is_needed), (took, reached)) in all.into_iter().zip(tried) {
        let found = match reached {
            Ok(()) => {
                open.push(port);
                Found::Good("it takes connections".into())
            }
            Err(why) => {
                let message = format!("{} cannot be reached: {why}", chosen.socket(port));
                let found = Found::bad(Code::PortClosed, message);
                if is_needed { found } else { found.not_needed() }
            }
        };
        run.note(
            CheckName::Port,
            Some(format!("{port} ({what})")),
            took,
            found,
        );
    }
    open
}

fn reach(socket: SocketAddr, deadline: Deadline) -> Result<(), String> {
    let time = deadline.at_most(PATIENCE).remaining();
    if time.is_zero() {
        return Err("there was no time left to try".into());
    }
    match TcpStream::connect_timeout(&socket, time) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::TimedOut => Err("there is no answer".into()),
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
            Err("nothing listens there".into())
        }
        Err(error) => Err(error.to_string()),
    }
}

/// Ports that a member can do without.
const FURTHER: [(u16, &str); 2] = [(636, "LDAP over TLS"), (3268, "global catalog")];

/// A controller that is near answers in milliseconds.
const PATIENCE: Duration = Duration::from_secs(2);
