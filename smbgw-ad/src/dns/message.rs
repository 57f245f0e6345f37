//! Messages of the DNS (RFC 1035 section 4), read from and made into bytes.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::name::Name;

/// What is wrong with bytes that should be a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub &'static str);

/// The kind of a record, as its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Kind(pub u16);

impl Kind {
    /// An IPv4 address.
    pub const A: Self = Self(1);
    /// A name server of a zone.
    pub const NS: Self = Self(2);
    /// Another name for this one.
    pub const CNAME: Self = Self(5);
    /// Where a zone begins.
    pub const SOA: Self = Self(6);
    /// A name, for an address.
    pub const PTR: Self = Self(12);
    /// An IPv6 address (RFC 3596).
    pub const AAAA: Self = Self(28);
    /// Where a service is (RFC 2782).
    pub const SRV: Self = Self(33);
    /// What a program can do beyond RFC 1035 (RFC 6891).
    pub const OPT: Self = Self(41);
    /// An agreement on a key (RFC 2930).
    pub const TKEY: Self = Self(249);
    /// A signature (RFC 8945).
    pub const TSIG: Self = Self(250);
    /// Any kind.
    pub const ANY: Self = Self(255);
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match *self {
            Self::A => "A",
            Self::NS => "NS",
            Self::CNAME => "CNAME",
            Self::SOA => "SOA",
            Self::PTR => "PTR",
            Self::AAAA => "AAAA",
            Self::SRV => "SRV",
            Self::OPT => "OPT",
            Self::TKEY => "TKEY",
            Self::TSIG => "TSIG",
            Self::ANY => "ANY",
            Self(number) => return write!(f, "TYPE{number}"),
        })
    }
}

/// The class of the Internet.
pub const CLASS_IN: u16 = 1;
/// The class that stands for none (RFC 2136 section 2.4).
pub const CLASS_NONE: u16 = 254;
/// The class that stands for any.
pub const CLASS_ANY: u16 = 255;

/// How a server answers: the response code (RFC 1035 section 4.1.1, RFC 2136 section 2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ResponseCode(pub u8);

impl ResponseCode {
    /// All is well.
    pub const NO_ERROR: Self = Self(0);
    /// The server does not understand the question.
    pub const FORM_ERR: Self = Self(1);
    /// The server failed.
    pub const SERV_FAIL: Self = Self(2);
    /// There is no such name.
    pub const NX_DOMAIN: Self = Self(3);
    /// The server cannot do this.
    pub const NOT_IMP: Self = Self(4);
    /// The server does not want to.
    pub const REFUSED: Self = Self(5);
    /// The server has no authority for the zone, or did not take the signature.
    pub const NOT_AUTH: Self = Self(9);
}

impl std::fmt::Display for ResponseCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self.0 {
            0 => "NOERROR",
            1 => "FORMERR",
            2 => "SERVFAIL",
            3 => "NXDOMAIN",
            4 => "NOTIMP",
            5 => "REFUSED",
            6 => "YXDOMAIN",
            7 => "YXRRSET",
            8 => "NXRRSET",
            9 => "NOTAUTH",
            10 => "NOTZONE",
            number => return write!(f, "RCODE{number}"),
        })
    }
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The name.
    pub name: Name,
    /// The kind of records.
    pub kind: Kind,
    /// Their class.
    pub class: u16,
}

/// One record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The name it is at.
    pub name: Name,
    /// Its kind.
    pub kind: Kind,
    /// Its class.
    pub class: u16,
    /// For how many seconds it may be kept.
    pub ttl: u32,
    /// What it says.
    pub data: Data,
}

/// What a record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data {
    /// An IPv4 address.
    A(Ipv4Addr),
    /// An IPv6 address.
    Aaaa(Ipv6Addr),
    /// A name: of NS, CNAME and PTR.
    Name(Name),
    /// Where a service is.
    Srv {
        /// Lower ones are to be used first.
        priority: u16,
        /// Among equal priorities, how often this one is to be used.
        weight: u16,
        /// The port.
        port: u16,
        /// The host.
        target: Name,
    },
    /// Where a zone begins.
    Soa {
        /// The server that takes updates.
        primary: Name,
    },
    /// Anything else, as it is.
    Other(Vec<u8>),
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Brings question and answer together.
    pub id: u16,
    /// What is asked for: 0 a query, 5 an update.
    pub operation: u8,
    /// Whether it is an answer.
    pub response: bool,
    /// Whether the server has authority for the name.
    pub authoritative: bool,
    /// Whether it did not fit.
    pub truncated: bool,
    /// Whether the server is to ask others.
    pub recursion_desired: bool,
    /// How it went.
    pub code: ResponseCode,
    /// What is asked for; the zone of an update.
    pub questions: Vec<Question>,
    /// The answers; the prerequisites of an update.
    pub answers: Vec<Record>,
    /// Who has authority; the changes of an update.
    pub authorities: Vec<Record>,
    /// What may be of use beside that.
    pub additionals: Vec<Record>,
}

/// The number of the operation `QUERY`.
pub const QUERY: u8 = 0;
/// The number of the operation `UPDATE` (RFC 2136).
pub const UPDATE: u8 = 5;

/// So many bytes a datagram may have that answers us: fits into any network without fragments.
pub const DATAGRAM: u16 = 1232;

impl Message {
    /// An empty message for a server.
    pub fn request(id: u16, operation: u8) -> Self {
        Self {
            id,
            operation,
            response: false,
            authoritative: false,
            truncated: false,
            recursion_desired: false,
            code: ResponseCode::NO_ERROR,
            questions: Vec::new(),
            answers: Vec::new(),
            authorities: Vec::new(),
            additionals: Vec::new(),
        }
    }

    /// The question for the records of `kind` at `name`; `extended` says what size is taken.
    pub fn query(id: u16, name: &Name, kind: Kind, extended: bool) -> Self {
        let mut message = Self::request(id, QUERY);
        message.recursion_desired = true;
        message.questions.push(Question {
            name: name.clone(),
            kind,
            class: CLASS_IN,
        });
        if extended {
            message.additionals.push(Record {
                name: Name::root(),
                kind: Kind::OPT,
                class: DATAGRAM,
                ttl: 0,
                data: Data::Other(Vec::new()),
            });
        }
        message
    }

    /// Reads a message. Of one that did not fit, records that are cut off are left out.
    ///
    /// # Errors
    /// Where the bytes are no message.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader { bytes, at: 0 };
        let id = reader.u16()?;
        let flags = reader.u16()?;
        let counts = [reader.u16()?, reader.u16()?, reader.u16()?, reader.u16()?];
        let mut message = Self {
            id,
            operation: (flags >> 11 & 15) as u8,
            response: flags & 0x8000 != 0,
            authoritative: flags & 0x0400 != 0,
            truncated: flags & 0x0200 != 0,
            recursion_desired: flags & 0x0100 != 0,
            code: ResponseCode((flags & 15) as u8),
            questions: Vec::new(),
            answers: Vec::new(),
            authorities: Vec::new(),
            additionals: Vec::new(),
        };
        for _ in 0..counts[0] {
            message.questions.push(Question {
                name: reader.name()?,
                kind: Kind(reader.u16()?),
                class: reader.u16()?,
            });
        }
        let sections = [
            &mut message.answers,
            &mut message.authorities,
            &mut message.additionals,
        ];
        'sections: for (section, count) in sections.into_iter().zip(&counts[1..]) {
            for _ in 0..*count {
                match reader.record() {
                    Ok(record) => section.push(record),
                    Err(_) if message.truncated => break 'sections,
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(message)
    }

    /// Where the last record of a message begins, and that record.
    ///
    /// # Errors
    /// Where the bytes are no message, or one without a record at its end.
    pub(super) fn last_record(bytes: &[u8]) -> Result<(usize, Record), Malformed> {
        const NONE: Malformed = Malformed("the message has no record at its end");
        let mut reader = Reader { bytes, at: 4 };
        let questions = reader.u16()?;
        let records = [reader.u16()?, reader.u16()?, reader.u16()?];
        if records[2] == 0 {
            return Err(NONE);
        }
        for _ in 0..questions {
            reader.name()?;
            reader.take(4)?;
        }
        let mut last = Err(NONE);
        for _ in 0..records.iter().copied().map(u32::from).sum() {
            let start = reader.at;
            last = Ok((start, reader.record()?));
        }
        match reader.at == bytes.len() {
            true => last,
            false => Err(Malformed("the message goes on after its end")),
        }
    }

    /// The bytes of the message, without compression.
    ///
    /// # Errors
    /// Where a section or a record is larger than its length can say.
    pub fn encode(&self) -> Result<Vec<u8>, Malformed> {
        let mut flags = u16::from(self.operation & 15) << 11 | u16::from(self.code.0 & 15);
        for (set, bit) in [
            (self.response, 0x8000),
            (self.authoritative, 0x0400),
            (self.truncated, 0x0200),
            (self.recursion_desired, 0x0100),
        ] {
            flags |= if set { bit } else { 0 };
        }
        let mut out = Vec::new();
        out.extend(self.id.to_be_bytes());
        out.extend(flags.to_be_bytes());
        for count in [
            self.questions.len(),
            self.answers.len(),
            self.authorities.len(),
            self.additionals.len(),
        ] {
            out.extend(length(count)?);
        }
        for question in &self.questions {
            out.extend(question.name.wire());
            out.extend(question.kind.0.to_be_bytes());
            out.extend(question.class.to_be_bytes());
        }
        for record in self
            .answers
            .iter()
            .chain(&self.authorities)
            .chain(&self.additionals)
        {
            record.encode(&mut out)?;
        }
        match out.len() > usize::from(u16::MAX) {
            true => Err(TOO_LARGE),
            false => Ok(out),
        }
    }

    /// Whether this may be the answer to `question`: everything but whether it came from whom it
    /// was sent to.
    pub fn answers(&self, question: &Message) -> bool {
        self.response
            && self.id == question.id
            && self.operation == question.operation
            // A server that does not understand a question need not repeat it.
            && (self.questions == question.questions
                || (self.questions.is_empty() && self.code != ResponseCode::NO_ERROR))
    }
}

impl Record {
    /// Adds the bytes of the record to `out`, without compression.
    ///
    /// # Errors
    /// Where it is too large.
    pub(super) fn encode(&self, out: &mut Vec<u8>) -> Result<(), Malformed> {
        let data = match &self.data {
            Data::A(address) => address.octets().to_vec(),
            Data::Aaaa(address) => address.octets().to_vec(),
            Data::Name(name) => name.wire().to_vec(),
            Data::Srv {
                priority,
                weight,
                port,
                target,
            } => {
                let mut data = Vec::new();
                for number in [priority, weight, port] {
                    data.extend(number.to_be_bytes());
                }
                data.extend(target.wire());
                data
            }
            Data::Soa { primary } => {
                let mut data = primary.wire().to_vec();
                data.extend(Name::root().wire());
                data.extend([0; 20]);
                data
            }
            Data::Other(data) => data.clone(),
        };
        out.extend(self.name.wire());
        out.extend(self.kind.0.to_be_bytes());
        out.extend(self.class.to_be_bytes());
        out.extend(self.ttl.to_be_bytes());
        out.extend(length(data.len())?);
        out.extend(data);
        Ok(())
    }
}

const TOO_LARGE: Malformed = Malformed("a message is too large");
const SHORT: Malformed = Malformed("the packet ends too early");

fn length(number: usize) -> Result<[u8; 2], Malformed> {
    u16::try_from(number)
        .map(u16::to_be_bytes)
        .map_err(|_| TOO_LARGE)
}

/// Reads a packet from front to back.
pub(super) struct Reader<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let end = self.at.checked_add(count).ok_or(SHORT)?;
        let taken = self.bytes.get(self.at..end).ok_or(SHORT)?;
        self.at = end;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        self.take(N)?.try_into().map_err(|_| SHORT)
    }

    pub(super) fn u16(&mut self) -> Result<u16, Malformed> {
        self.array().map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_be_bytes)
    }

    pub(super) fn name(&mut self) -> Result<Name, Malformed> {
        let (name, end) = Name::read(self.bytes, self.at)?;
        self.at = end;
        Ok(name)
    }

    fn record(&mut self) -> Result<Record, Malformed> {
        let name = self.name()?;
        let kind = Kind(self.u16()?);
        let class = self.u16()?;
        let ttl = self.u32()?;
        let size = usize::from(self.u16()?);
        let start = self.at;
        let raw = self.take(size)?;
        let end = self.at;
        // Names in it may point to what is before it, so it is read in its place. An update has
        // records without data that stand for "all of them" (RFC 2136 section 2.5).
        let mut inner = Reader {
            bytes: &self.bytes[..end],
            at: start,
        };
        let data = match kind {
            _ if raw.is_empty() => Data::Other(Vec::new()),
            Kind::A => Data::A(Ipv4Addr::from(inner.array::<4>()?)),
            Kind::AAAA => Data::Aaaa(Ipv6Addr::from(inner.array::<16>()?)),
            Kind::NS | Kind::CNAME | Kind::PTR => Data::Name(inner.name()?),
            Kind::SRV => Data::Srv {
                priority: inner.u16()?,
                weight: inner.u16()?,
                port: inner.u16()?,
                target: inner.name()?,
            },
            Kind::SOA => {
                let primary = inner.name()?;
                inner.name()?;
                inner.take(20)?;
                Data::Soa { primary }
            }
            _ => {
                inner.at = end;
                Data::Other(raw.to_vec())
            }
        };
        match inner.at == end || raw.is_empty() {
            true => Ok(Record {
                name,
                kind,
                class,
                ttl,
                data,
            }),
            false => Err(Malformed("a record is longer than what it holds")),
        }
    }
}
