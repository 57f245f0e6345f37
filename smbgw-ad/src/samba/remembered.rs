//! What Samba remembers of its domain, read from its database of secrets directly: a glance, where asking
//! Samba's programs takes longer than all the rest.

use std::path::Path;

use smbgw_core::definition::administrators_globals;
use smbgw_core::host::{FileError, Host};
use zeroize::Zeroizing;

use super::records::PRIVATE_DIR;
use super::{Member, tdb};

/// What a glance at Samba's secrets shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remembered {
    /// A membership in the domain.
    Member {
        /// When the password was changed the last time, in seconds since 1970-01-01 00:00 UTC.
        changed_at: Option<i64>,
    },
    /// Nothing of the domain.
    Nothing,
    /// It cannot be seen in this way: [`trust::read`](super::trust::read) asks Samba's programs.
    Elsewhere,
}

/// Looks for the domain of `member` among Samba's secrets. None of them is kept.
///
/// # Errors
/// Where a file cannot be read.
pub fn remembered(host: &dyn Host, member: &Member) -> Result<Remembered, FileError> {
    let globals = administrators_globals(host)?;
    if globals.flag("clustering") == Some(true) {
        // They are where ctdb keeps them.
        return Ok(Remembered::Elsewhere);
    }
    let directory = globals.text("private dir");
    let directory = directory.as_deref().unwrap_or(PRIVATE_DIR);
    if !directory.starts_with('/') || directory.contains('%') {
        return Ok(Remembered::Elsewhere);
    }
    let Some(bytes) = host.read(&Path::new(directory).join("secrets.tdb"))? else {
        return Ok(Remembered::Nothing);
    };
    let bytes = Zeroizing::new(bytes);
    Ok(match tdb::records(&bytes) {
        Err(_) => Remembered::Elsewhere,
        Ok(records) => {
            let value = |kind: &str| {
                let wanted = format!("SECRETS/{kind}/{}", member.netbios);
                let mut records = records.iter();
                records
                    .find(|(key, _)| is(key, &wanted))
                    .map(|(_, data)| *data)
            };
            match value("MACHINE_PASSWORD") {
                None => Remembered::Nothing,
                Some(_) => Remembered::Member {
                    changed_at: value("MACHINE_LAST_CHANGE_TIME")
                        .and_then(|data| data.try_into().ok())
                        .map(u32::from_le_bytes)
                        .map(i64::from),
                },
            }
        }
    })
}

/// Keys may end with a zero byte.
fn is(key: &[u8], wanted: &str) -> bool {
    key.strip_suffix(b"\0")
        .unwrap_or(key)
        .eq_ignore_ascii_case(wanted.as_bytes())
}
