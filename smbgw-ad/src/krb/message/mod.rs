//! What the messages of Kerberos have in common: names, times, encrypted parts.

mod error_message;
mod hint;
mod kdc_reply;
mod status;

use jiff::Timestamp;
use kerberos_asn1::{Asn1Object, KerberosTime, PrincipalName};
use zeroize::Zeroizing;

use super::crypto::{CryptoError, EncryptionType, Key};
use super::der::{DerError, Reader, SEQUENCE};
use crate::name::{NameKind, Principal, Realm};

pub use error_message::{ErrorCode, ErrorMessage};
pub use hint::Hint;
pub use kdc_reply::{KdcReply, KdcReplyPart, PreAuthentication, ReplyKind};
pub use status::NtStatus;

/// EncryptedData: the type of a key, its version, and what was encrypted with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncryptedData {
    /// The number of the encryption type.
    pub etype: i32,
    /// The version of the key, where there may be several.
    pub kvno: Option<u32>,
    /// What was encrypted.
    pub cipher: Vec<u8>,
}

impl EncryptedData {
    pub(crate) fn read(reader: &mut Reader<'_>, part: &'static str) -> Result<Self, DerError> {
        let mut fields = reader.enter(SEQUENCE, part)?;
        let data = Self {
            etype: fields.field(0, "etype", Reader::int32)?,
            kvno: fields.field_if(1, "kvno", Reader::uint32)?,
            cipher: fields.field(2, "cipher", Reader::octets)?.to_vec(),
        };
        fields.finish(part)?;
        Ok(data)
    }

    /// What was encrypted with `key` for the purpose `usage`.
    pub(crate) fn open(&self, key: &Key, usage: u32) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
        if key.etype().number() != self.etype {
            return Err(match EncryptionType::from_number(self.etype) {
                Some(etype) => CryptoError::Integrity { etype },
                None => CryptoError::UnknownType { number: self.etype },
            });
        }
        key.decrypt(usage, &self.cipher)
    }
}

/// What `read` makes of the SEQUENCE in `tag`, of which it has to read all, as `bytes` are read.
pub(crate) fn read_all<'a, T>(
    bytes: &'a [u8],
    tag: u8,
    part: &'static str,
    read: impl FnOnce(&mut Reader<'a>) -> Result<T, DerError>,
) -> Result<T, DerError> {
    let mut outer = Reader::new(bytes);
    let mut inner = outer.enter(tag, part)?;
    outer.finish(part)?;
    let mut fields = inner.enter(SEQUENCE, part)?;
    inner.finish(part)?;
    let value = read(&mut fields)?;
    fields.finish(part)?;
    Ok(value)
}

/// EncryptionKey: the number of its type, and its bytes.
pub(crate) fn read_key<'a>(
    reader: &mut Reader<'a>,
    part: &'static str,
) -> Result<(i32, &'a [u8]), DerError> {
    let mut fields = reader.enter(SEQUENCE, part)?;
    let key = (
        fields.field(0, "keytype", Reader::int32)?,
        fields.field(1, "keyvalue", Reader::octets)?,
    );
    fields.finish(part)?;
    Ok(key)
}

/// A realm.
pub(crate) fn read_realm(reader: &mut Reader<'_>, part: &'static str) -> Result<Realm, DerError> {
    reader
        .string(part)?
        .parse()
        .map_err(|_| DerError::new(part, "is not a realm"))
}

/// PrincipalName: its kind and its parts.
pub(crate) fn read_name(
    reader: &mut Reader<'_>,
    part: &'static str,
) -> Result<(i32, Vec<String>), DerError> {
    let mut fields = reader.enter(SEQUENCE, part)?;
    let kind = fields.field(0, part, Reader::int32)?;
    let parts = fields.field(1, part, |it, part| {
        it.list(part, MOST_PARTS, |it, part| {
            it.string(part).map(str::to_string)
        })
    })?;
    fields.finish(part)?;
    Ok((kind, parts))
}

/// The principal of a name that was read, in `realm`.
pub(crate) fn principal(
    (kind, parts): (i32, Vec<String>),
    realm: Realm,
    part: &'static str,
) -> Result<Principal, DerError> {
    let kind = match (kind, parts.len()) {
        (1, _) => NameKind::Principal,
        (2, _) => NameKind::Service,
        (3, _) => NameKind::HostService,
        (10, _) => NameKind::Enterprise,
        // Other kinds are hints as well (RFC 4120 section 6.2); what counts are the parts.
        (_, 0 | 1) => NameKind::Principal,
        _ => NameKind::Service,
    };
    Principal::new(kind, parts, realm).map_err(|_| DerError::new(part, "is not a name"))
}

/// A principal as messages have it, without its realm.
pub(crate) fn name_of(principal: &Principal) -> PrincipalName {
    PrincipalName {
        name_type: principal.kind().number(),
        name_string: principal.parts().to_vec(),
    }
}

/// A time as messages have it.
pub(crate) fn time_of(time: Timestamp) -> KerberosTime {
    let text = time.strftime("%Y%m%d%H%M%SZ").to_string();
    let mut value = KerberosTime::default();
    // A formatted time is one; before the year 0 or after 9999, which no clock shows, it is 1970.
    let _ = value.parse_value(text.as_bytes());
    value
}

/// A time as seconds and microseconds.
pub(crate) fn split_time(time: Timestamp) -> (Timestamp, u32) {
    let seconds = Timestamp::from_second(time.as_second()).unwrap_or(time);
    let microseconds = time.subsec_microsecond().clamp(0, 999_999);
    (seconds, microseconds.cast_unsigned())
}

/// EncryptedData to be sent.
pub(crate) fn encrypted(etype: EncryptionType, cipher: Vec<u8>) -> kerberos_asn1::EncryptedData {
    kerberos_asn1::EncryptedData::new(etype.number(), None, cipher)
}

/// More parts no name has.
const MOST_PARTS: usize = 8;
