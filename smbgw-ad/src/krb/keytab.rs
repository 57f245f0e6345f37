//! Keytabs: files with the long-term keys of services, in the format of MIT Kerberos.
//!
//! The format is version 0x502 (`keytab file format` in the documentation of MIT Kerberos): records
//! of which each has its length before it, in network byte order. What this crate does not know, such
//! as keys of old types, is kept byte by byte.
//!
//! ```
//! use smbgw_ad::krb::crypto::{EncryptionType, Key};
//! use smbgw_ad::krb::keytab::{Entry, Keytab};
//!
//! let principal = "GW1$@AD.EXAMPLE".parse()?;
//! let key = Key::random(EncryptionType::Aes256Sha1)?;
//! let mut keytab = Keytab::default();
//! keytab.insert(Entry::new(&principal, 2, jiff::Timestamp::now(), &key));
//!
//! let again = Keytab::parse(&keytab.render())?;
//! assert_eq!(again.newest(&principal), Some(2));
//! assert_eq!(again.versions(&principal), [2]);
//! assert!(again.key(&principal, 2, EncryptionType::Aes256Sha1).is_some_and(|k| k.is(&key)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod read;

use std::collections::BTreeSet;

use jiff::Timestamp;
use smbgw_core::error::{Coded, ErrorKind};
use zeroize::Zeroizing;

use super::crypto::{EncryptionType, Key};
use crate::code::Code;
use crate::name::{NameKind, Principal};

/// The keys of a keytab, in the order of the file.
#[derive(Clone, Default)]
pub struct Keytab {
    entries: Vec<Entry>,
}

impl Keytab {
    /// Reads the bytes of a file. A file without any is an empty keytab.
    ///
    /// # Errors
    /// Where it is no keytab, one of the old version 0x501, or damaged.
    pub fn parse(bytes: &[u8]) -> Result<Self, KeytabError> {
        read::keytab(bytes).map(|entries| Self { entries })
    }

    /// The bytes of the file, without holes.
    pub fn render(&self) -> Zeroizing<Vec<u8>> {
        // Grown only once, so that no copy of a key is left in memory.
        let records = self.entries.iter().map(|entry| 4 + entry.length());
        let mut bytes = Zeroizing::new(Vec::with_capacity(2 + records.sum::<usize>()));
        bytes.extend_from_slice(&[5, 2]);
        for entry in &self.entries {
            bytes.extend_from_slice(&(entry.length() as u32).to_be_bytes());
            entry.render(&mut bytes);
        }
        bytes
    }

    /// Its entries.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The principals of which there are keys, each once, in the order of the file. Those whose
    /// name this crate would not make are left out.
    pub fn principals(&self) -> Vec<Principal> {
        let mut principals: Vec<Principal> = Vec::new();
        for principal in self.entries.iter().filter_map(Entry::principal) {
            if !principals.contains(&principal) {
                principals.push(principal);
            }
        }
        principals
    }

    /// The highest key version number of a principal.
    pub fn newest(&self, principal: &Principal) -> Option<u32> {
        self.of(principal).map(Entry::kvno).max()
    }

    /// The key version numbers of a principal, the highest first.
    pub fn versions(&self, principal: &Principal) -> Vec<u32> {
        let versions: BTreeSet<u32> = self.of(principal).map(Entry::kvno).collect();
        versions.into_iter().rev().collect()
    }

    /// The key of a principal of that version and type.
    pub fn key(&self, principal: &Principal, kvno: u32, etype: EncryptionType) -> Option<Key> {
        self.of(principal)
            .filter(|entry| entry.kvno == kvno && entry.etype == etype.number())
            .find_map(Entry::key)
    }

    /// The keys of a principal of that version, the best type first.
    pub fn keys(&self, principal: &Principal, kvno: u32) -> Vec<Key> {
        let mut keys: Vec<Key> = self
            .of(principal)
            .filter(|entry| entry.kvno == kvno)
            .filter_map(Entry::key)
            .collect();
        keys.sort_by_key(|key| std::cmp::Reverse(key.etype()));
        keys
    }

    /// Adds an entry; one of the same principal, version and type goes.
    pub fn insert(&mut self, entry: Entry) {
        self.entries.retain(|other| !other.stands_where(&entry));
        self.entries.push(entry);
    }

    /// Adds entries, and leaves of each of their principals the newest `generations` key versions.
    ///
    /// A service that still gets tickets of the time before a new password needs the key of that
    /// time. Entries of other principals stay as they are.
    pub fn merge(&mut self, entries: impl IntoIterator<Item = Entry>, generations: usize) {
        let mut touched: Vec<Entry> = Vec::new();
        for entry in entries {
            if !touched.iter().any(|other| other.is_of_same(&entry)) {
                touched.push(entry.clone());
            }
            self.insert(entry);
        }
        for entry in touched {
            self.keep_newest(generations, |other| other.is_of_same(&entry));
        }
    }

    /// Leaves of a principal the newest `generations` key versions, and tells how many entries went.
    pub fn prune(&mut self, principal: &Principal, generations: usize) -> usize {
        self.keep_newest(generations, |entry| entry.is_of(principal))
    }

    /// Removes the entries of a principal, and tells how many there were.
    pub fn remove(&mut self, principal: &Principal) -> usize {
        self.remove_where(|entry| entry.is_of(principal))
    }

    /// Removes the entries of one key version of a principal, and tells how many there were.
    pub fn remove_version(&mut self, principal: &Principal, kvno: u32) -> usize {
        self.remove_where(|entry| entry.kvno == kvno && entry.is_of(principal))
    }

    /// Removes the entries that `doomed` names, and tells how many there were.
    pub fn remove_where(&mut self, mut doomed: impl FnMut(&Entry) -> bool) -> usize {
        let before = self.entries.len();
        self.entries.retain(|entry| !doomed(entry));
        before - self.entries.len()
    }

    fn of(&self, principal: &Principal) -> impl Iterator<Item = &Entry> {
        self.entries
            .iter()
            .filter(move |entry| entry.is_of(principal))
    }

    fn keep_newest(&mut self, generations: usize, among: impl Fn(&Entry) -> bool) -> usize {
        let versions: BTreeSet<u32> = self
            .entries
            .iter()
            .filter(|entry| among(entry))
            .map(Entry::kvno)
            .collect();
        let kept: Vec<u32> = versions.into_iter().rev().take(generations).collect();
        self.remove_where(|entry| among(entry) && !kept.contains(&entry.kvno))
    }
}

/// One key of one principal.
///
/// It has no `Debug`, as the key must not get into a log.
#[derive(Clone)]
pub struct Entry {
    realm: Vec<u8>,
    parts: Vec<Vec<u8>>,
    name_type: u32,
    timestamp: u32,
    kvno: u32,
    etype: i32,
    bytes: Zeroizing<Vec<u8>>,
    /// What follows the version number: flags that Heimdal keeps there.
    rest: Vec<u8>,
}

impl Entry {
    /// The entry for a key; `made` is when it became the principal's.
    pub fn new(principal: &Principal, kvno: u32, made: Timestamp, key: &Key) -> Self {
        Self {
            realm: principal.realm().as_str().into(),
            parts: principal
                .parts()
                .iter()
                .map(|part| part.as_str().into())
                .collect(),
            name_type: principal.kind().number() as u32,
            timestamp: made.as_second().clamp(0, u32::MAX.into()) as u32,
            kvno,
            etype: key.etype().number(),
            bytes: Zeroizing::new(key.expose().to_vec()),
            rest: Vec::new(),
        }
    }

    /// Whose key it is, or nothing where the name is one that this crate would not make.
    pub fn principal(&self) -> Option<Principal> {
        let text = |bytes: &[u8]| std::str::from_utf8(bytes).ok().map(str::to_string);
        let realm = text(&self.realm)?.parse().ok()?;
        let parts: Option<Vec<String>> = self.parts.iter().map(|part| text(part)).collect();
        let kind = [
            NameKind::Service,
            NameKind::HostService,
            NameKind::Enterprise,
        ]
        .into_iter()
        .find(|kind| kind.number() as u32 == self.name_type)
        .unwrap_or(NameKind::Principal);
        Principal::new(kind, parts?, realm).ok()
    }

    /// The name as it is shown, with what is not text replaced.
    pub fn shown_name(&self) -> String {
        let parts: Vec<_> = self
            .parts
            .iter()
            .map(|part| String::from_utf8_lossy(part))
            .collect();
        let name = format!(
            "{}@{}",
            parts.join("/"),
            String::from_utf8_lossy(&self.realm)
        );
        name.chars()
            .map(|c| match c.is_control() {
                true => char::REPLACEMENT_CHARACTER,
                false => c,
            })
            .collect()
    }

    /// The version number of the key.
    pub fn kvno(&self) -> u32 {
        self.kvno
    }

    /// When the key became the principal's, as the entry says.
    pub fn timestamp(&self) -> Timestamp {
        Timestamp::from_second(self.timestamp.into()).unwrap_or_default()
    }

    /// The number of the encryption type, known here or not.
    pub fn etype_number(&self) -> i32 {
        self.etype
    }

    /// The encryption type, if it is known here.
    pub fn etype(&self) -> Option<EncryptionType> {
        EncryptionType::from_number(self.etype)
    }

    /// The key, if its type is known here and its length right.
    pub fn key(&self) -> Option<Key> {
        Key::new(self.etype()?, &self.bytes).ok()
    }

    /// Whether it is a key of that principal.
    pub fn is_of(&self, principal: &Principal) -> bool {
        self.realm == principal.realm().as_str().as_bytes()
            && self.parts.len() == principal.parts().len()
            && self
                .parts
                .iter()
                .zip(principal.parts())
                .all(|(own, other)| own == other.as_bytes())
    }

    fn is_of_same(&self, other: &Self) -> bool {
        self.realm == other.realm && self.parts == other.parts
    }

    fn stands_where(&self, other: &Self) -> bool {
        self.kvno == other.kvno && self.etype == other.etype && self.is_of_same(other)
    }

    fn length(&self) -> usize {
        let parts: usize = self.parts.iter().map(|part| 2 + part.len()).sum();
        // Before, between and behind: count and realm; name type, time and old version; key; version.
        2 + 2
            + self.realm.len()
            + parts
            + 4
            + 4
            + 1
            + 2
            + 2
            + self.bytes.len()
            + 4
            + self.rest.len()
    }

    fn render(&self, bytes: &mut Vec<u8>) {
        let counted = |text: &[u8], bytes: &mut Vec<u8>| {
            bytes.extend_from_slice(&(text.len() as u16).to_be_bytes());
            bytes.extend_from_slice(text);
        };
        bytes.extend_from_slice(&(self.parts.len() as u16).to_be_bytes());
        counted(&self.realm, bytes);
        for part in &self.parts {
            counted(part, bytes);
        }
        bytes.extend_from_slice(&self.name_type.to_be_bytes());
        bytes.extend_from_slice(&self.timestamp.to_be_bytes());
        bytes.push(self.kvno as u8);
        bytes.extend_from_slice(&(self.etype as u16).to_be_bytes());
        counted(&self.bytes, bytes);
        bytes.extend_from_slice(&self.kvno.to_be_bytes());
        bytes.extend_from_slice(&self.rest);
    }
}

/// Why bytes are not a keytab.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeytabError {
    /// They begin otherwise.
    #[error("this is not a keytab: it does not begin with the bytes 05 02")]
    NotKeytab,
    /// A keytab of a version that depends on the machine that wrote it.
    #[error("this keytab has the old format 0x501, which is not supported here")]
    OldFormat,
    /// A record ends early.
    #[error("the keytab is damaged: the record at byte {offset} ends within its {part}")]
    Truncated {
        /// Where the record begins.
        offset: usize,
        /// The part of it that is not whole.
        part: &'static str,
    },
}

impl Coded for KeytabError {
    fn code(&self) -> &'static str {
        Code::KeytabInvalid.as_str()
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::OldFormat => ErrorKind::Unsupported,
            Self::NotKeytab | Self::Truncated { .. } => ErrorKind::Failed,
        }
    }

    fn remedy(&self) -> Option<String> {
        match self {
            Self::OldFormat => Some(
                "let `ktutil` read the file and write it to a new one, which has format 0x502"
                    .into(),
            ),
            Self::NotKeytab | Self::Truncated { .. } => {
                Some("move the file away and have its keys written again".into())
            }
        }
    }
}
