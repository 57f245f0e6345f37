//! Packets between ctdbd and a client of it on the same machine.
//!
//! All numbers are in the byte order of the machine. A packet begins with its length, a mark, the version of
//! the protocol, a generation, what it is for, where it goes to and comes from, and the number of the
//! request. A request or a message of any length is padded to a multiple of eight. Found by looking at what
//! ctdb 4.17 and its daemon send each other.

/// The longest packet that is read, in bytes. The addresses of a node are 32 bytes each.
pub const LONGEST: usize = 4 << 20;

/// How long the part is that all packets begin with.
const HEADER: usize = 32;
/// Where the data of a request, a reply and a message begins.
const REQUEST: usize = HEADER + 28;
const REPLY: usize = HEADER + 12;
const MESSAGE: usize = HEADER + 12;

const MARK: u32 = 0x4354_4442;
const VERSION: u32 = 1;

/// What packets are for.
const OPERATION_MESSAGE: u32 = 5;
const OPERATION_REQUEST: u32 = 7;
const OPERATION_REPLY: u32 = 8;

/// Stands for the ctdbd that a client is connected with.
const THIS_NODE: u32 = 0xf000_0001;

/// Something a ctdbd is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Request<'a> {
    /// The number of the request, which its reply has too.
    pub id: u32,
    /// The node whose ctdbd is asked; none for the one that is connected.
    pub node: Option<u32>,
    /// The number of the question.
    pub control: u32,
    /// What it narrows the question to.
    pub flags: u32,
    /// The kind of messages it is about.
    pub message: u64,
    /// What it is about.
    pub data: &'a [u8],
}

/// What came from a ctdbd.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packet {
    /// The reply to a request.
    Reply(Reply),
    /// A message, of the kind that was asked for.
    Message {
        /// Its kind.
        kind: u64,
        /// What it says.
        data: Vec<u8>,
    },
    /// Anything else, which is for nobody here.
    Other,
}

/// What a ctdbd says to a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// The number of the request.
    pub id: u32,
    /// Less than 0 where it is refused; some questions are answered by nothing else.
    pub status: i32,
    /// The answer.
    pub data: Vec<u8>,
    /// Why it is refused, where a reason is given.
    pub error: String,
}

impl Request<'_> {
    /// Adds the packet to `out`.
    ///
    /// # Panics
    /// With more data than a packet can have; nothing that is asked here comes near.
    pub fn write(&self, out: &mut Vec<u8>) {
        let length = (REQUEST + self.data.len()).next_multiple_of(8);
        assert!(length <= LONGEST, "a request of {length} bytes");
        let start = out.len();
        let mut number = |number: u32| out.extend_from_slice(&number.to_ne_bytes());
        let size = |size: usize| u32::try_from(size).unwrap_or(u32::MAX);
        for field in [size(length), MARK, VERSION, 0, OPERATION_REQUEST] {
            number(field);
        }
        for field in [self.node.unwrap_or(THIS_NODE), THIS_NODE, self.id] {
            number(field);
        }
        // What the question is, and nothing.
        number(self.control);
        number(0);
        out.extend_from_slice(&self.message.to_ne_bytes());
        // ctdbd knows who is connected.
        let client = 0;
        for field in [client, self.flags, size(self.data.len())] {
            out.extend_from_slice(&field.to_ne_bytes());
        }
        out.extend_from_slice(self.data);
        out.resize(start + length, 0);
    }
}

/// How long the packet is that `bytes` begin with. None where that cannot be said yet.
///
/// # Errors
/// With a sentence where no packet can be like that.
pub fn length(bytes: &[u8]) -> Result<Option<usize>, &'static str> {
    let Some(length) = number(bytes, 0) else {
        return Ok(None);
    };
    match usize::try_from(length) {
        Ok(length) if length < HEADER => Err("a packet is shorter than its header"),
        Ok(length) if length <= LONGEST => Ok(Some(length)),
        _ => Err("a packet is longer than any that was asked for"),
    }
}

impl Packet {
    /// Reads one whole packet.
    ///
    /// # Errors
    /// With a sentence where it is not what a ctdbd sends.
    pub fn read(bytes: &[u8]) -> Result<Self, &'static str> {
        if length(bytes)? != Some(bytes.len()) {
            return Err("a packet has another length than it says");
        }
        let header = |at: usize| number(bytes, at).ok_or("a packet is shorter than its header");
        if header(4)? != MARK {
            return Err("a packet has no mark of ctdb");
        }
        if header(8)? != VERSION {
            return Err("a packet is of another version of the protocol");
        }
        let id = header(28)?;
        match header(16)? {
            OPERATION_REPLY => {
                let short = "a reply is shorter than it says";
                let status = field(bytes, HEADER).map(i32::from_ne_bytes).ok_or(short)?;
                let (data, rest) = counted(bytes, HEADER + 4, REPLY).ok_or(short)?;
                let error = number(bytes, HEADER + 8)
                    .and_then(|length| rest.get(..usize::try_from(length).ok()?));
                let error = error.ok_or(short)?;
                Ok(Self::Reply(Reply {
                    id,
                    status,
                    data: data.to_vec(),
                    error: text(error),
                }))
            }
            OPERATION_MESSAGE => {
                let short = "a message is shorter than it says";
                let kind = field(bytes, HEADER).map(u64::from_ne_bytes).ok_or(short)?;
                let (data, _) = counted(bytes, HEADER + 8, MESSAGE).ok_or(short)?;
                let data = data.to_vec();
                Ok(Self::Message { kind, data })
            }
            _ => Ok(Self::Other),
        }
    }
}

/// The number at this place.
pub(super) fn number(bytes: &[u8], at: usize) -> Option<u32> {
    field(bytes, at).map(u32::from_ne_bytes)
}

/// So many bytes at this place.
pub(super) fn field<const LENGTH: usize>(bytes: &[u8], at: usize) -> Option<[u8; LENGTH]> {
    let end = at.checked_add(LENGTH)?;
    bytes.get(at..end)?.try_into().ok()
}

/// Text from elsewhere, for a message: it ends at a zero, and is not longer than a line or two.
pub(super) fn text(bytes: &[u8]) -> String {
    let end = bytes
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(bytes.len());
    let text = String::from_utf8_lossy(&bytes[..end.min(300)]);
    text.chars().filter(|c| !c.is_control()).collect()
}

/// The bytes at `start`, whose number is at `count`, and those after them.
fn counted(bytes: &[u8], count: usize, start: usize) -> Option<(&[u8], &[u8])> {
    let count = usize::try_from(number(bytes, count)?).ok()?;
    bytes.get(start..)?.split_at_checked(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A packet with these numbers after its header, and bytes after those.
    fn packet(operation: u32, id: u32, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(HEADER + body.len()).unwrap();
        let header = [length, MARK, VERSION, 7, operation, 0, THIS_NODE, id];
        let header = header.into_iter().flat_map(u32::to_ne_bytes);
        header.chain(body.iter().copied()).collect()
    }

    fn reply(status: i32, data: u32, error: u32, rest: &[u8]) -> Vec<u8> {
        let mut body = status.to_ne_bytes().to_vec();
        body.extend(data.to_ne_bytes());
        body.extend(error.to_ne_bytes());
        body.extend(rest);
        packet(OPERATION_REPLY, 9, &body)
    }

    /// As `ctdb getdbmap` of 4.17 sends it, which was caught with strace.
    #[cfg(target_endian = "little")]
    #[test]
    fn a_request_is_what_ctdb_sends() {
        let mut out = Vec::new();
        let request = Request {
            id: 0x7fff_ff3b,
            node: Some(0),
            control: 25,
            data: &[0xc4, 0xc6, 0x45, 0x66],
            ..Request::default()
        };
        request.write(&mut out);
        let mut expected = b"\x40\0\0\0BDTC\x01\0\0\0\0\0\0\0\x07\0\0\0\0\0\0\0".to_vec();
        expected.extend(b"\x01\0\0\xf0\x3b\xff\xff\x7f\x19\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
        expected.extend(b"\0\0\0\0\0\0\0\0\x04\0\0\0\xc4\xc6\x45\x66");
        assert_eq!(out, expected);
        // The next one begins where this one ends.
        Request::default().write(&mut out);
        assert_eq!(out.len(), 128);
        assert_eq!(length(&out[64..]), Ok(Some(64)));
    }

    #[test]
    fn replies_and_messages_are_read() {
        let answered = reply(-1, 3, 5, b"abcwrong\0\0\0\0");
        let expected = Reply {
            id: 9,
            status: -1,
            data: b"abc".to_vec(),
            error: "wrong".to_owned(),
        };
        assert_eq!(Packet::read(&answered), Ok(Packet::Reply(expected)));

        let mut body = 0xf101_0000_0000_0000_u64.to_ne_bytes().to_vec();
        body.extend(4_u32.to_ne_bytes());
        body.extend(2_u32.to_ne_bytes());
        let read = Packet::read(&packet(OPERATION_MESSAGE, 0, &body));
        let expected = Packet::Message {
            kind: 0xf101_0000_0000_0000,
            data: 2_u32.to_ne_bytes().to_vec(),
        };
        assert_eq!(read, Ok(expected));
        assert_eq!(Packet::read(&packet(0, 0, &[])), Ok(Packet::Other));
    }

    #[test]
    fn what_no_ctdbd_sends_is_refused() {
        let whole = reply(0, 0, 0, &[]);
        for end in 0..whole.len() {
            assert!(Packet::read(&whole[..end]).is_err(), "{end} bytes");
        }
        for (at, why) in [(4, "mark"), (8, "version")] {
            let mut other = whole.clone();
            other[at] ^= 1;
            assert!(Packet::read(&other).unwrap_err().contains(why));
        }
        for (data, error) in [(1, 0), (0, 1), (u32::MAX, 0), (0, u32::MAX)] {
            let refused = Packet::read(&reply(0, data, error, &[]));
            assert!(refused.unwrap_err().contains("shorter"), "{data} {error}");
        }
        assert_eq!(length(&[0; 3]), Ok(None));
        assert!(length(&31_u32.to_ne_bytes()).is_err());
        assert!(length(&u32::MAX.to_ne_bytes()).is_err());
    }
}
