//! The algorithms that count addresses: deterministic and non-deterministic.

use super::{Cluster, Settings};

/// Gives each address its home, or, where that cannot have it, the node with the fewest.
pub(super) fn deterministic(cluster: &mut Cluster) {
    for at in 0..cluster.len() {
        cluster.set_node(at, Some(at % cluster.nodes));
    }
    cluster.unassign_unsuitable();
    let mut counts = Counts::of(cluster);
    counts.take_unassigned(cluster);
}

/// Gives addresses that have no node the one with the fewest, and then evens out.
pub(super) fn non_deterministic(cluster: &mut Cluster, settings: &Settings) {
    cluster.unassign_unsuitable();
    let mut counts = Counts::of(cluster);
    counts.take_unassigned(cluster);
    if !settings.no_ip_failback {
        counts.even_out(cluster);
    }
}

/// How many addresses each node has.
struct Counts(Vec<usize>);

impl Counts {
    fn of(cluster: &Cluster) -> Self {
        let mut counts = vec![0; cluster.nodes];
        for node in (0..cluster.len()).filter_map(|at| cluster.node(at)) {
            counts[node] += 1;
        }
        Self(counts)
    }

    fn take_unassigned(&mut self, cluster: &mut Cluster) {
        for at in 0..cluster.len() {
            if cluster.node(at).is_none() {
                self.take(cluster, at);
            }
        }
    }

    /// Gives an address to the node with the fewest that can have it; of equals, to the first.
    fn take(&mut self, cluster: &mut Cluster, at: usize) {
        let able = (0..cluster.nodes).filter(|node| cluster.can_take(at, *node));
        if let Some(node) = able.min_by_key(|node| self.0[*node]) {
            if let Some(former) = cluster.node(at) {
                self.0[former] -= 1;
            }
            self.0[node] += 1;
            cluster.set_node(at, Some(node));
        }
    }

    /// Takes addresses from nodes that have at least two more than another one, one at a time, and begins
    /// again after each. ctdb tries that as often as there are addresses, and five times more.
    fn even_out(&mut self, cluster: &mut Cluster) {
        for _ in 0..cluster.len() + 5 {
            let Some(fullest) = self.fullest_of_uneven(cluster) else {
                return;
            };
            let first = (0..cluster.len()).find(|at| cluster.node(*at) == Some(fullest));
            self.take(cluster, first.expect("the fullest node has addresses"));
        }
    }

    /// The node with the most addresses among those that can have the first address for which there is
    /// one with at least two fewer.
    fn fullest_of_uneven(&self, cluster: &Cluster) -> Option<usize> {
        (0..cluster.len()).find_map(|at| {
            cluster.node(at)?;
            let mut able = (0..cluster.nodes).filter(|node| cluster.can_take(at, *node));
            let first = able.next()?;
            let (mut most, mut fewest) = (first, self.0[first]);
            for node in able {
                if self.0[node] > self.0[most] {
                    most = node;
                }
                fewest = fewest.min(self.0[node]);
            }
            (self.0[most] > fewest + 1).then_some(most)
        })
    }
}
