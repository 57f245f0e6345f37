//! Passwords and tokens that are read from a file when they are needed.

use std::path::Path;

use crate::error::chain_text;
use crate::host::{FileKind, Host};
use crate::secret::Secret;

/// The first line of the file at `path`, which others than its owner and group cannot read.
pub(super) fn read(host: &dyn Host, path: &Path) -> Result<Secret, String> {
    let shown = path.display();
    let status = host.status(path).map_err(|error| chain_text(&error))?;
    match status {
        Some(status) if status.kind == FileKind::File && status.mode & 0o007 != 0 => {
            return Err(format!(
                "everybody can read or change `{shown}`, which is to be a secret; run `chmod o= {shown}`"
            ));
        }
        // Its own mode says nothing of the file that it leads to.
        Some(status) if status.kind == FileKind::Symlink => {
            return Err(format!(
                "`{shown}` is a symbolic link; name the file with the secret itself"
            ));
        }
        _ => {}
    }
    let content = host.read(path).map_err(|error| chain_text(&error))?;
    let content = Secret::from(content.ok_or_else(|| format!("there is no file `{shown}`"))?);
    let line = content.expose().split(|&byte| byte == b'\n').next();
    let line = line.unwrap_or_default().trim_ascii_end();
    if line.is_empty() {
        return Err(format!("the first line of `{shown}` is empty"));
    }
    Ok(Secret::from(line.to_vec()))
}
