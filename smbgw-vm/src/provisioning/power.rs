//! Starting, stopping and restarting a guest. Nothing of that is undone, and doing it twice does no harm; so there is no
//! journal.

use smbgw_core::host_label::HostLabel;
use smbgw_core::lifecycle::{Finding, StepReport};
use smbgw_core::progress::Event;
use smbgw_core::step::LeftBehind;

use super::error::ProvisioningError;
use super::here::here;
use super::outcome::{Outcome, Provisioned};
use super::place::Place;
use super::plan::Operation;
use super::record::GuestRecord;
use super::recover::{is_half_resized, settle_earlier};
use super::steps::await_agent::AwaitAgent;
use super::steps::await_smb::AwaitSmb;
use super::steps::deed::Deed;
use super::steps::share::ProveShare;
use super::steps::start::{StartGuest, StopGuest};
use super::world::Provisioning;

/// How a guest is stopped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stop {
    /// Whether it is switched off where it does not end by itself in time, as if power was lost.
    pub forced: bool,
}

/// Starts the guest `name`, and waits until it and its share answer. One that runs is only waited for.
///
/// Where it was started and does not answer it is left as it is, to be looked at.
///
/// # Errors
/// [`ProvisioningError::Unknown`] where no guest of that name was made on this node, `vm.guest-not-ours` and
/// [`ProvisioningError::Elsewhere`] where it is not the one that was made or not here, and where it cannot be started.
pub fn start(world: &Provisioning<'_>, name: &HostLabel) -> Result<Outcome, ProvisioningError> {
    operate(world, name, Operation::Start, |record| {
        let mut deeds: Vec<Box<dyn Deed>> = Vec::new();
        push_start(&mut deeds, record);
        deeds
    })
}

/// Has the guest `name` end by itself. One that high availability keeps is stopped by it, and stays stopped.
///
/// # Errors
/// As [`start`] has them; [`ProvisioningError::StillRuns`] where it does not end in time (`Waits::switch`).
pub fn stop(
    world: &Provisioning<'_>,
    name: &HostLabel,
    how: Stop,
) -> Result<Outcome, ProvisioningError> {
    operate(world, name, Operation::Stop, |record| {
        vec![stop_of(record, how)]
    })
}

/// Stops the guest `name` and starts it again.
///
/// # Errors
/// As [`stop`] and [`start`] have them.
pub fn restart(
    world: &Provisioning<'_>,
    name: &HostLabel,
    how: Stop,
) -> Result<Outcome, ProvisioningError> {
    operate(world, name, Operation::Restart, |record| {
        let mut deeds = vec![stop_of(record, how)];
        push_start(&mut deeds, record);
        deeds
    })
}

fn stop_of(record: &GuestRecord, how: Stop) -> Box<dyn Deed> {
    Box::new(StopGuest {
        guest: record.name.clone(),
        forced: how.forced,
    })
}

fn push_start(deeds: &mut Vec<Box<dyn Deed>>, record: &GuestRecord) {
    let guest = || record.name.clone();
    deeds.push(Box::new(StartGuest { guest: guest() }));
    deeds.push(Box::new(AwaitAgent { guest: guest() }));
    deeds.push(Box::new(AwaitSmb { guest: guest() }));
    if let Some(share) = &record.share {
        deeds.push(Box::new(ProveShare {
            guest: guest(),
            share: share.name.clone(),
            users: record.users.clone(),
        }));
    }
}

/// Carries out what `plan` says for the guest, one after the other.
fn operate(
    world: &Provisioning<'_>,
    name: &HostLabel,
    operation: Operation,
    plan: impl FnOnce(&GuestRecord) -> Vec<Box<dyn Deed>>,
) -> Result<Outcome, ProvisioningError> {
    let _lock = world.lock(name, "starting or stopping a virtual machine")?;
    // What was interrupted in a guest can be settled as soon as that runs, and does not matter to one that ends.
    let is_half_resized = is_half_resized(world, name)?;
    let mut notes = Vec::new();
    if !is_half_resized {
        notes = settle_earlier(world, name)?;
    }
    let record = world.record(name)?;
    let (guest, before) = here(world, &record)?;
    let deeds = plan(&record);
    let steps = deeds.len();
    world.progress.event(&Event::PlanStarts { steps });
    let mut done = Vec::with_capacity(steps);
    for (index, deed) in deeds.iter().enumerate() {
        let title = deed.title();
        let event = Event::StepStarts {
            index,
            title: &title,
        };
        world.progress.event(&event);
        match deed.carry_out(world) {
            Ok(change) => {
                world.progress.event(&Event::StepDone {
                    index,
                    title: &title,
                    change,
                });
                done.push(StepReport { title, change });
            }
            Err(error) => {
                let now = guest.standing(&record.mark);
                let is_as_before = now.is_ok_and(|now| now == before);
                let has_done = done.iter().any(|step: &StepReport| step.change.happened());
                if is_as_before && !has_done {
                    return Err(error);
                }
                return Ok(Outcome::NeedsAttention {
                    cause: Finding::new(title, &error),
                    left_behind: vec![left_of(&record)],
                });
            }
        }
    }
    if is_half_resized && operation != Operation::Stop {
        notes = settle_earlier(world, name)?;
    }
    world.progress.event(&Event::PlanDecided);
    Ok(Outcome::Done(Provisioned {
        operation,
        vmid: record.vmid(),
        address: world.record(name)?.answered_at,
        name: record.name,
        steps: done,
        notes,
    }))
}

fn left_of(record: &GuestRecord) -> LeftBehind {
    let look = match &record.place {
        Place::Proxmox(place) => {
            let id = place.vmid.map_or("NUMBER".into(), |vmid| vmid.to_string());
            [format!("qm status {id}"), format!("qm terminal {id}")]
        }
        Place::Libvirt(place) => [
            format!("virsh domstate {}", place.domain),
            format!("virsh console {}", place.domain),
        ],
    };
    LeftBehind {
        what: format!("the virtual machine `{}` as it is", record.name),
        commands: look.into(),
    }
}
