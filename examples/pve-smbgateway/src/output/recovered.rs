//! What became of what was interrupted, on this machine and of virtual machines.

use serde::Serialize;
use smbgw_core::error::{Coded, ErrorKind};
use smbgw_core::host_label::HostLabel;
use smbgw_core::lifecycle::{self, ErrorDocument, ShareError};
use smbgw_core::share::Mode;
use smbgw_vm::provisioning::{Operation, Outcome, ProvisioningError, Recovered};

use super::failure_text;

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
