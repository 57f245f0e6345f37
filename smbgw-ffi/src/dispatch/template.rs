//! The disks that virtual machines start from.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use smbgw_core::error::Problem;
use smbgw_core::host::LocalHost;
use smbgw_core::progress::Silent;
use smbgw_vm::template::{
    self, BuildDraft, FetchDraft, Template, TemplateError, TemplateName, TemplateReport,
    TemplateStore,
};

use super::draft::Stored;
use super::{Failure, Request};
use crate::wire::{host, running};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Listing {
    /// Work on the tree of files below this directory, such as a mounted image.
    root: Option<PathBuf>,
    /// The folder with the templates; that of all programs if not given.
    store: Option<PathBuf>,
}

/// The templates there are.
#[derive(Serialize, JsonSchema)]
pub(super) struct Templates {
    /// By name.
    templates: Vec<Template>,
}

pub(super) fn list(asked: Listing, _: &Request<'_>) -> Result<Templates, Failure> {
    in_store(host(asked.root)?, asked.store, |store| {
        let templates = store.list()?;
        Ok(Templates { templates })
    })
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Named {
    /// Work on the tree of files below this directory, such as a mounted image.
    root: Option<PathBuf>,
    /// The folder with the templates; that of all programs if not given.
    store: Option<PathBuf>,
    /// The template.
    name: String,
}

pub(super) fn show(asked: Named, _: &Request<'_>) -> Result<Template, Failure> {
    let name = named(&asked.name)?;
    in_store(host(asked.root)?, asked.store, |store| store.show(&name))
}

/// What was deleted.
#[derive(Serialize, JsonSchema)]
pub(super) struct Deleted {
    /// The template.
    name: TemplateName,
}

pub(super) fn delete(asked: Named, request: &Request<'_>) -> Result<Deleted, Failure> {
    let name = named(&asked.name)?;
    in_store(running(asked.root)?, asked.store, |store| {
        store.delete(&name, request.deadline())?;
        Ok(Deleted { name })
    })
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LookedOver {
    /// Work on the tree of files below this directory, such as a mounted image.
    root: Option<PathBuf>,
    /// The folder with the templates; that of all programs if not given.
    store: Option<PathBuf>,
    /// The template.
    name: String,
    /// Start a machine from it, too: that takes minutes where nothing accelerates it.
    #[serde(default)]
    boot: bool,
}

pub(super) fn validate(
    asked: LookedOver,
    request: &Request<'_>,
) -> Result<TemplateReport, Failure> {
    let name = named(&asked.name)?;
    in_store(running(asked.root)?, asked.store, |store| {
        match asked.boot {
            true => template::try_out(store, &name, request.deadline()),
            false => template::validate(store, &name, request.deadline()),
        }
    })
}

pub(super) fn build(asked: Stored<BuildDraft>, request: &Request<'_>) -> Result<Template, Failure> {
    let wanted = asked.draft.check().map_err(TemplateError::Refused)?;
    in_store(running(asked.root)?, asked.store, |store| {
        template::build(store, &wanted, &Silent, request.deadline())
    })
}

pub(super) fn fetch(asked: Stored<FetchDraft>, request: &Request<'_>) -> Result<Template, Failure> {
    let wanted = asked.draft.check().map_err(TemplateError::Refused)?;
    in_store(running(asked.root)?, asked.store, |store| {
        template::fetch(store, &wanted, request.deadline())
    })
}

fn named(text: &str) -> Result<TemplateName, Failure> {
    let name = text.parse::<TemplateName>();
    name.map_err(|error| Failure::refused(Problem::from_error("name", &error)))
}

/// Has `call` work on the templates of `host` in `folder`.
fn in_store<T>(
    host: LocalHost,
    folder: Option<PathBuf>,
    call: impl FnOnce(&TemplateStore<'_>) -> Result<T, TemplateError>,
) -> Result<T, Failure> {
    let folder = folder.unwrap_or_else(|| TemplateStore::DEFAULT.into());
    Ok(call(&TemplateStore::new(&host, folder))?)
}
