//! The system calls and `ioctl`s of quotas that no crate offers. The only `unsafe` of this crate.
//!
//! Sources: quotactl(2), `linux/quota.h`, `linux/dqblk_xfs.h`, `linux/fs.h`, `linux/btrfs.h`.

#![allow(unsafe_code)]

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsFd, AsRawFd};

use crate::kind::QuotaKind;

/// Limits and usage of one id: `struct if_nextdqblk`, whose head is `struct if_dqblk`.
///
/// Block limits count 1024 bytes, `space` counts bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct DiskQuota {
    pub(crate) block_hard: u64,
    pub(crate) block_soft: u64,
    pub(crate) space: u64,
    pub(crate) inode_hard: u64,
    pub(crate) inode_soft: u64,
    pub(crate) inodes: u64,
    pub(crate) block_time: u64,
    pub(crate) inode_time: u64,
    pub(crate) valid: u32,
    pub(crate) id: u32,
}

/// `struct fs_qfilestatv`: where one kind of quota is stored.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
struct QuotaFile {
    inode: u64,
    blocks: u64,
    extents: u32,
    pad: u32,
}

/// `struct fs_quota_statv`: which quotas are counted and enforced.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
struct QuotaStatus {
    version: i8,
    pad1: u8,
    flags: u16,
    in_core: u32,
    user: QuotaFile,
    group: QuotaFile,
    project: QuotaFile,
    time_limits: [i32; 3],
    warning_limits: [u16; 3],
    pad3: u16,
    pad4: u32,
    pad2: [u64; 7],
}

/// `struct fsxattr`: the project of a file or directory, among other things.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct FileAttributes {
    pub(crate) flags: u32,
    pub(crate) extent_size: u32,
    pub(crate) extents: u32,
    pub(crate) project: u32,
    pub(crate) cow_extent_size: u32,
    pad: [u8; 8],
}

/// What is made in a directory with this flag belongs to its project (`FS_XFLAG_PROJINHERIT`).
pub(crate) const PROJECT_INHERIT: u32 = 0x200;

/// `struct if_dqinfo`: for how long soft limits may be exceeded.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct QuotaInfo {
    /// Seconds for which the soft limit of bytes may be exceeded.
    pub(crate) block_grace: u64,
    /// Seconds for which the soft limit of files may be exceeded.
    pub(crate) inode_grace: u64,
    flags: u32,
    valid: u32,
}

impl QuotaInfo {
    pub(crate) fn of_seconds(block_grace: u64, inode_grace: u64) -> Self {
        Self {
            block_grace,
            inode_grace,
            ..Self::default()
        }
    }
}

/// The limits of blocks in [`DiskQuota::valid`] (`QIF_BLIMITS`).
pub(crate) const BLOCK_LIMITS: u32 = 1;
/// The limits of files in [`DiskQuota::valid`] (`QIF_ILIMITS`).
pub(crate) const INODE_LIMITS: u32 = 1 << 2;
/// The end of the grace for blocks in [`DiskQuota::valid`] (`QIF_BTIME`).
pub(crate) const BLOCK_TIME: u32 = 1 << 4;
/// The end of the grace for files in [`DiskQuota::valid`] (`QIF_ITIME`).
pub(crate) const INODE_TIME: u32 = 1 << 5;

const Q_GETINFO: u32 = 0x0080_0005;
const Q_SETINFO: u32 = 0x0080_0006;
const Q_GETQUOTA: u32 = 0x0080_0007;
const Q_SETQUOTA: u32 = 0x0080_0008;
const Q_GETNEXTQUOTA: u32 = 0x0080_0009;
const Q_XGETQSTATV: u32 = (b'X' as u32) << 8 | 8;

/// Limits and usage of `id` on the file system that `fd` is open on.
pub(crate) fn quota(fd: impl AsFd, kind: QuotaKind, id: u32) -> io::Result<DiskQuota> {
    let mut quota = DiskQuota::default();
    // SAFETY: the kernel writes a `struct if_dqblk`, which `DiskQuota` begins with.
    unsafe { quotactl(fd, Q_GETQUOTA, kind, id, &raw mut quota) }?;
    quota.id = id;
    Ok(quota)
}

/// Limits and usage of the first id that is `id` or above.
pub(crate) fn next_quota(fd: impl AsFd, kind: QuotaKind, id: u32) -> io::Result<DiskQuota> {
    let mut quota = DiskQuota::default();
    // SAFETY: the kernel writes a `struct if_nextdqblk`, which `DiskQuota` is.
    unsafe { quotactl(fd, Q_GETNEXTQUOTA, kind, id, &raw mut quota) }?;
    Ok(quota)
}

/// Sets what [`DiskQuota::valid`] names of `quota`, for the id in it.
pub(crate) fn set_quota(fd: impl AsFd, kind: QuotaKind, quota: &DiskQuota) -> io::Result<()> {
    let mut quota = *quota;
    // SAFETY: the kernel reads a `struct if_dqblk`, which `DiskQuota` begins with.
    unsafe { quotactl(fd, Q_SETQUOTA, kind, quota.id, &raw mut quota) }
}

/// For how long soft limits may be exceeded on the file system that `fd` is open on.
pub(crate) fn quota_info(fd: impl AsFd, kind: QuotaKind) -> io::Result<QuotaInfo> {
    let mut info = QuotaInfo::default();
    // SAFETY: the kernel writes a `struct if_dqinfo`, which `QuotaInfo` is.
    unsafe { quotactl(fd, Q_GETINFO, kind, 0, &raw mut info) }?;
    Ok(info)
}

/// Sets for how long soft limits may be exceeded.
pub(crate) fn set_quota_info(fd: impl AsFd, kind: QuotaKind, info: &QuotaInfo) -> io::Result<()> {
    const BOTH_GRACES: u32 = 1 | 2;
    let mut info = QuotaInfo {
        valid: BOTH_GRACES,
        ..*info
    };
    // SAFETY: the kernel reads a `struct if_dqinfo`, which `QuotaInfo` is.
    unsafe { quotactl(fd, Q_SETINFO, kind, 0, &raw mut info) }
}

/// What the kernel does about quotas of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Switches {
    pub(crate) counted: bool,
    pub(crate) enforced: bool,
}

/// Whether quotas of `kind` are counted and enforced on the file system that `fd` is open on.
pub(crate) fn switches(fd: impl AsFd, kind: QuotaKind) -> io::Result<Switches> {
    let mut status = QuotaStatus {
        version: 1,
        ..QuotaStatus::default()
    };
    // SAFETY: the kernel reads the version and writes a `struct fs_quota_statv`.
    unsafe { quotactl(fd, Q_XGETQSTATV, kind, 0, &raw mut status) }?;
    // From `FS_QUOTA_UDQ_ACCT` and `FS_QUOTA_UDQ_ENFD` on, two bits for each kind.
    let bits = status.flags >> (2 * kind as u16);
    Ok(Switches {
        counted: bits & 1 != 0,
        enforced: bits & 3 == 3,
    })
}

/// The project and flags of the file or directory that `fd` is open on.
pub(crate) fn file_attributes(fd: impl AsFd) -> io::Result<FileAttributes> {
    let mut attributes = FileAttributes::default();
    // SAFETY: `FS_IOC_FSGETXATTR` writes a `struct fsxattr`.
    unsafe { ioctl(fd, read_code(b'X', 31, 28), &raw mut attributes) }?;
    Ok(attributes)
}

/// Sets the project and flags of the file or directory that `fd` is open on.
pub(crate) fn set_file_attributes(fd: impl AsFd, attributes: FileAttributes) -> io::Result<()> {
    let mut attributes = attributes;
    // SAFETY: `FS_IOC_FSSETXATTR` reads a `struct fsxattr`.
    unsafe { ioctl(fd, write_code(b'X', 32, 28), &raw mut attributes) }
}

/// `struct btrfs_ioctl_vol_args`.
#[repr(C)]
struct SubvolumeName {
    fd: i64,
    name: [u8; 4088],
}

impl SubvolumeName {
    fn new(name: &CStr) -> io::Result<Self> {
        let mut args = Self {
            fd: 0,
            name: [0; 4088],
        };
        let bytes = name.to_bytes_with_nul();
        args.name
            .get_mut(..bytes.len())
            .ok_or(io::ErrorKind::InvalidFilename)?
            .copy_from_slice(bytes);
        Ok(args)
    }
}

/// `struct btrfs_ioctl_ino_lookup_args`.
#[repr(C)]
struct InodeLookup {
    tree: u64,
    object: u64,
    name: [u8; 4080],
}

/// `struct btrfs_ioctl_fs_info_args`.
#[repr(C)]
struct FilesystemInfo {
    highest_device: u64,
    devices: u64,
    id: [u8; 16],
    rest: [u8; 992],
}

/// `struct btrfs_ioctl_qgroup_limit_args`.
#[repr(C)]
struct GroupLimit {
    group: u64,
    flags: u64,
    referenced: u64,
    exclusive: u64,
    reserved: [u64; 2],
}

/// `struct btrfs_ioctl_qgroup_create_args`.
#[repr(C)]
struct GroupCreate {
    create: u64,
    group: u64,
}

/// `struct btrfs_ioctl_quota_rescan_args`.
#[repr(C)]
#[derive(Default)]
struct Rescan {
    flags: u64,
    progress: u64,
    reserved: [u64; 6],
}

const BTRFS: u8 = 0x94;

/// Makes the subvolume `name` in the directory `parent`.
pub(crate) fn create_subvolume(parent: impl AsFd, name: &CStr) -> io::Result<()> {
    let mut args = SubvolumeName::new(name)?;
    // SAFETY: `BTRFS_IOC_SUBVOL_CREATE` reads a `struct btrfs_ioctl_vol_args`.
    unsafe { ioctl(parent, write_code(BTRFS, 14, 4096), &raw mut args) }
}

/// Deletes the subvolume `name` in the directory `parent` with all that is in it.
pub(crate) fn delete_subvolume(parent: impl AsFd, name: &CStr) -> io::Result<()> {
    let mut args = SubvolumeName::new(name)?;
    // SAFETY: `BTRFS_IOC_SNAP_DESTROY` reads a `struct btrfs_ioctl_vol_args`.
    unsafe { ioctl(parent, write_code(BTRFS, 15, 4096), &raw mut args) }
}

/// The id of the subvolume that `fd` is open in; needs no privilege.
pub(crate) fn subvolume_id(fd: impl AsFd) -> io::Result<u64> {
    let mut args = InodeLookup {
        tree: 0,
        object: SUBVOLUME_INODE,
        name: [0; 4080],
    };
    // SAFETY: `BTRFS_IOC_INO_LOOKUP` reads and writes a `struct btrfs_ioctl_ino_lookup_args`.
    unsafe { ioctl(fd, both_code(BTRFS, 18, 4096), &raw mut args) }?;
    Ok(args.tree)
}

/// The field of statx(2) with the number of the subvolume, since Linux 6.10 (`STATX_SUBVOL`).
pub(crate) const STATX_SUBVOLUME: u32 = 0x8000;

/// The inode number of the root directory of every subvolume (`BTRFS_FIRST_FREE_OBJECTID`).
pub(crate) const SUBVOLUME_INODE: u64 = 256;

/// The UUID of the btrfs that `fd` is open on; needs no privilege.
pub(crate) fn btrfs_id(fd: impl AsFd) -> io::Result<[u8; 16]> {
    let mut args = FilesystemInfo {
        highest_device: 0,
        devices: 0,
        id: [0; 16],
        rest: [0; 992],
    };
    // SAFETY: `BTRFS_IOC_FS_INFO` reads and writes a `struct btrfs_ioctl_fs_info_args`.
    unsafe { ioctl(fd, read_code(BTRFS, 31, 1024), &raw mut args) }?;
    Ok(args.id)
}

/// Limits what quota group 0/`group` refers to, to `bytes`; `None` removes the limit.
pub(crate) fn limit_group(fd: impl AsFd, group: u64, bytes: Option<u64>) -> io::Result<()> {
    const MAX_REFERENCED: u64 = 1;
    // All ones is the kernel's `CLEAR_VALUE`.
    let mut args = GroupLimit {
        group,
        flags: MAX_REFERENCED,
        referenced: bytes.unwrap_or(u64::MAX),
        exclusive: 0,
        reserved: [0; 2],
    };
    // SAFETY: `BTRFS_IOC_QGROUP_LIMIT` reads a `struct btrfs_ioctl_qgroup_limit_args`.
    unsafe { ioctl(fd, read_code(BTRFS, 43, 48), &raw mut args) }
}

/// Removes quota group 0/`group`, which a deleted subvolume leaves behind.
pub(crate) fn remove_group(fd: impl AsFd, group: u64) -> io::Result<()> {
    let mut args = GroupCreate { create: 0, group };
    // SAFETY: `BTRFS_IOC_QGROUP_CREATE` reads a `struct btrfs_ioctl_qgroup_create_args`.
    unsafe { ioctl(fd, write_code(BTRFS, 42, 16), &raw mut args) }
}

/// Makes quota group 0/`group` of a subvolume that has none.
pub(crate) fn create_group(fd: impl AsFd, group: u64) -> io::Result<()> {
    let mut args = GroupCreate { create: 1, group };
    // SAFETY: `BTRFS_IOC_QGROUP_CREATE` reads a `struct btrfs_ioctl_qgroup_create_args`.
    unsafe { ioctl(fd, write_code(BTRFS, 42, 16), &raw mut args) }
}

/// Starts to count all quota groups of the btrfs that `fd` is open on anew.
pub(crate) fn count_groups_anew(fd: impl AsFd) -> io::Result<()> {
    let mut args = Rescan::default();
    // SAFETY: `BTRFS_IOC_QUOTA_RESCAN` reads a `struct btrfs_ioctl_quota_rescan_args`.
    unsafe { ioctl(fd, write_code(BTRFS, 44, 64), &raw mut args) }
}

/// Whether the kernel is counting all quota groups of the btrfs that `fd` is open on anew.
pub(crate) fn are_groups_being_counted(fd: impl AsFd) -> io::Result<bool> {
    let mut args = Rescan::default();
    // SAFETY: `BTRFS_IOC_QUOTA_RESCAN_STATUS` writes a `struct btrfs_ioctl_quota_rescan_args`.
    unsafe { ioctl(fd, read_code(BTRFS, 45, 64), &raw mut args) }?;
    Ok(args.flags != 0)
}

/// Calls `quotactl_fd`.
///
/// # Safety
/// `data` points to the structure that `command` reads or writes.
unsafe fn quotactl<T>(
    fd: impl AsFd,
    command: u32,
    kind: QuotaKind,
    id: u32,
    data: *mut T,
) -> io::Result<()> {
    let command = command << 8 | kind as u32;
    let fd = fd.as_fd().as_raw_fd();
    // SAFETY: the caller vouches for `data`; the other arguments are plain numbers.
    let result = unsafe { libc::syscall(libc::SYS_quotactl_fd, fd, command, id, data) };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// Calls `ioctl`.
///
/// # Safety
/// `data` points to the structure that `code` reads or writes.
unsafe fn ioctl<T>(fd: impl AsFd, code: u32, data: *mut T) -> io::Result<()> {
    debug_assert_eq!(size_of::<T>(), (code >> 16 & 0x3fff) as usize);
    // SAFETY: the caller vouches for `data`.
    let result = unsafe { libc::ioctl(fd.as_fd().as_raw_fd(), code as libc::Ioctl, data) };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

const fn write_code(kind: u8, number: u8, size: u32) -> u32 {
    1 << 30 | size << 16 | (kind as u32) << 8 | number as u32
}

const fn read_code(kind: u8, number: u8, size: u32) -> u32 {
    2 << 30 | size << 16 | (kind as u32) << 8 | number as u32
}

const fn both_code(kind: u8, number: u8, size: u32) -> u32 {
    3 << 30 | size << 16 | (kind as u32) << 8 | number as u32
}

#[cfg(test)]
mod tests {
    use std::mem::offset_of;

    use super::*;

    #[test]
    fn the_structures_have_the_layout_of_the_kernel_headers() {
        assert_eq!(size_of::<DiskQuota>(), 72);
        assert_eq!(offset_of!(DiskQuota, space), 16);
        assert_eq!(offset_of!(DiskQuota, inodes), 40);
        assert_eq!(offset_of!(DiskQuota, valid), 64);
        assert_eq!(offset_of!(DiskQuota, id), 68);
        assert_eq!(size_of::<QuotaInfo>(), 24);
        assert_eq!(offset_of!(QuotaInfo, valid), 20);
        assert_eq!(size_of::<QuotaFile>(), 24);
        assert_eq!(size_of::<QuotaStatus>(), 160);
        assert_eq!(offset_of!(QuotaStatus, flags), 2);
        assert_eq!(offset_of!(QuotaStatus, project), 56);
        assert_eq!(offset_of!(QuotaStatus, pad2), 104);
        assert_eq!(size_of::<FileAttributes>(), 28);
        assert_eq!(offset_of!(FileAttributes, project), 12);
        assert_eq!(size_of::<SubvolumeName>(), 4096);
        assert_eq!(size_of::<InodeLookup>(), 4096);
        assert_eq!(size_of::<FilesystemInfo>(), 1024);
        assert_eq!(size_of::<GroupLimit>(), 48);
        assert_eq!(size_of::<GroupCreate>(), 16);
        assert_eq!(size_of::<Rescan>(), 64);
    }

    #[test]
    fn the_codes_are_those_of_the_kernel_headers() {
        assert_eq!(read_code(b'X', 31, 28), 0x801c_581f);
        assert_eq!(write_code(b'X', 32, 28), 0x401c_5820);
        assert_eq!(write_code(BTRFS, 14, 4096), 0x5000_940e);
        assert_eq!(both_code(BTRFS, 18, 4096), 0xd000_9412);
        assert_eq!(read_code(BTRFS, 43, 48), 0x8030_942b);
        assert_eq!(Q_XGETQSTATV, 0x5808);
    }
}
