//! E-mail, by SMTP or by the machine's own `sendmail`.

#[cfg(feature = "mail")]
mod addresses;
#[cfg(feature = "mail")]
mod compose;
#[cfg(feature = "mail")]
mod deliver;
#[cfg(feature = "mail")]
mod smtp;
#[cfg(feature = "mail")]
mod stream;

use std::path::PathBuf;

use serde::Deserialize;

#[cfg(feature = "mail")]
pub(super) use deliver::MailChannel;

/// E-mail.
///
/// Either `server` names a mail server, or `sendmail` hands messages to the program of that name.
/// A mail has plain text and HTML, a `Message-ID` made of the message's id, `Auto-Submitted:
/// auto-generated` (RFC 3834), and the fields `X-Smbgw-Id`, `X-Smbgw-Host`, `X-Smbgw-Share`,
/// `X-Smbgw-Kind`, `X-Smbgw-Event` and `X-Smbgw-Severity`, for filters.
///
/// A mail counts as delivered when one recipient at least was accepted; the others are logged. A
/// refusal for good (5xx) ends the attempts only where it is about the mail: who is not let in, for
/// a password that was changed, say, tries again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MailSettings {
    /// The sender: `gw@example.org` or `Storage <gw@example.org>`.
    pub from: String,
    /// The recipients, of the same form.
    pub to: Vec<String>,
    /// The name or address of a mail server.
    pub server: Option<String>,
    /// Its port; if not set, 587, 465 or 25, as `tls` goes.
    pub port: Option<u16>,
    /// How the connection is encrypted; by `STARTTLS` if not set.
    pub tls: Option<Encryption>,
    /// Authorities (PEM) that may vouch for the server, in the place of the system's.
    pub ca_file: Option<PathBuf>,
    /// The name to log in with.
    pub user: Option<String>,
    /// A file whose first line is the password. It is read for each delivery, and must be neither
    /// readable by everybody nor a symbolic link.
    pub password_file: Option<PathBuf>,
    /// Hand messages to the program `sendmail` of this machine.
    pub sendmail: bool,
}

/// How the connection to a mail server is encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encryption {
    /// From the `STARTTLS` command on (RFC 3207); a server without it gets no message.
    #[default]
    StartTls,
    /// From the first byte on (RFC 8314).
    Tls,
    /// Not at all: for a relay on the same machine or in a network that is trusted. A password is
    /// only sent to the same machine.
    None,
}

#[cfg(feature = "mail")]
impl Encryption {
    /// The port that is usual.
    fn port(self) -> u16 {
        match self {
            Self::StartTls => 587,
            Self::Tls => 465,
            Self::None => 25,
        }
    }
}
