//! Templates of the store that were brought to a pool: each once.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use smbgw_core::change::Change;
use smbgw_core::host::{Host, Lock, LockError};
use smbgw_core::size::ByteSize;
use smbgw_core::state_error::{StateError, StateKind};
use smbgw_core::state_file::StateFile;

use crate::libvirt::{LibvirtError, Name, Virsh};
use crate::provisioning::place::PoolVolume;
use crate::provisioning::world::Provisioning;
use crate::proxmox::Mark;
use crate::template::TemplateName;

/// The folder with a record of each template that was brought to a pool.
const TEMPLATES: &str = "/var/lib/smbgw/pool-templates";

/// A template of the store in a pool. Its volume is never written to again: guests have layers over it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PoolTemplate {
    /// The form of this record; [`PoolTemplate::VERSION`] in one that is made.
    pub version: u32,
    /// What it is called in the store.
    pub name: TemplateName,
    /// The pool and the volume that it is.
    pub volume: PoolVolume,
    /// The size of the disk that a guest sees.
    pub size_bytes: ByteSize,
    /// The SHA-256 of the disk that it was made of.
    pub disk_sha256: String,
    /// What the name of its volume has in it.
    pub mark: Mark,
    /// Whether it was finished.
    pub is_finished: bool,
}

impl PoolTemplate {
    /// The version of the record's form that this program writes.
    pub const VERSION: u32 = 1;

    /// What is remembered of the template `name` in `pool`.
    ///
    /// # Errors
    /// Where the record cannot be read or is not one.
    pub fn load(
        host: &dyn Host,
        name: &TemplateName,
        pool: &Name,
    ) -> Result<Option<Self>, StateError> {
        file(&path(name, pool)).load(host)
    }

    /// What is remembered of all that were brought to pools.
    pub(super) fn all(host: &dyn Host) -> Result<Vec<Self>, StateError> {
        let files = host.list(Path::new(TEMPLATES))?;
        let records = files.iter().filter(|name| {
            let is_hidden = name.starts_with('.');
            !is_hidden && name.ends_with(".json")
        });
        // One that is gone since the listing was removed.
        let loaded = records.filter_map(|name| {
            let path = format!("{TEMPLATES}/{name}");
            file(&path).load(host).transpose()
        });
        loaded.collect()
    }

    pub(super) fn store(&self, host: &dyn Host) -> Result<Change, StateError> {
        file(&path(&self.name, &self.volume.pool)).store(host, self)
    }

    pub(super) fn remove(
        host: &dyn Host,
        name: &TemplateName,
        pool: &Name,
    ) -> Result<Change, StateError> {
        file(&path(name, pool)).remove(host)
    }

    /// Whoever changes the template `name` in `pool` holds this lock.
    pub(super) fn lock(
        world: &Provisioning<'_>,
        name: &TemplateName,
        pool: &Name,
    ) -> Result<Lock, LockError> {
        let lock = format!("pool-template-{name}-{}", word(pool));
        let purpose = "bringing a template to a pool, or taking it away";
        world.machine().lock(&lock, purpose, world.deadline())
    }

    /// The file of its volume, where it is finished and still there.
    pub(super) fn usable(&self, virsh: &Virsh<'_>) -> Result<Option<PathBuf>, LibvirtError> {
        if !self.is_finished {
            return Ok(None);
        }
        match virsh.volume(&self.volume.pool, &self.volume.volume) {
            Ok(volume) => Ok(Some(volume.path)),
            Err(error) if error.is_missing() => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// The name of a pool as a part of the name of a file or lock: pools can be called anything.
fn word(pool: &Name) -> String {
    let mut word = String::new();
    for byte in pool.as_str().bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'-' {
            word.push(byte.into());
        } else {
            word.push_str(&format!("_{byte:02x}"));
        }
    }
    word
}

fn path(name: &TemplateName, pool: &Name) -> String {
    format!("{TEMPLATES}/{name}@{}.json", word(pool))
}

fn file(path: &str) -> StateFile<'_> {
    StateFile {
        kind: StateKind::NodeTemplate,
        path,
        version: PoolTemplate::VERSION,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pools_of_any_name_have_files_of_their_own() {
        let of = |pool: &str| path(&"lab".parse().unwrap(), &pool.parse().unwrap());
        assert_eq!(of("vm-1"), format!("{TEMPLATES}/lab@vm-1.json"));
        assert_eq!(of("a b"), format!("{TEMPLATES}/lab@a_20b.json"));
        assert_ne!(of("a_20b"), of("a b"));
    }
}
