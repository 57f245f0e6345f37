//! The folder that all nodes of a cluster have in common.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::{Error, Result, keep, prefix, shout};

/// What the names of shared folders end in.
const WORD: &str = "shared";

/// A folder of the machine, which goes away with the value.
#[derive(Debug)]
pub(super) struct SharedFolder {
    path: PathBuf,
}

impl SharedFolder {
    /// Makes it, with the folder of a share. What killed tests left is removed.
    pub(super) fn new() -> Result<SharedFolder> {
        let temporary = std::env::temp_dir();
        for orphan in prefix::orphans(&temporary, WORD) {
            // Another test may be at it, too.
            let _ = fs::remove_dir_all(orphan);
        }
        let shared = SharedFolder {
            path: temporary.join(prefix::unique(WORD)),
        };
        let data = shared.path.join("data");
        fs::create_dir_all(&data)
            .and_then(|()| fs::set_permissions(&data, Permissions::from_mode(0o1777)))
            .map_err(Error::doing(format!("making {}", shared.path.display())))?;
        Ok(shared)
    }

    /// Makes the folder of the cluster lock.
    pub(super) fn add_folder_of_lock(&self) -> Result<()> {
        let folder = self.path.join(".ctdb");
        fs::create_dir(&folder).map_err(Error::doing(format!("making {}", folder.display())))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for SharedFolder {
    fn drop(&mut self) {
        if keep() {
            shout(&format!("KEPT folder {}", self.path.display()));
        } else if let Err(error) = fs::remove_dir_all(&self.path) {
            shout(&format!(
                "smbgw-testing: removing {}: {error}",
                self.path.display()
            ));
        }
    }
}
