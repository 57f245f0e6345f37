//! The volumes of a guest.

use std::path::Path;

use serde::{Deserialize, Serialize};
use smbgw_core::change::Change;
use smbgw_core::host::cmd::quote_for_shell;
use smbgw_core::host_label::HostLabel;
use smbgw_core::size::ByteSize;
use smbgw_core::step::{Action, LeftBehind};
use smbgw_core::step_error::StepError;

use crate::cloudinit::Rendered;
use crate::image::ImageFormat;
use crate::libvirt::{LibvirtError, NewVolume};
use crate::provisioning::error::{ProvisioningError, step};
use crate::provisioning::libvirt::pool_template::PoolTemplate;
use crate::provisioning::place::PoolVolume;
use crate::provisioning::record::key;
use crate::provisioning::steps::deed::{Deed, deeds};
use crate::provisioning::wait::until;
use crate::provisioning::world::Provisioning;
use crate::seed;
use crate::template::{TemplateError, TemplateName};

deeds! { RemoveVolumes }

/// Makes a volume of a guest, whose name nobody else's has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MakeVolume {
    /// The guest.
    pub guest: HostLabel,
    /// The volume.
    pub volume: PoolVolume,
    /// What is on it.
    pub content: Content,
}

/// What is on a volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Content {
    /// What differs from a template that was brought to the pool.
    Layer {
        /// The template.
        template: TemplateName,
    },
    /// A template of the store.
    Copy {
        /// The template.
        template: TemplateName,
    },
    /// Nothing.
    Empty {
        /// The size of the disk.
        size: ByteSize,
    },
    /// The documents for cloud-init. Nothing in them is secret.
    Seed {
        /// `user-data`.
        user: String,
        /// `meta-data`.
        meta: String,
        /// `network-config`.
        network: Option<String>,
    },
}

impl Action<Provisioning<'_>> for MakeVolume {
    type Undo = ();

    fn title(&self) -> String {
        let guest = &self.guest;
        match &self.content {
            Content::Layer { template } => format!("give {guest} a disk over that of {template}"),
            Content::Copy { template } => format!("give {guest} a copy of the disk of {template}"),
            Content::Empty { size } => format!("give {guest} a disk of {size} for data"),
            Content::Seed { .. } => format!("write the documents for the cloud-init of {guest}"),
        }
    }

    fn check(&self, _: &Provisioning<'_>) -> Result<Option<()>, StepError> {
        Ok(Some(()))
    }

    fn apply(&self, world: &Provisioning<'_>, (): &()) -> Result<Change, StepError> {
        self.make(world).map_err(step)?;
        Ok(Change::Created)
    }

    fn undo(&self, world: &Provisioning<'_>, (): &()) -> Result<(), StepError> {
        if let Content::Copy { template } = &self.content {
            self.release(world, template).map_err(step)?;
        }
        delete(world, &self.volume).map_err(step)?;
        Ok(())
    }

    fn left_behind(&self, (): &()) -> Vec<LeftBehind> {
        vec![left_of(&self.volume)]
    }
}

impl MakeVolume {
    fn make(&self, world: &Provisioning<'_>) -> Result<(), ProvisioningError> {
        let virsh = world.virsh()?;
        let PoolVolume { pool, volume } = &self.volume;
        let new = |size: ByteSize, format: ImageFormat| NewVolume {
            name: volume.clone(),
            size,
            format,
            backing: None,
        };
        match &self.content {
            Content::Layer { template } => {
                let missing = || TemplateError::NotFound(template.clone());
                let brought = PoolTemplate::load(world.machine(), template, pool)?;
                let brought = brought.ok_or_else(missing)?;
                let below = brought.usable(virsh)?.ok_or_else(missing)?;
                let layer = NewVolume {
                    backing: Some((below, ImageFormat::Qcow2)),
                    ..new(brought.size_bytes, ImageFormat::Qcow2)
                };
                virsh.create_volume(pool, &layer)?;
            }
            Content::Copy { template } => {
                let store = world.store();
                // It is not deleted while it is copied.
                let user = key(&self.guest).parse()?;
                store.claim(template, &user, world.deadline())?;
                upload(world, &self.volume, &store.show(template)?.disk())?;
                self.release(world, template)?;
            }
            Content::Empty { size } => virsh.create_volume(pool, &new(*size, ImageFormat::Raw))?,
            Content::Seed {
                user,
                meta,
                network,
            } => {
                let image = seed::image(&Rendered {
                    user_data: user.clone(),
                    meta_data: meta.clone(),
                    network_config: network.clone(),
                    vendor_data: None,
                })?;
                let size = ByteSize::from_bytes(image.len() as u64);
                virsh.create_volume(pool, &new(size, ImageFormat::Raw))?;
                virsh.fill_volume(pool, volume, image)?;
            }
        }
        Ok(())
    }

    fn release(
        &self,
        world: &Provisioning<'_>,
        template: &TemplateName,
    ) -> Result<(), ProvisioningError> {
        let user = key(&self.guest).parse()?;
        world.store().release(template, &user, world.deadline())?;
        Ok(())
    }
}

/// Removes the volumes of a guest that is gone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RemoveVolumes {
    /// The guest.
    pub guest: HostLabel,
    /// The volumes.
    pub volumes: Vec<PoolVolume>,
}

impl Deed for RemoveVolumes {
    fn title(&self) -> String {
        format!("remove the disks of {}", self.guest)
    }

    fn carry_out(&self, world: &Provisioning<'_>) -> Result<Change, ProvisioningError> {
        let mut change = Change::Unchanged;
        for volume in &self.volumes {
            if delete(world, volume)?.happened() {
                change = Change::Removed;
            }
        }
        Ok(change)
    }

    fn left_behind(&self) -> Vec<LeftBehind> {
        self.volumes.iter().map(left_of).collect()
    }
}

/// Makes a volume of the image `file`, byte by byte.
pub(super) fn upload(
    world: &Provisioning<'_>,
    volume: &PoolVolume,
    file: &Path,
) -> Result<(), ProvisioningError> {
    let virsh = world.virsh()?;
    let size = world.machine().status(file)?.map_or(0, |file| file.size);
    // As a raw one it begins as a hole of that size: where the image has holes, nothing is written.
    let new = NewVolume {
        name: volume.volume.clone(),
        size: ByteSize::from_bytes(size),
        format: ImageFormat::Raw,
        backing: None,
    };
    virsh.create_volume(&volume.pool, &new)?;
    virsh.fill_volume_from(&volume.pool, &volume.volume, file)?;
    Ok(())
}

/// Removes a volume, where it is there. One that libvirt still works on, for a command that was interrupted, is waited
/// for.
pub(super) fn delete(
    world: &Provisioning<'_>,
    volume: &PoolVolume,
) -> Result<Change, ProvisioningError> {
    let virsh = world.virsh()?;
    let removed = until(world.deadline(), || {
        match virsh.delete_volume(&volume.pool, &volume.volume) {
            Ok(change) => Ok(Some(change)),
            Err(LibvirtError::Busy { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    })?;
    let busy = || LibvirtError::Busy {
        kind: crate::libvirt::ObjectKind::Volume,
        name: volume.volume.to_string(),
    };
    Ok(removed.ok_or_else(busy)?)
}

/// What may be left of a volume.
pub(super) fn left_of(volume: &PoolVolume) -> LeftBehind {
    let PoolVolume { pool, volume } = volume;
    let quoted = |name: &crate::libvirt::Name| quote_for_shell(name.as_str());
    LeftBehind {
        what: format!("the volume `{volume}` in the pool `{pool}`"),
        commands: vec![format!(
            "virsh vol-delete --pool {} {}",
            quoted(pool),
            quoted(volume)
        )],
    }
}
