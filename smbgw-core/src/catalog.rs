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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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

/// All records as they were at one moment, for who needs them again a little later.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    records: Vec<ShareRecord>,
    /// When the directory of records had last changed; `None` where that was a moment before, so
    /// that a further change could have got the same time.
    unchanged_since: Option<(i64, u32)>,
}

impl Snapshot {
    /// The records as they are.
    ///
    /// # Errors
    /// As those of [`load_all`].
    pub fn take(host: &dyn Host) -> Result<Self, StateError> {
        let before = host.now();
        let changed_at = directory_changed_at(host)?;
        Ok(Self {
            records: load_all(host)?,
            // Some file systems count whole seconds.
            unchanged_since: changed_at.filter(|(seconds, _)| seconds + 1 < before),
        })
    }

    /// The records, ordered as by [`load_all`].
    pub fn records(&self) -> &[ShareRecord] {
        &self.records
    }

    /// The records as they are with `record` stored, by whoever holds the configuration lock.
    ///
    /// They are read again only if one was written since: each is replaced by renaming a file,
    /// which changes the directory.
    pub(crate) fn store(
        this: Option<&Self>,
        host: &dyn Host,
        record: &ShareRecord,
    ) -> Result<Vec<ShareRecord>, StateError> {
        let known = match this {
            Some(this) if this.is_current(host)? => Some(this.records.clone()),
            _ => None,
        };
        store(host, record)?;
        let Some(mut records) = known else {
            return load_all(host);
        };
        let file = |record: &ShareRecord| layout::catalog_file(&record.name().key());
        let this = file(record);
        match records.binary_search_by(|other| file(other).cmp(&this)) {
            Ok(index) => records[index] = record.clone(),
            Err(index) => records.insert(index, record.clone()),
        }
        Ok(records)
    }

    fn is_current(&self, host: &dyn Host) -> Result<bool, StateError> {
        Ok(self.unchanged_since.is_some() && self.unchanged_since == directory_changed_at(host)?)
    }
}

fn directory_changed_at(host: &dyn Host) -> Result<Option<(i64, u32)>, StateError> {
    let status = host.status(Path::new(CATALOG_DIR))?;
    Ok(status.map(|status| status.changed_at))
}

/// All records, ordered by folded name.
///
/// # Errors
/// Where a record cannot be read or is not in the form of a record.
pub fn load_all(host: &dyn Host) -> Result<Vec<ShareRecord>, StateError> {
    let dir = Path::new(CATALOG_DIR);
    let files = host.read_files(dir, ".json")?;
    let mut all = Vec::with_capacity(files.len());
    for (name, content) in files {
        all.push(parse(&content, || dir.join(&name))?);
    }
    Ok(all)
}

/// The record of the share `name`, or `None` where there is no such share.
///
/// # Errors
/// Where the record cannot be read or is not in the form of a record.
pub fn load(host: &dyn Host, name: &ShareName) -> Result<Option<ShareRecord>, StateError> {
    let path = layout::catalog_file(&name.key());
    let content = host.read(&path)?;
    content
        .map(|content| parse(&content, || path.clone()))
        .transpose()
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

fn parse(content: &[u8], path: impl Fn() -> PathBuf) -> Result<ShareRecord, StateError> {
    let kind = StateKind::Record;
    let record: ShareRecord =
        serde_json::from_slice(content).map_err(|source| StateError::Malformed {
            kind,
            path: path(),
            source,
        })?;
    if record.version > VERSION {
        return Err(StateError::TooNew {
            kind,
            path: path(),
            version: record.version,
        });
    }
    Ok(record)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::LocalHost;
    use crate::ports::{Filesystem, Handle, Origin};
    use crate::share::ShareDraft;
    use crate::testing::{Faults, FaultyHost};

    fn record(name: &str) -> ShareRecord {
        let path = format!("/srv/{name}");
        let draft = ShareDraft {
            name: name.into(),
            path: Some(path.clone()),
            quota: Some("1G".into()),
            users: vec!["alice".into()],
            ..ShareDraft::default()
        };
        let volume = Volume {
            path: path.into(),
            filesystem: Filesystem::Btrfs,
            handle: Handle::Subvolume,
            origin: Origin::Created,
        };
        ShareRecord::new(draft.check().unwrap(), volume, 0)
    }

    /// What `Snapshot::store` gives for `name`, of a snapshot taken `seconds` after the records were
    /// last changed, and one that was changed behind it.
    fn stored(name: &str, seconds: i64, meanwhile: Option<&str>) -> (Vec<String>, bool) {
        let dir = tempfile::tempdir().unwrap();
        let local = LocalHost::with_root(dir.path());
        for name in ["b-2", "b", "d"] {
            store(&local, &record(name)).unwrap();
        }
        let faults = Faults::default();
        let host = FaultyHost::new(&local, &faults).at_time(local.now() + seconds);
        let snapshot = Snapshot::take(&host).unwrap();
        if let Some(name) = meanwhile {
            store(&local, &record(name)).unwrap();
        }
        let current = snapshot.is_current(&host).unwrap();
        let all = Snapshot::store(Some(&snapshot), &host, &record(name)).unwrap();
        assert_eq!(all, load_all(&host).unwrap());
        (
            all.iter().map(|one| one.name().to_string()).collect(),
            current,
        )
    }

    #[test]
    fn a_record_of_before_there_were_methods_lets_in_everybody_it_names() {
        let dir = tempfile::tempdir().unwrap();
        let host = LocalHost::with_root(dir.path());
        let now = record("old");
        store(&host, &now).unwrap();
        let path = dir.path().join("etc/smbgw/shares/old.json");
        let text = std::fs::read_to_string(&path).unwrap();
        let before = text.replace("    \"auth\": \"hybrid\",\n", "");
        assert_ne!(before, text);
        std::fs::write(&path, before).unwrap();
        assert_eq!(load(&host, now.name()).unwrap(), Some(now));
    }

    #[test]
    fn a_snapshot_saves_reading_while_nothing_changes() {
        for name in ["a", "b-1", "c", "e"] {
            let (all, current) = stored(name, 60, None);
            assert!(current, "{name}");
            assert_eq!(all.len(), 4);
        }
        assert_eq!(stored("b", 60, None).0, ["b-2", "b", "d"]);
    }

    #[test]
    fn what_came_meanwhile_is_read() {
        let (all, current) = stored("a", 60, Some("c"));
        assert!(!current);
        assert_eq!(all, ["a", "b-2", "b", "c", "d"]);
    }

    #[test]
    fn a_change_just_before_makes_a_snapshot_worthless() {
        assert!(!stored("a", 0, None).1);
    }
}
