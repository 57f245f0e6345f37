//! The life of shares.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use smbgw_core::catalog::ShareRecord;
use smbgw_core::error::{Coded, Problem};
use smbgw_core::lifecycle::{
    self, DeleteOptions, Preflight, Recovered, Report, ShareError, ShareStatus,
};
use smbgw_core::share::{Authentication, ShareName};
use smbgw_core::size::QuotaSize;

use super::amount::Amount;
use super::draft::DraftRequest;
use super::{Failure, Request};
use crate::wire::{on_machine, on_machine_with};

/// An operation that is done, with what it did.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Ended")]
#[serde(rename_all = "kebab-case", tag = "outcome")]
pub(super) enum Ended<R = Report> {
    /// All of it is done.
    Done(R),
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Auth {
    /// Work on the tree of files below this directory, such as a mounted image.
    root: Option<PathBuf>,
    /// The share.
    name: String,
    /// Whom of its users and groups it lets in: those of a `domain`, the `local` ones, or both:
    /// `hybrid`.
    auth: String,
}

pub(super) fn auth(asked: Auth, request: &Request<'_>) -> Result<Ended, Failure> {
    let name = asked.name.parse::<ShareName>();
    let auth = asked.auth.parse::<Authentication>();
    let (name, auth) = match (name, auth) {
        (Ok(name), Ok(auth)) => (name, auth),
        (name, auth) => return Err(refused([problem("name", name), problem("auth", auth)])),
    };
    let outcome = on_machine(asked.root, request, |machine| {
        lifecycle::set_auth(machine, &name, auth)
    })??;
    Failure::unless_done(outcome).map(Ended::Done)
}

pub(super) fn create(asked: DraftRequest, request: &Request<'_>) -> Result<Ended, Failure> {
    let root = asked.root.clone();
    let options = asked.options();
    let outcome = on_machine(root, request, |machine| {
        lifecycle::create(machine, &options)
    })??;
    Failure::unless_done(outcome).map(Ended::Done)
}

pub(super) fn check(asked: DraftRequest, request: &Request<'_>) -> Result<Preflight, Failure> {
    let root = asked.root.clone();
    let options = asked.options_if_any();
    let mut passwords = options
        .as_ref()
        .map(|options| options.passwords_to_come())
        .unwrap_or_default();
    passwords.extend(request.secrets.cloned().unwrap_or_default());
    let found = on_machine_with(root, request, passwords, |machine| {
        lifecycle::check(machine, options.as_ref())
    })??;
    Ok(found)
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Delete {
    /// Work on the tree of files below this directory, such as a mounted image.
    root: Option<PathBuf>,
    /// The share.
    name: String,
    /// Remove the data too, and the accounts and directories that were made for the share.
    #[serde(default)]
    purge: bool,
    /// Set the history of its usage apart instead of removing it.
    #[serde(default)]
    keep_history: bool,
}

pub(super) fn delete(asked: Delete, request: &Request<'_>) -> Result<Ended, Failure> {
    let name = named("name", &asked.name)?;
    let options = DeleteOptions {
        purge: asked.purge,
        keep_history: asked.keep_history,
    };
    let outcome = on_machine(asked.root, request, |machine| {
        lifecycle::delete(machine, &name, options)
    })??;
    Failure::unless_done(outcome).map(Ended::Done)
}

/// A request that says only where to look.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Everything {
    /// Work on the tree of files below this directory, such as a mounted image.
    pub(super) root: Option<PathBuf>,
}

pub(super) fn list(asked: Everything, request: &Request<'_>) -> Result<Vec<ShareRecord>, Failure> {
    Ok(on_machine(asked.root, request, lifecycle::list)??)
}

pub(super) fn recover(asked: Everything, request: &Request<'_>) -> Result<Vec<Recovered>, Failure> {
    Ok(on_machine(asked.root, request, lifecycle::recover)??)
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Resize {
    /// Work on the tree of files below this directory, such as a mounted image.
    root: Option<PathBuf>,
    /// The share.
    name: String,
    /// The new quota, such as `20G`, or in bytes.
    quota: Amount,
    /// Set it even if the share holds more already.
    #[serde(default)]
    force: bool,
}

pub(super) fn resize(asked: Resize, request: &Request<'_>) -> Result<Ended, Failure> {
    let name = asked.name.parse::<ShareName>();
    let quota = asked.quota.0.parse::<QuotaSize>();
    let (name, quota) = match (name, quota) {
        (Ok(name), Ok(quota)) => (name, quota),
        (name, quota) => return Err(refused([problem("name", name), problem("quota", quota)])),
    };
    let outcome = on_machine(asked.root, request, |machine| {
        lifecycle::resize(machine, &name, quota, asked.force)
    })??;
    Failure::unless_done(outcome).map(Ended::Done)
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Status {
    /// Work on the tree of files below this directory, such as a mounted image.
    root: Option<PathBuf>,
    /// The share.
    name: String,
}

pub(super) fn status(asked: Status, request: &Request<'_>) -> Result<ShareStatus, Failure> {
    let name = named("name", &asked.name)?;
    Ok(on_machine(asked.root, request, |machine| {
        lifecycle::status(machine, &name)
    })??)
}

/// What is wrong with the text in `field`, if it could not be read.
fn problem<T, E: Coded>(field: &str, read: Result<T, E>) -> Option<Problem> {
    read.err().map(|error| Problem::from_error(field, &error))
}

fn refused<const N: usize>(problems: [Option<Problem>; N]) -> Failure {
    ShareError::Refused(problems.into_iter().flatten().collect()).into()
}

/// The share that the text in `field` names.
pub(super) fn named(field: &str, text: &str) -> Result<ShareName, Failure> {
    text.parse()
        .map_err(|error| Failure::refused(Problem::from_error(field, &error as &dyn Coded)))
}
