//! Subvolumes of btrfs and the quota group each one has.
//!
//! The kernel shows quota groups to everybody in sysfs (`/sys/fs/btrfs/UUID/qgroups/0_ID`, since
//! Linux 5.9); subvolumes and limits are changed by `ioctl`. Usage moves when a transaction is
//! committed, and the smallest subvolume uses one tree node (16 KiB). See btrfs-quota(8).

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{self as unix, Mode, OFlags};
use rustix::io::Errno;
use smbgw_core::change::Change;
use smbgw_core::ports::{Filesystem, Limits, QuotaState, Usage};

use crate::bytes_only;
use crate::detect::{Place, open_directory};
use crate::error::QuotaError;
use crate::sys;

/// The flag of a quota group that says that `max_referenced` limits it.
const MAX_REFERENCED: u64 = 1;

/// A subvolume with its quota group.
#[derive(Debug)]
pub struct Subvolume {
    place: Place,
    id: u64,
    groups: PathBuf,
}

impl Subvolume {
    /// The subvolume whose root directory is `path`.
    ///
    /// # Errors
    /// [`QuotaError::NotFound`] where nothing is at the path, [`QuotaError::Mismatch`] where
    /// something else is there.
    pub fn open(path: &Path) -> Result<Self, QuotaError> {
        let place = Place::open(path)?;
        if !is_subvolume(&place) {
            return Err(QuotaError::Mismatch {
                path: path.into(),
                expected: "a btrfs subvolume".into(),
                found: format!("a directory on {}", place.mount()?.type_name),
            });
        }
        Self::at(place)
    }

    /// The subvolume whose root directory `place` is.
    pub(crate) fn at(place: Place) -> Result<Self, QuotaError> {
        let id = subvolume_id(&place)?;
        let groups = groups_of(&place)?;
        Ok(Self { place, id, groups })
    }

    /// The subvolume's number; its quota group is `0/ID`.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// The subvolume's root directory.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// What it holds, as of the last commit, its limit and what can still be written; needs no
    /// privilege.
    ///
    /// # Errors
    /// [`QuotaError::Off`] where quotas are not enabled or the numbers are not to be relied upon.
    pub fn usage(&self) -> Result<Usage, QuotaError> {
        let groups = Groups::open(&self.groups)?;
        if groups.counting()? != Counting::Sound {
            self.place.require_enforced()?;
        }
        let bytes = self.known(groups.number(self.id, "referenced")?)?;
        let limits = self.limits_in(&groups)?;
        let free = self.place.filesystem_free()?;
        let rest = |limit: u64| limit.saturating_sub(bytes);
        Ok(Usage {
            bytes,
            inodes: None,
            limits,
            available: limits.bytes.map_or(free, rest).min(free),
        })
    }

    /// Its limit.
    ///
    /// # Errors
    /// Where it has no quota group.
    pub fn limits(&self) -> Result<Limits, QuotaError> {
        self.limits_in(&Groups::open(&self.groups)?)
    }

    fn limits_in(&self, groups: &Groups) -> Result<Limits, QuotaError> {
        Ok(Limits {
            bytes: self.known(groups.limit(self.id)?)?,
            ..Limits::default()
        })
    }

    /// Sets its limit, below its usage too.
    ///
    /// # Errors
    /// [`QuotaError::UnsupportedLimit`] for other limits than one of bytes.
    pub fn set_limits(&self, limits: Limits) -> Result<Change, QuotaError> {
        bytes_only::check(Filesystem::Btrfs, &limits)?;
        if self.limits()? == limits {
            return Ok(Change::Unchanged);
        }
        let changed = match self.directory_above() {
            Some(above) => sys::limit_group(above, self.id, limits.bytes),
            None => sys::limit_group(&self.place, self.id, limits.bytes),
        };
        changed.map_err(|error| QuotaError::path("set the limit of", self.place.path(), error))?;
        Ok(Change::Updated)
    }

    /// Whether it has a quota group; without one nothing limits it.
    pub(crate) fn has_group(&self) -> bool {
        self.groups.join(format!("0_{}", self.id)).is_dir()
    }

    /// Gives it a quota group where it has none. What it holds is known after
    /// [`count_anew`](Self::count_anew).
    pub(crate) fn create_group(&self) -> Result<Change, QuotaError> {
        match sys::create_group(&self.place, self.id) {
            Ok(()) => Ok(Change::Created),
            Err(error) if is(&error, Errno::EXIST) => Ok(Change::Unchanged),
            Err(error) => Err(QuotaError::path(
                "make a quota group for",
                self.place.path(),
                error,
            )),
        }
    }

    /// Starts to count all quota groups of the file system anew, unless the kernel is at it.
    pub(crate) fn count_anew(&self) -> Result<Change, QuotaError> {
        match sys::count_groups_anew(&self.place) {
            Ok(()) => Ok(Change::Updated),
            Err(error) if is(&error, Errno::INPROGRESS) => Ok(Change::Unchanged),
            Err(error) => Err(QuotaError::path(
                "count the quota groups of",
                self.place.path(),
                error,
            )),
        }
    }

    /// Whether the kernel counts the quota groups of the file system at this moment.
    pub(crate) fn is_being_counted(&self) -> Result<bool, QuotaError> {
        sys::are_groups_being_counted(&self.place).map_err(|error| {
            QuotaError::path("look at the quota groups of", self.place.path(), error)
        })
    }

    /// The directory above, if it is on the same file system. What is changed through the subvolume
    /// itself takes room in it, of which one that is full has none.
    fn directory_above(&self) -> Option<OwnedFd> {
        let (above, _) = parent_of(self.place.path()).ok()?;
        let same = sys::btrfs_id(above.as_fd()).ok()? == sys::btrfs_id(self.place.as_fd()).ok()?;
        same.then_some(above)
    }

    /// Commits what was written, so that the usage is exact.
    ///
    /// # Errors
    /// Where the file system cannot write.
    pub fn sync(&self) -> Result<(), QuotaError> {
        unix::syncfs(&self.place)
            .map_err(|error| QuotaError::path("synchronise", self.place.path(), error))
    }

    /// The directory of the file system's quota groups, which is the same for all its subvolumes.
    pub(crate) fn groups(&self) -> &Path {
        &self.groups
    }

    /// What sysfs has of its quota group, which has to be there.
    fn known<T>(&self, number: Option<T>) -> Result<T, QuotaError> {
        match number {
            Some(number) => Ok(number),
            None => {
                // No group at all: quotas are off, or the group was removed by hand.
                self.place.require_enforced()?;
                Err(QuotaError::Off {
                    mount_point: self.place.path().into(),
                    reason: format!("the subvolume has no quota group 0/{}", self.id),
                    remedy: format!(
                        "run `btrfs qgroup create 0/{id} {path}` and `btrfs quota rescan -w {path}`",
                        id = self.id,
                        path = self.place.path().display()
                    ),
                })
            }
        }
    }
}

/// Makes a subvolume at `path`, where nothing is.
///
/// # Errors
/// Where that fails.
pub(crate) fn create_subvolume(path: &Path) -> Result<(), QuotaError> {
    let fail = |error: io::Error| QuotaError::path("make the subvolume", path, error);
    let (parent, name) = parent_of(path)?;
    sys::create_subvolume(&parent, &name).map_err(fail)?;
    unix::syncfs(&parent).map_err(|error| fail(error.into()))
}

/// Deletes the subvolume at `path` with all that is in it, and its quota group.
///
/// # Errors
/// [`QuotaError::HasDependents`] where other subvolumes are inside or it is mounted.
pub(crate) fn delete_subvolume(path: &Path) -> Result<(), QuotaError> {
    let subvolume = Subvolume::open(path)?;
    let (parent, name) = parent_of(path)?;
    let has = |dependents: &str, remedy: String| QuotaError::HasDependents {
        what: path.display().to_string(),
        dependents: dependents.into(),
        remedy,
    };
    let shown = path.display();
    match sys::delete_subvolume(&parent, &name) {
        Ok(()) => {}
        Err(error) if is(&error, Errno::NOTEMPTY) => {
            return Err(has(
                "subvolumes or snapshots inside",
                format!(
                    "look at `btrfs subvolume list -o {shown}` and delete those first with \
                     `btrfs subvolume delete`"
                ),
            ));
        }
        Err(error) if is(&error, Errno::BUSY) => {
            return Err(has(
                "something mounted at or in it",
                format!("look at `findmnt -R {shown}` and unmount it first"),
            ));
        }
        Err(error) => return Err(QuotaError::path("delete the subvolume", path, error)),
    }
    drop(parent);
    forget_group(path, subvolume.id())
}

/// Removes the subvolume at `path` if it is empty, and its quota group.
///
/// # Errors
/// [`QuotaError::HasContent`] where it is not.
pub(crate) fn remove_empty_subvolume(path: &Path) -> Result<(), QuotaError> {
    let id = Subvolume::open(path)?.id();
    match unix::rmdir(path) {
        Ok(()) => forget_group(path, id),
        Err(Errno::NOTEMPTY) => Err(QuotaError::HasContent { path: path.into() }),
        Err(error) => Err(QuotaError::path("remove", path, error)),
    }
}

/// Removes the quota group `id` of the subvolume that was deleted at `path`, and makes both durable.
///
/// The group outlives the subvolume on older kernels. Numbers are never used again, so one that
/// cannot be removed yet, because the kernel is still at work, does no harm.
fn forget_group(path: &Path, id: u64) -> Result<(), QuotaError> {
    let (parent, _) = parent_of(path)?;
    if let Err(error) = sys::limit_group(&parent, id, None) {
        tracing::debug!(id, %error, "the limit of a deleted subvolume was not removed");
    }
    unix::syncfs(&parent).map_err(|error| QuotaError::path("synchronise", path, error))?;
    if let Err(error) = sys::remove_group(&parent, id) {
        tracing::debug!(id, %error, "the quota group of a deleted subvolume was not removed");
    }
    Ok(())
}

/// Whether `place` is the root directory of a subvolume.
pub(crate) fn is_subvolume(place: &Place) -> bool {
    place.filesystem() == Some(Filesystem::Btrfs) && place.inode() == sys::SUBVOLUME_INODE
}

/// The number of the subvolume that `place` is in.
fn subvolume_id(place: &Place) -> Result<u64, QuotaError> {
    match place.subvolume() {
        Some(id) => Ok(id),
        None => sys::subvolume_id(place)
            .map_err(|error| QuotaError::path("read the subvolume id of", place.path(), error)),
    }
}

/// What a btrfs does about quota groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counting {
    Off,
    /// The numbers are not to be relied upon until all is counted anew.
    Inconsistent,
    Sound,
}

/// What the btrfs of `place` does about quota groups.
pub(crate) fn counting(place: &Place) -> Result<Counting, QuotaError> {
    Groups::open(&groups_of(place)?)?.counting()
}

/// The quota groups of a btrfs in sysfs, whose directory is opened once for all files in it.
struct Groups<'p> {
    path: &'p Path,
    /// `None` where there is none, as quotas are off.
    dir: Option<OwnedFd>,
}

impl<'p> Groups<'p> {
    fn open(path: &'p Path) -> Result<Self, QuotaError> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let dir = match unix::open(path, flags, Mode::empty()) {
            Ok(dir) => Some(dir),
            Err(Errno::NOENT) => None,
            Err(error) => return Err(QuotaError::path("open", path, error)),
        };
        Ok(Self { path, dir })
    }

    fn counting(&self) -> Result<Counting, QuotaError> {
        // Before Linux 6.1 there is no such file, but the directory is there while quotas are
        // enabled.
        let is_enabled = match self.read("enabled")? {
            Some(enabled) => enabled == 1,
            None => self.dir.is_some(),
        };
        Ok(if !is_enabled {
            Counting::Off
        } else if self.read("inconsistent")? == Some(1) {
            Counting::Inconsistent
        } else {
            Counting::Sound
        })
    }

    /// The limit of the group `0/id`, which may be none; `None` where there is no such group.
    fn limit(&self, id: u64) -> Result<Option<Option<u64>>, QuotaError> {
        Ok(match self.number(id, "max_referenced")? {
            // The kernel clears the number with the flag, so the flag only tells a limit of nothing
            // from none.
            Some(0) => {
                let flags = self.number(id, "limit_flags")?;
                flags.map(|flags| (flags & MAX_REFERENCED != 0).then_some(0))
            }
            limit => limit.map(Some),
        })
    }

    /// The number in `file` of the group `0/id`, or `None` where there is no such group.
    fn number(&self, id: u64, file: &str) -> Result<Option<u64>, QuotaError> {
        self.read(&format!("0_{id}/{file}"))
    }

    /// The number in `file`, or `None` where there is no such file.
    fn read(&self, file: &str) -> Result<Option<u64>, QuotaError> {
        let Some(dir) = &self.dir else {
            return Ok(None);
        };
        read_number(dir, file)
            .map_err(|error| QuotaError::path("read", &self.path.join(file), error))
    }
}

/// Whether quotas are enabled on the btrfs of `place`, and their numbers are sound.
pub(crate) fn quota_state(place: &Place) -> Result<QuotaState, QuotaError> {
    let counting = counting(place)?;
    if counting == Counting::Sound {
        return Ok(QuotaState::Enforced(Filesystem::Btrfs));
    }
    let mount = place.mount()?;
    let mount_point = mount.mount_point.display();
    let (reason, remedy) = if counting == Counting::Inconsistent {
        (
            "the quota groups are not counted to the end".into(),
            format!("run `btrfs quota rescan -w {mount_point}`, which waits until they are"),
        )
    } else {
        (
            format!("quotas are not enabled on {}", mount.source),
            format!(
                "run `btrfs quota enable {mount_point}` and `btrfs quota rescan -w {mount_point}`"
            ),
        )
    };
    Ok(QuotaState::Off {
        filesystem: Filesystem::Btrfs,
        reason,
        remedy,
    })
}

/// Limit and usage of the subvolume that `place` is in, as the kernel holds them in memory; `None`
/// where there is no limit.
pub(crate) fn limit_and_usage(place: &Place) -> Result<Option<(u64, u64)>, QuotaError> {
    let id = subvolume_id(place)?;
    let path = groups_of(place)?;
    let groups = Groups::open(&path)?;
    let Some(Some(limit)) = groups.limit(id)? else {
        return Ok(None);
    };
    let Some(used) = groups.number(id, "referenced")? else {
        return Ok(None);
    };
    // Written, but not committed yet.
    let pending = groups.number(id, "rsv_data")?.unwrap_or(0);
    Ok(Some((limit, used.saturating_add(pending))))
}

fn parent_of(path: &Path) -> Result<(OwnedFd, CString), QuotaError> {
    let fail = |error: Errno| QuotaError::path("open the directory above", path, error);
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(fail(Errno::INVAL));
    };
    let fd = open_directory(parent)?.ok_or_else(|| fail(Errno::NOENT))?;
    let name = CString::new(name.as_bytes()).map_err(|_| fail(Errno::INVAL))?;
    Ok((fd, name))
}

/// The directory in sysfs of the quota groups of the btrfs that `fd` is open on.
fn groups_of(place: &Place) -> Result<PathBuf, QuotaError> {
    let id = sys::btrfs_id(place.as_fd())
        .map_err(|error| QuotaError::path("read the file system id of", place.path(), error))?;
    Ok(format!("/sys/fs/btrfs/{}/qgroups", uuid_text(id)).into())
}

fn uuid_text(id: [u8; 16]) -> String {
    let mut text = String::with_capacity(36);
    for (index, byte) in id.into_iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        // Formatting each byte would take longer than reading a file of sysfs.
        let digits = [byte >> 4, byte & 0xf].into_iter();
        text.extend(digits.filter_map(|digit| char::from_digit(digit.into(), 16)));
    }
    text
}

/// The digits of the largest number, the line break, and room to tell that there is more.
const LONGEST_NUMBER: usize = 24;

/// The number in a file of sysfs, or `None` where there is no such file.
fn read_number(dir: &OwnedFd, file: &str) -> io::Result<Option<u64>> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let file = match unix::openat(dir, file, flags, Mode::empty()) {
        Ok(file) => file,
        Err(Errno::NOENT) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    // One read gives all of such a file, and a usage takes four of them.
    let mut text = [0; LONGEST_NUMBER];
    let length = rustix::io::read(&file, &mut text)?;
    let text = std::str::from_utf8(&text[..length]).unwrap_or_default();
    let number = text.trim().parse();
    Ok(Some(number.map_err(|_| io::ErrorKind::InvalidData)?))
}

fn is(error: &io::Error, errno: Errno) -> bool {
    error.raw_os_error() == Some(errno.raw_os_error())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_uuid_is_written_as_in_sysfs() {
        let id = *b"\x35\x3e\x38\xb6\x5e\xd4\x4c\x56\x98\xfe\x96\x47\x67\xa1\x17\xac";
        assert_eq!(uuid_text(id), "353e38b6-5ed4-4c56-98fe-964767a117ac");
    }
}
