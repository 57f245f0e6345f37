//! Taking a cluster apart: its nodes become the machines that they were.

use smbgw_core::host::Command;

use crate::before::{self, Before};
use crate::cluster_error::ClusterError;
use crate::membership::{forget, members_of, record_of};
use crate::outcome::Outcome;
use crate::plan::{Operation, Plan, Step};
use crate::record::{self, Managed};
use crate::recover::{begin, settle_earlier};
use crate::steps::clear::ClearDatabases;
use crate::steps::daemon::StopDaemon;
use crate::steps::samba::HoldSamba;
use crate::way_back::way_back;
use crate::world::Cluster;

/// What becomes of the databases that the nodes shared: users, secrets, and the shares in the registry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Databases {
    /// They are removed, for good.
    #[default]
    Remove,
    /// They stay in /var/lib/ctdb on every node.
    Keep,
}

/// Takes the cluster apart whose nodes are the members of `cluster`. What is on the shared folder stays.
///
/// # Errors
/// [`ClusterError::NoCluster`], [`ClusterError::Unreached`] where a node is missing, and
/// [`ClusterError::NoWayBack`] for one that was not set up by this program. Nothing was touched then.
pub fn teardown(cluster: &Cluster<'_>, databases: Databases) -> Result<Outcome, ClusterError> {
    let _locks = cluster.lock("taking the cluster apart")?;
    let mut notes = settle_earlier(cluster)?;
    let record = record_of(cluster, None)?;
    let members = members_of(cluster, &record)?;
    let mut ways = Vec::new();
    for member in &members {
        let node = &member.spec.name;
        let before = Before::load(member.host)?;
        let before = before.ok_or_else(|| ClusterError::NoWayBack { node: node.clone() })?;
        ways.push((node, way_back(member, &before)?));
    }
    notes.extend(members.first().and_then(|member| {
        let list = Command::new("net").args(["conf", "listshares"]);
        let said = member.host.run(&list, cluster.deadline).ok()?.text();
        let shares: Vec<&str> = said.split_whitespace().collect();
        (!shares.is_empty()).then(|| {
            format!(
                "these shares were in the registry of the cluster, and are not served any more: {}",
                shares.join(", ")
            )
        })
    }));
    let mut steps: Vec<Step> = Vec::new();
    for (node, _) in &ways {
        let managed = Managed::default();
        let node = (*node).clone();
        steps.push(HoldSamba { node, managed }.into());
    }
    for (node, _) in &ways {
        let node = (*node).clone();
        steps.push(StopDaemon { node }.into());
    }
    let mut last = Vec::new();
    for (node, (files, samba)) in ways {
        steps.extend(files);
        steps.push(samba);
        last.push(forget(node, record::FILE));
        last.push(forget(node, before::FILE));
        if databases == Databases::Remove {
            let node = node.clone();
            last.push(ClearDatabases { node }.into());
        }
    }
    let clears = |step: &Step| matches!(step, Step::ClearDatabases(_));
    let point_of_no_return = last.iter().position(clears).map(|at| steps.len() + at);
    steps.extend(last);
    let plan = Plan {
        operation: Operation::Teardown,
        cluster: record.name.clone(),
        nodes: record.present().map(|(_, spec)| spec.clone()).collect(),
        steps,
        point_of_no_return,
    };
    begin(cluster, &plan, notes)
}
