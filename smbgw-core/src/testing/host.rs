//! A host whose calls can go wrong.

use std::io;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use super::faults::{Faults, Kind};
use crate::change::Change;
use crate::deadline::Deadline;
use crate::host::cmd::Program;
use crate::host::local::temporary_name;
use crate::host::{Command, CommandError, FileError, FileStatus, Host, Lock, LockError, Output};

/// A host that does what another one does, unless its [`Faults`] say otherwise.
#[derive(Clone, Copy, Debug)]
pub struct FaultyHost<'a> {
    inner: &'a dyn Host,
    faults: &'a Faults,
    clock: Option<i64>,
    reached: Option<(&'a Path, Option<&'a Path>)>,
}

impl<'a> FaultyHost<'a> {
    /// `inner`, with the faults of `faults`.
    pub fn new(inner: &'a dyn Host, faults: &'a Faults) -> Self {
        Self {
            inner,
            faults,
            clock: None,
            reached: None,
        }
    }

    /// The same host with a clock that stands still at `seconds` since 1970-01-01 00:00 UTC.
    #[must_use]
    pub fn at_time(self, seconds: i64) -> Self {
        Self {
            clock: Some(seconds),
            ..self
        }
    }

    /// The same host, of which this process reaches `path` at `local`, or not at all.
    #[must_use]
    pub fn reaching(self, path: &'a Path, local: Option<&'a Path>) -> Self {
        Self {
            reached: Some((path, local)),
            ..self
        }
    }

    fn file<T>(
        &self,
        kind: Kind,
        action: &'static str,
        path: &Path,
        work: impl FnOnce() -> Result<T, FileError>,
    ) -> Result<T, FileError> {
        self.file_or_half(kind, action, path, || {}, work)
    }

    fn file_or_half<T>(
        &self,
        kind: Kind,
        action: &'static str,
        path: &Path,
        half: impl FnOnce(),
        work: impl FnOnce() -> Result<T, FileError>,
    ) -> Result<T, FileError> {
        let errno = match kind {
            Kind::Writes => Errno::NOSPC,
            _ => Errno::IO,
        };
        self.faults.around(
            kind,
            || format!("host: {action} {}", path.display()),
            || FileError::new(action, path, errno),
            half,
            work,
        )
    }

    /// Writes half of `content` where a file that replaces `path` is written.
    fn write_half(&self, path: &Path, content: &[u8]) {
        let Some(name) = path.file_name() else { return };
        let temporary = path.with_file_name(temporary_name(Path::new(name)));
        if let Some(local) = self.inner.local_path(&temporary) {
            let _ = std::fs::write(local, &content[..content.len() / 2]);
        }
    }

    /// Adds half of `line` to the end of `path`.
    fn append_half(&self, path: &Path, line: &[u8]) {
        let Some(local) = self.inner.local_path(path) else {
            return;
        };
        if let Ok(mut file) = std::fs::OpenOptions::new().append(true).open(local) {
            let _ = io::Write::write_all(&mut file, &line[..line.len() / 2]);
        }
    }
}

impl Host for FaultyHost<'_> {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn is_live(&self) -> bool {
        self.inner.is_live()
    }

    fn local_path(&self, path: &Path) -> Option<PathBuf> {
        match self.reached {
            Some((changed, local)) if path == changed => local.map(Path::to_path_buf),
            _ => self.inner.local_path(path),
        }
    }

    fn tool(&self, name: &'static str) -> Result<PathBuf, CommandError> {
        self.faults.around(
            Kind::Looks,
            || format!("host: find the program {name}"),
            || CommandError::NotInstalled {
                program: name,
                host: self.name().into(),
            },
            || {},
            || self.inner.tool(name),
        )
    }

    fn run(&self, command: &Command, deadline: Deadline) -> Result<Output, CommandError> {
        self.faults.around(
            kind_of(command),
            || format!("host: run {command}"),
            || CommandError::Failed {
                command: command.to_string(),
                status: "exit status: 1".into(),
                stderr: "this is a fault made for a test".into(),
            },
            || {},
            || self.inner.run(command, deadline),
        )
    }

    fn read(&self, path: &Path) -> Result<Option<Vec<u8>>, FileError> {
        self.file(Kind::Looks, "read", path, || self.inner.read(path))
    }

    fn status(&self, path: &Path) -> Result<Option<FileStatus>, FileError> {
        self.file(Kind::Looks, "look at", path, || self.inner.status(path))
    }

    fn list(&self, path: &Path) -> Result<Vec<String>, FileError> {
        self.file(Kind::Looks, "list", path, || self.inner.list(path))
    }

    fn write(&self, path: &Path, content: &[u8], mode: u32) -> Result<Change, FileError> {
        self.file_or_half(
            Kind::Writes,
            "write",
            path,
            || self.write_half(path, content),
            || self.inner.write(path, content, mode),
        )
    }

    fn append(&self, path: &Path, line: &[u8], mode: u32) -> Result<(), FileError> {
        self.file_or_half(
            Kind::Writes,
            "append to",
            path,
            || self.append_half(path, line),
            || self.inner.append(path, line, mode),
        )
    }

    fn remove(&self, path: &Path) -> Result<Change, FileError> {
        self.file(Kind::Changes, "remove", path, || self.inner.remove(path))
    }

    fn remove_temporary(&self, path: &Path) -> Result<Change, FileError> {
        self.file(Kind::Changes, "remove what a write left of", path, || {
            self.inner.remove_temporary(path)
        })
    }

    fn create_dir(&self, path: &Path, mode: u32) -> Result<Change, FileError> {
        self.file(Kind::Changes, "make directory", path, || {
            self.inner.create_dir(path, mode)
        })
    }

    fn remove_dir(&self, path: &Path) -> Result<Change, FileError> {
        self.file(Kind::Changes, "remove directory", path, || {
            self.inner.remove_dir(path)
        })
    }

    fn empty_dir(&self, path: &Path, deadline: Deadline) -> Result<Change, FileError> {
        self.file(Kind::Changes, "empty", path, || {
            self.inner.empty_dir(path, deadline)
        })
    }

    fn set_owner(&self, path: &Path, uid: u32, gid: u32) -> Result<Change, FileError> {
        self.file(Kind::Changes, "change the owner of", path, || {
            self.inner.set_owner(path, uid, gid)
        })
    }

    fn set_mode(&self, path: &Path, mode: u32) -> Result<Change, FileError> {
        self.file(Kind::Changes, "change the mode of", path, || {
            self.inner.set_mode(path, mode)
        })
    }

    fn xattr(&self, path: &Path, name: &str) -> Result<Option<Vec<u8>>, FileError> {
        self.file(Kind::Looks, "read the attributes of", path, || {
            self.inner.xattr(path, name)
        })
    }

    fn set_xattr(
        &self,
        path: &Path,
        name: &str,
        value: Option<&[u8]>,
    ) -> Result<Change, FileError> {
        self.file(Kind::Changes, "change the attributes of", path, || {
            self.inner.set_xattr(path, name, value)
        })
    }

    fn lock(&self, name: &str, purpose: &str, deadline: Deadline) -> Result<Lock, LockError> {
        self.faults.around(
            Kind::Looks,
            || format!("host: lock {name}"),
            || FileError::new("lock", Path::new(name), Errno::IO).into(),
            || {},
            || self.inner.lock(name, purpose, deadline),
        )
    }

    fn on_network(&self, work: &mut (dyn FnMut() + Send)) -> io::Result<()> {
        self.faults.around(
            Kind::Looks,
            || "host: use the network".into(),
            || io::Error::from(Errno::IO),
            || {},
            || self.inner.on_network(work),
        )
    }

    fn now(&self) -> i64 {
        self.clock.unwrap_or_else(|| self.inner.now())
    }
}

/// What `command` does to the machine.
fn kind_of(command: &Command) -> Kind {
    let has = |word: &str| command.args.iter().any(|arg| arg == word);
    let Program::Tool(program) = command.program else {
        // What an administrator's program does is not known.
        return Kind::Changes;
    };
    let looks = match program {
        "getent" | "testparm" | "smbclient" | "ip" => true,
        "pdbedit" => has("--list"),
        "net" => has("list"),
        "zfs" | "zpool" => ["list", "get", "version", "sync"].into_iter().any(has),
        _ => false,
    };
    if looks { Kind::Looks } else { Kind::Changes }
}
