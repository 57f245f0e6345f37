//! The placement of addresses as ctdb does it, with everything counted again each time: slow, and simple
//! enough to be compared with ctdb by eye.
//!
//! Addresses are given from the highest to the lowest; `able[address][node]` says where each may go.

use std::cmp::Reverse;

pub(crate) struct Problem {
    pub(crate) keys: Vec<u128>,
    pub(crate) able: Vec<Vec<bool>>,
    pub(crate) now: Vec<Option<usize>>,
    pub(crate) nodes: usize,
    pub(crate) failback: bool,
    pub(crate) takeover: bool,
    pub(crate) rebalance: Vec<usize>,
}

impl Problem {
    pub(crate) fn lcp2(mut self) -> Vec<Option<usize>> {
        self.unassign();
        let mut imbalance: Vec<u32> = (0..self.nodes).map(|node| self.imbalance(node)).collect();
        let mut candidates: Vec<bool> = (0..self.nodes)
            .map(|node| !self.now.contains(&Some(node)))
            .collect();
        for node in &self.rebalance {
            if let Some(candidate) = candidates.get_mut(*node) {
                *candidate = true;
            }
        }
        while let Some((at, node, cost)) = self.cheapest_unassigned() {
            self.now[at] = Some(node);
            imbalance[node] = imbalance[node].wrapping_add(cost);
        }
        while self.failback && self.fail_one_back(&mut imbalance, &candidates) {}
        self.now
    }

    pub(crate) fn deterministic(mut self) -> Vec<Option<usize>> {
        for (at, now) in self.now.iter_mut().enumerate() {
            *now = Some(at % self.nodes);
        }
        self.unassign();
        self.take_unassigned();
        self.now
    }

    pub(crate) fn non_deterministic(mut self) -> Vec<Option<usize>> {
        self.unassign();
        self.take_unassigned();
        let mut tries = 0;
        'again: while self.failback {
            for at in 0..self.now.len() {
                if self.now[at].is_none() {
                    continue;
                }
                let able = || (0..self.nodes).filter(|node| self.can_take(at, *node));
                let fewest = able().map(|node| self.count(node)).min();
                // Of the fullest, the first: `max_by_key` would give the last one.
                let fullest = able().min_by_key(|node| Reverse(self.count(*node)));
                let (Some(fewest), Some(fullest)) = (fewest, fullest) else {
                    continue;
                };
                if self.count(fullest) > fewest + 1 && tries < self.now.len() + 5 {
                    let first = self.now.iter().position(|now| *now == Some(fullest));
                    self.take_over(first.unwrap());
                    tries += 1;
                    continue 'again;
                }
            }
            break;
        }
        self.now
    }

    fn unassign(&mut self) {
        for (now, able) in self.now.iter_mut().zip(&self.able) {
            *now = now.filter(|node| able[*node]);
        }
    }

    fn can_take(&self, at: usize, node: usize) -> bool {
        self.takeover && self.able[at][node]
    }

    fn count(&self, node: usize) -> usize {
        self.now.iter().filter(|now| **now == Some(node)).count()
    }

    fn take_unassigned(&mut self) {
        for at in 0..self.now.len() {
            if self.now[at].is_none() {
                self.take_over(at);
            }
        }
    }

    fn take_over(&mut self, at: usize) {
        let able = (0..self.nodes).filter(|node| self.can_take(at, *node));
        if let Some(node) = able.min_by_key(|node| self.count(*node)) {
            self.now[at] = Some(node);
        }
    }

    /// What the address costs beside all those of the node from `from` on.
    fn cost(&self, at: usize, node: usize, from: usize) -> u32 {
        let mut sum = 0_u32;
        for other in from..self.keys.len() {
            if self.now[other] == Some(node) && other != at {
                sum = sum.wrapping_add(shared(self.keys[at], self.keys[other]).pow(2));
            }
        }
        sum
    }

    fn imbalance(&self, node: usize) -> u32 {
        let on_node = (0..self.keys.len()).filter(|at| self.now[*at] == Some(node));
        on_node.fold(0, |sum, at| sum.wrapping_add(self.cost(at, node, at + 1)))
    }

    fn cheapest_unassigned(&self) -> Option<(usize, usize, u32)> {
        let mut cheapest: Option<(usize, usize, u32)> = None;
        for at in (0..self.keys.len()).filter(|at| self.now[*at].is_none()) {
            for node in (0..self.nodes).filter(|node| self.can_take(at, *node)) {
                let cost = self.cost(at, node, 0);
                if cheapest.is_none_or(|(.., least)| cost < least) {
                    cheapest = Some((at, node, cost));
                }
            }
        }
        cheapest
    }

    fn fail_one_back(&mut self, imbalance: &mut [u32], candidates: &[bool]) -> bool {
        let mut order: Vec<usize> = (0..self.nodes).collect();
        order.sort_by(|one, other| imbalance[*other].cmp(&imbalance[*one]));
        for source in order {
            if imbalance[source] == 0 {
                return false;
            }
            // Address, node, and what is left on both.
            let mut best: Option<(usize, usize, u32, u32)> = None;
            for at in (0..self.keys.len()).filter(|at| self.now[*at] == Some(source)) {
                let saved = self.cost(at, source, 0);
                let left = imbalance[source].wrapping_sub(saved);
                for node in (0..self.nodes).filter(|node| candidates[*node]) {
                    if !self.can_take(at, node) {
                        continue;
                    }
                    let cost = self.cost(at, node, 0);
                    let there = imbalance[node].wrapping_add(cost);
                    let is_better = best.is_none_or(|(.., best_left, best_there)| {
                        left.wrapping_add(there) < best_left.wrapping_add(best_there)
                    });
                    if there < imbalance[source] && cost < saved && is_better {
                        best = Some((at, node, left, there));
                    }
                }
            }
            if let Some((at, node, left, there)) = best {
                imbalance[source] = left;
                imbalance[node] = there;
                self.now[at] = Some(node);
                return true;
            }
        }
        false
    }
}

/// How many leading bits are equal, counted in each of four words.
fn shared(one: u128, other: u128) -> u32 {
    let words = one.to_be_bytes().into_iter().zip(other.to_be_bytes());
    let different: Vec<u8> = words.map(|(one, other)| one ^ other).collect();
    let in_word = |word: &[u8]| u32::from_be_bytes(word.try_into().unwrap()).leading_zeros();
    different.chunks(4).map(in_word).sum()
}
