//! Signatures of messages (RFC 8945), made with a security context (RFC 3645).

use super::message::{CLASS_ANY, Data, Kind, Malformed, Message, Reader, Record};
use super::name::Name;
use crate::gss::{Context, GssError};

/// How far the clocks may differ, in seconds (RFC 8945 section 10).
const FUDGE: u16 = 300;

/// A key that both sides agreed on.
pub(super) struct Key {
    pub(super) name: Name,
    pub(super) context: Context,
}

/// The algorithm that is a security context.
pub(super) fn algorithm() -> Name {
    Name::from_labels(["gss-tsig"]).unwrap_or_else(Name::root)
}

/// What a signature says beside the MAC.
struct Signature {
    time: u64,
    fudge: u16,
    mac: Vec<u8>,
    original_id: u16,
    error: u16,
    other: Vec<u8>,
}

impl Key {
    /// The bytes of `message` with a signature made at `now` (seconds since 1970), and its MAC.
    pub(super) fn sign(
        &mut self,
        message: &Message,
        now: u64,
    ) -> Result<(Vec<u8>, Vec<u8>), Malformed> {
        let mut signature = Signature {
            time: now & 0xffff_ffff_ffff,
            fudge: FUDGE,
            mac: Vec::new(),
            original_id: message.id,
            error: 0,
            other: Vec::new(),
        };
        let mut signed = message.encode()?;
        signed.extend(self.variables(&signature));
        signature.mac = self.context.mic(&signed);
        let mut message = message.clone();
        message.additionals.push(Record {
            name: self.name.clone(),
            kind: Kind::TSIG,
            class: CLASS_ANY,
            ttl: 0,
            data: Data::Other(signature.data()),
        });
        Ok((message.encode()?, signature.mac))
    }

    /// Checks the signature of the answer to a message with the MAC `request`.
    pub(super) fn verify(&mut self, answer: &[u8], request: &[u8]) -> Result<(), Unsigned> {
        let (start, record) = Message::last_record(answer)?;
        let Data::Other(data) = &record.data else {
            return Err(Unsigned::Missing);
        };
        if record.kind != Kind::TSIG || record.name != self.name {
            return Err(Unsigned::Missing);
        }
        let signature = Signature::read(data)?;
        if signature.error != 0 {
            return Err(Unsigned::Error(signature.error));
        }
        let mut message = answer[..start].to_vec();
        let count = u16::from_be_bytes([message[10], message[11]]).saturating_sub(1);
        message[..2].copy_from_slice(&signature.original_id.to_be_bytes());
        message[10..12].copy_from_slice(&count.to_be_bytes());
        let variables = self.variables(&signature);
        let length = u16::try_from(request.len())
            .map_err(|_| Malformed("a signature is too large"))?
            .to_be_bytes();
        // RFC 8945 section 4.3.1 wants the length of the request's MAC before it. Samba's own name
        // server left it out.
        let proper = [&length, request, &message, &variables].concat();
        let without = [request, &message, &variables].concat();
        let checked = self
            .context
            .verify_mic(&proper, &signature.mac)
            .or_else(|_| self.context.verify_mic(&without, &signature.mac));
        checked.map_err(Unsigned::Wrong)
    }

    /// What is signed beside the message (RFC 8945 section 4.3.3).
    fn variables(&self, signature: &Signature) -> Vec<u8> {
        let mut out = self.name.wire().to_vec();
        out.extend(CLASS_ANY.to_be_bytes());
        out.extend(0_u32.to_be_bytes());
        out.extend(algorithm().wire());
        out.extend(&signature.time.to_be_bytes()[2..]);
        out.extend(signature.fudge.to_be_bytes());
        out.extend(signature.error.to_be_bytes());
        out.extend((signature.other.len() as u16).to_be_bytes());
        out.extend(&signature.other);
        out
    }
}

impl Signature {
    fn data(&self) -> Vec<u8> {
        let mut out = algorithm().wire().to_vec();
        out.extend(&self.time.to_be_bytes()[2..]);
        out.extend(self.fudge.to_be_bytes());
        out.extend((self.mac.len() as u16).to_be_bytes());
        out.extend(&self.mac);
        out.extend(self.original_id.to_be_bytes());
        out.extend(self.error.to_be_bytes());
        out.extend((self.other.len() as u16).to_be_bytes());
        out.extend(&self.other);
        out
    }

    fn read(data: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader { bytes: data, at: 0 };
        if reader.name()? != algorithm() {
            return Err(Malformed("the signature is of another algorithm"));
        }
        let time = u64::from(reader.u16()?) << 32 | u64::from(reader.u32()?);
        let fudge = reader.u16()?;
        let size = reader.u16()?;
        let mac = reader.take(size.into())?.to_vec();
        let original_id = reader.u16()?;
        let error = reader.u16()?;
        let size = reader.u16()?;
        let other = reader.take(size.into())?.to_vec();
        Ok(Self {
            time,
            fudge,
            mac,
            original_id,
            error,
            other,
        })
    }
}

/// Why an answer does not count as signed.
#[derive(Debug)]
pub(super) enum Unsigned {
    /// It has no signature, or one by another key.
    Missing,
    /// The server gives an error of its own (RFC 8945 section 3).
    Error(u16),
    /// It is no message.
    Malformed(Malformed),
    /// The signature is wrong.
    Wrong(GssError),
}

impl From<Malformed> for Unsigned {
    fn from(error: Malformed) -> Self {
        Self::Malformed(error)
    }
}
