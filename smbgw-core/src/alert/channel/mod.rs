//! The ways by which people are told.
//!
//! [`ChannelSettings`] is what a settings file says, and [`build`] makes [`Channel`]s of it:
//!
//! ```no_run
//! use std::path::Path;
//! use smbgw_core::alert::channel::{ChannelSettings, build};
//! use smbgw_core::alert::message::Messages;
//! use smbgw_core::host::LocalHost;
//! use smbgw_core::layout;
//!
//! let host = LocalHost::new();
//! let settings: ChannelSettings = serde_json::from_str("{}").unwrap();
//! let (messages, _problems) = Messages::load(&host, Path::new(layout::TEMPLATES_DIR));
//! for channel in build(&settings, &host, &messages).unwrap() {
//!     println!("{}", channel.name());
//! }
//! ```
//!
//! As TOML, with everything that can be set:
//!
//! ```toml
//! [mail]
//! from = "Storage <gw@example.org>"
//! to = ["ops@example.org"]
//! server = "mail.example.org"         # or: sendmail = true
//! tls = "starttls"                    # "tls": from the first byte; "none"
//! port = 587                          # 465 with "tls", 25 with "none"
//! ca_file = "/etc/smbgw/ca.pem"       # instead of the system's authorities
//! user = "gw"
//! password_file = "/etc/smbgw/mail.password"
//!
//! [command]
//! program = "/usr/local/sbin/tell"    # gets the JSON below on its standard input
//! args = ["--from", "smbgw"]
//!
//! [webhook]
//! url = "https://hooks.example.org/smbgw"
//! token_file = "/etc/smbgw/hook.token" # sent as `Authorization: Bearer …`
//! ca_file = "/etc/smbgw/ca.pem"        # instead of the system's authorities
//! proxy = "http://proxy.example.org:3128"
//! headers = { X-Team = "storage" }
//!
//! [journal]                           # on where systemd's journal is there
//! enabled = true
//!
//! [event]                             # for the notification system of Proxmox VE
//! keep = 1000
//! ```
//!
//! # The JSON of a message
//!
//! The [command](CommandSettings) and the [webhook](WebhookSettings) get one object: the fields of
//! the [`Notice`], and `version` (1), `subject` and `text` as an e-mail would have them.
//!
//! ```json
//! {"version":1,"id":"0af1…","at":1800000060,"host":"gw","share":"media","kind":"space",
//!  "event":"raised","severity":"warning","since":1800000000,
//!  "facts":{"summary":"9G of 10G are used","used":9663676416,"limit":10737418240,"percent":90.0},
//!  "subject":"[smbgw gw] warning: media: 9G of 10G are used","text":"warning: media: …"}
//! ```

mod command;
mod event;
mod journal;
mod mail;
mod payload;
#[cfg(any(feature = "mail", feature = "webhook"))]
mod secret_file;
mod settings;
mod webhook;

use std::fmt::Debug;

use super::notice::{Event, Notice};
use crate::deadline::Deadline;
use crate::error::Coded;

pub use command::CommandSettings;
pub use event::EventSettings;
pub use journal::JournalSettings;
pub use mail::{Encryption, MailSettings};
pub use settings::{ChannelSettings, build};
pub use webhook::WebhookSettings;

/// One way by which people are told.
pub trait Channel: Debug + Send + Sync {
    /// The name in the settings, such as `mail`.
    fn name(&self) -> &str;

    /// Delivers one message, and returns when whoever takes it over has confirmed that.
    ///
    /// # Errors
    /// Where it was not taken over. [`ChannelError::is_permanent`] says whether trying again is of
    /// use.
    fn deliver(&self, notice: &Notice, deadline: Deadline) -> Result<(), ChannelError>;
}

/// Why a message was not delivered.
#[derive(Debug, thiserror::Error)]
#[error("{channel}: {message}")]
pub struct ChannelError {
    /// The channel.
    pub channel: String,
    /// What happened, as a lower-case sentence without secrets.
    pub message: String,
    /// Whether the same message will be refused again (a mail server's 5xx about it, most
    /// HTTP 4xx).
    pub permanent: bool,
}

impl ChannelError {
    /// The error of a channel that may take the message another time.
    pub fn transient(channel: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            channel: channel.into(),
            message: message.into(),
            permanent: false,
        }
    }

    /// The error of a channel that will refuse this message again.
    pub fn permanent(channel: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            permanent: true,
            ..Self::transient(channel, message)
        }
    }

    /// Whether trying again is of no use.
    pub fn is_permanent(&self) -> bool {
        self.permanent
    }
}

impl Coded for ChannelError {
    fn code(&self) -> &'static str {
        if self.permanent {
            "alert.refused"
        } else {
            "alert.not-delivered"
        }
    }
}

/// The name of `event` in files and messages.
fn event_name(event: Event) -> &'static str {
    match event {
        Event::Raised => "raised",
        Event::Escalated => "escalated",
        Event::Repeated => "repeated",
        Event::Cleared => "cleared",
        Event::Test => "test",
    }
}

/// Whether `name` is this machine, so that nothing sent to it goes over a network.
#[cfg(any(feature = "mail", feature = "webhook"))]
fn is_this_machine(name: &str) -> bool {
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    bare.eq_ignore_ascii_case("localhost")
        || bare
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}
