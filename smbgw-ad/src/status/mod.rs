//! How a machine stands with its domain: what `ad-status` shows.
//!
//! Nothing is changed. The machine logs in with the keys of its keytab, never with its password. The host
//! is looked at in its files, and winbindd is asked while the domain is; so most of the time is that of
//! the network.

mod account;
mod domain;
mod found;
mod host;
mod ids;

pub use found::{
    AccountStatus, Channel, DirectoryStatus, IdmapRange, JoinedBy, KeytabStatus, MemberStatus,
    PasswordStatus, RotatedBy, SharedService, State, Status,
};

use crate::join::Parts;
use crate::join_error::JoinError;
use crate::joined::{Glance, glance};
use crate::krb::keytab::Keytab;
use crate::reason::Reason;
use crate::samba::globals::{Rotation, who_rotates};
use crate::samba::remembered::Remembered;
use crate::samba::trust;
use crate::{nsswitch, steps};
use domain::Asked;

/// How the machine of `parts` stands with its domain, whoever has joined it.
///
/// That it is in no domain, or that no domain controller answers, is a [`State`] and no error.
///
/// # Errors
/// Where the host cannot be looked at.
pub fn status(parts: &Parts<'_>) -> Result<Status, JoinError> {
    let Some(known) = glance(parts.host, parts.deadline)? else {
        return Ok(Status::not_joined());
    };
    let Some(samba) = samba(parts, &known)? else {
        return Ok(Status::not_joined());
    };
    let account = known.member.principal();
    let (keytab, unreadable) = match steps::keytab::read(parts.host, &known.keytab) {
        Ok(keytab) => (keytab, None),
        Err(error) => (Keytab::default(), Some(Reason::of(&error))),
    };
    let (channel, asked) = std::thread::scope(|scope| {
        let asking = scope.spawn(|| host::channel(parts.host, parts.deadline));
        let asked = domain::ask(parts, &known, &keytab, &account);
        let channel = asking.join().unwrap_or_else(|_| Channel::Unknown {
            why: "asking winbindd failed".into(),
        });
        (channel, asked)
    });
    let (ids, collisions) = ids::ranges(parts.host, &known.member.netbios, samba.is_some())?;
    let member = MemberStatus {
        domain: known.domain.clone(),
        realm: known.member.realm.clone(),
        netbios: known.member.netbios.clone(),
        computer: known.member.computer.clone(),
        joined_by: match known.record {
            Some(_) => JoinedBy::Smbgw,
            None => JoinedBy::Other,
        },
        joined_at: known.record.as_ref().map(|record| record.joined_at),
        keytab: KeytabStatus::of(&known.keytab, &keytab, &account),
        password: password(parts, samba, &asked)?,
        samba_knows: samba.is_some(),
        channel,
        ids,
        users_known: nsswitch::inspect(parts.host).is_ok_and(|missing| missing.is_none()),
        directory: asked.directory.clone(),
    };
    let mut findings = asked.findings;
    findings.extend(unreadable);
    findings.extend(account::findings(&member, known.record.as_ref()));
    findings.extend(host::findings(parts.host, &member, &known)?);
    findings.extend(collisions);
    Ok(Status {
        state: match (asked.directory.is_some(), findings.is_empty()) {
            (false, _) => State::NoController,
            (true, true) => State::Good,
            (true, false) => State::Deviating,
        },
        member: Some(member),
        findings,
    })
}

/// What Samba knows of its membership: nothing, or when the password was changed. `None` where this
/// machine is no member at all.
fn samba(parts: &Parts<'_>, known: &Glance) -> Result<Option<Option<Option<i64>>>, JoinError> {
    let samba = match known.samba {
        Remembered::Member { changed_at } => Some(changed_at),
        Remembered::Nothing => None,
        Remembered::Elsewhere => {
            trust::read(parts.host, &known.member, parts.deadline)?.map(|trust| trust.changed_at)
        }
    };
    let is_member = known.record.is_some() || known.has_keys || samba.is_some();
    Ok(is_member.then_some(samba))
}

fn password(
    parts: &Parts<'_>,
    samba: Option<Option<i64>>,
    asked: &Asked,
) -> Result<PasswordStatus, JoinError> {
    let account = asked
        .directory
        .as_ref()
        .and_then(|directory| directory.account.as_ref());
    let changed_at = samba.flatten();
    let set_at = account.and_then(|account| account.password_set_at);
    Ok(PasswordStatus {
        changed_at,
        // Samba rounds to the next second.
        age_seconds: set_at
            .or(changed_at)
            .map(|set| parts.host.now().saturating_sub(set).max(0)),
        rotated_by: match (samba, who_rotates(parts.host)?) {
            (_, Rotation::Ours) => RotatedBy::Smbgw,
            (Some(_), Rotation::Winbind(every_seconds)) => RotatedBy::Winbind { every_seconds },
            (None, Rotation::Winbind(_)) => RotatedBy::Others,
        },
    })
}
