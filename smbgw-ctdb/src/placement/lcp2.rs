//! LCP2: addresses with a long common prefix are kept on different nodes.
//!
//! Two addresses cost the square of the number of bits that they share at the beginning; the imbalance of a
//! node is what all pairs on it cost. ctdb adds that up again for each address and node that it considers.
//! Here each address knows what it costs on each node, and a move changes what it has to: one sum for each
//! address and for two nodes.

use std::cmp::Reverse;

use super::{Cluster, Settings};

pub(super) fn place(cluster: &mut Cluster, settings: &Settings) {
    cluster.unassign_unsuitable();
    let mut costs = Costs::of(cluster);
    let targets = targets(cluster, settings);
    costs.take_unassigned(cluster);
    if !settings.no_ip_failback && targets.contains(&true) {
        while costs.even_out_once(cluster, &targets) {}
    }
}

/// The nodes that addresses move to for balance: those that have none, and those that are asked for. One
/// that has some was healthy before, and moving there would be for little.
fn targets(cluster: &Cluster, settings: &Settings) -> Vec<bool> {
    let mut targets = vec![true; cluster.nodes];
    for node in (0..cluster.len()).filter_map(|at| cluster.node(at)) {
        targets[node] = false;
    }
    for pnn in &settings.rebalance {
        let node = usize::try_from(*pnn).ok();
        if let Some(target) = node.and_then(|node| targets.get_mut(node)) {
            *target = true;
        }
    }
    targets
}

/// What addresses cost. All of it is modulo 2³², as in ctdb: some 800 neighbours on one node exceed that,
/// and ctdb goes by what is left.
struct Costs {
    /// For each address, for each node: what the address costs there beside those that the node has.
    on: Vec<u32>,
    /// For each node, what all pairs of its addresses cost.
    imbalance: Vec<u32>,
}

impl Costs {
    fn of(cluster: &Cluster) -> Self {
        let mut costs = Self {
            on: vec![0; cluster.len() * cluster.nodes],
            imbalance: vec![0; cluster.nodes],
        };
        for at in 0..cluster.len() {
            if let Some(node) = cluster.node(at) {
                // What came before it is counted already, so each pair is counted once.
                costs.add(cluster, at, node);
            }
        }
        costs
    }

    fn at(&self, cluster: &Cluster, at: usize, node: usize) -> u32 {
        self.on[at * cluster.nodes + node]
    }

    fn add(&mut self, cluster: &Cluster, at: usize, node: usize) {
        let cost = self.at(cluster, at, node);
        self.imbalance[node] = self.imbalance[node].wrapping_add(cost);
        let key = cluster.key(at);
        let on_node = self.on.iter_mut().skip(node).step_by(cluster.nodes);
        for (other, sum) in on_node.enumerate() {
            if other != at {
                *sum = sum.wrapping_add(cost_of(key ^ cluster.key(other)));
            }
        }
    }

    fn remove(&mut self, cluster: &Cluster, at: usize, node: usize) {
        let cost = self.at(cluster, at, node);
        self.imbalance[node] = self.imbalance[node].wrapping_sub(cost);
        let key = cluster.key(at);
        let on_node = self.on.iter_mut().skip(node).step_by(cluster.nodes);
        for (other, sum) in on_node.enumerate() {
            if other != at {
                *sum = sum.wrapping_sub(cost_of(key ^ cluster.key(other)));
            }
        }
    }

    /// Gives each address without a node one, always the cheapest of what is left first.
    fn take_unassigned(&mut self, cluster: &mut Cluster) {
        let mut left: Vec<usize> = (0..cluster.len())
            .filter(|at| cluster.node(*at).is_none())
            .filter(|at| (0..cluster.nodes).any(|node| cluster.can_take(*at, node)))
            .collect();
        while !left.is_empty() {
            let choices = left.iter().enumerate().flat_map(|(place, at)| {
                let able = (0..cluster.nodes).filter(|node| cluster.can_take(*at, *node));
                able.map(move |node| (place, *at, node))
            });
            let cheapest = choices.min_by_key(|(_, at, node)| self.at(cluster, *at, *node));
            let (place, at, node) =
                cheapest.expect("each that is left has a node that can take it");
            self.add(cluster, at, node);
            cluster.set_node(at, Some(node));
            left.remove(place);
        }
    }

    /// Moves one address from the node that is worst off, or from the next worse where none helps there.
    fn even_out_once(&mut self, cluster: &mut Cluster, targets: &[bool]) -> bool {
        let mut sources: Vec<usize> = (0..cluster.nodes).collect();
        // Equal ones stay in the order of their numbers, as in ctdb, whose qsort is glibc's merge sort.
        sources.sort_by_key(|node| Reverse(self.imbalance[*node]));
        let off_balance = sources
            .into_iter()
            .take_while(|node| self.imbalance[*node] != 0);
        for source in off_balance.collect::<Vec<_>>() {
            if let Some((at, node)) = self.best_move(cluster, source, targets) {
                self.remove(cluster, at, source);
                self.add(cluster, at, node);
                cluster.set_node(at, Some(node));
                return true;
            }
        }
        false
    }

    /// The move away from `source` that leaves the least imbalance on both nodes together, among those
    /// that leave the other node better off than `source` is, at a lower cost.
    fn best_move(
        &self,
        cluster: &Cluster,
        source: usize,
        targets: &[bool],
    ) -> Option<(usize, usize)> {
        let mut best: Option<(u32, usize, usize)> = None;
        for at in (0..cluster.len()).filter(|at| cluster.node(*at) == Some(source)) {
            let saved = self.at(cluster, at, source);
            let left = self.imbalance[source].wrapping_sub(saved);
            for node in (0..cluster.nodes).filter(|node| targets[*node]) {
                if !cluster.can_take(at, node) {
                    continue;
                }
                let cost = self.at(cluster, at, node);
                let there = self.imbalance[node].wrapping_add(cost);
                let both = left.wrapping_add(there);
                if there < self.imbalance[source]
                    && cost < saved
                    && best.is_none_or(|(least, ..)| both < least)
                {
                    best = Some((both, at, node));
                }
            }
        }
        best.map(|(_, at, node)| (at, node))
    }
}

/// What two addresses cost that differ in the bits of `difference`.
///
/// ctdb counts the leading bits that are equal in each of four words, and does not stop at the first word
/// with a difference.
fn cost_of(difference: u128) -> u32 {
    let words = [96, 64, 32, 0].map(|shift| (difference >> shift) as u32);
    let shared: u32 = words.into_iter().map(u32::leading_zeros).sum();
    shared * shared
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_addresses_cost_the_square_of_the_bits_they_share() {
        assert_eq!(cost_of(1), 127 * 127);
        assert_eq!(cost_of(0xffff_ffff), 96 * 96);
        // The first word differs in its first bit, the others not at all.
        assert_eq!(cost_of(1 << 127), 96 * 96);
        assert_eq!(cost_of((1 << 127) | 1), 95 * 95);
    }
}
