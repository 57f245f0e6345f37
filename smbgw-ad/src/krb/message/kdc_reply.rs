//! AS-REP and TGS-REP: the tickets that a domain controller gives.

use jiff::Timestamp;
use zeroize::Zeroizing;

use super::super::der::{DerError, Reader, SEQUENCE, application};
use super::error_message::{ETYPE_INFO2, MOST_METHODS, read_method};
use super::{EncryptedData, Hint, principal, read_all, read_key, read_name, read_realm};
use crate::krb::ticket::{Flags, Times};
use crate::name::Principal;

/// Which of the two a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplyKind {
    /// AS-REP: to a request with a password or key.
    Login,
    /// TGS-REP: to a request with a ticket.
    Service,
}

impl ReplyKind {
    fn number(self) -> u8 {
        match self {
            Self::Login => 11,
            Self::Service => 13,
        }
    }
}

/// Data for the proof of who asks, or about it: its kind and its content.
pub type PreAuthentication = (i32, Vec<u8>);

/// KDC-REP (RFC 4120 section 5.4.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KdcReply {
    /// What comes with the ticket.
    pub methods: Vec<PreAuthentication>,
    /// Whom the ticket names.
    pub client: Principal,
    /// The ticket, encoded, just as it came.
    pub ticket: Vec<u8>,
    /// For whom the ticket is, as it says outside of what is encrypted.
    pub service: Principal,
    /// What belongs to it: a [`KdcReplyPart`].
    pub encrypted: EncryptedData,
}

impl KdcReply {
    /// Reads it.
    ///
    /// # Errors
    /// Where the bytes are something else.
    pub fn decode(kind: ReplyKind, bytes: &[u8]) -> Result<Self, DerError> {
        let number = kind.number();
        read_all(bytes, application(number), "KDC-REP", |fields| {
            fields.field(0, "pvno", |it, part| it.constant(5, part))?;
            fields.field(1, "msg-type", |it, part| {
                it.constant(i32::from(number), part)
            })?;
            let methods = fields
                .field_if(2, "padata", |it, part| {
                    it.list(part, MOST_METHODS, read_method)
                })?
                .unwrap_or_default();
            let realm = fields.field(3, "crealm", read_realm)?;
            let name = fields.field(4, "cname", read_name)?;
            let ticket = fields.field(5, "ticket", |it, part| it.whole(application(1), part))?;
            let encrypted = fields.field(6, "enc-part", EncryptedData::read)?;
            Ok(Self {
                methods,
                client: principal(name, realm, "cname")?,
                service: service_of(ticket)?,
                ticket: ticket.to_vec(),
                encrypted,
            })
        })
    }

    /// How the key is made with which the answer is encrypted.
    pub fn hints(&self) -> Vec<Hint> {
        self.methods
            .iter()
            .filter(|(kind, _)| *kind == ETYPE_INFO2)
            .filter_map(|(_, value)| Hint::decode_info2(value).ok())
            .flatten()
            .collect()
    }
}

/// EncKDCRepPart: what belongs to a ticket.
pub struct KdcReplyPart {
    /// The number of the type of the session key.
    pub key_type: i32,
    /// The session key.
    pub key: Zeroizing<Vec<u8>>,
    /// The number of the request.
    pub nonce: u32,
    /// When the password expires, if the server says so.
    pub key_expiration: Option<Timestamp>,
    /// What is true of the ticket.
    pub flags: Flags,
    /// From when to when it holds.
    pub times: Times,
    /// For whom it is.
    pub service: Principal,
}

impl KdcReplyPart {
    /// Reads it.
    ///
    /// Some servers tag the answer to one kind of request as that to the other, and so both are
    /// taken for either (RFC 4120 section 5.4.2 tells clients to).
    ///
    /// # Errors
    /// Where the bytes are something else.
    pub fn decode(bytes: &[u8]) -> Result<Self, DerError> {
        let tag = match bytes.first() {
            Some(&tag) if tag == application(25) => tag,
            _ => application(26),
        };
        read_all(bytes, tag, "EncKDCRepPart", |fields| {
            let (key_type, key) = fields.field(0, "key", read_key)?;
            fields.field(1, "last-req", |it, part| {
                it.list(part, MOST_ENTRIES, |it, part| {
                    let mut entry = it.enter(SEQUENCE, part)?;
                    entry.field(0, "lr-type", Reader::int32)?;
                    entry.field(1, "lr-value", Reader::time)?;
                    entry.finish(part)
                })
            })?;
            let nonce = fields.field(2, "nonce", Reader::uint32)?;
            let key_expiration = fields.field_if(3, "key-expiration", Reader::time)?;
            let flags = Flags(fields.field(4, "flags", Reader::flags)?);
            let authenticated = fields.field(5, "authtime", Reader::time)?;
            let start = fields.field_if(6, "starttime", Reader::time)?;
            let end = fields.field(7, "endtime", Reader::time)?;
            let renew_till = fields.field_if(8, "renew-till", Reader::time)?;
            let realm = fields.field(9, "srealm", read_realm)?;
            let name = fields.field(10, "sname", read_name)?;
            fields.field_if(11, "caddr", |it, part| {
                it.list(part, MOST_ENTRIES, |it, part| {
                    let mut entry = it.enter(SEQUENCE, part)?;
                    entry.field(0, "addr-type", Reader::int32)?;
                    entry.field(1, "address", Reader::octets)?;
                    entry.finish(part)
                })
            })?;
            fields.field_if(12, "encrypted-pa-data", |it, part| {
                it.list(part, MOST_METHODS, read_method)
            })?;
            Ok(Self {
                key_type,
                key: Zeroizing::new(key.to_vec()),
                nonce,
                key_expiration,
                flags,
                times: Times {
                    authenticated,
                    start: start.unwrap_or(authenticated),
                    end,
                    renew_till,
                },
                service: principal(name, realm, "sname")?,
            })
        })
    }
}

/// For whom a ticket is; all of its form is checked.
fn service_of(ticket: &[u8]) -> Result<Principal, DerError> {
    read_all(ticket, application(1), "ticket", |fields| {
        fields.field(0, "tkt-vno", |it, part| it.constant(5, part))?;
        let realm = fields.field(1, "realm", read_realm)?;
        let name = fields.field(2, "sname", read_name)?;
        fields.field(3, "enc-part", EncryptedData::read)?;
        principal(name, realm, "sname")
    })
}

/// More entries no such list has.
const MOST_ENTRIES: usize = 256;
