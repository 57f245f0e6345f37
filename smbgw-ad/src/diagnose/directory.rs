//! What the directory offers, and in which ways it can be talked to.

use jiff::SignedDuration;

use super::check::CheckName;
use super::controllers::Chosen;
use super::run::{Found, Run};
use crate::clock::Clock;
use crate::code::Code;
use crate::krb::ticket::ServiceTicket;
use crate::ldap::{
    Connection, Fingerprint, LdapError, RootDse, Security, Server, TlsError, TlsStart, Trust,
};
use crate::name::HostName;

/// The port of LDAP.
const LDAP: u16 = 389;
/// The port of LDAP over TLS.
const LDAPS: u16 = 636;

/// Reads what the server tells everybody, and how far its clock is off by that.
pub(super) fn root(
    run: &mut Run,
    chosen: Option<&Chosen>,
    open: &[u16],
    clock: Clock,
) -> Option<(RootDse, Option<SignedDuration>)> {
    let Some(server) = server(run, CheckName::RootDse, chosen, open, LDAP) else {
        run.skip(CheckName::FunctionalLevel, CheckName::RootDse);
        return None;
    };
    let got = run.check(CheckName::RootDse, None, |deadline| {
        let read = || {
            let mut connection = Connection::open(&server, Security::Anonymous, deadline)?;
            RootDse::read(&mut connection, deadline)
        };
        match read() {
            Ok(Some(root)) => (mechanisms(&root), Some(root)),
            Ok(None) => {
                let message = format!(
                    "{} is no domain controller of Active Directory",
                    server.host
                );
                (Found::bad(Code::NotActiveDirectory, message), None)
            }
            Err(error) => (Found::failed(&error), None),
        }
    });
    match got {
        Some(root) => {
            level(run, &root);
            let skew = root.time.map(|time| time.duration_since(clock.now()));
            Some((root, skew))
        }
        None => {
            run.skip(CheckName::FunctionalLevel, CheckName::RootDse);
            None
        }
    }
}

fn mechanisms(root: &RootDse) -> Found {
    let offered = root.mechanisms.join(", ");
    match root.mechanisms.iter().any(|name| name == "GSSAPI") {
        true => Found::Good(format!("{}, logins by {offered}", root.domain)),
        false => Found::odd(
            Code::LdapMethodRefused,
            format!("it offers no login by Kerberos (GSSAPI), but {offered}"),
        ),
    }
}

fn level(run: &mut Run, root: &RootDse) {
    run.check(CheckName::FunctionalLevel, None, |_| {
        let text = |level: Option<i64>| level.map_or("unknown", name_of_level);
        let message = format!(
            "domain {}, forest {}, this controller {}",
            text(root.domain_level),
            text(root.forest_level),
            text(root.server_level)
        );
        let found = match root.domain_level {
            Some(level) if level < WINDOWS_2008 => Found::odd(Code::FunctionalLevelOld, message),
            _ => Found::Good(message),
        };
        (found, ())
    });
}

/// The names of functional levels (MS-ADTS 6.1.4.3).
fn name_of_level(level: i64) -> &'static str {
    match level {
        0 => "Windows 2000",
        1 => "Windows Server 2003 interim",
        2 => "Windows Server 2003",
        WINDOWS_2008 => "Windows Server 2008",
        4 => "Windows Server 2008 R2",
        5 => "Windows Server 2012",
        6 => "Windows Server 2012 R2",
        7 => "Windows Server 2016",
        10 => "Windows Server 2025",
        _ => "of a kind not known here",
    }
}

/// The first level at which domains have keys of AES.
const WINDOWS_2008: i64 = 3;

/// Whether connections can be protected by TLS. Members do without.
pub(super) fn tls(run: &mut Run, chosen: Option<&Chosen>, open: &[u16]) {
    for (name, port, start) in [
        (CheckName::StartTls, LDAP, TlsStart::Asked),
        (CheckName::Ldaps, LDAPS, TlsStart::AtOnce),
    ] {
        let Some(server) = server(run, name, chosen, open, port) else {
            continue;
        };
        run.check(name, None, |deadline| {
            let open = |pin: Fingerprint| {
                let trust = Trust::pin(pin);
                let security = Security::Tls {
                    start,
                    trust: &trust,
                    login: None,
                };
                Connection::open(&server, security, deadline)
            };
            // The first try learns the certificate, the second takes it.
            let found = match open(Fingerprint::of(b"")) {
                Ok(_) => Found::Good("it works".into()),
                Err(LdapError::Tls {
                    source: TlsError::OtherCertificate { found, .. },
                    ..
                }) => match open(found) {
                    Ok(_) => Found::Good(format!(
                        "it works; its certificate has the SHA-256 fingerprint {found}"
                    )),
                    Err(error) => Found::failed(&error).not_needed(),
                },
                Err(error) => Found::failed(&error).not_needed(),
            };
            (found, ())
        });
    }
}

/// Whether LDAP sealed by Kerberos works, which is what members use.
pub(super) fn sealed(run: &mut Run, server: &Server, ticket: &ServiceTicket, clock: Clock) {
    run.check(CheckName::LdapSealed, None, |deadline| {
        let security = Security::Sealed { ticket, clock };
        let read = || {
            let mut connection = Connection::open(server, security, deadline)?;
            RootDse::read(&mut connection, deadline)
        };
        let found = match read() {
            Ok(_) => Found::Good(format!("it works, as {}", ticket.client())),
            Err(error) => Found::failed(&error),
        };
        (found, ())
    });
}

/// How far the clocks are apart: by Kerberos, which tells it exactly, or by LDAP, which tells seconds.
pub(super) fn clock(run: &mut Run, exact: Option<SignedDuration>, seconds: Option<SignedDuration>) {
    let Some(skew) = exact.or(seconds) else {
        return run.skip(CheckName::Clock, CheckName::Kerberos);
    };
    let size = skew.unsigned_abs();
    let word = match skew.is_negative() {
        true => "behind",
        false => "ahead of",
    };
    let message = format!(
        "the clock of the domain controller is {}.{:03} s {word} this one",
        size.as_secs(),
        size.subsec_millis()
    );
    let found = match size.as_secs() {
        TOLERANCE.. => Found::bad(Code::ClockSkew, message),
        SMALL.. => Found::odd(Code::ClockSkew, message),
        _ => Found::Good(message),
    };
    run.note(CheckName::Clock, None, std::time::Duration::ZERO, found);
}

/// Kerberos refuses from then on, in seconds.
const TOLERANCE: u64 = 300;
/// Worth a word, in seconds.
const SMALL: u64 = 60;

/// The server to talk to on `port`; notes why the check `name` is skipped where there is none.
pub(super) fn server(
    run: &mut Run,
    name: CheckName,
    chosen: Option<&Chosen>,
    open: &[u16],
    port: u16,
) -> Option<Server> {
    let Some(chosen) = chosen else {
        run.skip(name, CheckName::Netlogon);
        return None;
    };
    if !open.contains(&port) {
        run.skipped(
            name,
            Some(CheckName::Port),
            format!("it needs port {port}, which is closed"),
        );
        return None;
    }
    let host: Option<HostName> = chosen.host.clone();
    let Some(host) = host else {
        run.skipped(
            name,
            Some(CheckName::Netlogon),
            format!("the name of {} is not known", chosen.address),
        );
        return None;
    };
    Some(match port {
        LDAPS => Server::ldaps(host, chosen.address),
        _ => Server::ldap(host, chosen.address),
    })
}
