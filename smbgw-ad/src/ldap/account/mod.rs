//! The account that a computer has in its domain.
//!
//! Every change tells what it did, and what was there before, so that it can be taken back. An
//! account is found by its name once, and addressed by its GUID after that: a GUID is never given to
//! another object, whatever is renamed, moved, deleted or made anew meanwhile.

mod change;
mod claim;
mod create;
mod error;
mod rights;

pub use change::{
    Previous, Updated, compare, delete, restore, set_enabled, set_password, update,
    writable_missing,
};
pub use claim::{Claim, claims};
pub use create::{Details, NewComputer, create, find_marked, remove_mark};
pub use error::AccountError;
pub use rights::{Rights, computers_container, rights};

use jiff::{SignedDuration, Timestamp};
use smbgw_core::deadline::Deadline;

use crate::name::{ComputerName, Guid, Sid, Spn};

use super::{Connection, Dn, Entry, Filter, Scope, Target};

/// The account of a computer, as it is in the directory.
#[derive(Clone, Debug)]
pub struct Computer {
    /// Where it is.
    pub dn: Dn,
    /// What it is called forever.
    pub guid: Guid,
    /// Its security identifier.
    pub sid: Sid,
    /// Its name with a `$` (`sAMAccountName`).
    pub account: String,
    /// The flags of `userAccountControl` (MS-ADTS 2.2.16).
    pub control: u32,
    /// The name of the computer in the DNS (`dNSHostName`), as it is.
    pub host: Option<String>,
    /// The names of its services (`servicePrincipalName`).
    pub spns: Vec<Spn>,
    /// The bits of `msDS-SupportedEncryptionTypes` (MS-KILE 2.2.7).
    pub encryption_types: Option<u32>,
    /// The version of its key (`msDS-KeyVersionNumber`).
    pub kvno: Option<u32>,
    /// When its password was set last; `None` where it never was, or has to be set anew.
    pub password_set: Option<Timestamp>,
    /// When the account expires, if ever.
    pub expires: Option<Timestamp>,
    /// `operatingSystem`.
    pub operating_system: Option<String>,
    /// `operatingSystemVersion`.
    pub operating_system_version: Option<String>,
}

impl Computer {
    /// Whether it can log in.
    pub fn is_enabled(&self) -> bool {
        self.control & DISABLED == 0
    }

    /// Whether it is that of a member, and not of a domain controller or a user.
    pub fn is_member(&self) -> bool {
        self.control & MEMBER != 0 && self.control & CONTROLLER == 0
    }

    /// Whether it has expired at `now`.
    pub fn has_expired(&self, now: Timestamp) -> bool {
        self.expires.is_some_and(|end| end <= now)
    }

    fn of(entry: &Entry) -> Result<Self, AccountError> {
        let unusual = |attribute| AccountError::Unusual {
            dn: entry.dn().clone(),
            attribute,
        };
        let text = |attribute| entry.text(attribute).map(str::to_string);
        Ok(Self {
            dn: entry.dn().clone(),
            guid: entry.guid("objectGUID").ok_or(unusual("objectGUID"))?,
            sid: entry.sid("objectSid").ok_or(unusual("objectSid"))?,
            account: text("sAMAccountName").ok_or(unusual("sAMAccountName"))?,
            control: entry
                .flags("userAccountControl")
                .ok_or(unusual("userAccountControl"))?,
            host: text("dNSHostName"),
            spns: entry
                .texts("servicePrincipalName")
                .filter_map(|spn| spn.parse().ok())
                .collect(),
            encryption_types: entry.flags("msDS-SupportedEncryptionTypes"),
            kvno: entry.flags("msDS-KeyVersionNumber"),
            password_set: entry.number("pwdLastSet").and_then(filetime),
            expires: entry.number("accountExpires").and_then(filetime),
            operating_system: text("operatingSystem"),
            operating_system_version: text("operatingSystemVersion"),
        })
    }
}

/// Finds the account of the computer `name` in the domain that has its root at `domain`.
///
/// # Errors
/// Where the directory does not answer, or an account of that name is that of a user.
pub fn find(
    connection: &mut Connection,
    domain: &Dn,
    name: &ComputerName,
    deadline: Deadline,
) -> Result<Option<Computer>, AccountError> {
    let filter = Filter::equal("sAMAccountName", name.account());
    let found = connection.search(
        domain.into(),
        Scope::Subtree,
        &filter,
        ATTRIBUTES,
        1,
        deadline,
    )?;
    let Some(entry) = found.entries.first() else {
        return Ok(None);
    };
    if !entry.has("objectClass", "computer") {
        return Err(AccountError::NotAComputer {
            account: name.account(),
            dn: entry.dn().clone(),
        });
    }
    Computer::of(entry).map(Some)
}

/// Reads the account with that GUID; `None` where it is gone.
///
/// # Errors
/// Where the directory does not answer, or hides what every account has.
pub fn read(
    connection: &mut Connection,
    guid: Guid,
    deadline: Deadline,
) -> Result<Option<Computer>, AccountError> {
    let entry = connection.read(Target::Guid(guid), ATTRIBUTES, deadline)?;
    entry.as_ref().map(Computer::of).transpose()
}

/// A time as Windows counts it: steps of 100 ns since the year 1601. 0 and the largest number mean
/// none (MS-ADTS 2.3.2).
fn filetime(steps: i64) -> Option<Timestamp> {
    if steps <= 0 || steps == i64::MAX {
        return None;
    }
    let since = SignedDuration::from_micros(steps / 10);
    let epoch = Timestamp::from_second(-11_644_473_600).ok()?;
    epoch.checked_add(since).ok()
}

const ATTRIBUTES: &[&str] = &[
    "accountExpires",
    "dNSHostName",
    "msDS-KeyVersionNumber",
    "msDS-SupportedEncryptionTypes",
    "objectClass",
    "objectGUID",
    "objectSid",
    "operatingSystem",
    "operatingSystemVersion",
    "pwdLastSet",
    "sAMAccountName",
    "servicePrincipalName",
    "userAccountControl",
];

/// ADS_UF_ACCOUNT_DISABLE.
const DISABLED: u32 = 0x2;
/// ADS_UF_WORKSTATION_TRUST_ACCOUNT: a member.
const MEMBER: u32 = 0x1000;
/// ADS_UF_SERVER_TRUST_ACCOUNT: a domain controller.
const CONTROLLER: u32 = 0x2000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_windows_are_read() {
        assert_eq!(
            filetime(133_485_408_000_000_000).unwrap().to_string(),
            "2024-01-01T00:00:00Z"
        );
        for none in [0, -1, i64::MAX, i64::MAX - 1] {
            assert!(
                filetime(none).is_none_or(|time| time > Timestamp::now()),
                "{none}"
            );
        }
    }
}
