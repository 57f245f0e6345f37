//! The machine this program runs on, or the tree of an image on it.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{
    self as sys, AtFlags, FileType, FlockOperation, Gid, Mode, OFlags, ResolveFlags, Stat, Uid,
    XattrFlags,
};
use rustix::io::Errno;

use super::cmd::{Command, CommandError, Output, Program};
use super::files::{FileError, FileKind, FileStatus, LARGEST_FILE};
use super::lock::{Held, Lock, LockError};
use super::{Host, spawn, trusted};
use crate::change::Change;
use crate::deadline::Deadline;

/// The machine this program runs on.
///
/// With a root directory, every path is below it, symbolic links in it cannot lead out of it, and
/// the host is not [live](Host::is_live).
#[derive(Debug)]
pub struct LocalHost {
    root: PathBuf,
    live: bool,
    lock_dir: PathBuf,
}

impl Default for LocalHost {
    fn default() -> Self {
        Self::new()
    }
}

impl LocalHost {
    /// The running machine itself.
    pub fn new() -> Self {
        Self {
            root: "/".into(),
            live: true,
            lock_dir: "/run/smbgw".into(),
        }
    }

    /// The tree of files below `root`, such as a mounted image.
    pub fn with_root(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            live: false,
            lock_dir: "/run/smbgw".into(),
        }
    }

    /// Opens the directory that `path` is in and gives the last name of the path.
    fn parent<'p>(
        &self,
        action: &'static str,
        path: &'p Path,
    ) -> Result<(OwnedFd, &'p Path), FileError> {
        let fail = |error: Errno| FileError::new(action, path, error);
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(fail(Errno::INVAL));
        };
        let dir = self
            .open(parent, OFlags::PATH | OFlags::DIRECTORY)
            .map_err(fail)?;
        Ok((dir, Path::new(name)))
    }

    /// The same, or `None` where there is no such directory.
    fn parent_if_there<'p>(
        &self,
        action: &'static str,
        path: &'p Path,
    ) -> Result<Option<(OwnedFd, &'p Path)>, FileError> {
        match self.parent(action, path) {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.source.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Opens `path` below the root; symbolic links on the way are followed inside the root only.
    fn open(&self, path: &Path, flags: OFlags) -> Result<OwnedFd, Errno> {
        let root = sys::open(&self.root, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
        let below = relative(path)?;
        retry(|| {
            let flags = flags | OFlags::CLOEXEC;
            sys::openat2(&root, below, flags, Mode::empty(), ResolveFlags::IN_ROOT)
        })
    }

    fn stat(&self, path: &Path) -> Result<Option<Stat>, Errno> {
        match self.open(path, OFlags::PATH | OFlags::NOFOLLOW) {
            Ok(file) => sys::fstat(file).map(Some),
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// `path`, or where the symbolic link at `path` finally leads to inside the root.
    fn resolved(&self, path: &Path) -> Result<PathBuf, FileError> {
        let fail = |error: Errno| FileError::new("resolve", path, error);
        let is_link = |stat: &Stat| FileType::from_raw_mode(stat.st_mode) == FileType::Symlink;
        match self.stat(path).map_err(fail)? {
            Some(stat) if is_link(&stat) => {
                let target = self.open(path, OFlags::PATH).map_err(fail)?;
                let real = proc_path(&target).map_err(fail)?;
                let root = sys::open(&self.root, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())
                    .and_then(|root| proc_path(&root))
                    .map_err(fail)?;
                let below = real.strip_prefix(&root).map_err(|_| fail(Errno::XDEV))?;
                Ok(Path::new("/").join(below))
            }
            _ => Ok(path.to_path_buf()),
        }
    }

    /// Opens the thing at `path` itself, refusing a symbolic link there.
    fn open_itself(&self, action: &'static str, path: &Path) -> Result<OwnedFd, FileError> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        self.open(path, flags)
            .map_err(|error| FileError::new(action, path, error))
    }
}

impl Host for LocalHost {
    fn name(&self) -> &str {
        "this machine"
    }

    fn is_live(&self) -> bool {
        self.live
    }

    fn local_path(&self, path: &Path) -> Option<PathBuf> {
        Some(self.root.join(relative(path).ok()?))
    }

    fn tool(&self, name: &'static str) -> Result<PathBuf, CommandError> {
        spawn::TOOL_PATH
            .split(':')
            .map(|dir| Path::new(dir).join(name))
            .find(|path| sys::access(path, sys::Access::EXEC_OK).is_ok())
            .ok_or_else(|| CommandError::NotInstalled {
                program: name,
                host: self.name().into(),
            })
    }

    fn run(&self, command: &Command, deadline: Deadline) -> Result<Output, CommandError> {
        let program = match &command.program {
            Program::Tool(name) => self.tool(name)?,
            Program::At(path) => {
                let own = rustix::process::geteuid().as_raw();
                trusted::program(path, command, own, &trusted::look_here)?
            }
        };
        let timeout = deadline.remaining().min(command.timeout);
        tracing::debug!(%command, "run");
        let ending =
            spawn::run(&program, command, deadline.at_most(command.timeout)).map_err(|source| {
                CommandError::Start {
                    command: command.to_string(),
                    source,
                }
            })?;
        match ending {
            spawn::Ending::Exited {
                status,
                stdout,
                stderr,
            } => {
                let code = status.code().unwrap_or(-1);
                if command.accepted.contains(&code) {
                    return Ok(Output {
                        status: code,
                        stdout,
                        stderr,
                    });
                }
                Err(CommandError::failed(command, status, &stdout, &stderr))
            }
            spawn::Ending::TimedOut => Err(CommandError::TimedOut {
                command: command.to_string(),
                after: timeout,
            }),
            spawn::Ending::TooMuchOutput => Err(CommandError::TooMuchOutput {
                command: command.to_string(),
            }),
        }
    }

    fn read(&self, path: &Path) -> Result<Option<Vec<u8>>, FileError> {
        let fail = |error: io::Error| FileError::new("read", path, error);
        match self.open(path, OFlags::RDONLY | OFlags::NONBLOCK) {
            Ok(file) => content_of(file).map(Some).map_err(fail),
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
            Err(error) => Err(fail(error.into())),
        }
    }

    /// With the directory opened once, not for each file of maybe thousands.
    fn read_files(&self, path: &Path, suffix: &str) -> Result<Vec<(String, Vec<u8>)>, FileError> {
        let names = self.list(path)?;
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let dir = match self.open(path, OFlags::PATH | OFlags::DIRECTORY) {
            Ok(dir) => dir,
            Err(Errno::NOENT) => return Ok(Vec::new()),
            Err(error) => return Err(FileError::new("list", path, error)),
        };
        let wanted = |name: &String| name.ends_with(suffix) && !name.starts_with('.');
        let mut files = Vec::with_capacity(names.len());
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        for name in names.into_iter().filter(wanted) {
            let content = match sys::openat(&dir, name.as_str(), flags, Mode::empty()) {
                Ok(file) => content_of(file)
                    .map(Some)
                    .map_err(|error| FileError::new("read", &path.join(&name), error))?,
                // A link is followed inside the root only, and one that vanished is none.
                Err(Errno::LOOP | Errno::NOENT) => self.read(&path.join(&name))?,
                Err(error) => return Err(FileError::new("read", &path.join(&name), error)),
            };
            files.extend(content.map(|content| (name, content)));
        }
        Ok(files)
    }

    fn status(&self, path: &Path) -> Result<Option<FileStatus>, FileError> {
        let stat = self
            .stat(path)
            .map_err(|error| FileError::new("look at", path, error))?;
        Ok(stat.as_ref().map(status_of))
    }

    fn list(&self, path: &Path) -> Result<Vec<String>, FileError> {
        let fail = |error: Errno| FileError::new("list", path, error);
        let dir = match self.open(path, OFlags::RDONLY | OFlags::DIRECTORY) {
            Ok(dir) => dir,
            Err(Errno::NOENT) => return Ok(Vec::new()),
            Err(error) => return Err(fail(error)),
        };
        let mut names = Vec::new();
        for entry in sys::Dir::new(dir).map_err(fail)? {
            let entry = entry.map_err(fail)?;
            let name = entry.file_name().to_string_lossy();
            if name != "." && name != ".." {
                names.push(name.into_owned());
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    fn write(&self, path: &Path, content: &[u8], mode: u32) -> Result<Change, FileError> {
        let path = &self.resolved(path)?;
        let (dir, name) = self.parent("write", path)?;
        let fail = |error: io::Error| FileError::new("write", path, error);
        let temporary = temporary_name(name);
        remove_at(&dir, &temporary).map_err(|error| fail(error.into()))?;
        let before = match self.read(path)? {
            Some(old) if old == content => return Ok(Change::Unchanged),
            Some(_) => Some(self.open_itself("write", path)?),
            None => None,
        };
        let written = write_temporary(&dir, &temporary, content, mode, before.as_ref())
            .and_then(|()| Ok(sys::renameat(&dir, &temporary, &dir, name)?));
        if let Err(error) = written {
            let _ = remove_at(&dir, &temporary);
            return Err(fail(error));
        }
        sync_dir(&dir).map_err(fail)?;
        Ok(if before.is_some() {
            Change::Updated
        } else {
            Change::Created
        })
    }

    fn append(&self, path: &Path, line: &[u8], mode: u32) -> Result<(), FileError> {
        let (dir, name) = self.parent("append to", path)?;
        let fail = |error: io::Error| FileError::new("append to", path, error);
        let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let (file, is_new) = match sys::openat(&dir, name, flags, Mode::empty()) {
            Err(Errno::NOENT) => {
                let flags = flags | OFlags::CREATE | OFlags::EXCL;
                let mode = Mode::from_raw_mode(mode);
                (sys::openat(&dir, name, flags, mode), true)
            }
            opened => (opened, false),
        };
        let mut file = File::from(file.map_err(|error| fail(error.into()))?);
        let mut whole = Vec::with_capacity(line.len() + 1);
        whole.extend_from_slice(line);
        whole.push(b'\n');
        let length = file.metadata().map_err(fail)?.len();
        if let Err(error) = file.write_all(&whole).and_then(|()| file.sync_data()) {
            let _ = file.set_len(length);
            return Err(fail(error));
        }
        if is_new {
            sync_dir(&dir).map_err(fail)?;
        }
        Ok(())
    }

    fn remove(&self, path: &Path) -> Result<Change, FileError> {
        self.remove_temporary(path)?;
        let Some((dir, name)) = self.parent_if_there("remove", path)? else {
            return Ok(Change::Unchanged);
        };
        let fail = |error: io::Error| FileError::new("remove", path, error);
        let change = remove_at(&dir, name).map_err(|error| fail(error.into()))?;
        if change.happened() {
            sync_dir(&dir).map_err(fail)?;
        }
        Ok(change)
    }

    fn remove_temporary(&self, path: &Path) -> Result<Change, FileError> {
        let path = &self.resolved(path)?;
        let Some((dir, name)) = self.parent_if_there("remove", path)? else {
            return Ok(Change::Unchanged);
        };
        remove_at(&dir, &temporary_name(name))
            .map_err(|error| FileError::new("remove", path, error))
    }

    fn create_dir(&self, path: &Path, mode: u32) -> Result<Change, FileError> {
        let (dir, name) = self.parent("make directory", path)?;
        let fail = |error: io::Error| FileError::new("make directory", path, error);
        match sys::mkdirat(&dir, name, Mode::from_raw_mode(mode)) {
            Ok(()) => {
                // The umask of the process has taken bits away.
                self.set_mode(path, mode)?;
                sync_dir(&dir).map_err(fail)?;
                Ok(Change::Created)
            }
            Err(Errno::EXIST) => match self.status(path)? {
                Some(FileStatus {
                    kind: FileKind::Directory,
                    ..
                }) => Ok(Change::Unchanged),
                _ => Err(fail(Errno::EXIST.into())),
            },
            Err(error) => Err(fail(error.into())),
        }
    }

    fn remove_dir(&self, path: &Path) -> Result<Change, FileError> {
        if self.status(path)?.is_none() {
            return Ok(Change::Unchanged);
        }
        let (dir, name) = self.parent("remove directory", path)?;
        match sys::unlinkat(&dir, name, AtFlags::REMOVEDIR) {
            Ok(()) => {
                sync_dir(&dir).map_err(|error| FileError::new("remove directory", path, error))?;
                Ok(Change::Removed)
            }
            // One that something is mounted at is busy, and not for us to remove.
            Err(Errno::NOENT | Errno::NOTEMPTY | Errno::EXIST | Errno::BUSY) => {
                Ok(Change::Unchanged)
            }
            Err(error) => Err(FileError::new("remove directory", path, error)),
        }
    }

    fn empty_dir(&self, path: &Path, deadline: Deadline) -> Result<Change, FileError> {
        let fail = |error: Errno| FileError::new("empty", path, error);
        let dir = match self.open(path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW) {
            Ok(dir) => dir,
            Err(Errno::NOENT) => return Ok(Change::Unchanged),
            Err(error) => return Err(fail(error)),
        };
        let device = sys::fstat(&dir).map_err(fail)?.st_dev;
        let removed = empty_below(dir, device, deadline).map_err(fail)?;
        Ok(if removed {
            Change::Removed
        } else {
            Change::Unchanged
        })
    }

    fn set_owner(&self, path: &Path, uid: u32, gid: u32) -> Result<Change, FileError> {
        let file = self.open_itself("change the owner of", path)?;
        let fail = |error: Errno| FileError::new("change the owner of", path, error);
        let stat = sys::fstat(&file).map_err(fail)?;
        if (stat.st_uid, stat.st_gid) == (uid, gid) {
            return Ok(Change::Unchanged);
        }
        sys::fchown(&file, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid))).map_err(fail)?;
        Ok(Change::Updated)
    }

    fn set_mode(&self, path: &Path, mode: u32) -> Result<Change, FileError> {
        let file = self.open_itself("change the mode of", path)?;
        let fail = |error: Errno| FileError::new("change the mode of", path, error);
        if sys::fstat(&file).map_err(fail)?.st_mode & 0o7777 == mode {
            return Ok(Change::Unchanged);
        }
        sys::fchmod(&file, Mode::from_raw_mode(mode)).map_err(fail)?;
        Ok(Change::Updated)
    }

    fn xattr(&self, path: &Path, name: &str) -> Result<Option<Vec<u8>>, FileError> {
        let file = self.open_itself("read the attributes of", path)?;
        xattr_of(&file, name).map_err(|error| FileError::new("read the attributes of", path, error))
    }

    fn set_xattr(
        &self,
        path: &Path,
        name: &str,
        value: Option<&[u8]>,
    ) -> Result<Change, FileError> {
        if self.xattr(path, name)?.as_deref() == value {
            return Ok(Change::Unchanged);
        }
        let file = self.open_itself("change the attributes of", path)?;
        match value {
            Some(value) => sys::fsetxattr(&file, name, value, XattrFlags::empty()),
            None => sys::fremovexattr(&file, name),
        }
        .map_err(|error| FileError::new("change the attributes of", path, error))?;
        Ok(Change::Updated)
    }

    fn on_network(&self, work: &mut (dyn FnMut() + Send)) -> io::Result<()> {
        if !self.live {
            return Err(super::no_network(self.name()));
        }
        work();
        Ok(())
    }

    fn lock(&self, name: &str, purpose: &str, deadline: Deadline) -> Result<Lock, LockError> {
        super::create_dirs(self, &self.lock_dir, 0o755)?;
        let path = self.lock_dir.join(format!("{name}.lock"));
        let fail = |error: Errno| FileError::new("lock", &path, error);
        loop {
            let (dir, file_name) = self.parent("lock", &path)?;
            let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let file =
                sys::openat(&dir, file_name, flags, Mode::from_raw_mode(0o600)).map_err(fail)?;
            match retry(|| sys::flock(&file, FlockOperation::NonBlockingLockExclusive)) {
                Ok(()) => {
                    let text = format!("process {}, {purpose}\n", std::process::id());
                    sys::ftruncate(&file, 0).map_err(fail)?;
                    rustix::io::pwrite(&file, text.as_bytes(), 0).map_err(fail)?;
                    return Ok(Lock {
                        _held: Held::File(file),
                    });
                }
                Err(Errno::WOULDBLOCK) if deadline.has_passed() => {
                    let mut holder = String::new();
                    let _ = File::from(file).take(200).read_to_string(&mut holder);
                    return Err(LockError::Held {
                        path,
                        holder: holder.trim().into(),
                    });
                }
                Err(Errno::WOULDBLOCK) => {
                    let nap = std::time::Duration::from_millis(10);
                    std::thread::sleep(nap.min(deadline.remaining()));
                }
                Err(error) => return Err(fail(error).into()),
            }
        }
    }
}

/// All that is in the regular file `file`.
fn content_of(file: OwnedFd) -> io::Result<Vec<u8>> {
    let metadata = sys::fstat(&file)?;
    if FileType::from_raw_mode(metadata.st_mode) != FileType::RegularFile {
        return Err(io::Error::other("it is not a regular file"));
    }
    // With room for all of it, it is read at once; one more byte shows the end.
    let length = u64::try_from(metadata.st_size)
        .unwrap_or(0)
        .min(LARGEST_FILE) as usize;
    let mut content = Vec::with_capacity(length + 1);
    File::from(file)
        .take(LARGEST_FILE + 1)
        .read_to_end(&mut content)?;
    if content.len() as u64 > LARGEST_FILE {
        return Err(io::Error::other(format!(
            "it is larger than {LARGEST_FILE} bytes"
        )));
    }
    Ok(content)
}

/// The path below the root that the absolute `path` names.
pub(super) fn relative(path: &Path) -> Result<&Path, Errno> {
    let below = path.strip_prefix("/").map_err(|_| Errno::INVAL)?;
    let mut parts = below.as_os_str().as_bytes().split(|&byte| byte == b'/');
    if parts.any(|part| part == b"..") {
        return Err(Errno::INVAL);
    }
    Ok(if below.as_os_str().is_empty() {
        Path::new(".")
    } else {
        below
    })
}

/// Calls again after an interruption by a signal, and when the path changed while it was resolved.
fn retry<T>(mut call: impl FnMut() -> Result<T, Errno>) -> Result<T, Errno> {
    loop {
        match call() {
            Err(Errno::INTR) => {}
            result => return result,
        }
    }
}

fn proc_path(file: &OwnedFd) -> Result<PathBuf, Errno> {
    use std::os::fd::AsRawFd;
    use std::os::unix::ffi::OsStringExt;
    let link = format!("/proc/self/fd/{}", file.as_raw_fd());
    let target = sys::readlink(link, Vec::new())?;
    Ok(std::ffi::OsString::from_vec(target.into_bytes()).into())
}

fn status_of(stat: &Stat) -> FileStatus {
    let kind = match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => FileKind::File,
        FileType::Directory => FileKind::Directory,
        FileType::Symlink => FileKind::Symlink,
        _ => FileKind::Special,
    };
    FileStatus {
        kind,
        mode: stat.st_mode & 0o7777,
        uid: stat.st_uid,
        gid: stat.st_gid,
        size: u64::try_from(stat.st_size).unwrap_or(0),
        device: stat.st_dev,
        inode: stat.st_ino,
        changed_at: (stat.st_ctime, stat.st_ctime_nsec as u32),
    }
}

/// The one name that a temporary file for `name` has, so that a later call finds what a crash left.
pub(crate) fn temporary_name(name: &Path) -> PathBuf {
    let mut temporary = std::ffi::OsString::from(".");
    temporary.push(name);
    temporary.push(".smbgw-new");
    temporary.into()
}

fn write_temporary(
    dir: &OwnedFd,
    name: &Path,
    content: &[u8],
    mode: u32,
    like: Option<&OwnedFd>,
) -> io::Result<()> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut file = File::from(sys::openat(dir, name, flags, Mode::from_raw_mode(0o600))?);
    file.write_all(content)?;
    match like {
        Some(like) => copy_attributes(like, &file)?,
        None => sys::fchmod(&file, Mode::from_raw_mode(mode))?,
    }
    file.sync_all()
}

/// Gives `to` the owner, mode and extended attributes (with ACLs) of `from`.
fn copy_attributes(from: &OwnedFd, to: &File) -> io::Result<()> {
    let stat = sys::fstat(from)?;
    // pmxcfs decides owner and mode by path and refuses to change them.
    let tolerate = |result: Result<(), Errno>| match result {
        Err(Errno::PERM | Errno::OPNOTSUPP | Errno::NOSYS) => Ok(()),
        other => other,
    };
    tolerate(sys::fchown(
        to,
        Some(Uid::from_raw(stat.st_uid)),
        Some(Gid::from_raw(stat.st_gid)),
    ))?;
    tolerate(sys::fchmod(to, Mode::from_raw_mode(stat.st_mode & 0o7777)))?;
    let mut names = vec![0; 64 << 10];
    let length = match sys::flistxattr(from, &mut names[..]) {
        Ok(length) => length,
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    for name in names[..length]
        .split(|&byte| byte == 0)
        .filter(|name| !name.is_empty())
    {
        let name = String::from_utf8_lossy(name).into_owned();
        if let Some(value) = xattr_of(from, &name)? {
            tolerate(sys::fsetxattr(to, &name, &value, XattrFlags::empty()))?;
        }
    }
    Ok(())
}

fn xattr_of(file: impl AsFd, name: &str) -> Result<Option<Vec<u8>>, Errno> {
    let mut value = vec![0; 64 << 10];
    match sys::fgetxattr(file, name, &mut value[..]) {
        Ok(length) => {
            value.truncate(length);
            Ok(Some(value))
        }
        Err(Errno::NODATA) => Ok(None),
        Err(error) => Err(error),
    }
}

fn remove_at(dir: &OwnedFd, name: &Path) -> Result<Change, Errno> {
    match sys::unlinkat(dir, name, AtFlags::empty()) {
        Ok(()) => Ok(Change::Removed),
        Err(Errno::NOENT) => Ok(Change::Unchanged),
        Err(error) => Err(error),
    }
}

/// Makes names that were added to or removed from `dir` durable.
fn sync_dir(dir: &OwnedFd) -> io::Result<()> {
    let dir = sys::openat(dir, ".", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    match sys::fsync(dir) {
        // pmxcfs has no way to synchronise a directory.
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => Ok(()),
        other => Ok(other?),
    }
}

/// Removes everything in `dir` on file system `device`; whether there was anything.
fn empty_below(dir: OwnedFd, device: u64, deadline: Deadline) -> Result<bool, Errno> {
    let mut removed = false;
    let entries: Vec<_> = sys::Dir::read_from(&dir)?.collect::<Result<_, _>>()?;
    for entry in entries {
        let name = entry.file_name();
        if name.to_bytes() == b"." || name.to_bytes() == b".." {
            continue;
        }
        if deadline.has_passed() {
            return Err(Errno::TIMEDOUT);
        }
        let stat = sys::statat(&dir, name, AtFlags::SYMLINK_NOFOLLOW)?;
        if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
            if stat.st_dev != device {
                return Err(Errno::XDEV);
            }
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            empty_below(
                sys::openat(&dir, name, flags, Mode::empty())?,
                device,
                deadline,
            )?;
            sys::unlinkat(&dir, name, AtFlags::REMOVEDIR)?;
        } else {
            sys::unlinkat(&dir, name, AtFlags::empty())?;
        }
        removed = true;
    }
    Ok(removed)
}
