//! Reading Samba's databases, without changing or locking them.
//!
//! The format is that of TDB 1 (`lib/tdb/common/tdb_private.h` of Samba): a header, the heads of hash
//! chains, and records that are linked with each other. Numbers are in the byte order of the machine that
//! wrote it. A writer may be at work meanwhile: what does not fit together is an error then, and nothing is
//! made up.

/// Why bytes are not a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the database is damaged, of another kind, or being written: {0}")]
pub(super) struct Malformed(&'static str);

/// A key and its value.
type Record<'b> = (&'b [u8], &'b [u8]);

/// The records of the database in `bytes`: each key with its value.
///
/// # Errors
/// Where they are not a whole database.
pub(super) fn records(bytes: &[u8]) -> Result<Vec<Record<'_>>, Malformed> {
    if bytes.get(..MAGIC.len()) != Some(MAGIC) {
        return Err(Malformed("it does not begin as one"));
    }
    if word(bytes, 32)? != VERSION {
        return Err(Malformed("it is of another version or byte order"));
    }
    let chains = word(bytes, 36)? as usize;
    // Each record takes that many bytes at least, so more are none.
    let mut left = bytes.len() / RECORD;
    let mut records = Vec::new();
    for chain in 0..chains {
        // The first head is that of the free list.
        let head = HEADER + 4 + chain.checked_mul(4).ok_or(TOO_LONG)?;
        let mut at = word(bytes, head)? as usize;
        while at != 0 {
            left = left.checked_sub(1).ok_or(Malformed("a chain has no end"))?;
            let key_length = word(bytes, at + 8)? as usize;
            let data_length = word(bytes, at + 12)? as usize;
            let used = word(bytes, at + 20)? == USED;
            let key = slice(bytes, at + RECORD, key_length)?;
            let data = slice(bytes, at + RECORD + key_length, data_length)?;
            if used {
                records.push((key, data));
            }
            at = word(bytes, at)? as usize;
        }
    }
    Ok(records)
}

fn slice(bytes: &[u8], at: usize, length: usize) -> Result<&[u8], Malformed> {
    let end = at.checked_add(length).ok_or(TOO_LONG)?;
    bytes.get(at..end).ok_or(TOO_LONG)
}

fn word(bytes: &[u8], at: usize) -> Result<u32, Malformed> {
    let bytes = slice(bytes, at, 4)?;
    Ok(u32::from_ne_bytes(bytes.try_into().map_err(|_| TOO_LONG)?))
}

const TOO_LONG: Malformed = Malformed("a record ends behind its end");

const MAGIC: &[u8] = b"TDB file\n";
const VERSION: u32 = 0x2601_1967 + 6;
/// `struct tdb_header`.
const HEADER: usize = 168;
/// `struct tdb_record`.
const RECORD: usize = 24;
/// `TDB_MAGIC`: a record that is in use.
const USED: u32 = 0x2601_1999;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A database with one record.
    fn sample() -> Vec<u8> {
        let mut bytes = vec![0; HEADER];
        bytes[..MAGIC.len()].copy_from_slice(MAGIC);
        bytes[32..36].copy_from_slice(&VERSION.to_ne_bytes());
        bytes[36..40].copy_from_slice(&2_u32.to_ne_bytes());
        let record = u32::try_from(HEADER).unwrap() + 12;
        for head in [0, 0, record] {
            bytes.extend(head.to_ne_bytes());
        }
        for number in [0, 7, 3, 4, 0, USED] {
            bytes.extend(number.to_ne_bytes());
        }
        bytes.extend(b"keydata");
        bytes
    }

    #[test]
    fn records_are_read() {
        assert_eq!(records(&sample()).unwrap(), [(&b"key"[..], &b"data"[..])]);
    }

    #[test]
    fn what_is_no_database_is_refused() {
        assert!(records(b"").is_err());
        let mut other = sample();
        other[33] ^= 1;
        assert!(records(&other).is_err());
        let cut = sample();
        assert!(records(&cut[..cut.len() - 1]).is_err());
    }

    #[test]
    fn a_chain_without_an_end_is_refused() {
        let mut round = sample();
        let record = HEADER + 12;
        let at = u32::try_from(record).unwrap().to_ne_bytes();
        round[record..record + 4].copy_from_slice(&at);
        assert_eq!(records(&round), Err(Malformed("a chain has no end")));
    }

    proptest! {
        #[test]
        fn nothing_panics(at in 32_usize..210, with in any::<u32>()) {
            let mut bytes = sample();
            let end = (at + 4).min(bytes.len());
            let at = end - 4;
            bytes[at..end].copy_from_slice(&with.to_ne_bytes());
            let _ = records(&bytes);
        }
    }
}
