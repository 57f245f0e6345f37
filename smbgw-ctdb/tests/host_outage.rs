//! What becomes of addresses in outages that ctdb sees in part only.

mod watched;

use std::collections::BTreeSet;
use std::fs;
use std::net::IpAddr;
use std::time::Duration;

use smbgw_core::deadline::Deadline;
use smbgw_core::error::Coded;
use smbgw_ctdb::address::VirtualAddress;
use smbgw_ctdb::conflict::{Pace, holders};
use smbgw_ctdb::members::Members;
use smbgw_ctdb::placement::{self, Known, NodeFlags, predict};
use smbgw_testing::cluster::{Settings, Status};
use smbgw_testing::{Capability, Cluster, require, wait_until};

/// How long a change may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

fn cluster(addresses: usize) -> Cluster {
    let mut settings = Settings {
        addresses,
        file_server: false,
        ..Settings::default()
    };
    // Two minutes if nobody says otherwise; time enough to see what is wrong before.
    let drop_all = ("RecoveryDropAllIPs".to_owned(), 45);
    settings.tunables.push(drop_all);
    let cluster = Cluster::start(3, settings).unwrap();
    spread(&cluster);
    cluster
}

/// Waits until every node has as many addresses as the others.
fn spread(cluster: &Cluster) -> Status {
    let each = cluster.addresses().len() / 3;
    cluster
        .wait_for("addresses on all nodes", |status| {
            (0..3).all(|node| status.addresses_of(node).len() == each)
        })
        .unwrap()
}

/// The virtual addresses that the interfaces of nodes really have, each with the number of the node.
fn on_interfaces(cluster: &Cluster) -> Vec<(IpAddr, usize)> {
    let virtual_addresses: BTreeSet<IpAddr> = cluster.addresses().into_iter().collect();
    let mut found = Vec::new();
    for node in cluster.nodes() {
        let there = node.interface_addresses().unwrap();
        let ours = there
            .into_iter()
            .filter(|address| virtual_addresses.contains(address));
        found.extend(ours.map(|address| (address, node.number())));
    }
    found.sort_unstable();
    found
}

/// Where the addresses go when one node is lost, as it is predicted.
fn predicted(cluster: &Cluster, status: &Status, lost: usize) -> Vec<(IpAddr, usize)> {
    let node = |number: usize| {
        let known = |address: &IpAddr| {
            let holder = status.addresses[address];
            Known::new(*address, holder == Some(number))
        };
        let mut node = placement::Node::healthy(cluster.addresses().iter().map(known).collect());
        if number == lost {
            node.flags = NodeFlags::DISCONNECTED;
        }
        node
    };
    let nodes: Vec<placement::Node> = (0..3).map(node).collect();
    let placement = predict(&nodes, &placement::Settings::default()).unwrap();
    let of = |address: IpAddr| {
        let pnn = placement.of(address).expect("a node has it");
        (address, usize::try_from(pnn).unwrap())
    };
    cluster.addresses().into_iter().map(of).collect()
}

#[test]
fn all_addresses_of_a_dead_node_go_where_it_was_predicted() {
    require!(Capability::Ctdb);
    let cluster = cluster(6);
    let status = spread(&cluster);
    let lost = (cluster.leader().unwrap() + 1) % 3;
    let predicted = predicted(&cluster, &status, lost);
    cluster.node(lost).power_off().unwrap();
    // ctdb calls an address a node's when it has told the node to take it.
    wait_until(PATIENCE, "its addresses to be elsewhere", || {
        (on_interfaces(&cluster) == predicted).then_some(())
    })
    .unwrap_or_else(|error| panic!("{error}: {predicted:?}, not {:?}", on_interfaces(&cluster)));
}

#[test]
fn a_node_that_sees_no_other_gives_its_addresses_up() {
    require!(Capability::Ctdb);
    let cluster = cluster(3);
    let before = spread(&cluster);
    let lost = (cluster.leader().unwrap() + 1) % 3;
    cluster.node(lost).lose_sight().unwrap();
    // The others have the lock, and go on without it.
    cluster
        .wait_for("the others to have all addresses", |status| {
            status.nodes[lost].has("Disconnected")
                && status.addresses_of(lost).is_empty()
                && status.addresses.values().all(Option::is_some)
        })
        .unwrap();
    // It cannot take the lock, stays without a leader, and keeps its address for now: two nodes answer.
    let specs = watched::specs(&cluster);
    let nodes = Members::open(&specs);
    let members = nodes.all().unwrap();
    let on_eth0 = |address: &IpAddr| format!("{address}/24%eth0").parse().unwrap();
    let addresses: Vec<VirtualAddress> = cluster.addresses().iter().map(on_eth0).collect();
    let deadline = || Deadline::after(Duration::from_secs(60));
    let seen = holders(&members, &addresses, Pace::Quick, deadline());
    let doubled: Vec<IpAddr> = before.addresses_of(lost);
    assert_eq!(doubled.len(), 1);
    for holding in &seen {
        assert_eq!(holding.unseen, [], "{holding:?}");
        let is_doubled = holding.address == doubled[0];
        assert_eq!(
            holding.holders.len(),
            if is_doubled { 2 } else { 1 },
            "{holding:?}"
        );
        let code = holding.problem().map(|problem| problem.code());
        assert_eq!(code, is_doubled.then_some("ha.address-on-two-nodes"));
    }
    cluster.node(lost).leader().unwrap_err();

    // It lets go of it when that time has passed.
    let alone = cluster
        .node(lost)
        .wait_for("the lonely node to have no address", |status| {
            status.addresses_of(lost).is_empty()
        })
        .unwrap();
    assert!(alone.nodes[lost].is_healthy(), "{alone:?}");
    for holding in holders(&members, &addresses, Pace::Quick, deadline()) {
        assert_eq!(holding.problem().map(|problem| problem.to_string()), None);
        assert_eq!(holding.holders.len(), 1, "{holding:?}");
    }
    assert!(
        on_interfaces(&cluster)
            .iter()
            .all(|(_, node)| *node != lost)
    );

    cluster.node(lost).regain_sight().unwrap();
    cluster.wait_until_healthy().unwrap();
    spread(&cluster);
}

#[test]
fn a_cluster_survives_the_loss_of_the_file_of_its_lock() {
    require!(Capability::Ctdb);
    let cluster = cluster(3);
    let before = spread(&cluster);
    let lock = cluster.shared().join(".ctdb/lock");
    fs::remove_file(&lock).unwrap();
    // Whoever leads notices within seconds, and a leader takes a new one.
    wait_until(PATIENCE, "a new lock", || lock.exists().then_some(())).unwrap();
    cluster.wait_until_healthy().unwrap();
    assert_eq!(spread(&cluster).nodes, before.nodes);
    cluster.leader().unwrap();
}
