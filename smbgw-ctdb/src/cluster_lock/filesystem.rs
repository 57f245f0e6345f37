//! What a folder is on, and whether other machines can be on it, too.

use std::path::Path;

use serde::{Deserialize, Serialize};
use smbgw_core::deadline::Deadline;
use smbgw_core::host::{Command, CommandError, Host};

/// What a path of a node is on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Filesystem {
    /// Its type, as in `/proc/filesystems`: `ceph`, `ext4`, …
    pub kind: String,
    /// What is mounted.
    pub source: String,
    /// Where.
    pub target: String,
    /// How.
    pub options: String,
}

/// Whether several machines can be on a filesystem of some type at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// One machine alone, and two that are break it.
    Local,
    /// Several, and locks can hold between them.
    Shared,
    /// It depends, or nobody here knows: only a trial tells.
    Unknown,
}

/// What findmnt(8) prints.
#[derive(Deserialize)]
struct Listing {
    filesystems: Vec<Mounted>,
}

#[derive(Deserialize)]
struct Mounted {
    fstype: String,
    source: String,
    target: String,
    options: String,
}

impl Filesystem {
    /// What `path` is on, which has to be there.
    ///
    /// # Errors
    /// Where that cannot be told.
    pub fn of(host: &dyn Host, path: &Path, deadline: Deadline) -> Result<Self, CommandError> {
        let command = Command::new("findmnt")
            .args(["--json", "--output", "TARGET,SOURCE,FSTYPE,OPTIONS"])
            .arg("--target")
            .arg(path);
        let output = host.run(&command, deadline)?;
        let unexpected = |what: String| CommandError::unexpected(&command, what);
        let listing: Listing = serde_json::from_slice(&output.stdout)
            .map_err(|error| unexpected(error.to_string()))?;
        let found = listing.filesystems.into_iter().next_back();
        let found = found.ok_or_else(|| unexpected("no filesystem".into()))?;
        Ok(Self {
            kind: found.fstype,
            source: found.source,
            target: found.target,
            options: found.options,
        })
    }

    /// Whether several machines can be on it, and keep each other out by locks.
    pub fn sharing(&self) -> Sharing {
        // nfs(5): with these, locks are those of one machine alone.
        let is_alone =
            |option: &str| matches!(option, "nolock" | "local_lock=all" | "local_lock=posix");
        if self.kind.starts_with("nfs") && self.options.split(',').any(is_alone) {
            return Sharing::Local;
        }
        sharing(&self.kind)
    }

    /// Whether nothing can be written there.
    pub fn is_read_only(&self) -> bool {
        self.options.split(',').any(|option| option == "ro")
    }
}

/// Whether several machines can be on a filesystem of this type.
fn sharing(kind: &str) -> Sharing {
    match kind {
        "nfs" | "nfs4" | "ceph" | "fuse.ceph" | "fuse.ceph-fuse" | "fuse.glusterfs" | "gfs2"
        | "ocfs2" | "lustre" | "gpfs" | "beegfs" | "fuse.mfs" | "fuse.moosefs" | "fuse.juicefs" => {
            Sharing::Shared
        }
        "ext2" | "ext3" | "ext4" | "xfs" | "btrfs" | "zfs" | "fuse.zfs" | "bcachefs" | "f2fs"
        | "jfs" | "reiserfs" | "nilfs2" | "tmpfs" | "ramfs" | "rootfs" | "overlay" | "vfat"
        | "exfat" | "ntfs" | "ntfs3" | "fuseblk" | "hfsplus" | "squashfs" | "iso9660" | "udf"
        | "erofs" => Sharing::Local,
        // virtiofs and 9p show a folder of the host, which may be any; SMB mounts may keep locks to themselves.
        _ => Sharing::Unknown,
    }
}

/// What tells the running kernels of machines apart: containers of one machine have the same.
///
/// # Errors
/// Where it cannot be read.
pub(crate) fn kernel(host: &dyn Host, deadline: Deadline) -> Result<String, CommandError> {
    let command = Command::new("cat").arg("/proc/sys/kernel/random/boot_id");
    Ok(host.run(&command, deadline)?.text().trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(kind: &str, options: &str) -> Filesystem {
        Filesystem {
            kind: kind.into(),
            source: "here".into(),
            target: "/srv".into(),
            options: options.into(),
        }
    }

    #[test]
    fn types_are_known() {
        for (kind, expected) in [
            ("ext4", Sharing::Local),
            ("zfs", Sharing::Local),
            ("tmpfs", Sharing::Local),
            ("overlay", Sharing::Local),
            ("ceph", Sharing::Shared),
            ("fuse.glusterfs", Sharing::Shared),
            ("ocfs2", Sharing::Shared),
            ("nfs4", Sharing::Shared),
            ("virtiofs", Sharing::Unknown),
            ("cifs", Sharing::Unknown),
            ("somethingfs", Sharing::Unknown),
        ] {
            assert_eq!(on(kind, "rw").sharing(), expected, "{kind}");
        }
    }

    #[test]
    fn nfs_may_keep_locks_to_itself() {
        for (options, expected) in [
            ("rw,vers=3,nolock", Sharing::Local),
            ("rw,local_lock=all", Sharing::Local),
            ("rw,local_lock=posix,soft", Sharing::Local),
            ("rw,local_lock=none", Sharing::Shared),
            ("rw,local_lock=flock", Sharing::Shared),
        ] {
            assert_eq!(on("nfs", options).sharing(), expected, "{options}");
        }
        assert!(on("nfs", "ro,relatime").is_read_only());
        assert!(!on("nfs", "rw,errors=remount-ro").is_read_only());
    }

    #[test]
    fn what_findmnt_prints_is_read() {
        let text = br#"{ "filesystems": [
            {"target":"/srv", "source":"gl:/data", "fstype":"fuse.glusterfs", "options":"rw,relatime"}
        ] }"#;
        let listing: Listing = serde_json::from_slice(text).unwrap();
        assert_eq!(listing.filesystems[0].fstype, "fuse.glusterfs");
    }
}
