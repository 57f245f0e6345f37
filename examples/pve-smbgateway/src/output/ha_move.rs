//! Addresses that were moved, and kept.

use std::fmt::Write as _;

use serde::Serialize;
use smbgw_core::change::Change;
use smbgw_core::lifecycle::Outcome;
use smbgw_ctdb::allocate::{AllocateError, Allocated, Released};
use smbgw_ctdb::node::NodeName;
use smbgw_ctdb::relocate::{Drained, Moved, Resumed, Stay};

use super::Output;
use crate::exit::Exit;

impl Output {
    /// Whether an address is on another node.
    pub(crate) fn moved(&self, moved: &Moved, node: &NodeName) -> Exit {
        self.shown(moved, |moved| {
            let how = if moved.change.happened() { "is" } else { "was" };
            let mut text = format!("{} {how} on {node}.\n", moved.address);
            if let Stay::Leaves { to } = moved.stay {
                let to = to.map_or("no node".into(), |to| format!("node {to}"));
                let _ = writeln!(
                    text,
                    "! ctdb takes it to {to} when it places addresses the next time"
                );
            }
            text
        })
    }

    /// Whether a node has given its addresses away, and its clients are gone.
    pub(crate) fn drained(&self, drained: &Drained, node: &NodeName) -> Exit {
        let exit = self.shown(drained, |drained| {
            let mut text = String::new();
            for one in &drained.moved {
                let to = one.to.map_or("no node".into(), |to| format!("node {to}"));
                let _ = writeln!(text, "{} is on {to}", one.address);
            }
            for client in &drained.clients {
                let _ = writeln!(
                    text,
                    "! {} is still connected from {}",
                    client.user, client.machine
                );
            }
            for note in &drained.notes {
                let _ = writeln!(text, "! {note}");
            }
            let clients = match drained.is_empty {
                true => ", and nobody is connected to it",
                false => "",
            };
            let _ = writeln!(
                text,
                "{node} has no addresses{clients}; `ha-resume {node}` gives it some again."
            );
            text
        });
        match drained.is_empty {
            true => exit,
            false => Exit::NeedsAttention,
        }
    }

    /// Whether a node takes addresses again.
    pub(crate) fn resumed(&self, resumed: &Resumed, node: &NodeName) -> Exit {
        let exit = self.shown(resumed, |resumed| {
            let mut text = String::new();
            for note in &resumed.notes {
                let _ = writeln!(text, "! {note}");
            }
            let has: Vec<String> = resumed.addresses.iter().map(ToString::to_string).collect();
            let _ = match resumed.is_healthy {
                true => writeln!(text, "{node} is healthy and has {}.", listed(&has)),
                false => writeln!(
                    text,
                    "{node} is not healthy, and gets no address before it is."
                ),
            };
            text
        });
        match resumed.is_healthy {
            true => exit,
            false => Exit::NeedsAttention,
        }
    }

    /// The address that is kept.
    pub(crate) fn reserved(&self, outcome: &Outcome<Allocated>) -> Exit {
        self.unless_done(outcome, |allocated| {
            let mut text = String::new();
            for note in &allocated.notes {
                let _ = writeln!(text, "! {note}");
            }
            let Allocated {
                holder, address, ..
            } = allocated;
            let how = match allocated.change {
                Change::Unchanged => "was",
                _ => "is",
            };
            let served = match allocated.is_served {
                true => "the cluster serves under it",
                false => "the cluster does not serve under it",
            };
            let _ = writeln!(text, "{address} {how} kept for {holder}; {served}.");
            text
        })
    }

    /// The address that is no longer kept.
    pub(crate) fn released(&self, outcome: &Outcome<Released>) -> Exit {
        self.unless_done(outcome, |released| {
            let holder = &released.holder;
            match (released.address, released.is_served) {
                (Some(address), true) => format!(
                    "{address} is no longer kept for {holder}; the cluster goes on to serve under it.\n"
                ),
                (Some(address), false) => format!(
                    "{address} is no longer kept for {holder}; the cluster does not serve under it.\n"
                ),
                (None, _) => format!("No address was kept for {holder}.\n"),
            }
        })
    }

    /// Why no address was kept or given back.
    pub(crate) fn not_allocated(&self, error: &AllocateError) -> Exit {
        match error {
            AllocateError::Cluster(error) => self.cluster_error(error),
            error => self.failed(error),
        }
    }

    /// What was done, as a document without a word on how it ended.
    fn unless_done<R: Serialize>(
        &self,
        outcome: &Outcome<R>,
        text: impl FnOnce(&R) -> String,
    ) -> Exit {
        match outcome {
            Outcome::Done(report) => self.shown(report, text),
            other => self.ended(other, |_| String::new()),
        }
    }
}

fn listed(addresses: &[String]) -> String {
    match addresses.is_empty() {
        true => "no address".into(),
        false => addresses.join(", "),
    }
}
