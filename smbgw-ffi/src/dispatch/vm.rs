//! Shares in virtual machines of their own, on a node of Proxmox VE.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use smbgw_core::error::Problem;
use smbgw_core::host_label::HostLabel;
use smbgw_core::progress::Silent;
use smbgw_core::secret::Secret;
use smbgw_core::size::{ByteSize, QuotaSize};
use smbgw_vm::cloudinit::LoginName;
use smbgw_vm::code::Code;
use smbgw_vm::provisioning::{
    self, DataRequest, GuestDraft, GuestRecord, GuestReport, GuestRequest, Hypervisor, Outcome,
    Provisioned, Provisioning, ProvisioningError, Recovered, Stop, TemplateOrigin, Waits,
};
use smbgw_vm::proxmox::{BridgeName, Proxmox, StorageId};
use smbgw_vm::resources::Policy;
use smbgw_vm::template::TemplateStore;

use super::amount::Amount;
use super::draft::Rooted;
use super::share::Ended;
use super::{Failure, Request};
use crate::wire::{host, running};

/// A guest that could be made, with what was chosen for it.
#[derive(Serialize, JsonSchema)]
pub(super) struct Possible {
    /// The guest, and its share.
    name: HostLabel,
    /// What it would be made from.
    template: TemplateOrigin,
    /// The storage of its first disk.
    storage: StorageId,
    /// Its disk for data.
    data: Option<DataRequest>,
    /// The storage with the documents for its cloud-init.
    snippets: StorageId,
    /// The bridge that it would be plugged into.
    bridge: BridgeName,
}

impl From<GuestRequest> for Possible {
    fn from(request: GuestRequest) -> Self {
        Self {
            name: request.name,
            template: request.template,
            storage: request.storage,
            data: request.data,
            snippets: request.snippets,
            bridge: request.bridge,
        }
    }
}

pub(super) fn check(asked: Rooted<GuestDraft>, request: &Request<'_>) -> Result<Possible, Failure> {
    let choice = asked.draft.check().map_err(ProvisioningError::Refused)?;
    on_node(asked.root, request, &[], |world| {
        let request = choice.complete(world)?;
        // Passwords may come with the request that makes it.
        match provisioning::problems_but_passwords(world, &request)? {
            problems if problems.is_empty() => Ok(request.into()),
            problems => Err(ProvisioningError::Refused(problems)),
        }
    })
}

pub(super) fn create(
    asked: Rooted<GuestDraft>,
    request: &Request<'_>,
) -> Result<Ended<Provisioned>, Failure> {
    let choice = asked.draft.check().map_err(ProvisioningError::Refused)?;
    let passwords = passwords(choice.users(), request.secrets);
    let outcome = on_node(asked.root, request, &passwords, |world| {
        let request = choice.complete(world)?;
        provisioning::provision(world, &request)
    })?;
    Failure::unless_done(outcome).map(Ended::Done)
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Everything {
    /// Work on the tree of files below this directory, such as a mounted image.
    root: Option<PathBuf>,
}

/// The guests there are.
#[derive(Serialize, JsonSchema)]
pub(super) struct Guests {
    /// By name.
    guests: Vec<GuestRecord>,
}

pub(super) fn list(asked: Everything, _: &Request<'_>) -> Result<Guests, Failure> {
    let host = host(asked.root)?;
    let guests = GuestRecord::all(&host).map_err(ProvisioningError::from)?;
    Ok(Guests { guests })
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Named {
    /// Work on the tree of files below this directory, such as a mounted image.
    root: Option<PathBuf>,
    /// The guest, which is called as its share.
    name: String,
}

pub(super) fn status(asked: Named, request: &Request<'_>) -> Result<GuestReport, Failure> {
    let name = named(&asked.name)?;
    on_node(asked.root, request, &[], |world| {
        provisioning::status(world, &name)
    })
}

pub(super) fn start(asked: Named, request: &Request<'_>) -> Result<Ended<Provisioned>, Failure> {
    changed(asked.root, &asked.name, request, provisioning::start)
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Stopping {
    /// Work on the tree of files below this directory, such as a mounted image.
    root: Option<PathBuf>,
    /// The guest, which is called as its share.
    name: String,
    /// Switch it off where it does not shut down in time.
    #[serde(default)]
    forced: bool,
}

pub(super) fn stop(asked: Stopping, request: &Request<'_>) -> Result<Ended<Provisioned>, Failure> {
    let how = Stop {
        forced: asked.forced,
    };
    changed(asked.root, &asked.name, request, |world, name| {
        provisioning::stop(world, name, how)
    })
}

pub(super) fn restart(
    asked: Stopping,
    request: &Request<'_>,
) -> Result<Ended<Provisioned>, Failure> {
    let how = Stop {
        forced: asked.forced,
    };
    changed(asked.root, &asked.name, request, |world, name| {
        provisioning::restart(world, name, how)
    })
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Resizing {
    /// Work on the tree of files below this directory, such as a mounted image.
    root: Option<PathBuf>,
    /// The guest, which is called as its share.
    name: String,
    /// The new quota, such as `20G`, or in bytes.
    quota: Amount,
    /// Set it even where the share holds more already.
    #[serde(default)]
    force: bool,
}

pub(super) fn resize(
    asked: Resizing,
    request: &Request<'_>,
) -> Result<Ended<Provisioned>, Failure> {
    let quota = asked.quota.0.parse::<QuotaSize>();
    let quota = quota.map_err(|error| Failure::refused(Problem::from_error("quota", &error)))?;
    changed(asked.root, &asked.name, request, |world, name| {
        provisioning::resize(
            world,
            name,
            ByteSize::from_bytes(quota.bytes()),
            asked.force,
        )
    })
}

pub(super) fn remove(asked: Named, request: &Request<'_>) -> Result<Ended<Provisioned>, Failure> {
    changed(asked.root, &asked.name, request, provisioning::remove)
}

pub(super) fn recover(asked: Everything, request: &Request<'_>) -> Result<Vec<Recovered>, Failure> {
    // Where nothing was interrupted, no node has to be there.
    let host = running(asked.root)?;
    match provisioning::is_interrupted(&host)? {
        true => on_node(None, request, &[], provisioning::recover),
        false => Ok(Vec::new()),
    }
}

fn named(text: &str) -> Result<HostLabel, Failure> {
    let name = text.parse::<HostLabel>();
    name.map_err(|error| {
        let code = Code::GuestRequestInvalid;
        let problem = Problem::invalid("name", code.as_str(), error.to_string());
        Failure::refused(problem.remedy(code.fix()))
    })
}

fn passwords(
    users: &[LoginName],
    secrets: Option<&BTreeMap<String, Secret>>,
) -> Vec<(LoginName, Secret)> {
    let given = |user: &LoginName| Some((user.clone(), secrets?.get(user.as_str())?.clone()));
    users.iter().filter_map(given).collect()
}

/// Has `change` change the guest `name`.
fn changed(
    root: Option<PathBuf>,
    name: &str,
    request: &Request<'_>,
    change: impl FnOnce(&Provisioning<'_>, &HostLabel) -> Result<Outcome, ProvisioningError>,
) -> Result<Ended<Provisioned>, Failure> {
    let name = named(name)?;
    let outcome = on_node(root, request, &[], |world| change(world, &name))?;
    Failure::unless_done(outcome).map(Ended::Done)
}

/// Has `call` work with the guests of this node of Proxmox VE.
fn on_node<T>(
    root: Option<PathBuf>,
    request: &Request<'_>,
    passwords: &[(LoginName, Secret)],
    call: impl FnOnce(&Provisioning<'_>) -> Result<T, ProvisioningError>,
) -> Result<T, Failure> {
    let host = running(root)?;
    let node = Proxmox::open(&host, request.deadline()).map_err(ProvisioningError::from)?;
    let world = Provisioning {
        hypervisor: Hypervisor::Proxmox(node),
        templates: Path::new(TemplateStore::DEFAULT),
        passwords,
        policy: Policy::default(),
        waits: Waits::default(),
        progress: &Silent,
    };
    Ok(call(&world)?)
}
