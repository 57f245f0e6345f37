//! Changing and setting passwords (RFC 3244).
//!
//! Only TCP is used: a request that is sent twice, as happens with packets, would set a password
//! twice, and the domain would refuse the second time what it had just accepted.

use std::io;
use std::net::{IpAddr, SocketAddr};

use jiff::SignedDuration;
use kerberos_asn1::Asn1Object;
use smbgw_core::deadline::Deadline;
use smbgw_core::error::{Coded, ErrorKind};
use smbgw_core::secret::Secret;
use zeroize::Zeroizing;

use super::ap::{self, ApError, Established, Pending};
use super::crypto::{CryptoError, Key};
use super::der::{
    DerError, GENERAL_STRING, OCTET_STRING, Reader, SEQUENCE, application, context, element,
};
use super::message::{self, EncryptedData, ErrorMessage};
use super::ticket::ServiceTicket;
use super::transport::{self, TransportError};
use crate::audit;
use crate::clock::Clock;
use crate::code::Code;
use crate::name::Principal;

/// The port of this service.
pub const PORT: u16 = 464;

/// The name of this service, as [`login_for`](super::login::login_for) takes it.
pub const SERVICE: [&str; 2] = ["kadmin", "changepw"];

/// Changes the password of the account that `ticket` names.
///
/// `ticket` is one for [`SERVICE`] that was got with the old password, by
/// [`login_for`](super::login::login_for); `servers` listen on [`PORT`].
///
/// # Errors
/// Where the domain refuses the new password, or it is unknown whether it took it.
pub fn change(
    ticket: &ServiceTicket,
    new: &Secret,
    servers: &[SocketAddr],
    clock: Clock,
    deadline: Deadline,
) -> Result<(), PasswordError> {
    let data = Zeroizing::new(new.expose().to_vec());
    run(ticket, Version::Change, &data, servers, clock, deadline)
}

/// Sets the password of `target`, for which the account that `ticket` names needs the right.
///
/// `ticket` is one for [`SERVICE`]; `servers` listen on [`PORT`].
///
/// # Errors
/// Where the domain refuses, or it is unknown whether it took the password.
pub fn set(
    ticket: &ServiceTicket,
    target: &Principal,
    new: &Secret,
    servers: &[SocketAddr],
    clock: Clock,
    deadline: Deadline,
) -> Result<(), PasswordError> {
    let data = change_password_data(new, target);
    run(ticket, Version::Set, &data, servers, clock, deadline)
}

/// The rules that a domain has for passwords, as its refusal tells them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordPolicy {
    /// How many characters a password has at least.
    pub min_length: u32,
    /// How many of the last passwords may not be used again.
    pub history: u32,
    /// Whether a password has characters of several kinds, and not the name of the account.
    pub complex: bool,
    /// How old a password may become; nothing where it may become as old as it likes.
    pub max_age: Option<SignedDuration>,
    /// How old a password is at least before it is changed.
    pub min_age: SignedDuration,
}

impl PasswordPolicy {
    /// Reads the 30 bytes that Active Directory has in the place of a text.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (mark, rest) = bytes.split_first_chunk::<2>()?;
        let (min_length, rest) = rest.split_first_chunk()?;
        let (history, rest) = rest.split_first_chunk()?;
        let (properties, rest) = rest.split_first_chunk()?;
        let (max_age, rest) = rest.split_first_chunk()?;
        let (min_age, rest) = rest.split_first_chunk()?;
        if *mark != [0, 0] || !rest.is_empty() {
            return None;
        }
        // Ages are in units of 100 ns, and what is set to the utmost means never.
        let age = |bytes: &[u8; 8]| {
            let units = i64::from_be_bytes(*bytes).unsigned_abs();
            let seconds = i64::try_from(units / 10_000_000).unwrap_or(0);
            (0 < seconds && seconds < FOREVER).then(|| SignedDuration::from_secs(seconds))
        };
        Some(Self {
            min_length: u32::from_be_bytes(*min_length),
            history: u32::from_be_bytes(*history),
            complex: u32::from_be_bytes(*properties) & 1 != 0,
            max_age: age(max_age),
            min_age: age(min_age).unwrap_or_default(),
        })
    }
}

impl std::fmt::Display for PasswordPolicy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "it has {} characters or more", self.min_length)?;
        if self.complex {
            f.write_str(
                " of three kinds (large and small letters, digits, others) without the name of the \
                 account",
            )?;
        }
        if self.history > 0 {
            write!(f, ", is none of the last {}", self.history)?;
        }
        let hours = self.min_age.as_hours();
        match hours {
            0 => Ok(()),
            _ => write!(f, ", and the last change is {hours} hours ago or more"),
        }
    }
}

/// What the service answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The number of the result; 0 is success (RFC 3244 section 2).
    pub result: u16,
    /// The rules for passwords, where the domain tells them.
    pub policy: Option<PasswordPolicy>,
    /// What else it says.
    pub text: Option<String>,
}

impl Verdict {
    /// Reads the result and what follows it.
    ///
    /// # Errors
    /// Where there is no result.
    pub fn decode(bytes: &[u8]) -> Result<Self, DerError> {
        let (result, rest) = bytes
            .split_first_chunk()
            .ok_or(DerError::new("result code", "is missing"))?;
        let policy = PasswordPolicy::decode(rest);
        let text: String = String::from_utf8_lossy(rest)
            .chars()
            .filter(|character| !character.is_control())
            .take(200)
            .collect();
        Ok(Self {
            result: u16::from_be_bytes(*result),
            text: (policy.is_none() && !text.trim().is_empty()).then(|| text.trim().to_string()),
            policy,
        })
    }

    fn says(&self) -> String {
        match (&self.policy, &self.text) {
            (Some(policy), _) => format!(": {policy}"),
            (None, Some(text)) => format!(": `{text}`"),
            (None, None) => String::new(),
        }
    }
}

/// Why a password was not changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PasswordError {
    /// Nobody takes connections on the port of this service.
    #[error("no domain controller takes new passwords")]
    Unreachable(#[source] TransportError),
    /// The connection broke after the password was sent.
    #[error("{server} was sent the new password and did not answer: whether it holds is unknown")]
    Unsure {
        /// The domain controller.
        server: SocketAddr,
        /// What happened.
        source: io::Error,
    },
    /// The answer cannot be read; whether the password holds is unknown.
    #[error("the answer to the new password cannot be read: whether it holds is unknown")]
    Malformed(#[source] DerError),
    /// The answer is not from the service; whether the password holds is unknown.
    #[error("the answer to the new password is not from the domain: whether it holds is unknown")]
    Forged(#[source] CryptoError),
    /// The service does not take the ticket.
    #[error("the domain controller takes no new password from this account")]
    Ap(#[source] ApError),
    /// The request cannot be made.
    #[error(transparent)]
    Crypto(CryptoError),
    /// The password is against the rules.
    #[error("the domain does not accept the new password{}", .0.says())]
    Policy(Verdict),
    /// The account has no right to set this password.
    #[error("this account may not set that password{}", .0.says())]
    Denied(Verdict),
    /// The domain refuses for another reason.
    #[error("the domain refuses the new password with result {}{}", .0.result, .0.says())]
    Refused(Verdict),
    /// The local side of the connection has no address.
    #[error("the connection to {server} has no address of its own")]
    NoAddress {
        /// The domain controller.
        server: SocketAddr,
        /// Why.
        source: io::Error,
    },
}

impl PasswordError {
    /// Whether the new password may hold in spite of this.
    pub fn is_unsure(&self) -> bool {
        matches!(
            self,
            Self::Unsure { .. } | Self::Malformed(_) | Self::Forged(_)
        )
    }

    fn reason(&self) -> Code {
        match self {
            Self::Unreachable(_) | Self::NoAddress { .. } => Code::KdcUnreachable,
            Self::Unsure { .. } | Self::Malformed(_) | Self::Forged(_) => Code::PasswordUnsure,
            Self::Policy(_) => Code::PasswordPolicy,
            Self::Denied(_) => Code::PasswordDenied,
            Self::Ap(_) | Self::Refused(_) => Code::KerberosRefused,
            Self::Crypto(_) => Code::CryptoFailed,
        }
    }
}

impl Coded for PasswordError {
    fn code(&self) -> &'static str {
        match self {
            Self::Ap(error) => error.code(),
            Self::Crypto(error) => error.code(),
            _ => self.reason().as_str(),
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
            Self::Ap(error) => error.remedy(),
            Self::Crypto(error) => error.remedy(),
            _ => Some(self.reason().fix().into()),
        }
    }
}

/// Which of the two requests it is.
#[derive(Clone, Copy)]
enum Version {
    /// Of the account's own password (the protocol of Horowitz).
    Change = 1,
    /// Of any account's (RFC 3244).
    Set = 0xff80,
}

fn run(
    ticket: &ServiceTicket,
    version: Version,
    data: &[u8],
    servers: &[SocketAddr],
    clock: Clock,
    deadline: Deadline,
) -> Result<(), PasswordError> {
    let (mut stream, server) =
        transport::connect_first(servers, deadline).map_err(PasswordError::Unreachable)?;
    let local = stream
        .local_addr()
        .map_err(|source| PasswordError::NoAddress { server, source })?;
    let request = request(ticket, version, data, local.ip(), clock)?;
    audit::asking(&server, "setting a password");
    let answer = transport::exchange_on(&mut stream, &request.bytes, deadline);
    audit::answered(&server, "setting a password");
    let answer = answer.map_err(|source| PasswordError::Unsure { server, source })?;
    let verdict = read_answer(&answer, request)?;
    match verdict.result {
        SUCCESS => Ok(()),
        SOFT_ERROR => Err(PasswordError::Policy(verdict)),
        ACCESS_DENIED => Err(PasswordError::Denied(verdict)),
        _ => Err(PasswordError::Refused(verdict)),
    }
}

/// A request, and what its answer is read with.
struct Request {
    bytes: Vec<u8>,
    /// The part of it that has the password in it.
    private: Vec<u8>,
    pending: Pending,
    subkey: Key,
}

/// The request: its length and version, AP-REQ, and KRB-PRIV with `data` (RFC 3244 section 2).
fn request(
    ticket: &ServiceTicket,
    version: Version,
    data: &[u8],
    local: IpAddr,
    clock: Clock,
) -> Result<Request, PasswordError> {
    let subkey = Key::random(ticket.session_key().etype()).map_err(PasswordError::Crypto)?;
    let sequence = sequence()?;
    let (ap_req, pending) = ap::Request::build(
        ticket,
        None,
        Some(subkey.clone()),
        Some(sequence),
        ap::Options::default(),
        clock,
    )
    .map_err(PasswordError::Ap)?;
    let plain = private_part(data, sequence, local, clock);
    let cipher = subkey
        .encrypt(PRIVATE, &plain)
        .map_err(PasswordError::Crypto)?;
    let private = kerberos_asn1::KrbPriv {
        pvno: 5,
        msg_type: 21,
        enc_part: message::encrypted(subkey.etype(), cipher),
    }
    .build();
    let too_long = |_| {
        PasswordError::Malformed(DerError::new(
            "ticket",
            "is too long for a change of password",
        ))
    };
    let length = u16::try_from(6 + ap_req.len() + private.len()).map_err(too_long)?;
    let ap_length = u16::try_from(ap_req.len()).map_err(too_long)?;
    let bytes = [
        &length.to_be_bytes()[..],
        &(version as u16).to_be_bytes(),
        &ap_length.to_be_bytes(),
        &ap_req,
        &private,
    ]
    .concat();
    Ok(Request {
        bytes,
        private,
        pending,
        subkey,
    })
}

/// EncKrbPrivPart (RFC 4120 section 5.7.1). Made here, as `kerberos_asn1` would leave copies of the
/// password behind.
fn private_part(data: &[u8], sequence: u32, local: IpAddr, clock: Clock) -> Zeroizing<Vec<u8>> {
    let (time, microseconds) = message::split_time(clock.now());
    let (kind, address) = match local {
        IpAddr::V4(address) => (2, address.octets().to_vec()),
        IpAddr::V6(address) => (24, address.octets().to_vec()),
    };
    let others = [
        element(context(1), &message::time_of(time).build()),
        element(context(2), &microseconds.cast_signed().build()),
        element(context(3), &sequence.build()),
        element(
            context(4),
            &kerberos_asn1::HostAddress::new(kind, address).build(),
        ),
    ]
    .concat();
    let data = Zeroizing::new(element(OCTET_STRING, data));
    let data = Zeroizing::new(element(context(0), &data));
    let body = Zeroizing::new([data.as_slice(), &others].concat());
    let body = Zeroizing::new(element(SEQUENCE, &body));
    Zeroizing::new(element(application(28), &body))
}

/// ChangePasswdData (RFC 3244 section 2).
fn change_password_data(new: &Secret, target: &Principal) -> Zeroizing<Vec<u8>> {
    let password = Zeroizing::new(element(OCTET_STRING, new.expose()));
    let password = Zeroizing::new(element(context(0), &password));
    let name = element(context(1), &message::name_of(target).build());
    let realm = element(GENERAL_STRING, target.realm().as_str().as_bytes());
    let realm = element(context(2), &realm);
    let body = Zeroizing::new([password.as_slice(), &name, &realm].concat());
    Zeroizing::new(element(SEQUENCE, &body))
}

/// The verdict in an answer.
fn read_answer(answer: &[u8], request: Request) -> Result<Verdict, PasswordError> {
    // Some servers send an error as it is.
    if ErrorMessage::is_one(answer) {
        return verdict_of_error(answer);
    }
    let Parts { ap_rep, rest } = Parts::split(answer).map_err(PasswordError::Malformed)?;
    if ap_rep.is_empty() {
        return verdict_of_error(rest);
    }
    // Sent back to us it would be opened by the same key, and the password taken for a text.
    if rest == request.private {
        let problem = "is what was sent";
        return Err(PasswordError::Malformed(DerError::new("KRB-PRIV", problem)));
    }
    let established = request
        .pending
        .verify(ap_rep)
        .map_err(|error| match error {
            ApError::Malformed(error) => PasswordError::Malformed(error),
            ApError::Crypto(error) => PasswordError::Forged(error),
            other => PasswordError::Ap(other),
        })?;
    let private = read_private(rest).map_err(PasswordError::Malformed)?;
    let plain =
        open_private(&private, &established, &request.subkey).map_err(PasswordError::Forged)?;
    let data = read_private_part(&plain).map_err(PasswordError::Malformed)?;
    Verdict::decode(data).map_err(PasswordError::Malformed)
}

/// With the key that the service chose, or with ours.
fn open_private(
    private: &EncryptedData,
    established: &Established,
    subkey: &Key,
) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    match &established.acceptor_subkey {
        Some(key) => private
            .open(key, PRIVATE)
            .or_else(|_| private.open(subkey, PRIVATE)),
        None => private.open(subkey, PRIVATE),
    }
}

/// An error, which may have a verdict in it.
fn verdict_of_error(bytes: &[u8]) -> Result<Verdict, PasswordError> {
    let error = ErrorMessage::decode(bytes).map_err(PasswordError::Malformed)?;
    match error.data.as_deref().map(Verdict::decode) {
        // Nothing protects it, so it cannot be a success.
        Some(Ok(verdict)) if verdict.result != SUCCESS && verdict.result <= MOST_RESULTS => {
            Ok(verdict)
        }
        _ => Err(PasswordError::Ap(ApError::Refused(Box::new(error)))),
    }
}

/// The two messages of an answer.
struct Parts<'a> {
    ap_rep: &'a [u8],
    rest: &'a [u8],
}

impl<'a> Parts<'a> {
    fn split(bytes: &'a [u8]) -> Result<Self, DerError> {
        let wrong = |problem| DerError::new("answer", problem);
        let cut_short = wrong("is cut short");
        let (length, rest) = bytes.split_first_chunk().ok_or(cut_short)?;
        if usize::from(u16::from_be_bytes(*length)) != bytes.len() {
            return Err(wrong("has another length than it says"));
        }
        // Windows answers with either version, and RFC 3244 with 1.
        let (version, rest) = rest.split_first_chunk().ok_or(cut_short)?;
        if !matches!(u16::from_be_bytes(*version), 1 | 0xff80) {
            return Err(wrong("is of an unknown version"));
        }
        let (length, rest) = rest.split_first_chunk().ok_or(cut_short)?;
        let length = usize::from(u16::from_be_bytes(*length));
        let (ap_rep, rest) = rest.split_at_checked(length).ok_or(cut_short)?;
        Ok(Self { ap_rep, rest })
    }
}

/// Checks the form of an answer, and of what is encrypted in it, for tests with arbitrary bytes.
///
/// # Errors
/// Where the bytes are neither.
pub fn check(bytes: &[u8]) -> Result<(), DerError> {
    let answer = Parts::split(bytes).and_then(|parts| read_private(parts.rest).map(|_| ()));
    answer.or_else(|_| read_private_part(bytes).and_then(|data| Verdict::decode(data).map(|_| ())))
}

/// KRB-PRIV.
fn read_private(bytes: &[u8]) -> Result<EncryptedData, DerError> {
    message::read_all(bytes, application(21), "KRB-PRIV", |fields| {
        fields.field(0, "pvno", |it, part| it.constant(5, part))?;
        fields.field(1, "msg-type", |it, part| it.constant(21, part))?;
        fields.field(3, "enc-part", EncryptedData::read)
    })
}

/// The data of EncKrbPrivPart. That it is the answer to this request is known by the keys, which
/// were made for it; addresses and times add nothing (and may be left out).
fn read_private_part(bytes: &[u8]) -> Result<&[u8], DerError> {
    let address = |it: &mut Reader<'_>, part| {
        let mut fields = it.enter(SEQUENCE, part)?;
        fields.field(0, "addr-type", Reader::int32)?;
        fields.field(1, "address", Reader::octets)?;
        fields.finish(part)
    };
    message::read_all(bytes, application(28), "EncKrbPrivPart", |fields| {
        let data = fields.field(0, "user-data", Reader::octets)?;
        fields.field_if(1, "timestamp", Reader::time)?;
        fields.field_if(2, "usec", Reader::microseconds)?;
        fields.field_if(3, "seq-number", Reader::uint32)?;
        fields.field_if(4, "s-address", address)?;
        fields.field_if(5, "r-address", address)?;
        Ok(data)
    })
}

/// A number for the first message, small enough for `kerberos_asn1` not to make it negative.
fn sequence() -> Result<u32, PasswordError> {
    let mut bytes = [0; 4];
    getrandom::fill(&mut bytes)
        .map_err(|error| PasswordError::Crypto(CryptoError::Random(error)))?;
    Ok(u32::from_be_bytes(bytes) & 0x3fff_ffff)
}

/// Results (RFC 3244 section 2).
const SUCCESS: u16 = 0;
const SOFT_ERROR: u16 = 4;
const ACCESS_DENIED: u16 = 5;
const MOST_RESULTS: u16 = 7;
/// Usage of keys for KRB-PRIV (RFC 4120 section 7.5.1).
const PRIVATE: u32 = 13;
/// A hundred years.
const FOREVER: i64 = 100 * 365 * 86_400;
