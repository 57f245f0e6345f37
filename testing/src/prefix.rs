//! Names that no other test, run or machine user has.
//!
//! Everything the lab makes on the machine is called `smbgw-PID-N-WORD`. The number of the process
//! is what tells the leftovers of a run that was killed from what a living run uses.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// What every name starts with.
pub(crate) const START: &str = "smbgw-";

/// A name that was not given out before.
pub(crate) fn unique(word: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("{START}{}-{number}-{word}", std::process::id())
}

/// The process a name was made by, where it is one of [`unique`]'s.
pub(crate) fn maker(name: &str) -> Option<u32> {
    name.strip_prefix(START)?.split('-').next()?.parse().ok()
}

/// Entries of `directory` that carry `word` and whose maker is gone.
pub(crate) fn orphans(directory: &Path, word: &str) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(directory) else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.ends_with(&format!("-{word}")))
        .filter(|name| maker(name).is_some_and(|pid| !Path::new(&format!("/proc/{pid}")).exists()))
        .map(|name| directory.join(name))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_differ_and_tell_their_maker() {
        let (one, two) = (unique("a"), unique("a"));
        assert_ne!(one, two);
        assert_eq!(maker(&one), Some(std::process::id()));
        assert_eq!(maker("smbgw-x-1-a"), None);
        assert_eq!(maker("other-1-1-a"), None);
    }

    #[test]
    fn orphans_are_those_of_dead_processes_only() {
        let directory = std::env::temp_dir().join(unique("orphans-test"));
        let mine = directory.join(unique("disk"));
        // Above the largest process number Linux can give.
        let dead = directory.join("smbgw-4194305-0-disk");
        for path in [&mine, &dead] {
            std::fs::create_dir_all(path).unwrap();
        }
        assert_eq!(orphans(&directory, "disk"), [dead]);
        std::fs::remove_dir_all(directory).unwrap();
    }
}
