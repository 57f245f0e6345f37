//! The placement of addresses against ctdb's own.

use std::collections::BTreeMap;

use proptest::prelude::ProptestConfig;
use proptest::test_runner::TestRunner;
use smbgw_ctdb::placement::{Node, Settings, predict};
use smbgw_testing::{Capability, require};

mod cluster;
mod takeover;

use takeover::Daemon;

#[test]
fn any_cluster_is_placed_as_ctdb_does_it() {
    require!(Capability::Ctdb);
    let daemon = Daemon::new();
    let mut runner = TestRunner::new(ProptestConfig::with_cases(1000));
    let all = runner.run(&cluster::some(40), |(nodes, settings)| {
        compare(&daemon, &nodes, &settings);
        Ok(())
    });
    all.unwrap();
}

/// So many neighbours on one node cost more than 2³², which ctdb does not notice.
#[test]
fn sums_that_overflow_are_placed_as_ctdb_does_it() {
    require!(Capability::Ctdb);
    let daemon = Daemon::new();
    let settings = Settings::default();
    for count in [2, 3] {
        let mut nodes = cluster::equal(count, 900);
        for known in &mut nodes[1].known {
            known.held = true;
        }
        compare(&daemon, &nodes, &settings);
    }
}

/// Fails unless the prediction for a cluster is where the helper sends its addresses.
#[track_caller]
fn compare(daemon: &Daemon, nodes: &[Node], settings: &Settings) {
    let run = daemon.take_over(nodes, settings);
    match predict(nodes, settings) {
        Err(_) => assert_ne!(
            run.status, 0,
            "ctdb places addresses though no node is active"
        ),
        Ok(placement) => {
            assert_eq!(run.status, 0, "the helper failed");
            let to = placement.addresses.iter();
            let to = to.filter_map(|placed| Some((placed.address, placed.to?)));
            let to: BTreeMap<_, _> = to.collect();
            assert_eq!(to, run.taken, "ours, theirs: {nodes:#?} {settings:#?}");
        }
    }
}
