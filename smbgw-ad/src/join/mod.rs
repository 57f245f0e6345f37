//! Joining a domain.
//!
//! [`join`] finds the domain, checks everything it can, writes down its plan, and carries it out step
//! by step. Where a step fails, what was done is taken back, the account included.

mod addresses;
mod check;
mod draft;
mod offline;
mod plan;
mod ports;
mod preflight;
mod programs;
mod services;

use smbgw_core::deadline::Deadline;
use smbgw_core::host::Host;
use smbgw_core::journal::Journal;
use smbgw_core::progress::Progress;
use smbgw_core::secret::Secret;
use smbgw_core::service::SmbService;
use smbgw_core::transaction::carry_out;

pub use check::{JoinCheck, check};
pub use draft::{Alias, Existing, JoinDraft, JoinSpec, JoiningUser};
pub use offline::{join_with_blob, join_with_file, provision};
pub use ports::NEEDED;
pub(crate) use services::services_of;

use crate::clock::Clock;
use crate::discover::{Discovery, Domain};
use crate::dns::Resolver;
use crate::gateway::Gateway;
use crate::join_error::JoinError;
use crate::joined::host_name;
use crate::ldap::account::remove_mark;
use crate::membership::Membership;
use crate::name::{ComputerName, DomainName, Principal};
use crate::outcome::Outcome;
use crate::password;
use crate::recover::settle_earlier;
use crate::session::{Session, Who};
use plan::plan;
use preflight::preflight;

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
    let spec = checked(parts, draft)?;
    let _lock = parts
        .host
        .lock("domain", "joining a domain", parts.deadline)?;
    let session = session(parts, &spec, password)?;
    let mut notes = settle_earlier(&parts.gateway(Some(&session), None))?;
    in_no_domain(parts)?;
    let ready = preflight(&parts.gateway(Some(&session), None), &spec, &session)?;
    notes.extend(ready.notes());
    notes.extend(wrong_clock(parts, &session));
    let new = password::random()?;
    let gateway = parts.gateway(Some(&session), Some(&new));
    let mark = password::mark()?;
    let plan = plan(&spec, &session, &ready, mark.clone());
    let journal = Journal::create(parts.host, &plan)?;
    let ending = carry_out(&gateway, journal, &plan, notes);
    let mut outcome = plan.outcome(Some(&session), ending);
    if let Outcome::RolledBack { cause } = &mut outcome
        && ready.account.existing.is_some()
        && spec.user.is_some()
    {
        // Nobody can read the former one, to bring it back.
        cause.message.push_str(
            "; the account that was to be taken over may have another password now, so that a computer \
             that used it has to join again",
        );
    }
    if outcome.is_done() && ready.account.existing.is_none() {
        unmark(&session, &spec.computer, &mark, parts.deadline);
    }
    Ok(outcome)
}

/// What is to be said of a clock that is wrong by less than the domain takes.
fn wrong_clock(parts: &Parts<'_>, session: &Session) -> Option<String> {
    let ahead = parts.clock.offset().as_secs() - session.clock().offset().as_secs();
    let direction = match ahead {
        ..=-60 => "behind",
        60.. => "ahead of",
        _ => return None,
    };
    Some(format!(
        "the clock of this machine is {} seconds {direction} that of {}, and five minutes are the \
         most that Kerberos takes: set it right",
        ahead.abs(),
        session.controller()
    ))
}

/// Takes the mark off an account that was made. It has served; where it stays it does no harm.
fn unmark(session: &Session, computer: &ComputerName, mark: &str, deadline: Deadline) {
    let removed = session.account(computer, deadline).and_then(|account| {
        session.directory(deadline, |directory| {
            let connection = &mut directory.connection;
            Ok(remove_mark(connection, account.guid, mark, deadline)?)
        })
    });
    if let Err(error) = removed {
        tracing::debug!(%error, "the mark of the account stays");
    }
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
            resolver: self.resolver,
            clock: self.clock,
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
    parts.gateway(None, None).find(domain, server)
}

/// What `draft` asks for, where it is in order by itself.
fn checked(parts: &Parts<'_>, draft: &JoinDraft) -> Result<JoinSpec, JoinError> {
    if !parts.host.is_live() {
        return Err(JoinError::NotLive(parts.host.name().into()));
    }
    draft
        .check(&host_name(parts.host, parts.deadline)?)
        .map_err(JoinError::Refused)
}

/// The domain that `spec` names, for whoever joins.
fn session(parts: &Parts<'_>, spec: &JoinSpec, password: &Secret) -> Result<Session, JoinError> {
    let discovery = find(parts, &spec.domain, spec.server.as_deref())?;
    let who = who(spec, &discovery.domain, password)?;
    Ok(Session::new(discovery, who, parts.clock))
}

/// Fails where this program has joined a domain already.
fn in_no_domain(parts: &Parts<'_>) -> Result<(), JoinError> {
    match Membership::load(parts.host)? {
        None => Ok(()),
        Some(known) => Err(JoinError::AlreadyJoined {
            domain: known.domain.name.to_string(),
            computer: known.computer,
        }),
    }
}

fn who(spec: &JoinSpec, domain: &Domain, password: &Secret) -> Result<Who, JoinError> {
    let realm = &domain.realm;
    let principal = match &spec.user {
        Some(user) => user.principal(realm, &domain.netbios)?,
        None => Principal::computer(&spec.computer, realm.clone()),
    };
    Ok(Who::Password(principal, password.clone()))
}
