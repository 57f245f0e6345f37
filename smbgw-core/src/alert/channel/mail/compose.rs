//! A message in the form of e-mail.

use std::time::{Duration, SystemTime};

use lettre::address::Envelope;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{MultiPart, SinglePart};

use super::addresses::Addresses;
use crate::alert::channel::event_name;
use crate::alert::message::{Message, one_line};
use crate::alert::notice::Notice;

/// The last second that a date of e-mail can name: 9999-12-31.
const LAST: u64 = 253_402_300_799;

/// The longest value of a field of ours, in characters.
const LONGEST_FIELD: usize = 400;

/// A mail and whom it goes to.
pub(super) struct Mail {
    pub(super) envelope: Envelope,
    /// The mail, with CR LF at the ends of lines.
    pub(super) content: Vec<u8>,
}

/// The mail that says `message`.
pub(super) fn compose(
    addresses: &Addresses,
    notice: &Notice,
    message: &Message,
) -> Result<Mail, lettre::error::Error> {
    let seconds = u64::try_from(notice.at).unwrap_or(0).min(LAST);
    let domain = addresses.from.email.domain();
    let domain = if domain.is_ascii() {
        domain
    } else {
        "localhost"
    };
    let id: String = notice
        .id
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .take(64)
        .collect();
    let mut builder = lettre::Message::builder()
        .from(addresses.from.clone())
        .date(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
        .subject(&message.subject)
        .message_id(Some(format!("<smbgw.{id}@{domain}>")));
    for to in &addresses.to {
        builder = builder.to(to.clone());
    }
    for (name, value) in fields(notice) {
        let value = one_line(&value, LONGEST_FIELD);
        builder = builder.raw_header(HeaderValue::new(name, value));
    }
    let part = |kind: ContentType, text: &String| {
        SinglePart::builder().content_type(kind).body(text.clone())
    };
    // Not at random, as it would be by default: forked processes would choose the same. No line of
    // the parts begins like it.
    let parts = MultiPart::alternative()
        .boundary(format!("=_smbgw_{id}"))
        .singlepart(part(ContentType::TEXT_PLAIN, &message.text))
        .singlepart(part(ContentType::TEXT_HTML, &message.html));
    let mail = builder.multipart(parts)?;
    Ok(Mail {
        envelope: mail.envelope().clone(),
        content: mail.formatted(),
    })
}

/// The fields for programs.
fn fields(notice: &Notice) -> Vec<(HeaderName, String)> {
    let name = HeaderName::new_from_ascii_str;
    let mut fields = vec![
        // What a machine wrote by itself is answered by no other machine (RFC 3834, section 5).
        (name("Auto-Submitted"), "auto-generated".into()),
        (name("X-Auto-Response-Suppress"), "All".into()),
        (name("X-Smbgw-Id"), notice.id.clone()),
        (name("X-Smbgw-Host"), notice.host.clone()),
        (name("X-Smbgw-Kind"), notice.kind.to_string()),
        (name("X-Smbgw-Event"), event_name(notice.event).into()),
        (name("X-Smbgw-Severity"), notice.severity.to_string()),
    ];
    if let Some(share) = &notice.share {
        fields.push((name("X-Smbgw-Share"), share.to_string()));
    }
    fields
}
