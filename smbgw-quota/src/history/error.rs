//! What can go wrong with the history.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::{Error, ErrorCode};
use smbgw_core::error::{Coded, ErrorKind};

/// `SQLITE_IOERR_SHMSIZE`: the index of the log cannot grow, which it does only by allocating.
const INDEX_CANNOT_GROW: i32 = 10 | (19 << 8);

/// Why usage could not be remembered or looked up.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// There is no history yet.
    #[error("there is no history at `{}`", path.display())]
    Missing {
        /// Where it would be.
        path: PathBuf,
    },
    /// A file could not be made, moved or looked at.
    #[error("cannot {action} `{}`", path.display())]
    File {
        /// What was tried, such as `create`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is damaged, or is no database at all.
    #[error("the history `{}` is damaged: {reason}", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What SQLite found.
        reason: String,
    },
    /// The file is a database of another program.
    #[error("`{}` is a database of something else", path.display())]
    NotOurs {
        /// The file.
        path: PathBuf,
    },
    /// The file was written by a newer version of this program.
    #[error("the history `{}` has version {version}, which this program does not know yet", path.display())]
    TooNew {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: i64,
    },
    /// The file was written by an older version of this program, and may only be read here.
    #[error("the history `{}` has version {version} and was not brought up to date yet", path.display())]
    Outdated {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: i64,
    },
    /// The file system has no space left; nothing of what was to be written is there.
    #[error("no space is left for the history `{}`", path.display())]
    Full {
        /// The file.
        path: PathBuf,
    },
    /// Another process kept the history locked for too long.
    #[error("the history `{}` is locked by another process", path.display())]
    Busy {
        /// The file.
        path: PathBuf,
    },
    /// SQLite failed otherwise.
    #[error("the history `{}` cannot be used", path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
}

impl HistoryError {
    /// The error of a file operation.
    pub(super) fn file(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self::File {
            action,
            path: path.into(),
            source,
        }
    }

    /// What an error of SQLite means for the history at `path`.
    pub(super) fn database(path: &Path, source: rusqlite::Error) -> Self {
        let path = path.to_path_buf();
        if source.sqlite_extended_error_code() == Some(INDEX_CANNOT_GROW) {
            return Self::Full { path };
        }
        match source.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Corrupt {
                path,
                reason: source.to_string(),
            },
            // What is there cannot have been written by `record`.
            None if matches!(
                source,
                Error::IntegralValueOutOfRange(..)
                    | Error::InvalidColumnType(..)
                    | Error::FromSqlConversionFailure(..)
                    | Error::QueryReturnedNoRows
            ) =>
            {
                Self::Corrupt {
                    path,
                    reason: source.to_string(),
                }
            }
            Some(ErrorCode::DiskFull) => Self::Full { path },
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy { path },
            _ => Self::Database { path, source },
        }
    }
}

impl Coded for HistoryError {
    fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "history.missing",
            Self::File { .. } => "history.file",
            Self::Corrupt { .. } => "history.corrupt",
            Self::NotOurs { .. } => "history.not-ours",
            Self::TooNew { .. } => "history.too-new",
            Self::Outdated { .. } => "history.outdated",
            Self::Full { .. } => "history.full",
            Self::Busy { .. } => "history.busy",
            Self::Database { .. } => "history.database",
        }
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::Missing { .. } => ErrorKind::NotFound,
            Self::NotOurs { .. } | Self::Busy { .. } => ErrorKind::Conflict,
            _ => ErrorKind::Failed,
        }
    }

    fn remedy(&self) -> Option<String> {
        match self {
            Self::Missing { .. } => Some("let the monitor run: it remembers usage".into()),
            Self::File { source, .. } => match source.kind() {
                io::ErrorKind::PermissionDenied => Some("run the program as root".into()),
                io::ErrorKind::ReadOnlyFilesystem => Some("mount the file system writable".into()),
                _ => None,
            },
            Self::Corrupt { .. } => {
                Some("restart the monitor: it moves the file aside and begins a new one".into())
            }
            Self::NotOurs { path } => Some(format!("move `{}` away", path.display())),
            Self::TooNew { .. } => Some("use the newer version of this program".into()),
            Self::Outdated { .. } => {
                Some("restart the monitor: it brings the file up to date".into())
            }
            Self::Full { path } => Some(format!(
                "free space on the file system of `{}`, or keep usage for fewer days",
                path.display()
            )),
            Self::Busy { .. } => Some("try again".into()),
            Self::Database { .. } => None,
        }
    }
}
