//! What a machine is like at one moment, in a form that can be compared.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::LightHost;

/// Texts longer than this are compared by their sum, in bytes.
const LONGEST: usize = 16 << 10;

/// What is compared, each thing by a name that says what it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Picture(BTreeMap<String, String>);

impl Picture {
    /// Notes that the thing `what` is like `how`.
    pub fn note(&mut self, what: impl Into<String>, how: impl Into<String>) {
        self.0.insert(what.into(), how.into());
    }

    /// Notes everything at and below `path` on `host`: mode, owner, and content or target. Nothing where
    /// nothing is.
    ///
    /// # Panics
    /// Where something there cannot be read.
    pub fn add_tree(&mut self, host: &LightHost, path: &Path) {
        let outside = host.path(path);
        let Ok(status) = fs::symlink_metadata(&outside) else {
            return;
        };
        let mut text = format!("{:o} {}:{}", status.mode(), status.uid(), status.gid());
        if status.is_file() {
            let content = fs::read(&outside).expect("a file can be read");
            text.push_str(&format!(" {}", shown(&content)));
        } else if status.is_symlink() {
            let target = fs::read_link(&outside).expect("a link can be read");
            text.push_str(&format!(" -> {}", target.display()));
        }
        self.note(path.display().to_string(), text);
        if status.is_dir() {
            for entry in fs::read_dir(&outside).expect("a folder can be read") {
                let name = entry.expect("a folder can be read").file_name();
                self.add_tree(host, &path.join(name));
            }
        }
    }

    /// Leaves out all whose names begin with `start`.
    pub fn forget(&mut self, start: &str) {
        self.0.retain(|what, _| !what.starts_with(start));
    }

    /// Leaves out the folder `path` of `host`, if it is empty.
    pub fn forget_empty(&mut self, host: &LightHost, path: &str) {
        if fs::read_dir(host.path(path)).is_ok_and(|mut entries| entries.next().is_none()) {
            self.0.remove(path);
        }
    }

    /// What is different in `other`, a text for each thing.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let keys = self.0.keys().chain(other.0.keys());
        let mut texts: Vec<String> = keys
            .filter(|key| self.0.get(*key) != other.0.get(*key))
            .map(|key| {
                let of = |picture: &Self| picture.0.get(key).cloned().unwrap_or("absent".into());
                let (here, there) = (of(self), of(other));
                format!(
                    "{key}:\n-{}\n+{}",
                    only_in(&here, &there),
                    only_in(&there, &here)
                )
            })
            .collect();
        texts.sort();
        texts.dedup();
        texts
    }

    /// Fails unless the two are the same; `when` says what happened between them.
    ///
    /// # Panics
    /// Where they differ, with all differences.
    #[track_caller]
    pub fn assert_same(&self, other: &Self, when: &str) {
        let differences = self.differences(other);
        assert!(
            differences.is_empty(),
            "{when}:\n{}",
            differences.join("\n")
        );
    }
}

/// Content as it is compared and shown.
pub fn shown(content: &[u8]) -> String {
    if content.len() > LONGEST {
        // FNV-1a.
        let sum = content.iter().fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| {
            (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        });
        return format!("{} bytes, {sum:x}", content.len());
    }
    format!("{:?}", String::from_utf8_lossy(content))
}

/// The lines of `text` that `other` has not.
fn only_in(text: &str, other: &str) -> String {
    let lines = text
        .lines()
        .filter(|line| !other.lines().any(|other| other == *line));
    lines.collect::<Vec<_>>().join("\n ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_told_by_name() {
        let mut before = Picture::default();
        before.note("a", "one\ntwo");
        before.note("b", "same");
        let mut after = before.clone();
        assert_eq!(before.differences(&after), [""; 0]);
        after.note("a", "one\nthree");
        after.note("c", "new");
        assert_eq!(
            before.differences(&after),
            ["a:\n-two\n+three", "c:\n-absent\n+new"]
        );
        after.forget("a");
        after.forget("c");
        assert_eq!(before.differences(&after), ["a:\n-one\n two\n+absent"]);
    }

    #[test]
    fn long_content_is_compared_too() {
        let mut long = vec![b'x'; LONGEST + 1];
        let before = shown(&long);
        long[LONGEST] = b'y';
        assert_ne!(shown(&long), before);
        assert_eq!(shown(b"x"), "\"x\"");
    }
}
