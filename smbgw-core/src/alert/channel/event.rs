//! Files from which the Perl side tells the notification system of Proxmox VE.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Channel, ChannelError};
use crate::alert::message::{Message, Messages};
use crate::alert::notice::{Event, Notice};
use crate::alert::reading::Severity;
use crate::deadline::Deadline;
use crate::error::{Problem, chain_text};
use crate::host::{FileError, Host, create_dirs};
use crate::layout;

const NAME: &str = "event";

/// The form of the files; a field that is added does not change it.
const VERSION: u32 = 1;

/// The name of the templates of Proxmox VE that show a message.
const TEMPLATE: &str = "smbgw-alert";

/// What matchers of Proxmox VE find these messages by.
const TYPE: &str = "smbgw-quota";

/// The most files kept, where nothing is set.
const KEEP: usize = 1000;

/// The most files that can be set to be kept.
const MOST_KEPT: usize = 100_000;

/// Files for the notification system of Proxmox VE, in a directory from which they are taken.
///
/// One file a message, written as a whole and named so that the order of the names is the order of
/// time: `TIME-ID.json`, with the time in seconds in 20 digits. Who handles a file removes it.
/// Names that begin with a dot are files being written. It holds what `PVE::Notify::notify` takes:
///
/// ```json
/// {
///   "version": 1,
///   "severity": "warning",
///   "template": "smbgw-alert",
///   "data": {"subject": "[smbgw gw] warning: media: …", "text": "…", "html": "…", "notice": {…}},
///   "fields": {"type": "smbgw-quota", "hostname": "gw", "share": "media", "kind": "space",
///              "event": "raised"}
/// }
/// ```
///
/// ```perl
/// PVE::Notify::notify($event->{severity}, $event->{template}, $event->{data}, $event->{fields});
/// ```
///
/// `severity` is `info` (over, or a test), `notice`, `warning` or `error`. `data.notice` has the
/// fields of the [`Notice`]; all values of `fields` are text, for the rules of matchers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EventSettings {
    /// The directory; [`layout::EVENTS_DIR`] if not set.
    pub directory: Option<PathBuf>,
    /// The most files kept where nobody takes them, 1000 if not set: the oldest are removed.
    pub keep: Option<usize>,
}

#[derive(Debug)]
pub(super) struct EventChannel<'a> {
    directory: PathBuf,
    keep: usize,
    host: &'a dyn Host,
    messages: &'a Messages,
}

#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    severity: &'static str,
    template: &'static str,
    data: Data<'a>,
    fields: BTreeMap<&'static str, &'a str>,
}

#[derive(Serialize)]
struct Data<'a> {
    subject: &'a str,
    text: &'a str,
    html: &'a str,
    notice: &'a Notice,
}

impl<'a> EventChannel<'a> {
    pub(super) fn new(
        settings: &EventSettings,
        host: &'a dyn Host,
        messages: &'a Messages,
    ) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let directory = settings.directory.as_deref();
        let directory = directory.unwrap_or(Path::new(layout::EVENTS_DIR));
        if !directory.is_absolute() {
            let message = "the path of the directory is not absolute";
            problems.push(Problem::invalid("event.directory", "alert.event", message));
        }
        let keep = settings.keep.unwrap_or(KEEP);
        if !(1..=MOST_KEPT).contains(&keep) {
            let message = format!("the number of files kept is not between 1 and {MOST_KEPT}");
            problems.push(Problem::invalid("event.keep", "alert.event", message));
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Self {
            directory: directory.into(),
            keep,
            host,
            messages,
        })
    }

    /// Makes room first: what fails then has written nothing, and can be tried again without
    /// telling anybody twice.
    fn write(&self, name: &str, content: &[u8]) -> Result<(), FileError> {
        create_dirs(self.host, &self.directory, 0o700)?;
        let names = self.host.list(&self.directory)?;
        let others = names.iter().filter(|other| *other != name);
        let others: Vec<_> = others.filter(|other| is_event(other)).collect();
        let surplus = (others.len() + 1).saturating_sub(self.keep);
        for old in others.into_iter().take(surplus) {
            self.host.remove(&self.directory.join(old))?;
            tracing::warn!(file = old, "an event that nobody took was removed");
        }
        self.host
            .write(&self.directory.join(name), content, 0o600)?;
        Ok(())
    }
}

impl Channel for EventChannel<'_> {
    fn name(&self) -> &str {
        NAME
    }

    fn deliver(&self, notice: &Notice, _: Deadline) -> Result<(), ChannelError> {
        let message = self.messages.render(notice);
        let content = serde_json::to_vec(&document(notice, &message))
            .map_err(|error| ChannelError::permanent(NAME, error.to_string()))?;
        self.write(&file_name(notice), &content)
            .map_err(|error| ChannelError::transient(NAME, chain_text(&error)))
    }
}

fn document<'a>(notice: &'a Notice, message: &'a Message) -> Document<'a> {
    let mut fields = BTreeMap::from([
        ("type", TYPE),
        ("hostname", notice.host.as_str()),
        ("kind", notice.kind.as_str()),
        ("event", super::event_name(notice.event)),
    ]);
    if let Some(share) = &notice.share {
        fields.insert("share", share.as_str());
    }
    Document {
        version: VERSION,
        severity: severity(notice),
        template: TEMPLATE,
        data: Data {
            subject: &message.subject,
            text: &message.text,
            html: &message.html,
            notice,
        },
        fields,
    }
}

/// The severity in the words of Proxmox VE.
fn severity(notice: &Notice) -> &'static str {
    match (notice.event, notice.severity) {
        (Event::Cleared | Event::Test, _) => "info",
        (_, Severity::Notice) => "notice",
        (_, Severity::Warning) => "warning",
        (_, Severity::Critical) => "error",
    }
}

fn file_name(notice: &Notice) -> String {
    let id: String = notice
        .id
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .take(64)
        .collect();
    format!("{:020}-{id}.json", notice.at.max(0))
}

/// Whether `name` is one that [`file_name`] gives: only those are removed, whatever else is there.
fn is_event(name: &str) -> bool {
    let parts = name.strip_suffix(".json").and_then(|it| it.split_once('-'));
    parts.is_some_and(|(time, id)| {
        time.len() == 20
            && time.bytes().all(|byte| byte.is_ascii_digit())
            && !id.is_empty()
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}
