//! The conversation with a mail server, over at the deadline whatever the server does.
//!
//! A timeout for each read would be kept up by a server that says a byte now and then. So the whole
//! conversation is one future, which is dropped at the deadline, on a runtime that lives no longer
//! than the call and has no thread of its own.

use std::cell::Cell;
use std::net::SocketAddr;
use std::time::Duration;

use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{
    AsyncSmtpConnection, Certificate, CertificateStore, TlsParameters,
};
use lettre::transport::smtp::commands::{Auth, Data, Mail as MailCommand, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailParameter};
use tokio::net::TcpStream;

use super::Encryption;
use super::compose::Mail;
use super::stream::LineByLine;
use crate::deadline::Deadline;
use crate::secret::Secret;

/// How long the server may take to say goodbye, once it has the mail.
const GOODBYE: Duration = Duration::from_secs(2);

/// A mail server and how to talk to it.
pub(super) struct Server<'a> {
    pub(super) name: &'a str,
    pub(super) port: u16,
    pub(super) addresses: Vec<SocketAddr>,
    pub(super) encryption: Encryption,
    /// Authorities in the place of the system's, as PEM.
    pub(super) authorities: Option<Vec<u8>>,
    pub(super) login: Option<(&'a str, Secret)>,
}

/// Why a mail was not taken over.
pub(super) struct Failure {
    pub(super) message: String,
    pub(super) permanent: bool,
}

impl Failure {
    pub(super) fn transient(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            permanent: false,
        }
    }
}

/// Gives `mail` to `server`.
pub(super) fn send(server: &Server<'_>, mail: &Mail, deadline: Deadline) -> Result<(), Failure> {
    if tokio::runtime::Handle::try_current().is_ok() {
        // A runtime inside another one would panic.
        return Err(Failure::transient(
            "mail cannot be sent from within an asynchronous runtime",
        ));
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::transient(format!("the conversation cannot begin: {error}")))?;
    let step = Cell::new("connecting");
    runtime.block_on(async {
        let conversation = converse(server, mail, deadline, &step);
        match tokio::time::timeout(deadline.remaining(), conversation).await {
            Ok(Ok(mut connection)) => {
                // The server has the mail: nothing that comes now may have it sent again.
                let _ = tokio::time::timeout(GOODBYE, connection.quit()).await;
                Ok(())
            }
            Ok(Err(error)) => Err(Failure {
                permanent: error.permanent,
                message: server.told(&error.text, step.get()),
            }),
            Err(_) => {
                let text = "it did not answer in time";
                Err(Failure::transient(server.told(text, step.get())))
            }
        }
    })
}

/// What went wrong in one step.
struct Trouble {
    text: String,
    permanent: bool,
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self {
            permanent: error.is_permanent(),
            text: error.to_string(),
        }
    }
}

impl Trouble {
    fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            permanent: false,
        }
    }
}

/// The conversation up to the moment when the server has taken the mail over.
async fn converse(
    server: &Server<'_>,
    mail: &Mail,
    deadline: Deadline,
    step: &Cell<&'static str>,
) -> Result<AsyncSmtpConnection, Trouble> {
    let mut connection = enter(server, deadline, step).await.map_err(|trouble| {
        // Who is not let in was not refused this mail: a password may be put right.
        Trouble::new(trouble.text)
    })?;
    step.set("naming the sender");
    let mut parameters = Vec::new();
    let mut addresses = mail.envelope.from().into_iter().chain(mail.envelope.to());
    if !addresses.all(|address| address.to_string().is_ascii()) {
        if !connection
            .server_info()
            .supports_feature(Extension::SmtpUtfEight)
        {
            let text = "it does not take addresses with other than ASCII characters";
            return Err(Trouble::new(text));
        }
        parameters.push(MailParameter::SmtpUtfEight);
    }
    let sender = mail.envelope.from().cloned();
    connection
        .command(MailCommand::new(sender, parameters))
        .await?;
    step.set("naming the recipients");
    name_recipients(&mut connection, mail).await?;
    step.set("sending the mail");
    connection.command(Data).await?;
    connection.message(&mail.content).await?;
    Ok(connection)
}

/// A connection, encrypted as it is to be, on which mail may be sent.
async fn enter(
    server: &Server<'_>,
    deadline: Deadline,
    step: &Cell<&'static str>,
) -> Result<AsyncSmtpConnection, Trouble> {
    let mut connection = open(server, deadline, step).await?;
    if let Some(credentials) = server.credentials() {
        step.set("logging in");
        let mechanisms = [Mechanism::Plain, Mechanism::Login];
        connection.auth(&mechanisms, &credentials).await?;
    }
    Ok(connection)
}

/// A connection, encrypted as it is to be.
async fn open(
    server: &Server<'_>,
    deadline: Deadline,
    step: &Cell<&'static str>,
) -> Result<AsyncSmtpConnection, Trouble> {
    let own_name = ClientId::default();
    let addresses = &server.addresses[..];
    // An address that does not answer leaves time for the others.
    let share = u32::try_from(addresses.len()).unwrap_or(1).max(1);
    let for_each = deadline.remaining() / share;
    let mut connection = if server.encryption == Encryption::Tls {
        let tls = Some(server.tls()?);
        AsyncSmtpConnection::connect_tokio1(addresses, Some(for_each), &own_name, tls, None).await?
    } else {
        let stream = Box::new(LineByLine(reach(addresses, for_each).await?));
        AsyncSmtpConnection::connect_with_transport(stream, &own_name).await?
    };
    if server.encryption == Encryption::StartTls {
        step.set("starting encryption");
        if !connection.can_starttls() {
            return Err(Trouble::new("it does not offer STARTTLS"));
        }
        connection.starttls(server.tls()?, &own_name).await?;
    }
    Ok(connection)
}

/// A connection to the first of `addresses` that takes one, each in its time.
async fn reach(addresses: &[SocketAddr], for_each: Duration) -> Result<TcpStream, Trouble> {
    let mut text = "no address is known".to_string();
    for address in addresses {
        match tokio::time::timeout(for_each, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => text = format!("{address}: {error}"),
            Err(_) => text = format!("{address}: it did not answer in time"),
        }
    }
    Err(Trouble::new(text))
}

/// Names all recipients; it is enough that the server accepts one of them.
async fn name_recipients(connection: &mut AsyncSmtpConnection, mail: &Mail) -> Result<(), Trouble> {
    let mut accepted = 0;
    let mut refused: Vec<Trouble> = Vec::new();
    for recipient in mail.envelope.to() {
        let answer = connection
            .command(Rcpt::new(recipient.clone(), Vec::new()))
            .await;
        match answer {
            Ok(_) => accepted += 1,
            Err(error) if error.status().is_some() => refused.push(Trouble {
                permanent: error.is_permanent(),
                text: format!("`{recipient}`: {error}"),
            }),
            Err(error) => return Err(error.into()),
        }
    }
    if accepted == 0 {
        let texts: Vec<_> = refused
            .iter()
            .map(|trouble| trouble.text.as_str())
            .collect();
        return Err(Trouble {
            permanent: refused.iter().all(|trouble| trouble.permanent),
            text: texts.join("; "),
        });
    }
    for trouble in refused {
        tracing::warn!("a recipient of a mail was refused: {}", trouble.text);
    }
    Ok(())
}

impl Server<'_> {
    fn tls(&self) -> Result<TlsParameters, Error> {
        let name = self.name.trim_start_matches('[').trim_end_matches(']');
        let mut builder = TlsParameters::builder(name.into());
        if let Some(pem) = &self.authorities {
            builder = builder
                .certificate_store(CertificateStore::None)
                .add_root_certificate(Certificate::from_pem(pem)?);
        }
        builder.build_rustls()
    }

    fn credentials(&self) -> Option<Credentials> {
        let (user, password) = self.login.as_ref()?;
        let password = String::from_utf8_lossy(password.expose()).into_owned();
        Some(Credentials::new((*user).into(), password))
    }

    /// `text` with where and when it happened, and without the password, which a server might
    /// repeat as it is or as it was sent.
    fn told(&self, text: &str, step: &str) -> String {
        let mut text = text.to_string();
        if let (Some((_, password)), Some(credentials)) = (&self.login, self.credentials()) {
            for (mechanism, challenge) in [
                (Mechanism::Plain, None),
                (Mechanism::Login, Some("Password:".to_string())),
            ] {
                let sent = Auth::new(mechanism, credentials.clone(), challenge);
                let sent = sent.map(|sent| sent.to_string()).unwrap_or_default();
                if let Some(encoded) = sent.split_whitespace().next_back() {
                    text = text.replace(encoded, "(password)");
                }
            }
            let password = String::from_utf8_lossy(password.expose());
            text = text.replace(&*password, "(password)");
        }
        format!("the server `{}:{}`, {step}: {text}", self.name, self.port)
    }
}
