//! Whether a drill may begin.

use std::net::{IpAddr, UdpSocket};
use std::path::Path;

use smbgw_core::error::{ErrorKind, Problem};
use smbgw_core::host::Command;

use super::breaking::public_addresses;
use super::{DrillError, Request, Scenario};
use crate::cluster_error::ClusterError;
use crate::cluster_lock::is_let_go;
use crate::code::Code;
use crate::ctl::{Ctl, NodeState};
use crate::files::{CtdbConf, Setting};
use crate::node::{Member, NodeName};
use crate::record::ClusterRecord;
use crate::world::Cluster;

/// Refuses what is not fit, with all reasons at once.
pub(super) fn check(cluster: &Cluster<'_>, request: &Request<'_>) -> Result<(), DrillError> {
    let mut problems = Vec::new();
    request_itself(cluster, request, &mut problems);
    if !problems.is_empty() {
        return Err(DrillError::Refused(problems));
    }
    let ctl = Ctl::new(asked(cluster)?.host, cluster.deadline);
    let nodes = ctl.nodes().map_err(ClusterError::from)?;
    let addresses = ctl.addresses().map_err(ClusterError::from)?;
    for node in nodes.iter().filter(|node| !node.flags.is_healthy()) {
        problems.push(problem(
            "cluster",
            Code::DrillNotHealthy,
            format!("the node {} ({}) is not healthy", node.pnn, node.address),
        ));
    }
    for (address, _) in addresses.iter().filter(|(_, node)| node.is_none()) {
        problems.push(problem(
            "cluster",
            Code::DrillNotHealthy,
            format!("the address {address} is on no node"),
        ));
    }
    if !addresses
        .iter()
        .any(|(address, _)| *address == request.address)
    {
        let message = format!("{} is no public address of the cluster", request.address);
        problems.push(problem("address", Code::DrillNoAddress, message).kind(ErrorKind::Invalid));
    }
    places(cluster, request, &nodes, &mut problems)?;
    leader(cluster, request, &ctl, &nodes, &mut problems)?;
    client(cluster, request, &mut problems)?;
    if !request.yes {
        production(cluster, request, &mut problems)?;
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(DrillError::Refused(problems))
    }
}

/// The first node whose ctdbd answers.
fn asked<'a>(cluster: &Cluster<'a>) -> Result<&'a Member<'a>, DrillError> {
    let mut last = None;
    for member in cluster.members {
        match Ctl::new(member.host, cluster.deadline).pnn() {
            Ok(_) => return Ok(member),
            Err(error) => last = Some(error),
        }
    }
    let none = || ClusterError::NoCluster(cluster.coordinator.name().to_owned());
    Err(last.map_or_else(none, ClusterError::from).into())
}

fn request_itself(cluster: &Cluster<'_>, request: &Request<'_>, problems: &mut Vec<Problem>) {
    let mut say = |field: &str, code: Code, message: String| {
        problems.push(Problem::invalid(field, code.as_str(), message).remedy(code.fix()));
    };
    if request.nodes.is_empty() {
        say("nodes", Code::NoNode, "no node is named".into());
    }
    for node in &request.nodes {
        if cluster.member(node).is_err() {
            say(
                "nodes",
                Code::NoNode,
                format!("the cluster has no node `{node}`"),
            );
        }
    }
    for (field, value, most) in [
        ("count", request.count, 1000),
        ("clients", request.clients, 32),
    ] {
        if !(1..=most).contains(&value) {
            let message = format!("{value} is not from 1 to {most}");
            say(field, Code::RequestInvalid, message);
        }
    }
}

/// Every node that is broken may have the address, and so may another one.
fn places(
    cluster: &Cluster<'_>,
    request: &Request<'_>,
    nodes: &[NodeState],
    problems: &mut Vec<Problem>,
) -> Result<(), DrillError> {
    let mut able: Vec<&NodeName> = Vec::new();
    for member in cluster.members {
        let is_healthy = nodes
            .iter()
            .any(|node| node.address == member.spec.address && node.flags.is_healthy());
        let own = public_addresses(member.host)?;
        if is_healthy && own.iter().any(|(address, ..)| *address == request.address) {
            able.push(&member.spec.name);
        }
    }
    for node in &request.nodes {
        if !able.contains(&node) {
            let message = format!("{node} cannot have {}", request.address);
            problems.push(problem("nodes", Code::DrillNoAddress, message));
        }
        if !able.iter().any(|other| *other != node) {
            let message = format!("no node but {node} can have {}", request.address);
            problems.push(problem("nodes", Code::DrillLastNode, message));
        }
    }
    Ok(())
}

fn leader(
    cluster: &Cluster<'_>,
    request: &Request<'_>,
    ctl: &Ctl<'_>,
    nodes: &[NodeState],
    problems: &mut Vec<Problem>,
) -> Result<(), DrillError> {
    if !matches!(request.scenario, Scenario::Hang | Scenario::Cut) {
        return Ok(());
    }
    let said = ctl.run(["leader"]).map_err(ClusterError::from)?;
    let leader = nodes
        .iter()
        .find(|node| node.pnn.to_string() == said.trim());
    for name in &request.nodes {
        let member = cluster.member(name)?;
        let content = member.host.read(Path::new("/etc/ctdb/ctdb.conf"));
        let content = content.map_err(ClusterError::from)?.unwrap_or_default();
        let conf = CtdbConf::parse(&String::from_utf8_lossy(&content));
        let conf = conf.map_err(ClusterError::from)?;
        let lock = conf.get(Setting::ClusterLock);
        let leads = leader.is_some_and(|leader| leader.address == member.spec.address);
        if leads && !is_given_up(request.scenario, lock) {
            let message = format!("{name} leads, and would keep the cluster lock");
            problems.push(problem("nodes", Code::DrillLeader, message));
        }
        if request.scenario == Scenario::Cut && lock.is_none() {
            let message = format!("{name} has no cluster lock, and would serve alone");
            problems.push(problem("nodes", Code::DrillNoLock, message));
        }
    }
    Ok(())
}

/// Whether the others can lead when a leader with this lock is broken so.
fn is_given_up(scenario: Scenario, lock: Option<&str>) -> bool {
    match scenario {
        // Without a lock there is none that it could keep.
        Scenario::Hang => lock.is_none_or(is_let_go),
        Scenario::Cut => false,
        Scenario::Disable | Scenario::Kill | Scenario::PoweroffSim => true,
    }
}

/// The client is not on a node that is broken, nor on one that has the address: it would talk to itself.
fn client(
    cluster: &Cluster<'_>,
    request: &Request<'_>,
    problems: &mut Vec<Problem>,
) -> Result<(), DrillError> {
    for name in &request.nodes {
        let address = cluster.member(name)?.spec.address;
        if is_own(address) || is_own(request.address) {
            let message = format!("the drill's client would be on {name} itself");
            problems.push(problem("nodes", Code::DrillOnNode, message));
        }
    }
    Ok(())
}

/// An address is in use where the record of the cluster has it, and where somebody is connected to it.
fn production(
    cluster: &Cluster<'_>,
    request: &Request<'_>,
    problems: &mut Vec<Problem>,
) -> Result<(), DrillError> {
    let address = request.address;
    let mut reasons = Vec::new();
    for member in cluster.members {
        let record = ClusterRecord::load(member.host)?;
        if let Some(record) = record
            && record
                .addresses
                .iter()
                .any(|known| known.address() == address)
        {
            reasons.push(format!(
                "{address} is an address of the cluster {}",
                record.name
            ));
            break;
        }
    }
    for member in cluster.members {
        let ask = Command::new("ss")
            .args(["--no-header", "--tcp", "--numeric", "state", "established"])
            .args(["src", &address.to_string()]);
        let found = member.host.run(&ask, cluster.deadline);
        let count = found.map_err(ClusterError::from)?.text().lines().count();
        if count > 0 {
            let name = &member.spec.name;
            reasons.push(format!(
                "{count} clients are connected to {address} on {name}"
            ));
        }
    }
    for reason in reasons {
        problems.push(problem("address", Code::DrillProduction, reason));
    }
    Ok(())
}

fn is_own(address: IpAddr) -> bool {
    UdpSocket::bind((address, 0)).is_ok()
}

fn problem(field: &str, code: Code, message: String) -> Problem {
    Problem::invalid(field, code.as_str(), message)
        .kind(ErrorKind::Conflict)
        .remedy(code.fix())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster_lock::ClusterLock;

    #[test]
    fn a_leader_that_keeps_its_lock_is_not_broken() {
        let lock: ClusterLock = "/srv/shared/.ctdb/lock".parse().unwrap();
        let (ours, plain) = (lock.bound_setting(2_500), lock.setting());
        for (scenario, lock, is_good) in [
            (Scenario::Hang, Some(ours.as_str()), true),
            (Scenario::Hang, None, true),
            (Scenario::Hang, Some(plain.as_str()), false),
            (Scenario::Cut, Some(ours.as_str()), false),
            (Scenario::Cut, None, false),
            (Scenario::Kill, Some(plain.as_str()), true),
        ] {
            assert_eq!(is_given_up(scenario, lock), is_good, "{scenario} {lock:?}");
        }
    }
}
