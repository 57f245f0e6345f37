//! Tickets for services, got with a ticket granting ticket, also in other realms (RFC 4120 section
//! 3.3, RFC 6806 section 8).

use jiff::SignedDuration;
use kerberos_asn1::{Asn1Object, KdcReqBody, PaData, TgsReq};
use smbgw_core::deadline::Deadline;

use super::ap::{self, Checksum};
use super::crypto::{EncryptionType, Key};
use super::error::{KrbError, login_refused};
use super::kdc::{KdcFinder, Kdcs};
use super::login::{CANONICALIZE, nonce, same_name, skew};
use super::message::{self, ErrorCode, ErrorMessage, KdcReply, KdcReplyPart, ReplyKind};
use super::ticket::{ServiceTicket, Tgt};
use crate::clock::Clock;
use crate::name::Principal;

/// Gets a ticket for `service`.
///
/// The realm of `service` is where the search begins: where that is another one than that of `tgt`,
/// the way there is asked for first. Domain controllers may refer to further realms, which are then
/// asked. `etypes` are the types that the session key may have.
///
/// # Errors
/// Where no realm on the way knows the service, or a domain controller says no.
pub fn service_ticket(
    tgt: &Tgt,
    service: &Principal,
    etypes: &[EncryptionType],
    finder: &dyn KdcFinder,
    clock: Clock,
    deadline: Deadline,
) -> Result<ServiceTicket, KrbError> {
    let mut tgt = tgt.clone();
    let mut realms = vec![tgt.realm()];
    // Once in the wanted realm, only referrals lead on.
    let mut target = service.realm().clone();
    loop {
        let here = tgt.realm();
        let wanted = match here == target {
            true => service.in_realm(here.clone()),
            false => Principal::ticket_granting(&target, here.clone()),
        };
        let ticket = ask(&tgt, &wanted, etypes, finder, clock, deadline)?;
        let is_wanted = same_name(&ticket.service().in_realm(here.clone()), &wanted);
        if is_wanted && here == target {
            return Ok(ticket);
        }
        let Some(next) = Tgt::new(ticket) else {
            return Err(KrbError::Mismatch {
                reason: "it is for another service",
            });
        };
        let realm = next.realm();
        if here == target {
            target = realm.clone();
        }
        let seen = realms.contains(&realm);
        realms.push(realm);
        if seen || realms.len() > MOST_REALMS {
            return Err(KrbError::ReferralLoop {
                name: service.clone(),
                realms,
            });
        }
        tgt = next;
    }
}

/// Asks the realm of `tgt` for `wanted`, and takes what it gives.
fn ask(
    tgt: &Tgt,
    wanted: &Principal,
    etypes: &[EncryptionType],
    finder: &dyn KdcFinder,
    clock: Clock,
    deadline: Deadline,
) -> Result<ServiceTicket, KrbError> {
    let realm = tgt.realm();
    let mut kdcs = Kdcs::find(finder, &realm, deadline)?;
    let request = Request::new(tgt, wanted, etypes, clock)?;
    let before = clock.now();
    let answer = kdcs.ask(&request.bytes, deadline)?;
    let after = clock.now();
    if ErrorMessage::is_one(&answer.bytes) {
        let error = ErrorMessage::decode(&answer.bytes).map_err(KrbError::Malformed)?;
        let skew = skew(Some(error.server_time), before, after);
        return Err(match error.error {
            ErrorCode::SKEW | ErrorCode::TKT_NYV => KrbError::ClockSkew { skew },
            ErrorCode::S_PRINCIPAL_UNKNOWN => KrbError::UnknownService {
                service: wanted.clone(),
            },
            ErrorCode::ETYPE_NOSUPP => KrbError::NoEncryption {
                whom: wanted.clone(),
                offered: Vec::new(),
            },
            // A ticket does not outlive its account.
            ErrorCode::CLIENT_REVOKED | ErrorCode::C_PRINCIPAL_UNKNOWN | ErrorCode::NAME_EXP => {
                login_refused(tgt.client().clone(), false, error)
            }
            _ => KrbError::Refused {
                name: wanted.clone(),
                because: Box::new(error),
            },
        });
    }
    let reply = KdcReply::decode(ReplyKind::Service, &answer.bytes).map_err(KrbError::Malformed)?;
    request.open(reply, tgt, etypes)
}

/// TGS-REQ, and what its answer is read with.
struct Request {
    bytes: Vec<u8>,
    subkey: Key,
    nonce: u32,
}

impl Request {
    fn new(
        tgt: &Tgt,
        wanted: &Principal,
        etypes: &[EncryptionType],
        clock: Clock,
    ) -> Result<Self, KrbError> {
        let ticket = tgt.as_ticket();
        let session = ticket.session_key();
        let nonce = nonce()?;
        // The domain takes the end of the ticket granting ticket where that is earlier.
        let now = clock.now();
        let end = now.saturating_add(LIFETIME).unwrap_or(now);
        let body = KdcReqBody {
            kdc_options: CANONICALIZE.into(),
            realm: tgt.realm().to_string(),
            sname: Some(message::name_of(wanted)),
            till: message::time_of(end),
            nonce,
            etypes: etypes.iter().map(|etype| etype.number()).collect(),
            ..KdcReqBody::default()
        };
        let checksum = Checksum {
            kind: session.checksum_type(),
            bytes: session.checksum(REQUEST_CHECKSUM, &body.build()),
        };
        let subkey = Key::random(session.etype()).map_err(KrbError::Crypto)?;
        let options = ap::Options {
            mutual: false,
            usage: REQUEST_AUTHENTICATOR,
        };
        let (proof, _) = ap::Request::build(
            ticket,
            Some(checksum),
            Some(subkey.clone()),
            None,
            options,
            clock,
        )
        .map_err(KrbError::Request)?;
        let request = TgsReq {
            padata: Some(vec![PaData::new(PA_TGS_REQ, proof)]),
            req_body: body,
            ..TgsReq::default()
        };
        Ok(Self {
            bytes: request.build(),
            subkey,
            nonce,
        })
    }

    /// The ticket in the answer.
    fn open(
        &self,
        reply: KdcReply,
        tgt: &Tgt,
        etypes: &[EncryptionType],
    ) -> Result<ServiceTicket, KrbError> {
        // Servers that know no subkeys take the key of the ticket.
        let plain = reply
            .encrypted
            .open(&self.subkey, REPLY_BY_SUBKEY)
            .or_else(|error| {
                let session = tgt.as_ticket().session_key();
                reply
                    .encrypted
                    .open(session, REPLY_BY_SESSION)
                    .map_err(|_| error)
            })
            .map_err(KrbError::Crypto)?;
        let part = KdcReplyPart::decode(&plain).map_err(KrbError::Malformed)?;
        let mismatch = |reason| Err(KrbError::Mismatch { reason });
        if part.nonce != self.nonce {
            return mismatch("its number is another one");
        }
        if !same_name(&reply.client, tgt.client()) {
            return mismatch("it names another account");
        }
        if part.service.realm() != &tgt.realm() {
            return mismatch("it is of another realm");
        }
        let etype = EncryptionType::from_number(part.key_type)
            .filter(|etype| etypes.contains(etype))
            .ok_or_else(|| KrbError::NoEncryption {
                whom: part.service.clone(),
                offered: EncryptionType::from_number(part.key_type)
                    .into_iter()
                    .collect(),
            })?;
        Ok(ServiceTicket::new(
            tgt.client().clone(),
            part.service,
            reply.ticket,
            Key::new(etype, &part.key).map_err(KrbError::Crypto)?,
            part.times,
            part.flags,
        ))
    }
}

/// How long a ticket is asked for.
const LIFETIME: SignedDuration = SignedDuration::from_hours(10);
/// So many realms may be on the way to a service.
const MOST_REALMS: usize = 10;
const PA_TGS_REQ: i32 = 1;
/// Usages of keys for TGS-REQ and TGS-REP (RFC 4120 section 7.5.1).
const REQUEST_CHECKSUM: u32 = 6;
const REQUEST_AUTHENTICATOR: u32 = 7;
const REPLY_BY_SESSION: u32 = 8;
const REPLY_BY_SUBKEY: u32 = 9;
