//! Requests by HTTP: each with an agent of its own, which leaves neither a thread nor a connection behind.
//!
//! No proxy is taken from the environment, no redirect is followed by itself, and what is no success is an answer
//! and not an error.

use std::net::SocketAddr;
use std::sync::Arc;

use ureq::config::Config;
use ureq::http::Uri;
use ureq::tls::{RootCerts, TlsConfig, TlsProvider};
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use ureq::{Agent, Proxy};

use crate::deadline::Deadline;
use crate::host::Host;
use crate::resolve::resolve;

/// What makes one request, to be dropped after it: a connection that is kept would be shared with forked processes.
///
/// `server` is the name or address that is connected to, with its port: that of `proxy` where there is one.
/// `authorities` may vouch for the server.
///
/// # Errors
/// Where the server has no address, or no time is left.
pub fn agent(
    host: &dyn Host,
    server: (&str, u16),
    authorities: RootCerts,
    proxy: Option<Proxy>,
    deadline: Deadline,
) -> Result<Agent, String> {
    let (name, port) = server;
    let addresses = resolve(host, name, port, deadline)?;
    if deadline.has_passed() {
        // A timeout of zero would be none.
        return Err("there was no time left to ask it".into());
    }
    let tls = TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .root_certs(authorities)
        .build();
    let config = Agent::config_builder()
        .timeout_global(Some(deadline.remaining()))
        .http_status_as_error(false)
        .max_redirects(0)
        .max_idle_connections(0)
        .proxy(proxy)
        .user_agent(concat!("smbgw/", env!("CARGO_PKG_VERSION")))
        .tls_config(tls)
        .build();
    Ok(Agent::with_parts(
        config,
        DefaultConnector::default(),
        Known(addresses),
    ))
}

/// The addresses that were looked up beforehand: ureq would look them up in a thread.
#[derive(Debug)]
struct Known(Vec<SocketAddr>);

impl Resolver for Known {
    fn resolve(
        &self,
        _: &Uri,
        _: &Config,
        _: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let mut addresses = self.empty();
        for address in &self.0 {
            addresses.push(*address);
        }
        Ok(addresses)
    }
}
