//! Files that hold one thing as JSON, with the version of its form.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::error::AlertError;
use crate::change::Change;
use crate::host::{FileError, Host, create_dirs};

/// A file of this project's state, readable by root alone.
#[derive(Clone, Copy, Debug)]
pub(super) struct Versioned {
    pub(super) path: &'static str,
    /// What it is for, such as `the state of alerts`.
    pub(super) what: &'static str,
    /// The version of the form that this program writes.
    pub(super) version: u32,
}

#[derive(Deserialize)]
struct Head {
    version: u32,
}

#[derive(Serialize)]
struct Whole<'a, T> {
    version: u32,
    #[serde(flatten)]
    body: &'a T,
}

impl Versioned {
    pub(super) fn read(&self, host: &dyn Host) -> Result<Option<Vec<u8>>, FileError> {
        host.read(Path::new(self.path))
    }

    /// What `content` says.
    pub(super) fn parse<T: DeserializeOwned>(&self, content: &[u8]) -> Result<T, AlertError> {
        let malformed = |source| AlertError::Malformed {
            what: self.what,
            path: self.path.into(),
            source,
        };
        // A newer form need not be readable beyond its version.
        let Head { version } = serde_json::from_slice(content).map_err(malformed)?;
        if version > self.version {
            return Err(AlertError::TooNew {
                what: self.what,
                path: self.path.into(),
                version,
            });
        }
        serde_json::from_slice(content).map_err(malformed)
    }

    /// The content of the file that says `body`.
    pub(super) fn text<T: Serialize>(&self, body: &T) -> Result<Vec<u8>, AlertError> {
        let version = self.version;
        let whole = Whole { version, body };
        let mut text =
            serde_json::to_vec_pretty(&whole).map_err(|source| AlertError::Malformed {
                what: self.what,
                path: self.path.into(),
                source,
            })?;
        text.push(b'\n');
        Ok(text)
    }

    pub(super) fn write(&self, host: &dyn Host, content: &[u8]) -> Result<Change, FileError> {
        let path = Path::new(self.path);
        if let Some(dir) = path.parent() {
            create_dirs(host, dir, 0o700)?;
        }
        host.write(path, content, 0o600)
    }

    pub(super) fn remove(&self, host: &dyn Host) -> Result<Change, FileError> {
        host.remove(Path::new(self.path))
    }

    /// Keeps `content`, which cannot be used, beside the file, in place of what was kept before.
    /// `None` where that fails: it then does not stop anything.
    pub(super) fn keep_aside(&self, host: &dyn Host, content: &[u8]) -> Option<PathBuf> {
        let aside = PathBuf::from(format!("{}.damaged", self.path));
        match host.write(&aside, content, 0o600) {
            Ok(_) => Some(aside),
            Err(error) => {
                tracing::warn!(%error, "a damaged file is not kept");
                None
            }
        }
    }
}
