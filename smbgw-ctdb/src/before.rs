//! What a node was like before it became one: a file on that node, by which a cluster is taken apart.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use smbgw_core::host::Host;
use smbgw_core::state_error::{StateError, StateKind};
use smbgw_core::state_file::StateFile;

use crate::content::Content;
use crate::steps::samba::SambaState;

/// Where it is kept.
pub const FILE: &str = "/var/lib/smbgw/cluster/before.json";

/// A machine before it became a node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Before {
    /// The form of this file.
    pub version: u32,
    /// The files that were changed or made, each with what it had.
    pub files: Vec<KeptFile>,
    /// The event scripts that were enabled or disabled, each with how it was.
    pub scripts: Vec<(String, bool)>,
    /// smbd and winbindd.
    pub samba: SambaState,
}

/// A file as it was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeptFile {
    /// The file.
    pub path: PathBuf,
    /// What it had; nothing where it was not there.
    pub content: Option<Content>,
    /// What was written.
    pub written: Content,
}

impl Before {
    /// The version of the form that this program writes.
    pub const VERSION: u32 = 1;

    /// What `host` was like, or `None` where this program has not made it a node.
    ///
    /// # Errors
    /// Where the file cannot be read or is not one.
    pub fn load(host: &dyn Host) -> Result<Option<Self>, StateError> {
        STATE.load(host)
    }

    /// The text of the file.
    ///
    /// # Errors
    /// Where a path is no text.
    pub fn text(&self) -> Result<Vec<u8>, StateError> {
        let mut text = serde_json::to_vec(self).map_err(|source| STATE.malformed(source))?;
        text.push(b'\n');
        Ok(text)
    }
}

const STATE: StateFile = StateFile {
    kind: StateKind::Cluster,
    path: FILE,
    version: Before::VERSION,
};
