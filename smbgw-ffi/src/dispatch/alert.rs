//! Alerts, silences, and whether messages arrive.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Deserialize;
use smbgw_core::alert::{
    Acknowledged, AlertStore, Overview, Scope, Silence, Silenced, Trial, Unsilenced,
};
use smbgw_core::error::Problem;
use smbgw_core::host::Host;
use smbgw_core::layout;
use smbgw_core::lifecycle::ShareError;
use smbgw_quota::monitor::{Settings, host_name, messages};

use super::share::Everything;
use super::{Failure, Request};
use crate::wire::host;

pub(super) fn list(asked: Everything, _: &Request<'_>) -> Result<Overview, Failure> {
    let host = host(asked.root)?;
    let state = AlertStore::new(&host).load();
    Ok(state
        .map_err(|error| Failure::of(&error))?
        .overview(host.now()))
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Test {
    /// Work on the tree of files below this directory, such as a mounted image.
    root: Option<PathBuf>,
    /// Only by this one: `mail`, `command`, `webhook`, `journal` or `event`.
    channel: Option<String>,
}

pub(super) fn test(asked: Test, request: &Request<'_>) -> Result<Trial, Failure> {
    let deadline = request.deadline();
    let host = host(asked.root)?;
    let settings = Settings::load(&host, Path::new(layout::MONITOR_CONF));
    let settings = settings.map_err(|error| Failure::of(&error))?;
    let messages = messages(&host);
    let channels = settings.channels(&host, &messages);
    let channels = channels.map_err(|error| Failure::of(&error))?;
    let only = asked.channel.as_deref();
    Trial::run(&channels, only, &host_name(), host.now(), deadline).map_err(Failure::refused)
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Acknowledge {
    /// Work on the tree of files below this directory, such as a mounted image.
    root: Option<PathBuf>,
    /// The share whose alerts are meant; this or `all`.
    share: Option<String>,
    /// The alerts of every share and of the machine itself.
    #[serde(default)]
    all: bool,
    /// Only this kind, such as `space`.
    kind: Option<String>,
    /// What is done about it.
    note: Option<String>,
    /// Who says so; `root` if not given.
    by: Option<String>,
}

pub(super) fn acknowledge(
    asked: Acknowledge,
    request: &Request<'_>,
) -> Result<Acknowledged, Failure> {
    let scope = scope(asked.share.as_deref(), asked.all, asked.kind.as_deref())?;
    let host = host(asked.root)?;
    let (by, note) = (who(asked.by), asked.note.as_deref());
    let store = AlertStore::new(&host);
    let acknowledged = store.acknowledge(&scope, &by, note, request.deadline());
    let acknowledged = acknowledged.map_err(|error| Failure::of(&error))?;
    Ok(Acknowledged { acknowledged })
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename = "Silence", deny_unknown_fields)]
pub(super) struct SilenceRequest {
    /// Work on the tree of files below this directory, such as a mounted image.
    root: Option<PathBuf>,
    /// The share whose alerts are meant; this or `all`.
    share: Option<String>,
    /// The alerts of every share and of the machine itself.
    #[serde(default)]
    all: bool,
    /// Only this kind, such as `space`.
    kind: Option<String>,
    /// Until when, in seconds since 1970-01-01 00:00 UTC.
    until: i64,
    /// Why.
    note: Option<String>,
    /// Who says so; `root` if not given.
    by: Option<String>,
}

pub(super) fn silence(asked: SilenceRequest, request: &Request<'_>) -> Result<Silenced, Failure> {
    let scope = scope(asked.share.as_deref(), asked.all, asked.kind.as_deref())?;
    let host = host(asked.root)?;
    scope.check_share(&host)?;
    let silence = Silence {
        scope,
        until: asked.until,
        by: who(asked.by),
        note: asked.note,
    };
    let store = AlertStore::new(&host);
    store
        .silence(silence.clone(), request.deadline())
        .map_err(|error| Failure::of(&error))?;
    Ok(Silenced { silence })
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Unsilence {
    /// Work on the tree of files below this directory, such as a mounted image.
    root: Option<PathBuf>,
    /// The share whose silences are meant; this or `all`.
    share: Option<String>,
    /// All silences.
    #[serde(default)]
    all: bool,
    /// Only this kind, such as `space`.
    kind: Option<String>,
}

pub(super) fn unsilence(asked: Unsilence, request: &Request<'_>) -> Result<Unsilenced, Failure> {
    let scope = scope(asked.share.as_deref(), asked.all, asked.kind.as_deref())?;
    let host = host(asked.root)?;
    let ended = AlertStore::new(&host).unsilence(&scope, request.deadline());
    let ended = ended.map_err(|error| Failure::of(&error))?;
    Ok(Unsilenced { ended })
}

/// The alerts that are meant: to mean all of them, one has to say so.
fn scope(share: Option<&str>, all: bool, kind: Option<&str>) -> Result<Scope, Failure> {
    let scope = Scope::parse(share, kind);
    if share.is_some() != all {
        return scope.map_err(|problems| ShareError::Refused(problems).into());
    }
    let mut problems = scope.err().unwrap_or_default();
    let message = "name a share, or set `all`: one of the two";
    problems.push(Problem::invalid("share", "alert.whose", message));
    Err(ShareError::Refused(problems).into())
}

fn who(by: Option<String>) -> String {
    by.filter(|by| !by.is_empty())
        .unwrap_or_else(|| "root".into())
}
