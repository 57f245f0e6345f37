//! BER as LDAP uses it (RFC 4511 section 5.1): tags of one byte and definite lengths.

use super::MessageError;

/// Tag of an OCTET STRING.
pub(super) const OCTETS: u8 = 0x04;
/// Tag of an INTEGER.
pub(super) const INTEGER: u8 = 0x02;
/// Tag of an ENUMERATED.
pub(super) const ENUMERATED: u8 = 0x0a;
/// Tag of a BOOLEAN.
pub(super) const BOOLEAN: u8 = 0x01;
/// Tag of a SEQUENCE.
pub(super) const SEQUENCE: u8 = 0x30;
/// Tag of a SET.
pub(super) const SET: u8 = 0x31;

/// Takes one element after the other off bytes that nobody vouches for.
#[derive(Clone)]
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The tag of the next element.
    pub(super) fn tag(&self) -> Option<u8> {
        self.0.first().copied()
    }

    /// The next element: its tag and content.
    pub(super) fn element(&mut self) -> Result<(u8, &'a [u8]), MessageError> {
        let size = size(self.0)?.ok_or(MessageError("it ends within an element"))?;
        let (element, rest) = self
            .0
            .split_at_checked(size.whole())
            .ok_or(MessageError("an element is longer than what contains it"))?;
        self.0 = rest;
        Ok((element[0], &element[size.header..]))
    }

    /// The content of the next element, which must have the tag `tag`.
    pub(super) fn expect(&mut self, tag: u8) -> Result<&'a [u8], MessageError> {
        match self.element()? {
            (found, content) if found == tag => Ok(content),
            _ => Err(MessageError("an element has another type than it should")),
        }
    }

    /// The content of the next element if it has the tag `tag`.
    pub(super) fn optional(&mut self, tag: u8) -> Result<Option<&'a [u8]>, MessageError> {
        match self.tag() == Some(tag) {
            true => self.expect(tag).map(Some),
            false => Ok(None),
        }
    }

    /// What is inside the next element, which must have the tag `tag`.
    pub(super) fn inside(&mut self, tag: u8) -> Result<Reader<'a>, MessageError> {
        self.expect(tag).map(Reader)
    }

    /// The next element as text.
    pub(super) fn text(&mut self, tag: u8) -> Result<&'a str, MessageError> {
        text(self.expect(tag)?)
    }

    /// The next element as a number that is not negative.
    pub(super) fn number(&mut self, tag: u8) -> Result<u32, MessageError> {
        let content = self.expect(tag)?;
        let wrong = MessageError("a number is negative, too large or has no digits");
        match content {
            [] => Err(wrong),
            [first, ..] if content.len() > 4 || *first >= 0x80 => Err(wrong),
            digits => Ok(digits
                .iter()
                .fold(0, |number, digit| number << 8 | u32::from(*digit))),
        }
    }

    /// Fails where something is left.
    pub(super) fn end(&self) -> Result<(), MessageError> {
        match self.is_empty() {
            true => Ok(()),
            false => Err(MessageError("something follows where nothing should")),
        }
    }
}

/// Bytes as text.
pub(super) fn text(bytes: &[u8]) -> Result<&str, MessageError> {
    std::str::from_utf8(bytes).map_err(|_| MessageError("a text is not UTF-8"))
}

/// How long an element is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size {
    /// Bytes before the content.
    pub(super) header: usize,
    /// Bytes of the content.
    pub(super) content: usize,
}

impl Size {
    /// Bytes of the whole element.
    pub(super) fn whole(self) -> usize {
        self.header + self.content
    }
}

/// How long the element is that `bytes` begin with; `None` where they do not tell yet.
pub(super) fn size(bytes: &[u8]) -> Result<Option<Size>, MessageError> {
    let (tag, first) = match bytes {
        [] => return Ok(None),
        [tag] => (*tag, None),
        [tag, first, ..] => (*tag, Some(*first)),
    };
    if tag & 0x1f == 0x1f {
        return Err(MessageError(
            "an element has a type that LDAP does not have",
        ));
    }
    let Some(first) = first else { return Ok(None) };
    let digits = match first {
        0..=0x7f => {
            return Ok(Some(Size {
                header: 2,
                content: usize::from(first),
            }));
        }
        0x81..=0x84 => usize::from(first & 0x7f),
        0x80 | 0x85.. => return Err(MessageError("a length has a form that LDAP does not have")),
    };
    Ok(bytes.get(2..2 + digits).map(|digits| Size {
        header: 2 + digits.len(),
        content: digits
            .iter()
            .fold(0, |length, digit| length << 8 | usize::from(*digit)),
    }))
}

/// Appends an element.
pub(super) fn put(out: &mut Vec<u8>, tag: u8, content: &[u8]) {
    out.push(tag);
    let length = content.len();
    match u8::try_from(length) {
        Ok(short @ 0..=0x7f) => out.push(short),
        _ => {
            let digits = length.to_be_bytes();
            let leading = digits.iter().take_while(|digit| **digit == 0).count();
            out.push(0x80 | (digits.len() - leading) as u8);
            out.extend_from_slice(&digits[leading..]);
        }
    }
    out.extend_from_slice(content);
}

/// Appends a number.
pub(super) fn put_number(out: &mut Vec<u8>, tag: u8, number: u32) {
    let digits = number.to_be_bytes();
    let leading = digits[..3].iter().take_while(|digit| **digit == 0).count();
    let mut content = vec![];
    if digits[leading] >= 0x80 {
        content.push(0);
    }
    content.extend_from_slice(&digits[leading..]);
    put(out, tag, &content);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lengths_have_the_forms_of_ldap() {
        for length in [0, 1, 127, 128, 255, 256, 65_535, 65_536] {
            let mut bytes = vec![];
            put(&mut bytes, OCTETS, &vec![7; length]);
            let size = size(&bytes).unwrap().unwrap();
            assert_eq!((size.content, size.whole()), (length, bytes.len()));
            let mut reader = Reader::new(&bytes);
            assert_eq!(reader.expect(OCTETS).unwrap().len(), length);
            reader.end().unwrap();
        }
        assert_eq!(size(&[0x30, 0x82, 0x01]), Ok(None));
        for wrong in [&[0x1f, 0][..], &[0x30, 0x80], &[0x30, 0x85, 0, 0, 0, 0, 1]] {
            assert!(size(wrong).is_err(), "{wrong:?}");
        }
        assert!(Reader::new(&[4, 3, 1]).element().is_err());
    }

    #[test]
    fn numbers_go_there_and_back() {
        for number in [0, 1, 127, 128, 255, 256, 32_768, 8_388_608, 0x7fff_ffff] {
            let mut bytes = vec![];
            put_number(&mut bytes, INTEGER, number);
            assert_eq!(Reader::new(&bytes).number(INTEGER), Ok(number));
        }
        for wrong in [&[2, 0][..], &[2, 1, 0x80], &[2, 5, 1, 0, 0, 0, 0]] {
            assert!(Reader::new(wrong).number(INTEGER).is_err(), "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_can_be_read(bytes: Vec<u8>) {
            let mut reader = Reader::new(&bytes);
            let mut seen = 0;
            while !reader.is_empty() {
                match reader.element() {
                    Ok((_, content)) => seen += content.len() + 2,
                    Err(_) => break,
                }
            }
            prop_assert!(seen <= bytes.len());
        }
    }
}
