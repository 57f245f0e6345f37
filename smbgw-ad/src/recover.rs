//! Finishing or undoing what was interrupted.

use std::path::Path;

use serde::Serialize;
use smbgw_core::host::Host;
use smbgw_core::journal::{Account, Journal, read_file};
use smbgw_core::secret::Secret;
use smbgw_core::transaction::settle;

use crate::gateway::Gateway;
use crate::join::{JoiningUser, Parts, find};
use crate::join_error::JoinError;
use crate::name::{ComputerName, DomainName};
use crate::outcome::Outcome;
use crate::plan::{JOURNAL, Operation, Plan};
use crate::session::{Session, Who};

/// An operation that was interrupted, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Recovered {
    /// The kind of operation.
    pub operation: Operation,
    /// The domain.
    pub domain: DomainName,
    /// The computer.
    pub computer: ComputerName,
    /// What became of it.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// Undoes an operation that was interrupted, or finishes it where that cannot be; `None` where there
/// was none. Without a `user`, what is in the domain is left as it is, and said.
///
/// # Errors
/// Where the journal cannot be read, or the domain not be reached.
pub fn recover(
    parts: &Parts<'_>,
    user: Option<(&JoiningUser, &Secret)>,
) -> Result<Option<Recovered>, JoinError> {
    let _lock = parts.host.lock("domain", "recovering", parts.deadline)?;
    let Some((journal, account)) = under_way(parts.host)? else {
        return Ok(None);
    };
    let session = match user {
        Some((user, password)) => {
            let discovery = find(parts, &account.plan.domain, None)?;
            let realm = discovery.domain.realm.clone();
            let principal = user.principal(&realm, &discovery.domain.netbios)?;
            let who = Who::Password(principal, password.clone());
            Some(Session::new(discovery, who, parts.clock))
        }
        None => None,
    };
    let gateway = parts.gateway(session.as_ref(), None);
    let ending = settle(&gateway, journal, &account);
    let plan = account.plan;
    Ok(Some(Recovered {
        outcome: plan.outcome(session.as_ref(), ending),
        operation: plan.operation,
        domain: plan.domain,
        computer: plan.computer,
    }))
}

/// Settles what was interrupted before a new operation begins, and says what it did.
pub(crate) fn settle_earlier(gateway: &Gateway<'_>) -> Result<Vec<String>, JoinError> {
    let Some((journal, account)) = under_way(gateway.host)? else {
        return Ok(Vec::new());
    };
    let plan = &account.plan;
    let operation = format!("{} of {} as {}", plan.operation, plan.domain, plan.computer);
    match plan.outcome(gateway.session, settle(gateway, journal, &account)) {
        Outcome::Done(_) => Ok(vec![format!("an interrupted {operation} was finished")]),
        Outcome::RolledBack { .. } => Ok(vec![format!("an interrupted {operation} was undone")]),
        Outcome::NeedsAttention { cause, left_behind } => Err(JoinError::Unrecovered {
            cause: Box::new(cause),
            left_behind,
        }),
    }
}

/// The operation that was interrupted. One that was killed while it wrote down its plan had not begun,
/// and one that was killed right after it had removed its journal was over: what they left is removed.
fn under_way(host: &dyn Host) -> Result<Option<(Journal, Account<Plan>)>, JoinError> {
    let path = Path::new(JOURNAL);
    let found = read_file::<Plan>(host, path)?;
    if found.is_none() {
        host.remove_temporary(path)?;
        for directory in path.ancestors().skip(1).take(2) {
            host.remove_dir(directory)?;
        }
    }
    Ok(found)
}
