//! What is chosen on a node for a guest where nothing was said.

use std::net::IpAddr;

use smbgw_core::error::{ErrorKind, Problem};
use smbgw_core::host_label::HostLabel;
use smbgw_core::share::ShareName;
use smbgw_core::size::{ByteSize, QuotaSize};

use super::error::ProvisioningError;
use super::request::{DataRequest, GuestRequest, TemplateOrigin};
use super::share_request::ShareRequest;
use super::template_record::NodeTemplate;
use super::world::Provisioning;
use crate::address_setting::AddressSetting;
use crate::cloudinit::{DataFilesystem, LoginName, PublicKey};
use crate::code::Code;
use crate::proxmox::{BridgeName, Content, Proxmox, Storage, StorageId};
use crate::template::TemplateStore;
use crate::vmid::Vmid;

/// What somebody wants of a guest, each part valid by itself; what is left out is for the node to choose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuestChoice {
    pub(super) name: ShareName,
    pub(super) quota: QuotaSize,
    pub(super) comment: Option<String>,
    pub(super) users: Vec<LoginName>,
    pub(super) vmid: Option<Vmid>,
    pub(super) memory_mib: u32,
    pub(super) balloon_mib: Option<u32>,
    pub(super) cores: u32,
    pub(super) template: Option<TemplateOrigin>,
    pub(super) linked: bool,
    pub(super) storage: Option<StorageId>,
    pub(super) data_storage: Option<StorageId>,
    pub(super) filesystem: DataFilesystem,
    pub(super) snippets: Option<StorageId>,
    pub(super) bridge: Option<BridgeName>,
    pub(super) vlan: Option<u16>,
    pub(super) address: AddressSetting,
    pub(super) name_servers: Vec<IpAddr>,
    pub(super) ssh_keys: Vec<PublicKey>,
    pub(super) starts_with_node: bool,
    pub(super) highly_available: bool,
}

impl GuestChoice {
    /// What the share is called.
    pub fn name(&self) -> &ShareName {
        &self.name
    }

    /// Who may use it.
    pub fn users(&self) -> &[LoginName] {
        &self.users
    }

    /// The whole request, with what the node of `world` and its templates leave to choose: the only template; the
    /// storages that may hold what is put there, those with most room first, or where the template is already; the
    /// first bridge that is up.
    ///
    /// # Errors
    /// [`ProvisioningError::Refused`] with all that cannot be chosen, and where the node cannot be asked.
    pub fn complete(self, world: &Provisioning<'_>) -> Result<GuestRequest, ProvisioningError> {
        let node = world.node()?;
        let store = &world.store();
        let mut problems = Vec::new();
        let storages = match (&self.storage, &self.snippets) {
            (Some(_), Some(_)) => Vec::new(),
            _ => node.storages()?,
        };
        let template = match self.template {
            Some(template) => Some(template),
            None => keep(only_template(node, store)?, &mut problems),
        };
        let storage = match (self.storage, &template) {
            (Some(storage), _) => Some(storage),
            (None, template) => {
                let template = template.as_ref();
                let place = place_of(node, &storages, template, self.linked)?;
                keep(place.ok_or_else(no_storage), &mut problems)
            }
        };
        let snippets = match self.snippets {
            Some(storage) => Some(storage),
            None => {
                let roomiest = roomiest(&storages, |storage| storage.holds(Content::Snippets));
                keep(roomiest.ok_or_else(no_snippets), &mut problems)
            }
        };
        let bridge = match self.bridge {
            Some(bridge) => Some(bridge),
            None => {
                let mut bridges = node.bridges()?.into_iter();
                let up = bridges.find(|bridge| bridge.is_active);
                keep(
                    up.map(|bridge| bridge.name).ok_or_else(no_bridge),
                    &mut problems,
                )
            }
        };
        let (Some(template), Some(storage), Some(snippets), Some(bridge)) =
            (template, storage, snippets, bridge)
        else {
            return Err(ProvisioningError::Refused(problems));
        };
        let quota = ByteSize::from_bytes(self.quota.bytes());
        let data_storage = self.data_storage.unwrap_or_else(|| storage.clone());
        Ok(GuestRequest {
            name: label(&self.name),
            vmid: self.vmid,
            memory_mib: self.memory_mib,
            balloon_mib: self.balloon_mib,
            cores: self.cores,
            template,
            linked: self.linked,
            storage,
            bridge,
            vlan: self.vlan,
            address: self.address,
            name_servers: self.name_servers,
            data: Some(DataRequest::for_quota(data_storage, quota, self.filesystem)),
            share: Some(ShareRequest {
                name: self.name,
                quota,
                comment: self.comment,
            }),
            snippets,
            ssh_keys: self.ssh_keys,
            users: self.users,
            starts_with_node: self.starts_with_node,
            highly_available: self.highly_available,
        })
    }
}

/// The guest of a share is called as it is.
fn label(name: &ShareName) -> HostLabel {
    name.as_str().parse().expect("it was checked to be one")
}

/// The template, where only one comes into question: of the store, or where that is empty, of the node.
fn only_template(
    node: &Proxmox<'_>,
    store: &TemplateStore<'_>,
) -> Result<Result<TemplateOrigin, Problem>, ProvisioningError> {
    let in_store = store.list()?.into_iter();
    let mut all: Vec<_> = in_store
        .map(|template| TemplateOrigin::InStore(template.record.name))
        .collect();
    if all.is_empty() {
        let guests = node.guests()?.into_iter();
        let here = guests.filter(|guest| guest.is_template && !guest.is_container);
        let here = here.filter(|guest| guest.node == *node.node());
        all.extend(here.map(|guest| TemplateOrigin::OnNode(guest.vmid)));
    }
    if let [_] = all[..] {
        return Ok(Ok(all.remove(0)));
    }
    let names: Vec<String> = all.iter().map(ToString::to_string).collect();
    let problem = match names[..] {
        [] => lacking(
            "vm-template",
            Code::TemplateMissing,
            "there is no template".into(),
            "run `pve-smbgateway template build bookworm`, or name one with --vm-template",
        ),
        _ => Problem::invalid(
            "vm-template",
            Code::GuestRequestInvalid.as_str(),
            format!("there are several templates: {}", names.join(", ")),
        )
        .remedy("name one of them with --vm-template"),
    };
    Ok(Err(problem))
}

/// The storage for the first disk.
fn place_of(
    node: &Proxmox<'_>,
    storages: &[Storage],
    template: Option<&TemplateOrigin>,
    linked: bool,
) -> Result<Option<StorageId>, ProvisioningError> {
    let fit = |storage: &Storage| storage.holds(Content::Images) && (!linked || storage.can_link());
    match template {
        // What is linked is where its template is.
        Some(TemplateOrigin::OnNode(vmid)) if linked => {
            let disks = node.find_config(*vmid)?.map(|config| config.disks());
            let mut disks = disks.into_iter().flatten();
            let first = disks.find(|disk| !disk.is_cdrom);
            if let Some(disk) = first {
                return Ok(Some(disk.volume.storage().clone()));
            }
        }
        // It is brought to a storage once, and not to another one as soon as that has more room.
        Some(TemplateOrigin::InStore(name)) => {
            for storage in storages
                .iter()
                .filter(|storage| storage.is_usable && fit(storage))
            {
                let brought = NodeTemplate::load(node.host(), name, &storage.id)?;
                if brought.is_some_and(|template| template.is_finished) {
                    return Ok(Some(storage.id.clone()));
                }
            }
        }
        _ => {}
    }
    Ok(roomiest(storages, fit))
}

/// The one with most room of those that can be used and are `fit`.
fn roomiest(storages: &[Storage], fit: impl Fn(&Storage) -> bool) -> Option<StorageId> {
    // Of several, the last one is taken: here the first that the node tells.
    let usable = storages.iter().rev().filter(|storage| storage.is_usable);
    let roomiest = usable
        .filter(|storage| fit(storage))
        .max_by_key(|storage| storage.available_bytes);
    roomiest.map(|storage| storage.id.clone())
}

fn keep<T>(chosen: Result<T, Problem>, problems: &mut Vec<Problem>) -> Option<T> {
    chosen.map_err(|problem| problems.push(problem)).ok()
}

fn no_storage() -> Problem {
    lacking(
        "vm-storage",
        Code::StorageUnfit,
        "no storage of the node can be used for disks of virtual machines".into(),
        Code::StorageUnfit.fix(),
    )
}

fn no_snippets() -> Problem {
    let code = Code::SnippetsDisabled;
    let message = "no storage of the node is enabled for the content `snippets`".into();
    lacking("vm-snippets", code, message, code.fix())
}

fn no_bridge() -> Problem {
    let code = Code::BridgeMissing;
    let message = "no bridge of the node is up".into();
    lacking("bridge", code, message, code.fix())
}

fn lacking(field: &str, code: Code, message: String, remedy: &str) -> Problem {
    Problem::invalid(field, code.as_str(), message)
        .kind(ErrorKind::Unsupported)
        .remedy(remedy)
}
