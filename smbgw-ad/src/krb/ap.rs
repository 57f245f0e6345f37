//! The exchange in which a client shows a service its ticket, and the service shows that it could
//! read it (RFC 4120 sections 3.2 and 5.5).

use jiff::Timestamp;
use kerberos_asn1::{Asn1Object, Authenticator, EncryptionKey};
use smbgw_core::error::{Coded, ErrorKind};
use zeroize::{Zeroize, Zeroizing};

use super::crypto::{CryptoError, EncryptionType, Key};
use super::der::{DerError, Reader, SEQUENCE, application, context, element};
use super::message::{self, EncryptedData, ErrorMessage};
use super::ticket::ServiceTicket;
use crate::clock::Clock;
use crate::code::Code;

/// A checksum over what an authenticator belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checksum {
    /// Its number, such as 0x8003 for GSS (RFC 4121 section 4.1.1).
    pub kind: i32,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// What the client wants of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Whether the service has to show that it could read the ticket.
    pub mutual: bool,
    /// What the authenticator is encrypted for: [`AUTHENTICATOR`] but for requests of tickets.
    pub usage: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            mutual: true,
            usage: AUTHENTICATOR,
        }
    }
}

/// Usage of keys for the authenticator of an AP-REQ (RFC 4120 section 7.5.1).
pub const AUTHENTICATOR: u32 = 11;

/// AP-REQ: the ticket, and a proof that the sender knows its key.
#[derive(Debug)]
pub struct Request;

impl Request {
    /// Makes the message, and what its answer has to be compared with.
    ///
    /// `subkey` is a key to go on with instead of that of the ticket, `sequence` the number of the
    /// first message that the client will send.
    ///
    /// # Errors
    /// Where the kernel gives no random bytes.
    pub fn build(
        ticket: &ServiceTicket,
        checksum: Option<Checksum>,
        subkey: Option<Key>,
        sequence: Option<u32>,
        options: Options,
        clock: Clock,
    ) -> Result<(Vec<u8>, Pending), ApError> {
        let (time, microseconds) = message::split_time(clock.now());
        let mut authenticator = Authenticator {
            authenticator_vno: 5,
            crealm: ticket.client().realm().to_string(),
            cname: message::name_of(ticket.client()),
            cksum: checksum.map(|checksum| kerberos_asn1::Checksum {
                cksumtype: checksum.kind,
                checksum: checksum.bytes,
            }),
            cusec: microseconds.cast_signed(),
            ctime: message::time_of(time),
            subkey: subkey.as_ref().map(|key| EncryptionKey {
                keytype: key.etype().number(),
                keyvalue: key.expose().to_vec(),
            }),
            seq_number: sequence,
            authorization_data: None,
        };
        let plain = Zeroizing::new(authenticator.build());
        if let Some(key) = &mut authenticator.subkey {
            key.keyvalue.zeroize();
        }
        let session = ticket.session_key();
        let cipher = session
            .encrypt(options.usage, &plain)
            .map_err(ApError::Crypto)?;
        // The ticket goes in as it came: taking it apart and encoding it again might change it.
        let flags: u32 = if options.mutual { 1 << 29 } else { 0 };
        let body = [
            element(context(0), &5_i32.build()),
            element(context(1), &14_i32.build()),
            element(
                context(2),
                &kerberos_asn1::KerberosFlags::from(flags).build(),
            ),
            element(context(3), ticket.ticket()),
            element(
                context(4),
                &message::encrypted(session.etype(), cipher).build(),
            ),
        ]
        .concat();
        let bytes = element(application(14), &element(SEQUENCE, &body));
        let pending = Pending {
            session: session.clone(),
            subkey,
            sequence,
            time,
            microseconds,
        };
        Ok((bytes, pending))
    }
}

/// A request that waits for its answer.
pub struct Pending {
    session: Key,
    subkey: Option<Key>,
    sequence: Option<u32>,
    time: Timestamp,
    microseconds: u32,
}

impl Pending {
    /// Checks the answer AP-REP, which proves that the service has read the ticket.
    ///
    /// # Errors
    /// Where the service refused, or the answer is malformed or not to this request.
    pub fn verify(self, answer: &[u8]) -> Result<Established, ApError> {
        if answer.first() == Some(&application(30)) {
            let refusal = ErrorMessage::decode(answer).map_err(ApError::Malformed)?;
            return Err(ApError::Refused(Box::new(refusal)));
        }
        let reply = Reply::decode(answer).map_err(ApError::Malformed)?;
        let plain = reply
            .0
            .open(&self.session, REPLY)
            .map_err(ApError::Crypto)?;
        let part = ReplyPart::decode(&plain).map_err(ApError::Malformed)?;
        if (part.time, part.microseconds) != (self.time, self.microseconds) {
            return Err(ApError::OtherRequest);
        }
        let acceptor_subkey = match part.subkey {
            Some((number, bytes)) => {
                let etype = EncryptionType::from_number(number)
                    .ok_or(ApError::Crypto(CryptoError::UnknownType { number }))?;
                Some(Key::new(etype, bytes).map_err(ApError::Crypto)?)
            }
            None => None,
        };
        Ok(Established {
            acceptor_sequence: part.sequence,
            acceptor_subkey,
            ..self.without_answer()
        })
    }

    /// What is established where no answer was asked for.
    pub fn without_answer(self) -> Established {
        Established {
            session: self.session,
            initiator_subkey: self.subkey,
            acceptor_subkey: None,
            initiator_sequence: self.sequence,
            acceptor_sequence: None,
        }
    }
}

/// What client and service share after the exchange.
#[derive(Clone)]
pub struct Established {
    /// The key of the ticket.
    pub session: Key,
    /// The key that the client chose.
    pub initiator_subkey: Option<Key>,
    /// The key that the service chose.
    pub acceptor_subkey: Option<Key>,
    /// The number of the client's first message.
    pub initiator_sequence: Option<u32>,
    /// The number of the service's first message.
    pub acceptor_sequence: Option<u32>,
}

/// Checks the form of AP-REP and of what is encrypted in it, for tests with arbitrary bytes.
///
/// # Errors
/// Where the bytes are neither.
pub fn check(bytes: &[u8]) -> Result<(), DerError> {
    Reply::decode(bytes)
        .map(|_| ())
        .or_else(|_| ReplyPart::decode(bytes).map(|_| ()))
}

/// AP-REP.
struct Reply(EncryptedData);

impl Reply {
    fn decode(bytes: &[u8]) -> Result<Self, DerError> {
        message::read_all(bytes, application(15), "AP-REP", |fields| {
            fields.field(0, "pvno", |it, part| it.constant(5, part))?;
            fields.field(1, "msg-type", |it, part| it.constant(15, part))?;
            fields.field(2, "enc-part", EncryptedData::read).map(Self)
        })
    }
}

/// EncAPRepPart. (In `kerberos_asn1` its subkey and number are wrongly mandatory.)
struct ReplyPart<'a> {
    time: Timestamp,
    microseconds: u32,
    subkey: Option<(i32, &'a [u8])>,
    sequence: Option<u32>,
}

impl<'a> ReplyPart<'a> {
    fn decode(bytes: &'a [u8]) -> Result<Self, DerError> {
        message::read_all(bytes, application(27), "EncAPRepPart", |fields| {
            Ok(Self {
                time: fields.field(0, "ctime", Reader::time)?,
                microseconds: fields.field(1, "cusec", Reader::microseconds)?,
                subkey: fields.field_if(2, "subkey", message::read_key)?,
                sequence: fields.field_if(3, "seq-number", Reader::uint32)?,
            })
        })
    }
}

/// Usage of keys for the encrypted part of AP-REP (RFC 4120 section 7.5.1).
const REPLY: u32 = 12;

/// Why a client and a service did not come together.
#[derive(Debug, thiserror::Error)]
pub enum ApError {
    /// The service said no.
    #[error("the service does not accept the ticket: {0}")]
    Refused(Box<ErrorMessage>),
    /// The answer cannot be read.
    #[error("the answer of the service cannot be read: {0}")]
    Malformed(DerError),
    /// The answer is to another request: it was recorded, or mixed up.
    #[error("the answer of the service is to another request")]
    OtherRequest,
    /// Something cannot be encrypted or decrypted.
    #[error(transparent)]
    Crypto(CryptoError),
}

impl Coded for ApError {
    fn code(&self) -> &'static str {
        match self {
            Self::Refused(message) => message.code_of_service().as_str(),
            Self::Malformed(_) => Code::KerberosMalformed.as_str(),
            Self::OtherRequest => Code::KerberosMismatch.as_str(),
            Self::Crypto(error) => error.code(),
        }
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::Crypto(error) => error.kind(),
            _ => ErrorKind::Failed,
        }
    }

    fn remedy(&self) -> Option<String> {
        match self {
            Self::Refused(message) => Some(message.code_of_service().fix().into()),
            Self::Malformed(_) | Self::OtherRequest => {
                Some(Code::KerberosMismatch.fix().to_string())
            }
            Self::Crypto(error) => error.remedy(),
        }
    }
}
