//! Quotas of users and groups on ext4, XFS and ZFS.
//!
//! They count what belongs to a user or group in a whole file system (on ZFS: in one dataset), in
//! whichever directory or share it is, and beside any limit of a share.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use smbgw_core::deadline::Deadline;
//! use smbgw_core::host::LocalHost;
//! use smbgw_quota::Limits;
//! use smbgw_quota::owner::{OwnerKind, OwnerName, OwnerStorage};
//!
//! let host = LocalHost::new();
//! let deadline = Deadline::after(Duration::from_secs(60));
//! let alice = "alice".parse::<OwnerName>()?.resolve(&host, OwnerKind::User, deadline)?;
//! let quotas = OwnerStorage::open(&host, "/srv/media".as_ref(), OwnerKind::User)?;
//! quotas.set_limits(alice, Limits::of_bytes(10 << 30), deadline)?;
//! for owner in quotas.report(deadline)? {
//!     println!("{} ({:?}): {} bytes", owner.id, owner.name, owner.bytes);
//! }
//! # Ok::<(), smbgw_quota::QuotaError>(())
//! ```

mod dataset;
mod grace;
mod kernel;
mod kind;
mod name;
mod request;
mod storage;
mod usage;

pub use grace::GraceTimes;
pub use kernel::{OwnerQuotas, Owners};
pub use kind::OwnerKind;
pub use name::OwnerName;
pub use request::{OwnerChange, OwnerDraft, OwnerError, OwnerReport, OwnerRequest};
pub use storage::{OwnerScope, OwnerStorage};
pub use usage::{OwnerUsage, Standing};

use crate::by_id::NO_ID;
use crate::error::QuotaError;

/// Checks that limits can be set for `id`.
///
/// # Errors
/// [`QuotaError::RootOwner`] or [`QuotaError::OwnerId`].
fn check_id(kind: OwnerKind, id: u32) -> Result<(), QuotaError> {
    match id {
        0 => Err(QuotaError::RootOwner { kind }),
        NO_ID => Err(QuotaError::OwnerId {
            text: id.to_string(),
        }),
        _ => Ok(()),
    }
}
