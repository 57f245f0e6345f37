//! The keytab of this machine: what is in it, and writing it anew.

use std::path::PathBuf;

use serde::Serialize;
use smbgw_core::change::Change;
use smbgw_core::secret::Secret;

use crate::join::Parts;
use crate::join_error::JoinError;
use crate::joined::{Joined, joined};
use crate::name::{Principal, Spn};
use crate::rotate::{GENERATIONS, is_wrong_password};
use crate::samba::trust;
use crate::session::Session;
use crate::steps::keytab;

/// A keytab of a machine, without its keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MachineKeytab {
    /// Where it is.
    pub file: PathBuf,
    /// The account of the machine.
    pub account: String,
    /// What it holds.
    pub entries: Vec<KeytabEntry>,
}

/// One key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct KeytabEntry {
    /// Whose it is.
    pub principal: String,
    /// Its version.
    pub version: u32,
    /// Its encryption type, such as `aes256-cts-hmac-sha1-96`; its number where it is none that this
    /// program knows.
    pub encryption_type: String,
    /// When it was written, in seconds since 1970-01-01 00:00 UTC.
    pub written_at: i64,
}

/// What is in the keytab of this machine.
///
/// # Errors
/// Where this machine is in no domain, or its keytab cannot be read.
pub fn show(parts: &Parts<'_>) -> Result<MachineKeytab, JoinError> {
    let known = joined(parts.host, parts.deadline)?.ok_or(JoinError::NotJoined)?;
    let account = known.member.principal();
    let keytab = keytab::read(parts.host, &known.keytab)?;
    Ok(MachineKeytab {
        file: known.keytab,
        account: account.to_string(),
        entries: keytab
            .entries()
            .iter()
            .map(|entry| KeytabEntry {
                principal: entry.shown_name(),
                version: entry.kvno(),
                encryption_type: match entry.etype() {
                    Some(etype) => etype.to_string(),
                    None => entry.etype_number().to_string(),
                },
                written_at: entry.timestamp().as_second(),
            })
            .collect(),
    })
}

/// A keytab that was written anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Refreshed {
    /// Whether anything was missing.
    pub change: Change,
    /// The version of the keys that the domain has.
    pub key_version: u32,
    /// The services that have them.
    pub services: Vec<Spn>,
}

/// Writes the keys of the machine's account anew, from the password that Samba knows, for all services
/// that the account has: what helps where the keytab is lost or behind. Keys of others stay, and so do
/// the former ones of the account.
///
/// # Errors
/// Where this machine is in no domain, Samba knows no password that the domain takes, or the keytab
/// cannot be written.
pub fn refresh(parts: &Parts<'_>) -> Result<Refreshed, JoinError> {
    let _lock = parts
        .host
        .lock("domain", "writing the keytab", parts.deadline)?;
    let known = joined(parts.host, parts.deadline)?.ok_or(JoinError::NotJoined)?;
    let passwords =
        trust::passwords(parts.host, &known.member, parts.deadline)?.ok_or(JoinError::NotJoined)?;
    let (session, password) = match log_in(parts, &known, &passwords.current) {
        Ok(session) => (session, passwords.current),
        Err(JoinError::Session(error)) if is_wrong_password(&error) => {
            // A rotation was interrupted before the domain was told.
            let old = passwords.old.ok_or(JoinError::Session(error))?;
            (log_in(parts, &known, &old)?, old)
        }
        Err(error) => return Err(error),
    };
    let computer = &known.member.computer;
    let found = session.computer(computer, parts.deadline)?;
    let key_version = found.kvno.ok_or_else(|| JoinError::AccountUnreadable {
        computer: computer.clone(),
        attribute: "msDS-KeyVersionNumber",
    })?;
    let keys = keytab::keys(&password, &known.member.realm, computer)?;
    let mut content = keytab::read(parts.host, &known.keytab)?;
    let principals = keytab::principals(computer, &known.member.realm, &found.spns);
    let has_all = |principal: &Principal| {
        let there = content.keys(principal, key_version);
        keys.iter()
            .all(|key| there.iter().any(|other| other.is(key)))
    };
    if principals.iter().all(has_all) {
        return Ok(Refreshed {
            change: Change::Unchanged,
            key_version,
            services: found.spns,
        });
    }
    let now = parts.host.now();
    keytab::insert(&mut content, &principals, key_version, &keys, now);
    for principal in &principals {
        content.prune(principal, GENERATIONS);
    }
    Ok(Refreshed {
        change: keytab::write(parts.host, &known.keytab, &content)?,
        key_version,
        services: found.spns,
    })
}

fn log_in(parts: &Parts<'_>, known: &Joined, password: &Secret) -> Result<Session, JoinError> {
    let session = known.session_with(parts, password)?;
    session.log_in(parts.deadline)?;
    Ok(session)
}
