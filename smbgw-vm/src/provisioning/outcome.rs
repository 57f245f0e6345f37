//! How an operation on a guest ended.

use std::net::IpAddr;

use serde::Serialize;
use smbgw_core::host_label::HostLabel;
use smbgw_core::lifecycle::{self, StepReport};
use smbgw_core::transaction::{Ending, Work};

use super::plan::{Operation, Plan, Step};
use super::record::GuestRecord;
use super::steps::resize::data_disk;
use super::world::Provisioning;
use crate::vmid::Vmid;

/// How an operation that was begun ended.
pub type Outcome = lifecycle::Outcome<Provisioned>;

/// What an operation did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Provisioned {
    /// The kind of operation.
    pub operation: Operation,
    /// The guest.
    pub name: HostLabel,
    /// Its number, where it is there and on a node of Proxmox VE.
    pub vmid: Option<Vmid>,
    /// The address at which it answered to SMB, where it is there.
    pub address: Option<IpAddr>,
    /// Each step with what it did.
    pub steps: Vec<StepReport>,
    /// What an administrator should know beside it.
    pub notes: Vec<String>,
}

impl Plan {
    /// How this plan ended.
    pub(super) fn outcome(&self, world: &Provisioning<'_>, mut ending: Ending) -> Outcome {
        if let Ending::RolledBack { cause } = &mut ending {
            cause.message.extend(self.grown(world));
        }
        let host = world.machine();
        // What was made is there, whether or not its record can be read once more.
        let record = || GuestRecord::load(host, &self.name).ok().flatten();
        ending.map(|Work { steps, notes }| {
            let record = record();
            Provisioned {
                operation: self.operation,
                name: self.name.clone(),
                vmid: record.as_ref().and_then(GuestRecord::vmid),
                address: record.and_then(|record| record.answered_at),
                steps,
                notes,
            }
        })
    }

    /// What is to be said of a disk that has grown, where the rest was undone.
    fn grown(&self, world: &Provisioning<'_>) -> Option<String> {
        let wanted = self.steps.iter().find_map(|step| match step {
            Step::GrowDisk(step) => Some(step.size),
            _ => None,
        })?;
        let size = data_disk(world, &self.name).ok()?.size?;
        let told = format!(
            "; the disk for data has {size} now and does not shrink again: the next resize makes use of it"
        );
        (size >= wanted).then_some(told)
    }
}
