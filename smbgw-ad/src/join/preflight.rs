//! Whether a join will work, found out without changing anything.

use std::collections::BTreeMap;
use std::net::IpAddr;

use smbgw_core::deadline::Deadline;
use smbgw_core::error::{ErrorKind, Problem};
use smbgw_core::host::Host;
use smbgw_core::layout::SMB_CONF;

use super::services::services;
use super::{Existing, JoinSpec, addresses, ports, programs};
use crate::code::Code;
use crate::discover::Flags;
use crate::gateway::Gateway;
use crate::join_error::JoinError;
use crate::ldap::account::{self, Computer};
use crate::ldap::{Connection, Dn, Server, Target};
use crate::name::{Guid, Spn};
use crate::samba::globals::Decision;
use crate::samba::{Member, globals, trust};
use crate::session::{Session, Who};
use crate::winbind::Version;
use crate::{krb5conf, nsswitch};

/// What making the account needs to know.
pub(super) struct AccountReady {
    /// Where it is made.
    pub(super) container: Dn,
    /// One that is there, to take over.
    pub(super) existing: Option<Guid>,
    /// Its services.
    pub(super) services: Vec<Spn>,
}

/// What a join needs to know and has found out.
pub(super) struct Ready {
    /// The member as Samba knows it.
    pub(super) member: Member,
    /// The account.
    pub(super) account: AccountReady,
    /// What is set in smb.conf.
    pub(super) decision: Decision,
    /// What is written into Kerberos' configuration.
    pub(super) kerberos: krb5conf::Plan,
    /// What is added to `nsswitch.conf`.
    pub(super) names: Option<nsswitch::Undo>,
    /// Whether `nsswitch.conf` is left without the word.
    knows_no_users: bool,
    /// The version of Samba.
    pub(super) samba: Option<Version>,
    /// The addresses that are registered.
    pub(super) addresses: Vec<IpAddr>,
}

impl Ready {
    /// What an administrator should know of the settings.
    pub(super) fn notes(&self) -> Vec<String> {
        let Decision {
            overridden, kept, ..
        } = &self.decision;
        let overridden = overridden.iter().map(|(name, theirs, ours)| {
            format!("`{name} = {theirs}` of {SMB_CONF} no longer counts: a member needs `{ours}`")
        });
        let kept = kept.iter().map(|(name, theirs, ours)| {
            format!("`{name} = {theirs}` of {SMB_CONF} stays, where `{ours}` would have been set")
        });
        let kerberos = self.kerberos.kept.iter();
        let kerberos = kerberos.map(|what| format!("{} stays as it is: {what}", krb5conf::FILE));
        let unknown = self.knows_no_users.then(|| {
            format!(
                "users of the domain cannot use shares: {} does not name winbind",
                nsswitch::FILE
            )
        });
        overridden
            .chain(kept)
            .chain(kerberos)
            .chain(unknown)
            .collect()
    }
}

/// Checks the host and the domain; all that is wrong comes back together.
pub(super) fn preflight(
    gateway: &Gateway<'_>,
    spec: &JoinSpec,
    session: &Session,
) -> Result<Ready, JoinError> {
    let (host, deadline) = (gateway.host, gateway.deadline);
    let mut problems = Vec::new();
    let samba = programs::check(host, spec, &mut problems, deadline)?;
    let discovery = session.discovery();
    let domain = &discovery.domain;
    let member = Member::new(spec.computer.clone(), &domain.netbios, domain.realm.clone())?;
    for (port, what, why) in ports::closed(session, deadline) {
        problems.push(
            Problem::invalid(
                "ports",
                Code::PortClosed.as_str(),
                format!(
                    "port {port} ({what}) of {} cannot be reached: {why}",
                    session.controller()
                ),
            )
            .kind(ErrorKind::Unsupported)
            .remedy(Code::PortClosed.fix()),
        );
    }
    if let Some(problem) = other_domain(host, &member, deadline)? {
        problems.push(problem);
    }
    let decision = settings(host, &member, &mut problems)?;
    let kerberos = kerberos(host, spec, session, &mut problems);
    let missing = names(host, &mut problems);
    let knows_no_users = missing.is_some() && !spec.nsswitch;
    let names = missing.filter(|_| spec.nsswitch);
    let addresses = addresses::to_register(gateway, spec, session, &mut problems)?;
    let account = account(spec, session, &mut problems, deadline);
    match (account, decision, kerberos) {
        (Some(account), Some(decision), Some(kerberos)) if problems.is_empty() => Ok(Ready {
            member,
            account,
            decision,
            kerberos,
            names,
            knows_no_users,
            addresses,
            samba,
        }),
        _ => Err(JoinError::Refused(problems)),
    }
}

/// Whether who joins may make the account, or take over the one that is there.
pub(super) fn account(
    spec: &JoinSpec,
    session: &Session,
    problems: &mut Vec<Problem>,
    deadline: Deadline,
) -> Option<AccountReady> {
    if let Err(error) = session.log_in(deadline) {
        problems.push(Problem::from_error("user", &error));
        return None;
    }
    let services = services(spec);
    match directory(spec, session, &services, problems, deadline) {
        Ok((container, existing)) => Some(AccountReady {
            container,
            existing,
            services,
        }),
        Err(error) => {
            problems.push(Problem::from_error("directory", &error));
            None
        }
    }
}

/// Whether Samba is a member of another domain, or of this one under another name.
fn other_domain(
    host: &dyn Host,
    member: &Member,
    deadline: Deadline,
) -> Result<Option<Problem>, JoinError> {
    if host.tool("net").is_err() {
        return Ok(None);
    }
    if !globals::is_member(&globals::administrators(host)?) {
        return Ok(None);
    }
    let known = trust::read(host, member, deadline)?;
    Ok(known.map(|known| {
        Problem::invalid(
            "samba",
            Code::AlreadyJoined.as_str(),
            format!(
                "samba is in the domain {} already, as {}",
                known.netbios, known.account
            ),
        )
        .kind(ErrorKind::Conflict)
        .remedy(Code::AlreadyJoined.fix())
    }))
}

/// What is set in smb.conf.
fn settings(
    host: &dyn Host,
    member: &Member,
    problems: &mut Vec<Problem>,
) -> Result<Option<Decision>, JoinError> {
    let theirs = globals::administrators(host)?;
    let taken = globals::taken_ids(host)?;
    let settings = globals::Settings::new(member.clone());
    match globals::decide(&settings, &theirs, &taken) {
        Ok(decision) => Ok(Some(decision)),
        Err(conflicts) => {
            problems.extend(conflicts);
            Ok(None)
        }
    }
}

/// What is written into Kerberos' configuration. Where a controller was named, the DNS may not lead to
/// one, so it is named there, too.
fn kerberos(
    host: &dyn Host,
    spec: &JoinSpec,
    session: &Session,
    problems: &mut Vec<Problem>,
) -> Option<krb5conf::Plan> {
    let domain = &session.discovery().domain;
    let controllers = spec.server.iter().map(|_| session.controller().clone());
    let wanted = krb5conf::Wanted {
        realm: domain.realm.clone(),
        domain: domain.name.clone(),
        controllers: controllers.collect(),
    };
    krb5conf::inspect(host, &wanted)
        .map_err(|error| problems.push(Problem::from_error("krb5.conf", &error)))
        .ok()
}

/// What `nsswitch.conf` lacks.
fn names(host: &dyn Host, problems: &mut Vec<Problem>) -> Option<nsswitch::Undo> {
    nsswitch::inspect(host)
        .map_err(|error| problems.push(Problem::from_error("nsswitch.conf", &error)))
        .ok()
        .flatten()
}

/// Where the account goes, and the one that is there.
fn directory(
    spec: &JoinSpec,
    session: &Session,
    services: &[Spn],
    problems: &mut Vec<Problem>,
    deadline: Deadline,
) -> Result<(Dn, Option<Guid>), JoinError> {
    session.directory(deadline, |directory| {
        let root = directory.root.domain.clone();
        let connection = &mut directory.connection;
        let existing = account::find(connection, &root, &spec.computer, deadline)?;
        if let Some(existing) = &existing {
            problems.extend(existing_problem(spec, existing, session));
        }
        let container = match &spec.ou {
            Some(ou) => ou.clone(),
            None => account::computers_container(connection, &root, deadline)?,
        };
        if existing.is_none() {
            rights(connection, &root, &container, session, problems, deadline)?;
        }
        let except = existing.as_ref().map(|existing| existing.guid);
        let claims = account::claims(
            connection,
            Target::Dn(&root),
            services,
            Some(&spec.host_name),
            except,
            deadline,
        )?;
        let mut all: BTreeMap<Guid, account::Claim> = claims
            .into_iter()
            .map(|claim| (claim.guid, claim))
            .collect();
        for claim in in_the_forest(session, spec, services, except, deadline) {
            all.entry(claim.guid).or_insert(claim);
        }
        for claim in all.into_values() {
            problems.push(
                Problem::invalid(
                    "services",
                    Code::SpnDuplicate.as_str(),
                    format!("{} has {} already", claim.dn, claim.names.join(", ")),
                )
                .kind(ErrorKind::Conflict)
                .remedy(Code::SpnDuplicate.fix()),
            );
        }
        Ok((container, existing.map(|existing| existing.guid)))
    })
}

/// Those in other domains of the forest who have one of the names; none where the controller has no
/// global catalog.
fn in_the_forest(
    session: &Session,
    spec: &JoinSpec,
    services: &[Spn],
    except: Option<Guid>,
    deadline: Deadline,
) -> Vec<account::Claim> {
    let controller = &session.discovery().controller;
    if session.discovery().domain.forest == session.discovery().domain.name
        || !controller.flags.has(Flags::GLOBAL_CATALOG)
    {
        return Vec::new();
    }
    let server = Server::global_catalog(controller.host.clone(), controller.address);
    let search = |connection: &mut Connection| {
        account::claims(
            connection,
            Target::Root,
            services,
            Some(&spec.host_name),
            except,
            deadline,
        )
    };
    match session.open(&server, deadline) {
        Ok(mut connection) => search(&mut connection).unwrap_or_default(),
        Err(_) => Vec::new(),
    }
}

fn existing_problem(spec: &JoinSpec, existing: &Computer, session: &Session) -> Option<Problem> {
    let conflict = |message: String, remedy: &str| {
        Some(
            Problem::invalid("computer-name", Code::AccountInUse.as_str(), message)
                .kind(ErrorKind::Conflict)
                .remedy(remedy),
        )
    };
    if !existing.is_member() {
        return conflict(
            format!("`{}` is no account of a member", existing.dn),
            "choose another name with --computer-name",
        );
    }
    let itself =
        crate::name::Principal::computer(&spec.computer, session.discovery().domain.realm.clone());
    if *session.who().principal() == itself {
        return None;
    }
    // One that was made beforehand was never logged in as: it has no name in the DNS yet.
    let unused = !existing.is_enabled() || existing.host.is_none();
    match spec.existing {
        Existing::Reset => None,
        Existing::Reuse if unused => None,
        Existing::Reuse => conflict(
            format!("`{}` is there, and a computer uses it", existing.dn),
            "choose another name with --computer-name, or take it over with --reset",
        ),
        Existing::Refuse => conflict(
            format!("`{}` is there already", existing.dn),
            "choose another name with --computer-name, or take it over with --reuse or --reset",
        ),
    }
}

fn rights(
    connection: &mut Connection,
    root: &Dn,
    container: &Dn,
    session: &Session,
    problems: &mut Vec<Problem>,
    deadline: Deadline,
) -> Result<(), JoinError> {
    let who = session.who().principal();
    if matches!(session.who(), Who::Password(principal, _) if principal.parts()[0].ends_with('$')) {
        // A computer logs in to take its account over, and there is none.
        problems.push(
            Problem::invalid(
                "computer-name",
                Code::AccountUnknown.as_str(),
                format!("the domain has no account `{who}`"),
            )
            .kind(ErrorKind::NotFound),
        );
        return Ok(());
    }
    match account::rights(connection, root, container, deadline)? {
        None => problems.push(
            Problem::invalid(
                "ou",
                Code::ObjectMissing.as_str(),
                format!("there is no `{container}`"),
            )
            .remedy(Code::ObjectMissing.fix()),
        ),
        // Without the right, the quota of accounts for everybody is tried: only making one tells.
        Some(rights) if !rights.create && rights.quota.unwrap_or(0) == 0 => problems.push(
            Problem::invalid(
                "user",
                Code::RightsMissing.as_str(),
                format!("{who} may not make accounts of computers in `{container}`"),
            )
            .kind(ErrorKind::Unsupported)
            .remedy(Code::RightsMissing.fix()),
        ),
        Some(_) => {}
    }
    Ok(())
}
