//! What a prediction costs with 900 addresses on 5 nodes, beside the same counted again each time, as ctdb
//! does it.

#![allow(clippy::print_stdout)]

#[allow(dead_code, reason = "the other algorithms are for tests")]
#[path = "../tests/reference/mod.rs"]
mod reference;

use std::hint::black_box;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use criterion::Criterion;
use reference::Problem;
use smbgw_ctdb::placement::{Algorithm, Known, Node, NodeFlags, Settings, predict};

const NODES: usize = 5;
const ADDRESSES: u32 = 900;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let from_nothing = cluster();
    let mut after_loss = from_nothing.clone();
    let placement = predict(&from_nothing, &Settings::default()).unwrap();
    for (node, pnn) in after_loss.iter_mut().zip(0..) {
        for known in &mut node.known {
            known.held = placement.of(known.address) == Some(pnn);
        }
    }
    after_loss[1].flags = NodeFlags::DISCONNECTED;

    for algorithm in [
        Algorithm::Lcp2,
        Algorithm::NonDeterministic,
        Algorithm::Deterministic,
    ] {
        let settings = Settings {
            algorithm,
            ..Settings::default()
        };
        for (name, nodes) in [
            ("from nothing", &from_nothing),
            ("a node lost", &after_loss),
        ] {
            criterion.bench_function(&format!("{algorithm:?}, {name}"), |bencher| {
                bencher.iter(|| predict(black_box(nodes), &settings));
            });
        }
    }
    criterion.final_summary();
    compare(&from_nothing);
}

/// Every node may have every address.
fn cluster() -> Vec<Node> {
    let base = Ipv4Addr::new(10, 0, 0, 1).to_bits();
    let addresses = (0..ADDRESSES).map(|at| Known::new(Ipv4Addr::from_bits(base + at), false));
    vec![Node::healthy(addresses.collect()); NODES]
}

fn compare(nodes: &[Node]) {
    let began = Instant::now();
    let ours = predict(nodes, &Settings::default()).unwrap();
    let took = began.elapsed();

    let known = nodes[0].known.iter().rev();
    let keys: Vec<u128> = known
        .map(|known| match known.address {
            std::net::IpAddr::V4(address) => address.to_bits().into(),
            std::net::IpAddr::V6(address) => address.to_bits(),
        })
        .collect();
    let problem = Problem {
        able: vec![vec![true; NODES]; keys.len()],
        now: vec![None; keys.len()],
        keys,
        nodes: NODES,
        failback: true,
        takeover: true,
        rebalance: Vec::new(),
    };
    let began = Instant::now();
    let theirs = black_box(problem.lcp2());
    let took_counting = began.elapsed();
    let ours: Vec<_> = ours
        .addresses
        .iter()
        .rev()
        .map(|placed| placed.to)
        .collect();
    let theirs: Vec<_> = theirs
        .iter()
        .map(|node| node.map(|node| node as u32))
        .collect();
    assert_eq!(ours, theirs);
    let times = took_counting.as_secs_f64() / took.max(Duration::from_nanos(1)).as_secs_f64();
    println!(
        "LCP2, {ADDRESSES} addresses, {NODES} nodes: {took:.2?}, counted again {took_counting:.2?}: {times:.0} times"
    );
}
