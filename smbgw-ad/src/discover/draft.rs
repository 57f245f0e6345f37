//! A search for a domain as somebody asks for it.

use serde::{Deserialize, Serialize};
use smbgw_core::deadline::Deadline;
use smbgw_core::host::Host;

use super::{Discovery, Options, Server, SiteName, discover};
use crate::dns::Resolver;
use crate::field::read;
use crate::join_error::JoinError;
use crate::membership::Membership;
use crate::name::DomainName;

/// A search for a domain as it was asked for, nothing checked yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct DiscoverDraft {
    /// The DNS name of the domain.
    pub domain: String,
    /// The domain controller to ask, by name or address, instead of looking for one.
    pub server: Option<String>,
    /// The site that this machine is in; the one it was in the last time if not given.
    pub site: Option<String>,
    /// Wait for the answers of all controllers, and take a read-only one where there is no other.
    pub all: bool,
}

impl DiscoverDraft {
    /// Searches from `host`, with its own name servers.
    ///
    /// # Errors
    /// Where the request is wrong, the host cannot be looked at, or the domain is not found.
    pub fn run(&self, host: &dyn Host, deadline: Deadline) -> Result<Discovery, JoinError> {
        let mut problems = Vec::new();
        let domain = read("domain", Some(&self.domain), &mut problems);
        let server: Option<Server> = read("server", self.server.as_ref(), &mut problems);
        let site: Option<SiteName> = read("site", self.site.as_ref(), &mut problems);
        let domain: DomainName = match domain {
            Some(domain) if problems.is_empty() => domain,
            _ => return Err(JoinError::Refused(problems)),
        };
        let site = match site {
            Some(site) => Some(site),
            None => Membership::load(host)?
                .filter(|known| known.domain.name == domain)
                .and_then(|known| known.site),
        };
        let options = Options {
            servers: server.into_iter().collect(),
            site,
            writable: !self.all,
            all: self.all,
            ..Options::default()
        };
        let resolver = Resolver::of_host(host)?;
        Ok(discover(&domain, &resolver, &options, deadline)?)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use smbgw_core::host::LocalHost;

    use super::*;

    #[test]
    fn all_that_is_wrong_comes_before_anything_is_asked() {
        let nowhere = tempfile::tempdir().unwrap();
        let draft = DiscoverDraft {
            domain: "not a domain".into(),
            server: Some("dc one".into()),
            ..DiscoverDraft::default()
        };
        let host = LocalHost::with_root(nowhere.path());
        let refused = draft.run(&host, Deadline::after(Duration::ZERO));
        let JoinError::Refused(problems) = refused.unwrap_err() else {
            panic!("another error");
        };
        let fields: Vec<&str> = problems.iter().map(|p| p.field.as_str()).collect();
        assert_eq!(fields, ["domain", "server"]);
    }
}
