//! Sending the request and judging the answer.

use std::fmt;
use std::path::Path;

use ureq::Agent;
use ureq::http::{HeaderValue, StatusCode, header};
use ureq::tls::{Certificate, PemItem, RootCerts, parse_pem};

use super::WebhookSettings;
use super::request::{self, Request};
use crate::alert::channel::{Channel, ChannelError, payload, secret_file};
use crate::alert::message::{Messages, one_line};
use crate::alert::notice::Notice;
use crate::deadline::Deadline;
use crate::error::{Problem, chain_text};
use crate::host::Host;
use crate::http;
use crate::secret::Secret;

const NAME: &str = "webhook";

/// As much of a refusal's text as is read, in bytes, and shown, in characters.
const LONGEST_READ: u64 = 4096;
const LONGEST_SHOWN: usize = 200;

pub(in crate::alert::channel) struct WebhookChannel<'a> {
    settings: WebhookSettings,
    request: Request,
    host: &'a dyn Host,
    messages: &'a Messages,
}

impl fmt::Debug for WebhookChannel<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let settings = &self.settings;
        f.debug_struct("WebhookChannel")
            .field("settings", settings)
            .finish_non_exhaustive()
    }
}

impl<'a> WebhookChannel<'a> {
    pub(in crate::alert::channel) fn new(
        settings: &WebhookSettings,
        host: &'a dyn Host,
        messages: &'a Messages,
    ) -> Result<Self, Vec<Problem>> {
        Ok(Self {
            request: request::check(settings)?,
            settings: settings.clone(),
            host,
            messages,
        })
    }

    fn agent(&self, deadline: Deadline) -> Result<Agent, String> {
        let authorities = match &self.settings.ca_file {
            Some(path) => authorities(self.host, path)?,
            None => RootCerts::PlatformVerifier,
        };
        let (name, port) = &self.request.next;
        let proxy = self.request.proxy.clone();
        http::agent(self.host, (name, *port), authorities, proxy, deadline)
    }

    fn post(&self, notice: &Notice, body: &[u8], deadline: Deadline) -> Result<(), Refusal> {
        let token = match &self.settings.token_file {
            Some(path) => Some(secret_file::read(self.host, path).map_err(Refusal::transient)?),
            None => None,
        };
        let agent = self.agent(deadline).map_err(Refusal::transient)?;
        let mut request = agent
            .post(&self.request.uri)
            .header(header::CONTENT_TYPE, "application/json")
            .header("Idempotency-Key", one_line(&notice.id, LONGEST_SHOWN));
        for (name, value) in &self.request.headers {
            request = request.header(name, value);
        }
        if let Some(token) = &token {
            request = request.header(header::AUTHORIZATION, bearer(token)?);
        }
        let mut response = request
            .send(body)
            .map_err(|error| Refusal::transient(error_text(&error)))?;
        let status = response.status();
        if status.is_success() {
            return Ok(());
        }
        let said = response
            .body_mut()
            .with_config()
            .limit(LONGEST_READ)
            .lossy_utf8(true)
            .read_to_string()
            .unwrap_or_default();
        let said = one_line(&self.request.conceal(said, token.as_ref()), LONGEST_SHOWN);
        let text = match (status.is_redirection(), said.as_str()) {
            (true, _) => format!("it answered {status}, and redirects are not followed"),
            (false, "") => format!("it answered {status}"),
            (false, said) => format!("it answered {status}: {said}"),
        };
        Err(Refusal {
            permanent: is_permanent(status),
            text,
        })
    }
}

impl Channel for WebhookChannel<'_> {
    fn name(&self) -> &str {
        NAME
    }

    fn deliver(&self, notice: &Notice, deadline: Deadline) -> Result<(), ChannelError> {
        let body = payload::json(notice, &self.messages.render(notice))
            .map_err(|error| ChannelError::permanent(NAME, error.to_string()))?;
        self.post(notice, &body, deadline)
            .map_err(|refusal| ChannelError {
                channel: NAME.into(),
                message: format!("the server `{}`: {}", self.request.host, refusal.text),
                permanent: refusal.permanent,
            })
    }
}

/// Why the message was not taken over.
struct Refusal {
    text: String,
    permanent: bool,
}

impl Refusal {
    fn transient(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            permanent: false,
        }
    }
}

/// Whether the same request will be refused again: by all 4xx, apart from those that are about this
/// moment (RFC 9110 section 15.5, RFC 8470 section 5.2, RFC 6585 section 4), or about who asks and
/// not about the message: a token may be put right.
fn is_permanent(status: StatusCode) -> bool {
    status.is_client_error() && ![401, 403, 407, 408, 425, 429].contains(&status.as_u16())
}

fn bearer(token: &Secret) -> Result<HeaderValue, Refusal> {
    let mut text = b"Bearer ".to_vec();
    text.extend_from_slice(token.expose());
    let mut value = HeaderValue::from_bytes(&text)
        .map_err(|_| Refusal::transient("the token cannot be sent in a header field"))?;
    value.set_sensitive(true);
    Ok(value)
}

fn authorities(host: &dyn Host, path: &Path) -> Result<RootCerts, String> {
    let pem = host.read(path).map_err(|error| chain_text(&error))?;
    let pem = pem.ok_or_else(|| format!("there is no file `{}`", path.display()))?;
    let found: Vec<Certificate<'static>> = parse_pem(&pem)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    if found.is_empty() {
        return Err(format!("there is no certificate in `{}`", path.display()));
    }
    Ok(RootCerts::new_with_certs(&found))
}

/// The text of an error without the URL.
fn error_text(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Timeout(_) => "it did not answer in time".into(),
        ureq::Error::BadUri(_) => "the URL cannot be used".into(),
        other => chain_text(other),
    }
}
