//! Free addresses, chosen from pools.

use std::net::IpAddr;

use super::AllocateError;
use crate::address::{Interface, Pool, Range, Surroundings, VirtualAddress};
use crate::conflict::{ConflictError, NodeInterface};

/// How many addresses are asked for together at least: each time takes seconds.
const AT_ONCE: usize = 4;

/// Chooses addresses that nothing speaks against.
pub(crate) struct Choice<'a> {
    /// Where addresses can be.
    pub(crate) surroundings: &'a Surroundings,
    /// Says who has these addresses, on the link.
    pub(crate) check: &'a dyn Fn(&[VirtualAddress]) -> Vec<ConflictError>,
    /// Addresses that were passed over, with the reasons.
    pub(crate) notes: Vec<String>,
}

impl Choice<'_> {
    /// The `count` lowest addresses of the pools that are free and not `taken`; a pool is not begun before the
    /// one in front of it is used up.
    ///
    /// # Errors
    /// [`AllocateError::NoPool`] without any pool, and otherwise why the last one did not do: where it has too
    /// few, and where nodes could not ask for its addresses.
    pub(crate) fn of_pools(
        &mut self,
        pools: &[Pool],
        taken: &[IpAddr],
        count: usize,
    ) -> Result<Vec<VirtualAddress>, AllocateError> {
        let mut taken = taken.to_vec();
        let mut chosen = Vec::new();
        let mut last = AllocateError::NoPool;
        for pool in pools {
            match self.of_pool(pool, &mut taken, count, &mut chosen) {
                Ok(()) => return Ok(chosen),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Adds free addresses of the pool until there are `count`.
    fn of_pool(
        &mut self,
        pool: &Pool,
        taken: &mut Vec<IpAddr>,
        count: usize,
        chosen: &mut Vec<VirtualAddress>,
    ) -> Result<(), AllocateError> {
        while chosen.len() < count {
            let mut candidates = Vec::new();
            let mut end = None;
            while candidates.len() < AT_ONCE.max(count - chosen.len()) {
                match pool.pick(taken, self.surroundings) {
                    Ok(address) => {
                        taken.push(address.address());
                        candidates.push(address);
                    }
                    Err(error) => {
                        end = Some(error);
                        break;
                    }
                }
            }
            let conflicts = match candidates.is_empty() {
                true => Vec::new(),
                false => (self.check)(&candidates),
            };
            let mut unchecked = None;
            for candidate in candidates {
                if chosen.len() == count {
                    break;
                }
                let of = candidate.address();
                let mut all = conflicts.iter();
                let Some(conflict) = all.find(|conflict| conflict.address() == of) else {
                    chosen.push(candidate);
                    continue;
                };
                self.notes.push(conflict.to_string());
                if let ConflictError::NotChecked { .. } = conflict {
                    unchecked.get_or_insert_with(|| conflict.clone());
                }
            }
            if chosen.len() == count {
                break;
            }
            // Where nodes cannot ask, they cannot ask for the next ones either.
            if let Some(conflict) = unchecked {
                return Err(conflict.into());
            }
            if let Some(error) = end {
                return Err(error.into());
            }
        }
        Ok(())
    }
}

/// What nodes have in common, of which each has these interfaces, and their own addresses. Those of `served` move
/// between nodes and are nobody's own.
pub(crate) fn in_common(
    nodes: &[Vec<NodeInterface>],
    served: &[VirtualAddress],
    dhcp: &[Range],
) -> Surroundings {
    let is_served = |address: IpAddr| served.iter().any(|one| one.address() == address);
    let own = |interface: &NodeInterface| {
        let own = interface.addresses.iter();
        let own = own.filter(|(address, _)| !address.is_loopback() && !is_served(*address));
        own.map(|(_, network)| *network).collect::<Vec<_>>()
    };
    let (first, others) = match nodes.split_first() {
        Some(split) => split,
        None => return Surroundings::default(),
    };
    let mut common = Vec::new();
    for interface in first {
        let has_it = |node: &Vec<NodeInterface>| node.iter().any(|one| one.name == interface.name);
        if !others.iter().all(has_it) {
            continue;
        }
        let mut networks = own(interface);
        networks.retain(|network| {
            others.iter().all(|node| {
                let mut same = node.iter().filter(|one| one.name == interface.name);
                same.any(|one| own(one).contains(network))
            })
        });
        networks.sort_unstable();
        networks.dedup();
        common.push(Interface {
            name: interface.name.clone(),
            networks,
        });
    }
    let all = nodes.iter().flatten().flat_map(|one| &one.addresses);
    let all = all.map(|(address, _)| *address);
    Surroundings {
        interfaces: common,
        nodes: all.filter(|address| !is_served(*address)).collect(),
        dhcp: dhcp.to_vec(),
    }
}
