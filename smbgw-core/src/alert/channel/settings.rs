//! What administrators set about channels, and the channels made of it.

use serde::Deserialize;

use super::Channel;
use super::command::{CommandChannel, CommandSettings};
use super::event::{EventChannel, EventSettings};
use super::journal::{JournalChannel, JournalSettings};
use super::mail::MailSettings;
use super::webhook::WebhookSettings;
use crate::alert::message::Messages;
use crate::error::Problem;
use crate::host::Host;

/// The sections of a settings file that are about channels; [the module](super) shows them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ChannelSettings {
    /// E-mail.
    pub mail: Option<MailSettings>,
    /// A program of the administrator's.
    pub command: Option<CommandSettings>,
    /// An HTTP request.
    pub webhook: Option<WebhookSettings>,
    /// systemd's journal; where nothing is set, it is used if it is there.
    pub journal: JournalSettings,
    /// Files for the notification system of Proxmox VE.
    pub event: Option<EventSettings>,
}

/// The channels that `settings` ask for.
///
/// What they need of the machine (a password file, a hook, a server) is looked at with each
/// delivery, so that a channel that lacks something does not keep the others from working.
///
/// # Errors
/// All that is wrong with the settings, each with the name of its setting, such as `mail.from`.
pub fn build<'a>(
    settings: &ChannelSettings,
    host: &'a dyn Host,
    messages: &'a Messages,
) -> Result<Vec<Box<dyn Channel + 'a>>, Vec<Problem>> {
    let mut channels: Vec<Box<dyn Channel + 'a>> = Vec::new();
    let mut problems = Vec::new();
    let mut add = |made: Result<Box<dyn Channel + 'a>, Vec<Problem>>| match made {
        Ok(channel) => channels.push(channel),
        Err(mut found) => problems.append(&mut found),
    };
    if JournalChannel::is_wanted(&settings.journal, host) {
        add(Ok(Box::new(JournalChannel::new(
            &settings.journal,
            host,
            messages,
        ))));
    }
    if let Some(settings) = &settings.event {
        add(EventChannel::new(settings, host, messages).map(boxed));
    }
    if let Some(settings) = &settings.command {
        add(CommandChannel::new(settings, host, messages).map(boxed));
    }
    if let Some(settings) = &settings.mail {
        #[cfg(feature = "mail")]
        add(super::mail::MailChannel::new(settings, host, messages).map(boxed));
        #[cfg(not(feature = "mail"))]
        add(Err(vec![not_built_in("mail", settings)]));
    }
    if let Some(settings) = &settings.webhook {
        #[cfg(feature = "webhook")]
        add(super::webhook::WebhookChannel::new(settings, host, messages).map(boxed));
        #[cfg(not(feature = "webhook"))]
        add(Err(vec![not_built_in("webhook", settings)]));
    }
    if problems.is_empty() {
        Ok(channels)
    } else {
        Err(problems)
    }
}

fn boxed<'a>(channel: impl Channel + 'a) -> Box<dyn Channel + 'a> {
    Box::new(channel)
}

#[cfg(not(all(feature = "mail", feature = "webhook")))]
fn not_built_in<S>(section: &str, _: &S) -> Problem {
    use crate::error::ErrorKind;
    let message = format!("this program was built without the feature `{section}`");
    Problem::invalid(section, "alert.channel-not-built-in", message).kind(ErrorKind::Unsupported)
}
