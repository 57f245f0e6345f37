//! Taking a guest away.

use smbgw_core::host_label::HostLabel;

use super::error::ProvisioningError;
use super::here::is_not_elsewhere;
use super::outcome::Outcome;
use super::place::Place;
use super::plan::{Operation, Plan, Step};
use super::recover::{begin, forget_resize, settle_earlier};
use super::steps::discard::DiscardGuest;
use super::steps::record::ForgetRecord;
use super::steps::snippets::RemoveSnippets;
use super::world::Provisioning;

/// Takes the guest `name` away with its disks and all that is on them, and its documents. That cannot be undone: what
/// is interrupted is finished by recovering.
///
/// # Errors
/// [`ProvisioningError::Unknown`] where no guest of that name was made on this node; `vm.guest-not-ours` where the
/// guest of its number does not carry its mark, and [`ProvisioningError::Elsewhere`] where it is on another node.
/// Nothing was touched then.
pub fn remove(world: &Provisioning<'_>, name: &HostLabel) -> Result<Outcome, ProvisioningError> {
    let _lock = world.lock(name, "removing a virtual machine")?;
    forget_resize(world, name)?;
    let notes = settle_earlier(world, name)?;
    let record = world.record(name)?;
    is_not_elsewhere(world, &record)?;
    let discarded = DiscardGuest {
        record: record.clone(),
    };
    let mut steps: Vec<Step> = vec![discarded.into()];
    if let Place::Proxmox(place) = &record.place {
        let documents = RemoveSnippets {
            storage: place.snippets.clone(),
            mark: record.mark.clone(),
        };
        steps.push(documents.into());
    }
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
