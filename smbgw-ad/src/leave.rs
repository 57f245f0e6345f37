//! Leaving a domain.

use serde::{Deserialize, Serialize};
use smbgw_core::journal::Journal;
use smbgw_core::layout::SMB_CONF;
use smbgw_core::secret::Secret;
use smbgw_core::transaction::carry_out;

use crate::join::{JoiningUser, Parts};
use crate::join_error::JoinError;
use crate::joined::{Joined, joined};
use crate::name::Guid;
use crate::outcome::Outcome;
use crate::plan::{Operation, Plan, Step};
use crate::recover::settle_earlier;
use crate::samba::globals;
use crate::session::Session;
use crate::steps::account::GiveUpAccount;
use crate::steps::addresses::{Record, RemoveAddresses};
use crate::steps::kerberos::UnsetKerberos;
use crate::steps::keytab::RemoveKeys;
use crate::steps::names::UnsetNames;
use crate::steps::record::Forget;
use crate::steps::secret::ForgetSecret;
use crate::steps::services::{HoldServices, StartServices, is_winbind_running};
use crate::steps::settings::UnsetSettings;

/// What becomes of the account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum AccountFate {
    /// It is disabled: it can be taken over by a later join.
    #[default]
    Disable,
    /// It is deleted.
    Delete,
    /// Nothing: the domain is not asked.
    Keep,
}

/// Leaves the domain that this machine is in, whoever has joined it.
///
/// `user` is needed but where the account is kept.
///
/// # Errors
/// Where this machine is in no domain, or the domain does not let the user in; nothing was touched then.
pub fn leave(
    parts: &Parts<'_>,
    fate: AccountFate,
    user: Option<(&JoiningUser, &Secret)>,
) -> Result<Outcome, JoinError> {
    let _lock = parts
        .host
        .lock("domain", "leaving a domain", parts.deadline)?;
    let known = joined(parts.host, parts.deadline)?;
    let session = match (user, fate) {
        (_, AccountFate::Keep) => None,
        (None, _) => return Err(JoinError::CredentialsNeeded),
        (Some((user, password)), _) => {
            let known = known.as_ref().ok_or(JoinError::NotJoined)?;
            let session = known.session(parts, Some((user, password)))?;
            session.log_in(parts.deadline)?;
            Some(session)
        }
    };
    let gateway = parts.gateway(session.as_ref(), None);
    let mut notes = settle_earlier(&gateway)?;
    let known = match notes.is_empty() {
        true => known,
        false => joined(parts.host, parts.deadline)?,
    };
    let known = known.ok_or(JoinError::NotJoined)?;
    let stays_set = globals::is_member(&globals::administrators(parts.host)?);
    if stays_set {
        notes.push(format!(
            "{SMB_CONF} still says that this machine is in a domain, which another program wrote: \
             winbindd cannot run until that is removed"
        ));
    }
    let plan = plan(parts, &known, fate, stays_set, session.as_ref())?;
    let journal = Journal::create(parts.host, &plan)?;
    let ending = carry_out(&gateway, journal, &plan, notes);
    Ok(plan.outcome(session.as_ref(), ending))
}

fn plan(
    parts: &Parts<'_>,
    known: &Joined,
    fate: AccountFate,
    stays_set: bool,
    session: Option<&Session>,
) -> Result<Plan, JoinError> {
    let member = known.member.clone();
    let computer = member.computer.clone();
    // With settings of a member and without a domain it does not start.
    let winbind = !stays_set && is_winbind_running(&parts.gateway(session, None))?;
    let mut steps: Vec<Step> = vec![HoldServices {}.into(), UnsetSettings {}.into()];
    if let Some(record) = known.record.as_ref().filter(|_| session.is_some())
        && !record.registered.is_empty()
    {
        steps.push(
            RemoveAddresses {
                record: Record {
                    host_name: record.host_name.clone(),
                    domain: known.domain.clone(),
                    server: record.server.clone(),
                    member: member.clone(),
                    keytab: known.keytab.clone(),
                },
                addresses: record.registered.clone(),
            }
            .into(),
        );
    }
    let mut point_of_no_return = steps.len();
    if let Some(session) = session
        && let Some(account) = account(parts, known, session)?
    {
        let delete = fate == AccountFate::Delete;
        // What is only disabled can be enabled again.
        point_of_no_return += usize::from(!delete);
        steps.push(
            GiveUpAccount {
                account,
                computer: computer.clone(),
                delete,
            }
            .into(),
        );
    }
    steps.push(
        RemoveKeys {
            keytab: known.keytab.clone(),
            computer: computer.clone(),
            realm: member.realm.clone(),
            services: known.services(parts.host)?,
        }
        .into(),
    );
    steps.push(ForgetSecret { member }.into());
    if let Some(record) = &known.record {
        let kerberos = record.kerberos.clone();
        steps.extend(kerberos.map(|plan| UnsetKerberos { plan }.into()));
        let names = record.names.clone();
        steps.extend(names.map(|addition| UnsetNames { addition }.into()));
    }
    steps.push(StartServices { winbind }.into());
    steps.push(
        Forget {
            computer: computer.clone(),
        }
        .into(),
    );
    Ok(Plan {
        operation: Operation::Leave,
        domain: known.domain.clone(),
        computer,
        steps,
        point_of_no_return: Some(point_of_no_return),
    })
}

/// The account, unless somebody has deleted it already.
fn account(
    parts: &Parts<'_>,
    known: &Joined,
    session: &Session,
) -> Result<Option<Guid>, JoinError> {
    if let Some(record) = &known.record {
        return Ok(Some(record.account));
    }
    match session.account(&known.member.computer, parts.deadline) {
        Ok(account) => Ok(Some(account.guid)),
        Err(JoinError::NoAccount(_)) => Ok(None),
        Err(error) => Err(error),
    }
}
