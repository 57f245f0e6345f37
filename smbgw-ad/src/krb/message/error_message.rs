//! KRB-ERROR: how a server says no.

use std::fmt;

use jiff::Timestamp;

use super::super::der::{DerError, Reader, SEQUENCE, application};
use super::{Hint, NtStatus, principal, read_all, read_name};
use crate::code::Code;
use crate::name::{Principal, Realm};

/// The number of an error (RFC 4120 section 7.5.9).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ErrorCode(pub i32);

/// Names the errors that this crate knows of.
macro_rules! error_codes {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $text:literal;)*) => {
        impl ErrorCode {
            $($(#[$doc])* pub const $name: Self = Self($number);)*

            /// What it means, as half a sentence, where it is known.
            pub fn meaning(self) -> Option<&'static str> {
                match self {
                    $(Self::$name => Some($text),)*
                    _ => None,
                }
            }

            /// Its name in RFC 4120, without `KDC_ERR_` and the like, where it is known.
            pub fn name(self) -> Option<&'static str> {
                match self {
                    $(Self::$name => Some(stringify!($name)),)*
                    _ => None,
                }
            }
        }
    };
}

error_codes! {
    /// The account has expired.
    NAME_EXP = 1, "the account has expired";
    /// The account of the service has expired.
    SERVICE_EXP = 2, "the account of the service has expired";
    /// The version of the protocol is not supported.
    BAD_PVNO = 3, "the version of the protocol is not supported";
    /// There is no such client.
    C_PRINCIPAL_UNKNOWN = 6, "there is no such account";
    /// There is no such service.
    S_PRINCIPAL_UNKNOWN = 7, "there is no such service";
    /// Several accounts have this name.
    PRINCIPAL_NOT_UNIQUE = 8, "several accounts have this name";
    /// There is no key for the account or the service.
    NULL_KEY = 9, "the account or the service has no key";
    /// The ticket cannot be dated so.
    CANNOT_POSTDATE = 10, "the ticket cannot be dated so";
    /// It would end before it begins.
    NEVER_VALID = 11, "the ticket would end before it begins: the clocks differ";
    /// The domain does not allow it.
    POLICY = 12, "the domain does not allow it";
    /// An option cannot be granted.
    BADOPTION = 13, "an option of the request cannot be granted";
    /// No encryption type in common.
    ETYPE_NOSUPP = 14, "it has no key of an encryption type that was asked for";
    /// The kind of checksum is not supported.
    SUMTYPE_NOSUPP = 15, "the kind of checksum is not supported";
    /// The kind of proof is not supported.
    PADATA_TYPE_NOSUPP = 16, "the kind of proof is not supported";
    /// The account is disabled, locked or restricted.
    CLIENT_REVOKED = 18, "the account is disabled, locked, expired or may not be used now";
    /// The account of the service is disabled.
    SERVICE_REVOKED = 19, "the account of the service is disabled";
    /// The ticket granting service does not take the ticket any more.
    TGT_REVOKED = 20, "the ticket is not valid any more";
    /// The account is not valid yet.
    CLIENT_NOTYET = 21, "the account is not valid yet";
    /// The password has expired.
    KEY_EXPIRED = 23, "the password has expired";
    /// The proof is wrong.
    PREAUTH_FAILED = 24, "the password or key is wrong";
    /// A proof is wanted.
    PREAUTH_REQUIRED = 25, "a proof of the password is wanted";
    /// Ticket and server do not match.
    SERVER_NOMATCH = 26, "the ticket is for another server";
    /// The service takes tickets of users only.
    MUST_USE_USER2USER = 27, "the service takes tickets between users only";
    /// The path of trusts is not accepted.
    PATH_NOT_ACCEPTED = 28, "the path through other realms is not accepted";
    /// The service is not available.
    SVC_UNAVAILABLE = 29, "the service is not available at the moment";
    /// The ticket cannot be decrypted.
    BAD_INTEGRITY = 31, "the ticket or request is not encrypted with the key that the server has";
    /// The ticket has expired.
    TKT_EXPIRED = 32, "the ticket has expired";
    /// The ticket is not valid yet.
    TKT_NYV = 33, "the ticket is not valid yet: the clocks differ";
    /// The request was seen before.
    REPEAT = 34, "the request was seen before";
    /// The ticket is for somebody else.
    NOT_US = 35, "the ticket is for another service";
    /// Ticket and authenticator do not match.
    BADMATCH = 36, "the ticket names somebody else";
    /// The clocks differ by too much.
    SKEW = 37, "the clocks differ by too much";
    /// The address is not that of the ticket.
    BADADDR = 38, "the address is another than that in the message";
    /// Wrong version.
    BADVERSION = 39, "the version of the protocol is not supported";
    /// The message is of another type.
    MSG_TYPE = 40, "the message is not of the expected type";
    /// The message was changed.
    MODIFIED = 41, "the message was changed on its way";
    /// The service has no such key.
    BADKEYVER = 44, "the service has no key of that version any more";
    /// The service has no key.
    NOKEY = 45, "the service has no key";
    /// The checksum is of a wrong kind.
    INAPP_CKSUM = 50, "the kind of checksum is not accepted";
    /// The answer is too big for UDP.
    RESPONSE_TOO_BIG = 52, "the answer is too big for UDP";
    /// Any other error.
    GENERIC = 60, "the server had an error of its own";
    /// A field is too long.
    FIELD_TOOLONG = 61, "a part of the request is too long";
    /// The client is known in another realm.
    WRONG_REALM = 68, "the account is in another realm";
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.meaning(), self.name()) {
            (Some(meaning), Some(name)) => write!(f, "{meaning} ({name}, {})", self.0),
            _ => write!(f, "error {} of Kerberos", self.0),
        }
    }
}

/// KRB-ERROR (RFC 4120 section 5.9.1).
///
/// Nothing protects it: whoever is between client and server can make one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorMessage {
    /// What is wrong.
    pub error: ErrorCode,
    /// The server's clock.
    pub server_time: Timestamp,
    /// The realm of the server, if it says which.
    pub realm: Option<Realm>,
    /// Where the client is known instead, for [`ErrorCode::WRONG_REALM`].
    pub client_realm: Option<Realm>,
    /// The server.
    pub service: Option<Principal>,
    /// What the server says to that.
    pub text: Option<String>,
    /// More about it, depending on the error.
    pub data: Option<Vec<u8>>,
}

impl ErrorMessage {
    /// Whether `bytes` say that they are such a message.
    pub fn is_one(bytes: &[u8]) -> bool {
        bytes.first() == Some(&application(30))
    }

    /// Reads it.
    ///
    /// # Errors
    /// Where the bytes are something else.
    pub fn decode(bytes: &[u8]) -> Result<Self, DerError> {
        read_all(bytes, application(30), "KRB-ERROR", |fields| {
            fields.field(0, "pvno", |it, part| it.constant(5, part))?;
            fields.field(1, "msg-type", |it, part| it.constant(30, part))?;
            fields.field_if(2, "ctime", Reader::time)?;
            fields.field_if(3, "cusec", Reader::microseconds)?;
            let seconds = fields.field(4, "stime", Reader::time)?;
            let microseconds = fields.field(5, "susec", Reader::microseconds)?;
            let error = ErrorCode(fields.field(6, "error-code", Reader::int32)?);
            // Heimdal writes `<unspecified realm>` and a name without parts where it knows none.
            let client_realm = fields.field_if(7, "crealm", Reader::string)?;
            fields.field_if(8, "cname", read_name)?;
            let realm: Option<Realm> = fields.field(9, "realm", Reader::string)?.parse().ok();
            let service = fields.field(10, "sname", read_name)?;
            let text = fields.field_if(11, "e-text", Reader::string_bytes)?;
            let data = fields.field_if(12, "e-data", Reader::octets)?;
            Ok(Self {
                error,
                server_time: Timestamp::new(
                    seconds.as_second(),
                    microseconds.cast_signed().saturating_mul(1000),
                )
                .unwrap_or(seconds),
                service: realm
                    .clone()
                    .and_then(|realm| principal(service, realm, "sname").ok()),
                realm,
                client_realm: client_realm.and_then(|text| text.parse().ok()),
                text: text.map(readable).filter(|text| !text.is_empty()),
                data: data.map(<[u8]>::to_vec),
            })
        })
    }

    /// What kinds of proof the server takes, with their data: the METHOD-DATA in it.
    pub fn methods(&self) -> Vec<(i32, Vec<u8>)> {
        let Some(data) = &self.data else {
            return Vec::new();
        };
        let mut reader = Reader::new(data);
        let methods = reader.list("METHOD-DATA", MOST_METHODS, read_method);
        match methods {
            Ok(methods) if reader.is_empty() => methods,
            _ => Vec::new(),
        }
    }

    /// How the keys of the account are made, the server's favourite first.
    pub fn hints(&self) -> Vec<Hint> {
        self.methods()
            .iter()
            .filter(|(kind, _)| *kind == ETYPE_INFO2)
            .filter_map(|(_, value)| Hint::decode_info2(value).ok())
            .flatten()
            .collect()
    }

    /// The status of Windows in it (MS-KILE 2.2.1 and 2.2.2).
    pub fn status(&self) -> Option<NtStatus> {
        let data = self.data.as_deref()?;
        // KERB-ERROR-DATA of Windows; Samba puts the same twelve bytes in a METHOD-DATA.
        let extended = kerb_error_data(data).ok().or_else(|| {
            self.methods()
                .into_iter()
                .find(|(kind, _)| *kind == PW_SALT)
                .map(|(_, value)| value)
        })?;
        let status = u32::from_le_bytes(*extended.first_chunk()?);
        (extended.len() == 12 && status != 0).then_some(NtStatus(status))
    }

    /// The reason of ours that this is, when a service did not take a ticket.
    pub(crate) fn code_of_service(&self) -> Code {
        match self.error {
            ErrorCode::SKEW | ErrorCode::TKT_NYV => Code::ClockSkew,
            ErrorCode::BAD_INTEGRITY
            | ErrorCode::BADKEYVER
            | ErrorCode::NOKEY
            | ErrorCode::MODIFIED => Code::KeyMismatch,
            _ => Code::KerberosRefused,
        }
    }
}

impl fmt::Display for ErrorMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.error)?;
        if let Some(status) = self.status() {
            write!(f, ", {status}")?;
        }
        match &self.text {
            Some(text) => write!(f, ": `{text}`"),
            None => Ok(()),
        }
    }
}

/// PA-DATA.
pub(super) fn read_method(
    reader: &mut Reader<'_>,
    part: &'static str,
) -> Result<(i32, Vec<u8>), DerError> {
    let mut fields = reader.enter(SEQUENCE, part)?;
    let kind = fields.field(1, "padata-type", Reader::int32)?;
    let value = fields.field(2, "padata-value", Reader::octets)?.to_vec();
    fields.finish(part)?;
    Ok((kind, value))
}

/// The KERB-EXT-ERROR in a KERB-ERROR-DATA.
fn kerb_error_data(bytes: &[u8]) -> Result<Vec<u8>, DerError> {
    let mut reader = Reader::new(bytes);
    let mut fields = reader.enter(SEQUENCE, "KERB-ERROR-DATA")?;
    reader.finish("KERB-ERROR-DATA")?;
    fields.field(1, "data-type", |it, part| it.constant(EXTENDED, part))?;
    let value = fields.field(2, "data-value", Reader::octets)?;
    fields.finish("KERB-ERROR-DATA")?;
    Ok(value.to_vec())
}

/// The text of a server, in one line and of bounded length.
fn readable(text: &[u8]) -> String {
    String::from_utf8_lossy(text)
        .chars()
        .filter(|character| !character.is_control())
        .take(200)
        .collect::<String>()
        .trim()
        .to_string()
}

/// More kinds of proof no server offers.
pub(super) const MOST_METHODS: usize = 64;

/// PA-ETYPE-INFO2.
pub(super) const ETYPE_INFO2: i32 = 19;

/// PA-PW-SALT, which carries the status of Windows (MS-KILE 2.2.1).
const PW_SALT: i32 = 3;

/// KERB_ERR_TYPE_EXTENDED.
const EXTENDED: i32 = 3;
