//! What a drill has found.

mod svg;
mod text;

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::Scenario;
use crate::node::NodeName;
use crate::objective::Tunables;

/// What a drill has found. All times are in milliseconds; those of a round count from the moment in which its
/// node was broken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Report {
    /// When it began, in seconds since 1970-01-01 00:00 UTC.
    pub started_at_seconds: i64,
    /// The address that the clients used.
    pub address: IpAddr,
    /// How nodes were broken.
    pub scenario: Scenario,
    /// The settings of the cluster that failover times depend on.
    pub tunables: Tunables,
    /// The rounds, in order.
    pub rounds: Vec<Round>,
    /// What the server had said is on disk.
    pub bytes_acknowledged: u64,
    /// What of it could not be read back, or only with other content.
    pub bytes_lost: u64,
    /// How many reads and writes there were.
    pub operations: u64,
    /// How many of them failed.
    pub operations_failed: u64,
    /// Where all addresses are now.
    pub ended_at: Vec<Place>,
    /// What an administrator should know beside it.
    pub notes: Vec<String>,
}

/// Where an address is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Place {
    /// The address.
    pub address: IpAddr,
    /// The node that ctdb says has it.
    pub node: Option<NodeName>,
    /// The nodes that have it on an interface.
    pub seen_on: Vec<NodeName>,
}

/// One round.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Round {
    /// The node that was broken.
    pub node: NodeName,
    /// Whether it led.
    pub led: bool,
    /// The node that took the address over; `None` where none did in time.
    pub to: Option<NodeName>,
    /// When the others knew that the node is lost.
    pub noticed_milliseconds: Option<u64>,
    /// When the address was on another node.
    pub moved_milliseconds: Option<u64>,
    /// The longest that a client was without an answer from the break to the repair; `None` where one was
    /// not served again before.
    pub client_gap_milliseconds: Option<u64>,
    /// The same from the repair to the end, when addresses may move back.
    pub repair_gap_milliseconds: u64,
    /// When the repair began.
    pub repaired_milliseconds: u64,
    /// When all nodes were healthy again.
    pub healthy_milliseconds: u64,
    /// When the round was over.
    pub over_milliseconds: u64,
    /// What became of the file that was held open.
    pub handle: Handle,
    /// Where the address was, and when. Before the first and between two of them it was on no node.
    pub placements: Vec<Interval>,
    /// How the clients fared.
    pub clients: Vec<ClientReport>,
}

/// How one client fared in a round.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ClientReport {
    /// How many reads and writes there were.
    pub operations: u64,
    /// How many of them failed.
    pub operations_failed: u64,
    /// How often it connected again.
    pub reconnects: u32,
    /// What the server had said is on disk.
    pub bytes_acknowledged: u64,
    /// What of it could not be read back, or only with other content.
    pub bytes_lost: u64,
    /// When it was without an answer, for more than a quarter of a second.
    pub outages: Vec<Interval>,
}

/// A stretch of time, from one moment to another, in milliseconds since the break; less than none is before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Interval {
    /// Its beginning.
    pub from_milliseconds: i64,
    /// Its end.
    pub to_milliseconds: i64,
    /// The node that it is about.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub node: Option<NodeName>,
}

/// What became of a file that a client held open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Handle {
    /// It stayed open in one connection.
    Kept,
    /// The server had kept it, and the client took it up in another connection (a durable handle).
    TakenUp,
    /// It had to be opened anew; locks that were held on it are gone.
    Lost,
    /// It was never opened.
    NotOpened,
}

impl Report {
    /// Whether nothing is lost, and clients were served again in every round.
    pub fn is_good(&self) -> bool {
        let mut rounds = self.rounds.iter();
        self.bytes_lost == 0 && rounds.all(|round| round.client_gap_milliseconds.is_some())
    }

    /// The report as text.
    pub fn text(&self) -> String {
        text::render(self)
    }

    /// The report as a picture: one strip for each client and one for the address, for every round.
    pub fn svg(&self) -> String {
        svg::render(self)
    }

    /// The longest time until the address was on another node; `None` where it was not in one of the rounds.
    pub fn longest_move_milliseconds(&self) -> Option<u64> {
        longest(self.rounds.iter().map(|round| round.moved_milliseconds))
    }

    /// The longest time that a client was without an answer; `None` where one was not served again in one of the
    /// rounds before the repair.
    pub fn longest_gap_milliseconds(&self) -> Option<u64> {
        longest(
            self.rounds
                .iter()
                .map(|round| round.client_gap_milliseconds),
        )
    }
}

fn longest(times: impl Iterator<Item = Option<u64>>) -> Option<u64> {
    times.collect::<Option<Vec<_>>>()?.into_iter().max()
}

#[cfg(test)]
mod tests;
