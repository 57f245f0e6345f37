//! One address to one node.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use smbgw_core::change::Change;
use smbgw_core::deadline::Deadline;

use super::{PLACING, RelocateError, ctl, look_until};
use crate::forecast::Live;
use crate::node::Member;
use crate::placement::{Node, predict};

/// An address that was moved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Moved {
    /// The address.
    pub address: IpAddr,
    /// The number of the node that had it, if one did.
    pub from: Option<u32>,
    /// The number of the node that has it now.
    pub to: u32,
    /// Whether it had to be moved.
    pub change: Change,
    /// Whether it stays there.
    pub stay: Stay,
}

/// What becomes of an address that was moved by hand when addresses are placed again: as soon as a node comes,
/// goes or changes its health.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum Stay {
    /// It stays while its node is healthy.
    Stays,
    /// ctdb takes it to another node then, for balance or because it is at home there. `NoIPFailback` (not
    /// with the deterministic algorithm) has it stay.
    Leaves {
        /// The number of that node.
        to: Option<u32>,
    },
}

/// Moves `address` to the node with the number `to`, and waits until that has it.
///
/// For ten seconds after it, ctdb moves no other address, not even those of a node that dies.
///
/// # Errors
/// Where the node is not healthy, may not have the address, or does not get it; the address is then where it
/// was, or where the error says.
pub fn move_address(
    members: &[Member<'_>],
    address: IpAddr,
    to: u32,
    deadline: Deadline,
) -> Result<Moved, RelocateError> {
    let live = Live::read(members, deadline)?;
    let from = live.holder(address);
    if !live.addresses().any(|known| known == address) {
        return Err(RelocateError::NoSuchAddress { address });
    }
    let node = served(&live, to)?;
    let known = node.known.iter().find(|known| known.address == address);
    if !known.is_some_and(|known| known.usable) {
        return Err(RelocateError::CannotHave {
            address,
            node: live.title(to),
        });
    }
    let stay = stay(&live, address, to)?;
    let report = |change| Moved {
        address,
        from,
        to,
        change,
        stay,
    };
    if from == Some(to) {
        return Ok(report(Change::Unchanged));
    }
    let ctl = ctl(members, live.private_address(to), deadline).ok_or(RelocateError::NobodyAsked)?;
    let told = ctl.move_address(address, to);
    // A command that ran out of time may have moved it all the same.
    let is_there = || {
        let addresses = ctl.addresses().ok()?;
        addresses.contains(&(address, Some(to))).then_some(())
    };
    let patience = if told.is_ok() { PLACING } else { super::PAUSE };
    match look_until(deadline.at_most(patience), is_there) {
        Some(()) => Ok(report(Change::Updated)),
        None => Err(RelocateError::NotMoved {
            address,
            node: live.title(to),
            source: told.err(),
        }),
    }
}

/// The node of that number, which can have addresses.
fn served(live: &Live, number: u32) -> Result<&Node, RelocateError> {
    let node = live.node(number)?;
    if node.running && node.flags.is_healthy() {
        return Ok(node);
    }
    Err(RelocateError::NotServing {
        node: live.title(number),
        states: live.states(number),
    })
}

/// Where the address is after the next time that addresses are placed.
fn stay(live: &Live, address: IpAddr, to: u32) -> Result<Stay, RelocateError> {
    let mut nodes = live.nodes().to_vec();
    for (number, node) in (0..).zip(&mut nodes) {
        for known in node
            .known
            .iter_mut()
            .filter(|known| known.address == address)
        {
            known.held = number == to;
        }
    }
    let next = predict(&nodes, live.settings())?.of(address);
    Ok(match next {
        Some(next) if next == to => Stay::Stays,
        other => Stay::Leaves { to: other },
    })
}
