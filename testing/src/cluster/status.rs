//! What `ctdb` says of a cluster, in the form it has for programs (`ctdb -X`, ctdb(1)).

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use crate::{Error, Result, wait_until};

/// How long a cluster may take to become what is waited for, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(180);

/// How a cluster stands, as one node sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// All nodes, in the order of their numbers.
    pub nodes: Vec<NodeStatus>,
    /// The virtual addresses, each with the number of the node it is on, if it is on one.
    pub addresses: BTreeMap<IpAddr, Option<usize>>,
}

/// How one node stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeStatus {
    /// Its number.
    pub number: usize,
    /// Its own address.
    pub address: IpAddr,
    /// What is true of it, by ctdb's words: `Disconnected`, `Unhealthy`, `Disabled` and so on. A
    /// healthy node has none.
    pub flags: Vec<String>,
}

impl NodeStatus {
    /// Whether nothing is wrong with it.
    pub fn is_healthy(&self) -> bool {
        self.flags.is_empty()
    }

    /// Whether ctdb says this word of it.
    pub fn has(&self, flag: &str) -> bool {
        self.flags.iter().any(|found| found == flag)
    }
}

impl Status {
    /// Whether all nodes are healthy and all addresses on nodes.
    pub fn is_healthy(&self) -> bool {
        self.nodes.iter().all(NodeStatus::is_healthy)
            && self.addresses.values().all(Option::is_some)
    }

    /// The addresses that are on a node.
    pub fn addresses_of(&self, number: usize) -> Vec<IpAddr> {
        let on_it = |(address, holder): (&IpAddr, &Option<usize>)| {
            (*holder == Some(number)).then_some(*address)
        };
        self.addresses.iter().filter_map(on_it).collect()
    }

    /// Reads what `ctdb -X status` and `ctdb -X ip all` wrote.
    pub(super) fn parse(status: &str, addresses: &str) -> Result<Status> {
        let nodes = table(status).map(|row| {
            let read = || {
                let flags = row.iter().skip(2).filter(|(_, value)| *value == "1");
                Some(NodeStatus {
                    number: field(&row, "Node")?.parse().ok()?,
                    address: field(&row, "IP")?.parse().ok()?,
                    flags: flags.map(|(name, _)| (*name).to_owned()).collect(),
                })
            };
            read().ok_or_else(|| unreadable(status))
        });
        let addresses_read = table(addresses).map(|row| {
            let read = || {
                let node: i64 = field(&row, "Node")?.parse().ok()?;
                // -1 is no node.
                Some((
                    field(&row, "Public IP")?.parse().ok()?,
                    usize::try_from(node).ok(),
                ))
            };
            read().ok_or_else(|| unreadable(addresses))
        });
        Ok(Status {
            nodes: nodes.collect::<Result<_>>()?,
            addresses: addresses_read.collect::<Result<_>>()?,
        })
    }
}

/// Asks for the status until it is as `wanted` says. The error says what the last answer was.
pub(super) fn wait_for(
    what: &str,
    ask: impl Fn() -> Result<Status>,
    wanted: impl Fn(&Status) -> bool,
) -> Result<Status> {
    let mut last = String::new();
    wait_until(PATIENCE, what, || match ask() {
        Ok(status) if wanted(&status) => Some(status),
        other => {
            last = format!("{other:?}");
            None
        }
    })
    .map_err(|error| Error::new(format!("{error}: {last}")))
}

fn unreadable(text: &str) -> Error {
    Error::new(format!("ctdb wrote what cannot be read: {text:?}"))
}

/// A row as names and values.
type Row<'a> = Vec<(&'a str, &'a str)>;

/// The rows of a table: a line with names, and a line with values for each row, all between bars.
fn table(text: &str) -> impl Iterator<Item = Row<'_>> {
    fn cells(line: &str) -> impl Iterator<Item = &str> {
        line.trim().trim_matches('|').split('|')
    }
    let mut lines = text.lines().filter(|line| line.starts_with('|'));
    let names = lines.next().unwrap_or_default();
    lines.map(move |line| cells(names).zip(cells(line)).collect())
}

fn field<'a>(row: &Row<'a>, name: &str) -> Option<&'a str> {
    let found = row.iter().find(|(found, _)| *found == name);
    found.map(|(_, value)| *value)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As ctdb 4.17 wrote it, one node disabled, and another cut off.
    const STATUS: &str = "\
        |Node|IP|Disconnected|Unknown|Banned|Disabled|Unhealthy|Stopped|Inactive|PartiallyOnline|ThisNode|\n\
        |0|10.99.0.31|0|0|0|0|0|0|0|0|Y|\n\
        |1|10.99.0.32|0|0|0|1|0|0|0|0|N|\n\
        |2|10.99.0.33|1|0|0|0|1|0|0|0|N|\n";

    #[test]
    fn flags_and_places_are_read() {
        let addresses = "|Public IP|Node|\n|10.99.0.61|0|\n|10.99.0.62|-1|\n|10.99.0.63|0|\n";
        let status = Status::parse(STATUS, addresses).unwrap();
        let flags: Vec<&[String]> = status.nodes.iter().map(|node| &node.flags[..]).collect();
        assert_eq!(flags[0], [] as [&str; 0]);
        assert_eq!(flags[1], ["Disabled"]);
        assert_eq!(flags[2], ["Disconnected", "Unhealthy"]);
        assert!(status.nodes[0].is_healthy() && status.nodes[2].has("Unhealthy"));
        assert_eq!(
            status.addresses_of(0),
            ["10.99.0.61", "10.99.0.63"].map(|address| address.parse::<IpAddr>().unwrap())
        );
        assert_eq!(
            status.addresses.values().filter(|on| on.is_none()).count(),
            1
        );
        assert!(!status.is_healthy());
    }

    #[test]
    fn what_is_no_table_is_an_error() {
        for (status, addresses) in [
            ("|Node|IP|\n|x|10.99.0.31|\n", ""),
            ("|Node|IP|\n|0\n", ""),
            (STATUS, "|Public IP|Node|\n|10.99.0.61|\n"),
            (STATUS, "|Node|\n|1|\n"),
        ] {
            let error = Status::parse(status, addresses).unwrap_err().to_string();
            assert!(error.contains("cannot be read"), "{error}");
        }
    }
}
