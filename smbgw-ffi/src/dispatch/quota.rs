//! Usage and limits.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;
use smbgw_core::error::Problem;
use smbgw_core::host::Host;
use smbgw_core::lifecycle::{self, ShareUsage, Verification};
use smbgw_core::ports::Depth;
use smbgw_quota::history::Resolution;
use smbgw_quota::monitor::Past;
use smbgw_quota::{
    DirectoryChange, DirectoryUsage, directory_usage, limit_text, set_directory_limit,
};

use super::amount::Amount;
use super::share::named;
use super::{Failure, Request};
use crate::wire::{host, on_machine, on_machine_at_once};

/// How far back the history goes where nothing else is asked for, in seconds.
const A_WEEK: i64 = 7 * 86_400;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Status {
    /// Work on the tree of files below this directory, such as a mounted image.
    root: Option<PathBuf>,
    /// The share; all of them if not given.
    name: Option<String>,
    /// Write out first what is pending on btrfs and ZFS, whose numbers are otherwise as of the last
    /// commit: 30 and 5 seconds ago at most.
    #[serde(default)]
    exact: bool,
}

pub(super) fn status(asked: Status, request: &Request<'_>) -> Result<Vec<ShareUsage>, Failure> {
    let name = asked.name.as_deref();
    let name = name.map(|name| named("name", name)).transpose()?;
    Ok(match asked.exact {
        true => on_machine(asked.root, request, |machine| {
            lifecycle::usages(machine, name.as_ref())
        })??,
        false => on_machine_at_once(asked.root, request, |machine| {
            lifecycle::usages(machine, name.as_ref())
        })??,
    })
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Check {
    /// Work on the tree of files below this directory, such as a mounted image.
    root: Option<PathBuf>,
    /// The share; all of them, and what deleted shares left, if not given.
    name: Option<String>,
    /// Put right what can be put right.
    #[serde(default)]
    fix: bool,
    /// Look only at the limit and the top directory, not at every file.
    #[serde(default)]
    quick: bool,
}

pub(super) fn check(asked: Check, request: &Request<'_>) -> Result<Verification, Failure> {
    let name = asked.name.as_deref();
    let name = name.map(|name| named("name", name)).transpose()?;
    if asked.fix && asked.quick {
        let message = "a quick look puts nothing right: ask for one of `fix` and `quick`";
        let problem = Problem::invalid("quick", "call.contradiction", message);
        return Err(Failure::refused(problem));
    }
    let name = name.as_ref();
    Ok(on_machine(asked.root, request, |machine| {
        match asked.quick {
            true => lifecycle::inspect(machine, name, Depth::Quick).map(|shares| Verification {
                shares,
                ..Verification::default()
            }),
            false => lifecycle::verify(machine, name, asked.fix),
        }
    })??)
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct History {
    /// Work on the tree of files below this directory, such as a mounted image.
    root: Option<PathBuf>,
    /// The share.
    name: String,
    /// From when on, in seconds since 1970-01-01 00:00 UTC; a week before `to` if not given.
    from: Option<i64>,
    /// Until before when, in seconds since 1970-01-01 00:00 UTC; now if not given.
    to: Option<i64>,
    /// How finely.
    #[serde(default)]
    resolution: Resolution,
}

pub(super) fn history(asked: History, _: &Request<'_>) -> Result<Past, Failure> {
    let name = named("name", &asked.name)?;
    let host = host(asked.root)?;
    let to = asked.to.unwrap_or(host.now().saturating_add(1));
    let from = asked.from.unwrap_or(to.saturating_sub(A_WEEK));
    if from >= to {
        let message = format!("{from} is not before {to}");
        let problem = Problem::invalid("from", "call.contradiction", message);
        return Err(Failure::refused(problem));
    }
    Ok(Past::of(&host, name, (from, to), asked.resolution)?)
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Usage {
    /// Work on the tree of files below this directory, such as a mounted image.
    root: Option<PathBuf>,
    /// The directory, an absolute path.
    path: PathBuf,
}

pub(super) fn usage(asked: Usage, request: &Request<'_>) -> Result<DirectoryUsage, Failure> {
    check_absolute(&asked.path)?;
    let host = host(asked.root)?;
    Ok(directory_usage(&host, &asked.path, request.deadline())?)
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Set {
    /// Work on the tree of files below this directory, such as a mounted image.
    root: Option<PathBuf>,
    /// The directory, an absolute path: one with a project of its own on ext4 and XFS, one where a
    /// dataset is mounted on ZFS, a subvolume on btrfs.
    path: PathBuf,
    /// The most it may hold: `10G`, a number of bytes, or `none`.
    limit: Amount,
}

pub(super) fn set(asked: Set, request: &Request<'_>) -> Result<DirectoryChange, Failure> {
    check_absolute(&asked.path)?;
    let bytes = limit_text::bytes("limit", &asked.limit.0).map_err(Failure::refused)?;
    let host = host(asked.root)?;
    Ok(set_directory_limit(
        &host,
        &asked.path,
        bytes,
        request.deadline(),
    )?)
}

fn check_absolute(path: &std::path::Path) -> Result<(), Failure> {
    if path.is_absolute() {
        return Ok(());
    }
    let message = format!("`{}` is not an absolute path", path.display());
    Err(Failure::refused(Problem::invalid(
        "path",
        "call.path-relative",
        message,
    )))
}
