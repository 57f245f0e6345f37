//! Logging in: a password or a key is proved, and a first ticket comes back (RFC 4120 section 3.1).

use std::net::SocketAddr;

use jiff::{SignedDuration, Timestamp};
use kerberos_asn1::{AsReq, Asn1Object, KdcReqBody, PaData, PaEncTsEnc};
use smbgw_core::deadline::Deadline;
use smbgw_core::secret::Secret;
use zeroize::Zeroizing;

use super::crypto::{CryptoError, EncryptionType, Key};
use super::error::{KrbError, Skew, login_refused, wrong_secret};
use super::kdc::{KdcFinder, Kdcs};
use super::message::{self, ErrorCode, ErrorMessage, Hint, KdcReply, KdcReplyPart, ReplyKind};
use super::ticket::{ServiceTicket, Tgt};
use crate::clock::Clock;
use crate::name::{NameKind, Principal, Realm};

/// What a client proves who it is with.
#[derive(Clone, Copy)]
pub enum Credential<'a> {
    /// Its password.
    Password(&'a Secret),
    /// Its keys, such as those of one version in a keytab.
    Keys(&'a [Key]),
}

impl Credential<'_> {
    fn is_key(self) -> bool {
        matches!(self, Self::Keys(_))
    }
}

/// How to log in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The encryption types that are accepted, the best first. RC4 is there only when asked for.
    pub etypes: Vec<EncryptionType>,
    /// How long the ticket should hold; the domain may make it shorter.
    pub lifetime: SignedDuration,
    /// How far the clock of the domain may be off. Within it the domain's time is used; beyond it
    /// the login ends with [`KrbError::ClockSkew`].
    pub tolerance: SignedDuration,
    /// Whether the domain may answer with the account's proper name, and refer to another realm
    /// (RFC 6806). For enterprise names it always may.
    pub canonicalize: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            etypes: aes(),
            lifetime: SignedDuration::from_hours(10),
            tolerance: TOLERANCE,
            canonicalize: false,
        }
    }
}

/// What domain controllers tolerate unless they are told otherwise (MS-KILE 3.3.1).
pub const TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

/// The encryption types that are accepted unless others are asked for, the best first.
pub fn aes() -> Vec<EncryptionType> {
    EncryptionType::ALL
        .iter()
        .copied()
        .filter(|etype| *etype != EncryptionType::Rc4)
        .collect()
}

/// What a login gave.
#[derive(Clone, Debug)]
pub struct Login<T> {
    /// The ticket.
    pub ticket: T,
    /// The clock that the domain agrees with.
    pub clock: Clock,
    /// How far the domain's clock is from the one that was given.
    pub skew: Skew,
    /// When the password expires, if the domain says so.
    pub password_expires: Option<Timestamp>,
    /// The domain controller.
    pub server: SocketAddr,
}

/// Logs `client` in.
///
/// # Errors
/// Where the domain says no, cannot be reached, or has another time: each is a variant.
pub fn login(
    client: &Principal,
    credential: Credential<'_>,
    options: &Options,
    finder: &dyn KdcFinder,
    clock: Clock,
    deadline: Deadline,
) -> Result<Login<Tgt>, KrbError> {
    let service = |realm: &Realm| Principal::ticket_granting(realm, realm.clone());
    let login = Attempt::run(
        client, &service, credential, options, finder, clock, deadline,
    )?;
    let ticket = Tgt::new(login.ticket).ok_or(KrbError::Mismatch {
        reason: "the ticket is not one that others can be got with",
    })?;
    Ok(Login {
        ticket,
        clock: login.clock,
        skew: login.skew,
        password_expires: login.password_expires,
        server: login.server,
    })
}

/// Logs `client` in for one service alone, called `name` in the client's realm.
///
/// For changing a password that has expired, `["kadmin", "changepw"]` is the only service that is
/// given a ticket.
///
/// # Errors
/// As [`login`].
pub fn login_for(
    client: &Principal,
    name: [&str; 2],
    credential: Credential<'_>,
    options: &Options,
    finder: &dyn KdcFinder,
    clock: Clock,
    deadline: Deadline,
) -> Result<Login<ServiceTicket>, KrbError> {
    // Two parts that are not empty are a name.
    let service = |realm: &Realm| {
        Principal::new(NameKind::Service, name, realm.clone())
            .unwrap_or_else(|_| Principal::ticket_granting(realm, realm.clone()))
    };
    Attempt::run(
        client, &service, credential, options, finder, clock, deadline,
    )
}

/// What a domain controller tells before it is proved who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Introduction {
    /// How the keys of the account are made, the controller's favourite first. Some tell only the
    /// best of the types that they are asked for.
    pub hints: Vec<Hint>,
    /// How far its clock is off.
    pub skew: Skew,
    /// The domain controller.
    pub server: SocketAddr,
}

/// Asks how the keys of `client` are made, and for the time.
///
/// # Errors
/// Where there is no such account, or it needs no proof, or nobody answers.
pub fn introduce(
    client: &Principal,
    options: &Options,
    finder: &dyn KdcFinder,
    clock: Clock,
    deadline: Deadline,
) -> Result<Introduction, KrbError> {
    let realm = client.realm().clone();
    let mut kdcs = Kdcs::find(finder, &realm, deadline)?;
    let request = Request::new(
        client,
        Principal::ticket_granting(&realm, realm.clone()),
        &options.etypes,
        options,
    )?;
    let (answer, skew, server) = request.send(&mut kdcs, Vec::new(), clock, deadline)?;
    match answer {
        Reply::Error(error) if error.error == ErrorCode::PREAUTH_REQUIRED => Ok(Introduction {
            hints: error.hints(),
            skew,
            server,
        }),
        Reply::Error(error) => Err(login_refused(client.clone(), false, *error)),
        Reply::Ticket(reply) => Ok(Introduction {
            hints: reply.hints(),
            skew,
            server,
        }),
    }
}

/// A login under way.
struct Attempt<'a> {
    client: Principal,
    credential: Credential<'a>,
    options: &'a Options,
    etypes: Vec<EncryptionType>,
    given: Clock,
    clock: Clock,
    skew: Option<Skew>,
    deadline: Deadline,
}

impl<'a> Attempt<'a> {
    fn run(
        client: &Principal,
        service: &dyn Fn(&Realm) -> Principal,
        credential: Credential<'a>,
        options: &'a Options,
        finder: &dyn KdcFinder,
        clock: Clock,
        deadline: Deadline,
    ) -> Result<Login<ServiceTicket>, KrbError> {
        // With keys, only their types are asked for: some domain controllers name only one.
        let has = |etype: &EncryptionType| match credential {
            Credential::Password(_) => true,
            Credential::Keys(keys) => keys.iter().any(|key| key.etype() == *etype),
        };
        let etypes: Vec<_> = options.etypes.iter().copied().filter(has).collect();
        if etypes.is_empty() {
            return Err(KrbError::NoEncryption {
                whom: client.clone(),
                offered: Vec::new(),
            });
        }
        let mut attempt = Self {
            client: client.clone(),
            credential,
            options,
            etypes,
            given: clock,
            clock,
            skew: None,
            deadline,
        };
        let mut realms = vec![client.realm().clone()];
        loop {
            let realm = attempt.client.realm().clone();
            let mut kdcs = Kdcs::find(finder, &realm, deadline)?;
            match attempt.in_realm(service(&realm), &mut kdcs)? {
                Outcome::Login(login) => return Ok(*login),
                Outcome::Elsewhere(other) => {
                    let seen = realms.contains(&other);
                    realms.push(other.clone());
                    if seen || realms.len() > MOST_REALMS {
                        return Err(KrbError::ReferralLoop {
                            name: client.clone(),
                            realms,
                        });
                    }
                    attempt.client = attempt.client.in_realm(other);
                }
            }
        }
    }

    fn in_realm(&mut self, service: Principal, kdcs: &mut Kdcs) -> Result<Outcome, KrbError> {
        let request = Request::new(&self.client, service, &self.etypes, self.options)?;
        let mut proof = Vec::new();
        let mut key = None;
        for _ in 0..MOST_ROUNDS {
            let (answer, skew, server) = request.send(kdcs, proof, self.clock, self.deadline)?;
            let error = match answer {
                Reply::Ticket(reply) => {
                    let login = self.finish(&request, *reply, key, skew, server)?;
                    return Ok(Outcome::Login(Box::new(login)));
                }
                Reply::Error(error) => *error,
            };
            match error.error {
                ErrorCode::WRONG_REALM if request.canonicalize => {
                    let Some(realm) = error.client_realm else {
                        return Err(self.refused(error));
                    };
                    return Ok(Outcome::Elsewhere(realm));
                }
                ErrorCode::PREAUTH_REQUIRED if key.is_none() => {
                    self.agree_on_time(skew)?;
                    key = Some(self.key(&error.hints())?);
                }
                ErrorCode::SKEW => {
                    // The answer tells the time, which may have been unknown or changed since.
                    if key.is_none() || skew.is_within(NEGLIGIBLE) {
                        return Err(KrbError::ClockSkew { skew });
                    }
                    self.agree_on_time(skew)?;
                }
                _ => return Err(self.refused(error)),
            }
            let Some(key) = &key else {
                break;
            };
            proof = vec![self.proof(key)?];
        }
        Err(KrbError::Mismatch {
            reason: "the same was asked for over and over",
        })
    }

    /// Uses the domain's time from now on, if it is near enough.
    fn agree_on_time(&mut self, skew: Skew) -> Result<(), KrbError> {
        // The answer was compared with the clock as earlier answers have moved it.
        let moved = self.clock.offset().saturating_sub(self.given.offset());
        let total = Skew {
            offset: moved.saturating_add(skew.offset),
            ..skew
        };
        if !total.is_within(self.options.tolerance) {
            return Err(KrbError::ClockSkew { skew: total });
        }
        if !skew.is_within(NEGLIGIBLE) {
            self.clock = self.clock.shifted(skew.offset);
        }
        self.skew = Some(total);
        Ok(())
    }

    /// The key to use, by what the domain controller tells of those of the account.
    fn key(&self, hints: &[Hint]) -> Result<Key, KrbError> {
        let none = || KrbError::NoEncryption {
            whom: self.client.clone(),
            offered: hints.iter().map(|hint| hint.etype).collect(),
        };
        let hint_of = |etype| hints.iter().find(|hint| hint.etype == etype);
        match self.credential {
            Credential::Keys(keys) => self
                .etypes
                .iter()
                .filter(|etype| hints.is_empty() || hint_of(**etype).is_some())
                .find_map(|etype| keys.iter().find(|key| key.etype() == *etype))
                .cloned()
                .ok_or_else(none),
            Credential::Password(password) => {
                let hint = self
                    .etypes
                    .iter()
                    .find_map(|etype| hint_of(*etype))
                    .ok_or_else(none)?;
                // Without a salt in it, the name makes the salt (RFC 4120 section 5.2.7.5).
                let salt = match &hint.salt {
                    Some(salt) => salt.clone(),
                    None => usual_salt(&self.client),
                };
                Key::from_password(hint.etype, password, &salt, hint.parameters.as_deref())
                    .map_err(KrbError::Crypto)
            }
        }
    }

    /// PA-ENC-TIMESTAMP: the time, encrypted (RFC 4120 section 5.2.7.2).
    fn proof(&self, key: &Key) -> Result<PaData, KrbError> {
        let (time, microseconds) = message::split_time(self.clock.now());
        let stamp = PaEncTsEnc::new(message::time_of(time), Some(microseconds.cast_signed()));
        let cipher = key
            .encrypt(TIMESTAMP, &stamp.build())
            .map_err(KrbError::Crypto)?;
        let sealed = message::encrypted(key.etype(), cipher);
        Ok(PaData::new(PA_ENC_TIMESTAMP, sealed.build()))
    }

    fn finish(
        &mut self,
        request: &Request,
        reply: KdcReply,
        key: Option<Key>,
        skew: Skew,
        server: SocketAddr,
    ) -> Result<Login<ServiceTicket>, KrbError> {
        let key = match key {
            Some(key) if key.etype().number() == reply.encrypted.etype => key,
            // Without a proof, or with another key than that of the proof.
            _ => {
                let mut hints = reply.hints();
                hints.retain(|hint| hint.etype.number() == reply.encrypted.etype);
                self.key(&hints)?
            }
        };
        let plain = match reply.encrypted.open(&key, AS_REPLY) {
            Ok(plain) => plain,
            Err(CryptoError::Integrity { .. }) => {
                return Err(wrong_secret(self.client.clone(), self.credential.is_key()));
            }
            Err(error) => return Err(KrbError::Crypto(error)),
        };
        let part = KdcReplyPart::decode(&plain).map_err(KrbError::Malformed)?;
        let mismatch = |reason| Err(KrbError::Mismatch { reason });
        if part.nonce != request.nonce {
            return mismatch("its number is another one");
        }
        if !request.canonicalize && !same_name(&reply.client, &self.client) {
            return mismatch("it names another account");
        }
        if !same_name(&part.service, &request.service) {
            return mismatch("it is for another service");
        }
        let etype = EncryptionType::from_number(part.key_type)
            .filter(|etype| self.etypes.contains(etype))
            .ok_or_else(|| KrbError::NoEncryption {
                whom: part.service.clone(),
                offered: EncryptionType::from_number(part.key_type)
                    .into_iter()
                    .collect(),
            })?;
        // Unlike the time of an error, nobody can have forged this one.
        let told = Skew {
            offset: part.times.authenticated.duration_since(self.clock.now()),
            ..skew
        };
        if self.skew.is_none() || !told.is_within(TOLERANCE) {
            self.agree_on_time(told)?;
        }
        Ok(Login {
            ticket: ServiceTicket::new(
                reply.client,
                part.service,
                reply.ticket,
                Key::new(etype, &part.key).map_err(KrbError::Crypto)?,
                part.times,
                part.flags,
            ),
            clock: self.clock,
            skew: self.skew.unwrap_or(told),
            password_expires: part.key_expiration,
            server,
        })
    }

    fn refused(&self, error: ErrorMessage) -> KrbError {
        login_refused(self.client.clone(), self.credential.is_key(), error)
    }
}

enum Outcome {
    Login(Box<Login<ServiceTicket>>),
    Elsewhere(Realm),
}

enum Reply {
    Ticket(Box<KdcReply>),
    Error(Box<ErrorMessage>),
}

/// AS-REQ but for the proof.
struct Request {
    service: Principal,
    nonce: u32,
    canonicalize: bool,
    body: KdcReqBody,
    lifetime: SignedDuration,
}

impl Request {
    fn new(
        client: &Principal,
        service: Principal,
        etypes: &[EncryptionType],
        options: &Options,
    ) -> Result<Self, KrbError> {
        let canonicalize = options.canonicalize || client.kind() == NameKind::Enterprise;
        let nonce = nonce()?;
        let body = KdcReqBody {
            kdc_options: if canonicalize { CANONICALIZE } else { 0 }.into(),
            cname: Some(message::name_of(client)),
            realm: client.realm().to_string(),
            sname: Some(message::name_of(&service)),
            nonce,
            etypes: etypes.iter().map(|etype| etype.number()).collect(),
            ..KdcReqBody::default()
        };
        Ok(Self {
            service,
            nonce,
            canonicalize,
            body,
            lifetime: options.lifetime,
        })
    }

    /// Sends it with `proof`, and tells how far the clock of who answers is from `clock`.
    fn send(
        &self,
        kdcs: &mut Kdcs,
        proof: Vec<PaData>,
        clock: Clock,
        deadline: Deadline,
    ) -> Result<(Reply, Skew, SocketAddr), KrbError> {
        let before = clock.now();
        let end = before.saturating_add(self.lifetime).unwrap_or(before);
        let request = AsReq {
            padata: (!proof.is_empty()).then_some(proof),
            req_body: KdcReqBody {
                till: message::time_of(end),
                ..self.body.clone()
            },
            ..AsReq::default()
        };
        let answer = kdcs.ask(&request.build(), deadline)?;
        let after = clock.now();
        let (reply, time) = if ErrorMessage::is_one(&answer.bytes) {
            let error = ErrorMessage::decode(&answer.bytes).map_err(KrbError::Malformed)?;
            let time = error.server_time;
            (Reply::Error(Box::new(error)), Some(time))
        } else {
            let reply =
                KdcReply::decode(ReplyKind::Login, &answer.bytes).map_err(KrbError::Malformed)?;
            (Reply::Ticket(Box::new(reply)), None)
        };
        let skew = skew(time, before, after);
        Ok((reply, skew, answer.server))
    }
}

/// How far `time` is from the middle of `before` and `after`; nothing where there is none.
pub(super) fn skew(time: Option<Timestamp>, before: Timestamp, after: Timestamp) -> Skew {
    let round_trip = after.duration_since(before);
    let middle = before.saturating_add(round_trip / 2).unwrap_or(before);
    Skew {
        offset: time.map_or(SignedDuration::ZERO, |time| time.duration_since(middle)),
        round_trip: round_trip.unsigned_abs(),
    }
}

/// Whether both are the same name; a domain does not tell upper and lower case apart.
pub(super) fn same_name(one: &Principal, other: &Principal) -> bool {
    one.realm()
        .as_str()
        .eq_ignore_ascii_case(other.realm().as_str())
        && one.parts().len() == other.parts().len()
        && one
            .parts()
            .iter()
            .zip(other.parts())
            .all(|(one, other)| one.to_lowercase() == other.to_lowercase())
}

/// A number for a request: `kerberos_asn1` would make those of 32 bits negative.
pub(super) fn nonce() -> Result<u32, KrbError> {
    let mut bytes = Zeroizing::new([0; 4]);
    getrandom::fill(bytes.as_mut_slice())
        .map_err(|error| KrbError::Crypto(CryptoError::Random(error)))?;
    Ok(u32::from_be_bytes(*bytes) & 0x7fff_ffff)
}

/// The realm and the parts of the name, one after the other (RFC 4120 section 4).
fn usual_salt(client: &Principal) -> Vec<u8> {
    let mut salt = client.realm().to_string();
    for part in client.parts() {
        salt.push_str(part);
    }
    salt.into_bytes()
}

/// KDC option `canonicalize` (RFC 6806 section 3).
pub(super) const CANONICALIZE: u32 = 1 << 16;
/// So many answers one realm may need: for a proof, for the time, and the ticket.
const MOST_ROUNDS: usize = 4;
/// So many realms a name may be referred to.
const MOST_REALMS: usize = 10;
/// A difference that is not worth another clock: some times come without fractions of seconds.
const NEGLIGIBLE: SignedDuration = SignedDuration::from_secs(2);
const PA_ENC_TIMESTAMP: i32 = 2;
/// Usage of keys for PA-ENC-TIMESTAMP (RFC 4120 section 7.5.1).
const TIMESTAMP: u32 = 1;
/// Usage of keys for the encrypted part of AS-REP.
const AS_REPLY: u32 = 3;
