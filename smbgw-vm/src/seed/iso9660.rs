//! An ISO 9660 filesystem with one directory of few files (ECMA-119), with their full names in Rock Ridge
//! entries (IEEE P1281 and P1282).
//!
//! Nothing in it depends on time, chance or machine.

use smbgw_core::error::{Coded, ErrorKind};

use crate::code::Code;

/// Documents cannot be put on an image.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the document `{name}` has {bytes} bytes, which is more than {LARGEST}")]
pub struct SeedError {
    /// The document.
    pub name: String,
    /// Its size.
    pub bytes: usize,
}

impl Coded for SeedError {
    fn code(&self) -> &'static str {
        Code::SeedTooLarge.as_str()
    }

    fn kind(&self) -> ErrorKind {
        ErrorKind::Invalid
    }

    fn remedy(&self) -> Option<String> {
        Some(Code::SeedTooLarge.fix().into())
    }
}

/// The most bytes of one document. Proxmox VE keeps those of its guests in files of 1 MiB at most, too.
const LARGEST: usize = 1 << 20;

const SECTOR: usize = 2048;

// Which sector has what. The first 16 are for boot loaders.
const PRIMARY: usize = 16;
const TERMINATOR: usize = 17;
const PATHS_LITTLE: usize = 18;
const PATHS_BIG: usize = 19;
const DIRECTORY: usize = 20;
const CONTINUATION: usize = 21;
const FIRST_FILE: usize = 22;

/// 1 January 1980, as directories have dates (ECMA-119, 9.1.5).
const DATE: [u8; 7] = [80, 1, 1, 0, 0, 0, 0];

/// The flag of a directory's entry (ECMA-119, 9.1.6).
const IS_DIRECTORY: u8 = 2;

/// The image called `label` with these files.
pub(super) fn image(label: &str, files: &[(&str, &[u8])]) -> Result<Vec<u8>, SeedError> {
    if let Some((name, content)) = files.iter().find(|(_, content)| content.len() > LARGEST) {
        return Err(SeedError {
            name: (*name).to_owned(),
            bytes: content.len(),
        });
    }
    let mut next = FIRST_FILE;
    let mut entries = Vec::new();
    let mut data = Vec::new();
    for (name, content) in files {
        let short = short_name(name);
        let more = [name_entry(name), posix_entry(0o100_444, 1)].concat();
        entries.push((short.clone(), record(&short, next, content.len(), 0, &more)));
        data.extend_from_slice(content);
        data.resize(data.len().next_multiple_of(SECTOR), 0);
        next += content.len().div_ceil(SECTOR);
    }
    // A directory is in the order of its short names (ECMA-119, 9.3).
    entries.sort();
    let known = extension_entry();
    let mut directory = own_record(&known);
    directory.extend(record(
        &[1],
        DIRECTORY,
        SECTOR,
        IS_DIRECTORY,
        &posix_directory(),
    ));
    directory.extend(entries.into_iter().flat_map(|(_, record)| record));

    let mut image = vec![0; FIRST_FILE * SECTOR];
    put(&mut image, PRIMARY, &primary(label, next));
    put(&mut image, TERMINATOR, b"\xffCD001\x01");
    put(
        &mut image,
        PATHS_LITTLE,
        &path_table(u32::to_le_bytes, u16::to_le_bytes),
    );
    put(
        &mut image,
        PATHS_BIG,
        &path_table(u32::to_be_bytes, u16::to_be_bytes),
    );
    put(&mut image, DIRECTORY, &directory);
    put(&mut image, CONTINUATION, &known);
    image.extend(data);
    Ok(image)
}

fn put(image: &mut [u8], sector: usize, content: &[u8]) {
    assert!(
        content.len() <= SECTOR,
        "the few files fit in one directory"
    );
    let start = sector * SECTOR;
    image[start..start + content.len()].copy_from_slice(content);
}

/// The primary volume descriptor (ECMA-119, 8.4).
fn primary(label: &str, sectors: usize) -> Vec<u8> {
    let mut volume = Vec::with_capacity(SECTOR);
    volume.extend(b"\x01CD001\x01\0");
    volume.extend(padded("LINUX", 32));
    volume.extend(padded(label, 32));
    volume.extend([0; 8]);
    volume.extend(both(sectors));
    volume.extend([0; 32]);
    for number in [1, 1, SECTOR as u16] {
        volume.extend(both16(number));
    }
    volume.extend(both(path_table(u32::to_le_bytes, u16::to_le_bytes).len()));
    volume.extend((PATHS_LITTLE as u32).to_le_bytes());
    volume.extend([0; 4]);
    volume.extend((PATHS_BIG as u32).to_be_bytes());
    volume.extend([0; 4]);
    volume.extend(record(&[0], DIRECTORY, SECTOR, IS_DIRECTORY, &[]));
    // Set, publisher, preparer, application; then three names of files; then four dates that are not given.
    volume.extend(padded("", 4 * 128 + 3 * 37));
    for _ in 0..4 {
        volume.extend(b"0000000000000000\0");
    }
    volume.extend([1, 0]);
    volume
}

/// The path table, which knows the one directory (ECMA-119, 9.4).
fn path_table(long: fn(u32) -> [u8; 4], short: fn(u16) -> [u8; 2]) -> Vec<u8> {
    let mut table = vec![1, 0];
    table.extend(long(DIRECTORY as u32));
    table.extend(short(1));
    table.extend([0, 0]);
    table
}

/// The entry of something in a directory (ECMA-119, 9.1), with its Rock Ridge entries after it.
fn record(name: &[u8], sector: usize, bytes: usize, flags: u8, more: &[u8]) -> Vec<u8> {
    let mut record = vec![0, 0];
    record.extend(both(sector));
    record.extend(both(bytes));
    record.extend(DATE);
    record.extend([flags, 0, 0]);
    record.extend(both16(1));
    record.push(name.len() as u8);
    record.extend(name);
    record.resize(record.len().next_multiple_of(2), 0);
    record.extend(more);
    record.resize(record.len().next_multiple_of(2), 0);
    record[0] = record.len() as u8;
    record
}

/// The entry of the directory itself, which says that there are Rock Ridge entries (SUSP, SP), and that what
/// names their version is in a place of its own (CE).
fn own_record(known: &[u8]) -> Vec<u8> {
    let mut more = b"SP\x07\x01\xbe\xef\0".to_vec();
    more.extend(posix_directory());
    more.extend(b"CE\x1c\x01");
    more.extend(both(CONTINUATION));
    more.extend(both(0));
    more.extend(both(known.len()));
    record(&[0], DIRECTORY, SECTOR, IS_DIRECTORY, &more)
}

/// The extension that is used (SUSP, ER).
fn extension_entry() -> Vec<u8> {
    let (id, about, source) = ("RRIP_1991A", "ROCK RIDGE", "IEEE P1282");
    let lengths = [id, about, source].map(|text| text.len() as u8);
    let mut entry = b"ER".to_vec();
    entry.extend([8 + lengths.iter().sum::<u8>(), 1]);
    entry.extend(lengths);
    entry.push(1);
    for text in [id, about, source] {
        entry.extend(text.as_bytes());
    }
    entry
}

/// The full name (RRIP, NM).
fn name_entry(name: &str) -> Vec<u8> {
    let mut entry = vec![b'N', b'M', 5 + name.len() as u8, 1, 0];
    entry.extend(name.as_bytes());
    entry
}

/// Mode, links, user and group (RRIP, PX). All is root's.
fn posix_entry(mode: usize, links: usize) -> Vec<u8> {
    let mut entry = b"PX\x24\x01".to_vec();
    for number in [mode, links, 0, 0] {
        entry.extend(both(number));
    }
    entry
}

fn posix_directory() -> Vec<u8> {
    posix_entry(0o040_555, 2)
}

/// The name for systems that read no Rock Ridge entries: eight capital letters and digits (ECMA-119, 7.5).
fn short_name(name: &str) -> Vec<u8> {
    let allowed = |byte: u8| match byte.to_ascii_uppercase() {
        byte if byte.is_ascii_alphanumeric() => byte,
        _ => b'_',
    };
    let mut short: Vec<u8> = name.bytes().take(8).map(allowed).collect();
    short.extend(b".;1");
    short
}

fn padded(text: &str, length: usize) -> Vec<u8> {
    let mut field = text.as_bytes().to_vec();
    field.resize(length, b' ');
    field
}

/// A number in both orders of bytes (ECMA-119, 7.3.3).
fn both(number: usize) -> Vec<u8> {
    let number = number as u32;
    [number.to_le_bytes(), number.to_be_bytes()].concat()
}

fn both16(number: u16) -> Vec<u8> {
    [number.to_le_bytes(), number.to_be_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_told_is_the_size() {
        let two: Vec<u8> = vec![7; SECTOR + 1];
        let image = image("CIDATA", &[("a", &two), ("b", b""), ("c", b"x")]).unwrap();
        assert_eq!(image.len(), (FIRST_FILE + 3) * SECTOR);
        let told = PRIMARY * SECTOR + 80;
        let told = u32::from_le_bytes(image[told..told + 4].try_into().unwrap());
        assert_eq!(told as usize * SECTOR, image.len());
    }

    #[test]
    fn what_is_too_large_is_refused() {
        let large = vec![b'x'; LARGEST + 1];
        let error = image("CIDATA", &[("a", b""), ("user-data", &large)]).unwrap_err();
        assert_eq!(error.code(), "vm.seed-too-large");
        assert!(error.to_string().contains("`user-data`"), "{error}");
        assert!(image("CIDATA", &[("user-data", &large[1..])]).is_ok());
    }
}
