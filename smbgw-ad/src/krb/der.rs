//! Reading of DER, the form of every Kerberos message (RFC 4120 section 5, X.690).
//!
//! What comes from the network is read by this module and by nothing else: it takes one form of
//! each value, never more than there is, and has nothing that could panic, recurse or grow. The
//! types of `kerberos_asn1` make the messages that are sent; its decoder is not given foreign bytes.

use jiff::Timestamp;
use jiff::civil;
use jiff::tz::TimeZone;

/// Why bytes are not the message that they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("its part `{part}` {problem}")]
pub struct DerError {
    /// The part of the message, as RFC 4120 calls it.
    pub part: &'static str,
    /// What is wrong with it.
    pub problem: &'static str,
}

impl DerError {
    pub(crate) fn new(part: &'static str, problem: &'static str) -> Self {
        Self { part, problem }
    }
}

/// The tag of INTEGER.
pub(crate) const INTEGER: u8 = 0x02;
/// The tag of BIT STRING.
pub(crate) const BIT_STRING: u8 = 0x03;
/// The tag of OCTET STRING.
pub(crate) const OCTET_STRING: u8 = 0x04;
/// The tag of GeneralizedTime.
pub(crate) const GENERALIZED_TIME: u8 = 0x18;
/// The tag of GeneralString.
pub(crate) const GENERAL_STRING: u8 = 0x1b;
/// The tag of SEQUENCE.
pub(crate) const SEQUENCE: u8 = 0x30;

/// The tag `[APPLICATION number]`.
pub(crate) const fn application(number: u8) -> u8 {
    0x60 | number
}

/// The tag `[number]`.
pub(crate) const fn context(number: u8) -> u8 {
    0xa0 | number
}

/// Reads elements from the front of some bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// A reader of `bytes`.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Whether nothing is left.
    pub(crate) fn is_empty(self) -> bool {
        self.rest.is_empty()
    }

    /// That nothing is left.
    pub(crate) fn finish(self, part: &'static str) -> Result<(), DerError> {
        match self.is_empty() {
            true => Ok(()),
            false => Err(DerError::new(part, "is followed by something else")),
        }
    }

    /// The content of the next element, which has the given tag.
    pub(crate) fn element(&mut self, tag: u8, part: &'static str) -> Result<&'a [u8], DerError> {
        self.split(tag, part).map(|(content, _)| content)
    }

    /// The next element, which has the given tag, with its tag and length.
    pub(crate) fn whole(&mut self, tag: u8, part: &'static str) -> Result<&'a [u8], DerError> {
        self.split(tag, part).map(|(_, whole)| whole)
    }

    /// A reader of what is in the next element.
    pub(crate) fn enter(&mut self, tag: u8, part: &'static str) -> Result<Self, DerError> {
        self.element(tag, part).map(Self::new)
    }

    /// What `read` makes of the field `[number]`, of which it has to read all.
    pub(crate) fn field<T>(
        &mut self,
        number: u8,
        part: &'static str,
        read: impl FnOnce(&mut Self, &'static str) -> Result<T, DerError>,
    ) -> Result<T, DerError> {
        let mut inner = self.enter(context(number), part)?;
        let value = read(&mut inner, part)?;
        inner.finish(part)?;
        Ok(value)
    }

    /// What `read` makes of the field `[number]`, if that is what comes next.
    pub(crate) fn field_if<T>(
        &mut self,
        number: u8,
        part: &'static str,
        read: impl FnOnce(&mut Self, &'static str) -> Result<T, DerError>,
    ) -> Result<Option<T>, DerError> {
        match self.rest.first() {
            Some(&next) if next == context(number) => self.field(number, part, read).map(Some),
            _ => Ok(None),
        }
    }

    /// What `read` makes of each element of the next SEQUENCE OF, of which it has at most `most`.
    pub(crate) fn list<T>(
        &mut self,
        part: &'static str,
        most: usize,
        mut read: impl FnMut(&mut Self, &'static str) -> Result<T, DerError>,
    ) -> Result<Vec<T>, DerError> {
        let mut inner = self.enter(SEQUENCE, part)?;
        let mut items = Vec::new();
        while !inner.is_empty() {
            if items.len() == most {
                return Err(DerError::new(part, "has too many entries"));
            }
            items.push(read(&mut inner, part)?);
        }
        Ok(items)
    }

    /// An INTEGER of the given value.
    pub(crate) fn constant(&mut self, value: i32, part: &'static str) -> Result<(), DerError> {
        match self.int32(part)? == value {
            true => Ok(()),
            false => Err(DerError::new(part, "is not what such a message has")),
        }
    }

    /// An INTEGER of 32 bits with a sign.
    pub(crate) fn int32(&mut self, part: &'static str) -> Result<i32, DerError> {
        let wide = self.int64(part)?;
        i32::try_from(wide).map_err(|_| DerError::new(part, "is out of range"))
    }

    /// An INTEGER of 32 bits without a sign.
    ///
    /// Some implementations send the upper half of these as negative numbers, and these are taken
    /// for what they mean (RFC 4120 section 5.2.4 has the range, MIT krb5 and Heimdal the habit).
    pub(crate) fn uint32(&mut self, part: &'static str) -> Result<u32, DerError> {
        let wide = self.int64(part)?;
        u32::try_from(wide)
            .or_else(|_| i32::try_from(wide).map(i32::cast_unsigned))
            .map_err(|_| DerError::new(part, "is out of range"))
    }

    /// Microseconds.
    pub(crate) fn microseconds(&mut self, part: &'static str) -> Result<u32, DerError> {
        match u32::try_from(self.int64(part)?) {
            Ok(value) if value < 1_000_000 => Ok(value),
            _ => Err(DerError::new(part, "is out of range")),
        }
    }

    /// An OCTET STRING.
    pub(crate) fn octets(&mut self, part: &'static str) -> Result<&'a [u8], DerError> {
        self.element(OCTET_STRING, part)
    }

    /// The bytes of a KerberosString.
    pub(crate) fn string_bytes(&mut self, part: &'static str) -> Result<&'a [u8], DerError> {
        self.element(GENERAL_STRING, part)
    }

    /// A KerberosString. RFC 4120 has ASCII here, Active Directory UTF-8 (MS-KILE 1.3.2).
    pub(crate) fn string(&mut self, part: &'static str) -> Result<&'a str, DerError> {
        std::str::from_utf8(self.string_bytes(part)?)
            .map_err(|_| DerError::new(part, "is not text in UTF-8"))
    }

    /// A KerberosTime: `YYYYMMDDHHMMSSZ` (RFC 4120 section 5.2.3).
    pub(crate) fn time(&mut self, part: &'static str) -> Result<Timestamp, DerError> {
        let text = self.element(GENERALIZED_TIME, part)?;
        parse_time(text).ok_or(DerError::new(part, "is not a time"))
    }

    /// KerberosFlags: the first 32 bits, the first of them the highest (RFC 4120 section 5.2.8).
    pub(crate) fn flags(&mut self, part: &'static str) -> Result<u32, DerError> {
        let wrong = DerError::new(part, "is not a string of bits");
        let (&unused, bits) = self.element(BIT_STRING, part)?.split_first().ok_or(wrong)?;
        if unused > 7 || (unused > 0 && bits.is_empty()) {
            return Err(wrong);
        }
        let mut first = [0; 4];
        for (to, from) in first.iter_mut().zip(bits) {
            *to = *from;
        }
        if bits.len() <= first.len()
            && let Some(last) = bits.len().checked_sub(1)
        {
            first[last] &= 0xff << unused;
        }
        Ok(u32::from_be_bytes(first))
    }

    /// An INTEGER of at most 64 bits, in its shortest form.
    fn int64(&mut self, part: &'static str) -> Result<i64, DerError> {
        let bytes = self.element(INTEGER, part)?;
        let (&first, others) = bytes
            .split_first()
            .ok_or(DerError::new(part, "is an empty number"))?;
        if let Some(&second) = others.first()
            && (first == 0 && second < 0x80 || first == 0xff && second >= 0x80)
        {
            return Err(DerError::new(part, "is not in the shortest form"));
        }
        if bytes.len() > 8 {
            return Err(DerError::new(part, "is out of range"));
        }
        let sign = if first >= 0x80 { -1 } else { 0 };
        Ok(bytes
            .iter()
            .fold(sign, |value, &byte| value << 8 | i64::from(byte)))
    }

    /// Takes the next element apart: its content, and all of it.
    fn split(&mut self, tag: u8, part: &'static str) -> Result<(&'a [u8], &'a [u8]), DerError> {
        let all = self.rest;
        let cut_short = DerError::new(part, "is cut short");
        match all.first() {
            Some(&found) if found == tag => {}
            Some(_) => return Err(DerError::new(part, "is missing or of another type")),
            None => return Err(DerError::new(part, "is missing")),
        }
        let &first = all.get(1).ok_or(cut_short)?;
        let (length, head) = match first {
            0..=0x7f => (usize::from(first), 2),
            0x81..=0x84 => {
                let count = usize::from(first & 0x7f);
                let octets = all.get(2..2 + count).ok_or(cut_short)?;
                let length = octets
                    .iter()
                    .fold(0_u64, |length, &octet| length << 8 | u64::from(octet));
                if length < 0x80 || octets.first() == Some(&0) {
                    return Err(DerError::new(part, "has a length in a long form"));
                }
                let length = usize::try_from(length).map_err(|_| cut_short)?;
                (length, 2 + count)
            }
            _ => return Err(DerError::new(part, "has a length that cannot be")),
        };
        let end = head.checked_add(length).ok_or(cut_short)?;
        let whole = all.get(..end).ok_or(cut_short)?;
        self.rest = &all[end..];
        Ok((&whole[head..], whole))
    }
}

/// One element of `tag` with `content`.
pub(crate) fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let mut bytes = Vec::with_capacity(length.saturating_add(6));
    bytes.push(tag);
    if length < 0x80 {
        bytes.push(length as u8);
    } else {
        let octets = length.to_be_bytes();
        let skip = octets.iter().take_while(|octet| **octet == 0).count();
        bytes.push(0x80 | (octets.len() - skip) as u8);
        bytes.extend_from_slice(&octets[skip..]);
    }
    bytes.extend_from_slice(content);
    bytes
}

/// The time that is written as `YYYYMMDDHHMMSSZ`.
fn parse_time(text: &[u8]) -> Option<Timestamp> {
    let (digits, zone) = text.split_at_checked(14)?;
    if zone != b"Z" || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = |from: usize, to: usize| {
        digits[from..to]
            .iter()
            .fold(0_i16, |value, digit| value * 10 + i16::from(digit - b'0'))
    };
    let small = |from: usize| number(from, from + 2) as i8;
    civil::DateTime::new(
        number(0, 4),
        small(4),
        small(6),
        small(8),
        small(10),
        small(12),
        0,
    )
    .ok()?
    .to_zoned(TimeZone::UTC)
    .ok()
    .map(|zoned| zoned.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<'a, T>(
        bytes: &'a [u8],
        with: impl FnOnce(&mut Reader<'a>, &'static str) -> Result<T, DerError>,
    ) -> Result<T, &'static str> {
        let mut reader = Reader::new(bytes);
        with(&mut reader, "x").map_err(|error| error.problem)
    }

    #[test]
    fn lengths_have_one_form() {
        let long = [&[4, 0x81, 0x80][..], &[7; 0x80]].concat();
        assert_eq!(read(&long, Reader::octets).unwrap().len(), 0x80);
        assert_eq!(element(4, &[7; 0x80]), long);
        assert_eq!(element(4, &[7; 0x1234])[..4], [4, 0x82, 0x12, 0x34]);
        assert_eq!(element(4, &[]), [4, 0]);
        for (wrong, why) in [
            (&[][..], "is missing"),
            (&[5, 0], "is missing or of another type"),
            (&[4], "is cut short"),
            (&[4, 1], "is cut short"),
            (&[4, 0x80, 0, 0], "has a length that cannot be"),
            (&[4, 0x81], "is cut short"),
            (&[4, 0x81, 1, 0], "has a length in a long form"),
            (&[4, 0x82, 0, 0x80], "has a length in a long form"),
            (&[4, 0x84, 0xff, 0xff, 0xff, 0xff], "is cut short"),
            (&[4, 0x85, 1, 0, 0, 0, 0], "has a length that cannot be"),
            (&[4, 0xff], "has a length that cannot be"),
        ] {
            assert_eq!(read(wrong, Reader::octets).unwrap_err(), why, "{wrong:x?}");
        }
    }

    #[test]
    fn numbers_are_read() {
        for (bytes, value) in [
            (&[2, 1, 0][..], 0),
            (&[2, 1, 0xff], -1),
            (&[2, 2, 0, 0x80], 128),
            (&[2, 4, 0x7f, 0xff, 0xff, 0xff], i32::MAX),
            (&[2, 4, 0x80, 0, 0, 0], i32::MIN),
            (&[2, 2, 0xff, 0x76], -138),
        ] {
            assert_eq!(read(bytes, Reader::int32), Ok(value));
        }
        let large = &[2, 5, 0, 0xff, 0xff, 0xff, 0xfe][..];
        assert_eq!(read(large, Reader::uint32), Ok(0xffff_fffe));
        assert_eq!(read(large, Reader::int32), Err("is out of range"));
        assert_eq!(read(&[2, 1, 0xfe], Reader::uint32), Ok(0xffff_fffe));
        assert_eq!(
            read(&[2, 5, 1, 0, 0, 0, 0], Reader::uint32),
            Err("is out of range")
        );
        assert_eq!(
            read(&[2, 5, 0xff, 0, 0, 0, 0], Reader::uint32),
            Err("is out of range")
        );
        assert_eq!(
            read(&[2, 2, 0, 1], Reader::int32),
            Err("is not in the shortest form")
        );
        assert_eq!(
            read(&[2, 2, 0xff, 0x80], Reader::int32),
            Err("is not in the shortest form")
        );
        assert_eq!(read(&[2, 0], Reader::int32), Err("is an empty number"));
        assert_eq!(
            read(&[2, 9, 1, 0, 0, 0, 0, 0, 0, 0, 0], Reader::int32),
            Err("is out of range")
        );
        assert_eq!(
            read(&[2, 3, 0x0f, 0x42, 0x40], Reader::microseconds),
            Err("is out of range")
        );
    }

    #[test]
    fn times_are_those_of_the_calendar() {
        let time = |text: &str| read(&element(GENERALIZED_TIME, text.as_bytes()), Reader::time);
        assert_eq!(
            time("20240229235959Z").unwrap(),
            "2024-02-29T23:59:59Z".parse().unwrap()
        );
        assert_eq!(time("19700101000000Z").unwrap(), Timestamp::UNIX_EPOCH);
        for wrong in [
            "",
            "20230229000000Z",
            "20230101000060Z",
            "20230101240000Z",
            "20231301000000Z",
            "20230100000000Z",
            "2023010100000Z",
            "20230101000000",
            "20230101000000.0Z",
            "20230101000000+",
            "+0230101000000Z",
            "2023010100000éZ",
        ] {
            assert_eq!(time(wrong), Err("is not a time"), "{wrong}");
        }
    }

    #[test]
    fn flags_are_the_first_32_bits() {
        let flags = |content: &[u8]| read(&element(BIT_STRING, content), Reader::flags);
        assert_eq!(flags(&[0, 0x40, 0xe1, 0, 0]), Ok(0x40e1_0000));
        assert_eq!(flags(&[0, 0x40, 0xe1, 0, 0, 0xff]), Ok(0x40e1_0000));
        assert_eq!(flags(&[4, 0xff]), Ok(0xf000_0000));
        assert_eq!(flags(&[0]), Ok(0));
        for wrong in [&[][..], &[8, 0xff], &[1]] {
            assert_eq!(flags(wrong), Err("is not a string of bits"));
        }
    }
}
