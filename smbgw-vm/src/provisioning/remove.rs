//! Taking a guest away.

use smbgw_core::host_label::HostLabel;

use super::error::ProvisioningError;
use super::guest::mark_of;
use super::here::is_not_elsewhere;
use super::libvirt::steps::discard::DiscardDomain;
use super::libvirt::steps::volume::RemoveVolumes;
use super::outcome::Outcome;
use super::place::Place;
use super::plan::{Operation, Plan, Step};
use super::record::GuestRecord;
use super::recover::{begin, forget_resize, settle_earlier};
use super::steps::discard::DiscardGuest;
use super::steps::record::ForgetRecord;
use super::steps::snippets::RemoveSnippets;
use super::world::Provisioning;

/// Takes the guest `name` away with its disks and all that is on them, and its documents. That cannot be undone: what
/// is interrupted is finished by recovering.
///
/// # Errors
/// [`ProvisioningError::Unknown`] where no guest of that name was made on this node; `vm.guest-not-ours` or
/// `vm.libvirt-not-ours` where the guest of its number or name does not carry its mark, and [`ProvisioningError::Elsewhere`] where it is on another node.
/// Nothing was touched then.
pub fn remove(world: &Provisioning<'_>, name: &HostLabel) -> Result<Outcome, ProvisioningError> {
    let _lock = world.lock(name, "removing a virtual machine")?;
    forget_resize(world, name)?;
    let notes = settle_earlier(world, name)?;
    let record = world.record(name)?;
    match &record.place {
        Place::Proxmox(_) => is_not_elsewhere(world, &record)?,
        Place::Libvirt(_) => is_ours(world, &record)?,
    }
    let discarded = record.clone();
    let mut steps: Vec<Step> = match &record.place {
        Place::Proxmox(place) => vec![
            DiscardGuest { record: discarded }.into(),
            RemoveSnippets {
                storage: place.snippets.clone(),
                mark: record.mark.clone(),
            }
            .into(),
        ],
        Place::Libvirt(place) => vec![
            DiscardDomain { record: discarded }.into(),
            RemoveVolumes {
                guest: record.name.clone(),
                volumes: place.volumes.clone(),
            }
            .into(),
        ],
    };
    let guest = record.name.clone();
    steps.push(ForgetRecord { guest }.into());
    let plan = Plan {
        operation: Operation::Remove,
        name: record.name,
        steps,
        point_of_no_return: Some(0),
    };
    begin(world, &plan, notes)
}

/// Looks whether the guest of libvirt carries its mark, or is gone.
fn is_ours(world: &Provisioning<'_>, record: &GuestRecord) -> Result<(), ProvisioningError> {
    let domain = &record.on_libvirt()?.domain;
    let mark = mark_of(&record.name, &record.mark);
    match world.virsh()?.prove(domain, &mark) {
        Ok(_) => Ok(()),
        Err(error) if error.is_missing() => Ok(()),
        Err(error) => Err(error.into()),
    }
}
