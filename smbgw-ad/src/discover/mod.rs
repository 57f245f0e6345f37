//! Finds a domain and the domain controller to talk to.
//!
//! [`discover`] asks the DNS for the domain's controllers, those of the remembered site first
//! (`srv`), asks them who they are, several at once ([`cldap`], [`netlogon`]), and takes the
//! nearest one that will do. Where the answer tells that another site is nearer, that is asked, too.
//!
//! ```no_run
//! use std::time::Duration;
//! use smbgw_ad::discover::{Options, discover};
//! use smbgw_ad::dns::Resolver;
//! use smbgw_core::{deadline::Deadline, host::LocalHost};
//!
//! let resolver = Resolver::of_host(&LocalHost::new())?;
//! let deadline = Deadline::after(Duration::from_secs(10));
//! let found = discover(&"ad.example".parse()?, &resolver, &Options::default(), deadline)?;
//! println!("{} by {}", found.domain.netbios, found.controller.host);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod cldap;
mod draft;
mod error;
mod kdc;
pub mod netlogon;
mod ping;
mod search;
mod site;
mod srv;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use smbgw_core::deadline::Deadline;

pub use draft::DiscoverDraft;
pub use error::{DiscoverError, Failure, Tried};
pub use kdc::Kdcs;
pub use netlogon::Flags;
pub use site::SiteName;
pub use srv::order;

use crate::dns::Resolver;
use crate::name::{DomainName, Guid, HostName, Realm};

/// A domain, as one of its controllers describes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Domain {
    /// Its name in the DNS.
    pub name: DomainName,
    /// Its Kerberos realm.
    pub realm: Realm,
    /// Its NetBIOS name, which Samba calls the workgroup.
    pub netbios: String,
    /// Its GUID.
    pub guid: Guid,
    /// The name of the forest that it belongs to.
    pub forest: DomainName,
}

/// A domain controller that answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DomainController {
    /// Its name.
    pub host: HostName,
    /// Its NetBIOS name.
    pub netbios: String,
    /// The address at which it answered.
    pub address: IpAddr,
    /// All its addresses that are known, that one first.
    pub addresses: Vec<IpAddr>,
    /// The site it is in.
    pub site: Option<SiteName>,
    /// What it does.
    pub flags: Flags,
    /// How long it took to answer; in JSON in milliseconds.
    #[serde(rename = "milliseconds", serialize_with = "milliseconds")]
    #[cfg_attr(feature = "schema", schemars(with = "f64"))]
    pub round_trip: Duration,
}

impl DomainController {
    /// Where it answers on `port`.
    pub fn socket(&self, port: u16) -> SocketAddr {
        SocketAddr::new(self.address, port)
    }
}

fn milliseconds<S: serde::Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(time.as_micros() as f64 / 1000.0)
}

/// A controller that was given instead of looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Server {
    /// By name.
    Name(HostName),
    /// By address.
    Address(IpAddr),
}

impl std::str::FromStr for Server {
    type Err = crate::name::NameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse() {
            Ok(address) => Ok(Self::Address(address)),
            Err(_) => text.parse().map(Self::Name),
        }
    }
}

impl std::fmt::Display for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Name(name) => name.fmt(f),
            Self::Address(address) => address.fmt(f),
        }
    }
}

/// What kind of controller is wanted.
#[derive(Clone, Debug)]
pub struct Options {
    /// Controllers given: the DNS is not asked for others. The first that answers is taken.
    pub servers: Vec<Server>,
    /// The site this machine was in the last time ([`Discovery::client_site`]).
    pub site: Option<SiteName>,
    /// Whether it has to take changes, as joining and rotating need.
    pub writable: bool,
    /// Whether to wait for the answers of all controllers, as looking for faults needs.
    pub all: bool,
    /// Controllers to take only where there is no other, as they failed before.
    pub avoid: Vec<HostName>,
    /// When to ask the next controllers where those asked do not answer.
    pub batch_delay: Duration,
    /// How long to wait for answers once all have been asked.
    pub patience: Duration,
    /// The port that controllers are asked on.
    pub port: u16,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            servers: Vec::new(),
            site: None,
            writable: true,
            all: false,
            avoid: Vec::new(),
            batch_delay: Duration::from_millis(150),
            patience: Duration::from_secs(3),
            port: 389,
        }
    }
}

/// What was found.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Discovery {
    /// The domain.
    pub domain: Domain,
    /// The controller to talk to.
    pub controller: DomainController,
    /// Others that answered and would do, too.
    pub others: Vec<DomainController>,
    /// The site this machine is in, to be remembered for the next time ([`Options::site`]).
    pub client_site: Option<SiteName>,
    /// Controllers that did not answer, or will not do, each with the reason.
    pub passed_over: Vec<Tried>,
    /// Addresses of controllers that were not asked, or have not answered yet.
    pub unasked: Vec<IpAddr>,
}

impl Discovery {
    /// Where the domain answers on `port`: the chosen controller first, then others that answered,
    /// then those that may.
    pub fn addresses(&self, port: u16) -> Vec<SocketAddr> {
        let mut addresses: Vec<SocketAddr> = Vec::new();
        let answered = std::iter::once(&self.controller).chain(&self.others);
        for address in answered
            .map(|controller| controller.address)
            .chain(self.unasked.iter().copied())
        {
            let address = SocketAddr::new(address, port);
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        addresses
    }
}

/// Finds the controller of `domain` to talk to.
///
/// # Errors
/// Where the DNS does not know the domain or its controllers, or none of them answers that will do;
/// each of these is a [`DiscoverError`] of its own.
pub fn discover(
    domain: &DomainName,
    resolver: &Resolver,
    options: &Options,
    deadline: Deadline,
) -> Result<Discovery, DiscoverError> {
    search::run(domain, resolver, options, deadline)
}
