//! An HTTP request with the message as JSON.

#[cfg(feature = "webhook")]
mod deliver;
#[cfg(feature = "webhook")]
mod request;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::Deserialize;

#[cfg(feature = "webhook")]
pub(super) use deliver::WebhookChannel;

/// An HTTP request for each message, with the message as JSON.
///
/// It is a `POST` with the message's id as `Idempotency-Key`, so that who gets it twice can tell.
/// Any 2xx answer says that the message was taken over. After 4xx trying again is of no use, apart
/// from 408, 425 and 429, and from 401, 403 and 407, which a new token puts right. Redirects are not
/// followed: the message would go where nobody meant it to. The path of a URL is often a secret by
/// itself, so only its host is ever shown; what a server repeats of the rest is left out.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebhookSettings {
    /// Where to: `https://…`, or `http://…`.
    pub url: String,
    /// More header fields.
    pub headers: BTreeMap<String, String>,
    /// A file whose first line is sent as `Authorization: Bearer …`. It is read for each delivery,
    /// and must be neither readable by everybody nor a symbolic link. Without encryption it is sent
    /// to this machine only.
    pub token_file: Option<PathBuf>,
    /// Authorities (PEM) that may vouch for the server, in the place of the system's.
    pub ca_file: Option<PathBuf>,
    /// A proxy to go through: `http://…`. None is taken from the environment.
    pub proxy: Option<String>,
}

impl fmt::Debug for WebhookSettings {
    /// Without what may be secret: the URL beyond its host, and the values of header fields.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookSettings")
            .field("host", &host_of(&self.url))
            .field("headers", &self.headers.keys().collect::<Vec<_>>())
            .field("token_file", &self.token_file)
            .field("ca_file", &self.ca_file)
            .field("proxy", &self.proxy.as_deref().map(host_of))
            .finish()
    }
}

/// The part of `url` between `//`, or an `@`, and the path.
fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    authority.rsplit('@').next().unwrap_or_default()
}
