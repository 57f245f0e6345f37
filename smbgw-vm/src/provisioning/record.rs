//! What is remembered of a guest: a file on its node, written before anything is made.

use std::net::IpAddr;
use std::path::Path;

use serde::{Deserialize, Serialize};
use smbgw_core::change::Change;
use smbgw_core::host::Host;
use smbgw_core::host_label::HostLabel;
use smbgw_core::mac::Mac;
use smbgw_core::state_error::{StateError, StateKind};
use smbgw_core::state_file::StateFile;

use super::error::ProvisioningError;
use super::place::{LibvirtPlace, NodePlace, Place};
use super::share_request::ShareRequest;
use crate::address_setting::AddressSetting;
use crate::cloudinit::{DataFilesystem, InstanceId, LoginName};
use crate::proxmox::Mark;
use crate::vmid::Vmid;

/// The folder with a record of each guest.
pub const GUESTS: &str = smbgw_core::layout::GUESTS_DIR;

/// A guest that was made, or is being made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GuestRecord {
    /// The form of this record; [`GuestRecord::VERSION`] in one that is made.
    pub version: u32,
    /// What it calls itself.
    pub name: HostLabel,
    /// How far it has come.
    pub state: GuestState,
    /// The mark that it carries in its notes or its XML.
    pub mark: Mark,
    /// Where it lives.
    pub place: Place,
    /// Which instance it is for cloud-init.
    pub instance: InstanceId,
    /// The address of its network card on the link.
    pub mac: Mac,
    /// How it gets its address.
    pub address: AddressSetting,
    /// The address at which it answered to SMB.
    pub answered_at: Option<IpAddr>,
    /// Its users for SMB.
    #[serde(default)]
    pub users: Vec<LoginName>,
    /// What its disk for data is formatted with, where it has one.
    #[serde(default)]
    pub filesystem: Option<DataFilesystem>,
    /// The share that it serves, where it has one.
    #[serde(default)]
    pub share: Option<ShareRequest>,
    /// When making it began, in seconds since 1970-01-01 00:00 UTC.
    pub since_seconds: i64,
}

/// How far a guest has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum GuestState {
    /// It is being made, or that was interrupted.
    Making,
    /// It was made, and has answered.
    Ready,
}

impl GuestRecord {
    /// The version of the record's form that this program writes.
    pub const VERSION: u32 = 1;

    /// What is remembered of the guest `name`, or `None` where none of that name was made on `host`.
    ///
    /// # Errors
    /// Where the record cannot be read or is not one.
    pub fn load(host: &dyn Host, name: &HostLabel) -> Result<Option<Self>, StateError> {
        file(&path(name)).load(host)
    }

    /// What is remembered of all guests, by name.
    ///
    /// # Errors
    /// Where a record cannot be read or is not one.
    pub fn all(host: &dyn Host) -> Result<Vec<Self>, StateError> {
        let names = host.list(Path::new(GUESTS))?;
        let named = names.iter().filter_map(|name| {
            let name = name.strip_suffix(".json")?;
            name.parse::<HostLabel>().ok()
        });
        // One that is gone since the listing was removed.
        let loaded = named.filter_map(|name| Self::load(host, &name).transpose());
        loaded.collect()
    }

    /// Its number, where it is on a node of Proxmox VE and was about to be made at least.
    pub fn vmid(&self) -> Option<Vmid> {
        match &self.place {
            Place::Proxmox(place) => place.vmid,
            Place::Libvirt(_) => None,
        }
    }

    /// What it has on a node of Proxmox VE.
    pub(super) fn on_node(&self) -> Result<&NodePlace, ProvisioningError> {
        match &self.place {
            Place::Proxmox(place) => Ok(place),
            Place::Libvirt(_) => Err(ProvisioningError::OtherHypervisor { wanted: "libvirt" }),
        }
    }

    /// What it has on a machine with libvirt.
    pub(super) fn on_libvirt(&self) -> Result<&LibvirtPlace, ProvisioningError> {
        match &self.place {
            Place::Libvirt(place) => Ok(place),
            Place::Proxmox(_) => Err(ProvisioningError::OtherHypervisor {
                wanted: "Proxmox VE",
            }),
        }
    }

    /// Writes it down.
    pub(super) fn store(&self, host: &dyn Host) -> Result<Change, StateError> {
        file(&path(&self.name)).store(host, self)
    }

    /// Forgets the guest `name`.
    pub(super) fn remove(host: &dyn Host, name: &HostLabel) -> Result<Change, StateError> {
        file(&path(name)).remove(host)
    }
}

/// The form that all spellings of a name share: names of hosts do not differ by case.
pub(super) fn key(name: &HostLabel) -> String {
    name.as_str().to_ascii_lowercase()
}

fn path(name: &HostLabel) -> String {
    format!("{GUESTS}/{}.json", key(name))
}

fn file(path: &str) -> StateFile<'_> {
    StateFile {
        kind: StateKind::Guest,
        path,
        version: GuestRecord::VERSION,
    }
}
