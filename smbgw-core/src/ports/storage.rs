//! Where the data of a share lives, and the limit the kernel enforces on it.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::change::Change;
use crate::deadline::Deadline;
use crate::ports::{Depth, Deviation, Meant, PortError, Repair, Stray};
use crate::share::ShareName;

/// Places for the data of shares, with enforced limits.
///
/// Implemented by `smbgw-quota` for ext4, XFS, ZFS and btrfs. [`survey`](Storage::survey) and
/// [`choose`](Storage::choose) change nothing; every mutation is idempotent, so that a life cycle
/// that was interrupted can do or undo a step again.
pub trait Storage: Sync {
    /// What is at `path`, or at the nearest directory above it that exists.
    ///
    /// # Errors
    /// Where the file system cannot be looked at. A file system without usable quotas is no error
    /// here: [`Survey::quota`] says so.
    fn survey(&self, path: &Path, deadline: Deadline) -> Result<Survey, PortError>;

    /// Chooses what the volume of `share` at `path` will be: its file system, whether it is made
    /// new, and an identity (project id, dataset) that nothing on the file system and none of
    /// `taken` uses.
    ///
    /// # Errors
    /// Where the file system has no usable quotas, or what is at `path` cannot become a volume.
    fn choose(
        &self,
        share: &ShareName,
        path: &Path,
        taken: &[Volume],
        deadline: Deadline,
    ) -> Result<Volume, PortError>;

    /// Makes `volume`: the directory, dataset or subvolume, and the mark that counts everything
    /// below its path. The directories above the path exist.
    ///
    /// # Errors
    /// Where that fails; calling [`destroy`](Storage::destroy) is right whatever was done.
    fn create(&self, volume: &Volume, deadline: Deadline) -> Result<Change, PortError>;

    /// Takes back what [`create`](Storage::create) did, whole or in part: limit, mark and
    /// registration, and for a volume that was made new, as `data` says, the directory, dataset or
    /// subvolume itself. An adopted one is never removed.
    ///
    /// # Errors
    /// Where that fails; it may be called again.
    fn destroy(&self, volume: &Volume, data: Data, deadline: Deadline)
    -> Result<Change, PortError>;

    /// The limits set on `volume`.
    ///
    /// # Errors
    /// Where they cannot be read.
    fn limits(&self, volume: &Volume, deadline: Deadline) -> Result<Limits, PortError>;

    /// Sets the limits of `volume`, whether or not it holds more than that already; a field that is
    /// `None` means no limit.
    ///
    /// # Errors
    /// Where they cannot be set (ZFS refuses a limit below the usage).
    fn set_limits(
        &self,
        volume: &Volume,
        limits: Limits,
        deadline: Deadline,
    ) -> Result<Change, PortError>;

    /// The usage of each of `volumes`, in the same order, in one pass.
    fn usages(&self, volumes: &[&Volume], deadline: Deadline) -> Vec<Result<Usage, PortError>>;

    /// The usage of one volume.
    ///
    /// # Errors
    /// Where it cannot be read.
    fn usage(&self, volume: &Volume, deadline: Deadline) -> Result<Usage, PortError> {
        self.usages(&[volume], deadline).remove(0)
    }

    /// What the file systems enforce on each of `meant`, where that is not what is meant, in the
    /// same order, in one pass; changes nothing.
    ///
    /// What is being changed meanwhile may be met before or after its change. Where the deadline
    /// passes in the middle of a volume, what was found until then is told, and that there may be
    /// more.
    fn inspections(
        &self,
        meant: &[Meant<'_>],
        depth: Depth,
        deadline: Deadline,
    ) -> Vec<Result<Vec<Deviation>, PortError>>;

    /// The same for one volume.
    ///
    /// # Errors
    /// Where it cannot be looked at. That it is not there or not limited is no error, but a
    /// deviation.
    fn inspect(
        &self,
        meant: Meant<'_>,
        depth: Depth,
        deadline: Deadline,
    ) -> Result<Vec<Deviation>, PortError> {
        self.inspections(&[meant], depth, deadline).remove(0)
    }

    /// Puts every repairable deviation of a volume right, and says what it did. Where it is cut off,
    /// what was put right until then stays so, and it may be called again.
    ///
    /// # Errors
    /// Where something cannot be put right; the rest may have been.
    fn repair(&self, meant: Meant<'_>, deadline: Deadline) -> Result<Vec<Repair>, PortError>;

    /// What volumes that are none of `known` left on the machine; changes nothing.
    ///
    /// `known` are all volumes there are, those of operations under way included.
    ///
    /// # Errors
    /// Where lists or file systems cannot be read.
    fn strays(&self, known: &[&Volume], deadline: Deadline) -> Result<Vec<Stray>, PortError>;

    /// Takes `stray` away, after another look that it still is one beside `known`; data is never
    /// removed. The caller sees to it that no volume is chosen or made meanwhile.
    ///
    /// # Errors
    /// Where that fails; it may be called again.
    fn remove_stray(
        &self,
        stray: &Stray,
        known: &[&Volume],
        deadline: Deadline,
    ) -> Result<Vec<Repair>, PortError>;
}

/// What becomes of the data when a volume is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Data {
    /// The data stays where it is.
    Keep,
    /// The volume is removed if nothing is in it; one with content makes the call fail and stays as
    /// it is, so that undoing never costs data that a client has written meanwhile.
    RemoveIfEmpty,
    /// The data is removed.
    Remove,
}

/// A file system with per-share limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Filesystem {
    /// ext4, by project quotas.
    Ext4,
    /// XFS, by project quotas.
    Xfs,
    /// ZFS, by a dataset's `refquota` or `quota`.
    Zfs,
    /// btrfs, by a subvolume's quota group.
    Btrfs,
}

impl fmt::Display for Filesystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ext4 => "ext4",
            Self::Xfs => "xfs",
            Self::Zfs => "zfs",
            Self::Btrfs => "btrfs",
        })
    }
}

/// The place of a share's data, with all that is needed to find, limit and give it up again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Volume {
    /// The directory that is shared.
    pub path: PathBuf,
    /// The kind of file system it is on.
    pub filesystem: Filesystem,
    /// What the file system knows it by.
    pub handle: Handle,
    /// What was at the path before.
    pub origin: Origin,
}

/// What a file system knows a volume by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Handle {
    /// The project id of ext4 and XFS.
    Project {
        /// The id, never 0 (which is what files without a project have).
        id: u32,
        /// The name in `/etc/projid`.
        name: String,
    },
    /// The dataset of ZFS.
    Dataset {
        /// The full name, such as `tank/smb/media`.
        name: String,
        /// Whether the limit counts snapshots and children too (`quota`, not `refquota`).
        #[serde(default)]
        with_snapshots: bool,
    },
    /// The subvolume of btrfs, which its path identifies; its quota group is `0/ID`.
    Subvolume,
}

/// What was at a volume's path before it became one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// Nothing: the volume was made new and may be removed whole.
    Created,
    /// An empty plain directory that a dataset or subvolume takes the place of, and that is put
    /// back when the volume is undone.
    ReplacedEmptyDirectory {
        /// Its owner.
        uid: u32,
        /// Its group.
        gid: u32,
        /// Its permission bits.
        mode: u32,
    },
    /// A directory, dataset or subvolume of the administrator's, which is never removed.
    Adopted {
        /// The limits it had, which come back when the volume is given up.
        limits: Limits,
    },
}

/// What is known of a path before a share is put there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Survey {
    /// The path asked for, or the nearest directory above it that exists.
    pub existing: PathBuf,
    /// The file system's type as the kernel names it, such as `ext4`.
    pub type_name: String,
    /// Where it is mounted.
    pub mount_point: PathBuf,
    /// What is mounted there (device or dataset).
    pub source: String,
    /// Whether limits can be set and are enforced.
    pub quota: QuotaState,
    /// Bytes an unprivileged writer can still use there.
    pub available: u64,
    /// Bytes that the directory at the path holds already, if it exists.
    pub used: u64,
    /// What an administrator should know of what is there, as lower-case sentences.
    pub remarks: Vec<String>,
}

/// Whether a file system enforces limits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum QuotaState {
    /// Limits are enforced.
    Enforced(Filesystem),
    /// The file system could enforce limits, but is not set up to.
    Off {
        /// The file system.
        filesystem: Filesystem,
        /// What is missing, as a lower-case sentence.
        reason: String,
        /// How to switch limits on, with the commands.
        remedy: String,
    },
    /// This kind of file system has no limits that this program knows.
    Unsupported {
        /// What to do instead.
        remedy: String,
    },
}

/// Limits of a volume; `None` is "no limit".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Limits {
    /// Bytes that cannot be exceeded.
    pub bytes: Option<u64>,
    /// Bytes above which the grace time runs, where the file system has it.
    #[serde(default)]
    pub soft_bytes: Option<u64>,
    /// Files and directories that cannot be exceeded, where the file system has it.
    #[serde(default)]
    pub inodes: Option<u64>,
    /// Files and directories above which the grace time runs, where the file system has it.
    #[serde(default)]
    pub soft_inodes: Option<u64>,
}

impl Limits {
    /// A hard limit of `bytes` and nothing else.
    pub fn of_bytes(bytes: u64) -> Self {
        Self {
            bytes: Some(bytes),
            ..Self::default()
        }
    }
}

/// What a volume holds and what its limits are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Usage {
    /// Bytes that count against the limit.
    pub bytes: u64,
    /// Files and directories that count against the limit; `None` where the file system does not
    /// count them.
    pub inodes: Option<u64>,
    /// The limits in force.
    pub limits: Limits,
    /// Bytes that can still be written: the rest of the limit, or of the file system where that is
    /// less.
    pub available: u64,
}
