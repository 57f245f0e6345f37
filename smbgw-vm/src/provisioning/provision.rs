//! Making a guest.

use smbgw_core::error::Problem;
use smbgw_core::secret::Secret;

use super::check::{Chosen, look};
use super::draft::plan;
use super::error::ProvisioningError;
use super::outcome::Outcome;
use super::recover::{begin, settle_earlier};
use super::request::GuestRequest;
use super::world::Provisioning;
use crate::cloudinit::LoginName;
use crate::proxmox::Mark;

/// Makes the guest of `request`, and waits until it answers to SMB.
///
/// # Errors
/// [`ProvisioningError::Refused`] with all that is wrong, and where the node cannot be looked at. Nothing was touched
/// then.
pub fn provision(
    world: &Provisioning<'_>,
    request: &GuestRequest,
) -> Result<Outcome, ProvisioningError> {
    let _lock = world.lock(&request.name, "making a virtual machine")?;
    let mut notes = settle_earlier(world, &request.name)?;
    let chosen = Chosen::new(&request.name)?;
    let looked = look(world, request, &chosen)?;
    if !looked.problems.is_empty() {
        return Err(ProvisioningError::Refused(looked.problems));
    }
    let _claim = world.claim(request.share.as_ref())?;
    notes.extend(looked.notes.iter().cloned());
    let template_mark = Mark::new().map_err(ProvisioningError::Random)?;
    let plan = plan(
        request,
        &chosen,
        template_mark,
        &looked,
        world.machine().now(),
    )?;
    begin(world, &plan, notes)
}

/// All that speaks against `request`, by itself and on the node. Nothing is touched.
///
/// # Errors
/// Where the node cannot be looked at.
pub fn problems(
    world: &Provisioning<'_>,
    request: &GuestRequest,
) -> Result<Vec<Problem>, ProvisioningError> {
    Ok(look(world, request, &Chosen::new(&request.name)?)?.problems)
}

/// The same for a request whose users will be given passwords with which it is made.
///
/// # Errors
/// As [`problems`] has them.
pub fn problems_but_passwords(
    world: &Provisioning<'_>,
    request: &GuestRequest,
) -> Result<Vec<Problem>, ProvisioningError> {
    let to_come = |user: &LoginName| (user.clone(), Secret::from(Vec::new()));
    let to_come: Vec<_> = request.users.iter().map(to_come).collect();
    let world = Provisioning {
        passwords: &to_come,
        ..world.clone()
    };
    problems(&world, request)
}
