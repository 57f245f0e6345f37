//! Whether storages have the kind, the content and the room that the disks of a guest need.

use std::collections::BTreeMap;

use smbgw_core::error::{ErrorKind, Problem};
use smbgw_core::size::ByteSize;

use super::check::problem;
use super::facts::Facts;
use super::policy::{Policy, part};
use super::request::{GuestRequest, Origin};
use crate::code::Code;
use crate::proxmox::{CloneKind, Content, GuestConfig, GuestDisk, Storage, StorageId};
use crate::vmid::Vmid;

const STORAGE: &str = "vm-storage";
const TEMPLATE: &str = "vm-template";
const DATA: &str = "vm-data-storage";
const SNIPPETS: &str = "vm-snippets";

pub(super) fn check(
    request: &GuestRequest,
    facts: &Facts,
    policy: &Policy,
    problems: &mut Vec<Problem>,
) {
    let mut needs = Needs::default();
    let storage = fitting(facts, STORAGE, &request.storage, Content::Images, problems);
    match &request.origin {
        Origin::Image { size } => needs.add(storage, STORAGE, disk_room(storage, *size, policy)),
        Origin::Template { template, kind } => {
            let config = template_of(*template, facts, problems);
            if let Some(config) = config {
                let disks = disks_of(config);
                let room = match kind {
                    CloneKind::Linked => {
                        linkable(request, facts, &disks, problems);
                        policy.linked_room_bytes.bytes()
                    }
                    CloneKind::Full { .. } => {
                        let size = |disk: &GuestDisk| disk.size.unwrap_or_default();
                        let rooms = disks
                            .iter()
                            .map(|disk| disk_room(storage, size(disk), policy));
                        rooms.fold(0, u64::saturating_add)
                    }
                };
                needs.add(storage, STORAGE, room);
            }
        }
    }
    if let Some((id, size)) = &request.data {
        let storage = fitting(facts, DATA, id, Content::Images, problems);
        needs.add(storage, DATA, disk_room(storage, *size, policy));
    }
    if let Some(id) = &request.snippets {
        fitting(facts, SNIPPETS, id, Content::Snippets, problems);
    }
    needs.check(problems);
}

/// The storage `id`, where it is usable and may hold `content`.
fn fitting<'f>(
    facts: &'f Facts,
    field: &str,
    id: &StorageId,
    content: Content,
    problems: &mut Vec<Problem>,
) -> Option<&'f Storage> {
    let Some(storage) = facts.storages.iter().find(|storage| storage.id == *id) else {
        let message = format!("{} has no storage `{id}`", facts.node);
        problems.push(problem(
            field,
            Code::StorageMissing,
            ErrorKind::NotFound,
            message,
        ));
        return None;
    };
    if !storage.is_usable {
        let message = format!("the storage `{id}` is disabled or cannot be used now");
        problems.push(problem(
            field,
            Code::StorageUnfit,
            ErrorKind::Unsupported,
            message,
        ));
        return None;
    }
    if !storage.holds(content) {
        let word = content.word();
        let code = match content {
            Content::Snippets => Code::SnippetsDisabled,
            _ => Code::StorageUnfit,
        };
        let message = format!("the storage `{id}` is not enabled for the content `{word}`");
        problems.push(problem(field, code, ErrorKind::Unsupported, message));
        return None;
    }
    Some(storage)
}

/// The configuration of the template, where it is one.
fn template_of<'f>(
    template: Vmid,
    facts: &'f Facts,
    problems: &mut Vec<Problem>,
) -> Option<&'f GuestConfig> {
    let Some(config) = &facts.template else {
        let entry = facts.guests.iter().find(|guest| guest.vmid == template);
        let message = match entry {
            Some(guest) if guest.node != facts.node => {
                format!(
                    "the template {template} is on {}, and not on {}",
                    guest.node, facts.node
                )
            }
            _ => format!("there is no virtual machine {template}"),
        };
        problems.push(problem(
            TEMPLATE,
            Code::TemplateMissing,
            ErrorKind::NotFound,
            message,
        ));
        return None;
    };
    let wrong = |code, message: String| problem(TEMPLATE, code, ErrorKind::Conflict, message);
    if !config.is_template() {
        let message = format!("virtual machine {template} is no template");
        problems.push(wrong(Code::TemplateMissing, message));
        return None;
    }
    if let Some(lock) = config.lock() {
        let message = format!("the template {template} is locked ({lock})");
        problems.push(wrong(Code::GuestLocked, message));
    }
    Some(config)
}

/// The disks of a template that a clone has, too: cloud-init's drive is made anew.
fn disks_of(config: &GuestConfig) -> Vec<GuestDisk> {
    let disks = config.disks();
    disks.into_iter().filter(|disk| !disk.is_cdrom).collect()
}

/// Whether a guest can be linked to the template: on the storage of the template, which has to have layers.
fn linkable(
    request: &GuestRequest,
    facts: &Facts,
    disks: &[GuestDisk],
    problems: &mut Vec<Problem>,
) {
    let mut unfit = |message: String| {
        problems.push(problem(
            STORAGE,
            Code::CloneKindUnfit,
            ErrorKind::Unsupported,
            message,
        ));
    };
    for disk in disks {
        let own = disk.volume.storage();
        if *own != request.storage {
            unfit(format!(
                "a linked clone is where its template is: on `{own}`, and not on `{}`",
                request.storage
            ));
            return;
        }
        let storage = facts.storages.iter().find(|storage| storage.id == *own);
        let Some(storage) = storage else { continue };
        if !storage.can_link() {
            unfit(format!(
                "the storage `{own}` is of type {}, which has no linked clones",
                storage.kind
            ));
            return;
        }
        if storage.keeps_files() && !disk.volume.name().ends_with(".qcow2") {
            unfit(format!(
                "the disk `{}` of the template is no qcow2 image, so that nothing can be linked to it",
                disk.volume
            ));
            return;
        }
    }
}

/// The room that a disk of this size needs on a storage.
pub(crate) fn disk_room(storage: Option<&Storage>, size: ByteSize, policy: &Policy) -> u64 {
    match storage {
        Some(storage) if storage.is_thin() => part(size.bytes(), policy.thin_disk_percent),
        _ => size.bytes(),
    }
}

/// What is needed of each storage in all.
#[derive(Default)]
struct Needs<'f>(BTreeMap<&'f StorageId, (&'f Storage, &'static str, u64)>);

impl<'f> Needs<'f> {
    fn add(&mut self, storage: Option<&'f Storage>, field: &'static str, room: u64) {
        // What is wrong with the storage itself was said.
        let Some(storage) = storage else { return };
        let entry = self.0.entry(&storage.id).or_insert((storage, field, 0));
        entry.2 = entry.2.saturating_add(room);
    }

    fn check(&self, problems: &mut Vec<Problem>) {
        for (id, (storage, field, room)) in &self.0 {
            if *room > storage.available_bytes {
                let message = format!(
                    "the disks need {} on the storage `{id}`, which has {} left",
                    ByteSize::from_bytes(*room),
                    ByteSize::from_bytes(storage.available_bytes),
                );
                problems.push(problem(
                    field,
                    Code::StorageRoomShort,
                    ErrorKind::Unsupported,
                    message,
                ));
            }
        }
    }
}
