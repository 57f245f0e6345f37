//! `kill -9` at every step of making a cluster: what `recover` leaves is machines as they were, or a whole
//! cluster.

mod machines;

use machines::{Machines, is_done, request, victim};
use smbgw_ctdb::setup::setup;
use smbgw_testing::cluster::Settings;
use smbgw_testing::{Capability, require};

/// More events than making a cluster has.
const MOST: usize = 300;

#[test]
fn making_a_cluster_survives_kills_at_every_other_step() {
    survive("making_a_cluster_survives_kills_at_every_other_step", 1);
}

#[test]
fn making_a_cluster_survives_kills_at_the_steps_between() {
    survive("making_a_cluster_survives_kills_at_the_steps_between", 2);
}

/// Kills at every second event from the first on, so that two tests share the work.
fn survive(test: &str, first: usize) {
    let addresses = victim::numbered(Settings::default().addresses);
    if victim::play(|cluster, nodes| {
        is_done(setup(cluster, &request(nodes, &addresses)));
    }) {
        return;
    }
    require!(Capability::Ctdb, Capability::Samba);
    let machines = Machines::start(2);
    assert_eq!(machines.lab.addresses(), addresses);
    let is_set_up = || (0..2).all(|node| machines.record(node).is_some());
    let kills = victim::survive(
        &machines,
        test,
        (first..MOST).step_by(2).map(|number| number.to_string()),
        is_set_up,
        |what| machines.are_as_they_were(what),
    );
    assert!(is_set_up(), "it never gets to its end");
    machines.lab.node(0).ctdb(&["status"]).unwrap();
    assert!(kills > 20, "it was hardly killed");
}
