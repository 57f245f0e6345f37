//! Joining a domain.
//!
//! [`join`] finds the domain, checks everything it can, writes down its plan, and carries it out step
//! by step. Where a step fails, what was done is taken back, the account included.

mod draft;
mod ports;
mod preflight;
mod services;

use std::path::PathBuf;

use smbgw_core::deadline::Deadline;
use smbgw_core::host::Host;
use smbgw_core::journal::Journal;
use smbgw_core::progress::Progress;
use smbgw_core::secret::Secret;
use smbgw_core::service::SmbService;
use smbgw_core::transaction::carry_out;

pub use draft::{Alias, Existing, JoinDraft, JoinSpec, JoiningUser};
pub use ports::NEEDED;

use crate::clock::Clock;
use crate::discover::{Discovery, Domain, Options, discover};
use crate::dns::Resolver;
use crate::gateway::Gateway;
use crate::join_error::JoinError;
use crate::joined::host_name;
use crate::ldap::account::remove_mark;
use crate::membership::{Draft, Membership};
use crate::name::{DomainName, Principal};
use crate::outcome::Outcome;
use crate::password;
use crate::plan::{Operation, Plan, Step};
use crate::recover::settle_earlier;
use crate::session::{Session, Who};
use crate::steps::account::{About, MakeAccount};
use crate::steps::keytab::{self, WriteKeys};
use crate::steps::proof::ProveMembership;
use crate::steps::record::Remember;
use crate::steps::secret::TellSamba;
use crate::steps::settings::SetSettings;
use preflight::{Ready, preflight};

/// The parts that an operation on a membership is put together from.
#[derive(Clone, Copy)]
pub struct Parts<'a> {
    /// The machine.
    pub host: &'a dyn Host,
    /// The smbd that serves its shares.
    pub service: &'a dyn SmbService,
    /// Who is told what happens.
    pub progress: &'a dyn Progress,
    /// The servers to ask for names; those of the machine if not given.
    pub resolver: Option<&'a Resolver>,
    /// The machine's clock.
    pub clock: Clock,
    /// When all of it has to be over.
    pub deadline: Deadline,
}

/// Joins the domain that `draft` names.
///
/// `password` is that of the user, or, where the draft names none, the one-time password of the account.
///
/// # Errors
/// Where the request is wrong, or the machine or the domain is not ready; nothing was touched then.
pub fn join(parts: &Parts<'_>, draft: &JoinDraft, password: &Secret) -> Result<Outcome, JoinError> {
    if !parts.host.is_live() {
        return Err(JoinError::NotLive(parts.host.name().into()));
    }
    let spec = draft
        .check(&host_name(parts.host, parts.deadline)?)
        .map_err(JoinError::Refused)?;
    let _lock = parts
        .host
        .lock("domain", "joining a domain", parts.deadline)?;
    let discovery = find(parts, &spec.domain, spec.server.as_deref())?;
    let who = who(&spec, &discovery.domain, password)?;
    let session = Session::new(discovery, who, parts.clock);
    let notes = settle_earlier(&parts.gateway(Some(&session), None))?;
    if let Some(known) = Membership::load(parts.host)? {
        return Err(JoinError::AlreadyJoined {
            domain: known.domain.name.to_string(),
            computer: known.computer,
        });
    }
    let ready = preflight(parts.host, &spec, &session, parts.deadline)?;
    let new = password::random()?;
    let gateway = parts.gateway(Some(&session), Some(&new));
    let mark = password::mark()?;
    let plan = plan(&spec, &session, &ready, mark.clone());
    let journal = Journal::create(parts.host, &plan)?;
    let ending = carry_out(&gateway, journal, &plan, notes);
    let outcome = Outcome::of(&plan, Some(&session), ending);
    if outcome.is_done() && ready.existing.is_none() {
        // The mark has served; where it stays it does no harm.
        let removed = session
            .account(&spec.computer, parts.deadline)
            .and_then(|account| {
                session.directory(parts.deadline, |directory| {
                    let connection = &mut directory.connection;
                    Ok(remove_mark(
                        connection,
                        account.guid,
                        &mark,
                        parts.deadline,
                    )?)
                })
            });
        if let Err(error) = removed {
            tracing::debug!(%error, "the mark of the account stays");
        }
    }
    Ok(outcome)
}

impl Parts<'_> {
    pub(crate) fn gateway<'a>(
        &'a self,
        session: Option<&'a Session>,
        password: Option<&'a Secret>,
    ) -> Gateway<'a> {
        Gateway {
            host: self.host,
            service: self.service,
            progress: self.progress,
            session,
            password,
            deadline: self.deadline,
        }
    }
}

/// The controller of `domain` to talk to, which takes changes.
pub(crate) fn find(
    parts: &Parts<'_>,
    domain: &DomainName,
    server: Option<&str>,
) -> Result<Discovery, JoinError> {
    let servers = match server {
        Some(server) => vec![server.parse()?],
        None => Vec::new(),
    };
    let options = Options {
        servers,
        site: Membership::load(parts.host)?.and_then(|known| known.site),
        writable: true,
        ..Options::default()
    };
    let own;
    let resolver = match parts.resolver {
        Some(resolver) => resolver,
        None => {
            own = Resolver::of_host(parts.host)?;
            &own
        }
    };
    Ok(discover(domain, resolver, &options, parts.deadline)?)
}

fn who(spec: &JoinSpec, domain: &Domain, password: &Secret) -> Result<Who, JoinError> {
    let realm = &domain.realm;
    let principal = match &spec.user {
        Some(user) => user.principal(realm, &domain.netbios)?,
        None => Principal::computer(&spec.computer, realm.clone()),
    };
    Ok(Who::Password(principal, password.clone()))
}

fn plan(spec: &JoinSpec, session: &Session, ready: &Ready, mark: String) -> Plan {
    let realm = session.discovery().domain.realm.clone();
    let keytab = PathBuf::from(keytab::DEFAULT);
    let cifs = ready.services.iter().find(|spn| spn.class() == "cifs");
    let mut steps: Vec<Step> = vec![
        MakeAccount {
            computer: spec.computer.clone(),
            container: ready.container.clone(),
            existing: ready.existing,
            about: About {
                host_name: spec.host_name.clone(),
                services: ready.services.clone(),
                operating_system: Some("Samba".into()),
                operating_system_version: None,
            },
            mark,
        }
        .into(),
        WriteKeys {
            keytab: keytab.clone(),
            computer: spec.computer.clone(),
            realm: realm.clone(),
            services: ready.services.clone(),
        }
        .into(),
        SetSettings {
            decision: ready.decision.clone(),
        }
        .into(),
        TellSamba {
            member: ready.member.clone(),
        }
        .into(),
    ];
    steps.extend(cifs.map(|service| {
        ProveMembership {
            computer: spec.computer.clone(),
            realm,
            keytab: keytab.clone(),
            service: service.clone(),
        }
        .into()
    }));
    steps.push(
        Remember {
            draft: Box::new(Draft {
                computer: spec.computer.clone(),
                host_name: spec.host_name.clone(),
                account_made: ready.existing.is_none(),
                services: ready.services.clone(),
                server: spec.server.clone(),
                keytab,
                nsswitch: spec.nsswitch,
                registered: spec.addresses.clone(),
            }),
        }
        .into(),
    );
    Plan {
        operation: Operation::Join,
        domain: spec.domain.clone(),
        computer: spec.computer.clone(),
        steps,
        point_of_no_return: None,
    }
}
