//! Messages that are signed, or sealed, with the keys of a context (RFC 4121 section 4.2).

use zeroize::Zeroizing;

use super::GssError;
use super::order::Order;
use crate::krb::crypto::{EncryptionType, Key};

/// Which side of a context one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The one who began.
    Initiator,
    /// The service.
    Acceptor,
}

/// What both sides know once a context is set up.
#[derive(Clone)]
pub struct Keys {
    /// The key that the initiator chose, or that of the ticket.
    pub initiator: Key,
    /// The key that the acceptor chose, if it did; it then is the one to use.
    pub acceptor: Option<Key>,
    /// The number of the initiator's first message.
    pub initiator_sequence: u32,
    /// The number of the acceptor's first message.
    pub acceptor_sequence: u32,
}

/// A message as the other side sent it.
pub struct Unwrapped {
    /// What it says.
    pub data: Zeroizing<Vec<u8>>,
    /// Whether nobody else could read it.
    pub sealed: bool,
}

/// A context, in which both sides have proved themselves.
pub struct Context {
    role: Role,
    keys: Keys,
    next: u64,
    received: Order,
}

impl Context {
    /// The context of what both sides know. With `ordered`, each message of the other side has to
    /// follow the one before it; else some may be lost or overtake others, but none come twice.
    ///
    /// # Errors
    /// Where a key is one of RC4.
    pub fn new(role: Role, keys: Keys, ordered: bool) -> Result<Self, GssError> {
        for key in [Some(&keys.initiator), keys.acceptor.as_ref()] {
            refuse_rc4(key.map(Key::etype))?;
        }
        let (own, other) = match role {
            Role::Initiator => (keys.initiator_sequence, keys.acceptor_sequence),
            Role::Acceptor => (keys.acceptor_sequence, keys.initiator_sequence),
        };
        Ok(Self {
            role,
            next: own.into(),
            received: Order::new(other.into(), ordered),
            keys,
        })
    }

    /// Protects `plain`: sealed so that nobody else can read it, or signed only.
    ///
    /// # Errors
    /// Where the kernel gives no random bytes.
    pub fn wrap(&mut self, plain: &[u8], seal: bool) -> Result<Vec<u8>, GssError> {
        let usage = self.role.usages().seal;
        let mut header = Header {
            mic: false,
            acceptor: self.role == Role::Acceptor,
            sealed: seal,
            acceptor_key: self.keys.acceptor.is_some(),
            extra: 0,
            rotated: 0,
            sequence: self.next,
        };
        let key = self.own_key();
        let token = if seal {
            let mut text = Zeroizing::new(Vec::with_capacity(plain.len() + HEADER));
            text.extend_from_slice(plain);
            text.extend_from_slice(&header.bytes());
            let cipher = key.encrypt(usage, &text)?;
            [header.bytes().as_slice(), &cipher].concat()
        } else {
            let checksum = key.checksum(usage, &[plain, &header.bytes()].concat());
            header.extra = checksum.len() as u16;
            [header.bytes().as_slice(), plain, &checksum].concat()
        };
        self.next = self.next.wrapping_add(1);
        Ok(token)
    }

    /// Reads what the other side protected.
    ///
    /// # Errors
    /// Where it is malformed, changed, of this side, or out of order; the context is as before then.
    pub fn unwrap(&mut self, token: &[u8]) -> Result<Unwrapped, GssError> {
        let (header, body) = Header::parse(token, false)?;
        let key = self.other_key(&header)?;
        let usage = self.role.other().usages().seal;
        let mut body = Zeroizing::new(body.to_vec());
        if body.is_empty() {
            return Err(malformed("it has no content"));
        }
        // It is rotated to the right, as often as it may say.
        let rotation = usize::from(header.rotated) % body.len();
        body.rotate_left(rotation);
        let extra = usize::from(header.extra);
        let data = if header.sealed {
            let mut text = key.decrypt(usage, &body)?;
            let end = text
                .len()
                .checked_sub(HEADER)
                .ok_or_else(|| malformed("its sealed part is too short"))?;
            let unrotated = Header {
                rotated: 0,
                ..header
            };
            if text[end..] != unrotated.bytes() {
                return Err(malformed("its sealed part belongs to another header"));
            }
            let end = end
                .checked_sub(extra)
                .ok_or_else(|| malformed("its filler is longer than itself"))?;
            text.truncate(end);
            text
        } else {
            let end = body
                .len()
                .checked_sub(extra)
                .ok_or_else(|| malformed("its checksum is longer than itself"))?;
            let checksum = body.split_off(end);
            let plain_header = Header {
                extra: 0,
                rotated: 0,
                ..header
            };
            let signed = Zeroizing::new([body.as_slice(), &plain_header.bytes()].concat());
            key.verify(usage, &signed, &checksum)?;
            body
        };
        self.received.take(header.sequence)?;
        Ok(Unwrapped {
            data,
            sealed: header.sealed,
        })
    }

    /// A signature of `data`, which travels apart from it.
    pub fn mic(&mut self, data: &[u8]) -> Vec<u8> {
        let header = Header {
            mic: true,
            acceptor: self.role == Role::Acceptor,
            sealed: false,
            acceptor_key: self.keys.acceptor.is_some(),
            extra: u16::MAX,
            rotated: u16::MAX,
            sequence: self.next,
        };
        let usage = self.role.usages().sign;
        let signed = [data, &header.bytes()].concat();
        let checksum = self.own_key().checksum(usage, &signed);
        self.next = self.next.wrapping_add(1);
        [header.bytes().as_slice(), &checksum].concat()
    }

    /// Checks that `token` is the other side's signature of `data`.
    ///
    /// # Errors
    /// Where it is not, or out of order; the context is as before then.
    pub fn verify_mic(&mut self, data: &[u8], token: &[u8]) -> Result<(), GssError> {
        let (header, checksum) = Header::parse(token, true)?;
        let key = self.other_key(&header)?;
        let usage = self.role.other().usages().sign;
        let signed = [data, &header.bytes()].concat();
        key.verify(usage, &signed, checksum)?;
        self.received.take(header.sequence)
    }

    /// How long a message may be to have a token of at most `most` bytes; 0 where none may.
    pub fn limit(&self, most: usize, seal: bool) -> usize {
        let etype = self.own_key().etype();
        let overhead = match seal {
            true => HEADER + etype.overhead() + HEADER,
            false => HEADER + etype.checksum_len(),
        };
        most.saturating_sub(overhead)
    }

    /// The type of the keys that messages of this side are protected with.
    pub fn etype(&self) -> EncryptionType {
        self.own_key().etype()
    }

    fn own_key(&self) -> &Key {
        self.keys.acceptor.as_ref().unwrap_or(&self.keys.initiator)
    }

    /// The key that a token of the other side names (section 4.2.2).
    fn other_key(&self, header: &Header) -> Result<&Key, GssError> {
        if header.acceptor != (self.role == Role::Initiator) {
            return Err(GssError::Reflected);
        }
        match (header.acceptor_key, &self.keys.acceptor) {
            (true, Some(key)) => Ok(key),
            (true, None) => Err(malformed("it names a key that the server did not choose")),
            (false, _) => Ok(&self.keys.initiator),
        }
    }
}

/// Refuses RC4, which has messages of another form.
pub(super) fn refuse_rc4(etype: Option<EncryptionType>) -> Result<(), GssError> {
    match etype {
        Some(etype @ EncryptionType::Rc4) => Err(GssError::Etype { etype }),
        _ => Ok(()),
    }
}

impl Role {
    fn other(self) -> Self {
        match self {
            Self::Initiator => Self::Acceptor,
            Self::Acceptor => Self::Initiator,
        }
    }

    fn usages(self) -> Usages {
        match self {
            Self::Acceptor => Usages { seal: 22, sign: 23 },
            Self::Initiator => Usages { seal: 24, sign: 25 },
        }
    }
}

/// What the keys of a side are used for (section 2). Signed messages go by the number of sealed ones.
struct Usages {
    seal: u32,
    sign: u32,
}

/// Bytes of a header.
const HEADER: usize = 16;

/// The header of a message (section 4.2.6).
#[derive(Clone, Copy)]
struct Header {
    /// Whether it is a signature that travels alone; `extra` and `rotated` are all ones then.
    mic: bool,
    acceptor: bool,
    sealed: bool,
    acceptor_key: bool,
    extra: u16,
    rotated: u16,
    sequence: u64,
}

impl Header {
    fn bytes(&self) -> [u8; HEADER] {
        let flags =
            u8::from(self.acceptor) | u8::from(self.sealed) << 1 | u8::from(self.acceptor_key) << 2;
        let mut bytes = [0; HEADER];
        bytes[..2].copy_from_slice(if self.mic { &MIC } else { &WRAP });
        bytes[2] = flags;
        bytes[3] = 0xff;
        bytes[4..6].copy_from_slice(&self.extra.to_be_bytes());
        bytes[6..8].copy_from_slice(&self.rotated.to_be_bytes());
        bytes[8..].copy_from_slice(&self.sequence.to_be_bytes());
        bytes
    }

    /// The header of `token`, and what follows.
    fn parse(token: &[u8], mic: bool) -> Result<(Self, &[u8]), GssError> {
        let (header, body) = token
            .split_first_chunk::<HEADER>()
            .ok_or_else(|| malformed("it is too short"))?;
        let [a, b, flags, filler, e1, e2, r1, r2, sequence @ ..] = *header;
        let parsed = Self {
            mic,
            acceptor: flags & 1 != 0,
            sealed: flags & 2 != 0,
            acceptor_key: flags & 4 != 0,
            extra: u16::from_be_bytes([e1, e2]),
            rotated: u16::from_be_bytes([r1, r2]),
            sequence: u64::from_be_bytes(sequence),
        };
        let expected = if mic { MIC } else { WRAP };
        if [a, b] != expected {
            return Err(malformed("it is of another kind"));
        }
        let ones = parsed.extra == u16::MAX && parsed.rotated == u16::MAX;
        if filler != 0xff || flags & !7 != 0 || (mic && (!ones || parsed.sealed)) {
            return Err(malformed("its header is wrong"));
        }
        Ok((parsed, body))
    }
}

const MIC: [u8; 2] = [4, 4];
const WRAP: [u8; 2] = [5, 4];

fn malformed(reason: &'static str) -> GssError {
    GssError::Malformed { reason }
}
