//! An operation on the membership of this machine as a list of steps.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use smbgw_core::journal::Planned;
use smbgw_core::transaction::Transaction;

use crate::gateway::Gateway;
use crate::name::{ComputerName, DomainName};
use crate::steps::{
    access::ProveAccess,
    account::{GiveUpAccount, MakeAccount},
    addresses::{RegisterAddresses, RemoveAddresses},
    blob::WriteBlob,
    kerberos::{SetKerberos, UnsetKerberos},
    keytab::{RemoveKeys, WriteKeys},
    names::{SetNames, UnsetNames},
    proof::ProveMembership,
    record::{Forget, Remember},
    secret::{DropKept, ForgetSecret, TellSamba},
    services::{HoldServices, ProveTrust, StartServices},
    settings::{SetSettings, UnsetSettings},
    spn::{NameKeys, RecordServices, SetServices},
};

/// The journal of the operation that is under way.
pub const JOURNAL: &str = "/var/lib/smbgw/domain/operation.jsonl";

/// What an operation will do, in order. It holds no secrets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The kind of operation.
    pub operation: Operation,
    /// The domain.
    pub domain: DomainName,
    /// The computer.
    pub computer: ComputerName,
    /// What is done, in order.
    pub steps: Vec<Step>,
    /// The first step that cannot be undone, by its place in `steps`.
    pub point_of_no_return: Option<usize>,
}

/// The kinds of operations on a membership.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Operation {
    /// Become a member.
    Join,
    /// Be one no longer.
    Leave,
    /// Change the names of its services.
    Services,
    /// Make an account and a file with which another machine joins.
    Provision,
}

impl std::fmt::Display for Operation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Join => "join",
            Self::Leave => "leave",
            Self::Services => "services",
            Self::Provision => "provision",
        })
    }
}

smbgw_core::steps! {
    /// One step of a plan.
    Step<'a> on Gateway<'a>:
    MakeAccount,
    WriteKeys,
    HoldServices,
    SetSettings,
    TellSamba,
    SetKerberos,
    SetNames,
    StartServices,
    ProveMembership,
    ProveTrust,
    ProveAccess,
    RegisterAddresses,
    Remember,
    DropKept,
    UnsetSettings,
    RemoveAddresses,
    GiveUpAccount,
    RemoveKeys,
    ForgetSecret,
    UnsetKerberos,
    UnsetNames,
    Forget,
    SetServices,
    NameKeys,
    RecordServices,
    WriteBlob,
}

impl Planned for Plan {
    fn journal_file(&self) -> PathBuf {
        JOURNAL.into()
    }

    fn steps(&self) -> usize {
        self.steps.len()
    }
}

impl<'a> Transaction<Gateway<'a>> for Plan {
    type Step = Step;

    fn list(&self) -> &[Step] {
        &self.steps
    }

    fn point_of_no_return(&self) -> Option<usize> {
        self.point_of_no_return
    }

    fn title(&self) -> String {
        format!("{} {} as {}", self.operation, self.domain, self.computer)
    }

    fn interrupted(&self) -> &'static str {
        crate::code::Code::Interrupted.as_str()
    }

    fn to_finish(&self) -> &'static str {
        "pve-smbgateway ad-recover --user USER"
    }
}
