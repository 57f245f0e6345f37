//! Where ctdb keeps the databases of a node: local copies of those that all nodes share.

use std::path::{Path, PathBuf};

use smbgw_core::host::{FileError, FileKind, Host};

/// The folder of all of them, where Debian's ctdb has it.
pub(crate) const FOLDER: &str = "/var/lib/ctdb";

/// The one of those that outlive a restart: users, secrets, and the registry with its shares.
const PERSISTENT: &str = "/var/lib/ctdb/persistent";

/// All files below the folder.
pub(crate) fn files(host: &dyn Host) -> Result<Vec<PathBuf>, FileError> {
    let mut found = Vec::new();
    collect(host, Path::new(FOLDER), 0, &mut found, &mut Vec::new())?;
    Ok(found)
}

/// The databases of a former cluster that outlive a restart, by their names.
pub(crate) fn persistent(host: &dyn Host) -> Result<Vec<String>, FileError> {
    host.list(Path::new(PERSISTENT))
}

/// Removes all files below the folder but those in `kept`, and the folders that are empty then. The usual
/// ones stay.
pub(crate) fn remove_others(host: &dyn Host, kept: &[PathBuf]) -> Result<(), FileError> {
    let mut found = Vec::new();
    let mut folders = Vec::new();
    collect(host, Path::new(FOLDER), 0, &mut found, &mut folders)?;
    for file in found.iter().filter(|file| !kept.contains(file)) {
        host.remove(file)?;
    }
    for folder in folders.iter().rev() {
        let is_usual = folder.parent() == Some(Path::new(FOLDER)) && is_usual(folder);
        if !is_usual && folder != Path::new(FOLDER) {
            host.remove_dir(folder)?;
        }
    }
    Ok(())
}

/// Whether the package brings the folder.
fn is_usual(folder: &Path) -> bool {
    let name = folder.file_name().unwrap_or_default();
    ["persistent", "state", "volatile"]
        .iter()
        .any(|usual| name == *usual)
}

fn collect(
    host: &dyn Host,
    folder: &Path,
    depth: usize,
    files: &mut Vec<PathBuf>,
    folders: &mut Vec<PathBuf>,
) -> Result<(), FileError> {
    if depth > DEEPEST {
        return Ok(());
    }
    for name in host.list(folder)? {
        let path = folder.join(name);
        match host.status(&path)?.map(|status| status.kind) {
            Some(FileKind::Directory) => {
                folders.push(path.clone());
                collect(host, &path, depth + 1, files, folders)?;
            }
            Some(_) => files.push(path),
            None => {}
        }
    }
    Ok(())
}

/// Scripts keep their state three folders down.
const DEEPEST: usize = 5;
