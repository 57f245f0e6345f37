//! What can go wrong with quotas.

use std::io;
use std::path::{Path, PathBuf};

use smbgw_core::account::{AccountError, UserNameError};
use smbgw_core::error::{Coded, ErrorKind};
use smbgw_core::host::{CommandError, FileError, LockError};
use smbgw_core::ports::{Filesystem, PortError};
use smbgw_core::share::ShareName;

use crate::owner::OwnerKind;

/// Why a quota could not be looked at or changed.
#[derive(Debug, thiserror::Error)]
pub enum QuotaError {
    /// The path is on another machine than this process.
    #[error("`{}` on {host} cannot be reached from this process", path.display())]
    NotLocal {
        /// The path.
        path: PathBuf,
        /// The machine it is on.
        host: String,
    },
    /// A file or directory could not be looked at or changed.
    #[error("cannot {action} `{}`", path.display())]
    Path {
        /// What was tried, such as `open`.
        action: &'static str,
        /// The path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The quota of a project could not be read or changed.
    #[error("cannot {action} the quota of project {id} on `{}`", path.display())]
    Project {
        /// `read` or `set`.
        action: &'static str,
        /// A path on the file system.
        path: PathBuf,
        /// The project.
        id: u32,
        /// What the system said.
        source: io::Error,
    },
    /// The quota of a user or group could not be read or changed.
    #[error("cannot {action} the quota of {kind} {id} on `{}`", path.display())]
    Owner {
        /// `read` or `set`.
        action: &'static str,
        /// `user` or `group`.
        kind: &'static str,
        /// A path on the file system.
        path: PathBuf,
        /// The user id or group id.
        id: u32,
        /// What the system said.
        source: io::Error,
    },
    /// A number that is no id of a user or group.
    #[error("`{text}` is no id: ids go from 0 to 4294967294")]
    OwnerId {
        /// The number.
        text: String,
    },
    /// Limits were to be set for root or its group.
    #[error("the {kind} 0 gets no limits: none binds root")]
    RootOwner {
        /// User or group.
        kind: OwnerKind,
    },
    /// There is no such user or group.
    #[error("there is no {kind} `{name}`")]
    NoOwner {
        /// User or group.
        kind: OwnerKind,
        /// How it was named.
        name: String,
    },
    /// The file system has nothing of this kind for users and groups.
    #[error("`{}` is on {type_name}, which has no {what}", path.display())]
    OwnerUnsupported {
        /// A path on the file system.
        path: PathBuf,
        /// The file system's type as the kernel names it.
        type_name: String,
        /// What it lacks, such as `grace times`.
        what: &'static str,
        /// What to do instead.
        remedy: &'static str,
    },
    /// A grace time that file systems do not store.
    #[error("{seconds} seconds are no grace time: it lasts from 1 to 2147483647 seconds")]
    GraceTime {
        /// The time that was asked for.
        seconds: u64,
    },
    /// What limits a directory limits a share.
    #[error("`{}` is limited as a part of the share `{share}`", path.display())]
    OfShare {
        /// The directory.
        path: PathBuf,
        /// The share.
        share: ShareName,
    },
    /// Nothing limits this directory by itself.
    #[error("`{}` has no limit of its own that could be set", path.display())]
    NoLimitOfItsOwn {
        /// The directory.
        path: PathBuf,
        /// What to do instead.
        remedy: &'static str,
    },
    /// The file system has no limits that this crate knows.
    #[error("`{}` is on {type_name}, which has no limits for directories", path.display())]
    UnsupportedFilesystem {
        /// The path.
        path: PathBuf,
        /// The file system's type as the kernel names it.
        type_name: String,
    },
    /// The file system could enforce limits, but is not set up to.
    #[error("limits are not enforced on `{}`: {reason}", mount_point.display())]
    Off {
        /// Where it is mounted.
        mount_point: PathBuf,
        /// What is missing.
        reason: String,
        /// How to switch limits on.
        remedy: String,
    },
    /// There is no directory where one is needed.
    #[error("`{}` is not a directory", path.display())]
    NotADirectory {
        /// The path.
        path: PathBuf,
    },
    /// A directory with content cannot become a dataset or subvolume.
    #[error(
        "`{}` is a plain directory with content, which cannot become a {what} of its own",
        path.display()
    )]
    NotEmpty {
        /// The directory.
        path: PathBuf,
        /// `dataset` or `subvolume`.
        what: &'static str,
    },
    /// The path cannot be written into `/etc/projects`.
    #[error("`{}` cannot be listed in /etc/projects: it contains a line break", path.display())]
    PathNotListable {
        /// The path.
        path: PathBuf,
    },
    /// A file or directory counts for a project already.
    #[error("`{}` belongs to project {id} already", path.display())]
    OtherProject {
        /// The first such file or directory.
        path: PathBuf,
        /// Its project.
        id: u32,
    },
    /// What is made at the path would count for the project of a directory above it.
    #[error("`{}` is inside project {id}, whose limit would no longer count it", path.display())]
    InsideProject {
        /// The directory above.
        path: PathBuf,
        /// The project.
        id: u32,
    },
    /// `/etc/projects` says something that does not go with the volume.
    #[error("/etc/projects has `{line}`, {why}")]
    Registration {
        /// The line.
        line: String,
        /// Why it is in the way.
        why: &'static str,
    },
    /// Another volume took the project id or dataset since it was chosen.
    #[error("{what} was taken for `{by}` in the meantime")]
    Taken {
        /// The project id or the dataset.
        what: String,
        /// What has it now.
        by: String,
    },
    /// Every project id is in use.
    #[error("no project id is free on `{}`", path.display())]
    NoFreeProject {
        /// A path on the file system.
        path: PathBuf,
    },
    /// A project id that stands for something else.
    #[error("{id} is no project id: 0 means no project and 4294967295 no id at all")]
    ProjectId {
        /// The id.
        id: u32,
    },
    /// The file system has no limit of this kind.
    #[error("{filesystem} has no limit on {what}")]
    UnsupportedLimit {
        /// The file system.
        filesystem: Filesystem,
        /// What was to be limited, such as `the number of files`.
        what: &'static str,
    },
    /// The soft limit is above the hard one.
    #[error("the soft limit {soft} is above the hard limit {hard}")]
    SoftAboveHard {
        /// The soft limit, in bytes or files.
        soft: u64,
        /// The hard limit.
        hard: u64,
    },
    /// ZFS refuses a `quota` below what is used.
    #[error("`{dataset}` holds more than {limit} bytes, and zfs refuses a limit below that")]
    BelowUsage {
        /// The dataset.
        dataset: String,
        /// The limit that was asked for, in bytes.
        limit: u64,
    },
    /// What is at the volume's path was not made for it.
    #[error("`{what}` is there, but was not made for this volume")]
    NotOurs {
        /// The path or dataset.
        what: String,
    },
    /// What is to be removed only if it is empty has content.
    #[error("`{}` has content and was not removed", path.display())]
    HasContent {
        /// The directory.
        path: PathBuf,
    },
    /// What is to be removed has snapshots, children or mounts inside.
    #[error("`{what}` cannot be removed while it has {dependents}")]
    HasDependents {
        /// The dataset or subvolume.
        what: String,
        /// What is in the way.
        dependents: String,
        /// How to remove it by hand.
        remedy: String,
    },
    /// The volume does not exist.
    #[error("there is no {what} at `{}`", path.display())]
    NotFound {
        /// `directory`, `dataset tank/media`, `subvolume`.
        what: String,
        /// The path of the volume.
        path: PathBuf,
    },
    /// The volume is of one kind and its path of another.
    #[error("`{}` was {expected} when the volume was made and is {found} now", path.display())]
    Mismatch {
        /// The path of the volume.
        path: PathBuf,
        /// What the volume is.
        expected: String,
        /// What is there.
        found: String,
    },
    /// A walk through a directory took longer than the deadline.
    #[error("`{}` has more content than could be walked through in the time given", path.display())]
    TimedOut {
        /// The directory.
        path: PathBuf,
    },
    /// A command failed.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// A file of the host could not be read or changed.
    #[error(transparent)]
    File(#[from] FileError),
    /// The lock on `/etc/projects` was not to be had.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// A user or group could not be looked up.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// A text is no name of a user or group.
    #[error(transparent)]
    OwnerName(#[from] UserNameError),
}

impl QuotaError {
    /// The error of `action` on `path`.
    pub(crate) fn path(
        action: &'static str,
        path: &Path,
        source: impl Into<io::Error>,
    ) -> QuotaError {
        Self::Path {
            action,
            path: path.into(),
            source: source.into(),
        }
    }
}

impl Coded for QuotaError {
    fn code(&self) -> &'static str {
        match self {
            Self::NotLocal { .. } => "quota.not-local",
            Self::Path { .. } => "quota.path",
            Self::Project { .. } => "quota.project",
            Self::Owner { .. } => "quota.owner",
            Self::OwnerId { .. } => "quota.owner-id",
            Self::RootOwner { .. } => "quota.owner-root",
            Self::NoOwner { .. } => "quota.owner-unknown",
            Self::OwnerUnsupported { .. } => "quota.owner-unsupported",
            Self::GraceTime { .. } => "quota.grace-time",
            Self::OfShare { .. } => "quota.of-share",
            Self::NoLimitOfItsOwn { .. } => "quota.no-limit-of-its-own",
            Self::UnsupportedFilesystem { .. } => "quota.unsupported-filesystem",
            Self::Off { .. } => "quota.off",
            Self::NotADirectory { .. } => "quota.not-a-directory",
            Self::NotEmpty { .. } => "quota.not-empty",
            Self::PathNotListable { .. } => "quota.path-not-listable",
            Self::OtherProject { .. } => "quota.other-project",
            Self::InsideProject { .. } => "quota.inside-project",
            Self::Registration { .. } => "quota.registration",
            Self::Taken { .. } => "quota.taken",
            Self::NoFreeProject { .. } => "quota.no-free-project",
            Self::ProjectId { .. } => "quota.project-id",
            Self::UnsupportedLimit { .. } => "quota.unsupported-limit",
            Self::SoftAboveHard { .. } => "quota.soft-above-hard",
            Self::BelowUsage { .. } => "quota.below-usage",
            Self::NotOurs { .. } => "quota.not-ours",
            Self::HasContent { .. } => "quota.has-content",
            Self::HasDependents { .. } => "quota.has-dependents",
            Self::NotFound { .. } => "quota.not-found",
            Self::Mismatch { .. } => "quota.mismatch",
            Self::TimedOut { .. } => "quota.timed-out",
            Self::Command(error) => error.code(),
            Self::File(error) => error.code(),
            Self::Lock(error) => error.code(),
            Self::Account(error) => error.code(),
            Self::OwnerName(error) => error.code(),
        }
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::NotLocal { .. }
            | Self::UnsupportedFilesystem { .. }
            | Self::OwnerUnsupported { .. }
            | Self::Off { .. } => ErrorKind::Unsupported,
            Self::NotADirectory { .. }
            | Self::PathNotListable { .. }
            | Self::ProjectId { .. }
            | Self::OwnerId { .. }
            | Self::RootOwner { .. }
            | Self::GraceTime { .. }
            | Self::UnsupportedLimit { .. }
            | Self::SoftAboveHard { .. } => ErrorKind::Invalid,
            Self::NotEmpty { .. }
            | Self::OfShare { .. }
            | Self::NoLimitOfItsOwn { .. }
            | Self::OtherProject { .. }
            | Self::InsideProject { .. }
            | Self::Registration { .. }
            | Self::Taken { .. }
            | Self::NotOurs { .. }
            | Self::HasContent { .. }
            | Self::HasDependents { .. }
            | Self::BelowUsage { .. }
            | Self::Mismatch { .. } => ErrorKind::Conflict,
            Self::NotFound { .. } | Self::NoOwner { .. } => ErrorKind::NotFound,
            Self::Path { .. }
            | Self::Project { .. }
            | Self::Owner { .. }
            | Self::NoFreeProject { .. }
            | Self::TimedOut { .. } => ErrorKind::Failed,
            Self::Command(error) => error.kind(),
            Self::File(error) => error.kind(),
            Self::Lock(error) => error.kind(),
            Self::Account(error) => error.kind(),
            Self::OwnerName(error) => error.kind(),
        }
    }

    fn remedy(&self) -> Option<String> {
        let text = match self {
            Self::Path { source, .. }
            | Self::Project { source, .. }
            | Self::Owner { source, .. } => match source.kind() {
                io::ErrorKind::PermissionDenied => "run the program as root".into(),
                io::ErrorKind::ReadOnlyFilesystem => "mount the file system writable".into(),
                _ => return None,
            },
            Self::UnsupportedFilesystem { .. } => UNSUPPORTED_REMEDY.into(),
            Self::Off { remedy, .. } | Self::HasDependents { remedy, .. } => remedy.clone(),
            Self::OfShare { share, .. } => format!(
                "run `pve-smbgateway resize {} SIZE`",
                smbgw_core::host::cmd::quote_for_shell(share.as_str())
            ),
            Self::NoLimitOfItsOwn { remedy, .. } => (*remedy).into(),
            Self::NotADirectory { .. } => {
                "choose a path that is a directory or does not exist".into()
            }
            Self::NotEmpty { path, what } => format!(
                "choose a path that does not exist yet, or move the content away \
                 (`mv {0} {0}.old`), make the share, and copy the content into the new {what}",
                path.display()
            ),
            Self::PathNotListable { .. } => "choose another path".into(),
            Self::OtherProject { path, .. } => format!(
                "choose another path, or take the project away with \
                 `chattr -R -p 0 -P {}` if nothing needs it",
                path.display()
            ),
            Self::InsideProject { path, .. } => {
                format!("choose a path outside `{}`", path.display())
            }
            Self::Registration { .. } => {
                "correct or remove the line in /etc/projects, or choose another path".into()
            }
            Self::Taken { .. } => "try again".into(),
            Self::UnsupportedLimit { .. } => "leave that limit out".into(),
            Self::SoftAboveHard { .. } => "give a soft limit below the hard limit".into(),
            Self::BelowUsage { dataset, .. } => format!(
                "remove data or snapshots (`zfs list -t all -r {dataset}`), or choose a larger limit"
            ),
            Self::NotOurs { what } => {
                format!("look at `{what}` and remove it by hand if nothing needs it")
            }
            Self::HasContent { path } => format!(
                "look at `{}`; move away or remove what is in it and try again",
                path.display()
            ),
            Self::TimedOut { .. } => "try again with a later deadline".into(),
            Self::OwnerId { .. } => "give a number such as `+1000`, or a name".into(),
            Self::RootOwner { .. } => {
                "set limits for another user or group; what everybody gets by default is set as \
                 the default limits, where the file system has them"
                    .into()
            }
            Self::NoOwner { kind, .. } => {
                let database = kind.database().name();
                format!(
                    "see with `getent {database}` how it is spelled here, or give the id as `+1000`"
                )
            }
            Self::OwnerUnsupported { remedy, .. } => (*remedy).into(),
            Self::GraceTime { .. } => "give a time from one second to 68 years".into(),
            Self::Command(error) => return error.remedy(),
            Self::File(error) => return error.remedy(),
            Self::Lock(error) => return error.remedy(),
            Self::Account(error) => return error.remedy(),
            Self::OwnerName(error) => return error.remedy(),
            Self::NotLocal { .. }
            | Self::NoFreeProject { .. }
            | Self::ProjectId { .. }
            | Self::NotFound { .. }
            | Self::Mismatch { .. } => return None,
        };
        Some(text)
    }
}

impl From<QuotaError> for PortError {
    fn from(error: QuotaError) -> Self {
        Self::new(error)
    }
}

/// What to do about a file system without limits.
pub(crate) const UNSUPPORTED_REMEDY: &str =
    "choose a path on ext4 or XFS with project quotas, on ZFS, or on btrfs with quotas enabled";
