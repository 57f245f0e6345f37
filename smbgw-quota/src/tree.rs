//! Marking everything below a directory with a project, and taking the mark away.
//!
//! The walk stays on the mount it began in and follows no symbolic link: every file is opened from
//! its directory with openat2(2). The kernel marks neither symbolic links nor special files by
//! descriptor; they hold no data and are only counted.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use rustix::fs::{self as unix, AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags, Stat};
use rustix::io::Errno;
use smbgw_core::change::Change;
use smbgw_core::deadline::Deadline;

use crate::detect::open_directory;
use crate::error::QuotaError;
use crate::sys::{self, PROJECT_INHERIT};

/// What a walk through a directory met.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TreeReport {
    /// Regular files.
    pub files: u64,
    /// Directories, the first one included.
    pub directories: u64,
    /// Symbolic links, devices, sockets and pipes, which cannot be marked and hold no data.
    pub unmarkable: u64,
    /// Other file systems mounted inside, which were left out.
    pub mounts: Vec<PathBuf>,
    /// Files that have names outside the directory too; they count for its project all the same.
    pub linked_outside: Vec<PathBuf>,
}

/// Looks whether everything below `root` can be marked with `project`.
///
/// # Errors
/// [`QuotaError::OtherProject`] naming the first file or directory that has another one.
pub fn check(root: &Path, project: u32, deadline: Deadline) -> Result<TreeReport, QuotaError> {
    let mut report = TreeReport::default();
    let mut links: HashMap<u64, (PathBuf, u64)> = HashMap::new();
    walk(root, Files::Open, deadline, |item| {
        match item {
            Item::Directory { path, fd } | Item::File { path, fd, .. } => {
                let found = attributes(fd, path)?.project;
                if found != 0 && found != project {
                    return Err(QuotaError::OtherProject {
                        path: path.into(),
                        id: found,
                    });
                }
            }
            Item::Seen { .. } | Item::Unmarkable | Item::Mount { .. } => {}
        }
        match item {
            Item::Directory { .. } => report.directories += 1,
            Item::File { path, status, .. } => {
                report.files += 1;
                if status.st_nlink > 1 {
                    let link = links
                        .entry(status.st_ino)
                        .or_insert_with(|| (path.into(), status.st_nlink));
                    link.1 = link.1.saturating_sub(1);
                }
            }
            Item::Unmarkable => report.unmarkable += 1,
            Item::Seen { .. } => {}
            Item::Mount { path } => report.mounts.push(path.into()),
        }
        Ok(())
    })?;
    let outside = links.into_values().filter(|(_, missing)| *missing > 0);
    report.linked_outside = outside.map(|(path, _)| path).collect();
    report.linked_outside.sort_unstable();
    Ok(report)
}

/// Marks everything below `root` with `project`, after a [`check`] that nothing has another one.
///
/// A directory is marked before it is read, so that what is made meanwhile inherits the mark.
///
/// # Errors
/// As [`check`]; or where a mark cannot be set, after which [`unmark`] is right.
pub fn mark(
    root: &Path,
    project: u32,
    deadline: Deadline,
) -> Result<(Change, TreeReport), QuotaError> {
    let report = check(root, project, deadline)?;
    let mut change = Change::Unchanged;
    walk(root, Files::Open, deadline, |item| {
        let (path, fd, inherit) = match item {
            Item::Directory { path, fd } => (path, fd, PROJECT_INHERIT),
            Item::File { path, fd, .. } => (path, fd, 0),
            Item::Seen { .. } | Item::Unmarkable | Item::Mount { .. } => return Ok(()),
        };
        let old = attributes(fd, path)?;
        if old.project != 0 && old.project != project {
            return Err(QuotaError::OtherProject {
                path: path.into(),
                id: old.project,
            });
        }
        let mut new = old;
        new.project = project;
        new.flags |= inherit;
        if new != old {
            set_attributes(fd, path, new)?;
            change = Change::Updated;
        }
        Ok(())
    })?;
    Ok((change, report))
}

/// Takes the mark `project` from everything below `root` that has it.
///
/// # Errors
/// Where that fails; it may be called again.
pub fn unmark(root: &Path, project: u32, deadline: Deadline) -> Result<Change, QuotaError> {
    let mut change = Change::Unchanged;
    walk(root, Files::Open, deadline, |item| {
        let (path, fd) = match item {
            Item::Directory { path, fd } | Item::File { path, fd, .. } => (path, fd),
            Item::Seen { .. } | Item::Unmarkable | Item::Mount { .. } => return Ok(()),
        };
        let mut attributes = attributes(fd, path)?;
        if attributes.project == project {
            attributes.project = 0;
            attributes.flags &= !PROJECT_INHERIT;
            set_attributes(fd, path, attributes)?;
            change = Change::Updated;
        }
        Ok(())
    })?;
    Ok(change)
}

/// What was met in some places: how many, and the first of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// In how many places.
    pub count: u64,
    /// The first of them that was met.
    pub first: Option<PathBuf>,
}

impl Found {
    fn add(&mut self, path: &Path) {
        self.count += 1;
        self.first.get_or_insert_with(|| path.into());
    }
}

/// How everything below a directory is marked, apart from what is marked as it should be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// Files and directories that could be marked, the first directory included.
    pub met: u64,
    /// What counts for no project.
    pub unmarked: Found,
    /// Directories of the project whose new content would not count for it.
    pub not_inheriting: Found,
    /// What counts for other projects, by their id.
    pub foreign: BTreeMap<u32, Found>,
    /// Files among the foreign ones that have names outside the directory too, by inode number.
    pub foreign_links: BTreeMap<u64, ForeignLink>,
    /// Other file systems mounted inside, which were left out.
    pub mounts: Vec<PathBuf>,
    /// Whether all of it was looked at before the deadline.
    pub finished: bool,
}

impl Marks {
    fn add(&mut self, path: &Path, found: sys::FileAttributes, project: u32, is_directory: bool) {
        self.met += 1;
        if found.project == 0 {
            self.unmarked.add(path);
        } else if found.project != project {
            self.foreign.entry(found.project).or_default().add(path);
        } else if is_directory && found.flags & PROJECT_INHERIT == 0 {
            self.not_inheriting.add(path);
        }
    }

    /// Counts those foreign files with names outside as foreign like the others, whose project
    /// `is_claimed`.
    pub(crate) fn claim_links(&mut self, is_claimed: impl Fn(u32) -> bool) {
        let links = std::mem::take(&mut self.foreign_links);
        for (inode, link) in links {
            if is_claimed(link.project) {
                self.foreign
                    .entry(link.project)
                    .or_default()
                    .add(&link.path);
            } else {
                self.foreign_links.insert(inode, link);
            }
        }
    }
}

/// A file of another project that has names in and outside a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignLink {
    /// The first of its names that was met.
    pub path: PathBuf,
    /// Its project.
    pub project: u32,
}

/// Looks how everything below `root` is marked, which should be with `project`; changes nothing.
///
/// Where the deadline passes, what was found until then is told; see [`Marks::finished`].
///
/// # Errors
/// Where something cannot be looked at.
pub fn marks(root: &Path, project: u32, deadline: Deadline) -> Result<Marks, QuotaError> {
    let mut marks = Marks::default();
    // Files with several names count once.
    let mut linked: HashSet<u64> = HashSet::new();
    let mut links: HashMap<u64, (ForeignLink, u64)> = HashMap::new();
    let walked = walk(root, Files::Open, deadline, |item| {
        match item {
            Item::Directory { path, fd } => {
                marks.add(path, attributes(fd, path)?, project, true);
            }
            Item::File { path, fd, status } => {
                let found = attributes(fd, path)?;
                let is_foreign = found.project != 0 && found.project != project;
                if status.st_nlink == 1 {
                    marks.add(path, found, project, false);
                } else if is_foreign {
                    let (_, missing) = links.entry(status.st_ino).or_insert_with(|| {
                        marks.met += 1;
                        let link = ForeignLink {
                            path: path.to_path_buf(),
                            project: found.project,
                        };
                        (link, status.st_nlink)
                    });
                    *missing = missing.saturating_sub(1);
                } else if linked.insert(status.st_ino) {
                    marks.add(path, found, project, false);
                }
            }
            Item::Mount { path } => marks.mounts.push(path.to_path_buf()),
            Item::Seen { .. } | Item::Unmarkable => {}
        }
        Ok(())
    });
    marks.finished = match walked {
        Ok(()) => true,
        Err(QuotaError::TimedOut { .. }) => false,
        Err(error) => return Err(error),
    };
    for (inode, (link, missing)) in links {
        // Where the walk was cut off, names that were not met may be inside all the same.
        if missing == 0 {
            marks
                .foreign
                .entry(link.project)
                .or_default()
                .add(&link.path);
        } else {
            marks.foreign_links.insert(inode, link);
        }
    }
    Ok(marks)
}

/// How the open directory `fd` itself is marked; nothing in it is looked at.
pub(crate) fn mark_of(fd: &OwnedFd, path: &Path, project: u32) -> Result<Marks, QuotaError> {
    let mut marks = Marks {
        finished: true,
        ..Marks::default()
    };
    marks.add(path, attributes(fd, path)?, project, true);
    Ok(marks)
}

/// What [`restore`] did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Restored {
    /// What counted for no project before.
    pub(crate) unmarked: u64,
    /// Directories whose new content would not have counted for the project.
    pub(crate) not_inheriting: u64,
    /// What counted for other projects before.
    pub(crate) foreign: u64,
}

/// Marks what is below `root` with `project`, files and directories of the projects `take` too, but
/// not the files with the inode numbers `leave`.
///
/// A directory is marked before it is read, so that what is made meanwhile inherits the mark.
///
/// # Errors
/// Where a mark cannot be read or set, or the deadline passes; what was done until then stays.
pub(crate) fn restore(
    root: &Path,
    project: u32,
    take: &BTreeSet<u32>,
    leave: &BTreeSet<u64>,
    deadline: Deadline,
) -> Result<Restored, QuotaError> {
    let mut restored = Restored::default();
    walk(root, Files::Open, deadline, |item| {
        let (path, fd, inherit) = match item {
            Item::Directory { path, fd } => (path, fd, PROJECT_INHERIT),
            Item::File { path, fd, status } if !leave.contains(&status.st_ino) => (path, fd, 0),
            _ => return Ok(()),
        };
        let old = attributes(fd, path)?;
        let count = match old.project {
            0 => &mut restored.unmarked,
            id if id == project => &mut restored.not_inheriting,
            id if take.contains(&id) => &mut restored.foreign,
            _ => return Ok(()),
        };
        let mut new = old;
        new.project = project;
        new.flags |= inherit;
        if new != old {
            set_attributes(fd, path, new)?;
            *count += 1;
        }
        Ok(())
    })?;
    Ok(restored)
}

/// What a directory holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Holding {
    /// Bytes that its files and directories occupy; a file with several names counts once.
    pub bytes: u64,
    /// Files that have names outside the directory too.
    pub linked_outside: u64,
}

/// What the directory `root` holds.
///
/// # Errors
/// Where the directory cannot be read.
pub fn holding(root: &Path, deadline: Deadline) -> Result<Holding, QuotaError> {
    let mut held = Holding::default();
    // Of files with several names, how many were not met yet.
    let mut missing: HashMap<u64, u64> = HashMap::new();
    walk(root, Files::Look, deadline, |item| {
        match item {
            Item::Seen { status } => {
                let links = status.st_nlink;
                let left = missing.entry(status.st_ino).or_insert(links);
                if *left == links {
                    held.bytes += status.st_blocks as u64 * 512;
                }
                *left = left.saturating_sub(1);
                if *left == 0 {
                    missing.remove(&status.st_ino);
                }
            }
            Item::Directory { path, fd } => {
                let status =
                    unix::fstat(fd).map_err(|error| QuotaError::path("look at", path, error))?;
                held.bytes += status.st_blocks as u64 * 512;
            }
            Item::File { .. } | Item::Unmarkable | Item::Mount { .. } => {}
        }
        Ok(())
    })?;
    held.linked_outside = missing.len() as u64;
    Ok(held)
}

/// The directories below `root` that are on the same mount, but have a device number of their own:
/// subvolumes of btrfs inside another one.
///
/// # Errors
/// Where the directory cannot be read.
pub(crate) fn devices_inside(root: &Path, deadline: Deadline) -> Result<Found, QuotaError> {
    let mut found = Found::default();
    let mut above: Option<u64> = None;
    walk(root, Files::Look, deadline, |item| {
        if let Item::Directory { path, fd } = item {
            let status =
                unix::fstat(fd).map_err(|error| QuotaError::path("look at", path, error))?;
            if *above.get_or_insert(status.st_dev) != status.st_dev
                && status.st_ino == sys::SUBVOLUME_INODE
            {
                found.add(path);
            }
        }
        Ok(())
    })?;
    Ok(found)
}

/// Whether the directory `fd` has no entries.
pub(crate) fn is_empty(fd: impl AsFd, path: &Path) -> Result<bool, QuotaError> {
    let fail = |error: Errno| QuotaError::path("read", path, error);
    for entry in Dir::read_from(fd).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
            return Ok(false);
        }
    }
    Ok(true)
}

/// One thing that a walk meets.
enum Item<'w> {
    Directory {
        path: &'w Path,
        fd: &'w OwnedFd,
    },
    File {
        path: &'w Path,
        fd: &'w OwnedFd,
        status: &'w Stat,
    },
    /// A regular file that was not opened.
    Seen {
        status: &'w Stat,
    },
    Unmarkable,
    Mount {
        path: &'w Path,
    },
}

/// What a walk does with regular files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Files {
    /// Opens them: [`Item::File`].
    Open,
    /// Looks at them only: [`Item::Seen`].
    Look,
}

/// A directory still to be walked through: `below` the open directory `base`.
struct Pending {
    base: Rc<OwnedFd>,
    below: PathBuf,
    path: PathBuf,
}

/// The longest path that is resolved in one call; directories deeper down get a base of their own,
/// so that neither the kernel's limit on paths nor the one on open files bounds the depth.
const LONGEST_BELOW: usize = 2048;

/// Calls `visit` for everything at and below `root` on its mount; directories before what is in
/// them.
fn walk(
    root: &Path,
    files: Files,
    deadline: Deadline,
    mut visit: impl FnMut(&Item<'_>) -> Result<(), QuotaError>,
) -> Result<(), QuotaError> {
    let base = open_directory(root)?.ok_or_else(|| QuotaError::NotFound {
        what: "directory".into(),
        path: root.into(),
    })?;
    let mut stack = vec![Pending {
        base: Rc::new(base),
        below: ".".into(),
        path: root.into(),
    }];
    while let Some(dir) = stack.pop() {
        // Of directories without entries there may be many, too.
        if deadline.has_passed() {
            return Err(QuotaError::TimedOut { path: root.into() });
        }
        let fd = match open_below(&dir.base, &dir.below, OFlags::DIRECTORY, deadline) {
            Ok(fd) => fd,
            // Removed or replaced since its name was read.
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => continue,
            Err(Errno::XDEV) => {
                visit(&Item::Mount { path: &dir.path })?;
                continue;
            }
            Err(error) => return Err(QuotaError::path("open", &dir.path, error)),
        };
        visit(&Item::Directory {
            path: &dir.path,
            fd: &fd,
        })?;
        let fail = |error: Errno| QuotaError::path("read", &dir.path, error);
        let mut subdirs = Vec::new();
        for entry in Dir::read_from(&fd).map_err(fail)? {
            let entry = entry.map_err(fail)?;
            if matches!(entry.file_name().to_bytes(), b"." | b"..") {
                continue;
            }
            if deadline.has_passed() {
                return Err(QuotaError::TimedOut { path: root.into() });
            }
            let name = Path::new(std::ffi::OsStr::from_bytes(entry.file_name().to_bytes()));
            if visit_entry(
                &fd,
                name,
                &dir.path.join(name),
                (files, deadline),
                &mut visit,
            )? {
                subdirs.push(name.to_path_buf());
            }
        }
        let far = dir.below.as_os_str().len() > LONGEST_BELOW;
        let (base, below) = if far {
            (Rc::new(fd), PathBuf::new())
        } else {
            (dir.base, dir.below)
        };
        stack.extend(subdirs.into_iter().map(|name| Pending {
            base: base.clone(),
            below: below.join(&name),
            path: dir.path.join(&name),
        }));
    }
    Ok(())
}

/// Visits the entry `name` of `dir` unless it is a directory; then `true`.
fn visit_entry(
    dir: &OwnedFd,
    name: &Path,
    path: &Path,
    (files, deadline): (Files, Deadline),
    visit: &mut impl FnMut(&Item<'_>) -> Result<(), QuotaError>,
) -> Result<bool, QuotaError> {
    let kind = |status: &Stat| FileType::from_raw_mode(status.st_mode);
    let status = match unix::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(status) => status,
        Err(Errno::NOENT) => return Ok(false),
        Err(error) => return Err(QuotaError::path("look at", path, error)),
    };
    match kind(&status) {
        FileType::Directory => return Ok(true),
        FileType::RegularFile if files == Files::Look => {
            return visit(&Item::Seen { status: &status }).map(|()| false);
        }
        FileType::RegularFile => {}
        _ => return visit(&Item::Unmarkable).map(|()| false),
    }
    // Something else may be there by now: opening a pipe must not block.
    let fd = match open_below(dir, name, OFlags::NONBLOCK, deadline) {
        Ok(fd) => fd,
        Err(Errno::NOENT | Errno::LOOP | Errno::NXIO) => return Ok(false),
        Err(Errno::XDEV) => return visit(&Item::Mount { path }).map(|()| false),
        // Somebody holds on to it.
        Err(Errno::AGAIN) if deadline.has_passed() => {
            return Err(QuotaError::TimedOut { path: path.into() });
        }
        Err(error) => return Err(QuotaError::path("open", path, error)),
    };
    let status = unix::fstat(&fd).map_err(|error| QuotaError::path("look at", path, error))?;
    let item = match kind(&status) {
        FileType::RegularFile => Item::File {
            path,
            fd: &fd,
            status: &status,
        },
        _ => Item::Unmarkable,
    };
    visit(&item).map(|()| false)
}

/// Opens `below` the directory `base`, so that reading it leaves no time behind, where this process
/// may ask for that.
fn open_below(
    base: &OwnedFd,
    below: &Path,
    flags: OFlags,
    deadline: Deadline,
) -> Result<OwnedFd, Errno> {
    let flags = flags | OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NOCTTY;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_XDEV | ResolveFlags::NO_SYMLINKS;
    let mut quiet = OFlags::NOATIME;
    for attempt in 0u32.. {
        match unix::openat2(base, below, flags | quiet, Mode::empty(), resolve) {
            // Owner and root may; who is neither looks all the same (open(2)).
            Err(Errno::PERM) if !quiet.is_empty() => quiet = OFlags::empty(),
            // The kernel asks to try again where a rename raced with the look-up; or somebody holds
            // a lease on the file (fcntl(2)) and was told to give it up.
            Err(Errno::AGAIN | Errno::INTR) if attempt < 16 => {}
            Err(Errno::AGAIN) if !deadline.has_passed() => {
                std::thread::sleep(Duration::from_millis(10));
            }
            result => return result,
        }
    }
    Err(Errno::AGAIN)
}

fn attributes(fd: &OwnedFd, path: &Path) -> Result<sys::FileAttributes, QuotaError> {
    sys::file_attributes(fd).map_err(|error| QuotaError::path("read the project of", path, error))
}

fn set_attributes(
    fd: &OwnedFd,
    path: &Path,
    attributes: sys::FileAttributes,
) -> Result<(), QuotaError> {
    sys::set_file_attributes(fd, attributes)
        .map_err(|error| QuotaError::path("set the project of", path, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deadline_counts_for_directories_without_entries_too() {
        let dir = tempfile::tempdir().unwrap();
        let over = Deadline::after(Duration::ZERO);
        let stopped = holding(dir.path(), over);
        assert!(matches!(stopped, Err(QuotaError::TimedOut { .. })));
        let soon = Deadline::after(Duration::from_secs(60));
        assert_eq!(holding(dir.path(), soon).unwrap().linked_outside, 0);
    }
}
