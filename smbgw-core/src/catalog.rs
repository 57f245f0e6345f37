//! The shares this machine is meant to have: one small JSON file each.
//!
//! A record is the desired state with all that is needed to find the share's parts again. Samba's
//! definitions are rendered from the records ([`crate::definition`]); nothing reads them back.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::account::UserName;
use crate::change::Change;
use crate::host::{Host, create_dirs};
use crate::layout::{self, CATALOG_DIR};
use crate::ports::Volume;
use crate::share::{ShareName, ShareSpec};
use crate::state_error::{StateError, StateKind};

/// The version of the record's form that this program writes.
const VERSION: u32 = 1;

/// One share as it is meant to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShareRecord {
    /// The form of this record.
    version: u32,
    /// What was asked for.
    pub spec: ShareSpec,
    /// Where the data is.
    pub volume: Volume,
    /// Directories above the volume that were made for it, the outermost first.
    #[serde(default)]
    pub made_directories: Vec<PathBuf>,
    /// Accounts that were made for it.
    #[serde(default)]
    pub made_accounts: Vec<UserName>,
    /// The program that tells Samba the free space of the share, where the file system's own answer
    /// ignores the limit (smb.conf(5), `dfree command`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub free_space_command: Option<PathBuf>,
    /// When it was made, in seconds since 1970-01-01 00:00 UTC.
    pub created_at: i64,
}

impl ShareRecord {
    /// The record of a share made at `created_at`.
    pub fn new(spec: ShareSpec, volume: Volume, created_at: i64) -> Self {
        Self {
            version: VERSION,
            spec,
            volume,
            made_directories: Vec::new(),
            made_accounts: Vec::new(),
            free_space_command: None,
            created_at,
        }
    }

    /// The share's name.
    pub fn name(&self) -> &ShareName {
        &self.spec.name
    }
}

/// All records, ordered by folded name.
///
/// # Errors
/// Where a record cannot be read or is not in the form of a record.
pub fn load_all(host: &dyn Host) -> Result<Vec<ShareRecord>, StateError> {
    let dir = Path::new(CATALOG_DIR);
    let names = host.list(dir)?;
    let records = names
        .iter()
        .filter(|name| name.ends_with(".json") && !name.starts_with('.'));
    let mut all = Vec::with_capacity(names.len());
    for name in records {
        // A record that vanished since the listing belongs to a share just deleted.
        all.extend(load_file(host, &dir.join(name))?);
    }
    Ok(all)
}

/// The record of the share `name`, or `None` where there is no such share.
///
/// # Errors
/// Where the record cannot be read or is not in the form of a record.
pub fn load(host: &dyn Host, name: &ShareName) -> Result<Option<ShareRecord>, StateError> {
    load_file(host, &layout::catalog_file(&name.key()))
}

/// Writes `record`, whether or not there is one for its share.
///
/// # Errors
/// Where the file cannot be written.
pub fn store(host: &dyn Host, record: &ShareRecord) -> Result<Change, StateError> {
    create_dirs(host, Path::new(CATALOG_DIR), 0o755)?;
    let path = layout::catalog_file(&record.name().key());
    let mut text =
        serde_json::to_string_pretty(record).map_err(|source| StateError::Malformed {
            kind: StateKind::Record,
            path: path.clone(),
            source,
        })?;
    text.push('\n');
    Ok(host.write(&path, text.as_bytes(), 0o644)?)
}

/// Removes the record of the share `name`, and the directory of records with the last one.
///
/// # Errors
/// Where the file cannot be removed.
pub fn remove(host: &dyn Host, name: &ShareName) -> Result<Change, StateError> {
    let change = host.remove(&layout::catalog_file(&name.key()))?;
    let dir = Path::new(CATALOG_DIR);
    // The upper one may be there without the lower one, where making that failed.
    for dir in [Some(dir), dir.parent()].into_iter().flatten() {
        host.remove_dir(dir)?;
    }
    Ok(change)
}

fn load_file(host: &dyn Host, path: &Path) -> Result<Option<ShareRecord>, StateError> {
    let Some(content) = host.read(path)? else {
        return Ok(None);
    };
    let record: ShareRecord =
        serde_json::from_slice(&content).map_err(|source| StateError::Malformed {
            kind: StateKind::Record,
            path: path.into(),
            source,
        })?;
    if record.version > VERSION {
        return Err(StateError::TooNew {
            kind: StateKind::Record,
            path: path.into(),
            version: record.version,
        });
    }
    Ok(Some(record))
}
