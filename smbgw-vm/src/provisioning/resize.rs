//! Another limit for the share of a guest.

use smbgw_core::error::{ErrorKind, Problem};
use smbgw_core::host_label::HostLabel;
use smbgw_core::size::ByteSize;

use super::error::ProvisioningError;
use super::headroom::smallest_disk;
use super::here::here;
use super::outcome::Outcome;
use super::place::Place;
use super::plan::{Operation, Plan, Step};
use super::recover::{begin, settle_earlier};
use super::request::DataRequest;
use super::share_inside::{ShareInside, ShareUsage};
use super::share_request::ShareRequest;
use super::steps::resize::{AwaitDisk, GrowDisk, GrowFilesystem, RememberQuota, SetLimit};
use super::steps::share::ProveShare;
use super::world::Provisioning;
use crate::code::Code;
use crate::proxmox::{GuestDisk, ProxmoxError, RunState};
use crate::resources::disk_room;

/// Limits the share of the guest `name`, which runs, to `quota`. Where the disk for data is too small for that, it and
/// its filesystem grow first, while clients work. A disk that has grown stays so, also where a later step fails.
///
/// A quota below what is used is refused, unless `even_if_fuller`: clients can read and delete then, and not write.
///
/// # Errors
/// [`ProvisioningError::Refused`] with all that is wrong; [`ProvisioningError::NoShare`] where the guest has none;
/// `vm.guest-not-running`, and where the guest cannot be asked. Nothing was touched then.
pub fn resize(
    world: &Provisioning<'_>,
    name: &HostLabel,
    quota: ByteSize,
    even_if_fuller: bool,
) -> Result<Outcome, ProvisioningError> {
    let _lock = world.lock(name, "resizing a share")?;
    let mut notes = settle_earlier(world, name)?;
    let record = world.record(name)?;
    if let Place::Libvirt(_) = record.place {
        let code = Code::ResizeUnsupported;
        let message = format!("`{name}` is a virtual machine of libvirt");
        let problem = Problem::invalid("name", code.as_str(), message)
            .kind(ErrorKind::Unsupported)
            .remedy(code.fix());
        return Err(ProvisioningError::Refused(vec![problem]));
    }
    let node = world.node()?;
    let vmid = world.vmid(name)?;
    let (_, standing) = here(world, &record)?;
    let no_share = || ProvisioningError::NoShare(record.name.clone());
    let share = record.share.as_ref().ok_or_else(no_share)?;
    let filesystem = record.filesystem.ok_or_else(no_share)?;
    if standing.state != RunState::Running {
        return Err(ProxmoxError::NotRunning { vmid }.into());
    }
    let wanted = ShareRequest {
        quota,
        ..share.clone()
    };
    let mut problems = wanted.spec(&record.users).err().unwrap_or_default();
    let inside = ShareInside {
        world,
        guest: &record.name,
    };
    let usage = inside.usage()?;
    if usage.used > quota {
        if even_if_fuller {
            notes.push(format!(
                "the share holds {}, which is more than its limit: clients can read and delete, and not write",
                usage.used
            ));
        } else {
            problems.push(fuller(&usage, quota));
        }
    }
    let config = node.config(vmid)?;
    let disk = config.disk_with_serial(&DataRequest::serial());
    let disk = disk.ok_or_else(|| ProvisioningError::NoDataDisk {
        guest: record.name.clone(),
        found: "the virtual machine has no disk with its serial".into(),
    })?;
    let before = disk.size.unwrap_or_default();
    let mut size = before;
    let mut steps: Vec<Step> = Vec::new();
    let guest = || record.name.clone();
    if smallest_disk(quota) > before {
        let grown = DataRequest::for_quota(disk.volume.storage().clone(), quota, filesystem);
        size = grown.size;
        problems.extend(grown.problem());
        problems.extend(no_room(world, &disk, size)?);
        notes.push(format!(
            "the disk for data grows from {before} to {size}, and does not shrink again"
        ));
        steps.push(
            GrowDisk {
                guest: guest(),
                size,
            }
            .into(),
        );
    }
    if quota > usage.limit {
        // Also where the disk is large enough: an earlier run may have come no farther.
        steps.extend([
            Step::from(AwaitDisk {
                guest: guest(),
                size,
            }),
            Step::from(GrowFilesystem {
                guest: guest(),
                filesystem,
            }),
        ]);
    }
    if !problems.is_empty() {
        return Err(ProvisioningError::Refused(problems));
    }
    steps.extend([
        Step::from(SetLimit {
            guest: guest(),
            limit: quota,
        }),
        Step::from(RememberQuota {
            guest: guest(),
            quota,
        }),
        Step::from(ProveShare {
            guest: guest(),
            share: share.name.clone(),
            users: record.users.clone(),
        }),
    ]);
    let plan = Plan {
        operation: Operation::Resize,
        name: record.name.clone(),
        steps,
        point_of_no_return: None,
    };
    begin(world, &plan, notes)
}

fn fuller(usage: &ShareUsage, quota: ByteSize) -> Problem {
    let message = format!("the share holds {}, which is more than {quota}", usage.used);
    let code = Code::ShareFuller;
    Problem::invalid("quota", code.as_str(), message)
        .kind(ErrorKind::Conflict)
        .remedy(code.fix())
}

/// What speaks against a disk of `size`, on the storage of the one that grows.
fn no_room(
    world: &Provisioning<'_>,
    disk: &GuestDisk,
    size: ByteSize,
) -> Result<Option<Problem>, ProvisioningError> {
    let id = disk.volume.storage();
    let storages = world.node()?.storages()?;
    let storage = storages.iter().find(|storage| storage.id == *id);
    let before = disk.size.unwrap_or_default().bytes();
    let more = ByteSize::from_bytes(size.bytes().saturating_sub(before));
    let room = disk_room(storage, more, &world.policy);
    let short = storage.filter(|storage| room > storage.available_bytes);
    Ok(short.map(|storage| {
        let message = format!(
            "the disk for data needs {} more on the storage `{id}`, which has {} left",
            ByteSize::from_bytes(room),
            ByteSize::from_bytes(storage.available_bytes),
        );
        let code = Code::StorageRoomShort;
        Problem::invalid("quota", code.as_str(), message)
            .kind(ErrorKind::Unsupported)
            .remedy(code.fix())
    }))
}
