//! `kill -9` while nodes come and go, and while a cluster is taken apart: what `recover` leaves is the cluster as
//! it was, or all that was wanted.
//!
//! As long as ctdb knows nothing of it, undoing takes no time, and the process is killed at every fourth event, which
//! is every other step. After that each kill has ctdbds end and start, so there are few: where what is taken back is
//! of another kind, and where the most of it is.

mod machines;

use machines::{Machines, is_done, victim};
use smbgw_ctdb::membership::{add_node, remove_node};
use smbgw_ctdb::teardown::{Databases, teardown};
use smbgw_testing::cluster::Status;
use smbgw_testing::{Capability, LightHost, Picture, require};

#[test]
fn adding_a_node_survives_kills() {
    let test = "adding_a_node_survives_kills";
    if victim::play(|cluster, nodes| {
        is_done(add_node(cluster, &nodes[2]));
    }) {
        return;
    }
    require!(Capability::Ctdb, Capability::Samba);
    let (machines, client) = Machines::with_cluster(3, 2);
    // A number that ctdb was told stays taken, so these two change.
    let lasting = || {
        let mut each = settings(&machines, 2);
        for one in &mut each {
            one.forget("/etc/ctdb/nodes");
            one.forget("/etc/smbgw/cluster.json");
        }
        each
    };
    let before = lasting();
    let has_come = || machines.record(0).unwrap().present().count() == 3;
    let undone = |what: &str| {
        machines.is_as_it_was(2, what);
        are_the_same(&before, &lasting(), what);
        is_whole(&machines, &client, 2, what);
    };
    let is_told = || machines.record(0).unwrap().nodes.len() > 2;
    let quick = (1_usize..).step_by(4).take_while(|_| !is_told());
    let quick = quick.map(|number| number.to_string());
    let kills = victim::survive(&machines, test, quick, has_come, undone);
    assert!(kills > 6, "it was hardly killed");
    let slow = [
        "after: start ctdb on n2",
        "after: start smbd on n2",
        "after: write /etc/smbgw/cluster.json on n1",
        "decided",
    ];
    let slow = slow.map(str::to_owned);
    let kills = victim::survive(&machines, test, slow, has_come, undone);
    assert_eq!(kills, 4);
    is_whole(&machines, &client, 3, "the node was added");
}

#[test]
fn removing_a_node_survives_kills() {
    let test = "removing_a_node_survives_kills";
    if victim::play(|cluster, nodes| {
        is_done(remove_node(cluster, &nodes[2].name));
    }) {
        return;
    }
    require!(Capability::Ctdb, Capability::Samba);
    let (machines, client) = Machines::with_cluster(3, 3);
    let moments = [
        "after: have n2 give its addresses away",
        "after: have the cluster read its list of nodes",
        "after: remove /etc/smbgw/cluster.json on n2",
        // Behind the point of no return.
        "before: remove the databases of the cluster on n2",
    ];
    survives(&machines, &client, test, moments, || {
        machines.record(0).unwrap().present().count() == 2
    });
    let what = "the node was removed";
    machines.is_as_it_was(2, what);
    is_whole(&machines, &client, 2, what);
}

#[test]
fn taking_a_cluster_apart_survives_kills() {
    let test = "taking_a_cluster_apart_survives_kills";
    if victim::play(|cluster, _| {
        is_done(teardown(cluster, Databases::Remove));
    }) {
        return;
    }
    require!(Capability::Ctdb, Capability::Samba);
    let (machines, client) = Machines::with_cluster(2, 2);
    let moments = [
        "after: stop smbd on n0 until its settings are there",
        "after: stop ctdb on n0",
        "after: remove /etc/smbgw/cluster.json on n0",
        // Behind the point of no return: much is still to be done on the other node.
        "before: remove the databases of the cluster on n0",
    ];
    survives(&machines, &client, test, moments, || {
        machines.record(0).is_none()
    });
    machines.are_as_they_were("the cluster was taken apart");
}

/// Kills what `test` does with a cluster of all machines at these moments, and finds that cluster as it was, until
/// it `has_happened` after the last one.
fn survives<const N: usize>(
    machines: &Machines,
    client: &LightHost,
    test: &str,
    moments: [&str; N],
    has_happened: impl Fn() -> bool,
) {
    let count = machines.specs.len();
    let before = settings(machines, count);
    let moments = moments.map(str::to_owned);
    let kills = victim::survive(machines, test, moments, &has_happened, |what| {
        are_the_same(&before, &settings(machines, count), what);
        is_whole(machines, client, count, what);
    });
    assert_eq!(kills, N);
    assert!(has_happened());
}

/// How the first `count` machines are set up.
fn settings(machines: &Machines, count: usize) -> Vec<Picture> {
    (0..count).map(|node| machines.settings(node)).collect()
}

#[track_caller]
fn are_the_same(before: &[Picture], now: &[Picture], what: &str) {
    for (before, now) in before.iter().zip(now) {
        before.assert_same(now, what);
    }
}

/// Fails unless the first `count` machines are a cluster that is healthy, known to all of them alike, and serves the
/// user that it had.
#[track_caller]
fn is_whole(machines: &Machines, client: &LightHost, count: usize, what: &str) {
    let record = machines.record(0).unwrap();
    let numbers: Vec<u32> = record.present().map(|(pnn, _)| pnn).collect();
    assert_eq!(numbers.len(), count, "{what}");
    for node in 0..count {
        let seen = machines.lab.node(node);
        seen.wait_for("a healthy cluster", Status::is_healthy)
            .unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(machines.numbers(node), numbers, "{what}");
        assert_eq!(machines.record(node).as_ref(), Some(&record), "{what}");
    }
    machines.serve(client);
}
