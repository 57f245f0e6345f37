//! A message as JSON, as programs get it.

use serde::Serialize;

use crate::alert::message::Message;
use crate::alert::notice::Notice;

/// The version of the form; a field that is added does not change it.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Payload<'a> {
    version: u32,
    #[serde(flatten)]
    notice: &'a Notice,
    subject: &'a str,
    text: &'a str,
}

/// `notice` with its words, in one line.
pub(super) fn json(notice: &Notice, message: &Message) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec(&Payload {
        version: VERSION,
        notice,
        subject: &message.subject,
        text: &message.text,
    })
}
