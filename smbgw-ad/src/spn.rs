//! The names by which clients ask for the services of this machine (`servicePrincipalName`).

use serde::Serialize;
use smbgw_core::error::{ErrorKind, Problem};
use smbgw_core::journal::Journal;
use smbgw_core::secret::Secret;
use smbgw_core::transaction::carry_out;

use crate::code::Code;
use crate::join::{Alias, JoiningUser, Parts, services_of};
use crate::join_error::JoinError;
use crate::joined::{Joined, joined};
use crate::ldap::Target;
use crate::ldap::account::{self, Computer};
use crate::name::Spn;
use crate::outcome::Outcome;
use crate::plan::{Operation, Plan};
use crate::recover::settle_earlier;
use crate::session::Session;
use crate::steps::spn::{NameKeys, RecordServices, SetServices};

/// A name of a service, and who knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Service {
    /// The name.
    pub name: Spn,
    /// Whether the account has it.
    pub in_directory: bool,
    /// Whether the keytab has keys for it.
    pub in_keytab: bool,
}

/// The names of the services of this machine, in the directory and in its keytab, by name.
///
/// # Errors
/// Where this machine is in no domain, or cannot log in.
pub fn list(parts: &Parts<'_>) -> Result<Vec<Service>, JoinError> {
    let known = joined(parts.host, parts.deadline)?.ok_or(JoinError::NotJoined)?;
    let session = known.session(parts, None)?;
    let account = session.computer(&known.member.computer, parts.deadline)?;
    let keytab = known.services(parts.host)?;
    let mut services: Vec<Service> = account
        .spns
        .iter()
        .chain(keytab.iter().filter(|spn| !account.spns.contains(spn)))
        .map(|spn| Service {
            name: spn.clone(),
            in_directory: account.spns.contains(spn),
            in_keytab: keytab.contains(spn),
        })
        .collect();
    services.sort_by_key(|service| service.name.as_str().to_ascii_lowercase());
    Ok(services)
}

/// Names to add to this machine's services or to take away: `cifs/files.ad.example`, or the name of a host alone, which
/// stands for all services that a join gives to a name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SpnChange {
    /// Those to add.
    pub add: Vec<String>,
    /// Those to take away.
    pub remove: Vec<String>,
}

/// Changes the names of the services of this machine, in the directory and in the keytab. Without a
/// `user`, the machine itself asks; a domain lets it have names of its own host name only.
///
/// # Errors
/// Where a name is no name or somebody else's, this machine is in no domain, or the domain does not let
/// the user in; nothing was touched then.
pub fn change(
    parts: &Parts<'_>,
    change: &SpnChange,
    user: Option<(&JoiningUser, &Secret)>,
) -> Result<Outcome, JoinError> {
    let _lock = parts
        .host
        .lock("domain", "changing names of services", parts.deadline)?;
    let known = joined(parts.host, parts.deadline)?.ok_or(JoinError::NotJoined)?;
    let (add, remove) = parse(change, &known)?;
    let session = known.session(parts, user)?;
    session.log_in(parts.deadline)?;
    let gateway = parts.gateway(Some(&session), None);
    let notes = settle_earlier(&gateway)?;
    let account = session.computer(&known.member.computer, parts.deadline)?;
    refuse_taken(parts, &session, &account, &add)?;
    let plan = plan(&known, &account, &add, &remove);
    let journal = Journal::create(parts.host, &plan)?;
    let ending = carry_out(&gateway, journal, &plan, notes);
    Ok(plan.outcome(Some(&session), ending))
}

fn plan(known: &Joined, account: &Computer, add: &[Spn], remove: &[Spn]) -> Plan {
    let member = known.member.clone();
    let computer = member.computer.clone();
    let with = |services: &[Spn]| {
        let mut services = services.to_vec();
        services.retain(|spn| !remove.contains(spn));
        for spn in add {
            if !services.contains(spn) {
                services.push(spn.clone());
            }
        }
        services
    };
    let mut steps = vec![
        SetServices {
            account: account.guid,
            computer: computer.clone(),
            services: with(&account.spns),
        }
        .into(),
        NameKeys {
            keytab: known.keytab.clone(),
            member,
            add: add.to_vec(),
            remove: remove.to_vec(),
        }
        .into(),
    ];
    steps.extend(known.record.iter().map(|record| {
        RecordServices {
            services: with(&record.services),
        }
        .into()
    }));
    Plan {
        operation: Operation::Services,
        domain: known.domain.clone(),
        computer,
        steps,
        point_of_no_return: None,
    }
}

/// The names that are meant.
fn parse(change: &SpnChange, known: &Joined) -> Result<(Vec<Spn>, Vec<Spn>), JoinError> {
    let mut problems = Vec::new();
    let mut read = |field: &'static str, texts: &[String]| {
        let mut all: Vec<Spn> = Vec::new();
        for text in texts {
            let alias = |text: &String| match text.contains('.') {
                true => text.parse().map(Alias::Full),
                false => text.parse().map(Alias::Short),
            };
            let spns = match text.contains('/') {
                true => text.parse().map(|spn| vec![spn]),
                false => alias(text).map(|alias| services_of(&alias, &known.domain)),
            };
            match spns {
                Ok(spns) => all.extend(spns),
                Err(error) => problems.push(Problem::from_error(field, &error)),
            }
        }
        all
    };
    let (add, remove) = (read("add", &change.add), read("remove", &change.remove));
    if let Some(both) = add.iter().find(|spn| remove.contains(spn)) {
        let message = format!("`{both}` is to be added and to be taken away");
        problems.push(Problem::invalid(
            "remove",
            Code::RequestInvalid.as_str(),
            message,
        ));
    }
    if add.is_empty() && remove.is_empty() && problems.is_empty() {
        let message = "no name is given";
        problems.push(Problem::invalid(
            "add",
            Code::RequestInvalid.as_str(),
            message,
        ));
    }
    match problems.is_empty() {
        true => Ok((add, remove)),
        false => Err(JoinError::Refused(problems)),
    }
}

/// Fails where somebody else has one of the names.
fn refuse_taken(
    parts: &Parts<'_>,
    session: &Session,
    account: &Computer,
    add: &[Spn],
) -> Result<(), JoinError> {
    let claims = session.directory(parts.deadline, |directory| {
        let root = directory.root.domain.clone();
        let (base, except) = (Target::Dn(&root), Some(account.guid));
        let connection = &mut directory.connection;
        Ok::<_, JoinError>(account::claims(
            connection,
            base,
            add,
            None,
            except,
            parts.deadline,
        )?)
    })?;
    let problems: Vec<Problem> = claims
        .iter()
        .map(|claim| {
            let message = format!("{} has {} already", claim.dn, claim.names.join(", "));
            Problem::invalid("add", Code::SpnDuplicate.as_str(), message)
                .kind(ErrorKind::Conflict)
                .remedy(Code::SpnDuplicate.fix())
        })
        .collect();
    match problems.is_empty() {
        true => Ok(()),
        false => Err(JoinError::Refused(problems)),
    }
}
