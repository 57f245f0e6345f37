//! The domain that this machine is a member of.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;
use smbgw_ad::clock::Clock;
use smbgw_ad::diagnose::{DiagnoseDraft, Diagnosis, diagnose};
use smbgw_ad::discover::{DiscoverDraft, Discovery};
use smbgw_ad::join::{self, JoinCheck, JoinDraft, JoiningUser, Parts};
use smbgw_ad::keytab::{self, MachineKeytab, Refreshed};
use smbgw_ad::leave::{AccountFate, leave};
use smbgw_ad::outcome::Report;
use smbgw_ad::recover::{Recovered, recover};
use smbgw_ad::rotate::{RotateOptions, RotateReport, rotate};
use smbgw_ad::spn::{self, Service, SpnChange};
use smbgw_ad::status::{self, Status};
use smbgw_core::error::Problem;
use smbgw_core::lifecycle::{ForShare, ShareError, domain_access};
use smbgw_core::progress::Silent;
use smbgw_core::secret::Secret;
use smbgw_core::service;

use super::draft::{Filed, Rooted};
use super::share::{Ended, Everything, named};
use super::{Failure, Request};
use crate::wire::host;

pub(super) fn discover(
    asked: Rooted<DiscoverDraft>,
    request: &Request<'_>,
) -> Result<Discovery, Failure> {
    let host = host(asked.root)?;
    Ok(asked.draft.run(&host, request.deadline())?)
}

pub(super) fn check(asked: Rooted<JoinDraft>, request: &Request<'_>) -> Result<JoinCheck, Failure> {
    with_parts(asked.root, request, |parts| {
        let whose = asked.draft.whose_password(parts.host, parts.deadline)?;
        Ok(join::check(
            parts,
            &asked.draft,
            password(request, &whose)?,
        )?)
    })
}

pub(super) fn enter(
    asked: Rooted<JoinDraft>,
    request: &Request<'_>,
) -> Result<Ended<Report>, Failure> {
    with_parts(asked.root, request, |parts| {
        let whose = asked.draft.whose_password(parts.host, parts.deadline)?;
        let outcome = join::join(parts, &asked.draft, password(request, &whose)?)?;
        Failure::unless_done(outcome).map(Ended::Done)
    })
}

pub(super) fn provide(
    asked: Filed<JoinDraft>,
    request: &Request<'_>,
) -> Result<Ended<Report>, Failure> {
    with_parts(asked.root, request, |parts| {
        let whose = asked.draft.whose_password(parts.host, parts.deadline)?;
        let password = password(request, &whose)?;
        let outcome = join::provision(parts, &asked.draft, password, &asked.file)?;
        Failure::unless_done(outcome).map(Ended::Done)
    })
}

pub(super) fn enter_offline(
    asked: Filed<JoinDraft>,
    request: &Request<'_>,
) -> Result<Ended<Report>, Failure> {
    with_parts(asked.root, request, |parts| {
        let outcome = join::join_with_file(parts, &asked.draft, &asked.file)?;
        Failure::unless_done(outcome).map(Ended::Done)
    })
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Names {
    /// Work on the tree of files below this directory, such as a mounted image.
    root: Option<PathBuf>,
    /// Services such as `cifs/files.ad.example`, or names of hosts alone, which stand for the services
    /// that a join gives to a name.
    names: Vec<String>,
    /// Who may change the account; the machine itself if not given.
    user: Option<String>,
}

pub(super) fn add_names(asked: Names, request: &Request<'_>) -> Result<Ended<Report>, Failure> {
    let change = SpnChange {
        add: asked.names,
        ..SpnChange::default()
    };
    change_names(asked.root, asked.user.as_deref(), &change, request)
}

pub(super) fn remove_names(asked: Names, request: &Request<'_>) -> Result<Ended<Report>, Failure> {
    let change = SpnChange {
        remove: asked.names,
        ..SpnChange::default()
    };
    change_names(asked.root, asked.user.as_deref(), &change, request)
}

fn change_names(
    root: Option<PathBuf>,
    name: Option<&str>,
    change: &SpnChange,
    request: &Request<'_>,
) -> Result<Ended<Report>, Failure> {
    let user = user(name, request)?;
    let user = user.as_ref().map(|(user, password)| (user, *password));
    with_parts(root, request, |parts| {
        Failure::unless_done(spn::change(parts, change, user)?).map(Ended::Done)
    })
}

pub(super) fn list_names(
    asked: Everything,
    request: &Request<'_>,
) -> Result<Vec<Service>, Failure> {
    with_parts(asked.root, request, |parts| Ok(spn::list(parts)?))
}

pub(super) fn keys(asked: Everything, request: &Request<'_>) -> Result<MachineKeytab, Failure> {
    with_parts(asked.root, request, |parts| Ok(keytab::show(parts)?))
}

pub(super) fn refresh_keys(asked: Everything, request: &Request<'_>) -> Result<Refreshed, Failure> {
    with_parts(asked.root, request, |parts| Ok(keytab::refresh(parts)?))
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Leave {
    /// Work on the tree of files below this directory, such as a mounted image.
    root: Option<PathBuf>,
    /// Who may change the account; nobody where it is kept.
    user: Option<String>,
    /// What becomes of the account.
    #[serde(default)]
    account: AccountFate,
}

pub(super) fn depart(asked: Leave, request: &Request<'_>) -> Result<Ended<Report>, Failure> {
    if asked.account != AccountFate::Keep && asked.user.is_none() {
        let message = "say who may change the account, or set `account` to `keep`";
        return Err(Failure::refused(Problem::invalid(
            "user",
            "ad.request-invalid",
            message,
        )));
    }
    let user = user(asked.user.as_deref(), request)?;
    let user = user.as_ref().map(|(user, password)| (user, *password));
    with_parts(asked.root, request, |parts| {
        Failure::unless_done(leave(parts, asked.account, user)?).map(Ended::Done)
    })
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Rotate {
    /// Work on the tree of files below this directory, such as a mounted image.
    root: Option<PathBuf>,
    /// Only where the password is older than so many days, winbindd does not change it by itself, and
    /// this machine is in a domain.
    if_older_than_days: Option<u32>,
}

pub(super) fn renew(asked: Rotate, request: &Request<'_>) -> Result<RotateReport, Failure> {
    let options = RotateOptions {
        if_older_than_days: asked.if_older_than_days,
    };
    with_parts(asked.root, request, |parts| Ok(rotate(parts, options)?))
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Recover {
    /// Work on the tree of files below this directory, such as a mounted image.
    root: Option<PathBuf>,
    /// Who may change the account. Without, what is in the domain stays as it is, and it is said what
    /// that is.
    user: Option<String>,
}

pub(super) fn settle(asked: Recover, request: &Request<'_>) -> Result<Vec<Recovered>, Failure> {
    let user = user(asked.user.as_deref(), request)?;
    let user = user.as_ref().map(|(user, password)| (user, *password));
    with_parts(asked.root, request, |parts| {
        Ok(recover(parts, user)?.into_iter().collect())
    })
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Standing {
    /// Work on the tree of files below this directory, such as a mounted image.
    root: Option<PathBuf>,
    /// A share: say also whom that lets in by the domain, and whom without.
    share: Option<String>,
}

pub(super) fn status(asked: Standing, request: &Request<'_>) -> Result<ForShare<Status>, Failure> {
    let name = asked.share.as_deref().map(|text| named("share", text));
    let name = name.transpose()?;
    with_parts(asked.root, request, |parts| {
        let share = name.map(|name| domain_access(parts.host, &name));
        let share = share.transpose()?;
        let told = status::status(parts)?;
        Ok(ForShare { told, share })
    })
}

pub(super) fn test(
    asked: Rooted<DiagnoseDraft>,
    request: &Request<'_>,
) -> Result<Diagnosis, Failure> {
    let wanted = asked.draft.check().map_err(ShareError::Refused)?;
    let password = match &asked.draft.user {
        Some(name) => Some(password(request, name)?),
        None => None,
    };
    let host = host(asked.root)?;
    let (clock, deadline) = (Clock::system(), request.deadline());
    Ok(diagnose(&host, &wanted, password, None, clock, deadline))
}

/// Who logs in, with the password among the secrets.
fn user<'a>(
    name: Option<&str>,
    request: &Request<'a>,
) -> Result<Option<(JoiningUser, &'a Secret)>, Failure> {
    let Some(name) = name else {
        return Ok(None);
    };
    let user = name.parse();
    let user = user.map_err(|error| Failure::refused(Problem::from_error("user", &error)))?;
    Ok(Some((user, password(request, name)?)))
}

/// The password of `whose` among the secrets.
pub(super) fn password<'a>(request: &Request<'a>, whose: &str) -> Result<&'a Secret, Failure> {
    let found = request.secrets.and_then(|secrets| secrets.get(whose));
    found.ok_or_else(|| {
        let message = format!("there is no secret with the name `{whose}`");
        Failure::refused(
            Problem::invalid("password", "call.no-secret", message)
                .remedy("give the password by that name with smbgw_call_with_secrets"),
        )
    })
}

/// Puts the parts of the machine together for one call.
fn with_parts<T>(
    root: Option<PathBuf>,
    request: &Request<'_>,
    call: impl FnOnce(&Parts<'_>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let host = host(root)?;
    let service = service::detect(&host);
    call(&Parts {
        host: &host,
        service: service.as_ref(),
        progress: &Silent,
        resolver: None,
        clock: Clock::system(),
        deadline: request.deadline(),
    })
}
