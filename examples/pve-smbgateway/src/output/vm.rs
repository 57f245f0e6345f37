//! What there is to say of shares in virtual machines.

use std::fmt::Write as _;
use std::net::IpAddr;

use serde::Serialize;
use smbgw_core::error::Coded;
use smbgw_core::lifecycle::{Check, CheckResult, Finding, Preflight};
use smbgw_core::ports::Usage;
use smbgw_core::size::ByteSize;
use smbgw_vm::provisioning::{
    GuestReport, GuestRequest, Operation, Outcome, Provisioned, ProvisioningError,
};
use smbgw_vm::proxmox::{NodeName, RunState};

use super::listed::InGuest;
use super::{Output, percent, work_text};
use crate::commands::vm::{machine_of, usage_in};
use crate::exit::Exit;

/// How a share in a virtual machine is.
#[derive(Serialize)]
struct Standing<'a> {
    record: InGuest,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Usage>,
    answers: bool,
    findings: &'a [Finding],
    machine: Machine,
}

/// How its virtual machine is.
#[derive(Serialize)]
struct Machine {
    state: Option<RunState>,
    address: Option<IpAddr>,
    agent_answers: bool,
    kept_available: bool,
}

impl Output {
    /// Something with virtual machines that could not be done.
    pub(crate) fn guest_error(&self, error: &ProvisioningError) -> Exit {
        self.refused(error.kind(), error.into())
    }

    /// How an operation on a virtual machine ended.
    pub(crate) fn guest_changed(&self, outcome: &Outcome) -> Exit {
        self.ended(outcome, changed_text)
    }

    /// That nothing speaks against a request, and what was chosen for it.
    pub(crate) fn guest_possible(&self, node: &NodeName, request: &GuestRequest) -> Exit {
        let passed = |name: &'static str, message: String| Check {
            name,
            result: CheckResult::Passed,
            message,
            remedy: None,
        };
        let mut network = format!("{}, {}", request.bridge, request.address);
        if let Some(vlan) = request.vlan {
            let _ = write!(network, ", VLAN {vlan}");
        }
        let mut storage = format!("first disk on {}", request.storage);
        if let Some(data) = &request.data {
            let _ = write!(storage, ", {} for data on {}", data.size, data.storage);
        }
        let _ = write!(storage, ", documents on {}", request.snippets);
        let (memory, cores) = (request.memory_mib, request.cores);
        self.preflight(Ok(Preflight {
            checks: vec![
                passed("template", format!("{} on {node}", request.template)),
                passed(
                    "machine",
                    format!("{memory} MiB of memory, {cores} processors"),
                ),
                passed("storage", storage),
                passed("network", network),
            ],
        }))
    }

    /// How a share in a virtual machine is.
    pub(crate) fn guest(&self, report: &GuestReport) -> Exit {
        let standing = Standing {
            record: report.record.clone().into(),
            usage: usage_in(report),
            answers: report.share.as_ref().is_some_and(|share| share.answers),
            findings: &report.findings,
            machine: Machine {
                state: report.state,
                address: report.address,
                agent_answers: report.agent_answers,
                kept_available: report.kept_available,
            },
        };
        self.shown(&standing, status_text)
    }
}

fn changed_text(done: &Provisioned) -> String {
    let mut text = work_text(&done.steps, &done.notes);
    let name = &done.name;
    let _ = match (done.operation, done.address) {
        (Operation::Remove, _) => writeln!(text, "The share {name} and its data are gone."),
        (Operation::Stop, _) => writeln!(text, "The share {name} is switched off."),
        (Operation::Resize, _) => writeln!(text, "The share {name} has its new quota."),
        (_, Some(address)) => writeln!(text, r"The share {name} is there: \\{address}\{name}"),
        (_, None) => writeln!(text, "The share {name} is there."),
    };
    text
}

fn status_text(standing: &Standing<'_>) -> String {
    let Standing {
        record,
        usage,
        answers,
        findings,
        machine,
    } = standing;
    let InGuest { spec, guest } = record;
    let mut text = format!("Share {} (vm)\n", spec.name);
    let state = match machine.state {
        Some(RunState::Running) => "running",
        Some(RunState::Stopped) => "switched off",
        Some(RunState::Paused) => "paused",
        None => "not on this node",
    };
    let _ = writeln!(text, "  machine     {}, {state}", machine_of(guest));
    if machine.kept_available {
        text.push_str("  kept by     high availability\n");
    }
    if let Some(address) = machine.address {
        let _ = writeln!(text, "  address     {address}");
    }
    let _ = writeln!(text, "  who         {}", record.users());
    if let Some(quota) = spec.quota {
        let _ = writeln!(text, "  quota       {quota}");
    }
    if let Some(Usage {
        bytes,
        available,
        limits,
        ..
    }) = usage
    {
        let used = ByteSize::from_bytes(*bytes);
        let share = limits
            .bytes
            .map_or("-".into(), |limit| percent(*bytes, limit));
        let _ = writeln!(text, "  used        {used} ({share} %)");
        let _ = writeln!(text, "  free        {}", ByteSize::from_bytes(*available));
    }
    if machine.state == Some(RunState::Running) {
        let how = |answers| {
            if answers {
                "answers"
            } else {
                "does not answer"
            }
        };
        let _ = writeln!(text, "  agent       {}", how(machine.agent_answers));
        let _ = writeln!(text, "  over SMB    {}", how(*answers));
    }
    for finding in *findings {
        let _ = writeln!(text, "! {finding}");
        if let Some(remedy) = &finding.remedy {
            let _ = writeln!(text, "  → {remedy}");
        }
    }
    text
}
