//! What a membership in a domain is for one share: whom it lets in from there, and whom from here.

use serde::Serialize;

use crate::account::UserName;
use crate::catalog;
use crate::host::Host;
use crate::lifecycle::outcome::ShareError;
use crate::share::{Authentication, ShareName};

/// Whom a share lets in, of a domain and of this machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DomainAccess {
    /// The share.
    pub name: ShareName,
    /// Whom of its users and groups it lets in.
    pub auth: Authentication,
    /// Users and groups of a domain that it lets in: they need the membership.
    pub of_domain: Vec<UserName>,
    /// Users and groups of this machine that it lets in, whatever becomes of the domain.
    pub of_machine: Vec<UserName>,
    /// Whether everybody is let in, without a password.
    pub guest: bool,
}

impl DomainAccess {
    /// Whether somebody gets in by the domain alone.
    pub fn needs_domain(&self) -> bool {
        !self.guest && !self.of_domain.is_empty()
    }
}

/// Something about a domain, and whom one share lets in by it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ForShare<T> {
    /// What is told of the domain.
    #[serde(flatten)]
    pub told: T,
    /// Whom the share lets in that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share: Option<DomainAccess>,
}

/// Whom the share `name` lets in.
///
/// # Errors
/// Where there is no such share, or its record cannot be read.
pub fn domain_access(host: &dyn Host, name: &ShareName) -> Result<DomainAccess, ShareError> {
    let record = catalog::load(host, name)?.ok_or_else(|| ShareError::NotFound(name.clone()))?;
    let spec = record.spec;
    let (of_domain, of_machine) = spec
        .access
        .let_in(spec.auth)
        .cloned()
        .partition(UserName::is_of_domain);
    Ok(DomainAccess {
        name: spec.name,
        auth: spec.auth,
        of_domain,
        of_machine,
        guest: spec.access.guest,
    })
}
