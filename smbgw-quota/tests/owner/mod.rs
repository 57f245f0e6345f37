//! Promises about users and groups, and what they are tried with.

pub(crate) mod by_kernel;
pub(crate) mod everywhere;
pub(crate) mod live;
pub(crate) mod off;
pub(crate) mod xfs_defaults;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use smbgw_core::error::Coded;
use smbgw_quota::owner::{OwnerKind, OwnerStorage, OwnerUsage};
use smbgw_quota::{Limits, QuotaError};
use smbgw_testing::MIB;
use smbgw_testing::unprivileged::as_user;

use crate::contract::{Lab, fill, soon};

pub(crate) const EDQUOT: i32 = 122;

/// The highest id there is.
pub(crate) const HIGHEST: u32 = 4294967294;

/// A directory that everybody may write to.
pub(crate) fn open_folder(lab: &Lab, name: &str) -> PathBuf {
    let folder = lab.local("/srv").join(name);
    fs::create_dir_all(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).unwrap();
    folder
}

pub(crate) fn quotas(lab: &Lab, kind: OwnerKind) -> OwnerStorage<'_> {
    OwnerStorage::open(&lab.host, "/srv".as_ref(), kind).unwrap()
}

pub(crate) fn users(lab: &Lab) -> OwnerStorage<'_> {
    quotas(lab, OwnerKind::User)
}

pub(crate) fn limit(quotas: &OwnerStorage<'_>, id: u32, limits: Limits) {
    assert!(quotas.set_limits(id, limits, soon()).unwrap().happened());
}

pub(crate) fn usage(quotas: &OwnerStorage<'_>, id: u32) -> OwnerUsage {
    quotas.usage(id, soon()).unwrap()
}

/// Writes `bytes` as the user and group `id`; see [`fill`].
pub(crate) fn fill_as(id: u32, path: PathBuf, bytes: u64) -> (u64, Option<i32>) {
    as_user(id, || fill(&path, bytes))
}

pub(crate) fn mib(count: u64) -> Limits {
    Limits::of_bytes(count * MIB)
}

pub(crate) fn refusal<T: std::fmt::Debug>(result: Result<T, QuotaError>) -> &'static str {
    result.unwrap_err().code()
}
