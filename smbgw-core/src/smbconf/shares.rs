//! The shares a configuration defines, and where they lead.

use std::collections::HashMap;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::globals::unquoted;
use super::names;
use super::walk::{self, ReadFile, Visitor};

/// The shares of a configuration, in the order in which they first appear.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shares {
    shares: Vec<Share>,
    index: HashMap<String, usize>,
}

/// A share. Samba's special sections (`[homes]`, `[printers]`, `[print$]`) are shares as well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// The name as first spelled.
    pub name: Vec<u8>,
    /// The included file it first appears in; `None` for the text itself.
    pub file: Option<PathBuf>,
    /// The value of `path`, its own or the one it got from `[global]` or by `copy`.
    path: Vec<u8>,
    own_path: bool,
}

/// Lists the shares of `text` and of the files it includes, the files being read with `read`
/// ([`walk::no_files`] to look at the text alone).
///
/// Sections whose names differ only in case are one share; white space counts. A share begins with
/// the `path` that stands in `[global]` at that moment, and `copy` fills in what it has not set.
pub fn shares(text: &[u8], read: ReadFile<'_>) -> Shares {
    let mut collect = Collect::default();
    walk::walk(text, read, &mut collect);
    collect.shares
}

impl Shares {
    /// The share of this name, in any case.
    pub fn find(&self, name: &str) -> Option<&Share> {
        self.index
            .get(&folded(name.as_bytes()))
            .map(|index| &self.shares[*index])
    }

    /// All of them.
    pub fn iter(&self) -> std::slice::Iter<'_, Share> {
        self.shares.iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.shares.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.shares.is_empty()
    }
}

impl<'a> IntoIterator for &'a Shares {
    type Item = &'a Share;
    type IntoIter = std::slice::Iter<'a, Share>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl Share {
    /// The name as text, with U+FFFD for what is not UTF-8.
    pub fn display_name(&self) -> String {
        String::from_utf8_lossy(&self.name).into_owned()
    }

    /// The directory it leads to, without the quotes Samba takes off; `None` if none is set.
    pub fn path(&self) -> Option<&Path> {
        let value = unquoted(&self.path);
        (!value.is_empty()).then(|| Path::new(std::ffi::OsStr::from_bytes(value)))
    }

    /// Whether Samba fills in parts of the path for each client (`%U` and the like), so that no
    /// single directory can be told.
    pub fn path_has_macros(&self) -> bool {
        self.path.contains(&b'%')
    }
}

/// The key under which Samba holds a share: its name in lower case, character by character.
pub(super) fn folded(name: &[u8]) -> String {
    match str::from_utf8(name) {
        Ok(name) => name
            .chars()
            .map(|c| c.to_lowercase().next().unwrap_or(c))
            .collect(),
        Err(_) => String::from_utf8_lossy(name).to_ascii_lowercase(),
    }
}

#[derive(Default)]
struct Collect {
    shares: Shares,
    default_path: Vec<u8>,
    current: usize,
}

impl Visitor for Collect {
    fn share(&mut self, name: &[u8], file: Option<&Path>) {
        let shares = &mut self.shares.shares;
        self.current = *self.shares.index.entry(folded(name)).or_insert_with(|| {
            shares.push(Share {
                name: name.to_vec(),
                file: file.map(Path::to_path_buf),
                path: self.default_path.clone(),
                own_path: false,
            });
            shares.len() - 1
        });
    }

    fn parameter(&mut self, global: bool, key: &[u8], value: &[u8]) {
        if names::same(key, b"path") {
            if global {
                self.default_path = value.to_vec();
            } else {
                let share = &mut self.shares.shares[self.current];
                share.path = value.to_vec();
                share.own_path = true;
            }
        } else if !global && names::same(key, b"copy") {
            let source = self.shares.index.get(&folded(value));
            let path = source.map(|source| self.shares.shares[*source].path.clone());
            let share = &mut self.shares.shares[self.current];
            if let Some(path) = path.filter(|_| !share.own_path) {
                share.path = path;
            }
        }
    }
}
