//! The membership of this machine, whoever made it: what this program remembers, or what Samba says of
//! a join by `net ads join`, `adcli` or others.

use std::path::PathBuf;

use smbgw_core::deadline::Deadline;
use smbgw_core::host::{Command, Host};

use crate::join_error::JoinError;
use crate::membership::Membership;
use crate::name::{ComputerName, DomainName, Realm};
use crate::samba::trust::{self, Trust};
use crate::samba::{Member, globals};
use crate::steps::keytab;

/// A membership as it is found.
#[derive(Clone, Debug)]
pub struct Joined {
    /// The domain.
    pub domain: DomainName,
    /// The member as Samba knows it.
    pub member: Member,
    /// The keytab with the machine's keys.
    pub keytab: PathBuf,
    /// What Samba knows, if it knows anything.
    pub trust: Option<Trust>,
    /// What this program remembers, if it has made the membership.
    pub record: Option<Membership>,
}

/// The membership of `host`; `None` where it is in no domain.
///
/// # Errors
/// Where the host cannot be looked at.
pub fn joined(host: &dyn Host, deadline: Deadline) -> Result<Option<Joined>, JoinError> {
    if let Some(record) = Membership::load(host)? {
        let domain = &record.domain;
        let member = Member::new(
            record.computer.clone(),
            &domain.netbios,
            domain.realm.clone(),
        )?;
        return Ok(Some(Joined {
            domain: domain.name.clone(),
            trust: trust::read(host, &member, deadline)?,
            member,
            keytab: record.keytab.clone(),
            record: Some(record),
        }));
    }
    let theirs = globals::administrators(host)?;
    let (Some(realm), Some(workgroup)) = (theirs.text("realm"), theirs.text("workgroup")) else {
        return Ok(None);
    };
    let realm: Realm = realm.to_ascii_uppercase().parse()?;
    let computer: ComputerName = match theirs.text("netbios name") {
        Some(name) => name.parse()?,
        None => short_name(host, deadline)?.parse()?,
    };
    let domain: DomainName = realm.as_str().parse()?;
    let member = Member::new(computer, &workgroup, realm)?;
    let Some(trust) = trust::read(host, &member, deadline)? else {
        return Ok(None);
    };
    let keytab = theirs.text("dedicated keytab file");
    let keytab = keytab.filter(|path| !path.is_empty());
    let keytab = keytab.map_or_else(|| PathBuf::from(keytab::DEFAULT), PathBuf::from);
    Ok(Some(Joined {
        domain,
        member,
        keytab,
        trust: Some(trust),
        record: None,
    }))
}

/// What the host calls itself (hostname(1)).
///
/// # Errors
/// Where it cannot be asked.
pub(crate) fn host_name(host: &dyn Host, deadline: Deadline) -> Result<String, JoinError> {
    let said = host.run(&Command::new("hostname"), deadline)?;
    Ok(said.text().trim().to_string())
}

/// The same without its domain, and as long as a NetBIOS name can be.
fn short_name(host: &dyn Host, deadline: Deadline) -> Result<String, JoinError> {
    let name = host_name(host, deadline)?;
    let label = name.split('.').next().unwrap_or_default();
    Ok(label.chars().take(15).collect())
}
