//! How a guest stands.

use std::net::IpAddr;
use std::time::Duration;

use serde::Serialize;
use smbgw_core::host_label::HostLabel;
use smbgw_core::lifecycle::Finding;
use smbgw_core::share::ShareName;

use super::error::ProvisioningError;
use super::record::GuestRecord;
use super::share_inside::{ShareInside, ShareUsage};
use super::steps::await_smb::{address_of, answers};
use super::steps::share::prove;
use super::world::Provisioning;
use crate::libvirt::LibvirtError;
use crate::proxmox::{ProxmoxError, RunState};

/// How a guest stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GuestReport {
    /// What is remembered of it.
    pub record: GuestRecord,
    /// Whether it runs; nothing where it is not there.
    pub state: Option<RunState>,
    /// Whether high availability keeps it.
    pub kept_available: bool,
    /// Whether its agent answers.
    pub agent_answers: bool,
    /// Its address, where that is known.
    pub address: Option<IpAddr>,
    /// Whether it answers to SMB there.
    pub smb_answers: bool,
    /// How its share stands, where it has one.
    pub share: Option<ShareReport>,
    /// What is not as it should be.
    pub findings: Vec<Finding>,
}

/// How the share of a guest stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ShareReport {
    /// Its name.
    pub name: ShareName,
    /// How much of it is used, where the guest tells.
    pub usage: Option<ShareUsage>,
    /// Whether it answers to SMB.
    pub answers: bool,
}

/// What is remembered of all guests that were made on the node, by name.
///
/// # Errors
/// Where a record cannot be read.
pub fn list(world: &Provisioning<'_>) -> Result<Vec<GuestRecord>, ProvisioningError> {
    Ok(GuestRecord::all(world.machine())?)
}

/// How the guest `name` stands. What cannot be found out of it is among the findings.
///
/// # Errors
/// [`ProvisioningError::Unknown`] where no guest of that name was made on the node, and where the node itself cannot
/// be asked.
pub fn status(
    world: &Provisioning<'_>,
    name: &HostLabel,
) -> Result<GuestReport, ProvisioningError> {
    let record = world.record(name)?;
    let mut report = GuestReport {
        address: record.address.address().or(record.answered_at),
        record,
        state: None,
        kept_available: false,
        agent_answers: false,
        smb_answers: false,
        share: None,
        findings: Vec::new(),
    };
    let Some(guest) = world.guest_of(&report.record)? else {
        return Ok(report);
    };
    match guest.standing(&report.record.mark) {
        Ok(standing) => {
            report.state = Some(standing.state);
            report.kept_available = standing.kept_available;
        }
        Err(error) if is_lost(&error) => {
            let finding = Finding::new("look for the guest", &error);
            report.findings.push(finding);
            return Ok(report);
        }
        Err(error) => return Err(error),
    }
    if report.state != Some(RunState::Running) {
        return Ok(report);
    }
    let deadline = world.deadline().at_most(LONGEST_LOOK);
    let quick = guest.until(deadline);
    match quick.ping() {
        Ok(()) => report.agent_answers = true,
        Err(error) => report.findings.push(Finding::new("ask its agent", &error)),
    }
    match address_of(&*quick, &report.record) {
        Ok(found) => report.address = found.or(report.address),
        Err(error) => report
            .findings
            .push(Finding::new("ask its address", &error)),
    }
    if let Some(address) = report.address {
        match answers(world.machine(), deadline, address) {
            Ok(()) => report.smb_answers = true,
            Err(error) => report.findings.push(Finding::new("connect to SMB", &error)),
        }
    }
    report.share = share_of(&world.until(deadline), &mut report);
    Ok(report)
}

/// Whether the guest is gone, or what is there is another one.
fn is_lost(error: &ProvisioningError) -> bool {
    match error {
        ProvisioningError::Proxmox(error) => matches!(
            error,
            ProxmoxError::NoSuchGuest { .. } | ProxmoxError::NotOurs { .. }
        ),
        ProvisioningError::Libvirt(error) => matches!(
            error,
            LibvirtError::Missing { .. } | LibvirtError::NotOurs { .. }
        ),
        _ => false,
    }
}

/// How the share of a guest that runs stands.
fn share_of(world: &Provisioning<'_>, report: &mut GuestReport) -> Option<ShareReport> {
    let share = report.record.share.clone()?;
    let inside = ShareInside {
        world,
        guest: &report.record.name,
    };
    let mut told = ShareReport {
        name: share.name,
        usage: None,
        answers: false,
    };
    if report.agent_answers {
        match inside.usage() {
            Ok(usage) => told.usage = Some(usage),
            Err(error) => {
                let finding = Finding::new("ask how much of the share is used", &error);
                report.findings.push(finding);
            }
        }
    }
    if let Some(address) = report.address.filter(|_| report.smb_answers) {
        let users = &report.record.users;
        match prove(world, address, &told.name, users, world.deadline()) {
            Ok(()) => told.answers = true,
            Err(error) => {
                let finding = Finding::new("connect to the share", &error);
                report.findings.push(finding);
            }
        }
    }
    Some(told)
}

/// How long a guest is asked.
const LONGEST_LOOK: Duration = Duration::from_secs(30);
