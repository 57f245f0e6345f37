//! The files `/etc/projects` and `/etc/projid`, which tell an administrator's tools what project
//! ids stand for (projects(5), projid(5)).
//!
//! Lines of others are kept byte for byte; only whole lines are added and removed.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use smbgw_core::change::Change;
use smbgw_core::host::Host;

use crate::error::QuotaError;

/// The first project id that is given out.
pub const FIRST_ID: u32 = 100_000;

/// Project ids from here on are given out by other programs (kubelet begins with the next one).
pub(crate) const FIRST_ID_OF_OTHERS: u32 = 1 << 20;

/// What the names that this crate gives to projects begin with; a project with another name is the
/// administrator's and keeps its mark and registration when a volume is given up.
pub const NAME_PREFIX: &str = "smbgw-";

const PROJECTS: &str = "/etc/projects";
const NAMES: &str = "/etc/projid";

/// What both files hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Registry {
    projects: Vec<u8>,
    names: Vec<u8>,
}

impl Registry {
    /// Reads both files of `host`.
    pub(crate) fn load(host: &dyn Host) -> Result<Self, QuotaError> {
        let read =
            |path: &str| Ok::<_, QuotaError>(host.read(Path::new(path))?.unwrap_or_default());
        Ok(Self {
            projects: read(PROJECTS)?,
            names: read(NAMES)?,
        })
    }

    /// Writes both files of `host`; one that has become empty is removed.
    pub(crate) fn store(&self, host: &dyn Host) -> Result<Change, QuotaError> {
        let mut change = Change::Unchanged;
        for (path, text) in [(PROJECTS, &self.projects), (NAMES, &self.names)] {
            let path = Path::new(path);
            let done = if text.is_empty() {
                host.remove(path)?
            } else {
                host.write(path, text, 0o644)?
            };
            if done.happened() {
                change = Change::Updated;
            }
        }
        Ok(change)
    }

    /// The ids that directory `path` is listed with.
    pub(crate) fn ids_of(&self, path: &Path) -> Vec<u32> {
        self.directories()
            .filter(|(_, dir)| dir == path)
            .map(|(id, _)| id)
            .collect()
    }

    /// A directory other than `path` that is listed with `id`.
    pub(crate) fn other_directory(&self, id: u32, path: &Path) -> Option<PathBuf> {
        self.directories()
            .find(|(found, dir)| *found == id && dir != path)
            .map(|(_, dir)| dir)
    }

    /// The name of `id`.
    pub(crate) fn name_of(&self, id: u32) -> Option<String> {
        self.names()
            .find(|(_, found)| *found == id)
            .map(|(name, _)| name)
    }

    /// A name other than `name` that is given to `id`.
    pub(crate) fn other_name(&self, id: u32, name: &str) -> Option<String> {
        self.names()
            .find(|(other, found)| *found == id && other != name)
            .map(|(other, _)| other)
    }

    /// The id of the name `name`.
    pub(crate) fn id_of(&self, name: &str) -> Option<u32> {
        self.names()
            .find(|(found, _)| found == name)
            .map(|(_, id)| id)
    }

    /// The directories that are listed with `id`.
    pub(crate) fn directories_of(&self, id: u32) -> Vec<PathBuf> {
        self.directories()
            .filter(|(found, _)| *found == id)
            .map(|(_, dir)| dir)
            .collect()
    }

    /// The projects with names of ours, by id.
    pub(crate) fn ours(&self) -> Vec<(u32, String)> {
        self.names()
            // Project 0 is all that belongs to none.
            .filter(|(name, id)| name.starts_with(NAME_PREFIX) && *id != 0)
            .map(|(name, id)| (id, name))
            .collect()
    }

    /// Every id in either file.
    pub(crate) fn ids(&self) -> BTreeSet<u32> {
        let directories = self.directories().map(|(id, _)| id);
        directories.chain(self.names().map(|(_, id)| id)).collect()
    }

    /// Lists `path` with `id`, and `id` with `name`.
    pub(crate) fn add(&mut self, id: u32, name: &str, path: &Path) {
        add_line(&mut self.projects, &project_line(id, path));
        add_line(&mut self.names, &name_line(id, name));
    }

    /// Removes what [`add`](Self::add) added.
    pub(crate) fn remove(&mut self, id: u32, name: &str, path: &Path) {
        remove_line(&mut self.projects, &project_line(id, path));
        remove_line(&mut self.names, &name_line(id, name));
    }

    /// Removes every line about `id` and its name `name`.
    pub(crate) fn forget(&mut self, id: u32, name: &str) {
        for path in self.directories_of(id) {
            remove_line(&mut self.projects, &project_line(id, &path));
        }
        remove_line(&mut self.names, &name_line(id, name));
    }

    /// Whether [`add`](Self::add) would change nothing in `/etc/projects`.
    pub(crate) fn lists(&self, id: u32, path: &Path) -> bool {
        self.ids_of(path).contains(&id)
    }

    fn directories(&self) -> impl Iterator<Item = (u32, PathBuf)> {
        lines(&self.projects).filter_map(|line| {
            let (id, path) = split(line)?;
            Some((number(id)?, PathBuf::from(OsStr::from_bytes(path))))
        })
    }

    fn names(&self) -> impl Iterator<Item = (String, u32)> {
        lines(&self.names).filter_map(|line| {
            let (name, id) = split(line)?;
            Some((String::from_utf8_lossy(name).into_owned(), number(id)?))
        })
    }
}

/// The lowest id from [`FIRST_ID`] on that is not in `used`.
pub(crate) fn lowest_free_id(used: &BTreeSet<u32>) -> Option<u32> {
    let mut candidate = FIRST_ID;
    for &id in used.range(FIRST_ID..) {
        if id != candidate {
            break;
        }
        candidate = candidate.checked_add(1)?;
    }
    (candidate != u32::MAX).then_some(candidate)
}

/// A name for the project of the share `key` that `is_taken` does not know.
pub(crate) fn free_name(key: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let name = format!("{NAME_PREFIX}{}", slug(key));
    if !is_taken(&name) {
        return name;
    }
    // Of more numbers than there are projects, one is free.
    (2u64..)
        .map(|number| format!("{name}-{number}"))
        .find(|name| !is_taken(name))
        .unwrap_or(name)
}

/// `key` with every character but plain letters, digits and `-_.` replaced, cut to 60 characters.
pub(crate) fn slug(key: &str) -> String {
    let plain = |c: char| match c {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '_' | '.' => c,
        _ => '-',
    };
    key.chars().map(plain).take(60).collect()
}

/// Whether `path` fits on one line of `/etc/projects`.
pub(crate) fn is_listable(path: &Path) -> bool {
    !path.as_os_str().as_bytes().contains(&b'\n')
}

fn project_line(id: u32, path: &Path) -> Vec<u8> {
    [format!("{id}:").as_bytes(), path.as_os_str().as_bytes()].concat()
}

fn name_line(id: u32, name: &str) -> Vec<u8> {
    format!("{name}:{id}").into_bytes()
}

fn add_line(text: &mut Vec<u8>, line: &[u8]) {
    if lines(text).any(|found| found == line) {
        return;
    }
    if !text.is_empty() && !text.ends_with(b"\n") {
        text.push(b'\n');
    }
    text.extend_from_slice(line);
    text.push(b'\n');
}

fn remove_line(text: &mut Vec<u8>, line: &[u8]) {
    let kept: Vec<&[u8]> = text
        .split_inclusive(|&byte| byte == b'\n')
        .filter(|found| found.strip_suffix(b"\n").unwrap_or(found) != line)
        .collect();
    *text = kept.concat();
}

fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|&byte| byte == b'\n')
        .filter(|line| !line.starts_with(b"#"))
}

fn split(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = line.iter().position(|&byte| byte == b':')?;
    Some((&line[..colon], &line[colon + 1..]))
}

fn number(text: &[u8]) -> Option<u32> {
    std::str::from_utf8(text).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn registry(projects: &[u8], names: &[u8]) -> Registry {
        Registry {
            projects: projects.into(),
            names: names.into(),
        }
    }

    #[test]
    fn lines_of_others_stay_as_they_are() {
        let projects = b"# mine\n10:/srv/a:b\n\n  odd\n11:/srv/c";
        let names = b"web:10\n# end\n";
        let mut edited = registry(projects, names);
        assert_eq!(edited.ids_of(Path::new("/srv/a:b")), [10]);
        assert_eq!(edited.name_of(10).as_deref(), Some("web"));
        edited.add(100_000, "smbgw-x", Path::new("/srv/x"));
        edited.add(100_000, "smbgw-x", Path::new("/srv/x"));
        assert_eq!(
            edited.projects,
            [projects, &b"\n100000:/srv/x\n"[..]].concat()
        );
        assert_eq!(edited.names, [names, &b"smbgw-x:100000\n"[..]].concat());
        assert!(edited.lists(100_000, Path::new("/srv/x")));
        edited.remove(100_000, "smbgw-x", Path::new("/srv/x"));
        assert_eq!(edited.projects, [projects, &b"\n"[..]].concat());
        assert_eq!(edited.names, names);
    }

    #[test]
    fn a_commented_line_is_no_line() {
        let registry = registry(b"#5:/srv/a\n", b"#a:5\n");
        assert!(registry.ids().is_empty());
        assert_eq!(registry.id_of("#a"), None);
    }

    #[test]
    fn other_directories_of_an_id_are_found() {
        let registry = registry(b"5:/srv/a\n5:/srv/b\n", b"");
        let other = registry.other_directory(5, Path::new("/srv/a"));
        assert_eq!(other.as_deref(), Some(Path::new("/srv/b")));
        assert_eq!(registry.other_directory(6, Path::new("/srv/a")), None);
    }

    #[test]
    fn the_lowest_free_id_is_given_out() {
        let lowest = |used: &[u32]| lowest_free_id(&used.iter().copied().collect());
        assert_eq!(lowest(&[]), Some(FIRST_ID));
        assert_eq!(lowest(&[1, 2, FIRST_ID, FIRST_ID + 2]), Some(FIRST_ID + 1));
        assert_eq!(lowest(&[FIRST_ID + 1]), Some(FIRST_ID));
    }

    #[test]
    fn names_are_plain_and_differ() {
        assert_eq!(free_name("Büro & Co", |_| false), "smbgw-B-ro---Co");
        let taken = ["smbgw-a", "smbgw-a-2"];
        assert_eq!(free_name("a", |name| taken.contains(&name)), "smbgw-a-3");
    }

    proptest! {
        #[test]
        fn removing_what_was_added_gives_the_text_back(
            text in "([a-z0-9:#/ ]{0,12}\n){0,8}",
            id in FIRST_ID..,
        ) {
            let mut edited = registry(text.as_bytes(), text.as_bytes());
            edited.add(id, "smbgw-zz", Path::new("/srv/zz"));
            edited.remove(id, "smbgw-zz", Path::new("/srv/zz"));
            prop_assert_eq!(edited, registry(text.as_bytes(), text.as_bytes()));
        }
    }
}
