//! What the answers of a ctdbd say, as 4.17 and 4.22 give them.
//!
//! Lists begin with how many entries they have, and have nothing after them. What is not exactly like that is
//! refused, so that a daemon which writes another form is never taken for one that says something else.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::client::wire::{field, number};
use crate::ctl::{NodeState, RunState};
use crate::placement::NodeFlags;

/// How long the entries of lists are.
const SOCKET_ADDRESS: usize = 28;
const NODE: usize = 8 + SOCKET_ADDRESS;
const PUBLIC_ADDRESS: usize = 4 + SOCKET_ADDRESS;
const DATABASE: usize = 8;

/// Addresses of IPv4 and IPv6 as socket(2) has them.
const IPV4: u16 = 2;
const IPV6: u16 = 10;

/// The number that stands for no node.
const NO_NODE: u32 = u32::MAX;

/// Which nodes keep the databases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Members {
    /// The number of the last recovery; none where this node takes no part.
    pub generation: Option<u32>,
    /// The numbers of the nodes.
    pub nodes: Vec<u32>,
}

/// Times of a ctdbd, in microseconds since 1970-01-01 00:00 UTC by its own clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Uptime {
    /// Now.
    pub now: i64,
    /// When it started.
    pub started: i64,
    /// When the last recovery or failover began, 0 for never.
    pub recovery_began: i64,
    /// When one was over last, 0 for never.
    pub recovery_ended: i64,
}

/// A database that is attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Database {
    /// Its number.
    pub id: u32,
    /// Whether it outlives ctdbd.
    pub persistent: bool,
    /// Whether every node has all of it.
    pub replicated: bool,
}

/// Reads the nodes; those that were removed are not among them.
pub fn nodes(data: &[u8]) -> Option<Vec<NodeState>> {
    let mut nodes = Vec::new();
    for entry in entries(data, NODE)? {
        let flags = NodeFlags::from_bits(number(entry, 4)?);
        // The place of one that was removed is kept, so it may have any address.
        if !flags.any(NodeFlags::DELETED) {
            nodes.push(NodeState {
                pnn: number(entry, 0)?,
                address: address(&entry[8..])?,
                flags: known(flags),
            });
        }
    }
    Some(nodes)
}

/// Reads public addresses, each with the node that is taken to have it.
pub fn public_addresses(data: &[u8]) -> Option<Vec<(IpAddr, Option<u32>)>> {
    let read = |entry: &[u8]| {
        let node = number(entry, 0)?;
        Some((address(&entry[4..])?, (node != NO_NODE).then_some(node)))
    };
    entries(data, PUBLIC_ADDRESS)?.map(read).collect()
}

/// Reads which nodes keep the databases.
pub fn members(data: &[u8]) -> Option<Members> {
    let (generation, list) = data.split_at_checked(4)?;
    let generation = number(generation, 0)?;
    let nodes = entries(list, 4)?
        .map(|entry| number(entry, 0))
        .collect::<Option<_>>()?;
    Some(Members {
        // What it has until it takes part in a recovery.
        generation: (generation != 1).then_some(generation),
        nodes,
    })
}

/// Reads times.
pub fn uptime(data: &[u8]) -> Option<Uptime> {
    if data.len() != 64 {
        return None;
    }
    let time = |at: usize| {
        let seconds = i64::from_ne_bytes(field(data, at)?);
        let microseconds = i64::from_ne_bytes(field(data, at + 8)?);
        if !(0..1_000_000).contains(&microseconds) {
            return None;
        }
        seconds.checked_mul(1_000_000)?.checked_add(microseconds)
    };
    Some(Uptime {
        now: time(0)?,
        started: time(16)?,
        recovery_began: time(32)?,
        recovery_ended: time(48)?,
    })
}

/// Reads the databases.
pub fn databases(data: &[u8]) -> Option<Vec<Database>> {
    let read = |entry: &[u8]| {
        let flags = number(entry, 4)?;
        Some(Database {
            id: number(entry, 0)?,
            persistent: flags & 0x1 != 0,
            replicated: flags & 0x8 != 0,
        })
    };
    entries(data, DATABASE)?.map(read).collect()
}

/// Reads how far ctdbd has come.
pub fn run_state(data: &[u8]) -> Option<RunState> {
    Some(match only_number(data)? {
        0 => RunState::Unknown,
        1 => RunState::Init,
        2 => RunState::Setup,
        3 => RunState::FirstRecovery,
        4 => RunState::Startup,
        5 => RunState::Running,
        6 => RunState::Shutdown,
        _ => return None,
    })
}

/// Reads a number that is all of the answer.
pub fn only_number(data: &[u8]) -> Option<u32> {
    if data.len() == 4 {
        number(data, 0)
    } else {
        None
    }
}

/// Reads a text; no text at all is an empty one.
pub fn text(data: &[u8]) -> Option<&str> {
    let data = match data.split_last() {
        Some((0, text)) => text,
        None => data,
        Some(_) => return None,
    };
    std::str::from_utf8(data)
        .ok()
        .filter(|text| !text.contains(char::is_control))
}

/// Reads the names of tunables: `:` before each, and the length of all in front.
pub fn tunable_names(data: &[u8]) -> Option<Vec<&str>> {
    let (length, names) = data.split_at_checked(4)?;
    if usize::try_from(number(length, 0)?).ok()? != names.len() {
        return None;
    }
    let names = text(names)?.split(':').filter(|name| !name.is_empty());
    Some(names.collect())
}

/// The flags that are shown: others are of a kind that did not exist, or say what another one says.
fn known(flags: NodeFlags) -> NodeFlags {
    let all = NodeFlags::DISCONNECTED
        | NodeFlags::UNHEALTHY
        | NodeFlags::DISABLED
        | NodeFlags::BANNED
        | NodeFlags::STOPPED;
    NodeFlags::from_bits(flags.bits() & all.bits())
}

/// The entries of a list.
fn entries(data: &[u8], length: usize) -> Option<impl Iterator<Item = &[u8]>> {
    let (count, list) = data.split_at_checked(4)?;
    let count = usize::try_from(number(count, 0)?).ok()?;
    (count.checked_mul(length)? == list.len()).then(|| list.chunks_exact(length))
}

/// The address in what socket(2) calls an address.
fn address(bytes: &[u8]) -> Option<IpAddr> {
    match u16::from_ne_bytes(field(bytes, 0)?) {
        IPV4 => Some(Ipv4Addr::from(field::<4>(bytes, 4)?).into()),
        IPV6 => Some(Ipv6Addr::from(field::<16>(bytes, 8)?).into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(numbers: &[u32]) -> Vec<u8> {
        numbers
            .iter()
            .flat_map(|number| number.to_ne_bytes())
            .collect()
    }

    fn ipv4(last: u8) -> Vec<u8> {
        let mut bytes = IPV4.to_ne_bytes().to_vec();
        bytes.extend([0x11, 0x1b, 10, 99, 0, last]);
        bytes.resize(SOCKET_ADDRESS, 0);
        bytes
    }

    fn ipv6() -> Vec<u8> {
        let mut bytes = IPV6.to_ne_bytes().to_vec();
        bytes.extend([0; 6]);
        bytes.extend(Ipv6Addr::LOCALHOST.octets());
        bytes.resize(SOCKET_ADDRESS, 0);
        bytes
    }

    #[test]
    fn lists_are_read() {
        let mut data = numbers(&[3, 0, 0]);
        data.extend(ipv4(31));
        // Removed, with nothing for an address.
        data.extend(numbers(&[1, 0x11]));
        data.extend([0; SOCKET_ADDRESS]);
        // Disconnected, and something newer.
        data.extend(numbers(&[2, 0x41]));
        data.extend(ipv6());
        let read = nodes(&data).unwrap();
        let shown = read
            .iter()
            .map(|node| (node.pnn, node.address.to_string(), node.flags));
        assert_eq!(
            shown.collect::<Vec<_>>(),
            [
                (0, "10.99.0.31".to_owned(), NodeFlags::HEALTHY),
                (2, "::1".to_owned(), NodeFlags::DISCONNECTED)
            ]
        );

        let mut data = numbers(&[2, u32::MAX]);
        data.extend(ipv4(61));
        data.extend(numbers(&[1]));
        data.extend(ipv6());
        let read = public_addresses(&data).unwrap();
        assert_eq!((read[0].1, read[1].1), (None, Some(1)));

        let read = members(&numbers(&[7, 2, 0, 2])).unwrap();
        assert_eq!((read.generation, read.nodes), (Some(7), vec![0, 2]));
        assert_eq!(members(&numbers(&[1, 0])).unwrap().generation, None);

        let read = databases(&numbers(&[2, 5, 1, 6, 8])).unwrap();
        assert_eq!(
            (read[0].id, read[0].persistent, read[0].replicated),
            (5, true, false)
        );
        assert_eq!(
            (read[1].id, read[1].persistent, read[1].replicated),
            (6, false, true)
        );
    }

    #[test]
    fn times_numbers_and_texts_are_read() {
        let times: [i64; 8] = [20, 5, 10, 0, 12, 1, 13, 999_999];
        let data: Vec<u8> = times.into_iter().flat_map(i64::to_ne_bytes).collect();
        let expected = Uptime {
            now: 20_000_005,
            started: 10_000_000,
            recovery_began: 12_000_001,
            recovery_ended: 13_999_999,
        };
        assert_eq!(uptime(&data), Some(expected));
        let wrong: Vec<u8> = [i64::MAX; 8]
            .into_iter()
            .flat_map(i64::to_ne_bytes)
            .collect();
        assert_eq!(uptime(&wrong), None);

        assert_eq!(run_state(&numbers(&[5])), Some(RunState::Running));
        assert_eq!(run_state(&numbers(&[7])), None);
        assert_eq!(text(b"ctdb.tdb\0"), Some("ctdb.tdb"));
        assert_eq!(text(b""), Some(""));
        for wrong in [&b"ctdb.tdb"[..], b"a\nb\0", b"\xff\0", b"a\0b\0"] {
            assert_eq!(text(wrong), None);
        }
        let mut names = numbers(&[6]);
        names.extend(b":A:Bc\0");
        assert_eq!(tunable_names(&names), Some(vec!["A", "Bc"]));
        assert_eq!(tunable_names(&names[..9]), None);
    }

    #[test]
    fn a_list_of_another_length_is_refused() {
        let mut whole = numbers(&[1, 0, 0]);
        whole.extend(ipv4(31));
        assert!(nodes(&whole).is_some());
        for other in [
            &whole[..whole.len() - 1],
            &[&whole[..], &[0]].concat(),
            &[],
            &[1, 0, 0],
        ] {
            assert_eq!(nodes(other), None);
            assert_eq!(public_addresses(other), None);
            assert_eq!(members(other), None);
            assert_eq!(databases(other), None);
        }
        assert_eq!(nodes(&numbers(&[u32::MAX])), None);
        // Of a kind that no node has.
        whole[12] = 0xee;
        assert_eq!(nodes(&whole), None);
    }
}
