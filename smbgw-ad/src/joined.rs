//! The membership of this machine, whoever made it: what this program remembers, or what Samba's settings
//! and the keytab say of a join by `net ads join`, `adcli` or others.

use std::path::{Path, PathBuf};

use smbgw_core::deadline::Deadline;
use smbgw_core::host::{Command, Host};
use smbgw_core::secret::Secret;

use crate::join::{JoiningUser, Parts, find};
use crate::join_error::JoinError;
use crate::krb::keytab::Keytab;
use crate::membership::Membership;
use crate::name::{ComputerName, DomainName, Principal, Realm, Spn};
use crate::samba::remembered::{Remembered, remembered};
use crate::samba::trust::{self, Trust};
use crate::samba::{Member, globals};
use crate::session::{Session, Who};
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

impl Joined {
    /// The controller that the join was told to use.
    pub(crate) fn server(&self) -> Option<&str> {
        self.record.as_ref()?.server.as_deref()
    }

    /// The services for which the keytab has the keys of the account.
    pub(crate) fn services(&self, host: &dyn Host) -> Result<Vec<Spn>, JoinError> {
        let account = self.member.principal();
        let keytab = keytab::read(host, &self.keytab)?;
        Ok(keytab::of_the_account(&keytab, &account)
            .iter()
            .filter_map(|principal| principal.parts().join("/").parse().ok())
            .collect())
    }

    /// A session with the domain of `user`, or of the machine itself.
    pub(crate) fn session(
        &self,
        parts: &Parts<'_>,
        user: Option<(&JoiningUser, &Secret)>,
    ) -> Result<Session, JoinError> {
        let discovery = find(parts, &self.domain, self.server())?;
        let Some((user, password)) = user else {
            let (keytab, clock) = (&self.keytab, parts.clock);
            return Session::of_machine(parts.host, &self.member, keytab, discovery, clock);
        };
        let domain = &discovery.domain;
        let principal = user.principal(&domain.realm, &domain.netbios)?;
        let who = Who::Password(principal, password.clone());
        Ok(Session::new(discovery, who, parts.clock))
    }

    /// A session of the machine, which logs in with `password`.
    pub(crate) fn session_with(
        &self,
        parts: &Parts<'_>,
        password: &Secret,
    ) -> Result<Session, JoinError> {
        let discovery = find(parts, &self.domain, self.server())?;
        let (member, clock) = (&self.member, parts.clock);
        Ok(Session::with_password(discovery, member, password, clock))
    }
}

/// A membership at a glance: without asking Samba's programs.
pub(crate) struct Glance {
    /// The domain.
    pub(crate) domain: DomainName,
    /// The member as Samba knows it.
    pub(crate) member: Member,
    /// The keytab with the machine's keys.
    pub(crate) keytab: PathBuf,
    /// What this program remembers, if it has made the membership.
    pub(crate) record: Option<Membership>,
    /// What Samba remembers.
    pub(crate) samba: Remembered,
    /// Whether the keytab has keys of the machine's account.
    pub(crate) has_keys: bool,
}

impl Glance {
    /// Whether there is a membership, as far as a glance tells.
    pub(crate) fn is_member(&self) -> bool {
        self.record.is_some() || self.has_keys || self.samba != Remembered::Nothing
    }
}

/// The membership of `host`; `None` where it is in no domain.
///
/// # Errors
/// Where the host cannot be looked at.
pub fn joined(host: &dyn Host, deadline: Deadline) -> Result<Option<Joined>, JoinError> {
    let Some(found) = glance(host, deadline)? else {
        return Ok(None);
    };
    let trust = match found.samba {
        Remembered::Nothing => None,
        _ => trust::read(host, &found.member, deadline)?,
    };
    let is_member = found.record.is_some() || found.has_keys || trust.is_some();
    Ok(is_member.then_some(Joined {
        domain: found.domain,
        member: found.member,
        keytab: found.keytab,
        trust,
        record: found.record,
    }))
}

/// What there is of a membership, if anything names a domain.
pub(crate) fn glance(host: &dyn Host, deadline: Deadline) -> Result<Option<Glance>, JoinError> {
    if let Some(record) = Membership::load(host)? {
        let domain = &record.domain;
        let member = Member::new(
            record.computer.clone(),
            &domain.netbios,
            domain.realm.clone(),
        )?;
        return seen(
            host,
            domain.name.clone(),
            member,
            record.keytab.clone(),
            Some(record),
        )
        .map(Some);
    }
    let theirs = globals::administrators(host)?;
    let text = |name| theirs.text(name).filter(|value| !value.is_empty());
    let keytab = text("dedicated keytab file");
    let keytab = keytab.map_or_else(|| PathBuf::from(keytab::DEFAULT), PathBuf::from);
    let accounts = accounts(host, &keytab)?;
    let realm: Option<Realm> = match text("realm") {
        Some(realm) => Some(realm.to_ascii_uppercase().parse()?),
        // Samba is not set up; the keytab of one domain says enough.
        None => match accounts.as_slice() {
            [(_, realm)] => Some(realm.clone()),
            _ => None,
        },
    };
    let Some(realm) = realm else {
        return Ok(None);
    };
    let own = |(computer, of): &(ComputerName, Realm)| (*of == realm).then(|| computer.clone());
    let computer = match (text("netbios name"), accounts.iter().find_map(own)) {
        (Some(name), _) => name.parse()?,
        (None, Some(computer)) => computer,
        (None, None) => short_name(host, deadline)?.parse()?,
    };
    let domain: DomainName = realm.as_str().parse()?;
    let workgroup = match (text("realm"), text("workgroup")) {
        (Some(_), Some(workgroup)) => workgroup,
        // What a domain is called for short unless somebody chose otherwise.
        _ => realm
            .as_str()
            .split('.')
            .next()
            .unwrap_or_default()
            .chars()
            .take(15)
            .collect(),
    };
    let member = Member::new(computer, &workgroup, realm)?;
    let found = seen(host, domain, member, keytab, None)?;
    Ok(found.is_member().then_some(found))
}

fn seen(
    host: &dyn Host,
    domain: DomainName,
    member: Member,
    keytab: PathBuf,
    record: Option<Membership>,
) -> Result<Glance, JoinError> {
    let own = (member.computer.clone(), member.realm.clone());
    Ok(Glance {
        samba: remembered(host, &member)?,
        // One that cannot be read has none; whoever needs its keys says why.
        has_keys: accounts(host, &keytab)?.contains(&own),
        domain,
        member,
        keytab,
        record,
    })
}

/// The accounts of computers that have keys in the keytab at `path`.
fn accounts(host: &dyn Host, path: &Path) -> Result<Vec<(ComputerName, Realm)>, JoinError> {
    let Some(bytes) = host.read(path)? else {
        return Ok(Vec::new());
    };
    let keytab = Keytab::parse(&zeroize::Zeroizing::new(bytes)).unwrap_or_default();
    let account = |principal: &Principal| match principal.parts() {
        [name] => Some((
            name.strip_suffix('$')?.parse().ok()?,
            principal.realm().clone(),
        )),
        _ => None,
    };
    Ok(keytab.principals().iter().filter_map(account).collect())
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
///
/// # Errors
/// Where it cannot be asked.
pub(crate) fn short_name(host: &dyn Host, deadline: Deadline) -> Result<String, JoinError> {
    let name = host_name(host, deadline)?;
    let label = name.split('.').next().unwrap_or_default();
    Ok(label.chars().take(15).collect())
}
