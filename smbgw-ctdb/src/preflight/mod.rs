//! What is looked at before a cluster is set up: all nodes at once, and all that is wrong in one report.
//!
//! Nothing on any node is changed. Two files are made in the shared folder for a moment, and each node listens
//! on ctdb's port for a moment, as only that shows whether it works.

mod facts;
mod fault;
mod folder;
mod network;

use std::net::IpAddr;
use std::path::Path;

use serde::Serialize;
use smbgw_core::deadline::Deadline;
use smbgw_core::error::{Coded, ErrorKind, Problem};

use self::facts::Look;
use self::folder::Site;
use self::network::Ears;
use crate::address::{AddressError, Interface, Range, Surroundings, VirtualAddress};
use crate::cluster_lock::{ClusterLock, ClusterLockError, Use, token};
use crate::node::{Member, NodeName};
use crate::on_each::on_each;

pub(crate) use facts::is_realtime_allowed;
pub use facts::{NodeFacts, NodeInterface};
pub use fault::Fault;

/// The port that ctdbds talk to each other by.
pub const PORT: u16 = 4379;

/// The port of SMB.
const SMB_PORT: u16 = 445;

/// How far clocks may differ, in milliseconds: files would have times in the future, and Kerberos allows five
/// minutes to all of it together.
const LARGEST_SKEW: i64 = 5000;

/// Looks whether addresses are somebody else's already, asked from these nodes.
pub type InUse<'a> = dyn Fn(&[Member<'_>], &[VirtualAddress], Deadline) -> Vec<Problem> + Sync + 'a;

/// What a cluster is to be.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// All its nodes, in the order of their numbers.
    pub members: &'a [Member<'a>],
    /// Those of them that are in this cluster already, and whose ctdbd may run.
    pub joined: &'a [NodeName],
    /// The folder that all nodes share.
    pub shared: &'a Path,
    /// The cluster lock. A single node needs none.
    pub lock: Option<&'a ClusterLock>,
    /// The addresses that are to move between nodes.
    pub addresses: &'a [VirtualAddress],
    /// What DHCP servers give away.
    pub dhcp: &'a [Range],
    /// Looks whether addresses are somebody else's already; not asked for those of nodes that serve.
    pub in_use: Option<&'a InUse<'a>>,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Preflight {
    /// All that speaks against it, each with the name of the node in its `field`. Nothing if nothing does.
    pub problems: Vec<Problem>,
    /// What is known of the nodes that could be looked at, in their order.
    pub nodes: Vec<NodeFacts>,
    /// Where addresses can be: interfaces that all nodes have, with the networks that all nodes are in there.
    pub surroundings: Surroundings,
}

impl Preflight {
    /// Whether ctdbd may run before everything else on every node.
    pub fn realtime(&self) -> bool {
        self.nodes.iter().all(|node| node.realtime)
    }
}

/// Looks whether `request` can be a cluster.
pub fn preflight(request: &Request<'_>, deadline: Deadline) -> Preflight {
    let members = request.members;
    let is_joined = |member: &Member<'_>| request.joined.contains(&member.spec.name);
    let mut problems = twice(members);
    let looks = on_each(members, |_, member| {
        facts::look(member, request.shared, is_joined(member), deadline)
    });
    let mut nodes: Vec<Option<Look>> = Vec::new();
    for look in looks {
        match look {
            Ok(mut look) => {
                problems.append(&mut look.problems);
                nodes.push(Some(look));
            }
            Err(problem) => {
                problems.push(problem);
                nodes.push(None);
            }
        }
    }
    let seen: Vec<(Member<'_>, &Look)> = members
        .iter()
        .zip(&nodes)
        .filter_map(|(member, look)| Some((*member, look.as_ref()?)))
        .collect();
    problems.extend(versions(&seen));
    problems.extend(clocks(&seen));
    match token() {
        Ok(token) => {
            let ears = ears(members, &nodes, &is_joined);
            problems.extend(network::check(members, &ears, &token, deadline));
            let sites: Vec<Site<'_>> = seen
                .iter()
                .filter(|(_, look)| look.facts.shared.is_some())
                .map(|(member, look)| Site {
                    member: *member,
                    facts: &look.facts,
                })
                .collect();
            problems.extend(folder::check(&sites, request.shared, &token, deadline));
        }
        Err(error) => problems.push(
            Problem::invalid("this machine", "host.no-random-bytes", error.to_string())
                .kind(ErrorKind::Failed),
        ),
    }
    problems.extend(lock(request, &seen, deadline));
    let (addresses, surroundings) = addresses(request, &seen, &is_joined);
    problems.extend(addresses);
    if let Some(in_use) = request.in_use {
        let members: Vec<_> = seen.iter().map(|(member, _)| *member).collect();
        problems.extend(in_use(&members, request.addresses, deadline));
    }
    Preflight {
        problems,
        surroundings,
        nodes: nodes
            .into_iter()
            .filter_map(|look| Some(look?.facts))
            .collect(),
    }
}

/// What problems of a node have as their field.
pub(crate) fn field(member: &Member<'_>) -> String {
    member.spec.name.to_string()
}

fn problem(member: &Member<'_>, error: &dyn Coded) -> Problem {
    Problem::from_error(field(member), error)
}

/// Nodes that are given twice.
fn twice(members: &[Member<'_>]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (at, member) in members.iter().enumerate() {
        let (name, address) = (&member.spec.name, member.spec.address);
        let former = |is_same: &dyn Fn(&Member<'_>) -> bool| members[..at].iter().position(is_same);
        let same_name = former(&|other| other.spec.name == *name);
        let same_address = former(&|other| other.spec.address == address);
        let found = [
            same_name.map(|other| (format!("the name {name}"), other)),
            same_address.map(|other| (format!("the address {address}"), other)),
        ];
        for (what, other) in found.into_iter().flatten() {
            problems.push(problem(member, &Fault::Twice { what, other }));
        }
    }
    problems
}

/// Nodes with another version than the first that has one.
fn versions(seen: &[(Member<'_>, &Look)]) -> Vec<Problem> {
    type Version = fn(&NodeFacts) -> Option<&String>;
    let programs: [(&'static str, Version); 2] = [
        ("Samba", |facts| facts.samba_version.as_ref()),
        ("ctdb", |facts| facts.ctdb_version.as_ref()),
    ];
    let mut problems = Vec::new();
    for (program, of) in programs {
        let mut known = seen
            .iter()
            .filter_map(|(member, look)| Some((member, of(&look.facts)?)));
        let Some((first, others)) = known.next() else {
            continue;
        };
        for (member, version) in known.filter(|(_, version)| *version != others) {
            let fault = Fault::Version {
                program,
                version: version.clone(),
                others: others.clone(),
                other: first.spec.name.to_string(),
            };
            problems.push(problem(member, &fault));
        }
    }
    problems
}

/// Nodes whose clock is far from that of the node in the middle.
fn clocks(seen: &[(Member<'_>, &Look)]) -> Vec<Problem> {
    let ahead = |look: &Look| look.facts.clock_ahead_milliseconds;
    let mut order: Vec<_> = seen.iter().collect();
    order.sort_by_key(|(_, look)| ahead(look));
    // Of two, the first of the request.
    let middle = match order.len() {
        2 => seen.first(),
        count => order.get(count / 2).copied(),
    };
    let Some((reference, middle)) = middle else {
        return Vec::new();
    };
    let fault = |(member, look): &(Member<'_>, &Look)| {
        let difference = ahead(look).saturating_sub(ahead(middle));
        let fault = Fault::Clock {
            ahead_milliseconds: difference,
            other: reference.spec.name.to_string(),
        };
        (difference.saturating_abs() > LARGEST_SKEW).then(|| problem(member, &fault))
    };
    seen.iter().filter_map(fault).collect()
}

/// Who listens on ctdb's port of each node.
fn ears(
    members: &[Member<'_>],
    nodes: &[Option<Look>],
    is_joined: &dyn Fn(&Member<'_>) -> bool,
) -> Vec<Ears> {
    let ears = |(member, look): (&Member<'_>, &Option<Look>)| {
        let Some(look) = look else {
            return Ears::Absent;
        };
        let mut addresses = look.facts.interfaces.iter().flat_map(|one| &one.addresses);
        match look.facts.runs_ctdb {
            true if is_joined(member) => Ears::Ours,
            _ if !addresses.any(|address| *address == member.spec.address) => Ears::Absent,
            true => Ears::Taken,
            false if look.port_taken => Ears::Taken,
            false => Ears::Free,
        }
    };
    members.iter().zip(nodes).map(ears).collect()
}

/// What speaks against the cluster lock.
fn lock(request: &Request<'_>, seen: &[(Member<'_>, &Look)], deadline: Deadline) -> Vec<Problem> {
    let Some(lock) = request.lock else {
        let nodes = request.members.len();
        let missing = ClusterLockError::Missing { nodes };
        return match nodes {
            0 | 1 => Vec::new(),
            _ => vec![Problem::from_error("lock", &missing)],
        };
    };
    // Without ctdb there is nothing to take it by, and without the folder nothing to take; both are told.
    let members: Vec<_> = seen
        .iter()
        .filter(|(_, look)| look.facts.ctdb_version.is_some() && look.facts.shared.is_some())
        .map(|(member, _)| *member)
        .collect();
    let runs = seen
        .iter()
        .any(|(member, look)| look.facts.runs_ctdb && request.joined.contains(&member.spec.name));
    let state = if runs { Use::Held } else { Use::Free };
    let errors = lock.check(&members, state, deadline);
    let problems = errors.iter();
    problems
        .map(|(at, error)| problem(&members[*at], error))
        .collect()
}

/// What speaks against the addresses, and where addresses can be.
fn addresses(
    request: &Request<'_>,
    seen: &[(Member<'_>, &Look)],
    is_joined: &dyn Fn(&Member<'_>) -> bool,
) -> (Vec<Problem>, Surroundings) {
    let is_moving = |address: &IpAddr| {
        let mut moving = request.addresses.iter();
        moving.any(|one| one.address() == *address)
    };
    let mut own: Vec<IpAddr> = request.members.iter().map(|one| one.spec.address).collect();
    for (member, look) in seen {
        let addresses = look.facts.interfaces.iter().flat_map(|one| &one.addresses);
        // A node that serves has some of those that move.
        own.extend(addresses.filter(|one| !is_joined(member) || !is_moving(one)));
    }
    own.sort();
    own.dedup();
    let surroundings = Surroundings {
        interfaces: common(seen),
        nodes: own,
        dhcp: request.dhcp.to_vec(),
    };
    let is_of_a_node = |error: &AddressError| {
        matches!(
            error,
            AddressError::NoInterface { .. }
                | AddressError::OutsideNetwork { .. }
                | AddressError::OtherPrefix { .. }
                | AddressError::NoNetwork { .. }
        )
    };
    let mut problems = Vec::new();
    let errors = surroundings.check_all(request.addresses);
    for error in errors.iter().filter(|error| !is_of_a_node(error)) {
        problems.push(Problem::from_error("addresses", error));
    }
    for (member, look) in seen
        .iter()
        .filter(|(_, look)| !look.facts.interfaces.is_empty())
    {
        let there = Surroundings {
            interfaces: to_interfaces(look),
            ..Surroundings::default()
        };
        let errors = request.addresses.iter().flat_map(|one| there.check(one));
        problems.extend(errors.map(|error| problem(member, &error)));
    }
    (problems, surroundings)
}

fn to_interfaces(look: &Look) -> Vec<Interface> {
    let interfaces = look.facts.interfaces.iter();
    interfaces.map(NodeInterface::to_interface).collect()
}

/// The interfaces that all nodes have, each with the networks that all nodes are in which are in any there.
fn common(seen: &[(Member<'_>, &Look)]) -> Vec<Interface> {
    let mut each = seen.iter().map(|(_, look)| to_interfaces(look));
    let first = each.next().unwrap_or_default();
    each.fold(first, |known, there| {
        let both = |one: Interface| {
            let other = there.iter().find(|other| other.name == one.name)?;
            let networks = match (one.networks.is_empty(), other.networks.is_empty()) {
                (true, _) => other.networks.clone(),
                (_, true) => one.networks,
                _ => {
                    let networks = one.networks.into_iter();
                    networks
                        .filter(|network| other.networks.contains(network))
                        .collect()
                }
            };
            let name = one.name;
            Some(Interface { name, networks })
        };
        known.into_iter().filter_map(both).collect()
    })
}
