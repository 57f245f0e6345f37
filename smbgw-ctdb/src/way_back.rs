//! What makes a node the machine that it was.

use std::path::Path;

use smbgw_core::layout::SMB_CONF;
use smbgw_core::smbconf::include::{Edit, detach};

use crate::before::Before;
use crate::cluster_error::ClusterError;
use crate::content::Content;
use crate::node::Member;
use crate::plan::Step;
use crate::setup::texts::include_path;
use crate::steps::file::PutFile;
use crate::steps::samba::BringSamba;
use crate::steps::script::SetScript;

/// The steps that bring files and event scripts back, and the one that brings Samba back after them.
///
/// `smb.conf` loses our line alone where somebody has changed it since.
pub(crate) fn way_back(
    member: &Member<'_>,
    before: &Before,
) -> Result<(Vec<Step>, Step), ClusterError> {
    let node = &member.spec.name;
    let mut steps: Vec<Step> = Vec::new();
    for file in before.files.iter().rev() {
        let mut content = file.content.clone();
        if file.path == Path::new(SMB_CONF) {
            let now = member.host.read(&file.path)?;
            if let Some(now) = now.filter(|now| now != file.written.as_bytes()) {
                content = Some(match detach(&now, &include_path()?) {
                    Edit::Changed(text) => Content::from(text),
                    Edit::Unchanged => Content::from(now),
                });
            }
        }
        let step = PutFile {
            node: node.clone(),
            path: file.path.clone(),
            content,
            mode: 0o644,
        };
        steps.push(step.into());
    }
    for (script, enabled) in &before.scripts {
        let step = SetScript {
            node: node.clone(),
            script: script.clone(),
            enabled: *enabled,
        };
        steps.push(step.into());
    }
    let samba = BringSamba {
        node: node.clone(),
        state: before.samba,
    };
    Ok((steps, samba.into()))
}
