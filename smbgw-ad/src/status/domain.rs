//! What the domain says of a member.

use std::time::Duration;

use jiff::SignedDuration;

use super::found::{AccountStatus, DirectoryStatus, SharedService};
use crate::code::Code;
use crate::discover::{Discovery, Options, discover};
use crate::dns::Resolver;
use crate::join::Parts;
use crate::join_error::JoinError;
use crate::joined::Glance;
use crate::krb::crypto::EncryptionType;
use crate::krb::error::{KrbError, Skew};
use crate::krb::keytab::Keytab;
use crate::ldap::Target;
use crate::ldap::account::{self, Computer};
use crate::name::{Principal, Spn};
use crate::reason::Reason;
use crate::session::Session;

/// What was heard from the domain.
pub(super) struct Asked {
    /// What it says; none where no controller answers.
    pub(super) directory: Option<DirectoryStatus>,
    /// What went wrong.
    pub(super) findings: Vec<Reason>,
}

/// Finds a controller, logs in as `account` with its keys, and reads what the directory has of it.
pub(super) fn ask(
    parts: &Parts<'_>,
    known: &Glance,
    keytab: &Keytab,
    account: &Principal,
) -> Asked {
    let discovery = match find(parts, known) {
        Ok(discovery) => discovery,
        Err(error) => {
            return Asked {
                directory: None,
                findings: vec![Reason::of(&error)],
            };
        }
    };
    let mut directory = DirectoryStatus {
        controller: discovery.controller.host.clone(),
        address: discovery.controller.address,
        controller_site: discovery.controller.site.clone(),
        site: discovery.client_site.clone(),
        skew_milliseconds: None,
        account: None,
    };
    let mut findings = Vec::new();
    match log_in(parts, &discovery, keytab, account) {
        Ok((session, skew)) => {
            directory.skew_milliseconds = Some(milliseconds(skew));
            if !skew.is_within(SMALL) {
                findings.push(Reason::new(
                    Code::ClockSkew,
                    format!(
                        "the clock of {} is {skew} that of this machine",
                        session.controller()
                    ),
                ));
            }
            match read(parts, known, &session) {
                Ok(found) => directory.account = Some(found),
                Err(error) => findings.push(Reason::of(&error)),
            }
        }
        Err(error) => {
            if let JoinError::Session(crate::session_error::SessionError::Kerberos(
                KrbError::ClockSkew { skew },
            )) = &error
            {
                directory.skew_milliseconds = Some(milliseconds(*skew));
            }
            findings.push(refused(known, keytab, account, &error));
        }
    }
    Asked {
        directory: Some(directory),
        findings,
    }
}

fn find(parts: &Parts<'_>, known: &Glance) -> Result<Discovery, JoinError> {
    let record = known.record.as_ref();
    let servers = match record.and_then(|record| record.server.as_deref()) {
        Some(server) => vec![server.parse()?],
        None => Vec::new(),
    };
    let options = Options {
        servers,
        site: record.and_then(|record| record.site.clone()),
        // Looking is all that is done.
        writable: false,
        patience: PATIENCE,
        ..Options::default()
    };
    let own;
    let resolver = match parts.resolver {
        Some(resolver) => resolver,
        None => {
            own = Resolver::of_host(parts.host)?.patience(STEP, PATIENCE);
            &own
        }
    };
    Ok(discover(&known.domain, resolver, &options, parts.deadline)?)
}

/// A session as the account, and how far the clock of the domain is off.
fn log_in(
    parts: &Parts<'_>,
    discovery: &Discovery,
    keytab: &Keytab,
    account: &Principal,
) -> Result<(Session, Skew), JoinError> {
    let session = Session::by_keytab(discovery, keytab, account, parts.clock, parts.deadline)?;
    let session = session.ok_or(JoinError::CredentialsNeeded)?;
    let skew = session.log_in(parts.deadline)?.skew;
    Ok((session, skew))
}

/// Why there was no login.
fn refused(known: &Glance, keytab: &Keytab, account: &Principal, error: &JoinError) -> Reason {
    let path = known.keytab.display();
    match error {
        JoinError::CredentialsNeeded => Reason::new(
            Code::KeytabMissing,
            format!("{path} has no key of `{account}`"),
        ),
        JoinError::Session(crate::session_error::SessionError::Kerberos(KrbError::WrongKey {
            ..
        })) => Reason::new(
            Code::KeytabOutdated,
            format!(
                "the domain does not take the keys of `{account}` in {path}, of version {}",
                keytab.newest(account).unwrap_or_default()
            ),
        ),
        error => Reason::of(error),
    }
}

/// What the directory has of the account.
fn read(parts: &Parts<'_>, known: &Glance, session: &Session) -> Result<AccountStatus, JoinError> {
    let deadline = parts.deadline;
    session.directory(deadline, |directory| {
        let root = directory.root.domain.clone();
        let connection = &mut directory.connection;
        let computer = &known.member.computer;
        let found = match &known.record {
            Some(record) => account::read(connection, record.account, deadline)?,
            None => account::find(connection, &root, computer, deadline)?,
        };
        let found = found.ok_or_else(|| JoinError::NoAccount(computer.account()))?;
        let wanted = wanted(known, &found);
        let mut services = found.spns.clone();
        services.extend(
            wanted
                .iter()
                .filter(|spn| !found.spns.contains(spn))
                .cloned(),
        );
        let claims = account::claims(
            connection,
            Target::Dn(&root),
            &services,
            None,
            Some(found.guid),
            deadline,
        )?;
        let shared = claims.into_iter().map(|claim| SharedService {
            dn: claim.dn.to_string(),
            names: claim.names,
        });
        let shared = shared.collect();
        Ok(account_status(found, &wanted, shared))
    })
}

/// The services that the account should have.
fn wanted(known: &Glance, account: &Computer) -> Vec<Spn> {
    if let Some(record) = &known.record {
        return record.services.clone();
    }
    // What every member has, whoever joined it.
    let short = known.member.computer.as_str().to_string();
    let hosts = std::iter::once(short).chain(account.host.clone());
    hosts
        .filter_map(|host| Spn::new("HOST", &host).ok())
        .collect()
}

fn account_status(found: Computer, wanted: &[Spn], shared: Vec<SharedService>) -> AccountStatus {
    let bits = found.encryption_types.unwrap_or_default();
    AccountStatus {
        dn: found.dn.to_string(),
        guid: found.guid,
        enabled: found.is_enabled(),
        host_name: found.host,
        kvno: found.kvno,
        encryption_types: EncryptionType::ALL
            .iter()
            .filter(|etype| bits & etype.directory_bit() != 0)
            .map(ToString::to_string)
            .collect(),
        password_set_at: found.password_set.map(jiff::Timestamp::as_second),
        missing_services: wanted
            .iter()
            .filter(|spn| !found.spns.contains(spn))
            .cloned()
            .collect(),
        services: found.spns,
        sid: found.sid,
        shared_services: shared,
    }
}

fn milliseconds(skew: Skew) -> i64 {
    i64::try_from(skew.offset.as_millis()).unwrap_or(i64::MAX)
}

/// Clocks that are further apart are worth a word, long before Kerberos refuses.
const SMALL: SignedDuration = SignedDuration::from_secs(60);

/// How long to wait for domain controllers, of which any will do.
const PATIENCE: Duration = Duration::from_millis(1500);

/// When to ask the next name server.
const STEP: Duration = Duration::from_millis(500);
