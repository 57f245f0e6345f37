//! Which file system a path is on, where it is mounted, and whether limits are enforced there.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use rustix::fs::{self as unix, AtFlags, Mode, OFlags, StatxFlags};
use rustix::io::Errno;
use smbgw_core::ports::{Filesystem, QuotaState};

use crate::btrfs;
use crate::error::{QuotaError, UNSUPPORTED_REMEDY};
use crate::kind::QuotaKind;
use crate::sys::{self, Switches};

/// The number of ext2, ext3 and ext4 (`EXT4_SUPER_MAGIC`).
const EXT: u64 = 0xef53;
/// The number of XFS (`XFS_SUPER_MAGIC`).
const XFS: u64 = 0x5846_5342;
/// The number of ZFS (`ZFS_SUPER_MAGIC` of OpenZFS).
const ZFS: u64 = 0x2fc1_2fc1;
/// The number of btrfs (`BTRFS_SUPER_MAGIC`).
const BTRFS: u64 = 0x9123_683e;

const MOUNTINFO: &str = "/proc/self/mountinfo";

/// One mounted file system, as `/proc/self/mountinfo` lists it (proc_pid_mountinfo(5)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// The kernel's number of the mount.
    pub id: u64,
    /// The directory of the file system that is mounted: `/`, or another one for a bind mount or a
    /// subvolume.
    pub root: PathBuf,
    /// Where it is mounted.
    pub mount_point: PathBuf,
    /// The type as the kernel names it, such as `ext4`.
    pub type_name: String,
    /// The device or dataset.
    pub source: String,
}

/// Everything that is mounted, in the order in which it was.
///
/// # Errors
/// Where the kernel's list cannot be read.
pub fn mounts() -> Result<Vec<Mount>, QuotaError> {
    let text = fs::read(MOUNTINFO)
        .map_err(|source| QuotaError::path("read", Path::new(MOUNTINFO), source))?;
    Ok(parse_mountinfo(&text))
}

/// An existing directory with the file system it is on.
#[derive(Debug)]
pub struct Place {
    fd: OwnedFd,
    path: PathBuf,
    magic: u64,
    block: u64,
    inode: u64,
    mount_id: Option<u64>,
    /// On btrfs, where the kernel tells it with the rest.
    subvolume: Option<u64>,
    /// Looked up when it is asked for: listing all mounts costs more than reading a usage.
    mount: OnceLock<Mount>,
}

impl Place {
    /// Opens the directory at `path`, not following a symbolic link there.
    ///
    /// # Errors
    /// [`QuotaError::NotFound`] where nothing is there, [`QuotaError::NotADirectory`] where
    /// something else is.
    pub fn open(path: &Path) -> Result<Place, QuotaError> {
        let fd = open_directory(path)?.ok_or_else(|| QuotaError::NotFound {
            what: "directory".into(),
            path: path.into(),
        })?;
        Self::of(fd, path)
    }

    /// Opens the directory at `path`, or the nearest one above it that exists.
    ///
    /// # Errors
    /// [`QuotaError::NotADirectory`] where something on the way is no directory.
    pub fn nearest(path: &Path) -> Result<Place, QuotaError> {
        for dir in path.ancestors() {
            if let Some(fd) = open_directory(dir)? {
                return Self::of(fd, dir);
            }
        }
        Err(QuotaError::path("open", path, Errno::NOENT))
    }

    fn of(fd: OwnedFd, path: &Path) -> Result<Place, QuotaError> {
        let fail = |error: Errno| QuotaError::path("look at", path, error);
        let whole = unix::fstatfs(&fd).map_err(fail)?;
        let subvolume = StatxFlags::from_bits_retain(sys::STATX_SUBVOLUME);
        let wanted = StatxFlags::INO | StatxFlags::MNT_ID | subvolume;
        let status = unix::statx(&fd, "", AtFlags::EMPTY_PATH, wanted).map_err(fail)?;
        let knows = |field| StatxFlags::from_bits_retain(status.stx_mask).contains(field);
        Ok(Place {
            fd,
            path: path.into(),
            magic: whole.f_type as u64,
            block: u64::try_from(whole.f_bsize).unwrap_or(4096),
            inode: status.stx_ino,
            mount_id: knows(StatxFlags::MNT_ID).then_some(status.stx_mnt_id),
            subvolume: knows(subvolume).then_some(status.stx_subvol),
            mount: OnceLock::new(),
        })
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The size of a block of its file system, in bytes.
    pub(crate) fn block(&self) -> u64 {
        self.block
    }

    /// Whether it is on XFS or one of ext2, ext3 and ext4, which only their names tell apart.
    pub(crate) fn may_count_by_id(&self) -> bool {
        matches!(self.magic, EXT | XFS)
    }

    /// The number of the directory in its file system.
    pub(crate) fn inode(&self) -> u64 {
        self.inode
    }

    /// The number of the subvolume it is in, where statx(2) tells it: on btrfs since Linux 6.10.
    pub(crate) fn subvolume(&self) -> Option<u64> {
        self.subvolume
    }

    /// The mount it is in.
    ///
    /// # Errors
    /// Where the kernel does not list it.
    pub fn mount(&self) -> Result<&Mount, QuotaError> {
        if let Some(mount) = self.mount.get() {
            return Ok(mount);
        }
        let found = find_mount(mounts()?, self.mount_id, &self.path)
            .ok_or_else(|| QuotaError::path("find the mount of", &self.path, Errno::NOENT))?;
        Ok(self.mount.get_or_init(|| found))
    }

    /// The device number and the path from the root of the file system, where the place was opened
    /// by a path without symbolic links.
    pub(crate) fn position(&self) -> Option<(u64, PathBuf)> {
        let mount = self.mount().ok()?;
        let below = self.path.strip_prefix(&mount.mount_point).ok()?;
        let device = unix::fstat(&self.fd).ok()?.st_dev;
        Some((device, mount.root.join(below)))
    }

    /// The kind of file system, where limits can be had on it.
    pub fn filesystem(&self) -> Option<Filesystem> {
        match self.magic {
            // ext2 and ext3 have the same number and no project quotas.
            EXT if self.mount().is_ok_and(|mount| mount.type_name == "ext4") => {
                Some(Filesystem::Ext4)
            }
            XFS => Some(Filesystem::Xfs),
            ZFS => Some(Filesystem::Zfs),
            BTRFS => Some(Filesystem::Btrfs),
            _ => None,
        }
    }

    /// The kind of file system.
    ///
    /// # Errors
    /// [`QuotaError::UnsupportedFilesystem`] where no limits can be had on it.
    pub fn known_filesystem(&self) -> Result<Filesystem, QuotaError> {
        match self.filesystem() {
            Some(filesystem) => Ok(filesystem),
            None => Err(QuotaError::UnsupportedFilesystem {
                path: self.path.clone(),
                type_name: self.mount()?.type_name.clone(),
            }),
        }
    }

    /// Whether limits are enforced, and how to switch them on where they are not.
    ///
    /// # Errors
    /// Where the file system cannot be asked.
    pub fn quota_state(&self) -> Result<QuotaState, QuotaError> {
        let Some(filesystem) = self.filesystem() else {
            return Ok(QuotaState::Unsupported {
                remedy: UNSUPPORTED_REMEDY.into(),
            });
        };
        match filesystem {
            Filesystem::Ext4 | Filesystem::Xfs => self.state_by_id(filesystem, QuotaKind::Project),
            Filesystem::Btrfs => btrfs::quota_state(self),
            Filesystem::Zfs => Ok(QuotaState::Enforced(filesystem)),
        }
    }

    /// The kind of file system, with limits enforced.
    ///
    /// # Errors
    /// [`QuotaError::UnsupportedFilesystem`], or [`QuotaError::Off`] with the way to switch limits
    /// on.
    pub fn require_enforced(&self) -> Result<Filesystem, QuotaError> {
        let filesystem = self.known_filesystem()?;
        match self.quota_state()? {
            QuotaState::Off { reason, remedy, .. } => Err(QuotaError::Off {
                mount_point: self.mount()?.mount_point.clone(),
                reason,
                remedy,
            }),
            _ => Ok(filesystem),
        }
    }

    /// Bytes an unprivileged writer can still use in the whole file system, whatever limit the
    /// directory is under.
    ///
    /// # Errors
    /// Where the file system cannot be asked.
    pub fn filesystem_free(&self) -> Result<u64, QuotaError> {
        // On btrfs statfs(2) knows no limits.
        if self.magic == BTRFS {
            return self.free();
        }
        // In a directory of a project, statfs(2) tells the rest of the limit.
        let other = match self.directory_above_project() {
            Some(above) => Some(above),
            // The mount's root, if that still is what is seen at the mount point.
            None => open_directory(&self.mount()?.mount_point)?.filter(|root| self.is_with(root)),
        };
        free(other.as_ref().unwrap_or(&self.fd))
            .map_err(|error| QuotaError::path("look at", &self.path, error))
    }

    /// The directory above, if it is on the same file system and what is made in it belongs to no
    /// project: mostly so, and found without listing all mounts.
    fn directory_above_project(&self) -> Option<OwnedFd> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let above = unix::openat(&self.fd, "..", flags, Mode::empty()).ok()?;
        let inherits = sys::file_attributes(&above).ok()?.flags & sys::PROJECT_INHERIT != 0;
        (!inherits && self.is_with(&above)).then_some(above)
    }

    /// Whether `other` is on the same file system.
    fn is_with(&self, other: &OwnedFd) -> bool {
        let device = |fd: BorrowedFd<'_>| unix::fstat(fd).map(|status| status.st_dev).ok();
        device(other.as_fd()) == device(self.fd.as_fd())
    }

    /// Bytes an unprivileged writer can still use in the directory.
    ///
    /// # Errors
    /// Where the file system cannot be asked.
    pub fn free(&self) -> Result<u64, QuotaError> {
        free(&self.fd).map_err(|error| QuotaError::path("look at", &self.path, error))
    }

    /// What the kernel of ext4 and XFS does about quotas of `kind`.
    ///
    /// # Errors
    /// Where it cannot be asked.
    pub(crate) fn switches(&self, kind: QuotaKind) -> Result<Switches, QuotaError> {
        match sys::switches(&self.fd, kind) {
            Ok(switches) => Ok(switches),
            Err(error) if means_quotas_are_off(&error) => Ok(Switches::default()),
            Err(error) => Err(QuotaError::path(
                "read the quota state of",
                &self.path,
                error,
            )),
        }
    }

    /// The error of quotas of `kind` that `switches` says are not enforced.
    pub(crate) fn off(
        &self,
        filesystem: Filesystem,
        kind: QuotaKind,
        switches: Switches,
    ) -> QuotaError {
        match self.mount() {
            Ok(mount) => QuotaError::Off {
                mount_point: mount.mount_point.clone(),
                reason: reason(kind, switches, mount),
                remedy: remedy(filesystem, kind, switches.counted, mount),
            },
            Err(error) => error,
        }
    }

    fn state_by_id(
        &self,
        filesystem: Filesystem,
        kind: QuotaKind,
    ) -> Result<QuotaState, QuotaError> {
        let switches = self.switches(kind)?;
        if switches.enforced {
            return Ok(QuotaState::Enforced(filesystem));
        }
        let mount = self.mount()?;
        Ok(QuotaState::Off {
            filesystem,
            reason: reason(kind, switches, mount),
            remedy: remedy(filesystem, kind, switches.counted, mount),
        })
    }
}

impl AsFd for Place {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Opens the directory at `path`, or `None` where nothing is there.
pub(crate) fn open_directory(path: &Path) -> Result<Option<OwnedFd>, QuotaError> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match unix::open(path, flags, Mode::empty()) {
        Ok(fd) => Ok(Some(fd)),
        Err(Errno::NOENT) => Ok(None),
        Err(Errno::NOTDIR | Errno::LOOP) => Err(QuotaError::NotADirectory { path: path.into() }),
        Err(error) => Err(QuotaError::path("open", path, error)),
    }
}

/// Whether `error` of a quota call says that this file system has no quotas switched on: `ESRCH`
/// from ext4, `ENOSYS` from XFS and from file systems that never have any.
pub(crate) fn means_quotas_are_off(error: &io::Error) -> bool {
    let off = [Errno::SRCH, Errno::NOSYS, Errno::OPNOTSUPP];
    off.iter()
        .any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

fn free(fd: impl AsFd) -> Result<u64, Errno> {
    let status = unix::fstatfs(fd)?;
    Ok(status.f_bavail.saturating_mul(status.f_bsize as u64))
}

/// How quotas of `kind` are not enforced.
fn reason(kind: QuotaKind, switches: Switches, mount: &Mount) -> String {
    let (kind, source) = (kind.name(), &mount.source);
    match switches.counted {
        true => format!("{kind} quotas on {source} are counted, but not enforced"),
        false => format!("{kind} quotas are switched off on {source}"),
    }
}

/// How to switch quotas of `kind` on.
fn remedy(filesystem: Filesystem, kind: QuotaKind, counted: bool, mount: &Mount) -> String {
    let source = &mount.source;
    let mount_point = mount.mount_point.display();
    let is_root = mount.mount_point == Path::new("/");
    let option = kind.mount_option(filesystem);
    // Mounting ext4 anew in place shows the option in /proc/mounts, but enforces nothing.
    if filesystem == Filesystem::Ext4 && counted {
        return format!(
            "run `quotaon {} {mount_point}` (package quota), and add `{option}` to the options of \
             {mount_point} in /etc/fstab so that it stays",
            kind.tool_option()
        );
    }
    let tune = format!(
        "`tune2fs -O {} -Q {} {source}`",
        kind.ext4_features(),
        kind.ext4_name()
    );
    let again = if is_root && filesystem == Filesystem::Xfs {
        format!(
            "add `rootflags={option}` to GRUB_CMDLINE_LINUX in /etc/default/grub, \
             run `update-grub` and reboot"
        )
    } else {
        format!(
            "add `{option}` to the options of {mount_point} in /etc/fstab, \
             then `umount {mount_point} && mount {mount_point}`"
        )
    };
    match filesystem {
        Filesystem::Ext4 if is_root => format!(
            "start another system, run {tune} there, and start this one again with `{option}` \
             among the options of / in /etc/fstab"
        ),
        Filesystem::Ext4 => format!("run `umount {mount_point}` and {tune}; then {again}"),
        _ => again,
    }
}

/// The mount of a path: the one the kernel names, or else the last one on the way to the path.
fn find_mount(mounts: Vec<Mount>, id: Option<u64>, path: &Path) -> Option<Mount> {
    match id {
        Some(id) => mounts.into_iter().find(|mount| mount.id == id),
        None => {
            // A later mount hides an earlier one at the same place and all below it.
            let mut found: Option<Mount> = None;
            for mount in mounts {
                let hides = found
                    .as_ref()
                    .is_none_or(|found| mount.mount_point.starts_with(&found.mount_point));
                if path.starts_with(&mount.mount_point) && hides {
                    found = Some(mount);
                }
            }
            found
        }
    }
}

/// The mounts in the text of a `mountinfo` file; lines that are not understood are left out.
fn parse_mountinfo(text: &[u8]) -> Vec<Mount> {
    text.split(|&byte| byte == b'\n')
        .filter_map(parse_mount)
        .collect()
}

fn parse_mount(line: &[u8]) -> Option<Mount> {
    let mut fields = line.split(|&byte| byte == b' ');
    let id = std::str::from_utf8(fields.next()?).ok()?.parse().ok()?;
    let root = unescape(fields.nth(2)?);
    let mount_point = unescape(fields.next()?);
    // Options, then any number of optional fields that a lone hyphen ends.
    fields.find(|field| *field == b"-")?;
    let type_name = unescape(fields.next()?);
    let source = unescape(fields.next()?);
    Some(Mount {
        id,
        root: root.into(),
        mount_point: mount_point.into(),
        type_name: type_name.to_string_lossy().into_owned(),
        source: source.to_string_lossy().into_owned(),
    })
}

/// `field` with `\040` and the like (three octal digits) turned back into bytes.
pub(crate) fn unescape(field: &[u8]) -> OsString {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        let code = after.get(..3).and_then(octal).filter(|_| byte == b'\\');
        match code {
            Some(code) => {
                bytes.push(code);
                rest = &after[3..];
            }
            None => bytes.push(byte),
        }
    }
    OsString::from_vec(bytes)
}

fn octal(digits: &[u8]) -> Option<u8> {
    u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RECORDED: &[u8] = br"21 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,discard
22 21 0:20 / /proc rw,relatime shared:2 - proc proc rw
90 21 7:0 / /srv/team\040files rw,relatime shared:40 master:3 - xfs /dev/loop0 rw,prjquota
91 90 7:0 /inner /srv/team\040files/bind rw,relatime - xfs /dev/loop0 rw,prjquota
92 21 0:44 / /tank/smb rw,relatime shared:41 - zfs tank/smb rw,xattr,posixacl
93 21 7:1 / /mnt rw,relatime - ext4 /dev/loop1 rw
94 93 7:2 / /mnt rw,relatime - btrfs /dev/loop2 rw
garbage
";

    fn found(id: Option<u64>, path: &str) -> u64 {
        find_mount(parse_mountinfo(RECORDED), id, Path::new(path))
            .unwrap()
            .id
    }

    #[test]
    fn recorded_mounts_are_read() {
        let mounts = parse_mountinfo(RECORDED);
        assert_eq!(mounts.len(), 7);
        assert_eq!(
            mounts[3],
            Mount {
                id: 91,
                root: "/inner".into(),
                mount_point: "/srv/team files/bind".into(),
                type_name: "xfs".into(),
                source: "/dev/loop0".into(),
            }
        );
        assert_eq!(mounts[4].source, "tank/smb");
    }

    #[test]
    fn the_mount_that_is_seen_at_a_path_is_found() {
        assert_eq!(found(None, "/etc"), 21);
        assert_eq!(found(None, "/srv/team files/x"), 90);
        assert_eq!(found(None, "/srv/team files/bind/x"), 91);
        assert_eq!(found(None, "/srv/team filesystem"), 21);
        assert_eq!(found(None, "/mnt/x"), 94);
        assert_eq!(found(Some(93), "/mnt/x"), 93);
    }

    #[test]
    fn remedies_name_the_commands() {
        let mounts = parse_mountinfo(RECORDED);
        let project = QuotaKind::Project;
        let ext4 = remedy(Filesystem::Ext4, project, false, &mounts[5]);
        assert!(ext4.contains("`tune2fs -O quota,project -Q prjquota /dev/loop1`"));
        assert!(!remedy(Filesystem::Ext4, project, true, &mounts[5]).contains("tune2fs"));
        let xfs = remedy(Filesystem::Xfs, project, false, &mounts[0]);
        assert!(xfs.contains("`rootflags=pquota`"));
        let users = remedy(Filesystem::Ext4, QuotaKind::User, false, &mounts[5]);
        assert!(users.contains("`tune2fs -O quota -Q usrquota /dev/loop1`"));
        let groups = remedy(Filesystem::Xfs, QuotaKind::Group, false, &mounts[0]);
        assert!(groups.contains("`rootflags=gquota`"));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in prop::collection::vec(any::<u8>(), 0..300)) {
            parse_mountinfo(&text);
            unescape(&text);
        }

        #[test]
        fn escaped_paths_read_back(path in "[a-z \\t\\n\\\\]{0,20}") {
            let escaped: Vec<u8> = path
                .bytes()
                .flat_map(|byte| match byte {
                    b' ' | b'\t' | b'\n' | b'\\' => format!("\\{byte:03o}").into_bytes(),
                    _ => vec![byte],
                })
                .collect();
            prop_assert_eq!(unescape(&escaped), OsString::from(path));
        }
    }
}
