//! The question who a controller is: LDAP without a connection (MS-ADTS 6.3.3), made and read by
//! hand, as it is the whole of it.

use super::netlogon::{self, Reply};
use crate::dns::Malformed;
use crate::name::DomainName;

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A controller says who it is.
    Reply(Reply),
    /// It is a directory, but not one of that domain.
    OtherDomain,
    /// It is a directory that gives an error, as its number in LDAP.
    Refused(u32),
}

/// The question for the domain, under the number `id`.
pub fn question(id: u32, domain: &DomainName) -> Vec<u8> {
    let equal = |attribute: &str, value: &[u8]| {
        let parts = [tlv(0x04, attribute.as_bytes()), tlv(0x04, value)];
        tlv(0xa3, &parts.concat())
    };
    let filter = [
        equal("DnsDomain", domain.as_str().as_bytes()),
        equal("NtVer", &netlogon::WANTED.to_le_bytes()),
    ];
    let search = [
        tlv(0x04, b""),
        tlv(0x0a, &[0]), // The base object.
        tlv(0x0a, &[0]), // Aliases are not followed.
        tlv(0x02, &[0]), // No limit of size,
        tlv(0x02, &[0]), // nor of time.
        tlv(0x01, &[0]), // Values, too.
        tlv(0xa0, &filter.concat()),
        tlv(0x30, &tlv(0x04, b"Netlogon")),
    ];
    let message = [number(id), tlv(0x63, &search.concat())];
    tlv(0x30, &message.concat())
}

/// Reads what came for the question under the number `id`; `None` where it is for another one.
///
/// # Errors
/// Where it is not LDAP, or the answer in it is malformed.
pub fn decode(id: u32, packet: &[u8]) -> Result<Option<Answer>, Malformed> {
    let mut rest = packet;
    while !rest.is_empty() {
        let (message, after) = expect(rest, 0x30)?;
        rest = after;
        let (message_id, message) = expect(message, 0x02)?;
        if !is_number(message_id, id) {
            return Ok(None);
        }
        let (tag, operation, _) = element(message)?;
        match tag {
            0x64 => {
                if let Some(value) = netlogon_value(operation)? {
                    return netlogon::decode(value).map(|reply| Some(Answer::Reply(reply)));
                }
            }
            0x65 => {
                let (code, _) = expect(operation, 0x0a)?;
                let code = code
                    .iter()
                    .take(5)
                    .fold(0_u32, |sum, byte| sum << 8 | u32::from(*byte));
                return Ok(Some(match code {
                    // Success (0) or "no such object" (32), without an entry.
                    0 | 32 => Answer::OtherDomain,
                    code => Answer::Refused(code),
                }));
            }
            _ => return Err(Malformed("the answer is none to a search")),
        }
    }
    // An entry without the attribute, and no end: of another domain, too.
    match packet.is_empty() {
        true => Err(Malformed("the answer is empty")),
        false => Ok(Some(Answer::OtherDomain)),
    }
}

/// The first value of the attribute `Netlogon` of an entry; none where it is empty.
fn netlogon_value(entry: &[u8]) -> Result<Option<&[u8]>, Malformed> {
    let (_, rest) = expect(entry, 0x04)?;
    let (mut attributes, _) = expect(rest, 0x30)?;
    while !attributes.is_empty() {
        let (attribute, after) = expect(attributes, 0x30)?;
        attributes = after;
        let (name, rest) = expect(attribute, 0x04)?;
        if name.eq_ignore_ascii_case(b"netlogon") {
            let (values, _) = expect(rest, 0x31)?;
            if values.is_empty() {
                return Ok(None);
            }
            let (value, _) = expect(values, 0x04)?;
            return Ok((!value.is_empty()).then_some(value));
        }
    }
    Ok(None)
}

/// The content of the element of kind `tag` at the start, and what is after it.
fn expect(bytes: &[u8], tag: u8) -> Result<(&[u8], &[u8]), Malformed> {
    match element(bytes)? {
        (found, content, after) if found == tag => Ok((content, after)),
        _ => Err(Malformed("the answer is not in the form of LDAP")),
    }
}

/// The element at the start: its kind, its content, and what is after it.
fn element(bytes: &[u8]) -> Result<(u8, &[u8], &[u8]), Malformed> {
    const SHORT: Malformed = Malformed("the answer ends too early");
    let (&[tag, first], rest) = bytes.split_first_chunk::<2>().ok_or(SHORT)?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x84 => {
            let (length, rest) = rest
                .split_at_checked(usize::from(first & 0x7f))
                .ok_or(SHORT)?;
            let length = length
                .iter()
                .fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte));
            (length, rest)
        }
        _ => return Err(Malformed("the answer has a length of unknown form")),
    };
    let (content, after) = rest.split_at_checked(length).ok_or(SHORT)?;
    Ok((tag, content, after))
}

fn is_number(bytes: &[u8], number: u32) -> bool {
    let bytes = match bytes {
        [0, rest @ ..] if !rest.is_empty() => rest,
        bytes => bytes,
    };
    bytes.len() <= 4
        && !bytes.is_empty()
        && bytes
            .iter()
            .fold(0_u32, |sum, byte| sum << 8 | u32::from(*byte))
            == number
}

fn number(value: u32) -> Vec<u8> {
    let bytes = value.to_be_bytes();
    let skip = bytes.iter().take(3).take_while(|byte| **byte == 0).count();
    let mut content = bytes[skip..].to_vec();
    if content[0] & 0x80 != 0 {
        content.insert(0, 0);
    }
    tlv(0x02, &content)
}

fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match u8::try_from(content.len()) {
        Ok(length) if length < 0x80 => out.push(length),
        _ => {
            // Never more than a name and a few bytes.
            out.push(0x82);
            out.extend((content.len() as u16).to_be_bytes());
        }
    }
    out.extend(content);
    out
}
