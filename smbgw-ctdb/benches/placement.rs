//! What a prediction costs with 900 addresses on 5 nodes, beside what ctdb's own program takes.

#![allow(clippy::print_stdout)]

#[path = "../tests/takeover/mod.rs"]
mod takeover;

use std::hint::black_box;
use std::net::Ipv4Addr;
use std::path::Path;
use std::time::{Duration, Instant};

use criterion::Criterion;
use smbgw_ctdb::placement::{Algorithm, Known, Node, NodeFlags, Settings, predict};
use takeover::{Daemon, HELPER};

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

/// ctdb's program asks and tells over a socket as well. That is the same for its simplest algorithm, so what
/// it takes with that one is taken off.
fn compare(nodes: &[Node]) {
    if !Path::new(HELPER).exists() {
        println!("{HELPER} is missing, so nothing is compared with it");
        return;
    }
    let daemon = Daemon::new();
    let theirs = |algorithm| {
        let settings = Settings {
            algorithm,
            ..Settings::default()
        };
        let began = Instant::now();
        let run = daemon.take_over(nodes, &settings);
        let took = began.elapsed();
        assert_eq!((run.status, run.taken.len()), (0, ADDRESSES as usize));
        took
    };
    let theirs = theirs(Algorithm::Lcp2).saturating_sub(theirs(Algorithm::Deterministic));
    let began = Instant::now();
    black_box(predict(nodes, &Settings::default())).unwrap();
    let ours = began.elapsed().max(Duration::from_nanos(1));
    let times = theirs.as_secs_f64() / ours.as_secs_f64();
    println!("LCP2: ours {ours:.2?}, ctdb's {theirs:.2?}: {times:.0} times");
}
