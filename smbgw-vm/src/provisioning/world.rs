//! What guests are made with, put together from its parts.

use std::path::Path;
use std::time::Duration;

use smbgw_core::deadline::Deadline;
use smbgw_core::host::{Host, Lock, LockError};
use smbgw_core::host_label::HostLabel;
use smbgw_core::lifecycle::{NameClaim, claim_name};
use smbgw_core::progress::Progress;
use smbgw_core::secret::Secret;
use smbgw_core::transaction::World;

use super::error::ProvisioningError;
use super::guest::{DomainGuest, Guest, NodeGuest};
use super::hypervisor::Hypervisor;
use super::place::Place;
use super::record::{GuestRecord, key};
use super::share_request::ShareRequest;
use crate::cloudinit::LoginName;
use crate::libvirt::Virsh;
use crate::proxmox::Proxmox;
use crate::resources::Policy;
use crate::template::TemplateStore;
use crate::vmid::Vmid;

/// What guests are made with, and the time there is.
#[derive(Clone)]
pub struct Provisioning<'a> {
    /// What runs the guests, and when all of it has to be over.
    pub hypervisor: Hypervisor<'a>,
    /// The folder of its machine with the store of templates.
    pub templates: &'a Path,
    /// The passwords of the users for SMB of a guest that is to be made.
    pub passwords: &'a [(LoginName, Secret)],
    /// How much of the machine may be promised.
    pub policy: Policy,
    /// How long a new guest is waited for.
    pub waits: Waits,
    /// Who is told what happens.
    pub progress: &'a dyn Progress,
}

/// How long a new guest is waited for, where the time for all of it is not over before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waits {
    /// From its start until its agent answers.
    pub agent: Duration,
    /// From then on until it has done all that it was told.
    pub ready: Duration,
    /// From then on until it answers to SMB.
    pub smb: Duration,
    /// From when it is asked to end until it has ended, and from when high availability is asked for something until
    /// that is done.
    pub switch: Duration,
}

impl Default for Waits {
    /// What a guest without acceleration on a busy node needs.
    fn default() -> Self {
        Self {
            agent: Duration::from_secs(300),
            ready: Duration::from_secs(600),
            smb: Duration::from_secs(120),
            switch: Duration::from_secs(180),
        }
    }
}

impl<'a> Provisioning<'a> {
    /// The machine that runs the guests.
    pub(super) fn machine(&self) -> &'a dyn Host {
        self.hypervisor.machine()
    }

    pub(super) fn deadline(&self) -> Deadline {
        self.hypervisor.deadline()
    }

    /// The same, all of it over by `deadline`.
    pub(super) fn until(&self, deadline: Deadline) -> Self {
        Self {
            hypervisor: self.hypervisor.until(deadline),
            ..self.clone()
        }
    }

    /// The node, for what is done with Proxmox VE alone.
    pub(super) fn node(&self) -> Result<&Proxmox<'a>, ProvisioningError> {
        self.hypervisor.node()
    }

    /// libvirt, for what is done with it alone.
    pub(super) fn virsh(&self) -> Result<&Virsh<'a>, ProvisioningError> {
        self.hypervisor.virsh()
    }

    pub(super) fn store(&self) -> TemplateStore<'a> {
        TemplateStore::new(self.machine(), self.templates)
    }

    /// What is remembered of the guest `name`.
    pub(super) fn record(&self, name: &HostLabel) -> Result<GuestRecord, ProvisioningError> {
        let record = GuestRecord::load(self.machine(), name)?;
        record.ok_or_else(|| ProvisioningError::Unknown(name.clone()))
    }

    /// The number of the guest `name`, which was made.
    pub(super) fn vmid(&self, name: &HostLabel) -> Result<Vmid, ProvisioningError> {
        let vmid = self.record(name)?.vmid();
        vmid.ok_or_else(|| ProvisioningError::Unknown(name.clone()))
    }

    /// The guest `name`, which was made.
    pub(super) fn guest(&self, name: &HostLabel) -> Result<Box<dyn Guest + 'a>, ProvisioningError> {
        let guest = self.guest_of(&self.record(name)?)?;
        guest.ok_or_else(|| ProvisioningError::Unknown(name.clone()))
    }

    /// The guest that is remembered so; nothing where it has never been made.
    pub(super) fn guest_of(
        &self,
        record: &GuestRecord,
    ) -> Result<Option<Box<dyn Guest + 'a>>, ProvisioningError> {
        Ok(match &record.place {
            Place::Proxmox(place) => {
                let node = self.node()?.clone();
                place
                    .vmid
                    .map(|vmid| -> Box<dyn Guest + 'a> { Box::new(NodeGuest { node, vmid }) })
            }
            Place::Libvirt(place) => Some(Box::new(DomainGuest {
                virsh: *self.virsh()?,
                name: record.name.clone(),
                domain: place.domain.clone(),
                console: place.console.clone(),
            })),
        })
    }

    /// Keeps the name of `share` from the shares of the machine itself, as long as the value lives.
    pub(super) fn claim(
        &self,
        share: Option<&ShareRequest>,
    ) -> Result<Option<NameClaim>, ProvisioningError> {
        let purpose = "making a virtual machine";
        let claim = |share: &ShareRequest| {
            claim_name(self.machine(), &share.name, purpose, self.deadline())
        };
        Ok(share.map(claim).transpose()?)
    }

    /// Whoever makes, changes or removes a guest holds this lock.
    pub(super) fn lock(&self, name: &HostLabel, purpose: &str) -> Result<Lock, LockError> {
        let lock = format!("guest-{}", key(name));
        self.machine().lock(&lock, purpose, self.deadline())
    }
}

impl World for Provisioning<'_> {
    fn host(&self) -> &dyn Host {
        self.machine()
    }

    fn progress(&self) -> &dyn Progress {
        self.progress
    }

    fn for_undo(&self) -> Self {
        self.until(Deadline::after(TIME_TO_UNDO))
    }

    fn lock_journals(&self) -> Result<Lock, LockError> {
        let purpose = "removing a journal";
        self.machine()
            .lock("guest-journals", purpose, self.deadline())
    }
}

/// How long undoing may take: a task that was left at work is waited for, such as the copy of a disk.
const TIME_TO_UNDO: Duration = Duration::from_secs(600);
