//! What somebody asks for who asks to join a domain: first as text, then checked.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use smbgw_core::deadline::Deadline;
use smbgw_core::error::{Coded, Problem};
use smbgw_core::host::Host;

use crate::join_error::JoinError;
use crate::joined::short_name;
use crate::ldap::Dn;
use crate::name::{ComputerName, DomainName, HostName, Principal, Realm};

/// A join as it was asked for, nothing checked yet.
///
/// [`check`](JoinDraft::check) makes a [`JoinSpec`] of it, or a list of everything that is wrong. The
/// password is no part of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct JoinDraft {
    /// The DNS name of the domain.
    pub domain: String,
    /// Who joins: `alice`, `alice@AD.EXAMPLE` or `AD\alice`. None where a pre-created account with a
    /// one-time password is taken over.
    pub user: Option<String>,
    /// The distinguished name of the container for the account; the domain's own choice if not given.
    pub ou: Option<String>,
    /// The short name of the computer; the host's own if not given.
    pub computer_name: Option<String>,
    /// Its full DNS name; its host name within the domain if not given.
    pub host_name: Option<String>,
    /// Further names by which clients reach it, short or full.
    pub aliases: Vec<String>,
    /// The domain controller to use, by name or address, instead of looking for one.
    pub server: Option<String>,
    /// Take over an account that is there, keeping its attributes.
    pub reuse: bool,
    /// Take over an account that is there and give it a new password, even where another computer
    /// uses it.
    pub reset: bool,
    /// Leave `nsswitch.conf` as it is. smbd lets in only users whom the system knows, so that those of
    /// the domain cannot use shares unless the file names winbind already.
    pub no_nsswitch: bool,
    /// Do not register the host's addresses in the DNS.
    pub no_dns: bool,
    /// Leave winbindd as it is: it is started, or started anew, by somebody else.
    pub no_winbind: bool,
    /// The addresses to register; those of the host if empty.
    pub addresses: Vec<IpAddr>,
}

/// A join whose request is in order by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinSpec {
    /// The domain.
    pub domain: DomainName,
    /// Who joins, in the form that was given.
    pub user: Option<JoiningUser>,
    /// The container for the account.
    pub ou: Option<Dn>,
    /// The computer.
    pub computer: ComputerName,
    /// Its full DNS name.
    pub host_name: HostName,
    /// Further names of it, as given.
    pub aliases: Vec<Alias>,
    /// The domain controller to use.
    pub server: Option<String>,
    /// What to do with an account that is there.
    pub existing: Existing,
    /// Whether `nsswitch.conf` is to name the domain.
    pub nsswitch: bool,
    /// Whether winbindd is started.
    pub winbind: bool,
    /// Whether addresses are registered in the DNS.
    pub dns: bool,
    /// Those to register; those of the host if empty.
    pub addresses: Vec<IpAddr>,
}

/// A further name of a host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Alias {
    /// A short one, such as `files`.
    Short(ComputerName),
    /// A full one, such as `files.ad.example`.
    Full(HostName),
}

impl Alias {
    /// The name.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Short(name) => name.as_str(),
            Self::Full(name) => name.as_str(),
        }
    }
}

/// Who joins, before the domain has said which realm it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoiningUser {
    name: String,
    /// What stood behind the `@` or before the `\`.
    place: Option<String>,
}

impl JoiningUser {
    /// The principal it is, where the domain has this `realm` and is called `netbios` for short. A user
    /// of another domain is an enterprise name, for which the domain finds the realm.
    ///
    /// # Errors
    /// Where the name cannot be one.
    pub fn principal(
        &self,
        realm: &Realm,
        netbios: &str,
    ) -> Result<Principal, crate::name::NameError> {
        match &self.place {
            None => Principal::user(&self.name, realm.clone()),
            Some(place)
                if place.eq_ignore_ascii_case(realm.as_str())
                    || place.eq_ignore_ascii_case(netbios) =>
            {
                Principal::user(&self.name, realm.clone())
            }
            Some(place) => Principal::user(&format!("{}@{place}", self.name), realm.clone()),
        }
    }
}

impl std::str::FromStr for JoiningUser {
    type Err = crate::name::NameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = |reason| {
            Err(crate::name::NameError::new(
                text,
                "a user of a domain",
                reason,
            ))
        };
        let (name, place) = match (text.split_once('\\'), text.rsplit_once('@')) {
            (Some((place, name)), _) => (name, Some(place)),
            (None, Some((name, place))) => (name, Some(place)),
            (None, None) => (text, None),
        };
        if name.is_empty() || place.is_some_and(str::is_empty) {
            return wrong("its form is `alice`, `alice@AD.EXAMPLE` or `AD\\alice`");
        }
        if text.chars().any(char::is_control) || text.len() > 512 {
            return wrong("it is too long or has a control character");
        }
        Ok(Self {
            name: name.into(),
            place: place.map(str::to_string),
        })
    }
}

/// What to do with an account that is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Existing {
    /// Refuse: somebody may use it.
    #[default]
    Refuse,
    /// Take it over, unless a computer uses it: one that was created for this join, or was disabled.
    Reuse,
    /// Take it over whoever uses it.
    Reset,
}

impl JoinDraft {
    /// Whose password a join needs: the user as given, or the computer where a pre-created account
    /// with a one-time password is taken over.
    ///
    /// # Errors
    /// Where the host has to be asked for its name, and does not tell it.
    pub fn whose_password(&self, host: &dyn Host, deadline: Deadline) -> Result<String, JoinError> {
        match self.user.as_ref().or(self.computer_name.as_ref()) {
            Some(name) => Ok(name.clone()),
            None => short_name(host, deadline),
        }
    }

    /// Checks every field by itself and the fields against each other; `host` is the name that the host
    /// goes by, from which names are made that are not given.
    ///
    /// # Errors
    /// All the problems there are.
    pub fn check(&self, host: &str) -> Result<JoinSpec, Vec<Problem>> {
        let mut problems = Vec::new();
        let spec = self.parse(host, &mut problems);
        match spec {
            Some(spec) if problems.is_empty() => Ok(spec),
            _ => Err(problems),
        }
    }

    fn parse(&self, host: &str, problems: &mut Vec<Problem>) -> Option<JoinSpec> {
        let domain = keep(self.domain.parse::<DomainName>(), "domain", problems);
        let label = host.split('.').next().unwrap_or_default();
        let computer = match &self.computer_name {
            Some(name) => keep(name.parse::<ComputerName>(), "computer-name", problems),
            None => label
                .parse::<ComputerName>()
                .map_err(|error| {
                    problems.push(Problem::from_error("computer-name", &error).remedy(
                        "the host's name cannot be that of its account: give one with \
                         --computer-name",
                    ));
                })
                .ok(),
        };
        let host_name = match (&self.host_name, &domain) {
            (Some(name), _) => keep(name.parse::<HostName>(), "host-name", problems),
            (None, Some(domain)) => {
                let label = match &self.computer_name {
                    Some(_) => computer.as_ref().map(ComputerName::label),
                    None => Some(label.to_string()),
                };
                label.and_then(|label| keep(domain.host(&label), "host-name", problems))
            }
            (None, None) => None,
        };
        let user = match self.user.as_deref() {
            Some(user) => keep(user.parse::<JoiningUser>(), "user", problems).map(Some),
            None => Some(None),
        };
        let ou = match self.ou.as_deref() {
            Some(ou) => keep(ou.parse::<Dn>(), "ou", problems).map(Some),
            None => Some(None),
        };
        if let (Some(Some(ou)), Some(domain)) = (&ou, &domain)
            && let Ok(root) = domain.root_dn().parse::<Dn>()
            && !ou.is_within(&root)
        {
            let message = format!("`{ou}` is not below `{root}`");
            problems.push(Problem::invalid("ou", "ad.name-invalid", message));
        }
        let aliases: Vec<Alias> = self
            .aliases
            .iter()
            .filter_map(|alias| match alias.contains('.') {
                true => keep(alias.parse().map(Alias::Full), "aliases", problems),
                false => keep(alias.parse().map(Alias::Short), "aliases", problems),
            })
            .collect();
        if self.reuse && self.reset {
            let message = "`reuse` and `reset` exclude each other";
            problems.push(Problem::invalid("reset", "ad.request-invalid", message));
        }
        if self.no_dns && !self.addresses.is_empty() {
            let message = "addresses are given, and that none are to be registered";
            problems.push(Problem::invalid("addresses", "ad.request-invalid", message));
        }
        Some(JoinSpec {
            domain: domain?,
            user: user?,
            ou: ou?,
            computer: computer?,
            host_name: host_name?,
            aliases,
            server: self.server.clone(),
            existing: match (self.reuse, self.reset) {
                (_, true) => Existing::Reset,
                (true, false) => Existing::Reuse,
                (false, false) => Existing::Refuse,
            },
            nsswitch: !self.no_nsswitch,
            winbind: !self.no_winbind,
            dns: !self.no_dns,
            addresses: self.addresses.clone(),
        })
    }
}

/// The value, or its error as a problem of `field`.
fn keep<T, E: Coded>(
    result: Result<T, E>,
    field: &'static str,
    problems: &mut Vec<Problem>,
) -> Option<T> {
    result
        .map_err(|error| problems.push(Problem::from_error(field, &error)))
        .ok()
}
