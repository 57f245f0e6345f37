//! Addresses and nodes in the order in which ctdb looks at them.

use std::cmp::Reverse;
use std::net::IpAddr;

use super::{Node, Placed, Placement, PlacementError, Settings};

/// All addresses, each with the node that has it so far.
pub(super) struct Cluster {
    /// From the highest key to the lowest.
    addresses: Vec<Address>,
    /// How many nodes there are, active or not.
    pub(super) nodes: usize,
    /// For each address, for each node: whether the node can have it.
    can_host: Vec<bool>,
    /// Whether an address without a node may get one, and any may move.
    can_take: bool,
    /// Addresses that no connected node knows.
    unknown: Vec<Placed>,
}

struct Address {
    address: IpAddr,
    key: u128,
    from: Option<u32>,
    now: Option<usize>,
}

impl Cluster {
    pub(super) fn new(nodes: &[Node], settings: &Settings) -> Result<Self, PlacementError> {
        if !nodes.iter().any(|node| node.flags.is_active()) {
            return Err(PlacementError::NoActiveNode { nodes: nodes.len() });
        }
        // A stable sort, so that the nodes of an address stay in their order.
        let mut mentions: Vec<(u128, usize, usize)> = Vec::new();
        for (pnn, node) in nodes.iter().enumerate() {
            let all = node.known.iter().enumerate();
            mentions.extend(all.map(|(at, known)| (key(known.address), pnn, at)));
        }
        mentions.sort_by_key(|mention| Reverse(mention.0));

        let mut cluster = Self {
            addresses: Vec::new(),
            nodes: nodes.len(),
            can_host: Vec::new(),
            can_take: !settings.no_ip_takeover,
            unknown: Vec::new(),
        };
        for mentions in mentions.chunk_by(|one, other| one.0 == other.0) {
            cluster.add(nodes, mentions)?;
        }
        Ok(cluster)
    }

    fn add(
        &mut self,
        nodes: &[Node],
        mentions: &[(u128, usize, usize)],
    ) -> Result<(), PlacementError> {
        let (key, first_node, first_at) = mentions[0];
        let address = nodes[first_node].known[first_at].address;
        let (mut now, mut gone) = (None, None);
        let mut is_known = false;
        let mut hosts = vec![false; nodes.len()];
        for &(_, pnn, at) in mentions {
            let (node, known) = (&nodes[pnn], nodes[pnn].known[at]);
            if known.address != address {
                return Err(PlacementError::Alike {
                    first: address.min(known.address),
                    second: address.max(known.address),
                });
            }
            if !node.flags.is_connected() {
                gone = if known.held { Some(pnn) } else { gone };
                continue;
            }
            is_known = true;
            now = if known.held { Some(pnn) } else { now };
            hosts[pnn] |= known.usable && node.running && node.flags.is_healthy();
        }
        let from = now.or(gone).map(number);
        if is_known {
            let entry = Address {
                address,
                key,
                from,
                now,
            };
            self.addresses.push(entry);
            self.can_host.extend(hosts);
        } else {
            let to = None;
            self.unknown.push(Placed { address, from, to });
        }
        Ok(())
    }

    pub(super) fn len(&self) -> usize {
        self.addresses.len()
    }

    /// The address as the number that ctdb sorts and compares by.
    pub(super) fn key(&self, at: usize) -> u128 {
        self.addresses[at].key
    }

    /// The node that has the address so far.
    pub(super) fn node(&self, at: usize) -> Option<usize> {
        self.addresses[at].now
    }

    pub(super) fn set_node(&mut self, at: usize, node: Option<usize>) {
        self.addresses[at].now = node;
    }

    /// Whether `node` may get the address.
    pub(super) fn can_take(&self, at: usize, node: usize) -> bool {
        self.can_take && self.can_host[at * self.nodes + node]
    }

    /// Takes every address away from a node that cannot have it.
    pub(super) fn unassign_unsuitable(&mut self) {
        for (at, address) in self.addresses.iter_mut().enumerate() {
            let can_host = &self.can_host[at * self.nodes..][..self.nodes];
            address.now = address.now.filter(|node| can_host[*node]);
        }
    }

    pub(super) fn into_placement(self) -> Placement {
        let placed = |one: Address| Placed {
            address: one.address,
            from: one.from,
            to: one.now.map(number),
        };
        let mut addresses = self.unknown;
        addresses.extend(self.addresses.into_iter().map(placed));
        addresses.sort_by_key(|placed| key(placed.address));
        Placement { addresses }
    }
}

/// An address as ctdb's four words: an IPv4 address is in the last one.
fn key(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits(),
    }
}

fn number(pnn: usize) -> u32 {
    u32::try_from(pnn).expect("there are fewer than 2³² nodes")
}
