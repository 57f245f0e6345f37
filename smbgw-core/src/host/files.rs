//! Files on a host: what can be known of them and what can go wrong.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{Coded, ErrorKind};
use crate::host::remote::LinkError;

/// The largest file that is read whole, in bytes.
pub const LARGEST_FILE: u64 = 64 << 20;

/// What kind of thing is at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A device, socket or pipe.
    Special,
}

/// What is known of the thing at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileStatus {
    /// Its kind.
    pub kind: FileKind,
    /// Permission bits with set-id and sticky bits (`07777`).
    pub mode: u32,
    /// Its owner.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
    /// Its size in bytes.
    pub size: u64,
    /// The device number of its file system.
    pub device: u64,
    /// Its inode number.
    pub inode: u64,
    /// When its content or what is said here last changed, as its file system tells (`st_ctim` in
    /// inode(7)): seconds since 1970-01-01 00:00 UTC, and nanoseconds.
    pub changed_at: (i64, u32),
}

/// Why a file could not be read or changed.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} `{}`", path.display())]
pub struct FileError {
    /// What was tried, such as `write`.
    pub action: &'static str,
    /// The path on the host.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

impl FileError {
    /// The error of `action` on `path`.
    pub fn new(action: &'static str, path: &Path, source: impl Into<io::Error>) -> Self {
        Self {
            action,
            path: path.into(),
            source: source.into(),
        }
    }

    /// Whether the file system does not offer what was asked for (`EOPNOTSUPP`, `ENOSYS`).
    pub fn is_unsupported(&self) -> bool {
        let unsupported = [rustix::io::Errno::OPNOTSUPP, rustix::io::Errno::NOSYS];
        self.source
            .raw_os_error()
            .is_some_and(|raw| unsupported.iter().any(|errno| errno.raw_os_error() == raw))
    }

    /// Why the machine did not say what came of it, where that is what went wrong.
    fn link(&self) -> Option<&LinkError> {
        self.source.get_ref()?.downcast_ref()
    }
}

impl Coded for FileError {
    fn code(&self) -> &'static str {
        self.link().map_or("host.file", LinkError::code)
    }

    fn kind(&self) -> ErrorKind {
        self.link().map_or(ErrorKind::Failed, LinkError::kind)
    }

    fn remedy(&self) -> Option<String> {
        if let Some(link) = self.link() {
            return link.remedy();
        }
        match self.source.kind() {
            io::ErrorKind::PermissionDenied => Some("run the program as root".into()),
            io::ErrorKind::StorageFull => Some("free some space and try again".into()),
            io::ErrorKind::ReadOnlyFilesystem => {
                Some("mount the file system writable, or choose another path".into())
            }
            _ => None,
        }
    }
}
