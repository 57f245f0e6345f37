//! Programs of a test's own in the place of the system's, in a mount namespace of its own.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::{Error, Result, run};

/// Lays what is in `cover` over `directory`; nothing is written to either.
///
/// For the inside of a light host: it lasts as long as the mount namespace.
pub fn overlay(cover: &Path, directory: &str) -> Result<()> {
    let below = format!("lowerdir={}:{directory}", cover.display());
    run(Command::new("mount").args(["-t", "overlay", "overlay", "-o", &below, directory]))?;
    Ok(())
}

/// Writes the program `text` to the files `names` in `folder`, which is made where it is missing.
pub fn write_programs(folder: &Path, names: &[&str], text: &str) -> Result<()> {
    let write = |name: &str| {
        let path = folder.join(name);
        fs::write(&path, text)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))
    };
    let made = fs::create_dir_all(folder);
    let written = made.and_then(|()| names.iter().try_for_each(|name| write(name)));
    written.map_err(Error::doing(format!(
        "writing programs to {}",
        folder.display()
    )))
}
