//! Whether a program that an administrator names is safe to run as the user this process runs as.
//!
//! Whoever can write to the program, to a directory on the way to it, or to a symbolic link there,
//! decides what is run.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::io;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{self as sys, FileType};
use rustix::io::Errno;

use super::cmd::{Command, CommandError, quote_for_shell};

/// As many symbolic links as the kernel follows in one path (path_resolution(7)).
const MOST_LINKS: usize = 40;

/// What is at a path.
pub(super) struct Seen {
    /// Its kind and permission bits (`st_mode`).
    pub(super) mode: u32,
    /// Its owner.
    pub(super) uid: u32,
    /// Where it leads, if it is a symbolic link.
    pub(super) target: Option<PathBuf>,
}

/// How to look at a path without following a symbolic link there.
pub(super) type Look<'a> = &'a dyn Fn(&Path) -> io::Result<Seen>;

/// What is at a path of this machine.
pub(super) fn look_here(path: &Path) -> io::Result<Seen> {
    let stat = sys::lstat(path)?;
    let is_link = FileType::from_raw_mode(stat.st_mode) == FileType::Symlink;
    Ok(Seen {
        mode: stat.st_mode,
        uid: stat.st_uid,
        target: is_link.then(|| std::fs::read_link(path)).transpose()?,
    })
}

/// The program at `path`, free of symbolic links, if only root and the user `own`, who is going to run
/// it, can change what is there.
pub(super) fn program(
    path: &Path,
    command: &Command,
    own: u32,
    look: Look<'_>,
) -> Result<PathBuf, CommandError> {
    let untrusted = |why: String, remedy: String| CommandError::Untrusted {
        program: path.into(),
        why,
        remedy,
    };
    if !path.is_absolute() {
        let remedy = "write the path from the root directory on";
        return Err(untrusted("its path is not absolute".into(), remedy.into()));
    }
    let (found, seen) = walk(path, own, look).map_err(|problem| match problem {
        Problem::Io(source) => CommandError::Start {
            command: command.to_string(),
            source,
        },
        Problem::Open { at, how, remedy } => untrusted(format!("{how} `{}`", at.display()), remedy),
    })?;
    if FileType::from_raw_mode(seen.mode) != FileType::RegularFile {
        let remedy = "name a program";
        return Err(untrusted("it is not a regular file".into(), remedy.into()));
    }
    Ok(found)
}

enum Problem {
    Io(io::Error),
    Open {
        at: PathBuf,
        how: String,
        remedy: String,
    },
}

/// Goes along `path` as the kernel does, and looks at everything passed.
fn walk(path: &Path, own: u32, look: Look<'_>) -> Result<(PathBuf, Seen), Problem> {
    let mut here = PathBuf::from("/");
    let mut seen = look_at(&here, own, look)?;
    let mut ahead = parts(path);
    let mut links = 0;
    while let Some(part) = ahead.pop_front() {
        if part == ".." {
            here.pop();
            continue;
        }
        let next = here.join(&part);
        seen = look_at(&next, own, look)?;
        if let Some(target) = seen.target.take() {
            links += 1;
            if links > MOST_LINKS {
                return Err(Errno::LOOP.into());
            }
            if target.is_absolute() {
                here = PathBuf::from("/");
            }
            let mut first = parts(&target);
            first.append(&mut ahead);
            ahead = first;
        } else {
            here = next;
        }
    }
    Ok((here, seen))
}

fn parts(path: &Path) -> VecDeque<OsString> {
    path.components()
        .filter_map(|part| match part {
            Component::Normal(name) => Some(name.to_os_string()),
            Component::ParentDir => Some("..".into()),
            _ => None,
        })
        .collect()
}

/// What is at `path`, if nobody but root and `own` can change it.
fn look_at(path: &Path, own: u32, look: Look<'_>) -> Result<Seen, Problem> {
    let seen = look(path).map_err(Problem::Io)?;
    let quoted = || quote_for_shell(&path.to_string_lossy());
    if seen.uid != 0 && seen.uid != own {
        return Err(Problem::Open {
            at: path.into(),
            how: format!("the user with the id {} owns", seen.uid),
            remedy: format!("run `chown root {}`", quoted()),
        });
    }
    // A symbolic link has no mode of its own. In a directory with the sticky bit, what belongs to
    // others cannot be replaced; with access control lists, the group bits are their mask.
    let kind = FileType::from_raw_mode(seen.mode);
    let is_safe = kind == FileType::Symlink
        || kind == FileType::Directory && seen.mode & 0o1000 != 0
        || seen.mode & 0o022 == 0;
    if is_safe {
        return Ok(seen);
    }
    Err(Problem::Open {
        at: path.into(),
        how: "others may write to".into(),
        remedy: format!("run `chmod go-w {}`", quoted()),
    })
}

impl From<Errno> for Problem {
    fn from(error: Errno) -> Self {
        Self::Io(error.into())
    }
}
