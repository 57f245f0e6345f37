//! Starting and stopping a guest, and waiting until it has.

use std::time::Instant;

use smbgw_core::change::Change;
use smbgw_core::host_label::HostLabel;

use super::error::ProvisioningError;
use super::guest::Guest;
use super::here::here;
use super::wait::until;
use super::world::Provisioning;
use crate::proxmox::{Mark, RunState};

/// Starts a guest; one that runs is left alone.
pub(super) fn switch_on(
    world: &Provisioning<'_>,
    guest: &HostLabel,
) -> Result<Change, ProvisioningError> {
    let record = world.record(guest)?;
    let (found, before) = here(world, &record)?;
    found.start()?;
    if before.state != RunState::Stopped {
        return Ok(Change::Unchanged);
    }
    let begun = Instant::now();
    if comes_to(world, &*found, &record.mark, RunState::Running)? {
        return Ok(Change::Updated);
    }
    Err(ProvisioningError::StillOff {
        guest: guest.clone(),
        seconds: begun.elapsed().as_secs(),
    })
}

/// Has a guest end by itself; one that does not in time is switched off where that is to be `forced`.
pub(super) fn switch_off(
    world: &Provisioning<'_>,
    guest: &HostLabel,
    forced: bool,
) -> Result<Change, ProvisioningError> {
    let record = world.record(guest)?;
    let (found, before) = here(world, &record)?;
    let begun = Instant::now();
    let deadline = world.deadline().at_most(world.waits.switch);
    match found.until(deadline).ask_to_end() {
        Ok(()) => {}
        // One that cannot even be asked is what force is for.
        Err(_) if forced => {}
        Err(error) => return Err(error),
    }
    if before.state == RunState::Stopped {
        return Ok(Change::Unchanged);
    }
    let mut has_ended = comes_to(world, &*found, &record.mark, RunState::Stopped)?;
    if !has_ended && forced {
        found.switch_off()?;
        has_ended = comes_to(world, &*found, &record.mark, RunState::Stopped)?;
    }
    if has_ended {
        return Ok(Change::Updated);
    }
    Err(ProvisioningError::StillRuns {
        guest: guest.clone(),
        seconds: begun.elapsed().as_secs(),
    })
}

/// Whether the guest comes to be so in time.
fn comes_to(
    world: &Provisioning<'_>,
    guest: &dyn Guest,
    mark: &Mark,
    wanted: RunState,
) -> Result<bool, ProvisioningError> {
    let deadline = world.deadline().at_most(world.waits.switch);
    let found = until(deadline, || {
        let is_so = guest.standing(mark)?.state == wanted;
        Ok::<_, ProvisioningError>(is_so.then_some(()))
    })?;
    Ok(found.is_some())
}
