//! Whether machines can become a cluster, and what that would be like. Nothing is changed.

use serde::Serialize;
use smbgw_core::deadline::Deadline;
use smbgw_core::error::{Coded, Problem};

use crate::address::VirtualAddress;
use crate::cluster_error::ClusterError;
use crate::cluster_lock::ClusterLock;
use crate::code::Code;
use crate::conflict::{self, Pace};
use crate::membership::is_new;
use crate::node::Member;
use crate::objective::{Tunables, WorstCase, worst_cases};
use crate::outcome::Outcome;
use crate::preflight::{self, NodeFacts, preflight};
use crate::record::ClusterRecord;
use crate::setup::choose::{Chosen, choose};
use crate::setup::{self, SetupRequest};
use crate::world::Cluster;

/// A cluster that can be set up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SetupCheck {
    /// What it is to be like, with all of its addresses.
    pub request: SetupRequest,
    /// Which addresses were taken from the pools, and which were passed over.
    pub notes: Vec<String>,
    /// What is known of the machines, in their order.
    pub machines: Vec<NodeFacts>,
    /// What each loss of a node would take at worst.
    pub worst_cases: Vec<WorstCase>,
}

impl SetupCheck {
    /// Makes the cluster that was looked at ([`setup::setup`]), with the addresses that were chosen.
    ///
    /// # Errors
    /// As that.
    pub fn set_up(self, cluster: &Cluster<'_>) -> Result<Outcome, ClusterError> {
        let outcome = setup::setup(cluster, &self.request)?;
        Ok(outcome.map(|mut report| {
            report.notes.splice(..0, self.notes);
            report
        }))
    }
}

/// Looks whether `members`, the nodes of `request`, can become that cluster.
///
/// Two files are made in the shared folder for a moment, and each node listens on ctdb's port for a moment.
///
/// # Errors
/// [`ClusterError::Refused`] with all that speaks against it.
pub fn check(
    request: &SetupRequest,
    members: &[Member<'_>],
    deadline: Deadline,
) -> Result<SetupCheck, ClusterError> {
    let lock = request.cluster_lock().ok();
    let found = preflight(
        &preflight::Request {
            members,
            joined: &[],
            shared: &request.shared_path,
            lock: lock.as_ref(),
            addresses: &request.addresses,
            dhcp: &request.dhcp_ranges,
            in_use: Some(&in_use),
        },
        deadline,
    );
    let mut problems = found.problems;
    for problem in setup::problems(request, members, deadline)? {
        // Both look at the addresses.
        let is_new =
            |known: &Problem| (&known.code, &known.message) != (&problem.code, &problem.message);
        if problems.iter().all(is_new) {
            problems.push(problem);
        }
    }
    // Much else follows from that.
    let is_clustered = |one: &Problem| one.code == Code::AlreadyClustered.as_str();
    if problems.iter().any(is_clustered) {
        problems.retain(is_clustered);
    }
    if !problems.is_empty() {
        return Err(ClusterError::Refused(problems));
    }
    let Chosen { request, notes } = choose(request, members, deadline)?;
    Ok(SetupCheck {
        worst_cases: worst_cases(&tunables(&request)?),
        machines: found.nodes,
        request,
        notes,
    })
}

/// Looks whether the machine `new` can join the cluster of `record`, whose nodes that are reached are
/// `joined`. What is looked at is the same as for [`check`].
///
/// # Errors
/// [`ClusterError::Refused`] with all that speaks against it.
pub fn check_joining(
    record: &ClusterRecord,
    joined: &[Member<'_>],
    new: Member<'_>,
    deadline: Deadline,
) -> Result<NodeFacts, ClusterError> {
    is_new(record, new.spec)?;
    let members: Vec<_> = joined.iter().copied().chain([new]).collect();
    let names: Vec<_> = joined
        .iter()
        .map(|member| member.spec.name.clone())
        .collect();
    let lock = record
        .cluster_lock
        .as_deref()
        .map(ClusterLock::from_setting);
    let lock = lock
        .transpose()
        .map_err(|error| ClusterError::Refused(vec![Problem::from_error("lock", &error)]))?;
    let mut found = preflight(
        &preflight::Request {
            members: &members,
            joined: &names,
            shared: &record.shared_path,
            lock: lock.as_ref(),
            addresses: &record.addresses,
            dhcp: &record.dhcp_ranges,
            // They are the cluster's own.
            in_use: None,
        },
        deadline,
    );
    match found.nodes.pop() {
        Some(facts) if found.problems.is_empty() => Ok(facts),
        _ => Err(ClusterError::Refused(found.problems)),
    }
}

/// Who has addresses already that are to be the cluster's.
fn in_use(
    members: &[Member<'_>],
    addresses: &[VirtualAddress],
    deadline: Deadline,
) -> Vec<Problem> {
    let found = conflict::check_free(members, addresses, Pace::Thorough, deadline);
    let problem = |error| Problem::from_error("addresses", &error);
    found.into_iter().map(problem).collect()
}

/// ctdb's settings as the request has them.
fn tunables(request: &SetupRequest) -> Result<Tunables, ClusterError> {
    let line = |(name, value)| format!("{name}={value}\n");
    let text: String = request.all_tunables().into_iter().map(line).collect();
    Tunables::read(&text, request.leader_timeout()).map_err(|error| {
        let problem = Problem::invalid("tunables", error.code(), error.to_string());
        ClusterError::Refused(vec![problem])
    })
}
