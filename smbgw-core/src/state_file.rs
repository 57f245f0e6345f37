//! Small JSON files of this project's own state, each with the number of its form.
//!
//! A program that is older than a file says so, instead of reading what it does not understand: the number is
//! read first, and the rest only where the number is known.

use std::path::Path;

use serde::Serialize;
use serde::de::{Deserialize, DeserializeOwned};

use crate::change::Change;
use crate::host::{Host, create_dirs};
use crate::state_error::{StateError, StateKind};

/// Where a record is kept, and which form of it this program knows.
///
/// The record has a field `version`, a number that grows with its form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateFile<'p> {
    /// What it is; errors say so.
    pub kind: StateKind,
    /// Its absolute path.
    pub path: &'p str,
    /// The newest form that this program knows.
    pub version: u32,
}

impl StateFile<'_> {
    /// What is kept on `host`, or `None` where there is no file.
    ///
    /// # Errors
    /// [`StateError::TooNew`] for a newer form, and where the file cannot be read or is not one.
    pub fn load<T: DeserializeOwned>(self, host: &dyn Host) -> Result<Option<T>, StateError> {
        let Some(content) = host.read(Path::new(self.path))? else {
            return Ok(None);
        };
        let form: Form = self.parse(&content)?;
        if form.version > self.version {
            return Err(StateError::TooNew {
                kind: self.kind,
                path: self.path.into(),
                version: form.version,
            });
        }
        self.parse(&content).map(Some)
    }

    /// Writes it on `host`, readable by all.
    ///
    /// # Errors
    /// Where it cannot be written; what was there still is then.
    pub fn store<T: Serialize>(self, host: &dyn Host, record: &T) -> Result<Change, StateError> {
        let path = Path::new(self.path);
        let text = self.text(record)?;
        if let Some(directory) = path.parent() {
            create_dirs(host, directory, 0o755)?;
        }
        Ok(host.write(path, text.as_bytes(), 0o644)?)
    }

    /// The text of the file, as [`store`](Self::store) writes it.
    ///
    /// # Errors
    /// Where JSON cannot have it, such as a path that is no text.
    pub fn text<T: Serialize>(self, record: &T) -> Result<String, StateError> {
        let text = serde_json::to_string_pretty(record).map_err(|source| self.malformed(source))?;
        Ok(format!("{text}\n"))
    }

    /// Removes it from `host`, and its directory where nothing else is in that.
    ///
    /// # Errors
    /// Where it cannot be removed.
    pub fn remove(self, host: &dyn Host) -> Result<Change, StateError> {
        let path = Path::new(self.path);
        host.remove_temporary(path)?;
        let change = host.remove(path)?;
        if let Some(directory) = path.parent() {
            host.remove_dir(directory)?;
        }
        Ok(change)
    }

    /// The error for a file that is not in its form.
    pub fn malformed(self, source: serde_json::Error) -> StateError {
        StateError::Malformed {
            kind: self.kind,
            path: self.path.into(),
            source,
        }
    }

    fn parse<'c, T: Deserialize<'c>>(self, content: &'c [u8]) -> Result<T, StateError> {
        serde_json::from_slice(content).map_err(|source| self.malformed(source))
    }
}

/// What all forms of a record have.
#[derive(serde::Deserialize)]
struct Form {
    version: u32,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Coded;
    use crate::host::LocalHost;

    const FILE: StateFile = StateFile {
        kind: StateKind::Cluster,
        path: "/etc/smbgw/some.json",
        version: 2,
    };

    #[derive(Debug, PartialEq, Serialize, serde::Deserialize)]
    struct Record {
        version: u32,
        name: String,
    }

    fn record(version: u32) -> Record {
        Record {
            version,
            name: "a".into(),
        }
    }

    #[test]
    fn what_is_stored_is_loaded_until_it_is_removed() {
        let root = tempfile::tempdir().unwrap();
        let host = LocalHost::with_root(root.path());
        let load = || FILE.load::<Record>(&host).unwrap();
        assert_eq!(load(), None);
        assert_eq!(FILE.store(&host, &record(2)).unwrap(), Change::Created);
        assert_eq!(FILE.store(&host, &record(2)).unwrap(), Change::Unchanged);
        assert_eq!(load(), Some(record(2)));
        let path = root.path().join("etc/smbgw/some.json");
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text, FILE.text(&record(2)).unwrap());
        assert!(text.ends_with("}\n"));
        // A former form is still understood.
        FILE.store(&host, &record(1)).unwrap();
        assert_eq!(load(), Some(record(1)));
        FILE.remove(&host).unwrap();
        assert!(!root.path().join("etc/smbgw").exists());
        assert_eq!(FILE.remove(&host).unwrap(), Change::Unchanged);
    }

    #[test]
    fn others_in_its_directory_stay() {
        let root = tempfile::tempdir().unwrap();
        let host = LocalHost::with_root(root.path());
        FILE.store(&host, &record(2)).unwrap();
        std::fs::write(root.path().join("etc/smbgw/other"), "").unwrap();
        FILE.remove(&host).unwrap();
        assert!(root.path().join("etc/smbgw/other").exists());
    }

    #[test]
    fn a_newer_form_is_told_even_where_the_rest_is_not_understood() {
        let root = tempfile::tempdir().unwrap();
        let host = LocalHost::with_root(root.path());
        FILE.store(&host, &record(2)).unwrap();
        for (text, code) in [
            ("{\"version\":3,\"name\":[]}", "cluster.too-new"),
            ("{\"version\":2,\"name\":[]}", "cluster.malformed"),
            ("{\"name\":\"a\"}", "cluster.malformed"),
            ("", "cluster.malformed"),
        ] {
            std::fs::write(root.path().join("etc/smbgw/some.json"), text).unwrap();
            let error = FILE.load::<Record>(&host).unwrap_err();
            assert_eq!(error.code(), code, "{text}");
            assert!(error.to_string().contains(FILE.path), "{error}");
        }
    }
}
