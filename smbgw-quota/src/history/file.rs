//! The files of a history: made for root alone, opened, and moved aside.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags};

use super::error::HistoryError;
use super::schema::{self, Standing};

/// How long a lock of another process is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// The size that the log is cut back to, in bytes, when all of it is in the database.
const LOG_SIZE: i64 = 8 * 1024 * 1024;

/// Pages that are kept in memory, in KiB: more made no pass over 1,000 series faster.
const CACHE_KIB: i64 = 2 * 1024;

/// What stands beside the database: the log and its index.
const BESIDE: [&str; 2] = ["-wal", "-shm"];

/// How many damaged files are kept.
const ASIDES: usize = 3;

/// Opens the history at `path` to write, making it, or bringing it up to date, where needed.
///
/// # Errors
/// [`HistoryError::Corrupt`] where it is damaged.
pub(super) fn open(path: &Path, steps: &[&str]) -> Result<Connection, HistoryError> {
    create(path)?;
    let open = || -> rusqlite::Result<(Connection, Standing)> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut db = Connection::open_with_flags(path, flags)?;
        db.busy_timeout(PATIENCE)?;
        if fs::metadata(path).is_ok_and(|file| file.len() == 0) {
            // Later this has no effect.
            db.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
        }
        db.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
        // A power cut may cost the last passes, never the file.
        db.pragma_update(None, "synchronous", "NORMAL")?;
        db.pragma_update_and_check(None, "journal_size_limit", LOG_SIZE, |_| Ok(()))?;
        prepare(&db)?;
        let standing = schema::migrate(&mut db, steps)?;
        Ok((db, standing))
    };
    let (db, standing) = open().map_err(|error| HistoryError::database(path, error))?;
    match standing {
        Standing::Empty | Standing::Older(_) | Standing::Current => whole(db, path),
        Standing::Newer(version) => Err(HistoryError::TooNew {
            path: path.into(),
            version,
        }),
        Standing::NotOurs => Err(HistoryError::NotOurs { path: path.into() }),
    }
}

/// Opens the history at `path` to read.
pub(super) fn open_read_only(path: &Path) -> Result<Connection, HistoryError> {
    let missing = || HistoryError::Missing { path: path.into() };
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(missing()),
        Err(error) => return Err(HistoryError::file("look at", path, error)),
        Ok(_) => {}
    }
    let open = || -> rusqlite::Result<(Connection, Standing)> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let db = Connection::open_with_flags(path, flags)?;
        db.busy_timeout(PATIENCE)?;
        prepare(&db)?;
        let standing = schema::standing(&db, schema::STEPS)?;
        Ok((db, standing))
    };
    let (db, standing) = open().map_err(|error| HistoryError::database(path, error))?;
    match standing {
        Standing::Current => whole(db, path),
        // Between being made and being filled.
        Standing::Empty => Err(missing()),
        Standing::Older(version) => Err(HistoryError::Outdated {
            path: path.into(),
            version,
        }),
        Standing::Newer(version) => Err(HistoryError::TooNew {
            path: path.into(),
            version,
        }),
        Standing::NotOurs => Err(HistoryError::NotOurs { path: path.into() }),
    }
}

/// Which file is at `path`, by device and number.
pub(super) fn identity(path: &Path) -> Option<(u64, u64)> {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.dev(), metadata.ino()))
}

/// Moves the history at `path` aside, with what stands beside it, and says where it is now.
pub(super) fn move_aside(path: &Path) -> Result<PathBuf, HistoryError> {
    let now = Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
    let name = |number: u32| match number {
        0 => with_suffix(path, &format!(".corrupt-{now}")),
        _ => with_suffix(path, &format!(".corrupt-{now}-{number}")),
    };
    let aside = (0..)
        .map(name)
        .find(|aside| fs::symlink_metadata(aside).is_err())
        .unwrap_or_else(|| name(0));
    // The log first: one that stayed would be taken for that of the new file.
    for suffix in BESIDE.into_iter().rev() {
        let from = with_suffix(path, suffix);
        match fs::rename(&from, with_suffix(&aside, suffix)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(HistoryError::file("move aside", &from, error));
            }
            _ => {}
        }
    }
    fs::rename(path, &aside).map_err(|error| HistoryError::file("move aside", path, error))?;
    remove_old_asides(path);
    Ok(aside)
}

/// Removes what was moved aside before, but for the newest [`ASIDES`]. What cannot be removed stays.
fn remove_old_asides(path: &Path) {
    let (Some(dir), Some(name)) = (path.parent(), path.file_name()) else {
        return;
    };
    let prefix = format!("{}.corrupt-", name.to_string_lossy());
    let mut asides: Vec<_> = fs::read_dir(dir)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            name.starts_with(&prefix) && !BESIDE.iter().any(|suffix| name.ends_with(suffix))
        })
        // When it was moved, which changes no other time of the file.
        .filter_map(|entry| {
            let metadata = entry.metadata().ok()?;
            Some((metadata.ctime(), metadata.ctime_nsec(), entry.path()))
        })
        .collect();
    asides.sort();
    let old = asides.len().saturating_sub(ASIDES);
    for (_, _, aside) in asides.iter().take(old) {
        for suffix in BESIDE.iter().chain(&[""]) {
            let file = with_suffix(aside, suffix);
            match fs::remove_file(&file) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    tracing::warn!(file = %file.display(), %error, "not removed");
                }
                _ => {}
            }
        }
    }
}

/// Bytes of the database, its log and the log's index together.
pub(super) fn size(path: &Path) -> Result<u64, HistoryError> {
    let mut total = 0;
    for suffix in ["", "-wal", "-shm"] {
        let file = with_suffix(path, suffix);
        match fs::metadata(&file) {
            Ok(metadata) => total += metadata.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(HistoryError::file("look at", &file, error)),
        }
    }
    Ok(total)
}

fn create(path: &Path) -> Result<(), HistoryError> {
    if let Some(dir) = path.parent() {
        DirBuilder::new()
            .recursive(true)
            .mode(0o755)
            .create(dir)
            .map_err(|error| HistoryError::file("create", dir, error))?;
    }
    // SQLite gives the files beside it the same mode.
    let made = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    match made {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            Err(HistoryError::file("create", path, error))
        }
        _ => Ok(()),
    }
}

fn prepare(db: &Connection) -> rusqlite::Result<()> {
    db.pragma_update(None, "cache_size", -CACHE_KIB)?;
    // No files in /tmp, which a service may not have.
    db.pragma_update(None, "temp_store", "MEMORY")?;
    db.set_prepared_statement_cache_capacity(64);
    Ok(())
}

/// The connection, if all its tables are there; a damaged first page can hide them.
fn whole(db: Connection, path: &Path) -> Result<Connection, HistoryError> {
    let damaged = |reason: String| HistoryError::Corrupt {
        path: path.into(),
        reason,
    };
    let tiers = db
        .query_one(
            "SELECT count(*) FROM tier
             WHERE NOT EXISTS (SELECT 1 FROM series, pass, sample, allowance, hourly, daily
                               WHERE false)",
            [],
            |row| row.get::<_, i64>(0),
        )
        .map_err(|error| match HistoryError::database(path, error) {
            // `no such table`
            HistoryError::Database { source, .. } => damaged(source.to_string()),
            other => other,
        })?;
    match tiers {
        3 => Ok(db),
        _ => Err(damaged("its state is missing".into())),
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}
