//! Reading the records of a keytab.

use zeroize::Zeroizing;

use super::{Entry, KeytabError};

/// The entries of a file.
pub(super) fn keytab(bytes: &[u8]) -> Result<Vec<Entry>, KeytabError> {
    let mut rest = match bytes {
        [] => return Ok(Vec::new()),
        [5, 2, rest @ ..] => rest,
        [5, 1, ..] => return Err(KeytabError::OldFormat),
        _ => return Err(KeytabError::NotKeytab),
    };
    let mut entries = Vec::new();
    while !rest.is_empty() {
        let offset = bytes.len() - rest.len();
        let truncated = |part| KeytabError::Truncated { offset, part };
        let (length, behind) = rest
            .split_first_chunk()
            .ok_or_else(|| truncated("length"))?;
        let length = i32::from_be_bytes(*length);
        // MIT Kerberos ends here: a record may have been cut off by a crash.
        if length == 0 {
            break;
        }
        let size = length.unsigned_abs() as usize;
        if length < 0 {
            // A hole, where an entry was removed. One at the end may be cut short.
            rest = behind.get(size..).unwrap_or_default();
            continue;
        }
        let (record, behind) = behind
            .split_at_checked(size)
            .ok_or_else(|| truncated("content"))?;
        entries.push(entry(record).map_err(truncated)?);
        rest = behind;
    }
    Ok(entries)
}

/// The entry of one record, or the part of it that is not whole.
fn entry(record: &[u8]) -> Result<Entry, &'static str> {
    let mut fields = Fields(record);
    let count = fields.u16().ok_or("number of names")?;
    let realm = fields.counted().ok_or("realm")?.to_vec();
    let mut parts = Vec::new();
    for _ in 0..count {
        parts.push(fields.counted().ok_or("name")?.to_vec());
    }
    let name_type = fields.u32().ok_or("kind of name")?;
    let timestamp = fields.u32().ok_or("time")?;
    let [short_kvno] = fields.array().ok_or("version number")?;
    let etype = fields.u16().ok_or("encryption type")?;
    let key = Zeroizing::new(fields.counted().ok_or("key")?.to_vec());
    // Newer writers repeat the version number with all its bits; those of a record that took the
    // place of a longer one may be zero, and then say nothing.
    let kvno = match fields.u32() {
        None | Some(0) => short_kvno.into(),
        Some(kvno) => kvno,
    };
    Ok(Entry {
        realm,
        parts,
        name_type,
        timestamp,
        kvno,
        // MIT Kerberos keeps the sign of private types.
        etype: (etype as i16).into(),
        bytes: key,
        rest: fields.rest(),
    })
}

struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*field)
    }

    fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    fn counted(&mut self) -> Option<&'a [u8]> {
        let length = self.u16()?;
        let (field, rest) = self.0.split_at_checked(length.into())?;
        self.0 = rest;
        Some(field)
    }

    /// What is left, but for the zeros that fill the place of a longer record.
    fn rest(self) -> Vec<u8> {
        match self.0.iter().any(|byte| *byte != 0) {
            true => self.0.to_vec(),
            false => Vec::new(),
        }
    }
}
