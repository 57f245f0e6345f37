//! As much of NDR (C706, chapter 14; type serialisation version 1 of MS-RPCE 2.2.6) as blobs need.
//!
//! A pointer is a number that is not zero, and what it points to comes behind the structure it is
//! in, in the order of the pointers. All lengths are checked against what is there, so that a
//! reader never takes more memory than the bytes it reads have.

use zeroize::Zeroizing;

use crate::name::{Guid, Sid};

/// Bytes that are read from front to back.
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// What is wrong with the bytes, and at which of them.
pub(super) type Wrong = (&'static str, usize);

/// The header of a serialised type: version 1, little-endian, 8 bytes, filler.
const HEADER: [u8; 8] = [1, 0x10, 8, 0, 0xcc, 0xcc, 0xcc, 0xcc];

impl<'a> Reader<'a> {
    /// The body of the serialised type that `bytes` begin with.
    pub(super) fn serialised(bytes: &'a [u8]) -> Result<Self, Wrong> {
        let mut outer = Self { bytes, at: 0 };
        if outer.take(HEADER.len())? != HEADER {
            return Err(("it does not begin with the header of a serialised type", 0));
        }
        let length = outer.length()?;
        outer.u32()?;
        Ok(Self {
            bytes: outer.take(length)?,
            at: 0,
        })
    }

    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], Wrong> {
        let end = self.at.checked_add(count);
        let taken = end.and_then(|end| self.bytes.get(self.at..end));
        let taken = taken.ok_or(("it ends too early", self.at))?;
        self.at += count;
        Ok(taken)
    }

    fn align(&mut self) -> Result<(), Wrong> {
        self.take(self.at.next_multiple_of(4) - self.at)?;
        Ok(())
    }

    pub(super) fn u16(&mut self) -> Result<u16, Wrong> {
        let bytes = self.take(2)?;
        Ok(u16::from_le_bytes([bytes[0], bytes[1]]))
    }

    pub(super) fn u32(&mut self) -> Result<u32, Wrong> {
        self.align()?;
        let bytes = self.take(4)?;
        Ok(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }

    fn length(&mut self) -> Result<usize, Wrong> {
        let at = self.at;
        usize::try_from(self.u32()?).map_err(|_| ("a length is too large", at))
    }

    /// Whether a pointer points to something.
    pub(super) fn pointer(&mut self) -> Result<bool, Wrong> {
        Ok(self.u32()? != 0)
    }

    pub(super) fn guid(&mut self) -> Result<Guid, Wrong> {
        self.align()?;
        let mut guid = [0; 16];
        guid.copy_from_slice(self.take(16)?);
        Ok(Guid::from_bytes(guid))
    }

    /// A `dom_sid2`, which has its number of parts before it.
    pub(super) fn sid(&mut self) -> Result<Sid, Wrong> {
        let parts = self.length()?;
        let at = self.at;
        // The number was a `u32`, so that this cannot overflow where `usize` has 64 bits.
        let size = parts.saturating_mul(4).saturating_add(8);
        Sid::from_bytes(self.take(size)?).map_err(|_| ("it has a SID that is none", at))
    }

    /// A number of bytes and the bytes.
    pub(super) fn bytes(&mut self) -> Result<&'a [u8], Wrong> {
        let length = self.length()?;
        self.take(length)
    }

    /// How many elements an array has that a pointer with `count` led to.
    pub(super) fn array(&mut self, count: u32) -> Result<(), Wrong> {
        let at = self.at;
        if self.u32()? != count {
            return Err(("an array has another size than was said", at));
        }
        Ok(())
    }

    /// A UTF-16 string; a NUL at its end is not part of it.
    pub(super) fn string(&mut self) -> Result<Zeroizing<String>, Wrong> {
        let room = self.u32()?;
        let at = self.at;
        let offset = self.u32()?;
        let count = self.length()?;
        if offset != 0 || u32::try_from(count).is_ok_and(|count| count > room) {
            return Err(("a string is longer than the room for it", at));
        }
        let units = self.take(count.checked_mul(2).ok_or(("a string is too long", at))?)?;
        let units = units
            .chunks_exact(2)
            .map(|unit| u16::from_le_bytes([unit[0], unit[1]]));
        // A character has at most 3 bytes for each unit of UTF-16, so that nothing is moved while
        // the string grows, and no copy is left behind.
        let mut text = Zeroizing::new(String::with_capacity(count * 3));
        for character in char::decode_utf16(units) {
            text.push(character.map_err(|_| ("a string is not UTF-16", at))?);
        }
        if text.ends_with('\0') {
            text.pop();
        }
        if text.contains('\0') {
            return Err(("a string has a NUL in it", at));
        }
        self.align()?;
        Ok(text)
    }
}

/// Bytes that are written from front to back.
pub(super) struct Writer {
    bytes: Zeroizing<Vec<u8>>,
    pointers: u32,
}

impl Writer {
    /// Nothing so far, and room for `room` bytes: what is secret is not moved while it grows.
    pub(super) fn new(room: usize) -> Self {
        Self {
            bytes: Zeroizing::new(Vec::with_capacity(room)),
            pointers: 0,
        }
    }

    pub(super) fn put(&mut self, bytes: &[u8]) -> &mut Self {
        self.bytes.extend_from_slice(bytes);
        self
    }

    fn align(&mut self) {
        let end = self.bytes.len().next_multiple_of(4);
        self.bytes.resize(end, 0);
    }

    pub(super) fn u16(&mut self, number: u16) -> &mut Self {
        self.put(&number.to_le_bytes())
    }

    pub(super) fn u32(&mut self, number: u32) -> &mut Self {
        self.align();
        self.put(&number.to_le_bytes())
    }

    /// A pointer to something, or to nothing.
    pub(super) fn pointer_to<T>(&mut self, target: Option<T>) -> &mut Self {
        match target {
            Some(_) => self.pointer(),
            None => self.u32(0),
        }
    }

    /// A pointer to something.
    pub(super) fn pointer(&mut self) -> &mut Self {
        let number = 0x2_0000 + 4 * self.pointers;
        self.pointers += 1;
        self.u32(number)
    }

    /// A number of bytes and the bytes.
    pub(super) fn sized(&mut self, bytes: &[u8]) -> &mut Self {
        self.u32(size(bytes.len())).put(bytes)
    }

    /// A string with a NUL at its end.
    pub(super) fn string(&mut self, text: &str) -> &mut Self {
        let count = size(text.encode_utf16().count() + 1);
        self.u32(count).u32(0).u32(count);
        self.units(text);
        self.u16(0);
        self.align();
        self
    }

    /// What a counted string points to: no NUL, and room for one.
    pub(super) fn counted(&mut self, text: &str) -> &mut Self {
        let count = size(text.encode_utf16().count());
        self.u32(count + 1).u32(0).u32(count);
        self.units(text);
        self.align();
        self
    }

    /// The head of a counted string.
    pub(super) fn counted_head(&mut self, text: &str) -> &mut Self {
        let bytes = u16::try_from(2 * text.encode_utf16().count()).unwrap_or(u16::MAX - 2);
        self.u16(bytes).u16(bytes + 2).pointer()
    }

    fn units(&mut self, text: &str) {
        for unit in text.encode_utf16() {
            self.u16(unit);
        }
    }

    /// The bytes as a serialised type.
    pub(super) fn serialised(mut self) -> Zeroizing<Vec<u8>> {
        let end = self.bytes.len().next_multiple_of(8);
        self.bytes.resize(end, 0);
        let mut whole = Zeroizing::new(Vec::with_capacity(end + 16));
        whole.extend_from_slice(&HEADER);
        whole.extend_from_slice(&size(end).to_le_bytes());
        whole.extend_from_slice(&[0; 4]);
        whole.extend_from_slice(&self.bytes);
        whole
    }
}

/// A size as it is written. What is written here has some kilobytes.
fn size(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
