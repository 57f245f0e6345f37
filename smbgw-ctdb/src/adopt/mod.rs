//! Taking over a cluster that somebody else set up: what its nodes say is read, compared and shown, and then
//! remembered as a cluster of ours. The files of ctdb and Samba stay as they are.

mod compare;
mod diff;
mod found;

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use serde::Serialize;
use smbgw_core::deadline::Deadline;
use smbgw_core::error::{Coded, ErrorKind, Problem};
use smbgw_core::host::{Host, Reach};

use self::compare::differences;
use self::found::Found;
use crate::address::{Pool, Range, VirtualAddress};
use crate::cluster_error::ClusterError;
use crate::cluster_lock::ClusterLock;
use crate::code::Code;
use crate::files::NodesFile;
use crate::node::{Member, NodeName, NodeSpec};
use crate::on_each::on_each;
use crate::outcome::Outcome;
use crate::plan::{Operation, Plan};
use crate::preflight::{self, NodeFacts, preflight};
use crate::record::{self, ClusterRecord, RecordedNode};
use crate::recover::{begin, settle_earlier};
use crate::setup::plan::remember;
use crate::world::Cluster;

pub use compare::Difference;

/// What is known of a cluster beside its files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AdoptRequest {
    /// What clients know it as; what its nodes say, if not given.
    pub name: Option<String>,
    /// The folder that all nodes share; that of the cluster lock, if not given.
    pub shared_path: Option<PathBuf>,
    /// Where further addresses may be taken from.
    pub pools: Vec<Pool>,
    /// What a DHCP server gives away.
    pub dhcp_ranges: Vec<Range>,
}

/// A cluster that was found, and what adopting it would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Adoption {
    /// What would be remembered; none where too little is known, as `problems` says.
    pub record: Option<ClusterRecord>,
    /// What its nodes do not agree on.
    pub differences: Vec<Difference>,
    /// All that is wrong with it, also what would be before a cluster is set up.
    pub problems: Vec<Problem>,
    /// What is known of its nodes.
    pub nodes: Vec<NodeFacts>,
    /// What would be written.
    pub changes: Vec<FileChange>,
}

/// A file that would be written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FileChange {
    /// The node.
    pub node: NodeName,
    /// The file.
    pub path: PathBuf,
    /// What would be other than it is, as `diff -u` has it.
    pub diff: String,
    /// What is there; adopting ends where it is something else by then.
    #[serde(skip)]
    before: Option<Vec<u8>>,
}

/// The nodes that the `nodes` file of a machine has, with their numbers: whom [`adopt`] needs as members.
///
/// # Errors
/// Where the file cannot be read.
pub fn nodes_of(host: &dyn Host) -> Result<Vec<(u32, IpAddr)>, ClusterError> {
    let content = host.read(Path::new(crate::setup::NODES))?;
    let text = String::from_utf8_lossy(&content.unwrap_or_default()).into_owned();
    Ok(NodesFile::parse(&text)?.nodes().collect())
}

/// Reads the cluster of `members`, and says what adopting it would do. Nothing is changed.
pub fn adopt(request: &AdoptRequest, members: &[Member<'_>], deadline: Deadline) -> Adoption {
    let read = on_each(members, |_, member| Found::read(*member, deadline));
    let (found, problems): (Vec<_>, Vec<_>) = read.into_iter().unzip();
    let mut problems: Vec<Problem> = problems.into_iter().flatten().collect();
    let differences = differences(members, &found);
    problems.extend(differences.iter().filter_map(Difference::problem));
    let mut adoption = Adoption {
        record: None,
        differences,
        problems,
        nodes: Vec::new(),
        changes: Vec::new(),
    };
    let Some(first) = found.first() else {
        return adoption;
    };
    let unclear = adoption
        .differences
        .iter()
        .any(|one| one.what == compare::NODES);
    let mut needed = Vec::new();
    let nodes = numbered(first, members, &mut needed);
    let lock = lock(first, &mut adoption.problems);
    let shared = request
        .shared_path
        .clone()
        .or_else(|| shared_folder(lock.as_ref()?));
    let name = request.name.clone().or_else(|| first.netbios_name.clone());
    let Some(shared_path) = shared else {
        needed.push(unknown("shared-path", "the folder that all nodes share"));
        adoption.problems.append(&mut needed);
        return adoption;
    };
    if !first.is_clustered {
        adoption.problems.push(not_clustered(&members[0]));
    }
    let addresses = addresses(&found);
    let joined: Vec<NodeName> = members.iter().map(|one| one.spec.name.clone()).collect();
    let looked = preflight(
        &preflight::Request {
            members,
            joined: &joined,
            shared: &shared_path,
            lock: lock.as_ref(),
            addresses: &addresses,
            dhcp: &request.dhcp_ranges,
            in_use: None,
        },
        deadline,
    );
    adoption.problems.extend(looked.problems);
    adoption.nodes = looked.nodes;
    let Some(name) = name else {
        needed.push(unknown("name", "what clients know the cluster as"));
        adoption.problems.append(&mut needed);
        return adoption;
    };
    if unclear || !needed.is_empty() {
        adoption.problems.append(&mut needed);
        return adoption;
    }
    let record = ClusterRecord {
        version: ClusterRecord::VERSION,
        name,
        nodes,
        addresses,
        pools: request.pools.clone(),
        reservations: Vec::new(),
        reservations_revision: 0,
        cluster_lock: first.lock.clone(),
        shared_path,
        dhcp_ranges: request.dhcp_ranges.clone(),
        objective: None,
        tunables: first.tunables.clone(),
        managed: first.managed(),
        since: members[0].host.now(),
    };
    let record = with_former(record, &found);
    match changes(&record, members, &found) {
        Ok(changes) => {
            adoption.changes = changes;
            adoption.record = Some(record);
        }
        Err(error) => adoption
            .problems
            .push(Problem::from_error("record", &error)),
    }
    adoption
}

/// Remembers the cluster on all of its nodes, as `adoption` shows it.
///
/// # Errors
/// [`ClusterError::Refused`] where too little is known of it, or where a file is another one than was shown,
/// and where a node is not reached. Nothing was touched then.
pub fn accept(cluster: &Cluster<'_>, adoption: &Adoption) -> Result<Outcome, ClusterError> {
    let Some(record) = &adoption.record else {
        return Err(ClusterError::Refused(adoption.problems.clone()));
    };
    let _locks = cluster.lock("adopting a cluster")?;
    let notes = settle_earlier(cluster)?;
    let mut changed = Vec::new();
    for change in &adoption.changes {
        let host = cluster.member(&change.node)?.host;
        if host.read(&change.path)? != change.before {
            let message = format!("{} changed since it was shown", change.path.display());
            let problem =
                Problem::invalid(change.node.to_string(), Code::NodesDiffer.as_str(), message);
            changed.push(problem.kind(ErrorKind::Conflict).remedy("look once more"));
        }
    }
    if !changed.is_empty() {
        return Err(ClusterError::Refused(changed));
    }
    let names = adoption.changes.iter().map(|change| change.node.clone());
    let plan = Plan {
        operation: Operation::Adopt,
        cluster: record.name.clone(),
        nodes: record.present().map(|(_, spec)| spec.clone()).collect(),
        steps: remember(record, names)?,
        point_of_no_return: None,
    };
    begin(cluster, &plan, notes)
}

/// All nodes by their numbers, also those that are gone; `problems` says which ones are missing.
fn numbered(
    found: &Found,
    members: &[Member<'_>],
    problems: &mut Vec<Problem>,
) -> Vec<RecordedNode> {
    let slots = found.nodes.1.slots();
    if slots.iter().all(|slot| slot.address.is_none()) {
        let message = format!("{} names no node", crate::setup::NODES);
        let problem = Problem::invalid("nodes", Code::NothingToAdopt.as_str(), message);
        let problem = problem.kind(ErrorKind::NotFound);
        problems.push(problem.remedy(Code::NothingToAdopt.fix()));
        return Vec::new();
    }
    let mut nodes = Vec::new();
    for slot in slots {
        let Some(address) = slot.address else {
            nodes.extend(gone(slot.pnn, found.former_address(slot.line)));
            continue;
        };
        match members.iter().find(|one| one.spec.address == address) {
            Some(member) => nodes.push(RecordedNode {
                spec: member.spec.clone(),
                gone: false,
            }),
            None => problems.push(unknown(
                "nodes",
                &format!("the name of node {} at {address}", slot.pnn),
            )),
        }
    }
    let is_there = |member: &&Member<'_>| {
        let mut slots = slots.iter();
        slots.any(|slot| slot.address == Some(member.spec.address))
    };
    for member in members.iter().filter(|member| !is_there(member)) {
        let message = format!(
            "{} is no node of this cluster: {} does not have it",
            member.spec.address,
            crate::setup::NODES
        );
        let problem =
            Problem::invalid(member.spec.name.to_string(), Code::NoNode.as_str(), message);
        problems.push(problem.kind(ErrorKind::NotFound).remedy(Code::NoNode.fix()));
    }
    nodes
}

/// A node that was removed, of which no more than its number is known for sure.
fn gone(pnn: u32, address: Option<IpAddr>) -> Option<RecordedNode> {
    Some(RecordedNode {
        spec: NodeSpec {
            name: format!("gone-{pnn}").parse().ok()?,
            address: address.unwrap_or(IpAddr::from([0, 0, 0, 0])),
            reach: Reach::Local,
        },
        gone: true,
    })
}

fn unknown(field: &str, what: &str) -> Problem {
    let code = Code::NotInFiles.as_str();
    Problem::invalid(field, code, format!("{what} is not known")).remedy(Code::NotInFiles.fix())
}

fn not_clustered(member: &Member<'_>) -> Problem {
    let code = Code::SambaSettings;
    let message = "samba there is not set up as that of a cluster: `clustering` is not on";
    Problem::invalid(member.spec.name.to_string(), code.as_str(), message)
        .kind(ErrorKind::Conflict)
        .remedy("set `clustering = yes` in smb.conf on all nodes")
}

/// The lock of the cluster, if it has one that can be read.
fn lock(found: &Found, problems: &mut Vec<Problem>) -> Option<ClusterLock> {
    match ClusterLock::from_setting(found.lock.as_ref()?) {
        Ok(lock) => Some(lock),
        Err(error) => {
            problems.push(Problem::from_error("lock", &error as &dyn Coded));
            None
        }
    }
}

/// The folder that a lock is in, above those whose names begin with a dot.
fn shared_folder(lock: &ClusterLock) -> Option<PathBuf> {
    let ClusterLock::File(path) = lock else {
        return None;
    };
    let is_hidden = |folder: &&Path| {
        let name = folder.file_name().unwrap_or_default();
        name.as_encoded_bytes().starts_with(b".")
    };
    let mut folders = path.ancestors().skip(1);
    folders
        .find(|folder| !is_hidden(folder))
        .filter(|folder| folder.parent().is_some())
        .map(Path::to_path_buf)
}

/// All addresses that move, each on the interface that is named first.
fn addresses(found: &[Found]) -> Vec<VirtualAddress> {
    let mut all: Vec<VirtualAddress> = Vec::new();
    for one in found.iter().flat_map(|found| &found.addresses.0) {
        let address = one.address.address();
        if all.iter().any(|known| known.address() == address) {
            continue;
        }
        let interface = one.interfaces.first().cloned();
        let prefix = one.address.network().prefix();
        all.extend(VirtualAddress::new(address, prefix, interface));
    }
    all
}

/// What a record that is there already says of what is in no file of ctdb.
fn with_former(record: ClusterRecord, found: &[Found]) -> ClusterRecord {
    let Some(former) = found.iter().find_map(|found| found.record.1.clone()) else {
        return record;
    };
    let nodes = record.nodes.into_iter().enumerate();
    let nodes = nodes.map(|(at, node)| match former.nodes.get(at) {
        // It knows who that was.
        Some(known) if node.gone && known.gone => known.clone(),
        _ => node,
    });
    ClusterRecord {
        nodes: nodes.collect(),
        pools: or(record.pools, former.pools),
        dhcp_ranges: or(record.dhcp_ranges, former.dhcp_ranges),
        reservations: former.reservations,
        reservations_revision: former.reservations_revision,
        objective: former.objective,
        since: former.since,
        ..record
    }
}

/// What is given, or what was before where nothing is.
fn or<T>(given: Vec<T>, former: Vec<T>) -> Vec<T> {
    if given.is_empty() { former } else { given }
}

/// The records that would be written, where they are not there already.
fn changes(
    record: &ClusterRecord,
    members: &[Member<'_>],
    found: &[Found],
) -> Result<Vec<FileChange>, smbgw_core::state_error::StateError> {
    let text = record.text()?;
    let change = |(member, found): (&Member<'_>, &Found)| {
        let before = found.record.0.clone();
        let old = before.as_deref().map(String::from_utf8_lossy);
        let diff = diff::unified(record::FILE, old.as_deref(), &text);
        (before.as_deref() != Some(text.as_bytes())).then(|| FileChange {
            node: member.spec.name.clone(),
            path: record::FILE.into(),
            diff,
            before,
        })
    };
    Ok(members.iter().zip(found).filter_map(change).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shared_folder_is_that_of_the_lock() {
        let folder = |lock: &str| shared_folder(&lock.parse().unwrap());
        assert_eq!(folder("/srv/s/.ctdb/lock"), Some("/srv/s".into()));
        assert_eq!(folder("/srv/s/.a/.b/lock"), Some("/srv/s".into()));
        assert_eq!(folder("/srv/s/lock"), Some("/srv/s".into()));
        assert_eq!(folder("/.lock"), None);
        assert_eq!(folder("etcd"), None);
    }
}
