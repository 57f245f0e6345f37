//! Making a guest of libvirt.

use smbgw_core::error::Problem;

use super::check::look;
use super::draft::plan;
use super::request::GuestRequest;
use crate::provisioning::check::Chosen;
use crate::provisioning::error::ProvisioningError;
use crate::provisioning::outcome::Outcome;
use crate::provisioning::recover::{begin, settle_earlier};
use crate::provisioning::world::Provisioning;

/// Makes the guest of `request`, and waits until it answers to SMB.
///
/// # Errors
/// [`ProvisioningError::Refused`] with all that is wrong, and where the machine cannot be looked at. Nothing was touched
/// then.
pub fn provision(
    world: &Provisioning<'_>,
    request: &GuestRequest,
) -> Result<Outcome, ProvisioningError> {
    let _lock = world.lock(&request.name, "making a virtual machine")?;
    let mut notes = settle_earlier(world, &request.name)?;
    let chosen = Chosen::new(&request.name)?;
    let looked = look(world, request, &chosen)?;
    notes.extend(looked.notes.iter().cloned());
    match &looked.names {
        Some(names) if looked.problems.is_empty() => {
            let _claim = world.claim(request.share.as_ref())?;
            let plan = plan(request, &chosen, &looked, names, world.machine().now());
            begin(world, &plan, notes)
        }
        _ => Err(ProvisioningError::Refused(looked.problems)),
    }
}

/// All that speaks against `request`, by itself and on the machine. Nothing is touched.
///
/// # Errors
/// Where the machine cannot be looked at.
pub fn problems(
    world: &Provisioning<'_>,
    request: &GuestRequest,
) -> Result<Vec<Problem>, ProvisioningError> {
    Ok(look(world, request, &Chosen::new(&request.name)?)?.problems)
}
