//! The machine a share lives on: its commands, files, locks and clock.
//!
//! Everything the libraries do to a machine goes through the [`Host`] trait. [`LocalHost`] is the
//! machine the program runs on, [`NamespaceHost`] one made of namespaces on it; guests and other nodes are
//! further implementations.
//! Tests wrap a host in one that fails or stops on demand (feature `testing`).

pub mod cmd;
pub mod files;
pub mod local;
pub mod lock;
mod namespaces;
pub mod reach;
pub mod remote;
mod spawn;
mod trusted;

use std::fmt::Debug;
use std::io;
use std::path::{Path, PathBuf};

use crate::change::Change;
use crate::deadline::Deadline;

pub use cmd::{Command, CommandError, Output};
pub use files::{FileError, FileKind, FileStatus};
pub use local::LocalHost;
pub use lock::{Lock, LockError};
pub use namespaces::NamespaceHost;
pub use reach::{Reach, ReachError};
pub use remote::{LinkError, RemoteHost, SshTarget};

/// A machine on which commands run and files are read and changed.
///
/// Paths are absolute paths as that machine sees them. Mutations say what they did, so that only
/// what happened is undone.
pub trait Host: Debug + Sync {
    /// What to call this machine in messages.
    fn name(&self) -> &str;

    /// Whether services and accounts of a running system are behind the files of this host; `false`
    /// for the files of an image or of a test tree.
    fn is_live(&self) -> bool;

    /// The path under which this very process reaches `path` of the host, where it can: file
    /// system calls that have no command line tool use it.
    fn local_path(&self, path: &Path) -> Option<PathBuf>;

    /// The absolute path of the program `name`, looked for in the fixed tool directories.
    ///
    /// # Errors
    /// [`CommandError::NotInstalled`] where none of the directories has it.
    fn tool(&self, name: &'static str) -> Result<PathBuf, CommandError>;

    /// Runs `command` to its end and returns its output if it exited with status 0.
    ///
    /// # Errors
    /// Any [`CommandError`]; a command still running at the deadline is killed with its whole
    /// process group.
    fn run(&self, command: &Command, deadline: Deadline) -> Result<Output, CommandError>;

    /// The content of the file at `path`, or `None` where there is none.
    ///
    /// # Errors
    /// Where the file cannot be read or is larger than [`files::LARGEST_FILE`].
    fn read(&self, path: &Path) -> Result<Option<Vec<u8>>, FileError>;

    /// What is at `path` (not following a symbolic link there), or `None` where nothing is.
    ///
    /// # Errors
    /// Where the path cannot be looked at.
    fn status(&self, path: &Path) -> Result<Option<FileStatus>, FileError>;

    /// The names in the directory at `path`, sorted; empty where there is no such directory.
    ///
    /// # Errors
    /// Where the directory cannot be read.
    fn list(&self, path: &Path) -> Result<Vec<String>, FileError>;

    /// The files in the directory at `path` whose names end in `suffix`, hidden ones left out: each
    /// name with its content, sorted by name. Nothing where there is no such directory.
    ///
    /// # Errors
    /// Where the directory or one of the files cannot be read.
    fn read_files(&self, path: &Path, suffix: &str) -> Result<Vec<(String, Vec<u8>)>, FileError> {
        let mut files = Vec::new();
        for name in self.list(path)? {
            if name.ends_with(suffix)
                && !name.starts_with('.')
                // One that vanished since the listing was removed by another process.
                && let Some(content) = self.read(&path.join(&name))?
            {
                files.push((name, content));
            }
        }
        Ok(files)
    }

    /// Replaces the content of the file at `path` atomically and durably: after a crash it holds
    /// either the old or the new bytes. An existing file keeps owner, mode and extended attributes;
    /// a new one gets `mode`. Content that is equal already is left alone.
    ///
    /// # Errors
    /// Where any step fails; the file is then as it was.
    fn write(&self, path: &Path, content: &[u8], mode: u32) -> Result<Change, FileError>;

    /// Adds `line` and a line feed to the end of the file at `path` and makes it durable.
    ///
    /// # Errors
    /// Where any step fails; the file is then cut back to what it was.
    fn append(&self, path: &Path, line: &[u8], mode: u32) -> Result<(), FileError>;

    /// Removes the file at `path` and makes that durable.
    ///
    /// # Errors
    /// Where it is there and cannot be removed.
    fn remove(&self, path: &Path) -> Result<Change, FileError>;

    /// Removes what a [`write`](Host::write) of `path` left that was interrupted by a crash.
    ///
    /// # Errors
    /// Where it is there and cannot be removed.
    fn remove_temporary(&self, path: &Path) -> Result<Change, FileError>;

    /// Makes the directory at `path`; its parent has to exist.
    ///
    /// # Errors
    /// Where it cannot be made, or something else is there.
    fn create_dir(&self, path: &Path, mode: u32) -> Result<Change, FileError>;

    /// Removes the directory at `path` if it is empty; a directory with content, or at which a file
    /// system is mounted, is left alone.
    ///
    /// # Errors
    /// Where it is there, empty, and cannot be removed.
    fn remove_dir(&self, path: &Path) -> Result<Change, FileError>;

    /// Removes everything below the directory at `path`, staying on its file system and following
    /// no symbolic link; the directory itself remains.
    ///
    /// # Errors
    /// Where something below cannot be removed.
    fn empty_dir(&self, path: &Path, deadline: Deadline) -> Result<Change, FileError>;

    /// Sets owner and group of `path`, which must not be a symbolic link.
    ///
    /// # Errors
    /// Where the owner cannot be changed.
    fn set_owner(&self, path: &Path, uid: u32, gid: u32) -> Result<Change, FileError>;

    /// Sets the permission bits of `path`, which must not be a symbolic link.
    ///
    /// # Errors
    /// Where the mode cannot be changed.
    fn set_mode(&self, path: &Path, mode: u32) -> Result<Change, FileError>;

    /// The extended attribute `name` of `path`, or `None` where it has none.
    ///
    /// # Errors
    /// Where attributes cannot be read; [`FileError::is_unsupported`] where the file system has
    /// none.
    fn xattr(&self, path: &Path, name: &str) -> Result<Option<Vec<u8>>, FileError>;

    /// Sets the extended attribute `name` of `path`, or removes it for `None`.
    ///
    /// # Errors
    /// Where the attribute cannot be changed; [`FileError::is_unsupported`] where the file system
    /// has none.
    fn set_xattr(&self, path: &Path, name: &str, value: Option<&[u8]>)
    -> Result<Change, FileError>;

    /// Takes the lock `name` for this process, waiting for another holder until the deadline.
    ///
    /// # Errors
    /// [`LockError::Held`] naming the holder where the deadline passes first.
    fn lock(&self, name: &str, purpose: &str, deadline: Deadline) -> Result<Lock, LockError>;

    /// Has `work` run where the sockets it makes are those of this machine. It has run once, and its
    /// thread has ended, when this returns.
    ///
    /// # Errors
    /// [`Unsupported`](io::ErrorKind::Unsupported) where no process of this kernel is on the network of that
    /// machine, or there are its files alone. `work` has not run then.
    fn on_network(&self, work: &mut (dyn FnMut() + Send)) -> io::Result<()> {
        let _ = work;
        Err(no_network(self.name()))
    }

    /// Seconds since 1970-01-01 00:00 UTC.
    fn now(&self) -> i64 {
        jiff::Timestamp::now().as_second()
    }
}

/// The error of [`Host::on_network`] where that cannot be.
fn no_network(of: &str) -> io::Error {
    let why = format!("the network of {of} cannot be used from here");
    io::Error::new(io::ErrorKind::Unsupported, why)
}

/// Makes the directory at `path` and every missing one above it, and returns those it made, the
/// outermost first.
///
/// # Errors
/// Where one of them cannot be made; those made before it remain.
pub fn create_dirs(host: &dyn Host, path: &Path, mode: u32) -> Result<Vec<PathBuf>, FileError> {
    let mut made = Vec::new();
    for dir in missing_dirs(host, path)? {
        if host.create_dir(&dir, mode)?.happened() {
            made.push(dir);
        }
    }
    Ok(made)
}

/// The directories at and above `path` that do not exist, the outermost first.
///
/// # Errors
/// Where the path cannot be looked at.
pub fn missing_dirs(host: &dyn Host, path: &Path) -> Result<Vec<PathBuf>, FileError> {
    let mut missing = Vec::new();
    for dir in path.ancestors() {
        if host.status(dir)?.is_some() {
            break;
        }
        missing.push(dir.to_path_buf());
    }
    missing.reverse();
    Ok(missing)
}
