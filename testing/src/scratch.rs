//! Filesystems on image files, with quotas enforced, only counted, or absent.
//!
//! A [`Scratch`] lives in a folder of its own under the temporary folder: the sparse image and the
//! mount point. Dropping it unmounts, detaches the loop device and removes both; what a killed run
//! left is removed by the next one.
//!
//! Mounts are made in the mount namespace of the test. A [`LightHost`](crate::LightHost) does not
//! see them until they are [bound](crate::Inside::bind) into it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::{Error, MIB, Result, keep, prefix, run, shout, wait_until};

/// How long a filesystem may stay busy when it is to be unmounted.
const BUSY: Duration = Duration::from_secs(10);

/// What the names of scratch folders end in.
const WORD: &str = "disk";

/// A kind of filesystem and what it does about quotas.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Filesystem {
    /// ext4 with quota and project features, mounted `prjquota`: limits are enforced.
    Ext4Enforced,
    /// The same, mounted with `usrquota` and `grpquota` too.
    Ext4AllQuotas,
    /// ext4 with the features, mounted without `prjquota`: usage is counted, nothing enforced.
    Ext4Accounting,
    /// ext4 made without the features.
    Ext4Plain,
    /// XFS mounted `pquota`: limits are enforced.
    XfsEnforced,
    /// XFS mounted `uquota`, `gquota` and `pquota`.
    XfsAllQuotas,
    /// XFS mounted `pqnoenforce`: usage is counted, nothing enforced.
    XfsAccounting,
    /// XFS mounted `noquota`.
    XfsPlain,
    /// btrfs with quotas enabled.
    BtrfsQuota,
    /// btrfs as it is made, without quotas.
    BtrfsPlain,
    /// A ZFS pool and its root dataset, without compression, so that what a test writes is what is
    /// used.
    Zfs,
}

impl Filesystem {
    /// Every kind there is.
    pub const ALL: [Filesystem; 11] = [
        Filesystem::Ext4Enforced,
        Filesystem::Ext4AllQuotas,
        Filesystem::Ext4Accounting,
        Filesystem::Ext4Plain,
        Filesystem::XfsEnforced,
        Filesystem::XfsAllQuotas,
        Filesystem::XfsAccounting,
        Filesystem::XfsPlain,
        Filesystem::BtrfsQuota,
        Filesystem::BtrfsPlain,
        Filesystem::Zfs,
    ];

    /// The smallest image its tools accept, in bytes. Images are sparse: a large one costs little.
    pub fn minimum(self) -> u64 {
        match self {
            Filesystem::Ext4Enforced
            | Filesystem::Ext4AllQuotas
            | Filesystem::Ext4Accounting
            | Filesystem::Ext4Plain => 8 * MIB,
            Filesystem::XfsEnforced
            | Filesystem::XfsAllQuotas
            | Filesystem::XfsAccounting
            | Filesystem::XfsPlain => 300 * MIB,
            Filesystem::BtrfsQuota | Filesystem::BtrfsPlain => 128 * MIB,
            Filesystem::Zfs => 64 * MIB,
        }
    }

    fn mkfs(self) -> &'static [&'static str] {
        match self {
            Filesystem::Ext4Enforced | Filesystem::Ext4AllQuotas | Filesystem::Ext4Accounting => &[
                "mkfs.ext4",
                "-q",
                "-F",
                "-O",
                "quota,project",
                "-E",
                "quotatype=usrquota:grpquota:prjquota",
            ],
            Filesystem::Ext4Plain => &["mkfs.ext4", "-q", "-F"],
            Filesystem::XfsEnforced
            | Filesystem::XfsAllQuotas
            | Filesystem::XfsAccounting
            | Filesystem::XfsPlain => &["mkfs.xfs", "-q", "-f"],
            Filesystem::BtrfsQuota | Filesystem::BtrfsPlain => &["mkfs.btrfs", "-q", "-f"],
            Filesystem::Zfs => &[],
        }
    }

    fn mount_options(self) -> &'static str {
        match self {
            Filesystem::Ext4Enforced => "prjquota",
            Filesystem::Ext4AllQuotas => "usrquota,grpquota,prjquota",
            Filesystem::XfsEnforced => "pquota",
            Filesystem::XfsAllQuotas => "uquota,gquota,pquota",
            Filesystem::XfsAccounting => "pqnoenforce",
            Filesystem::XfsPlain => "noquota",
            Filesystem::Ext4Accounting
            | Filesystem::Ext4Plain
            | Filesystem::BtrfsQuota
            | Filesystem::BtrfsPlain
            | Filesystem::Zfs => "defaults",
        }
    }
}

/// A mounted filesystem that goes away with its value.
#[derive(Debug)]
pub struct Scratch {
    filesystem: Filesystem,
    folder: PathBuf,
    mount_point: PathBuf,
    source: PathBuf,
    removed: bool,
}

impl Scratch {
    /// Makes and mounts a filesystem of `size` bytes, or of [`Filesystem::minimum`] where that is
    /// more.
    pub fn new(filesystem: Filesystem, size: u64) -> Result<Scratch> {
        sweep();
        let name = prefix::unique(WORD);
        let folder = std::env::temp_dir().join(&name);
        let mut scratch = Scratch {
            filesystem,
            mount_point: folder.join("mount"),
            source: PathBuf::from(name),
            folder,
            removed: false,
        };
        // From here on, Drop cleans up after whatever fails.
        scratch.make(size.max(filesystem.minimum()))?;
        Ok(scratch)
    }

    fn make(&mut self, size: u64) -> Result<()> {
        fs::create_dir_all(&self.mount_point).map_err(Error::doing(format!(
            "making {}",
            self.mount_point.display()
        )))?;
        let image = self.image();
        fs::File::create_new(&image)
            .and_then(|file| file.set_len(size))
            .map_err(Error::doing(format!("making {}", image.display())))?;
        if self.filesystem == Filesystem::Zfs {
            run(Command::new("zpool")
                .args(["create", "-f", "-o", "cachefile=none"])
                .args(["-O", "compression=off", "-O"])
                .arg(format!("mountpoint={}", self.mount_point.display()))
                .arg(&self.source)
                .arg(&image))?;
            return Ok(());
        }
        let mkfs = self.filesystem.mkfs();
        run(Command::new(mkfs[0]).args(&mkfs[1..]).arg(&image))?;
        self.mount(self.filesystem.mount_options())?;
        if self.filesystem == Filesystem::BtrfsQuota {
            run(Command::new("btrfs")
                .args(["quota", "enable"])
                .arg(&self.mount_point))?;
            // Until all is counted, a busy machine shows limits that are not enforced yet.
            run(Command::new("btrfs")
                .args(["quota", "rescan", "-w"])
                .arg(&self.mount_point))?;
        }
        Ok(())
    }

    /// Where it is mounted.
    pub fn path(&self) -> &Path {
        &self.mount_point
    }

    /// The file that holds it.
    pub fn image(&self) -> PathBuf {
        self.folder.join("image")
    }

    /// What is mounted: the loop device, or for ZFS the name of the pool.
    pub fn source(&self) -> &Path {
        &self.source
    }

    /// What kind of filesystem it is.
    pub fn filesystem(&self) -> Filesystem {
        self.filesystem
    }

    /// Mounts it after [`Scratch::unmount`], with the given options instead of those of its kind.
    ///
    /// ```no_run
    /// # use smbgw_testing::{Filesystem, MIB, Scratch};
    /// let mut disk = Scratch::new(Filesystem::Ext4Enforced, 64 * MIB).unwrap();
    /// disk.unmount().unwrap();
    /// disk.mount("defaults").unwrap();
    /// ```
    pub fn mount(&mut self, options: &str) -> Result<()> {
        if self.filesystem == Filesystem::Zfs {
            return run(Command::new("zfs").arg("mount").arg(&self.source)).map(drop);
        }
        // mount(8) sets the loop device up so that it is detached by the last unmount.
        run(Command::new("mount")
            .args(["-o", &format!("loop,{options}")])
            .arg(self.image())
            .arg(&self.mount_point))?;
        let (source, _) = mounted_at(&self.mount_point).ok_or_else(|| {
            Error::new(format!(
                "{} is not mounted after mount",
                self.mount_point.display()
            ))
        })?;
        self.source = source;
        Ok(())
    }

    /// Unmounts it; for instance to [mount](Scratch::mount) it with other options.
    pub fn unmount(&mut self) -> Result<()> {
        unmount(&self.mount_point)
    }

    /// Removes it now, telling what went wrong, which a drop can only print.
    pub fn remove(mut self) -> Result<()> {
        self.tear_down()
    }

    fn tear_down(&mut self) -> Result<()> {
        self.removed = true;
        if self.filesystem == Filesystem::Zfs {
            destroy_pool(&self.source)?;
        }
        clear(&self.folder)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if self.removed {
            return;
        }
        if keep() {
            shout(&format!(
                "KEPT {:?} at {} (remove: umount it, delete {})",
                self.filesystem,
                self.mount_point.display(),
                self.folder.display()
            ));
        } else if let Err(error) = self.tear_down() {
            shout(&format!("smbgw-testing: {error}"));
        }
    }
}

/// Removes what runs that were killed left behind, except what `KEEP=1` asked to leave.
fn sweep() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    if keep() {
        return;
    }
    ONCE.call_once(|| {
        for folder in prefix::orphans(&std::env::temp_dir(), WORD) {
            let pool = Path::new(folder.file_name().unwrap_or_default());
            let outcome = destroy_pool(pool).and_then(|()| clear(&folder));
            if let Err(error) = outcome {
                shout(&format!("smbgw-testing: leftovers: {error}"));
            }
        }
    });
}

/// Destroys a pool, if there is one of this name.
fn destroy_pool(pool: &Path) -> Result<()> {
    let exists = Command::new("zpool")
        .args(["list", "-H"])
        .arg(pool)
        .output()
        .is_ok_and(|output| output.status.success());
    if !exists {
        return Ok(());
    }
    let mut last = None;
    wait_until(BUSY, "the pool to be free", || {
        last = run(Command::new("zpool").args(["destroy", "-f"]).arg(pool)).err();
        last.is_none().then_some(())
    })
    .map_err(|error| last.unwrap_or(error))
}

/// Unmounts everything at and below a scratch folder, innermost first, and removes the folder.
fn clear(folder: &Path) -> Result<()> {
    while let Some(path) = mounts_below(folder).pop() {
        unmount(&path)?;
    }
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::new(format!(
            "removing {}: {error}",
            folder.display()
        ))),
        _ => Ok(()),
    }
}

fn unmount(path: &Path) -> Result<()> {
    let mut last = None;
    wait_until(BUSY, "an unmount", || {
        last = run(Command::new("umount").arg(path)).err();
        last.is_none().then_some(())
    })
    .or_else(|_| {
        // Out of the way at least; the kernel frees it with its last user.
        run(Command::new("umount").arg("-l").arg(path))?;
        Err(last.unwrap_or_else(|| Error::new("unmount failed")))
    })
}

fn mounts_below(folder: &Path) -> Vec<PathBuf> {
    mount_table()
        .into_iter()
        .map(|(_, target, _)| target)
        .filter(|target| target.starts_with(folder))
        .collect()
}

/// Source and options of what is mounted at `path`.
pub(crate) fn mounted_at(path: &Path) -> Option<(PathBuf, String)> {
    mount_table()
        .into_iter()
        .rev()
        .find(|(_, target, _)| target == path)
        .map(|(source, _, options)| (source, options))
}

fn mount_table() -> Vec<(PathBuf, PathBuf, String)> {
    // Paths with blanks are escaped here; the lab makes none.
    fs::read_to_string("/proc/self/mounts")
        .unwrap_or_default()
        .lines()
        .filter_map(|line| {
            let mut fields = line.split(' ');
            let (source, target) = (fields.next()?, fields.next()?);
            Some((source.into(), target.into(), fields.nth(1)?.to_owned()))
        })
        .collect()
}
