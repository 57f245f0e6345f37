//! What a larger or smaller limit of a share takes.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use smbgw_core::change::Change;
use smbgw_core::host_label::HostLabel;
use smbgw_core::size::ByteSize;
use smbgw_core::step::{Action, LeftBehind};
use smbgw_core::step_error::StepError;

use super::deed::{Deed, deeds};
use crate::cloudinit::DataFilesystem;
use crate::provisioning::error::{ProvisioningError, step};
use crate::provisioning::inside::run_inside;
use crate::provisioning::record::{GUESTS, key};
use crate::provisioning::request::DataRequest;
use crate::provisioning::share_inside::ShareInside;
use crate::provisioning::wait::until;
use crate::provisioning::world::Provisioning;
use crate::proxmox::GuestDisk;

deeds! { AwaitDisk, GrowFilesystem }

/// Makes the disk for data larger. That cannot be undone, and harms nobody.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GrowDisk {
    /// The guest.
    pub guest: HostLabel,
    /// The size that the disk is to have.
    pub size: ByteSize,
}

impl Action<Provisioning<'_>> for GrowDisk {
    type Undo = ();

    fn title(&self) -> String {
        format!("grow the disk for data of {} to {}", self.guest, self.size)
    }

    fn check(&self, world: &Provisioning<'_>) -> Result<Option<()>, StepError> {
        let disk = data_disk(world, &self.guest).map_err(step)?;
        Ok((disk.size < Some(self.size)).then_some(()))
    }

    fn apply(&self, world: &Provisioning<'_>, (): &()) -> Result<Change, StepError> {
        let grow = || {
            let vmid = world.vmid(&self.guest)?;
            let disk = data_disk(world, &self.guest)?;
            // A task that was left at work would grow it a second time from what it was.
            let node = world.node()?;
            node.await_quiet(vmid)?;
            node.grow_disk(vmid, &disk.slot, self.size)?;
            Ok::<_, ProvisioningError>(Change::Updated)
        };
        grow().map_err(step)
    }

    fn undo(&self, _: &Provisioning<'_>, (): &()) -> Result<(), StepError> {
        Ok(())
    }

    fn left_behind(&self, (): &()) -> Vec<LeftBehind> {
        Vec::new()
    }
}

/// The disk for data of `guest`.
pub(in crate::provisioning) fn data_disk(
    world: &Provisioning<'_>,
    guest: &HostLabel,
) -> Result<GuestDisk, ProvisioningError> {
    let config = world.node()?.config(world.vmid(guest)?)?;
    let disk = config.disk_with_serial(&DataRequest::serial());
    disk.ok_or_else(|| ProvisioningError::NoDataDisk {
        guest: guest.clone(),
        found: "the virtual machine has no disk with its serial".into(),
    })
}

/// Waits until a guest sees that its disk for data is larger.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AwaitDisk {
    /// The guest.
    pub guest: HostLabel,
    /// The size that the disk has.
    pub size: ByteSize,
}

impl Deed for AwaitDisk {
    fn title(&self) -> String {
        format!("wait until {} sees the larger disk", self.guest)
    }

    fn carry_out(&self, world: &Provisioning<'_>) -> Result<Change, ProvisioningError> {
        let begun = Instant::now();
        let device = DataRequest::device();
        let words = ["/usr/sbin/blockdev", "--getsize64", &device];
        let mut seen = String::new();
        let found = until(world.deadline().at_most(TIME_TO_SEE), || {
            seen = run_inside(world, &self.guest, &words, None)?;
            let bytes = seen.trim().parse::<u64>().ok();
            let is_there = bytes.is_some_and(|bytes| bytes >= self.size.bytes());
            Ok::<_, ProvisioningError>(is_there.then_some(Change::Unchanged))
        })?;
        found.ok_or_else(|| ProvisioningError::DiskUnseen {
            guest: self.guest.clone(),
            size: self.size,
            seen: seen.trim().into(),
            seconds: begun.elapsed().as_secs(),
        })
    }
}

/// How long a guest may take to see it.
const TIME_TO_SEE: Duration = Duration::from_secs(60);

/// Has the filesystem fill its disk, while it is mounted. One that does so already is left alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GrowFilesystem {
    /// The guest.
    pub guest: HostLabel,
    /// What the disk is formatted with.
    pub filesystem: DataFilesystem,
}

impl Deed for GrowFilesystem {
    fn title(&self) -> String {
        format!("grow the filesystem for data of {}", self.guest)
    }

    fn carry_out(&self, world: &Provisioning<'_>) -> Result<Change, ProvisioningError> {
        let device = DataRequest::device();
        let words = match self.filesystem {
            // xfs_growfs(8) takes where it is mounted, resize2fs(8) the disk.
            DataFilesystem::Xfs => ["/usr/sbin/xfs_growfs", DataRequest::MOUNT_POINT],
            DataFilesystem::Ext4 => ["/usr/sbin/resize2fs", &device],
        };
        let size = || {
            let words = ["/usr/bin/findmnt", "-n", "-b", "-o", "SIZE", "--mountpoint"];
            let words = [&words[..], &[DataRequest::MOUNT_POINT]].concat();
            run_inside(world, &self.guest, &words, None)
        };
        let before = size()?;
        run_inside(world, &self.guest, &words, None)?;
        Ok(match size()? == before {
            true => Change::Unchanged,
            false => Change::Updated,
        })
    }
}

/// Limits what the files of the share take.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SetLimit {
    /// The guest.
    pub guest: HostLabel,
    /// What they may take.
    pub limit: ByteSize,
}

impl Action<Provisioning<'_>> for SetLimit {
    /// The limit before, in bytes.
    type Undo = ByteSize;

    fn title(&self) -> String {
        format!("limit the share of {} to {}", self.guest, self.limit)
    }

    fn check(&self, world: &Provisioning<'_>) -> Result<Option<ByteSize>, StepError> {
        let guest = &self.guest;
        let usage = ShareInside { world, guest }.usage().map_err(step)?;
        Ok((usage.limit != self.limit).then_some(usage.limit))
    }

    fn apply(&self, world: &Provisioning<'_>, _: &ByteSize) -> Result<Change, StepError> {
        let guest = &self.guest;
        let set = ShareInside { world, guest }.set_limit(self.limit);
        set.map_err(step)?;
        Ok(Change::Updated)
    }

    fn undo(&self, world: &Provisioning<'_>, before: &ByteSize) -> Result<(), StepError> {
        let guest = &self.guest;
        ShareInside { world, guest }
            .set_limit(*before)
            .map_err(step)
    }

    fn left_behind(&self, before: &ByteSize) -> Vec<LeftBehind> {
        let kib = before.bytes() / 1024;
        let place = DataRequest::MOUNT_POINT;
        vec![LeftBehind {
            what: format!(
                "the limit of the share of `{}`, which was {before}",
                self.guest
            ),
            commands: vec![format!(
                "qm guest exec NUMBER -- setquota -P 1 0 {kib} 0 0 {place}"
            )],
        }]
    }
}

/// Writes down what the share is limited to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RememberQuota {
    /// The guest.
    pub guest: HostLabel,
    /// The limit.
    pub quota: ByteSize,
}

impl Action<Provisioning<'_>> for RememberQuota {
    /// What was written down before.
    type Undo = ByteSize;

    fn title(&self) -> String {
        format!("write down the limit of {}", self.quota)
    }

    fn check(&self, world: &Provisioning<'_>) -> Result<Option<ByteSize>, StepError> {
        let share = world.record(&self.guest).map_err(step)?.share;
        let before = share.map(|share| share.quota);
        Ok(before.filter(|before| *before != self.quota))
    }

    fn apply(&self, world: &Provisioning<'_>, _: &ByteSize) -> Result<Change, StepError> {
        self.store(world, self.quota).map_err(step)
    }

    fn undo(&self, world: &Provisioning<'_>, before: &ByteSize) -> Result<(), StepError> {
        self.store(world, *before).map_err(step)?;
        Ok(())
    }

    fn left_behind(&self, before: &ByteSize) -> Vec<LeftBehind> {
        let path = format!("{GUESTS}/{}.json", key(&self.guest));
        vec![LeftBehind {
            what: format!("the quota in {path}, which was {} bytes", before.bytes()),
            commands: vec![format!("editor {path}")],
        }]
    }
}

impl RememberQuota {
    fn store(
        &self,
        world: &Provisioning<'_>,
        quota: ByteSize,
    ) -> Result<Change, ProvisioningError> {
        let mut record = world.record(&self.guest)?;
        if let Some(share) = &mut record.share {
            share.quota = quota;
        }
        Ok(record.store(world.machine())?)
    }
}
