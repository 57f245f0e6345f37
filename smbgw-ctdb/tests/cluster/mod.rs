//! Clusters of any kind, for property tests.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::collection::vec;
use proptest::prelude::*;
use smbgw_ctdb::placement::{Algorithm, Known, Node, NodeFlags, Placement, Settings};

/// A cluster of up to five nodes with up to `addresses` addresses, and settings.
pub(crate) fn some(addresses: usize) -> impl Strategy<Value = (Vec<Node>, Settings)> {
    let cluster = (1_usize..=5, vec(address(), 0..=addresses)).prop_flat_map(|(nodes, mut all)| {
        all.sort_unstable();
        all.dedup();
        vec(node(all), nodes)
    });
    (cluster, settings())
}

/// Nodes that can all have the same addresses, in neighbouring ranges, and have none.
pub(crate) fn equal(nodes: u32, addresses: u32) -> Vec<Node> {
    let base = Ipv4Addr::new(192, 168, 7, 200).to_bits();
    let known = (0..addresses).map(|at| Known::new(Ipv4Addr::from_bits(base + at), false));
    (0..nodes)
        .map(|_| Node::healthy(known.clone().collect()))
        .collect()
}

/// The nodes after the addresses have moved.
pub(crate) fn after(nodes: &[Node], placement: &Placement) -> Vec<Node> {
    let mut nodes = nodes.to_vec();
    for (node, pnn) in nodes.iter_mut().zip(0..) {
        for known in &mut node.known {
            known.held = placement.of(known.address) == Some(pnn);
        }
    }
    nodes
}

fn address() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        // Few, so that they are neighbours of each other.
        8 => (0_u8..3, any::<u8>()).prop_map(|(net, last)| Ipv4Addr::new(10, 0, net, last).into()),
        1 => any::<u32>().prop_map(|bits| Ipv4Addr::from_bits(bits).into()),
        3 => (0_u16..2, any::<u16>())
            .prop_map(|(net, last)| Ipv6Addr::new(0xfd00, net, 0, 0, 0, 0, 0, last).into()),
        1 => any::<u128>().prop_map(|bits| Ipv6Addr::from_bits(bits | (1 << 126)).into()),
    ]
}

fn node(addresses: Vec<IpAddr>) -> impl Strategy<Value = Node> {
    let flags = prop_oneof![
        6 => Just(NodeFlags::HEALTHY),
        1 => (0_u32..0x40).prop_map(NodeFlags::from_bits),
    ];
    let running = prop::bool::weighted(0.9);
    let known = addresses.into_iter().map(|address| {
        let each = (
            prop::bool::weighted(0.85),
            prop::bool::weighted(0.9),
            prop::bool::weighted(0.3),
        );
        each.prop_map(move |(is_known, usable, held)| {
            is_known.then_some(Known {
                address,
                usable,
                held,
            })
        })
    });
    let known = known.collect::<Vec<_>>();
    (flags, running, known).prop_map(|(flags, running, known)| Node {
        flags,
        running,
        known: known.into_iter().flatten().collect(),
    })
}

fn settings() -> impl Strategy<Value = Settings> {
    let algorithm = (0_u32..4).prop_map(Algorithm::from_tunable);
    let rare = || prop::bool::weighted(0.15);
    (
        algorithm,
        rare(),
        rare(),
        prop_oneof![3 => Just(vec![]), 1 => vec(0_u32..7, 1..3)],
    )
        .prop_map(
            |(algorithm, no_ip_failback, no_ip_takeover, rebalance)| Settings {
                algorithm,
                no_ip_failback,
                no_ip_takeover,
                rebalance,
            },
        )
}
