//! Names that must belong to one account only.

use smbgw_core::deadline::Deadline;

use super::AccountError;
use crate::ldap::{Connection, Dn, Filter, Scope, Target};
use crate::name::{Guid, HostName, Spn};

/// An account that has a name which another one is to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The account.
    pub dn: Dn,
    /// Its GUID.
    pub guid: Guid,
    /// The names in question that it has, as it has them.
    pub names: Vec<String>,
}

/// Finds the accounts below `base` that have one of `spns` or the DNS name `host`, other than the
/// account `except`.
///
/// Names of services are unique in a forest. A global catalog knows all of them: there, `base` is
/// [`Target::Root`]. Elsewhere it is the root of a domain, and the answer holds for that domain.
///
/// # Errors
/// Where the directory does not answer.
pub fn claims(
    connection: &mut Connection,
    base: Target<'_>,
    spns: &[Spn],
    host: Option<&HostName>,
    except: Option<Guid>,
    deadline: Deadline,
) -> Result<Vec<Claim>, AccountError> {
    // To take a service from a host that has it by its name alone is to take it, too.
    let mut spns = spns.to_vec();
    let hosts: Vec<Spn> = spns.iter().filter_map(Spn::stands_for).collect();
    spns.extend(hosts);
    let mut filters: Vec<Filter> = spns
        .iter()
        .map(|spn| Filter::equal(SPN, spn.as_str()))
        .collect();
    filters.extend(host.map(|host| Filter::equal(HOST, host.as_str())));
    if filters.is_empty() {
        return Ok(vec![]);
    }
    let found = connection.search(
        base,
        Scope::Subtree,
        &Filter::any(filters),
        &["objectGUID", SPN, HOST],
        MOST,
        deadline,
    )?;
    let mut claims = vec![];
    for entry in &found.entries {
        let guid = entry.guid("objectGUID").ok_or(AccountError::Unusual {
            dn: entry.dn().clone(),
            attribute: "objectGUID",
        })?;
        if Some(guid) == except {
            continue;
        }
        let mut names: Vec<String> = entry
            .texts(SPN)
            .filter(|text| text.parse().is_ok_and(|spn| spns.contains(&spn)))
            .map(str::to_string)
            .collect();
        names.extend(
            entry
                .texts(HOST)
                .filter(|text| host.is_some_and(|host| text.eq_ignore_ascii_case(host.as_str())))
                .map(str::to_string),
        );
        claims.push(Claim {
            dn: entry.dn().clone(),
            guid,
            names,
        });
    }
    Ok(claims)
}

const SPN: &str = "servicePrincipalName";
const HOST: &str = "dNSHostName";

/// More accounts than these with the same names are a mess that nobody reads.
const MOST: usize = 1000;
