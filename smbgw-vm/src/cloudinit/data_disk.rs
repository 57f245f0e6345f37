//! The disk of the guest that has the data of a share.

use serde::Serialize;

use super::error::text_type;
use super::{CloudInitError, GuestPath};

text_type! {
    /// What a virtual disk calls itself (`serial=` of QEMU's virtio-blk, which takes 20 bytes).
    DiskSerial, "the serial of a disk: up to 20 letters, digits, `_` and `-`", |text| {
        (1..=20).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
    }
}

/// What the data disk is formatted with. Both limit what a project uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum DataFilesystem {
    /// XFS, mounted with `prjquota`.
    Xfs,
    /// ext4 with the feature `project`, mounted with `prjquota`.
    Ext4,
}

/// A disk without partitions that has one filesystem. It is made where the disk is empty, and never
/// where something is on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataDisk {
    serial: DiskSerial,
    filesystem: DataFilesystem,
    label: String,
    mount_point: GuestPath,
}

/// An entry of `fs_setup`.
#[derive(Serialize)]
pub(super) struct FsSetup<'a> {
    device: String,
    filesystem: &'static str,
    label: &'a str,
    partition: &'static str,
    overwrite: bool,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    extra_opts: &'static [&'static str],
}

impl DataDisk {
    /// The disk `serial` with a filesystem called `label`, mounted at `mount_point`.
    ///
    /// # Errors
    /// Where the label is none that the filesystem can have.
    pub fn new(
        serial: DiskSerial,
        filesystem: DataFilesystem,
        label: &str,
        mount_point: GuestPath,
    ) -> Result<Self, CloudInitError> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
        if !(1..=LONGEST_LABEL).contains(&label.len()) || !label.bytes().all(is_plain) {
            return Err(CloudInitError::new(
                label,
                "the label of a filesystem: up to 12 letters, digits, `_` and `-`",
            ));
        }
        Ok(Self {
            serial,
            filesystem,
            label: label.to_owned(),
            mount_point,
        })
    }

    /// The disk, as the guest finds it: udev's link of a virtio-blk disk by its serial.
    pub fn device(&self) -> String {
        format!("/dev/disk/by-id/virtio-{}", self.serial)
    }

    /// What its filesystem is called.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Where it is mounted.
    pub fn mount_point(&self) -> &GuestPath {
        &self.mount_point
    }

    /// `auto` takes the disk itself where nothing is on it. `none` would format whatever is there.
    pub(super) fn fs_setup(&self) -> FsSetup<'_> {
        FsSetup {
            device: self.device(),
            filesystem: self.filesystem.name(),
            label: &self.label,
            partition: "auto",
            overwrite: false,
            extra_opts: match self.filesystem {
                DataFilesystem::Xfs => &[],
                // Nothing is set aside for root, as no log or daemon writes there.
                DataFilesystem::Ext4 => {
                    &["-O", "project,quota", "-E", "quotatype=prjquota", "-m", "0"]
                }
            },
        }
    }

    /// The fields of its line in `fstab`. Only where the filesystem is there does the guest wait for
    /// it, so that a guest whose disk is broken can be looked into.
    pub(super) fn mount(&self) -> [String; 6] {
        [
            format!("LABEL={}", self.label),
            self.mount_point.to_string(),
            self.filesystem.name().into(),
            "defaults,prjquota,nofail,nosuid,nodev,x-systemd.device-timeout=30s".into(),
            "0".into(),
            "2".into(),
        ]
    }
}

impl DataFilesystem {
    /// Its name as the kernel has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Xfs => "xfs",
            Self::Ext4 => "ext4",
        }
    }
}

/// The longest label that every one of the filesystems takes: that of XFS (mkfs.xfs(8)).
const LONGEST_LABEL: usize = 12;
