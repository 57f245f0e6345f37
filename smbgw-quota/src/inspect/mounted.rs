//! Whether the file systems that fstab(5) names are mounted.
//!
//! Where one is not, the directory that is seen at its mount point is another one, on the file system
//! above. It must not be taken for the volume.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use smbgw_core::host::Host;
use smbgw_core::ports::Deviation;

use crate::detect::{self, unescape};
use crate::error::QuotaError;
use crate::volume::Site;

const FSTAB: &str = "/etc/fstab";

/// The mount points that should have something mounted at them and do not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Mounted {
    missing: BTreeSet<PathBuf>,
}

impl Mounted {
    pub(super) fn read(host: &dyn Host) -> Result<Self, QuotaError> {
        let text = host.read(Path::new(FSTAB))?.unwrap_or_default();
        let wanted = mount_points(&text);
        if wanted.is_empty() {
            return Ok(Self::default());
        }
        let mounts = detect::mounts()?;
        let is_mounted = |point: &Path| {
            let Some(local) = host.local_path(point) else {
                return true;
            };
            let real = fs::canonicalize(&local).unwrap_or(local);
            mounts.iter().any(|mount| mount.mount_point == real)
        };
        let missing = wanted.into_iter().filter(|point| !is_mounted(point));
        Ok(Self {
            missing: missing.collect(),
        })
    }

    /// The deviation of the volume at `site`, if it is on a file system that is not mounted.
    pub(super) fn unmounted(&self, site: &Site<'_>) -> Option<Deviation> {
        let point = self.missing_above(site.path)?.display();
        let message = format!("nothing is mounted at `{point}`, where {FSTAB} wants a file system");
        Some(
            Deviation::new("quota.not-mounted", message)
                .at(site.path)
                .remedy(format!("run `mount {point}`")),
        )
    }

    /// The mount point at or above `path` that nothing is mounted at.
    pub(super) fn missing_above(&self, path: &Path) -> Option<&Path> {
        path.ancestors()
            .find_map(|dir| self.missing.get(dir))
            .map(PathBuf::as_path)
    }
}

/// The mount points in the text of an fstab that are mounted at boot.
fn mount_points(text: &[u8]) -> BTreeSet<PathBuf> {
    text.split(|&byte| byte == b'\n')
        .filter_map(|line| {
            let mut fields = line
                .split(|byte| byte.is_ascii_whitespace())
                .filter(|field| !field.is_empty());
            let source = fields.next().filter(|source| !source.starts_with(b"#"))?;
            let point = PathBuf::from(unescape(fields.next()?));
            let options = fields.nth(1).unwrap_or_default();
            let is_manual = options
                .split(|&byte| byte == b',')
                .any(|one| one == b"noauto");
            let is_wanted = !is_manual && !source.is_empty() && point.is_absolute();
            // The root is always mounted, if not by that line.
            (is_wanted && point != Path::new("/")).then_some(point)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_mounted_at_boot_is_wanted() {
        let text = b"# /etc/fstab
UUID=1 / ext4 errors=remount-ro 0 1
/dev/sdb1\t/srv/team\\040files  xfs pquota 0 2
  /dev/sdc1 /mnt/stick vfat noauto,user 0 0
/dev/sdd1 none swap sw 0 0
  # UUID=2 /old ext4
tank
";
        let wanted = mount_points(text);
        assert_eq!(wanted, BTreeSet::from([PathBuf::from("/srv/team files")]));
        let mounted = Mounted { missing: wanted };
        let above = |path: &str| mounted.missing_above(Path::new(path)).is_some();
        assert!(above("/srv/team files/a/b") && above("/srv/team files"));
        assert!(!above("/srv/team") && !above("/srv"));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in prop::collection::vec(any::<u8>(), 0..200)) {
            mount_points(&text);
        }
    }
}
