//! Moving addresses, and keeping them.

use std::time::Duration;

use smbgw_core::deadline::Deadline;
use smbgw_core::lifecycle::Outcome;
use smbgw_ctdb::allocate::{Wanted, allocate, release, reserve, withdraw};
use smbgw_ctdb::forecast::number_of;
use smbgw_ctdb::members::open_cluster;
use smbgw_ctdb::node::{Member, NodeName};
use smbgw_ctdb::relocate::{drain, move_address, resume};

use super::change::on_cluster;
use super::place::at;
use crate::args::Common;
use crate::args::ha::Place;
use crate::args::ha_move::{Drain, Move, Release, Reserve, Resume};
use crate::exit::Exit;
use crate::output::Output;

/// Moves an address to a node.
pub(in crate::commands) fn move_to(common: &Common, output: &Output, asked: &Move) -> Exit {
    with_node(
        common,
        output,
        &asked.place,
        &asked.node,
        |members, node, deadline| match move_address(members, asked.address, node, deadline) {
            Ok(moved) => output.moved(&moved, &asked.node),
            Err(error) => output.failed(&error),
        },
    )
}

/// Has a node give its addresses away.
pub(in crate::commands) fn drain_of(common: &Common, output: &Output, asked: &Drain) -> Exit {
    let patience = Duration::from_secs(asked.patience.into());
    with_node(
        common,
        output,
        &asked.place,
        &asked.node,
        |members, node, deadline| match drain(members, node, patience, deadline) {
            Ok(drained) => output.drained(&drained, &asked.node),
            Err(error) => output.failed(&error),
        },
    )
}

/// Has a node take addresses again.
pub(in crate::commands) fn resume_of(common: &Common, output: &Output, asked: &Resume) -> Exit {
    with_node(
        common,
        output,
        &asked.place,
        &asked.node,
        |members, node, deadline| match resume(members, node, deadline) {
            Ok(resumed) => output.resumed(&resumed, &asked.node),
            Err(error) => output.failed(&error),
        },
    )
}

/// Keeps an address for somebody, and has the cluster serve under it if that is wanted.
pub(in crate::commands) fn keep(common: &Common, output: &Output, asked: Reserve) -> Exit {
    let wanted = asked.pool.map(Wanted::Pool).or(asked.address);
    let wanted = wanted.unwrap_or_default();
    on_cluster(common, output, &asked.place, |cluster| {
        let outcome = match asked.keep_only {
            true => allocate(cluster, &asked.holder, &wanted).map(Outcome::Done),
            false => reserve(cluster, &asked.holder, &wanted, &asked.on),
        };
        match outcome {
            Ok(outcome) => output.reserved(&outcome),
            Err(error) => output.not_allocated(&error),
        }
    })
}

/// Gives an address back.
pub(in crate::commands) fn give_back(common: &Common, output: &Output, asked: &Release) -> Exit {
    on_cluster(common, output, &asked.place, |cluster| {
        let outcome = match asked.keep_serving {
            true => release(cluster, &asked.holder).map(Outcome::Done),
            false => withdraw(cluster, &asked.holder),
        };
        match outcome {
            Ok(outcome) => output.released(&outcome),
            Err(error) => output.not_allocated(&error),
        }
    })
}

/// Has `call` work on the node of that name or number.
fn with_node(
    common: &Common,
    output: &Output,
    place: &Place,
    name: &NodeName,
    call: impl FnOnce(&[Member<'_>], u32, Deadline) -> Exit,
) -> Exit {
    at(common, output, place, |host| {
        let members = match open_cluster(host) {
            Ok((_, members)) => members,
            Err(error) => return output.failed(&error),
        };
        let deadline = Deadline::after(common.timeout());
        let members = members.reached();
        match number_of(&members, name, deadline) {
            Ok(number) => call(&members, number, deadline),
            Err(error) => output.failed(&error),
        }
    })
}
