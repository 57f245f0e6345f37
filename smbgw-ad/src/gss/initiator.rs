//! The side that begins.

use super::GssError;
use super::context::{Context, Keys, Role, refuse_rc4};
use super::initial::{self, InitialToken, parse_initial};
use crate::clock::Clock;
use crate::krb::ap::{self, Checksum, Pending, Request};
use crate::krb::crypto::{CryptoError, Key};
use crate::krb::ticket::ServiceTicket;

/// What is wanted of a context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Whether messages have to come in order and complete, as over TCP.
    pub ordered: bool,
    /// Whether messages will be sealed, not signed only.
    pub sealed: bool,
}

impl Default for Options {
    /// Ordered and sealed.
    fn default() -> Self {
        Self {
            ordered: true,
            sealed: true,
        }
    }
}

/// A context that waits for the acceptor to prove itself.
pub struct Initiator {
    pending: Pending,
    options: Options,
}

impl Initiator {
    /// Makes the first token, which the service has to answer.
    ///
    /// # Errors
    /// Where the ticket is for a key of RC4, or the kernel gives no random bytes.
    pub fn begin(
        ticket: &ServiceTicket,
        options: Options,
        clock: Clock,
    ) -> Result<(Self, Vec<u8>), GssError> {
        let etype = ticket.session_key().etype();
        refuse_rc4(Some(etype))?;
        let subkey = Key::random(etype)?;
        let mut sequence = [0; 4];
        getrandom::fill(&mut sequence).map_err(CryptoError::Random)?;
        // Some services take the number for a signed one, and none knows more than 32 bits of it.
        let sequence = u32::from_be_bytes(sequence) & 0x3fff_ffff;
        let (message, pending) = Request::build(
            ticket,
            Some(checksum(options)),
            Some(subkey),
            Some(sequence),
            ap::Options::default(),
            clock,
        )
        .map_err(GssError::Exchange)?;
        Ok((Self { pending, options }, initial::request(&message)))
    }

    /// Checks the service's answer, after which messages can be exchanged.
    ///
    /// # Errors
    /// Where the service refused, or did not prove that it could read the ticket.
    pub fn finish(self, answer: &[u8]) -> Result<Context, GssError> {
        let message = match parse_initial(answer)? {
            InitialToken::Reply(message) | InitialToken::Error(message) => message,
            InitialToken::Request(_) => return Err(GssError::Reflected),
        };
        let established = self.pending.verify(message).map_err(GssError::Exchange)?;
        let missing = GssError::Malformed {
            reason: "it has no number of the first message",
        };
        let keys = Keys {
            initiator: established.initiator_subkey.unwrap_or(established.session),
            acceptor: established.acceptor_subkey,
            initiator_sequence: established.initiator_sequence.unwrap_or_default(),
            acceptor_sequence: established.acceptor_sequence.ok_or(missing)?,
        };
        Context::new(Role::Initiator, keys, self.options.ordered)
    }
}

/// What the authenticator says about the context (RFC 4121 section 4.1.1): no channel bindings, and
/// the flags.
fn checksum(options: Options) -> Checksum {
    let mut flags = MUTUAL | REPLAY | INTEGRITY;
    if options.ordered {
        flags |= SEQUENCE;
    }
    if options.sealed {
        flags |= CONFIDENTIALITY;
    }
    let mut bytes = 16u32.to_le_bytes().to_vec();
    bytes.extend_from_slice(&[0; 16]);
    bytes.extend_from_slice(&u32::to_le_bytes(flags));
    Checksum {
        kind: 0x8003,
        bytes,
    }
}

const MUTUAL: u32 = 2;
const REPLAY: u32 = 4;
const SEQUENCE: u32 = 8;
const CONFIDENTIALITY: u32 = 16;
const INTEGRITY: u32 = 32;
