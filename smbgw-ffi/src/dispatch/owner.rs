//! Quotas of users and groups.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;
use smbgw_core::lifecycle::ShareError;
use smbgw_quota::owner::{
    OwnerChange, OwnerDraft, OwnerKind, OwnerName, OwnerReport, OwnerStorage,
};

use super::amount::Amount;
use super::share::named;
use super::{Failure, Request};
use crate::wire::host;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Set {
    /// Work on the tree of files below this directory, such as a mounted image.
    root: Option<PathBuf>,
    /// The share; the limits hold on its whole file system.
    share: String,
    /// Whose: a name, or `+` and a number.
    owner: Option<String>,
    /// The limits of everybody who has none of their own are meant (XFS).
    #[serde(default)]
    default: bool,
    /// The most that may be stored, or `none`.
    hard: Option<Amount>,
    /// Above this the grace time runs (ext4 and XFS), or `none`.
    soft: Option<Amount>,
    /// The most files and directories, or `none`.
    files: Option<Amount>,
    /// Above this many files and directories the grace time runs (ext4 and XFS), or `none`.
    soft_files: Option<Amount>,
    /// For how long soft limits may be exceeded by everybody on the file system, in seconds.
    grace_seconds: Option<u64>,
}

pub(super) fn set(
    kind: OwnerKind,
    asked: Set,
    request: &Request<'_>,
) -> Result<OwnerChange, Failure> {
    let text = |amount: Option<Amount>| amount.map(|Amount(text)| text);
    let share = named("share", &asked.share)?;
    let draft = OwnerDraft {
        owner: asked.owner,
        default: asked.default,
        hard: text(asked.hard),
        soft: text(asked.soft),
        files: text(asked.files),
        soft_files: text(asked.soft_files),
        grace: asked.grace_seconds,
    };
    let wanted = draft.check().map_err(ShareError::Refused)?;
    let host = host(asked.root)?;
    let quotas = OwnerStorage::of_share(&host, &share, kind)?;
    Ok(wanted.apply(&quotas, request.deadline())?)
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Show {
    /// Work on the tree of files below this directory, such as a mounted image.
    root: Option<PathBuf>,
    /// The share.
    share: String,
    /// Whose: a name, or `+` and a number.
    owner: String,
}

pub(super) fn show(
    kind: OwnerKind,
    asked: Show,
    request: &Request<'_>,
) -> Result<OwnerReport, Failure> {
    let share = named("share", &asked.share)?;
    let owner: OwnerName = asked.owner.parse()?;
    let host = host(asked.root)?;
    let quotas = OwnerStorage::of_share(&host, &share, kind)?;
    Ok(quotas.report_of(&owner, request.deadline())?)
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Report {
    /// Work on the tree of files below this directory, such as a mounted image.
    root: Option<PathBuf>,
    /// The share.
    share: String,
}

pub(super) fn report(
    kind: OwnerKind,
    asked: Report,
    request: &Request<'_>,
) -> Result<OwnerReport, Failure> {
    let share = named("share", &asked.share)?;
    let host = host(asked.root)?;
    let quotas = OwnerStorage::of_share(&host, &share, kind)?;
    Ok(quotas.whole_report(request.deadline())?)
}
