//! Setting a cluster up: machines that share a folder become nodes that serve it together.
//!
//! All is looked at before anything is touched, and all that is wrong is told at once. What is done is
//! written down on the machine that does it, and taken back on all nodes where it fails on one.

pub(crate) mod choose;
pub(crate) mod look;
pub(crate) mod plan;
mod request;
pub(crate) mod texts;

use smbgw_core::error::Problem;

use crate::cluster_error::ClusterError;
use crate::cluster_lock::ClusterLock;
use crate::files::NodesFile;
use crate::node::Member;
use crate::outcome::Outcome;
use crate::plan::{Operation, Plan, Step};
use crate::recover::{begin, settle_earlier};
use crate::steps::healthy::AwaitHealthy;
use crate::world::Cluster;

pub use request::SetupRequest;
pub use texts::{CLUSTER_CONF, CTDB_CONF, NODES, PUBLIC_ADDRESSES, SCRIPT_OPTIONS, TUNABLES};

use choose::choose;
use look::{look, same_shares};
use plan::{Prepared, configure, prove, record, remember, samba_state, serve, start};

/// Makes a cluster of the nodes of `request`, which are the members of `cluster`, and waits until it serves.
///
/// Addresses that the request leaves to the program are taken from its pools first, and told in the notes of the
/// report.
///
/// # Errors
/// [`ClusterError::Refused`] with all that is wrong, [`ClusterError::Unreached`] where a node is none of the
/// members, and where a machine cannot be looked at. Nothing was touched then.
pub fn setup(cluster: &Cluster<'_>, request: &SetupRequest) -> Result<Outcome, ClusterError> {
    let mut problems = request.check();
    if !problems.is_empty() {
        return Err(ClusterError::Refused(problems));
    }
    let members = request
        .nodes
        .iter()
        .map(|spec| cluster.member(&spec.name))
        .collect::<Result<Vec<_>, _>>()?;
    let _locks = cluster.lock("setting a cluster up")?;
    let mut notes = settle_earlier(cluster)?;
    let asking: Vec<Member<'_>> = members.iter().map(|member| **member).collect();
    let chosen = choose(request, &asking, cluster.deadline)?;
    let request = &chosen.request;
    notes.extend(chosen.notes);
    let mut nodes = NodesFile::default();
    for spec in &request.nodes {
        nodes.append(spec.address)?;
    }
    let nodes = nodes.render();
    let mut machines = Vec::new();
    for member in members {
        let (machine, found) = look(request, &nodes, member, cluster.deadline)?;
        problems.extend(found);
        machines.push((member, machine));
    }
    problems.extend(same_shares(&machines));
    let lock = request.cluster_lock();
    let lock = match (lock, problems.is_empty()) {
        (Ok(lock), true) => lock,
        (lock, _) => {
            problems.extend(lock.err());
            return Err(ClusterError::Refused(problems));
        }
    };
    let mut prepared = Vec::new();
    for (member, machine) in machines {
        notes.extend(machine.notes.iter().cloned());
        prepared.push(Prepared {
            member,
            machine,
            samba: samba_state(member, cluster.deadline)?,
        });
    }
    let mut steps: Vec<Step> = Vec::new();
    steps.extend(lock_file(&lock, &asking)?);
    for one in &prepared {
        steps.extend(configure(request, one)?);
    }
    steps.extend(prepared.iter().map(start));
    steps.push(AwaitHealthy::of(request.nodes.iter()).into());
    steps.extend(prepared.iter().map(|one| prove(request, one)));
    steps.extend(prepared.iter().filter_map(|one| serve(request, one)));
    let record = record(
        request,
        texts::lock_setting(request)?,
        cluster.coordinator.now(),
    );
    let names = request.nodes.iter().map(|spec| spec.name.clone());
    steps.extend(remember(&record, names)?);
    let plan = Plan {
        operation: Operation::Setup,
        cluster: request.name.clone(),
        nodes: request.nodes.clone(),
        steps,
        point_of_no_return: None,
    };
    begin(cluster, &plan, notes)
}

/// Makes the file of the cluster lock, as ctdb makes the file and not the folder that it is in. What is there stays.
fn lock_file(lock: &ClusterLock, members: &[Member<'_>]) -> Result<Option<Step>, ClusterError> {
    let (ClusterLock::File(path), Some(first)) = (lock, members.first()) else {
        return Ok(None);
    };
    let is_there = first.host.status(path)?.is_some();
    Ok((!is_there).then(|| plan::put(&first.spec.name, path, Vec::new(), 0o600)))
}

/// All that speaks against the request by itself and on the machines. Nothing is touched.
///
/// # Errors
/// Where a machine cannot be looked at.
pub fn problems(
    request: &SetupRequest,
    members: &[Member<'_>],
    deadline: smbgw_core::deadline::Deadline,
) -> Result<Vec<Problem>, ClusterError> {
    let mut problems = request.check();
    let mut machines = Vec::new();
    for member in members {
        let (machine, found) = look(request, "", member, deadline)?;
        problems.extend(found);
        machines.push((member, machine));
    }
    problems.extend(same_shares(&machines));
    Ok(problems)
}
