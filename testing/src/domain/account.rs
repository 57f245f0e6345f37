//! What is in the directory: users, groups, organisational units, computers, names in the DNS.
//!
//! All of it is written to the controller's own database, past LDAP and its access checks, which
//! takes a tenth of a second.

use std::time::{SystemTime, UNIX_EPOCH};

use super::ldif::{self, Entry};
use super::{Domain, DomainController};
use crate::process::run_with;
use crate::{Result, run};

const DATABASE: &str = "/var/lib/samba/private/sam.ldb";

/// What keeps a user from logging in, or nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The account works.
    Good,
    /// The account was disabled.
    Disabled,
    /// The account was good for a time that is over.
    Expired,
    /// Too many wrong passwords were tried.
    Locked,
    /// The password has to be changed first.
    MustChange,
}

impl Domain {
    /// Adds users, in `CN=Users`, whose password is [`Domain::PASSWORD`].
    pub fn add_users(&self, names: &[&str]) -> Result<()> {
        let password = ldif::password(Domain::PASSWORD);
        let entries: Vec<String> = names
            .iter()
            .map(|name| {
                format!(
                    "dn: {}\nobjectClass: user\nsAMAccountName: {name}\n\
                     userPrincipalName: {name}@{}\nuserAccountControl: 512\n\
                     unicodePwd:: {password}\n",
                    Domain::dn_of_user(name),
                    Domain::NAME
                )
            })
            .collect();
        self.controller().directory_add(&entries.join("\n"))
    }

    /// The distinguished name of a user that [`Domain::add_users`] made.
    pub fn dn_of_user(name: &str) -> String {
        format!("CN={name},CN=Users,{}", Domain::BASE)
    }

    /// Sets the password of a user.
    pub fn set_password(&self, user: &str, password: &str) -> Result<()> {
        self.controller().directory_modify(&format!(
            "dn: {}\nchangetype: modify\nreplace: unicodePwd\nunicodePwd:: {}\n",
            Domain::dn_of_user(user),
            ldif::password(password)
        ))
    }

    /// Sets what keeps a user from logging in.
    pub fn set_standing(&self, user: &str, standing: Standing) -> Result<()> {
        let (control, expires, locked, changed) = match standing {
            Standing::Good => (512, 0_i64, 0, -1),
            Standing::Disabled => (514, 0, 0, -1),
            Standing::Expired => (512, 125_000_000_000_000_000, 0, -1),
            Standing::Locked => (512, 0, windows_time(), -1),
            Standing::MustChange => (512, 0, 0, 0),
        };
        self.controller().directory_modify(&format!(
            "dn: {}\nchangetype: modify\n\
             replace: userAccountControl\nuserAccountControl: {control}\n-\n\
             replace: accountExpires\naccountExpires: {expires}\n-\n\
             replace: lockoutTime\nlockoutTime: {locked}\n-\n\
             replace: pwdLastSet\npwdLastSet: {changed}\n-\n",
            Domain::dn_of_user(user)
        ))
    }

    /// Adds an organisational unit at the root and returns its distinguished name. Characters that
    /// mean something in such a name are escaped.
    pub fn add_ou(&self, name: &str) -> Result<String> {
        let dn = format!("OU={},{}", escaped(name), Domain::BASE);
        self.controller().directory_add(&format!(
            "dn:: {}\nobjectClass: organizationalUnit\n",
            ldif::base64(dn.as_bytes())
        ))?;
        Ok(dn)
    }

    /// Adds a group, in `CN=Users`, with these users.
    pub fn add_group(&self, name: &str, members: &[&str]) -> Result<()> {
        let mut entry = format!(
            "dn: {}\nobjectClass: group\nsAMAccountName: {name}\n",
            Domain::dn_of_user(name)
        );
        for member in members {
            entry.push_str(&format!("member: {}\n", Domain::dn_of_user(member)));
        }
        self.controller().directory_add(&entry)
    }

    /// The account of a computer, if it has one: all attributes, those with secrets left out.
    pub fn computer(&self, name: &str) -> Result<Option<Entry>> {
        let filter = format!("(&(objectClass=computer)(sAMAccountName={name}$))");
        let found = self
            .controller()
            .directory_search(&filter, &["*", "msDS-KeyVersionNumber"])?;
        Ok(found.into_iter().next())
    }

    /// Removes every service (SRV) record of the domain.
    pub fn remove_srv_records(&self) -> Result<()> {
        for zone in [
            format!("DC={},CN=MicrosoftDNS,DC=DomainDnsZones", Domain::NAME),
            format!(
                "DC=_msdcs.{},CN=MicrosoftDNS,DC=ForestDnsZones",
                Domain::NAME
            ),
        ] {
            let base = format!("{zone},{}", Domain::BASE);
            let found = self.controller().directory_search_at(
                &base,
                "(&(objectClass=dnsNode)(name=_*))",
                &["dn"],
            )?;
            let names: Vec<String> = found
                .iter()
                .flat_map(|entry| entry["dn"].iter().cloned())
                .collect();
            run(self
                .controller()
                .command("ldbdel")
                .args(["-H", DATABASE])
                .args(&names))?;
        }
        Ok(())
    }
}

impl DomainController {
    /// Adds entries, given as LDIF, to this controller's database.
    pub fn directory_add(&self, ldif: &str) -> Result<()> {
        let mut command = self.command("ldbadd");
        run_with(command.args(["-H", DATABASE]), ldif.as_bytes()).map(drop)
    }

    /// Makes changes, given as LDIF, in this controller's database.
    pub fn directory_modify(&self, ldif: &str) -> Result<()> {
        let mut command = self.command("ldbmodify");
        run_with(command.args(["-H", DATABASE]), ldif.as_bytes()).map(drop)
    }

    /// Removes the entry `dn` from this controller's database, with all below it.
    pub fn directory_delete(&self, dn: &str) -> Result<()> {
        run(self
            .command("ldbdel")
            .args(["-H", DATABASE, "--recursive", dn]))
        .map(drop)
    }

    /// The entries that match `filter`, as this controller has them, with these attributes.
    pub fn directory_search(&self, filter: &str, attributes: &[&str]) -> Result<Vec<Entry>> {
        self.directory_search_at(Domain::BASE, filter, attributes)
    }

    fn directory_search_at(
        &self,
        base: &str,
        filter: &str,
        attributes: &[&str],
    ) -> Result<Vec<Entry>> {
        let text = run(self
            .command("ldbsearch")
            .args(["-H", DATABASE, "-b", base, filter])
            .args(attributes))?;
        Ok(ldif::parse(&text))
    }
}

/// A value as it is written in a distinguished name (RFC 4514).
fn escaped(value: &str) -> String {
    let mut text = String::new();
    let last = value.chars().count().saturating_sub(1);
    for (position, letter) in value.chars().enumerate() {
        let at_an_end = position == 0 || position == last;
        if "\\,+\"<>;=".contains(letter)
            || (letter == ' ' && at_an_end)
            || (letter == '#' && position == 0)
        {
            text.push('\\');
        }
        text.push(letter);
    }
    text
}

/// The time as the directory has it: 100 ns since 1601.
fn windows_time() -> i64 {
    const YEARS: i64 = 11_644_473_600;
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let seconds = now.map_or(0, |since| since.as_secs());
    (i64::try_from(seconds).unwrap_or(0) + YEARS) * 10_000_000
}
