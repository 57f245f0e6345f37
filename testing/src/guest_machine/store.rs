//! Templates that were made once, in the cache folder.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::{Error, Result, cache, shout};

/// After this time those that were not used are removed.
const UNUSED: Duration = Duration::from_secs(24 * 60 * 60);

/// The folder `key` with what `make` puts into the folder it is given, made now where it is missing. `key` has
/// to change with all that decides about the content. Runs at the same time wait for each other, and one that is
/// killed leaves nothing that is used.
pub fn cached(key: &str, make: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    let store = cache::folder("vm")?;
    fs::create_dir_all(&store).map_err(Error::doing("making the folder of templates"))?;
    let folder = store.join(key);
    let lock = File::create(store.join("lock")).map_err(Error::doing("opening a lock"))?;
    lock.lock().map_err(Error::doing("waiting for a lock"))?;
    let used = folder.join("used");
    if !folder.exists() {
        let build = store.join("build");
        let _ = fs::remove_dir_all(&build);
        fs::create_dir(&build).map_err(Error::doing("making a folder"))?;
        shout(&format!("guest machine: making {key}"));
        make(&build).inspect_err(|_| drop(fs::remove_dir_all(&build)))?;
        fs::rename(&build, &folder).map_err(Error::doing("keeping a template"))?;
    }
    fs::write(&used, b"").map_err(Error::doing("noting that a template is used"))?;
    remove_unused(&store, &folder);
    Ok(folder)
}

fn remove_unused(store: &Path, keep: &Path) {
    for entry in fs::read_dir(store).into_iter().flatten().flatten() {
        let path = entry.path();
        let used = fs::metadata(path.join("used")).and_then(|used| used.modified());
        let is_old = used.is_ok_and(|used| {
            SystemTime::now()
                .duration_since(used)
                .is_ok_and(|age| age > UNUSED)
        });
        if path != keep && is_old {
            let _ = fs::remove_dir_all(path);
        }
    }
}
