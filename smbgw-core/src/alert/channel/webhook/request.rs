//! The settings of a webhook, checked.

use ureq::http::{HeaderName, HeaderValue, Uri};
use ureq::{Proxy, ProxyProtocol};

use super::WebhookSettings;
use crate::alert::channel::is_this_machine;
use crate::error::Problem;
use crate::secret::Secret;

/// Header fields that are not the administrator's to set: they frame the request.
const OURS: [&str; 7] = [
    "connection",
    "content-length",
    "content-type",
    "expect",
    "host",
    "idempotency-key",
    "transfer-encoding",
];

/// A part of a URL or header field that is shorter, in bytes, is no secret: `v1`, `Bearer`.
const LEAST_SECRET: usize = 8;

/// Where a request goes and what it carries.
pub(super) struct Request {
    pub(super) uri: Uri,
    pub(super) host: String,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) proxy: Option<Proxy>,
    /// The server that is connected to: the proxy's, or the one of the URL.
    pub(super) next: (String, u16),
}

impl Request {
    /// `said`, which a server answered, without what it repeats of the request that may be a secret:
    /// the token, the URL beyond its host, and the values of header fields, whole and in parts.
    pub(super) fn conceal(&self, said: String, token: Option<&Secret>) -> String {
        let mut secrets: Vec<&str> = Vec::new();
        let token = token.map(|token| String::from_utf8_lossy(token.expose()));
        secrets.extend(token.as_deref());
        let beyond = self.uri.path_and_query();
        let beyond = beyond.map_or("", |beyond| beyond.as_str());
        let values = self.headers.iter().map(|(_, value)| value.to_str());
        let in_headers = values
            .filter_map(Result::ok)
            .flat_map(|value| value.split_whitespace().chain([value]));
        let in_url = beyond
            .split(['/', '?', '&', '='])
            .chain([beyond, self.uri.path()]);
        let all = in_headers.chain(in_url);
        secrets.extend(all.filter(|part| part.len() >= LEAST_SECRET));
        // The longest first, so that nothing is left of one that holds another.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        secrets
            .into_iter()
            .fold(said, |said, secret| said.replace(secret, "(secret)"))
    }
}

/// The request that `settings` describe.
///
/// # Errors
/// All that is wrong with the settings. No value is repeated: it may be a secret.
pub(super) fn check(settings: &WebhookSettings) -> Result<Request, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut problem = |field: &str, message: String| {
        problems.push(Problem::invalid(field, "alert.webhook", message));
    };
    let target = target(settings).map_err(|message| problem("webhook.url", message));
    let proxy = match settings.proxy.as_deref().map(proxy) {
        Some(Err(())) => {
            problem("webhook.proxy", "this is no URL of an HTTP proxy".into());
            None
        }
        Some(Ok(proxy)) => Some(proxy),
        None => None,
    };
    if let (Ok((uri, ..)), Some(proxy)) = (&target, &proxy)
        && settings.token_file.is_some()
        && uri.scheme_str() != Some("https")
        && !is_this_machine(proxy.host())
    {
        let message = "without encryption, the token could be read on the way to the proxy";
        problem("webhook.proxy", message.into());
    }
    let mut headers = Vec::new();
    for (name, value) in &settings.headers {
        match (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            (Ok(name), Ok(_)) if OURS.contains(&name.as_str()) => {
                problem(
                    "webhook.headers",
                    format!("`{name}` is set by this program"),
                );
            }
            (Ok(name), Ok(_)) if name == "authorization" && settings.token_file.is_some() => {
                let message = "`authorization` is set, and a token file is named, too";
                problem("webhook.headers", message.into());
            }
            (Ok(name), Ok(mut value)) => {
                value.set_sensitive(true);
                headers.push((name, value));
            }
            (Err(_), _) => {
                let message = format!("`{}` is no name of a header field", name.escape_debug());
                problem("webhook.headers", message);
            }
            (_, Err(_)) => {
                let message = format!("the value of `{name}` cannot be that of a header field");
                problem("webhook.headers", message);
            }
        }
    }
    match target {
        Ok((uri, host, port)) if problems.is_empty() => Ok(Request {
            next: match &proxy {
                Some(proxy) => (proxy.host().into(), proxy.port()),
                None => (host.clone(), port),
            },
            uri,
            host,
            headers,
            proxy,
        }),
        _ => Err(problems),
    }
}

/// The URL with its host and port.
fn target(settings: &WebhookSettings) -> Result<(Uri, String, u16), String> {
    let no_url = || "this is no URL".to_string();
    let uri = Uri::try_from(&settings.url).map_err(|_| no_url())?;
    let is_encrypted = match uri.scheme_str() {
        Some("https") => true,
        Some("http") => false,
        _ => return Err("the URL begins with neither `https://` nor `http://`".into()),
    };
    let authority = uri.authority().ok_or_else(no_url)?;
    if authority.as_str().contains('@') {
        return Err("the URL holds a user; name a token file instead".into());
    }
    let host = authority.host().to_string();
    if host.is_empty() {
        return Err(no_url());
    }
    if settings.token_file.is_some() && !is_encrypted && !is_this_machine(&host) {
        return Err("without encryption, the token could be read on the network".into());
    }
    if settings.ca_file.is_some() && !is_encrypted {
        return Err("without encryption nobody vouches for the server".into());
    }
    let usual = if is_encrypted { 443 } else { 80 };
    let port = authority.port_u16().unwrap_or(usual);
    Ok((uri, host, port))
}

fn proxy(text: &str) -> Result<Proxy, ()> {
    let proxy = Proxy::new(text).map_err(drop)?;
    match proxy.protocol() {
        ProxyProtocol::Http | ProxyProtocol::Https => Ok(proxy),
        _ => Err(()),
    }
}
