//! Changing an account, so that it can be changed back.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use smbgw_core::change::Change;
use smbgw_core::deadline::Deadline;
use smbgw_core::secret::Secret;
use zeroize::Zeroizing;

use super::{AccountError, DISABLED};
use crate::ldap::{Connection, Edit, Entry, LdapError, Reason, Target};
use crate::name::Guid;

/// What attributes were before a change; it can be kept in a journal. No value of it is secret.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Previous(BTreeMap<String, Vec<String>>);

impl Previous {
    /// The attributes that were changed, with the values they had.
    pub fn attributes(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.0
            .iter()
            .map(|(attribute, values)| (attribute.as_str(), values.as_slice()))
    }

    /// Whether nothing was changed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// What an update did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Updated {
    /// Whether anything was changed.
    pub change: Change,
    /// What was there before.
    pub previous: Previous,
}

/// Compares what the attributes are with what they are to be: what [`update`] would change, with the
/// values that are there now. Nothing is changed.
///
/// # Errors
/// Where the directory does not answer, or the account is gone.
pub fn compare(
    connection: &mut Connection,
    guid: Guid,
    wanted: &[(&str, Vec<String>)],
    deadline: Deadline,
) -> Result<Previous, AccountError> {
    let names: Vec<&str> = wanted.iter().map(|(attribute, _)| *attribute).collect();
    let now = current(connection, guid, &names, deadline)?;
    let different = now
        .into_iter()
        .zip(wanted)
        .filter(|((_, now), (_, wanted))| set(now) != set(wanted))
        .map(|(now, _)| now);
    Ok(Previous(different.collect()))
}

/// Gives attributes the values that they are to have, and no others. All are changed or none, and
/// those that are right already are left alone.
///
/// # Errors
/// Where the directory refuses, or the account is gone.
pub fn update(
    connection: &mut Connection,
    guid: Guid,
    wanted: &[(&str, Vec<String>)],
    deadline: Deadline,
) -> Result<Updated, AccountError> {
    let previous = compare(connection, guid, wanted, deadline)?;
    let edits: Vec<Edit<'_>> = wanted
        .iter()
        .filter(|(attribute, _)| previous.0.contains_key(*attribute))
        .map(|(attribute, values)| Edit::Replace(attribute, bytes(values)))
        .collect();
    if edits.is_empty() {
        return Ok(Updated {
            change: Change::Unchanged,
            previous,
        });
    }
    connection.modify(Target::Guid(guid), edits, deadline)?;
    Ok(Updated {
        change: Change::Updated,
        previous,
    })
}

/// Takes an update back. An account that is gone needs none.
///
/// # Errors
/// Where the directory refuses.
pub fn restore(
    connection: &mut Connection,
    guid: Guid,
    previous: &Previous,
    deadline: Deadline,
) -> Result<Change, AccountError> {
    let wanted: Vec<(&str, Vec<String>)> = previous
        .attributes()
        .map(|(attribute, values)| (attribute, values.to_vec()))
        .collect();
    if wanted.is_empty() {
        return Ok(Change::Unchanged);
    }
    match update(connection, guid, &wanted, deadline) {
        Ok(updated) => Ok(updated.change),
        Err(AccountError::Gone { .. }) => Ok(Change::Unchanged),
        Err(error) => Err(error),
    }
}

/// Sets the password of an account, without knowing the one it has.
///
/// # Errors
/// Where the directory refuses, for example because the user has no right to reset passwords.
pub fn set_password(
    connection: &mut Connection,
    guid: Guid,
    password: &Secret,
    deadline: Deadline,
) -> Result<(), AccountError> {
    let password = password_bytes(password)?;
    let edit = Edit::Replace("unicodePwd", vec![password.as_slice()]);
    Ok(connection.modify(Target::Guid(guid), vec![edit], deadline)?)
}

/// Enables or disables an account.
///
/// # Errors
/// Where the directory refuses, or the account is gone.
pub fn set_enabled(
    connection: &mut Connection,
    guid: Guid,
    enabled: bool,
    deadline: Deadline,
) -> Result<Updated, AccountError> {
    let entry = entry(connection, guid, &["userAccountControl"], deadline)?;
    let control = entry
        .flags("userAccountControl")
        .ok_or_else(|| AccountError::Unusual {
            dn: entry.dn().clone(),
            attribute: "userAccountControl",
        })?;
    let wanted = match enabled {
        true => control & !DISABLED,
        false => control | DISABLED,
    };
    let wanted = wanted.cast_signed().to_string();
    update(
        connection,
        guid,
        &[("userAccountControl", vec![wanted])],
        deadline,
    )
}

/// Deletes an account, with what is below it; an account that is gone needs no deleting.
///
/// # Errors
/// Where the directory refuses.
pub fn delete(
    connection: &mut Connection,
    guid: Guid,
    deadline: Deadline,
) -> Result<Change, AccountError> {
    let target = Target::Guid(guid);
    let is = |error: &LdapError, reason| error.reason() == Some(reason);
    let deleted = match connection.delete(target, false, deadline) {
        Err(error) if is(&error, Reason::NotALeaf) => connection.delete(target, true, deadline),
        other => other,
    };
    match deleted {
        Ok(()) => Ok(Change::Removed),
        Err(error) if is(&error, Reason::Missing) => Ok(Change::Unchanged),
        Err(error) => Err(error.into()),
    }
}

/// Which of `attributes` the user may not write on the account (`allowedAttributesEffective`).
///
/// # Errors
/// Where the directory does not answer, or the account is gone.
pub fn writable_missing<'a>(
    connection: &mut Connection,
    guid: Guid,
    attributes: &[&'a str],
    deadline: Deadline,
) -> Result<Vec<&'a str>, AccountError> {
    const ALLOWED: &str = "allowedAttributesEffective";
    let entry = entry(connection, guid, &[ALLOWED], deadline)?;
    Ok(attributes
        .iter()
        .copied()
        .filter(|attribute| !entry.has(ALLOWED, attribute))
        .collect())
}

/// What the attributes are, in the order of `attributes`.
pub(super) fn current(
    connection: &mut Connection,
    guid: Guid,
    attributes: &[&str],
    deadline: Deadline,
) -> Result<Vec<(String, Vec<String>)>, AccountError> {
    let entry = entry(connection, guid, attributes, deadline)?;
    Ok(attributes
        .iter()
        .map(|attribute| {
            let values = entry.texts(attribute).map(str::to_string).collect();
            ((*attribute).to_string(), values)
        })
        .collect())
}

fn entry(
    connection: &mut Connection,
    guid: Guid,
    attributes: &[&str],
    deadline: Deadline,
) -> Result<Entry, AccountError> {
    let target = Target::Guid(guid);
    connection
        .read(target, attributes, deadline)?
        .ok_or_else(|| AccountError::Gone {
            target: target.to_string(),
        })
}

/// The form in which `unicodePwd` takes a password: in quotes, as UTF-16 (MS-ADTS 3.1.1.3.1.5.1).
pub(super) fn password_bytes(password: &Secret) -> Result<Zeroizing<Vec<u8>>, AccountError> {
    let text = std::str::from_utf8(password.expose()).map_err(|_| AccountError::Password)?;
    if text.is_empty() || text.encode_utf16().count() > 256 {
        return Err(AccountError::Password);
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(2 * text.len() + 4));
    bytes.extend_from_slice(b"\"\0");
    text.encode_utf16()
        .for_each(|unit| bytes.extend_from_slice(&unit.to_le_bytes()));
    bytes.extend_from_slice(b"\"\0");
    Ok(bytes)
}

fn bytes(values: &[String]) -> Vec<&[u8]> {
    values.iter().map(String::as_bytes).collect()
}

fn set(values: &[String]) -> BTreeSet<&str> {
    values.iter().map(String::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_have_quotes_and_sixteen_bits() {
        let secret = Secret::from("aü\"".to_string());
        assert_eq!(
            *password_bytes(&secret).unwrap(),
            [b'"', 0, b'a', 0, 0xfc, 0, b'"', 0, b'"', 0]
        );
        for wrong in [vec![], vec![0xff], vec![b'a'; 257]] {
            assert!(password_bytes(&Secret::from(wrong)).is_err());
        }
        assert!(password_bytes(&Secret::from("𝄞".repeat(128))).is_ok());
    }

    #[test]
    fn what_was_before_can_be_kept() {
        let previous = Previous(BTreeMap::from([
            ("dNSHostName".to_string(), vec![]),
            ("servicePrincipalName".to_string(), vec!["HOST/a".into()]),
        ]));
        let text = serde_json::to_string(&previous).unwrap();
        assert_eq!(
            text,
            r#"{"dNSHostName":[],"servicePrincipalName":["HOST/a"]}"#
        );
        assert_eq!(serde_json::from_str::<Previous>(&text).unwrap(), previous);
    }
}
