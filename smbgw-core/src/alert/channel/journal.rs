//! systemd's journal, by its native protocol: one datagram a message.
//!
//! The protocol is in systemd's documentation ("Native Journal Protocol"). A field is a line
//! `NAME=value`; one whose value has line breaks is its name, a line feed, the length as a
//! little-endian number of 64 bits, the value, and a line feed. What is too large for a datagram
//! would go in as a memory file; messages here are cut long before that.

use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{Channel, ChannelError, event_name};
use crate::alert::message::Messages;
use crate::alert::notice::{Event, Notice};
use crate::alert::reading::Severity;
use crate::deadline::Deadline;
use crate::host::{FileKind, Host};

const NAME: &str = "journal";

/// Where systemd-journald listens.
const SOCKET: &str = "/run/systemd/journal/socket";

/// The longest value of one field, in bytes. With all fields that is far below what a datagram
/// holds (`net.core.wmem_default`, 212,992 bytes).
const LONGEST_VALUE: usize = 8 << 10;

/// systemd's journal.
///
/// A message has the fields `MESSAGE`, `PRIORITY`, `MESSAGE_ID` (one for each event, below),
/// `SYSLOG_IDENTIFIER=smbgw`, `SMBGW_ID`, `SMBGW_HOST`, `SMBGW_SHARE`, `SMBGW_KIND`,
/// `SMBGW_EVENT`, `SMBGW_SEVERITY`, `SMBGW_SINCE`, `SMBGW_REMEDY`, `SMBGW_USED`, `SMBGW_LIMIT`,
/// `SMBGW_PERCENT`, `SMBGW_INODES`, `SMBGW_INODE_LIMIT`, `SMBGW_DAYS_LEFT` and `SMBGW_GROWTH`; those
/// that do not apply are left out. `journalctl SMBGW_SHARE=media` shows what was told of a share.
///
/// | event | `MESSAGE_ID` |
/// | --- | --- |
/// | raised | `3aeb2edc5a68472d984d45938046bafe` |
/// | escalated | `72ad90801ea64bfd9a82d9e13da497cd` |
/// | repeated | `647e2136ed70458aa957b48626e3833c` |
/// | cleared | `0ba4d90cb5a748dfaeca51b224782c14` |
/// | test | `6a900f0ba97c4692bc69db391ca1c411` |
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct JournalSettings {
    /// Whether messages go to the journal; if not set, they do where it is there.
    pub enabled: Option<bool>,
    /// Where the journal listens; `/run/systemd/journal/socket` if not set.
    pub socket: Option<PathBuf>,
}

#[derive(Debug)]
pub(super) struct JournalChannel<'a> {
    socket: PathBuf,
    host: &'a dyn Host,
    messages: &'a Messages,
}

impl<'a> JournalChannel<'a> {
    /// Whether `settings` ask for the journal, or leave that open and it is there.
    pub(super) fn is_wanted(settings: &JournalSettings, host: &dyn Host) -> bool {
        settings.enabled.unwrap_or_else(|| {
            let status = host.status(socket_of(settings)).ok().flatten();
            status.is_some_and(|status| status.kind == FileKind::Special)
        })
    }

    pub(super) fn new(
        settings: &JournalSettings,
        host: &'a dyn Host,
        messages: &'a Messages,
    ) -> Self {
        Self {
            socket: socket_of(settings).into(),
            host,
            messages,
        }
    }

    fn send(&self, datagram: &[u8], deadline: Deadline) -> io::Result<()> {
        let path = self.host.local_path(&self.socket);
        let path = path.ok_or_else(|| io::Error::from(io::ErrorKind::Unsupported))?;
        let socket = UnixDatagram::unbound()?;
        // It waits while the journal's queue is full. A timeout of zero would mean none.
        let left = deadline.remaining();
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        socket.set_write_timeout(Some(left))?;
        socket.send_to(datagram, path).map(drop)
    }
}

impl Channel for JournalChannel<'_> {
    fn name(&self) -> &str {
        NAME
    }

    fn deliver(&self, notice: &Notice, deadline: Deadline) -> Result<(), ChannelError> {
        let message = self.messages.render(notice);
        self.send(&datagram(notice, &message.subject), deadline)
            .map_err(|error| {
                let socket = self.socket.display();
                let text = format!("the journal at `{socket}` did not take the message: {error}");
                ChannelError::transient(NAME, text)
            })
    }
}

fn socket_of(settings: &JournalSettings) -> &Path {
    settings.socket.as_deref().unwrap_or(Path::new(SOCKET))
}

/// All fields of a message.
fn datagram(notice: &Notice, subject: &str) -> Vec<u8> {
    let facts = &notice.facts;
    let mut fields = Fields::default();
    fields.add("MESSAGE", subject);
    fields.add("PRIORITY", priority(notice));
    fields.add("MESSAGE_ID", message_id(notice.event));
    fields.add("SYSLOG_IDENTIFIER", "smbgw");
    fields.add("SMBGW_ID", &notice.id);
    fields.add("SMBGW_HOST", &notice.host);
    fields.add_some("SMBGW_SHARE", notice.share.as_ref());
    fields.add("SMBGW_KIND", notice.kind.as_str());
    fields.add("SMBGW_EVENT", event_name(notice.event));
    fields.add("SMBGW_SEVERITY", notice.severity.as_str());
    fields.add("SMBGW_SINCE", &notice.since.to_string());
    fields.add_some("SMBGW_REMEDY", facts.remedy.as_ref());
    fields.add_some("SMBGW_USED", facts.used);
    fields.add_some("SMBGW_LIMIT", facts.limit);
    fields.add_some("SMBGW_PERCENT", facts.percent);
    fields.add_some("SMBGW_INODES", facts.inodes);
    fields.add_some("SMBGW_INODE_LIMIT", facts.inode_limit);
    fields.add_some("SMBGW_DAYS_LEFT", facts.days_left);
    fields.add_some("SMBGW_GROWTH", facts.growth);
    fields.bytes
}

#[derive(Default)]
struct Fields {
    bytes: Vec<u8>,
}

impl Fields {
    fn add(&mut self, name: &str, value: &str) {
        let value = beginning_of(value, LONGEST_VALUE);
        self.bytes.extend_from_slice(name.as_bytes());
        if value.contains('\n') {
            self.bytes.push(b'\n');
            let length = value.len() as u64;
            self.bytes.extend_from_slice(&length.to_le_bytes());
        } else {
            self.bytes.push(b'=');
        }
        self.bytes.extend_from_slice(value.as_bytes());
        self.bytes.push(b'\n');
    }

    fn add_some(&mut self, name: &str, value: Option<impl ToString>) {
        if let Some(value) = value {
            self.add(name, &value.to_string());
        }
    }
}

/// At most the first `longest` bytes of `text`.
fn beginning_of(text: &str, longest: usize) -> &str {
    (0..=longest.min(text.len()))
        .rev()
        .find_map(|end| text.get(..end))
        .unwrap_or_default()
}

/// The priority of syslog(3), by its number.
fn priority(notice: &Notice) -> &'static str {
    match (notice.event, notice.severity) {
        (Event::Cleared | Event::Test, _) => "6",
        (_, Severity::Notice) => "5",
        (_, Severity::Warning) => "4",
        (_, Severity::Critical) => "2",
    }
}

/// What the journal knows this kind of message by; random numbers, chosen once.
fn message_id(event: Event) -> &'static str {
    match event {
        Event::Raised => "3aeb2edc5a68472d984d45938046bafe",
        Event::Escalated => "72ad90801ea64bfd9a82d9e13da497cd",
        Event::Repeated => "647e2136ed70458aa957b48626e3833c",
        Event::Cleared => "0ba4d90cb5a748dfaeca51b224782c14",
        Event::Test => "6a900f0ba97c4692bc69db391ca1c411",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_with_line_breaks_have_a_length() {
        let mut fields = Fields::default();
        fields.add("ONE", "a=b");
        fields.add("TWO", "a\nb");
        fields.add_some("THREE", None::<u64>);
        assert_eq!(fields.bytes, b"ONE=a=b\nTWO\n\x03\0\0\0\0\0\0\0a\nb\n");
    }

    #[test]
    fn long_values_are_cut_between_characters() {
        assert_eq!(beginning_of("äöü", 3), "ä");
        assert_eq!(beginning_of("äöü", 100), "äöü");
        let mut fields = Fields::default();
        fields.add("ONE", &"ä".repeat(LONGEST_VALUE));
        assert_eq!(fields.bytes.len(), "ONE=\n".len() + LONGEST_VALUE);
    }
}
