//! An operation on a guest as a list of steps.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use smbgw_core::host_label::HostLabel;
use smbgw_core::journal::Planned;
use smbgw_core::transaction::Transaction;

use super::libvirt::steps::autostart::StartWithHost;
use super::libvirt::steps::bring::BringTemplate;
use super::libvirt::steps::define::DefineDomain;
use super::libvirt::steps::discard::DiscardDomain;
use super::libvirt::steps::volume::{MakeVolume, RemoveVolumes};
use super::record::key;
use super::steps::availability::KeepAvailable;
use super::steps::await_agent::AwaitAgent;
use super::steps::await_ready::AwaitReady;
use super::steps::await_smb::AwaitSmb;
use super::steps::clone::CloneGuest;
use super::steps::data_disk::AddDataDisk;
use super::steps::discard::DiscardGuest;
use super::steps::import::ImportTemplate;
use super::steps::passwords::SetPasswords;
use super::steps::record::{FinishRecord, ForgetRecord, WriteRecord};
use super::steps::resize::{AwaitDisk, GrowDisk, GrowFilesystem, RememberQuota, SetLimit};
use super::steps::settings::ChangeSettings;
use super::steps::share::{MakeShare, ProveShare};
use super::steps::snippets::{RemoveSnippets, WriteSnippets};
use super::steps::start::StartGuest;
use super::world::Provisioning;
use crate::code::Code;

/// The folder with a journal for each guest that is being made or removed.
pub(super) const JOURNALS: &str = "/var/lib/smbgw/guest-journal";

/// What an operation will do, in order. It holds no secrets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The kind of operation.
    pub operation: Operation,
    /// The guest.
    pub name: HostLabel,
    /// What is done, in order.
    pub steps: Vec<Step>,
    /// The first step that cannot be undone, by its place in `steps`.
    pub point_of_no_return: Option<usize>,
}

/// The kinds of operations on a guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    /// Make it.
    Provision,
    /// Take it away.
    Remove,
    /// Start it.
    Start,
    /// Stop it.
    Stop,
    /// Stop it and start it again.
    Restart,
    /// Limit its share to another size.
    Resize,
}

impl std::fmt::Display for Operation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Provision => "provisioning",
            Self::Remove => "removal",
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Restart => "restart",
            Self::Resize => "resize",
        })
    }
}

smbgw_core::steps! {
    /// One step of a plan.
    Step<'a> on Provisioning<'a>:
    WriteRecord,
    ImportTemplate,
    CloneGuest,
    WriteSnippets,
    ChangeSettings,
    AddDataDisk,
    StartGuest,
    AwaitAgent,
    AwaitReady,
    AwaitSmb,
    SetPasswords,
    MakeShare,
    ProveShare,
    KeepAvailable,
    GrowDisk,
    AwaitDisk,
    GrowFilesystem,
    SetLimit,
    RememberQuota,
    FinishRecord,
    DiscardGuest,
    RemoveSnippets,
    ForgetRecord,
    BringTemplate,
    MakeVolume,
    DefineDomain,
    StartWithHost,
    DiscardDomain,
    RemoveVolumes,
}

impl Planned for Plan {
    fn journal_file(&self) -> PathBuf {
        journal_of(&key(&self.name))
    }

    fn steps(&self) -> usize {
        self.steps.len()
    }
}

/// The journal of the guest whose name in small letters is `key`.
pub(super) fn journal_of(key: &str) -> PathBuf {
    PathBuf::from(JOURNALS).join(format!("{key}.jsonl"))
}

impl<'a> Transaction<Provisioning<'a>> for Plan {
    type Step = Step;

    fn list(&self) -> &[Step] {
        &self.steps
    }

    fn point_of_no_return(&self) -> Option<usize> {
        self.point_of_no_return
    }

    fn title(&self) -> String {
        format!("{} of the virtual machine {}", self.operation, self.name)
    }

    fn interrupted(&self) -> &'static str {
        Code::Interrupted.as_str()
    }

    fn to_finish(&self) -> &'static str {
        "pve-smbgateway recover"
    }
}
