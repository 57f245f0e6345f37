//! Whether a program that an administrator names is safe to run as the user this process runs as.
//!
//! Whoever can write to the program, to a directory on the way to it, or to a symbolic link there,
//! decides what is run.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::io;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{self as sys, FileType, Stat};
use rustix::io::Errno;

use super::cmd::{Command, CommandError, quote_for_shell};

/// As many symbolic links as the kernel follows in one path (path_resolution(7)).
const MOST_LINKS: usize = 40;

/// The program at `path`, free of symbolic links, if only root and the effective user of this
/// process can change what is there.
pub(super) fn program(path: &Path, command: &Command) -> Result<PathBuf, CommandError> {
    let untrusted = |why: String, remedy: String| CommandError::Untrusted {
        program: path.into(),
        why,
        remedy,
    };
    if !path.is_absolute() {
        let remedy = "write the path from the root directory on";
        return Err(untrusted("its path is not absolute".into(), remedy.into()));
    }
    let (found, stat) = walk(path).map_err(|problem| match problem {
        Problem::Io(source) => CommandError::Start {
            command: command.to_string(),
            source,
        },
        Problem::Open { at, how, remedy } => untrusted(format!("{how} `{}`", at.display()), remedy),
    })?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
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
fn walk(path: &Path) -> Result<(PathBuf, Stat), Problem> {
    let own = rustix::process::geteuid().as_raw();
    let mut here = PathBuf::from("/");
    let mut stat = look_at(&here, own)?;
    let mut ahead = parts(path);
    let mut links = 0;
    while let Some(part) = ahead.pop_front() {
        if part == ".." {
            here.pop();
            continue;
        }
        let next = here.join(&part);
        stat = look_at(&next, own)?;
        if FileType::from_raw_mode(stat.st_mode) == FileType::Symlink {
            links += 1;
            if links > MOST_LINKS {
                return Err(Errno::LOOP.into());
            }
            let target = std::fs::read_link(&next).map_err(Problem::Io)?;
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
    Ok((here, stat))
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
fn look_at(path: &Path, own: u32) -> Result<Stat, Problem> {
    let stat = sys::lstat(path)?;
    let quoted = || quote_for_shell(&path.to_string_lossy());
    if stat.st_uid != 0 && stat.st_uid != own {
        return Err(Problem::Open {
            at: path.into(),
            how: format!("the user with the id {} owns", stat.st_uid),
            remedy: format!("run `chown root {}`", quoted()),
        });
    }
    // A symbolic link has no mode of its own. In a directory with the sticky bit, what belongs to
    // others cannot be replaced; with access control lists, the group bits are their mask.
    let kind = FileType::from_raw_mode(stat.st_mode);
    let is_safe = kind == FileType::Symlink
        || kind == FileType::Directory && stat.st_mode & 0o1000 != 0
        || stat.st_mode & 0o022 == 0;
    if is_safe {
        return Ok(stat);
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
