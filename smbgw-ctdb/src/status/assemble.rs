//! Puts together what nodes said.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use smbgw_core::deadline::Deadline;

use crate::ctl::NodeState as KnownNode;
use crate::status::source::{Seen, Source};
use crate::status::view::Details;
use crate::status::{AddressStatus, ClusterStatus, NodeState, NodeStatus};

/// A node that answered.
#[derive(Debug)]
pub(super) struct Part<'s, 'a> {
    pub source: &'s mut Source<'a>,
    pub seen: Seen,
}

/// How the cluster stands, without findings. None where nobody answered.
pub(super) fn assemble(mut parts: Vec<Part<'_, '_>>, deadline: Deadline) -> Option<ClusterStatus> {
    // One that was cut off hears nobody, and one that takes no part does not know all.
    let best = parts.iter().enumerate().max_by_key(|(at, part)| {
        let overview = &part.seen.overview;
        (overview.takes_part(), overview.reach(), Reverse(*at))
    });
    let (best, _) = best?;
    let overview = parts[best].seen.overview.clone();
    let heard = overview
        .nodes
        .iter()
        .filter(|node| node.flags.is_connected());
    let heard: Vec<KnownNode> = heard.copied().collect();
    let mut details = parts[best].source.details(&heard, deadline);
    for part in &mut parts {
        // One that the others do not hear may think that it has addresses.
        if let Some(own) = part.seen.overview.own()
            && !heard.iter().any(|node| node.pnn == own.pnn)
        {
            details.extend(part.source.details(&[own], deadline));
        }
    }
    let mut addresses = addresses(&details);
    for part in &parts {
        if let Some(has) = &part.seen.interfaces {
            note_interfaces(&mut addresses, part.seen.overview.number, has);
        }
    }
    let node = |known: &KnownNode| {
        let part = parts
            .iter()
            .find(|part| part.seen.overview.number == known.pnn);
        status_of(known, part, details.get(&known.pnn))
    };
    Some(ClusterStatus {
        read_at_seconds: parts[best].source.host.now(),
        seen_by: overview.number,
        nodes: overview.nodes.iter().map(node).collect(),
        leader: overview.leader,
        recovery_mode: overview.recovery_mode,
        generation: overview.generation,
        members: overview.members,
        addresses,
        cluster_lock: overview.cluster_lock,
        databases: overview.databases,
        findings: Vec::new(),
    })
}

fn status_of(
    known: &KnownNode,
    part: Option<&Part<'_, '_>>,
    details: Option<&Details>,
) -> NodeStatus {
    NodeStatus {
        number: known.pnn,
        address: known.address,
        name: part.and_then(|part| Some(part.source.spec?.name.clone())),
        flags: known.flags,
        states: NodeState::of(known.flags),
        run_state: details.map(|details| details.run_state),
        lag_microseconds: details.and_then(|details| details.lag_microseconds),
        capabilities: details.map(|details| details.capabilities),
        started_at_seconds: details.map(|details| details.started_at_seconds),
        last_recovery: details.and_then(|details| details.last_recovery),
        recovering_since_seconds: details.and_then(|details| details.recovering_since_seconds),
        ban_seconds: details.and_then(|details| details.ban_seconds),
        version: part.and_then(|part| part.seen.version.clone()),
        scripts: part.and_then(|part| part.seen.scripts.clone()),
        unseen: None,
    }
}

/// The public addresses that are in the file of any node that answered.
fn addresses(details: &BTreeMap<u32, Details>) -> Vec<AddressStatus> {
    let mut all: BTreeMap<IpAddr, AddressStatus> = BTreeMap::new();
    for (&number, details) in details {
        for (&address, known) in &details.addresses {
            let status = all.entry(address).or_insert_with(|| AddressStatus {
                address,
                node: None,
                claimed_by: Vec::new(),
                seen_on: None,
                configured_on: Vec::new(),
                available_on: Vec::new(),
            });
            status.configured_on.push(number);
            if known.available {
                status.available_on.push(number);
            }
            // What it thinks of others is no more than what it was told last.
            if known.holder == Some(number) {
                status.node = status.node.or(Some(number));
                status.claimed_by.push(number);
            }
        }
    }
    all.into_values().collect()
}

/// Notes which of the public addresses the node `number` really has.
pub(super) fn note_interfaces(
    addresses: &mut [AddressStatus],
    number: u32,
    has: &BTreeSet<IpAddr>,
) {
    for status in addresses {
        let seen_on = status.seen_on.get_or_insert_default();
        if has.contains(&status.address) {
            seen_on.push(number);
            seen_on.sort_unstable();
        }
    }
}
