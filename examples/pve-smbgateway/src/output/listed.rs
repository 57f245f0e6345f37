//! Shares of a list, those of this machine and those in virtual machines.

use comfy_table::{Cell, CellAlignment};
use serde::Serialize;
use smbgw_core::catalog::ShareRecord;
use smbgw_core::share::{Mode, ShareName};
use smbgw_core::size::ByteSize;
use smbgw_vm::cloudinit::LoginName;
use smbgw_vm::provisioning::GuestRecord;

use super::who;
use crate::commands::vm::{machine_of, serves};

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
    pub(super) spec: GuestSpec,
    pub(super) guest: GuestRecord,
}

/// What was asked for.
#[derive(Serialize)]
pub(super) struct GuestSpec {
    pub(super) name: ShareName,
    mode: Mode,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) quota: Option<ByteSize>,
    access: GuestAccess,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
}

#[derive(Serialize)]
struct GuestAccess {
    users: Vec<LoginName>,
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
                (&spec.name, spec.mode, quota, place, share.users())
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

impl InGuest {
    /// Who may use it.
    pub(super) fn users(&self) -> String {
        let users = self.guest.users.iter().map(LoginName::as_str);
        users.collect::<Vec<_>>().join(", ")
    }
}
