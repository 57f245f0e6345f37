//! Where the Kerberos servers of a realm are, as discovery and the DNS say.

use std::net::SocketAddr;

use smbgw_core::deadline::Deadline;

use super::{Discovery, srv};
use crate::dns::{Kind, Name, Resolver, services};
use crate::krb::kdc::{FindError, KdcFinder, PORT};
use crate::name::{HostName, Realm};

/// Finds Kerberos servers: those of the domain found, and by the DNS those of other realms.
#[derive(Clone, Copy, Debug)]
pub struct Kdcs<'a> {
    /// The domain found.
    pub discovery: &'a Discovery,
    /// Whom to ask about other realms.
    pub resolver: &'a Resolver,
}

/// So many servers of another realm are looked up.
const MOST: usize = 8;

impl KdcFinder for Discovery {
    fn kdcs(&self, realm: &Realm, _: Deadline) -> Result<Vec<SocketAddr>, FindError> {
        match self.domain.realm == *realm {
            true => Ok(self.addresses(PORT)),
            false => Err(FindError::unknown(realm)),
        }
    }
}

impl KdcFinder for Kdcs<'_> {
    fn kdcs(&self, realm: &Realm, deadline: Deadline) -> Result<Vec<SocketAddr>, FindError> {
        match self.discovery.domain.realm == *realm {
            true => self.discovery.kdcs(realm, deadline),
            false => self.resolver.kdcs(realm, deadline),
        }
    }
}

impl KdcFinder for Resolver {
    fn kdcs(&self, realm: &Realm, deadline: Deadline) -> Result<Vec<SocketAddr>, FindError> {
        let name = realm
            .domain()
            .and_then(|domain| Name::from(&domain).below(["_kerberos", "_tcp"]))
            .ok_or_else(|| FindError::unknown(realm))?;
        let answer = self
            .lookup(&name, Kind::SRV, deadline)
            .map_err(|error| FindError::because(&error))?;
        let mut ordered = srv::order(services(&answer.records), srv::random);
        ordered.truncate(MOST);
        let hosts: Vec<HostName> = ordered.iter().map(|s| s.host.clone()).collect();
        let mut found = Vec::new();
        let mut error = None;
        for (service, addresses) in ordered.iter().zip(self.addresses_of(&hosts, deadline)) {
            match addresses {
                Ok(addresses) => found.extend(
                    addresses
                        .into_iter()
                        .map(|address| SocketAddr::new(address, service.port)),
                ),
                Err(why) => error = Some(why),
            }
        }
        match (found.is_empty(), error) {
            (false, _) => Ok(found),
            (true, Some(error)) => Err(FindError::because(&error)),
            (true, None) => Err(FindError::unknown(realm)),
        }
    }
}
