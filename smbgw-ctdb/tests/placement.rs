//! The placement of addresses against the same algorithms written down plainly, and what holds for any of
//! them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use proptest::prelude::*;
use smbgw_ctdb::placement::{Algorithm, Node, Placement, Settings, predict};

mod cluster;
mod reference;

use reference::Problem;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn it_is_what_counting_everything_again_comes_to(
        (nodes, settings) in cluster::some(12)
    ) {
        let Ok(placement) = predict(&nodes, &settings) else {
            prop_assert!(!nodes.iter().any(|node| node.flags.is_active()));
            return Ok(());
        };
        let (addresses, problem) = problem(&nodes, &settings);
        let expected = match settings.algorithm {
            Algorithm::Lcp2 => problem.lcp2(),
            Algorithm::NonDeterministic => problem.non_deterministic(),
            Algorithm::Deterministic => problem.deterministic(),
        };
        for (address, node) in addresses.iter().zip(expected) {
            prop_assert_eq!(placement.of(*address), node.map(|node| node as u32), "{}", address);
        }
    }

    #[test]
    fn addresses_are_on_nodes_that_can_have_them((nodes, settings) in cluster::some(12)) {
        let Ok(placement) = predict(&nodes, &settings) else { return Ok(()) };
        let known = nodes.iter().flat_map(|node| &node.known);
        let known: BTreeSet<IpAddr> = known.map(|known| known.address).collect();
        let placed: Vec<IpAddr> = placement.addresses.iter().map(|one| one.address).collect();
        prop_assert_eq!(&placed, &known.into_iter().collect::<Vec<_>>(), "each once, in order");
        for one in &placement.addresses {
            let can = |node: &Node| offers(node, one.address);
            match one.to {
                Some(pnn) => prop_assert!(can(&nodes[pnn as usize]), "{:?}", one),
                None => prop_assert!(
                    settings.no_ip_takeover || !nodes.iter().any(can),
                    "{:?}", one
                ),
            }
        }
    }

    /// A node that LCP2 took everything from is a candidate in the next run, so it may take a few.
    #[test]
    fn a_cluster_that_is_left_alone_comes_to_rest((nodes, mut settings) in cluster::some(12)) {
        settings.rebalance.clear();
        if settings.algorithm == Algorithm::NonDeterministic {
            settings.no_ip_failback = true;
        }
        let Ok(mut placement) = predict(&nodes, &settings) else { return Ok(()) };
        let mut nodes = nodes;
        let mut runs = 0;
        loop {
            nodes = cluster::after(&nodes, &placement);
            placement = predict(&nodes, &settings).unwrap();
            if placement.moves().next().is_none() {
                break;
            }
            runs += 1;
            let is_lcp2 = settings.algorithm == Algorithm::Lcp2 && !settings.no_ip_failback;
            prop_assert!(is_lcp2 && runs < 100, "{:?}", placement);
        }
    }

    /// What ctdb promises of the two that even out: where every node can have every address, numbers
    /// differ by one at most.
    #[test]
    fn equal_nodes_get_equal_numbers(
        nodes in 1_u32..8, addresses in 1_u32..60, lcp2 in any::<bool>()
    ) {
        let algorithm = if lcp2 { Algorithm::Lcp2 } else { Algorithm::NonDeterministic };
        let settings = Settings { algorithm, ..Settings::default() };
        let nodes = cluster::equal(nodes, addresses);
        let counts = counts(nodes.len(), &predict(&nodes, &settings).unwrap());
        let (least, most) = (counts.iter().min().unwrap(), counts.iter().max().unwrap());
        prop_assert!(most - least <= 1, "{:?}", counts);
    }
}

fn counts(nodes: usize, placement: &Placement) -> Vec<u32> {
    let mut counts = vec![0; nodes];
    for pnn in placement.addresses.iter().filter_map(|placed| placed.to) {
        counts[pnn as usize] += 1;
    }
    counts
}

fn offers(node: &Node, address: IpAddr) -> bool {
    let mut known = node.known.iter();
    let has_it = known.any(|known| known.address == address && known.usable);
    node.flags.is_healthy() && node.running && has_it
}

/// The cluster as the plain algorithms take it, and its addresses in their order.
fn problem(nodes: &[Node], settings: &Settings) -> (Vec<IpAddr>, Problem) {
    let mut now: BTreeMap<u128, (IpAddr, Option<usize>)> = BTreeMap::new();
    for (pnn, node) in nodes
        .iter()
        .enumerate()
        .filter(|(_, node)| node.flags.is_connected())
    {
        for known in &node.known {
            let key = match known.address {
                IpAddr::V4(address) => address.to_bits().into(),
                IpAddr::V6(address) => address.to_bits(),
            };
            let entry = now.entry(key).or_insert((known.address, None));
            if known.held {
                entry.1 = Some(pnn);
            }
        }
    }
    let addresses: Vec<IpAddr> = now.values().rev().map(|(address, _)| *address).collect();
    let able = |address: &IpAddr| nodes.iter().map(|node| offers(node, *address)).collect();
    let problem = Problem {
        keys: now.keys().rev().copied().collect(),
        able: addresses.iter().map(able).collect(),
        now: now.values().rev().map(|(_, now)| *now).collect(),
        nodes: nodes.len(),
        failback: !settings.no_ip_failback,
        takeover: !settings.no_ip_takeover,
        rebalance: settings.rebalance.iter().map(|pnn| *pnn as usize).collect(),
    };
    (addresses, problem)
}
