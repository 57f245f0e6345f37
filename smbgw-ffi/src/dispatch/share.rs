//! The life of shares.

use std::path::PathBuf;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use smbgw_core::error::Problem;
use smbgw_core::lifecycle::{self, CreateOptions, DeleteOptions, ShareError};
use smbgw_core::share::{ShareDraft, ShareName};
use smbgw_core::size::QuotaSize;

use super::{Failure, Request};
use crate::wire::on_machine;

pub(super) fn create(request: &Request<'_>) -> Result<Value, Failure> {
    #[derive(Deserialize)]
    struct Create {
        root: Option<PathBuf>,
        #[serde(default)]
        force: bool,
        #[serde(flatten)]
        draft: ShareDraft,
    }
    let Create { root, force, draft } = read(request)?;
    let options = CreateOptions { draft, force };
    let outcome = on_machine(root, request, |machine| {
        lifecycle::create(machine, &options)
    })?;
    Failure::unless_done(&outcome)
}

pub(super) fn delete(request: &Request<'_>) -> Result<Value, Failure> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Delete {
        root: Option<PathBuf>,
        name: String,
        #[serde(default)]
        purge: bool,
        #[serde(default)]
        keep_history: bool,
    }
    let asked: Delete = read(request)?;
    let name = named(&asked.name)?;
    let options = DeleteOptions {
        purge: asked.purge,
        keep_history: asked.keep_history,
    };
    let outcome = on_machine(asked.root, request, |machine| {
        lifecycle::delete(machine, &name, options)
    })?;
    Failure::unless_done(&outcome)
}

pub(super) fn list(request: &Request<'_>) -> Result<Value, Failure> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct List {
        root: Option<PathBuf>,
    }
    let List { root } = read(request)?;
    Ok(json!(on_machine(root, request, lifecycle::list)?))
}

pub(super) fn resize(request: &Request<'_>) -> Result<Value, Failure> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Resize {
        root: Option<PathBuf>,
        name: String,
        quota: String,
        #[serde(default)]
        force: bool,
    }
    let asked: Resize = read(request)?;
    let name = named(&asked.name)?;
    let quota: QuotaSize = asked
        .quota
        .parse()
        .map_err(|error| refused("quota", &error))?;
    let outcome = on_machine(asked.root, request, |machine| {
        lifecycle::resize(machine, &name, quota, asked.force)
    })?;
    Failure::unless_done(&outcome)
}

pub(super) fn status(request: &Request<'_>) -> Result<Value, Failure> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Status {
        root: Option<PathBuf>,
        name: String,
    }
    let Status { root, name } = read(request)?;
    let name = named(&name)?;
    let status = on_machine(root, request, |machine| lifecycle::status(machine, &name))?;
    Ok(json!(status))
}

pub(super) fn usages(request: &Request<'_>) -> Result<Value, Failure> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Usages {
        root: Option<PathBuf>,
        name: Option<String>,
    }
    let Usages { root, name } = read(request)?;
    let name = name.as_deref().map(named).transpose()?;
    let usages = on_machine(root, request, |machine| {
        lifecycle::usages(machine, name.as_ref())
    })?;
    Ok(json!(usages))
}

fn read<T: DeserializeOwned>(request: &Request<'_>) -> Result<T, Failure> {
    serde_json::from_str(request.json).map_err(|error| Failure::not_a_request(&error))
}

fn named(name: &str) -> Result<ShareName, Failure> {
    name.parse().map_err(|error| refused("name", &error))
}

fn refused(field: &str, error: &dyn smbgw_core::error::Coded) -> Failure {
    ShareError::Refused(vec![Problem::from_error(field, error)]).into()
}
