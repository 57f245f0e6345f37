//! Making an account.

use smbgw_core::deadline::Deadline;
use smbgw_core::secret::Secret;

use super::change::{current, password_bytes};
use super::{AccountError, Computer, MEMBER, find, read};
use crate::ldap::{Connection, Dn, Edit, Target};
use crate::name::{ComputerName, Guid, HostName, Spn};

/// What an account says about its computer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Details {
    /// The name of the computer in the DNS.
    pub host: Option<HostName>,
    /// The names of its services.
    pub spns: Vec<Spn>,
    /// The bits of the encryption types that it can read (MS-KILE 2.2.7), such as 24 for AES.
    pub encryption_types: Option<u32>,
    /// The operating system.
    pub operating_system: Option<String>,
    /// Its version.
    pub operating_system_version: Option<String>,
}

impl Details {
    /// The attributes that it is about, with the values they are to have.
    pub fn attributes(&self) -> Vec<(&'static str, Vec<String>)> {
        let one = |value: &Option<String>| value.iter().cloned().collect::<Vec<_>>();
        let host = self.host.as_ref().map(HostName::to_string);
        let types = self.encryption_types.map(u32::cast_signed);
        let all = [
            ("dNSHostName", one(&host)),
            (
                "servicePrincipalName",
                self.spns.iter().map(Spn::to_string).collect(),
            ),
            (
                "msDS-SupportedEncryptionTypes",
                one(&types.map(|types| types.to_string())),
            ),
            ("operatingSystem", one(&self.operating_system)),
            (
                "operatingSystemVersion",
                one(&self.operating_system_version),
            ),
        ];
        all.into_iter()
            .filter(|(_, values)| !values.is_empty())
            .collect()
    }
}

/// An account that is to be made.
#[derive(Clone, Copy)]
pub struct NewComputer<'a> {
    /// Its name.
    pub name: &'a ComputerName,
    /// Where it is made.
    pub container: &'a Dn,
    /// Its password.
    pub password: &'a Secret,
    /// What it says about the computer.
    pub details: &'a Details,
    /// A text that nobody else uses, by which [`find_marked`] knows the account again where this
    /// process ends before it has learned the GUID. [`remove_mark`] takes it away.
    pub mark: Option<&'a str>,
}

/// Makes an account, enabled and with its password at once.
///
/// # Errors
/// Where the directory refuses, for example because there is an account of that name
/// ([`Reason::Exists`](crate::ldap::Reason::Exists)).
pub fn create(
    connection: &mut Connection,
    new: NewComputer<'_>,
    deadline: Deadline,
) -> Result<Computer, AccountError> {
    let dn = new
        .container
        .child("CN", new.name.as_str())
        .map_err(|_| AccountError::Gone {
            target: new.container.to_string(),
        })?;
    let password = password_bytes(new.password)?;
    let (account, control) = (new.name.account(), MEMBER.to_string());
    let details = new.details.attributes();
    let mut attributes: Vec<(&str, Vec<&[u8]>)> = vec![
        ("objectClass", vec![b"computer"]),
        ("sAMAccountName", vec![account.as_bytes()]),
        ("userAccountControl", vec![control.as_bytes()]),
        ("unicodePwd", vec![password.as_slice()]),
    ];
    if let Some(mark) = new.mark {
        attributes.push((MARK, vec![mark.as_bytes()]));
    }
    for (attribute, values) in &details {
        attributes.push((attribute, values.iter().map(String::as_bytes).collect()));
    }
    connection.add(&dn, attributes, deadline)?;
    let made = connection.read(Target::Dn(&dn), super::ATTRIBUTES, deadline)?;
    match made {
        Some(made) => Computer::of(&made),
        None => Err(AccountError::Gone {
            target: dn.to_string(),
        }),
    }
}

/// Finds the account that was made with that mark, and no other one of that name.
///
/// # Errors
/// Where the directory does not answer.
pub fn find_marked(
    connection: &mut Connection,
    domain: &Dn,
    name: &ComputerName,
    mark: &str,
    deadline: Deadline,
) -> Result<Option<Computer>, AccountError> {
    let Some(found) = find(connection, domain, name, deadline)? else {
        return Ok(None);
    };
    let entry = connection.read(Target::Guid(found.guid), &[MARK], deadline)?;
    Ok(entry
        .is_some_and(|entry| entry.text(MARK) == Some(mark))
        .then_some(found))
}

/// Takes the mark off an account where it is the given one.
///
/// # Errors
/// Where the directory refuses.
pub fn remove_mark(
    connection: &mut Connection,
    guid: Guid,
    mark: &str,
    deadline: Deadline,
) -> Result<(), AccountError> {
    if read(connection, guid, deadline)?.is_none() {
        return Ok(());
    }
    let marks = current(connection, guid, &[MARK], deadline)?;
    if marks
        .iter()
        .any(|(_, values)| values.iter().any(|value| value == mark))
    {
        let edit = Edit::Remove(MARK, vec![mark.as_bytes()]);
        connection.modify(Target::Guid(guid), vec![edit], deadline)?;
    }
    Ok(())
}

/// Every object may have it, and Windows does not use it.
const MARK: &str = "adminDescription";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_given_is_an_attribute() {
        assert!(Details::default().attributes().is_empty());
        let details = Details {
            host: Some("gw.ad.test".parse().unwrap()),
            spns: vec!["HOST/gw".parse().unwrap(), "cifs/gw".parse().unwrap()],
            encryption_types: Some(0x8000_0018),
            ..Details::default()
        };
        let attributes = details.attributes();
        assert_eq!(attributes.len(), 3);
        assert_eq!(attributes[1].1, ["HOST/gw", "cifs/gw"]);
        // Numbers in a directory are signed.
        assert_eq!(attributes[2].1, ["-2147483624"]);
    }
}
