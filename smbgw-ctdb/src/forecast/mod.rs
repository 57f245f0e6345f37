//! Where every address of a running cluster goes when nodes leave it or come back, before they do.
//!
//! ```no_run
//! # fn plan(members: &[smbgw_ctdb::node::Member<'_>]) -> Result<(), smbgw_ctdb::forecast::ForecastError> {
//! use smbgw_core::deadline::Deadline;
//! use smbgw_ctdb::forecast::{Live, What};
//!
//! let live = Live::read(members, Deadline::after(std::time::Duration::from_secs(30)))?;
//! let without = vec![live.number(&"n2".parse().unwrap())?];
//! let forecast = live.forecast(&What { without, with: Vec::new() })?;
//! for address in &forecast.nowhere {
//!     println!("{address} would be nowhere");
//! }
//! # Ok(())
//! # }
//! ```

mod draft;
mod error;
mod live;

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

pub use draft::{ForecastDraft, number_of};
pub use error::ForecastError;
pub use live::Live;

use crate::node::NodeName;
use crate::placement::{self, Algorithm, NodeFlags, predict};

/// What is to happen to a cluster, all of it at once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct What {
    /// The numbers of the nodes that go away, in whatever way.
    pub without: Vec<u32>,
    /// The numbers of the nodes that are healthy then.
    pub with: Vec<u32>,
}

/// Where the addresses of a cluster go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Forecast {
    /// What was asked.
    pub what: What,
    /// How this cluster places addresses.
    pub algorithm: Algorithm,
    /// Every address, from the lowest to the highest.
    pub addresses: Vec<Expected>,
    /// Every node.
    pub nodes: Vec<Load>,
    /// The addresses that no node would have.
    pub nowhere: Vec<IpAddr>,
    /// What an administrator should know beside it.
    pub notes: Vec<String>,
}

/// Where one address is, and where it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Expected {
    /// The address.
    pub address: IpAddr,
    /// The number of the node that has it now.
    pub from: Option<u32>,
    /// The number of the node that gets it.
    pub to: Option<u32>,
}

/// How many addresses a node has and gets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Load {
    /// The number of the node.
    pub number: u32,
    /// Its name, where that is known.
    pub name: Option<NodeName>,
    /// Whether it can have addresses then.
    pub serves: bool,
    /// How many it has now.
    pub now: usize,
    /// How many it has then.
    pub then: usize,
}

impl Forecast {
    /// The addresses that do not stay where they are.
    pub fn moves(&self) -> impl Iterator<Item = &Expected> {
        self.addresses.iter().filter(|one| one.from != one.to)
    }

    /// The node that gets `address`.
    pub fn of(&self, address: IpAddr) -> Option<u32> {
        let found = self.addresses.iter().find(|one| one.address == address);
        found?.to
    }
}

impl Live {
    /// Where the addresses go when `what` happens, and the leader then places them.
    ///
    /// # Errors
    /// [`ForecastError::NoSuchNode`] for a number that no node has, and where no node would be left to place
    /// anything.
    pub fn forecast(&self, what: &What) -> Result<Forecast, ForecastError> {
        let mut nodes = self.nodes.clone();
        let mut notes = self.notes.clone();
        for number in &what.without {
            nodes_at(&mut nodes, *number)?.flags = NodeFlags::DISCONNECTED;
        }
        for number in &what.with {
            let silent = self.is_silent(*number);
            let all = self.addresses();
            let node = nodes_at(&mut nodes, *number)?;
            if silent {
                notes.push(format!(
                    "node {number} does not answer; it is taken to be able to have every address"
                ));
                node.known = all
                    .map(|address| placement::Known::new(address, false))
                    .collect();
            }
            node.flags = NodeFlags::HEALTHY;
            node.running = true;
        }
        let placed = predict(&nodes, &self.settings)?;
        let expected = |address: IpAddr| Expected {
            address,
            from: self.holder(address),
            to: placed.of(address),
        };
        let mut addresses: Vec<_> = self.addresses().map(expected).collect();
        addresses.sort_by_key(|one| one.address);
        let count = |of: fn(&Expected) -> Option<u32>, number| {
            let on_it = addresses.iter().filter(|one| of(one) == Some(number));
            on_it.count()
        };
        let loads = (0..)
            .zip(&nodes)
            .filter(|(_, node)| !node.flags.any(NodeFlags::DELETED))
            .map(|(number, node)| Load {
                number,
                name: self.name(number).cloned(),
                serves: node.running && node.flags.is_healthy(),
                now: count(|one| one.from, number),
                then: count(|one| one.to, number),
            });
        let nodes = loads.collect();
        let nowhere = addresses.iter().filter(|one| one.to.is_none());
        Ok(Forecast {
            what: what.clone(),
            algorithm: self.settings.algorithm,
            nodes,
            nowhere: nowhere.map(|one| one.address).collect(),
            addresses,
            notes,
        })
    }
}

fn nodes_at(
    nodes: &mut [placement::Node],
    number: u32,
) -> Result<&mut placement::Node, ForecastError> {
    let found = usize::try_from(number)
        .ok()
        .and_then(|at| nodes.get_mut(at))
        .filter(|node| !node.flags.any(NodeFlags::DELETED));
    found.ok_or(ForecastError::NoSuchNode { number })
}

#[cfg(test)]
mod tests;
