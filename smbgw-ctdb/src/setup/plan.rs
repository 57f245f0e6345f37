//! What setting a cluster up does, in order.

use smbgw_core::deadline::Deadline;

use super::SetupRequest;
use super::look::Machine;
use crate::announce;
use crate::before::{self, Before, KeptFile};
use crate::cluster_error::ClusterError;
use crate::events::hook;
use crate::node::{Member, NodeName};
use crate::plan::Step;
use crate::record::{self, ClusterRecord, Managed, RecordedNode};
use crate::service::{Services, Unit};
use crate::steps::daemon::StartDaemon;
use crate::steps::file::PutFile;
use crate::steps::samba::{BringSamba, HoldSamba, SambaState};
use crate::steps::script::SetScript;
use crate::steps::settings::ProveSettings;

/// A machine with what is known of it, and what it will be.
pub(crate) struct Prepared<'m> {
    pub(crate) member: &'m Member<'m>,
    pub(crate) machine: Machine,
    pub(crate) samba: SambaState,
}

/// How smbd and winbindd of a machine are.
pub(crate) fn samba_state(
    member: &Member<'_>,
    deadline: Deadline,
) -> Result<SambaState, ClusterError> {
    let services = Services::new(member.host, deadline);
    Ok(SambaState {
        smbd: services.runs(Unit::Smbd)?,
        winbind: services.runs(Unit::Winbind)?,
        smbd_enabled: services.is_enabled(Unit::Smbd)?,
        winbind_enabled: services.is_enabled(Unit::Winbind)?,
    })
}

/// What is written on a machine before anything of the cluster runs there. The first thing is what it was
/// like, for the day when the cluster is taken apart.
pub(crate) fn configure(
    request: &SetupRequest,
    prepared: &Prepared<'_>,
) -> Result<Vec<Step>, ClusterError> {
    let node = &prepared.member.spec.name;
    let mut steps = Vec::new();
    let scripts = wanted_scripts(request.managed, &prepared.machine.scripts);
    let was = |name: &str| {
        prepared
            .machine
            .scripts
            .iter()
            .find(|(known, _)| known == name)
    };
    let before = Before {
        version: Before::VERSION,
        files: prepared
            .machine
            .files
            .iter()
            .map(|(path, content, written)| KeptFile {
                path: path.clone(),
                content: content.clone().map(Into::into),
                written: written.clone().into(),
            })
            .collect(),
        scripts: scripts
            .iter()
            .filter_map(|(name, _)| was(name).cloned())
            .collect(),
        samba: prepared.samba,
    };
    steps.push(put(node, before::FILE, before.text()?, 0o600));
    let (samba, ctdb): (Vec<_>, Vec<_>) = prepared
        .machine
        .files
        .iter()
        .partition(|(path, ..)| path.starts_with("/etc/samba"));
    for (path, _, content) in ctdb {
        let mode = match path.to_str() {
            Some(hook::PATH) => hook::MODE,
            Some(announce::PATH) => announce::MODE,
            _ => 0o644,
        };
        steps.push(put(node, path, content.clone(), mode));
    }
    for (script, enabled) in scripts {
        let node = node.clone();
        steps.push(
            SetScript {
                node,
                script,
                enabled,
            }
            .into(),
        );
    }
    steps.push(
        HoldSamba {
            node: node.clone(),
            managed: request.managed,
        }
        .into(),
    );
    for (path, _, content) in samba {
        steps.push(put(node, path, content.clone(), 0o644));
    }
    Ok(steps)
}

/// The start of ctdbd on a machine.
pub(crate) fn start(prepared: &Prepared<'_>) -> Step {
    StartDaemon {
        node: prepared.member.spec.name.clone(),
        addresses: prepared.machine.addresses.clone(),
    }
    .into()
}

/// The question to Samba whether it reads what is meant: it needs ctdbd for its registry.
pub(crate) fn prove(request: &SetupRequest, prepared: &Prepared<'_>) -> Step {
    ProveSettings {
        node: prepared.member.spec.name.clone(),
        name: request.name.clone(),
    }
    .into()
}

/// The start of what ctdb does not manage.
pub(crate) fn serve(request: &SetupRequest, prepared: &Prepared<'_>) -> Option<Step> {
    let Managed { samba, winbind } = request.managed;
    let winbindd = prepared.samba.winbind || winbind;
    let state = SambaState {
        // Those that ctdb manages run by then, and are not to start by themselves.
        smbd: true,
        winbind: winbindd,
        smbd_enabled: prepared.samba.smbd_enabled.map(|is| is && !samba),
        winbind_enabled: prepared.samba.winbind_enabled.map(|is| is && !winbind),
    };
    let is_needed = !samba || (winbindd && !winbind);
    is_needed.then(|| {
        BringSamba {
            node: prepared.member.spec.name.clone(),
            state,
        }
        .into()
    })
}

/// The record on every one of these nodes.
pub(crate) fn remember(
    record: &ClusterRecord,
    nodes: impl IntoIterator<Item = NodeName>,
) -> Result<Vec<Step>, ClusterError> {
    let text = record.text()?.into_bytes();
    let nodes = nodes.into_iter();
    Ok(nodes
        .map(|node| put(&node, record::FILE, text.clone(), 0o644))
        .collect())
}

/// The record of what was asked for.
pub(crate) fn record(request: &SetupRequest, lock: String, since: i64) -> ClusterRecord {
    ClusterRecord {
        version: ClusterRecord::VERSION,
        name: request.name.clone(),
        nodes: request
            .nodes
            .iter()
            .map(|spec| RecordedNode {
                spec: spec.clone(),
                gone: false,
            })
            .collect(),
        addresses: request.addresses.clone(),
        pools: request.pools.clone(),
        reservations: Vec::new(),
        reservations_revision: 0,
        cluster_lock: Some(lock),
        shared_path: request.shared_path.clone(),
        dhcp_ranges: request.dhcp_ranges.clone(),
        objective: request.objective.map(|objective| objective.to_string()),
        tunables: request.all_tunables(),
        managed: request.managed,
        since,
    }
}

/// A step that writes a file.
pub(crate) fn put(
    node: &NodeName,
    path: impl Into<std::path::PathBuf>,
    content: Vec<u8>,
    mode: u32,
) -> Step {
    PutFile {
        node: node.clone(),
        path: path.into(),
        content: Some(content.into()),
        mode,
    }
    .into()
}

/// The event scripts that have to run or not, of those that are there.
fn wanted_scripts(managed: Managed, there: &[(String, bool)]) -> Vec<(String, bool)> {
    let wanted = |name: &str| match name {
        // What Debian enables itself: databases, the lock, disk and memory, addresses.
        "00.ctdb" | "01.reclock" | "05.system" | "10.interface" => Some(true),
        "49.winbind" => Some(managed.winbind),
        "50.samba" => Some(managed.samba),
        _ => None,
    };
    let decided = there
        .iter()
        .filter_map(|(name, _)| Some((name.clone(), wanted(name)?)));
    decided.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_of_others_stay_as_they_are() {
        let there = [
            "00.ctdb",
            "10.interface",
            "49.winbind",
            "50.samba",
            "60.nfs",
        ];
        let there = there.map(|name| (name.to_owned(), name == "60.nfs"));
        let managed = Managed {
            samba: true,
            winbind: false,
        };
        let wanted = [
            ("00.ctdb", true),
            ("10.interface", true),
            ("49.winbind", false),
            ("50.samba", true),
        ];
        assert_eq!(
            wanted_scripts(managed, &there),
            wanted.map(|(name, enabled)| (name.to_owned(), enabled))
        );
    }
}
