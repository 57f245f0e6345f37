//! Files of a node, written and removed as a whole.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use smbgw_core::change::Change;
use smbgw_core::host::cmd::quote_for_shell;
use smbgw_core::host::{Host, create_dirs, missing_dirs};
use smbgw_core::step::{Action, LeftBehind};
use smbgw_core::step_error::StepError;

use super::left_on;
use crate::cluster_error::step;
use crate::content::Content;
use crate::node::NodeName;
use crate::world::Cluster;

/// Writes a file, or removes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PutFile {
    /// The node.
    pub node: NodeName,
    /// The file.
    pub path: PathBuf,
    /// What it is to have; nothing for no file.
    pub content: Option<Content>,
    /// The mode of a new one.
    pub mode: u32,
}

/// How a file was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Before {
    /// What it had; nothing where it was not there.
    content: Option<Content>,
    /// Its mode, where it was there: scripts are not what they were without it. Journals of older versions
    /// have none.
    #[serde(default)]
    mode: Option<u32>,
    /// Directories above it that were not there.
    missing: Vec<PathBuf>,
}

impl Action<Cluster<'_>> for PutFile {
    type Undo = Before;

    fn title(&self) -> String {
        let verb = if self.content.is_some() {
            "write"
        } else {
            "remove"
        };
        format!("{verb} {} on {}", self.path.display(), self.node)
    }

    fn check(&self, cluster: &Cluster<'_>) -> Result<Option<Before>, StepError> {
        let host = cluster.member(&self.node).map_err(step)?.host;
        let content = host.read(&self.path)?.map(Content::from);
        if content == self.content {
            return Ok(None);
        }
        let mode = host.status(&self.path)?.map(|status| status.mode);
        let missing = missing_dirs(host, self.directory())?;
        Ok(Some(Before {
            content,
            mode,
            missing,
        }))
    }

    fn apply(&self, cluster: &Cluster<'_>, _: &Before) -> Result<Change, StepError> {
        let host = cluster.member(&self.node).map_err(step)?.host;
        put(host, &self.path, self.content.as_ref(), self.mode)
    }

    /// What somebody else has written meanwhile stays.
    fn undo(&self, cluster: &Cluster<'_>, before: &Before) -> Result<(), StepError> {
        if cluster.is_given_up(&self.node) {
            return Ok(());
        }
        let host = cluster.member(&self.node).map_err(step)?.host;
        host.remove_temporary(&self.path)?;
        if host.read(&self.path)?.map(Content::from) == self.content {
            let mode = before.mode.unwrap_or(self.mode);
            put(host, &self.path, before.content.as_ref(), mode)?;
        }
        for directory in before.missing.iter().rev() {
            host.remove_dir(directory)?;
        }
        Ok(())
    }

    fn left_behind(&self, before: &Before) -> Vec<LeftBehind> {
        let path = quote_for_shell(&self.path.to_string_lossy());
        let command = match before.content {
            Some(_) => format!("editor {path}"),
            None => format!("rm {path}"),
        };
        vec![left_on(
            &self.node,
            format_args!("the file {}", self.path.display()),
            vec![command],
        )]
    }
}

impl PutFile {
    fn directory(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("/"))
    }
}

fn put(
    host: &dyn Host,
    path: &Path,
    content: Option<&Content>,
    mode: u32,
) -> Result<Change, StepError> {
    let Some(content) = content else {
        let change = host.remove(path)?;
        // A folder of ours goes with the last file in it.
        for folder in path.ancestors().skip(1).filter(|folder| is_ours(folder)) {
            host.remove_dir(folder)?;
        }
        return Ok(change);
    };
    if let Some(directory) = path.parent() {
        create_dirs(host, directory, 0o755)?;
    }
    Ok(host.write(path, content.as_bytes(), mode)?)
}

fn is_ours(folder: &Path) -> bool {
    ["/etc/smbgw", "/var/lib/smbgw"]
        .iter()
        .any(|ours| folder.starts_with(ours))
}
