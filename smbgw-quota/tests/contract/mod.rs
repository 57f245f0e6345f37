//! What every file system has to do alike, and the places to try it in.
//!
//! Each function of [`volumes`] is one promise; the test files name the file systems they are run
//! on. A host whose root is the scratch file system itself keeps `/etc/projects` and the locks of a
//! test there, so that nothing of the machine is touched.

// Each test file uses a part of this.
#![allow(dead_code)]

#[macro_use]
mod promises;
pub(crate) mod inspect;
pub(crate) mod marks;
pub(crate) mod projects;
pub(crate) mod switched_off;
pub(crate) mod verify;
pub(crate) mod volumes;

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::time::Duration;

use smbgw_core::deadline::Deadline;
use smbgw_core::error::Coded;
use smbgw_core::host::LocalHost;
use smbgw_core::ports::storage::Data;
use smbgw_core::ports::{Limits, PortError, Storage, Usage, Volume};
use smbgw_core::share::ShareName;
use smbgw_quota::QuotaStorage;
use smbgw_testing::unprivileged::{NOBODY, as_nobody};
use smbgw_testing::{Filesystem, MIB, Scratch};

/// A host of its own on a scratch file system.
#[derive(Debug)]
pub(crate) struct Lab {
    pub(crate) disk: Scratch,
    pub(crate) host: LocalHost,
}

impl Lab {
    pub(crate) fn new(filesystem: Filesystem) -> Lab {
        let disk = Scratch::new(filesystem, 320 * MIB).expect("a scratch file system");
        Lab::on(disk)
    }

    pub(crate) fn on(disk: Scratch) -> Lab {
        if disk.filesystem() == Filesystem::BtrfsQuota {
            command("btrfs", &["quota", "rescan", "-w", text(disk.path())]);
        }
        for dir in ["etc", "run", "srv"] {
            fs::create_dir_all(disk.path().join(dir)).unwrap();
        }
        let host = LocalHost::with_root(disk.path());
        Lab { disk, host }
    }

    pub(crate) fn storage(&self) -> QuotaStorage<'_> {
        QuotaStorage::new(&self.host)
    }

    /// Where this process reaches `path` of the host.
    pub(crate) fn local(&self, path: impl AsRef<Path>) -> PathBuf {
        let below = path.as_ref().strip_prefix("/").unwrap();
        self.disk.path().join(below)
    }

    pub(crate) fn choose(&self, path: &str) -> Volume {
        self.try_choose(path).unwrap()
    }

    pub(crate) fn try_choose(&self, path: &str) -> Result<Volume, PortError> {
        let name = path.rsplit('/').next().unwrap();
        let share: ShareName = name.parse().unwrap();
        self.storage().choose(&share, Path::new(path), &[], soon())
    }

    /// A volume at `path` with a limit of `bytes`, which everybody may write to.
    pub(crate) fn volume(&self, path: &str, bytes: u64) -> Volume {
        let volume = self.choose(path);
        self.storage().create(&volume, soon()).unwrap();
        self.limit(&volume, bytes);
        let mode = fs::Permissions::from_mode(0o777);
        fs::set_permissions(self.local(path), mode).unwrap();
        volume
    }

    pub(crate) fn limit(&self, volume: &Volume, bytes: u64) {
        self.storage()
            .set_limits(volume, Limits::of_bytes(bytes), soon())
            .unwrap();
    }

    pub(crate) fn usage(&self, volume: &Volume) -> Usage {
        self.storage().usage(volume, soon()).unwrap()
    }

    pub(crate) fn destroy(&self, volume: &Volume, data: Data) {
        self.storage().destroy(volume, data, soon()).unwrap();
    }

    /// A subvolume, dataset or plain directory of the administrator's: what can be adopted.
    pub(crate) fn adoptable(&self, path: &str) -> PathBuf {
        let local = self.local(path);
        match self.disk.filesystem() {
            Filesystem::BtrfsQuota | Filesystem::BtrfsPlain => {
                command("btrfs", &["subvolume", "create", text(&local)]);
            }
            Filesystem::Zfs => {
                let name = format!("{}/admin", self.disk.source().display());
                let mount_point = format!("mountpoint={}", local.display());
                command("zfs", &["create", "-o", &mount_point, &name]);
            }
            _ => fs::create_dir(&local).unwrap(),
        }
        local
    }

    /// The text of `path` on the host.
    pub(crate) fn text(&self, path: &str) -> Option<String> {
        fs::read_to_string(self.local(path)).ok()
    }
}

/// A deadline that only a hanging test reaches.
pub(crate) fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(120))
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

pub(crate) fn command(program: &str, args: &[&str]) -> String {
    let mut command = std::process::Command::new(program);
    smbgw_testing::run(command.args(args)).unwrap()
}

pub(crate) fn code<T: std::fmt::Debug>(result: Result<T, PortError>) -> &'static str {
    result.unwrap_err().code()
}

/// Writes at most `bytes` to the file at `path`, durably after every 64 KiB, and gives how many
/// bytes were taken and the error that ended it.
pub(crate) fn fill(path: &Path, bytes: u64) -> (u64, Option<i32>) {
    let attempt = |taken: &mut u64| -> io::Result<()> {
        let mut file = File::create(path)?;
        // Nothing a file system could squeeze.
        let mut state = 88172645463325252u64;
        let mut block = vec![0u8; 64 << 10];
        while *taken < bytes {
            for byte in &mut block {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                *byte = state as u8;
            }
            let count = file.write(&block[..block.len().min((bytes - *taken) as usize)])?;
            file.sync_data()?;
            *taken += count as u64;
        }
        file.sync_all()
    };
    let mut taken = 0;
    let error = attempt(&mut taken).err().map(|error| {
        error
            .raw_os_error()
            .unwrap_or_else(|| panic!("not the kernel's: {error}"))
    });
    (taken, error)
}

/// [`fill`] by a user whom every limit binds.
pub(crate) fn fill_as_nobody(path: &Path, bytes: u64) -> (u64, Option<i32>) {
    as_nobody(|| fill(path, bytes))
}

pub(crate) fn give_to_nobody(path: &Path) {
    chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
}
