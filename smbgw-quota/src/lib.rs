//! Limits that the kernel enforces on directories, and what they hold, on ext4, XFS, ZFS and btrfs.
//!
//! Two layers, each usable alone. All amounts are bytes.
//!
//! * For a program that manages places for data: [`QuotaStorage`], which chooses, makes, limits,
//!   measures and takes back volumes (a directory with a project id, a dataset, a subvolume) behind
//!   the port [`smbgw_core::ports::Storage`].
//! * For a program that looks at quotas: [`ProjectQuotas`] and [`Project`] (ext4 and XFS),
//!   [`btrfs::Subvolume`], [`zfs::datasets`], [`detect::Place`] for what a path is on and whether
//!   limits are enforced there, [`directory_usage`] for usage and limit of any directory, and
//!   [`visible_space`] for what its users should see; [`owner`] for quotas of users and groups.
//!
//! ```no_run
//! use smbgw_quota::Project;
//!
//! let usage = Project::open("/srv/media".as_ref())?.usage()?;
//! println!("{} bytes of {:?}", usage.bytes, usage.limits.bytes);
//! # Ok::<(), smbgw_quota::QuotaError>(())
//! ```
//!
//! Nothing here starts a thread or keeps a descriptor open beyond the value that holds it. Linux
//! 5.14 or newer is needed for `quotactl_fd`.

pub mod btrfs;
mod by_id;
mod bytes_only;
pub mod chart;
pub mod detect;
mod directory;
mod directory_limit;
mod error;
#[cfg(feature = "history")]
pub mod history;
mod inspect;
mod kind;
pub mod limit_text;
#[cfg(feature = "monitor")]
pub mod monitor;
pub mod owner;
mod project;
mod projid;
mod space;
mod storage;
mod sys;
pub mod tree;
pub mod trend;
mod volume;
#[cfg(feature = "watch")]
pub mod watch;
pub mod zfs;

pub use directory::{DirectoryUsage, directory_usage};
pub use directory_limit::{DirectoryChange, set_directory_limit};
pub use error::QuotaError;
pub use project::{Project, ProjectQuota, ProjectQuotas, Projects};
pub use projid::{FIRST_ID, NAME_PREFIX};
pub use space::{Space, visible_space};
pub use storage::QuotaStorage;

pub use smbgw_core::ports::{Filesystem, Limits, QuotaState, Usage};
