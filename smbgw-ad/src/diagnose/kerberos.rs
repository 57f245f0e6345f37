//! Kerberos: whether the KDC answers, what it offers, and whether somebody can log in.

use jiff::SignedDuration;
use smbgw_core::secret::Secret;

use super::check::CheckName;
use super::controllers::Chosen;
use super::directory;
use super::request::DiagnoseRequest;
use super::run::{Found, Run};
use crate::clock::Clock;
use crate::code::Code;
use crate::krb::crypto::EncryptionType;
use crate::krb::error::KrbError;
use crate::krb::kdc::{Known, PORT};
use crate::krb::login::{Credential, Introduction, Options, aes, introduce, login};
use crate::krb::service::service_ticket;
use crate::name::{ComputerName, Principal, Realm};

/// A KDC, and whose keys to ask it about.
pub(super) struct Asking {
    kdcs: Known,
    realm: Realm,
    netbios: String,
    /// An account that is always there: that of the controller itself.
    own: Option<Principal>,
    user: Option<Principal>,
}

/// Whether the KDC answers; how far its clock is off, where it tells.
pub(super) fn answers(
    run: &mut Run,
    request: &DiagnoseRequest,
    chosen: Option<&Chosen>,
    open: &[u16],
    clock: Clock,
) -> Option<(Asking, Option<SignedDuration>)> {
    let asked = asking(run, request, chosen, open).and_then(|asking| {
        let whom = asking.own.as_ref().or(asking.user.as_ref()).cloned();
        whom.map(|whom| (asking, whom))
    });
    let Some((asking, whom)) = asked else {
        run.skip(CheckName::EncryptionTypes, CheckName::Kerberos);
        return None;
    };
    let skew = run.check(CheckName::Kerberos, None, |deadline| {
        let options = Options {
            etypes: EncryptionType::ALL.to_vec(),
            ..Options::default()
        };
        match introduce(&whom, &options, &asking.kdcs, clock, deadline) {
            Ok(Introduction { skew, server, .. }) => {
                let message = format!("{server} answers for {}", asking.realm);
                (Found::Good(message), Some(Some(skew.offset)))
            }
            Err(
                error @ (KrbError::Find { .. }
                | KrbError::Unreachable { .. }
                | KrbError::Malformed(_)
                | KrbError::Mismatch { .. }),
            ) => (Found::failed(&error), None),
            // What it says of the account is for the checks that follow.
            Err(error) => (Found::Good(format!("it answers: {error}")), Some(None)),
        }
    });
    match skew {
        Some(skew) => {
            let whom = asking.user.clone().unwrap_or(whom);
            encryption_types(run, &asking, &whom, clock);
            Some((asking, skew))
        }
        None => {
            run.skip(CheckName::EncryptionTypes, CheckName::Kerberos);
            None
        }
    }
}

fn asking(
    run: &mut Run,
    request: &DiagnoseRequest,
    chosen: Option<&Chosen>,
    open: &[u16],
) -> Option<Asking> {
    let Some(chosen) = chosen else {
        run.skip(CheckName::Kerberos, CheckName::Netlogon);
        return None;
    };
    if !open.contains(&PORT) {
        run.skipped(
            CheckName::Kerberos,
            Some(CheckName::Port),
            format!("it needs port {PORT}, which is closed"),
        );
        return None;
    }
    let realm = Realm::from(&request.domain);
    let found = chosen.discovery.as_ref();
    let netbios = found.map_or_else(String::new, |found| found.domain.netbios.clone());
    let user = request.user.as_ref();
    let user = user.and_then(|user| user.principal(&realm, &netbios).ok());
    let own: Option<ComputerName> = found.and_then(|found| found.controller.netbios.parse().ok());
    let own = own.map(|name| Principal::computer(&name, realm.clone()));
    if user.is_none() && own.is_none() {
        run.skip(CheckName::Kerberos, CheckName::Netlogon);
        return None;
    }
    Some(Asking {
        kdcs: Known::one(realm.clone(), [chosen.socket(PORT)]),
        realm,
        netbios,
        own,
        user,
    })
}

/// For which encryption types the account has keys that the KDC offers. Some name only the best of those that
/// they are asked for, so each is asked for by itself.
fn encryption_types(run: &mut Run, asking: &Asking, whom: &Principal, clock: Clock) {
    run.check(
        CheckName::EncryptionTypes,
        Some(whom.to_string()),
        |deadline| {
            let mut offered = Vec::new();
            for etype in EncryptionType::ALL {
                let options = Options {
                    etypes: vec![*etype],
                    ..Options::default()
                };
                match introduce(whom, &options, &asking.kdcs, clock, deadline) {
                    Ok(told) if told.hints.iter().any(|hint| hint.etype == *etype) => {
                        offered.push(*etype);
                    }
                    Ok(_) | Err(KrbError::NoEncryption { .. } | KrbError::Refused { .. }) => {}
                    Err(error) => return (Found::failed(&error), ()),
                }
            }
            let names: Vec<String> = offered.iter().map(ToString::to_string).collect();
            let found = match offered.iter().any(|etype| *etype != EncryptionType::Rc4) {
                true => Found::Good(names.join(", ")),
                false if offered.is_empty() => Found::bad(
                    Code::EncryptionNoneCommon,
                    format!("none of those known here is offered for {}", whom),
                ),
                false => Found::bad(
                    Code::EncryptionWeak,
                    format!("only RC4 is offered for {}", whom),
                ),
            };
            (found, ())
        },
    );
}

/// Logs the user in, gets a ticket for the directory, and talks to it with that.
pub(super) fn login_and_ticket(
    run: &mut Run,
    request: &DiagnoseRequest,
    password: Option<&Secret>,
    chosen: Option<&Chosen>,
    asking: Option<Asking>,
    open: &[u16],
    clock: Clock,
) {
    const ALL: [CheckName; 3] = [
        CheckName::Login,
        CheckName::ServiceTicket,
        CheckName::LdapSealed,
    ];
    let (Some(user), Some(password)) = (&request.user, password) else {
        let why = match request.user {
            None => "no user was given",
            Some(_) => "no password was given",
        };
        for name in ALL {
            run.skipped(name, None, why);
        }
        return;
    };
    let Some((asking, chosen)) = asking.zip(chosen) else {
        for name in ALL {
            run.skip(name, CheckName::Kerberos);
        }
        return;
    };
    let got = run.check(
        CheckName::Login,
        asking.user.as_ref().map(ToString::to_string),
        |deadline| {
            let client = match user.principal(&asking.realm, &asking.netbios) {
                Ok(client) => client,
                Err(error) => return (Found::failed(&error), None),
            };
            let credential = Credential::Password(password);
            let options = Options::default();
            match login(&client, credential, &options, &asking.kdcs, clock, deadline) {
                Ok(login) => {
                    let ticket = login.ticket.as_ticket();
                    let message = format!(
                        "as {}, with {} until {}",
                        ticket.client(),
                        ticket.session_key().etype(),
                        ticket.times().end
                    );
                    (Found::Good(message), Some(login))
                }
                Err(error) => (Found::failed(&error), None),
            }
        },
    );
    let Some(got) = got else {
        run.skip(CheckName::ServiceTicket, CheckName::Login);
        return run.skip(CheckName::LdapSealed, CheckName::Login);
    };
    let Some(host) = &chosen.host else {
        let why = format!("the name of {} is not known", chosen.address);
        run.skipped(
            CheckName::ServiceTicket,
            Some(CheckName::Netlogon),
            why.clone(),
        );
        return run.skipped(CheckName::LdapSealed, Some(CheckName::Netlogon), why);
    };
    let service = Principal::service("ldap", host, asking.realm.clone());
    let ticket = run.check(
        CheckName::ServiceTicket,
        Some(service.to_string()),
        |deadline| {
            let (tgt, kdcs) = (&got.ticket, &asking.kdcs);
            match service_ticket(tgt, &service, &aes(), kdcs, got.clock, deadline) {
                Ok(ticket) => {
                    let message = format!("with {}", ticket.session_key().etype());
                    (Found::Good(message), Some(ticket))
                }
                Err(error) => (Found::failed(&error), None),
            }
        },
    );
    let Some(ticket) = ticket else {
        return run.skip(CheckName::LdapSealed, CheckName::ServiceTicket);
    };
    let server = directory::server(run, CheckName::LdapSealed, Some(chosen), open, 389);
    if let Some(server) = server {
        directory::sealed(run, &server, &ticket, got.clock);
    }
}
