//! Programs that are run in a guest.

use smbgw_core::host_label::HostLabel;
use smbgw_core::secret::Secret;

use super::error::ProvisioningError;
use super::world::Provisioning;
use crate::proxmox::Executed;

/// How long a program in a guest may take, in seconds.
const PROGRAM_SECONDS: u32 = 60;

/// How much of what a program says is told.
const LONGEST_SAID: usize = 500;

/// Has `guest` run a program to its end, whatever its status is.
pub(super) fn ended_inside(
    world: &Provisioning<'_>,
    guest: &HostLabel,
    words: &[&str],
    input: Option<Secret>,
) -> Result<Executed, ProvisioningError> {
    world.guest(guest)?.execute(words, input, PROGRAM_SECONDS)
}

/// Has `guest` run a program that has to succeed, and gives what it wrote to its standard output.
pub(super) fn run_inside(
    world: &Provisioning<'_>,
    guest: &HostLabel,
    words: &[&str],
    input: Option<Secret>,
) -> Result<String, ProvisioningError> {
    let ended = ended_inside(world, guest, words, input)?;
    if ended.status == 0 {
        return Ok(ended.output);
    }
    Err(failed_inside(guest, words, &ended))
}

/// The error of a program that failed in `guest`.
pub(super) fn failed_inside(
    guest: &HostLabel,
    words: &[&str],
    ended: &Executed,
) -> ProvisioningError {
    let said = format!("{} {}", ended.errors.trim(), ended.output.trim());
    ProvisioningError::ProgramFailed {
        guest: guest.clone(),
        program: words.join(" "),
        status: ended.status,
        said: said.trim().chars().take(LONGEST_SAID).collect(),
    }
}
