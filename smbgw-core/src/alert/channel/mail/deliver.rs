//! Handing a mail over, to a server or to `sendmail`.

use super::MailSettings;
use super::addresses::{self, Addresses};
use super::compose::{Mail, compose};
use super::smtp::{self, Failure, Server};
use crate::alert::channel::{Channel, ChannelError, command, secret_file};
use crate::alert::message::Messages;
use crate::alert::notice::Notice;
use crate::deadline::Deadline;
use crate::error::{Problem, chain_text};
use crate::host::{Command, Host};
use crate::resolve::resolve;

const NAME: &str = "mail";

#[derive(Debug)]
pub(in crate::alert::channel) struct MailChannel<'a> {
    settings: MailSettings,
    addresses: Addresses,
    host: &'a dyn Host,
    messages: &'a Messages,
}

impl<'a> MailChannel<'a> {
    pub(in crate::alert::channel) fn new(
        settings: &MailSettings,
        host: &'a dyn Host,
        messages: &'a Messages,
    ) -> Result<Self, Vec<Problem>> {
        Ok(Self {
            addresses: addresses::check(settings)?,
            settings: settings.clone(),
            host,
            messages,
        })
    }

    fn by_sendmail(&self, mail: &Mail, deadline: Deadline) -> Result<(), ChannelError> {
        let from = mail.envelope.from().map(ToString::to_string);
        let command = Command::new("sendmail")
            // A line with a single dot does not end the mail.
            .arg("-i")
            .args(["-f", &from.unwrap_or_default()])
            .arg("--")
            .args(mail.envelope.to().iter().map(ToString::to_string))
            .stdin(with_line_feeds(&mail.content));
        command::run(NAME, self.host, command, deadline)
    }

    fn by_smtp(&self, name: &str, mail: &Mail, deadline: Deadline) -> Result<(), Failure> {
        let settings = &self.settings;
        let encryption = settings.tls.unwrap_or_default();
        let port = settings.port.unwrap_or_else(|| encryption.port());
        let transient = Failure::transient;
        let authorities = match &settings.ca_file {
            None => None,
            Some(path) => {
                let read = self.host.read(path);
                let pem = read.map_err(|error| transient(chain_text(&error)))?;
                let missing = || transient(format!("there is no file `{}`", path.display()));
                Some(pem.ok_or_else(missing)?)
            }
        };
        let login = match (&settings.user, &settings.password_file) {
            (Some(user), Some(path)) => {
                let password = secret_file::read(self.host, path).map_err(transient)?;
                Some((user.as_str(), password))
            }
            _ => None,
        };
        let server = Server {
            name,
            port,
            addresses: resolve(self.host, name, port, deadline).map_err(transient)?,
            encryption,
            authorities,
            login,
        };
        smtp::send(&server, mail, deadline)
    }
}

impl Channel for MailChannel<'_> {
    fn name(&self) -> &str {
        NAME
    }

    fn deliver(&self, notice: &Notice, deadline: Deadline) -> Result<(), ChannelError> {
        let message = self.messages.render(notice);
        let mail = compose(&self.addresses, notice, &message)
            .map_err(|error| ChannelError::permanent(NAME, chain_text(&error)))?;
        let Some(server) = &self.settings.server else {
            return self.by_sendmail(&mail, deadline);
        };
        self.by_smtp(server, &mail, deadline)
            .map_err(|failure| ChannelError {
                channel: NAME.into(),
                message: failure.message,
                permanent: failure.permanent,
            })
    }
}

/// `content` as programs of the machine have it: with line feeds at the ends of lines.
fn with_line_feeds(content: &[u8]) -> Vec<u8> {
    let mut lines = Vec::with_capacity(content.len());
    for (index, byte) in content.iter().enumerate() {
        if *byte != b'\r' || content.get(index + 1) != Some(&b'\n') {
            lines.push(*byte);
        }
    }
    lines
}
