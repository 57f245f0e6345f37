//! How full the shares in virtual machines are.

use smbgw_core::deadline::Deadline;
use smbgw_core::error::Coded;
use smbgw_core::host::Host;
use smbgw_core::lifecycle::{Finding, ShareUsage};
use smbgw_core::ports::{Limits, Usage};
use smbgw_core::progress::Silent;
use smbgw_core::share::ShareName;
use smbgw_vm::code::Code;
use smbgw_vm::provisioning::{GuestRecord, GuestReport, status};
use smbgw_vm::proxmox::RunState;

use super::{hypervisor_of, serves, world};

/// The usages of the shares in `guests`. Where a guest does not tell it, it is said why.
pub(super) fn usages(
    host: &dyn Host,
    guests: &[GuestRecord],
    deadline: Deadline,
) -> Vec<ShareUsage> {
    let each = guests.iter().map(|guest| {
        let name = serves(guest);
        match look(host, guest, deadline) {
            Ok(report) => ShareUsage {
                usage: usage_in(&report),
                problem: problem_in(report, &name),
                name,
            },
            Err(problem) => ShareUsage {
                name,
                usage: None,
                problem: Some(problem),
            },
        }
    });
    each.collect()
}

fn look(host: &dyn Host, guest: &GuestRecord, deadline: Deadline) -> Result<GuestReport, Finding> {
    let hypervisor = hypervisor_of(guest, host, deadline).map_err(|error| unseen(&error))?;
    status(&world(hypervisor, &Silent), &guest.name).map_err(|error| unseen(&error))
}

/// What a guest says of its share, in the words of the others.
pub(crate) fn usage_in(report: &GuestReport) -> Option<Usage> {
    let usage = report.share.as_ref()?.usage?;
    let (used, limit) = (usage.used.bytes(), usage.limit.bytes());
    let limit = (limit > 0).then_some(limit);
    Some(Usage {
        bytes: used,
        inodes: None,
        limits: Limits {
            bytes: limit,
            ..Limits::default()
        },
        available: limit.map_or(u64::MAX, |limit| limit.saturating_sub(used)),
    })
}

/// What is wrong with a share, or why nothing is known of it.
fn problem_in(report: GuestReport, name: &ShareName) -> Option<Finding> {
    match report.state {
        Some(RunState::Running) | None => report.findings.into_iter().next(),
        Some(_) => Some(Finding {
            during: DURING.into(),
            code: Code::GuestNotRunning.as_str().into(),
            message: "its virtual machine is switched off".into(),
            remedy: Some(format!("run `pve-smbgateway start {name}`")),
        }),
    }
}

fn unseen(error: &dyn Coded) -> Finding {
    Finding::new(DURING, error)
}

const DURING: &str = "look at the virtual machine";
