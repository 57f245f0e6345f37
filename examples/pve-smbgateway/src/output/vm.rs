//! What there is to say of shares in virtual machines.

use std::fmt::Write as _;
use std::net::IpAddr;

use comfy_table::{Cell, CellAlignment};
use serde::Serialize;
use smbgw_core::catalog::ShareRecord;
use smbgw_core::error::{Coded, ErrorKind};
use smbgw_core::host_label::HostLabel;
use smbgw_core::lifecycle::{
    self, Check, CheckResult, ErrorDocument, Finding, Preflight, ShareError,
};
use smbgw_core::ports::Usage;
use smbgw_core::share::{Mode, ShareName};
use smbgw_core::size::ByteSize;
use smbgw_vm::cloudinit::LoginName;
use smbgw_vm::provisioning::{
    GuestRecord, GuestReport, GuestRequest, Operation, Outcome, Provisioned, ProvisioningError,
    Recovered,
};
use smbgw_vm::proxmox::{NodeName, RunState};

use super::{Output, failure_text, percent, who, work_text};
use crate::commands::vm::{machine_of, serves, usage_in};
use crate::exit::Exit;

/// A share of a list.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum Listed {
    /// One of this machine.
    Native(Box<ShareRecord>),
    /// One in a virtual machine.
    Vm(Box<InGuest>),
}

/// What is remembered of a share in a virtual machine, with what all shares have where they have it.
#[derive(Serialize)]
pub(crate) struct InGuest {
    spec: GuestSpec,
    guest: GuestRecord,
}

#[derive(Serialize)]
struct GuestSpec {
    name: ShareName,
    mode: Mode,
    #[serde(skip_serializing_if = "Option::is_none")]
    quota: Option<ByteSize>,
    access: GuestAccess,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
}

#[derive(Serialize)]
struct GuestAccess {
    users: Vec<LoginName>,
}

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

impl Listed {
    /// The shares of `records` and `guests`.
    pub(crate) fn of(records: Vec<ShareRecord>, guests: Vec<GuestRecord>) -> Vec<Self> {
        let has_guests = !guests.is_empty();
        let records = records.into_iter().map(|one| Self::Native(Box::new(one)));
        let guests = guests.into_iter().map(|one| Self::Vm(Box::new(one.into())));
        let mut all: Vec<Self> = records.chain(guests).collect();
        if has_guests {
            all.sort_by_key(|share| share.name().key());
        }
        all
    }

    fn name(&self) -> &ShareName {
        match self {
            Self::Native(record) => record.name(),
            Self::Vm(share) => &share.spec.name,
        }
    }

    /// Its line in a table: name, mode, quota, place, and who may use it.
    pub(super) fn row(&self) -> Vec<Cell> {
        let (name, mode, quota, place, who) = match self {
            Self::Native(record) => {
                let spec = &record.spec;
                let quota = spec.quota.to_string();
                (
                    &spec.name,
                    spec.mode,
                    quota,
                    spec.path.to_string(),
                    who(spec),
                )
            }
            Self::Vm(share) => {
                let spec = &share.spec;
                let quota = spec.quota.map_or("-".into(), |quota| quota.to_string());
                let place = machine_of(&share.guest);
                (
                    &spec.name,
                    spec.mode,
                    quota,
                    place,
                    users_text(&share.guest),
                )
            }
        };
        vec![
            Cell::new(name.as_str()),
            Cell::new(mode.to_string()),
            Cell::new(quota).set_alignment(CellAlignment::Right),
            Cell::new(place),
            Cell::new(who),
        ]
    }
}

impl From<GuestRecord> for InGuest {
    fn from(guest: GuestRecord) -> Self {
        let share = guest.share.as_ref();
        let spec = GuestSpec {
            name: serves(&guest),
            mode: Mode::Vm,
            quota: share.map(|share| share.quota),
            access: GuestAccess {
                users: guest.users.clone(),
            },
            comment: share.and_then(|share| share.comment.clone()),
        };
        Self { spec, guest }
    }
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

/// What became of an interrupted operation on a share.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum RecoveredShare {
    /// One of this machine.
    Native(Box<lifecycle::Recovered>),
    /// One in a virtual machine.
    Vm {
        share: HostLabel,
        mode: Mode,
        operation: Operation,
        #[serde(flatten)]
        outcome: Box<Outcome>,
    },
}

impl RecoveredShare {
    /// Adds what became of operations here and on virtual machines to `all`, and tells the error where one could not be
    /// looked at.
    pub(super) fn gather(
        here: Result<Vec<lifecycle::Recovered>, ShareError>,
        guests: Result<Vec<Recovered>, ProvisioningError>,
        all: &mut Vec<Self>,
    ) -> Option<(ErrorKind, ErrorDocument)> {
        let mut failed = None;
        match here {
            Ok(here) => all.extend(here.into_iter().map(|one| Self::Native(Box::new(one)))),
            Err(error) => failed = Some((error.kind(), ErrorDocument::from(&error))),
        }
        match guests {
            Ok(guests) => all.extend(guests.into_iter().map(Self::of_guest)),
            Err(error) => {
                failed = failed.or(Some((error.kind(), ErrorDocument::from(&error))));
            }
        }
        failed
    }

    fn of_guest(recovered: Recovered) -> Self {
        let Recovered {
            operation,
            name: share,
            outcome,
        } = recovered;
        Self::Vm {
            share,
            mode: Mode::Vm,
            operation,
            outcome: Box::new(outcome),
        }
    }

    /// Whether something is left.
    pub(super) fn needs_attention(&self) -> bool {
        match self {
            Self::Native(one) => matches!(one.outcome, lifecycle::Outcome::NeedsAttention { .. }),
            Self::Vm { outcome, .. } => matches!(**outcome, Outcome::NeedsAttention { .. }),
        }
    }

    /// The line about it.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Native(one) => {
                let what = format!("{} of {}", one.operation, one.share);
                recovered_text(&what, &one.outcome)
            }
            Self::Vm {
                share,
                operation,
                outcome,
                ..
            } => recovered_text(&format!("{operation} of {share}"), outcome),
        }
    }
}

fn recovered_text<R>(what: &str, outcome: &lifecycle::Outcome<R>) -> String {
    match outcome {
        lifecycle::Outcome::Done(_) => format!("{what}: finished\n"),
        lifecycle::Outcome::RolledBack { .. } => format!("{what}: undone\n"),
        other => format!("{what}: {}", failure_text(other)),
    }
}

fn changed_text(done: &Provisioned) -> String {
    let mut text = work_text(&done.steps, &done.notes);
    let name = &done.name;
    let _ = match (done.operation, done.address) {
        (Operation::Remove, _) => writeln!(text, "The share {name} and its data are gone."),
        (_, Some(address)) => writeln!(text, r"The share {name} is there: \\{address}\{name}"),
        (_, None) => writeln!(text, "The share {name} is there."),
    };
    text
}

fn status_text(standing: &Standing<'_>) -> String {
    let Standing {
        record: InGuest { spec, guest },
        usage,
        answers,
        findings,
        machine,
    } = standing;
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
    let _ = writeln!(text, "  who         {}", users_text(guest));
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

fn users_text(guest: &GuestRecord) -> String {
    let users: Vec<&str> = guest.users.iter().map(LoginName::as_str).collect();
    users.join(", ")
}
