//! What a user may do, told before it is tried.

use smbgw_core::deadline::Deadline;

use super::AccountError;
use crate::ldap::{Connection, Dn, Target};

/// What the user of a connection may do in a container or organizational unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rights {
    /// Whether the directory says that computers may be made there.
    pub create: bool,
    /// How many computers each user without rights may make in the domain
    /// (`ms-DS-MachineAccountQuota`), where the directory tells.
    pub quota: Option<u32>,
}

/// Asks what the user may do in `container` of the domain that has its root at `domain`; `None` where
/// there is no such container.
///
/// # Errors
/// Where the directory does not answer.
pub fn rights(
    connection: &mut Connection,
    domain: &Dn,
    container: &Dn,
    deadline: Deadline,
) -> Result<Option<Rights>, AccountError> {
    const CLASSES: &str = "allowedChildClassesEffective";
    const QUOTA: &str = "ms-DS-MachineAccountQuota";
    let Some(entry) = connection.read(container.into(), &[CLASSES], deadline)? else {
        return Ok(None);
    };
    let root = connection.read(domain.into(), &[QUOTA], deadline)?;
    Ok(Some(Rights {
        create: entry.has(CLASSES, "computer"),
        quota: root.and_then(|root| root.flags(QUOTA)),
    }))
}

/// Where computers of the domain are made when nobody says where: usually
/// `CN=Computers,DC=ad,DC=example` (MS-ADTS 6.1.1.4).
///
/// # Errors
/// Where the directory does not answer, or lists no such container.
pub fn computers_container(
    connection: &mut Connection,
    domain: &Dn,
    deadline: Deadline,
) -> Result<Dn, AccountError> {
    let target = Target::WellKnown(COMPUTERS, domain);
    match connection.read(target, &["objectGUID"], deadline)? {
        Some(entry) => Ok(entry.dn().clone()),
        None => Err(AccountError::Gone {
            target: target.to_string(),
        }),
    }
}

/// GUID_COMPUTERS_CONTAINER_W.
const COMPUTERS: &str = "aa312825768811d1aded00c04fd8d5cd";
