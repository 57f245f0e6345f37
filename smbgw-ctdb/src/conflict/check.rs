//! Whether addresses are free, as the nodes see it.

use std::io;

use smbgw_core::deadline::Deadline;
use smbgw_core::host::Host;

use super::document::by_program;
use super::holders::Adapters;
use super::local::{self, all_unknown};
use super::{ConflictError, Pace, Probed, Verdict};
use crate::address::VirtualAddress;
use crate::node::{Member, NodeName};
use crate::on_each::on_each;

/// What one node heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The node.
    pub node: NodeName,
    /// One entry for each address, in their order.
    pub probed: Vec<Probed>,
}

/// Asks for all `addresses` at once, from `host`. The answers are in the order of the addresses.
///
/// It takes up to [`Pace::longest`]. What cannot be asked, or not before `deadline`, is
/// [`Verdict::Unknown`].
pub fn probe(
    host: &dyn Host,
    addresses: &[VirtualAddress],
    pace: Pace,
    deadline: Deadline,
) -> Vec<Probed> {
    if addresses.is_empty() {
        return Vec::new();
    }
    if !host.is_live() {
        return all_unknown(addresses, "there is no running machine");
    }
    let mut probed = Vec::new();
    let mut work = || probed = local::probe(addresses, pace, deadline);
    match host.on_network(&mut work) {
        Ok(()) => probed,
        Err(error) if error.kind() == io::ErrorKind::Unsupported => {
            by_program(host, addresses, pace, deadline)
        }
        Err(error) => all_unknown(addresses, &error.to_string()),
    }
}

/// Asks from all `members` at the same time. The answers are in the order of the members.
pub fn probe_from(
    members: &[Member<'_>],
    addresses: &[VirtualAddress],
    pace: Pace,
    deadline: Deadline,
) -> Vec<Seen> {
    on_each(members, |_, member| Seen {
        node: member.spec.name.clone(),
        probed: probe(member.host, addresses, pace, deadline),
    })
}

/// What speaks against using `addresses`, which no node is meant to have so far: those that somebody has,
/// or is about to take, as any of the nodes hears it, and what a node could not find out.
///
/// Nothing speaks against an address only where every node has asked for it and heard nobody.
pub fn check_free(
    members: &[Member<'_>],
    addresses: &[VirtualAddress],
    pace: Pace,
    deadline: Deadline,
) -> Vec<ConflictError> {
    let adapters = Adapters::of(members, deadline);
    let seen = probe_from(members, addresses, pace, deadline);
    let mut problems = Vec::new();
    for (at, address) in addresses.iter().enumerate() {
        let holding = adapters.holding(address.address(), at, &seen);
        if !holding.holders.is_empty() {
            problems.push(ConflictError::Held {
                address: address.address(),
                by: holding.holders,
            });
        }
        for one in &seen {
            if let Verdict::Unknown { why } = &one.probed[at].verdict {
                problems.push(ConflictError::NotChecked {
                    address: address.address(),
                    node: one.node.clone(),
                    why: why.clone(),
                });
            }
        }
    }
    problems
}
