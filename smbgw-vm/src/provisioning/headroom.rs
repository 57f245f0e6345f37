//! How large a disk has to be for a quota, so that the quota and not the disk is what stops a client.

use smbgw_core::size::ByteSize;

/// What a filesystem keeps for itself whatever its size: its log or journal, and what XFS sets aside so that it never
/// fails for want of room (mkfs.xfs(8), mke2fs(8)).
const FIXED: u64 = 512 << 20;

/// The smallest disk with room for `quota` bytes of files. Beside [`FIXED`], a sixteenth is for what grows with the
/// filesystem: the tables of inodes of ext4, of which there is one for each 16 KiB, and the reserves and inodes of XFS.
pub(super) fn smallest_disk(quota: ByteSize) -> ByteSize {
    let quota = quota.bytes();
    ByteSize::from_bytes(quota.saturating_add(quota / 16).saturating_add(FIXED))
}
