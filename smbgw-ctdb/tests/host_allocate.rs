//! Addresses that are kept, by several machines at once, on a real link.

use std::thread;

use smbgw_core::change::Change;
use smbgw_core::error::Coded;
use smbgw_core::progress::Silent;
use smbgw_ctdb::allocate::{AllocateError, Allocated, Released, Wanted, allocate, release};
use smbgw_ctdb::node::Member;
use smbgw_ctdb::record::{ClusterRecord, Managed, RecordedNode};
use smbgw_ctdb::world::Cluster;
use smbgw_testing::{Capability, LightHost, Network, require};

mod reached;

use reached::{Reached, members, soon};

/// What works on the cluster from its first node, reaching those.
fn cluster<'a>(reached: &'a [Member<'a>]) -> Cluster<'a> {
    Cluster {
        coordinator: reached[0].host,
        members: reached,
        given_up: &[],
        progress: &Silent,
        deadline: soon(),
    }
}

fn keep(reached: &[Reached], holder: &str) -> Result<Allocated, AllocateError> {
    allocate(&cluster(&members(reached)), holder, &Wanted::Auto)
}

fn give_back(reached: &[Reached], holder: &str) -> Released {
    release(&cluster(&members(reached)), holder).unwrap()
}

fn record(nodes: &[Reached]) -> ClusterRecord {
    let node = |node: &Reached| RecordedNode {
        spec: node.spec.clone(),
        gone: false,
    };
    ClusterRecord {
        version: ClusterRecord::VERSION,
        name: "FILES".into(),
        nodes: nodes.iter().map(node).collect(),
        addresses: Vec::new(),
        pools: vec!["10.99.0.200-10.99.0.209/24%eth0".parse().unwrap()],
        reservations: Vec::new(),
        reservations_revision: 0,
        cluster_lock: None,
        shared_path: "/srv/shared".into(),
        dhcp_ranges: Vec::new(),
        objective: None,
        tunables: Vec::new(),
        managed: Managed::default(),
        since: 0,
    }
}

#[test]
fn nobody_gets_what_somebody_has() {
    require!(Capability::Root);
    let network = Network::start().unwrap();
    let on =
        |name: &str, number| LightHost::on(&network, name, Network::addresses(number)).unwrap();
    let hosts = [on("n0", 10), on("n1", 11), on("n2", 12)];
    let _stranger = on("printer", 200);
    let nodes = hosts.each_ref().map(Reached::new);
    let record = record(&nodes);
    for node in &nodes {
        record.store(&node.host).unwrap();
    }

    // Two at once, which reach different nodes; only one of them has all.
    let (one, two) = thread::scope(|scope| {
        let other = scope.spawn(|| keep(&nodes[1..], "share b"));
        (
            keep(&nodes, "share a").unwrap(),
            other.join().unwrap().unwrap(),
        )
    });
    let mut taken = [&one, &two].map(|kept| kept.address.to_string());
    taken.sort();
    assert_eq!(taken, ["10.99.0.201/24%eth0", "10.99.0.202/24%eth0"]);
    assert!(
        one.notes
            .iter()
            .any(|note| note.contains("10.99.0.200 is in use")),
        "{one:?}"
    );

    // The same again, also from a node that was away when it was written down.
    let again = keep(&nodes, "share b").unwrap();
    assert_eq!(
        (again.change, &again.address),
        (Change::Unchanged, &two.address)
    );
    let records = nodes
        .each_ref()
        .map(|node| ClusterRecord::load(&node.host).unwrap().unwrap());
    assert_eq!(records[0], records[1]);
    assert_eq!(records[0].reservations.len(), 2);

    // The last node is away while an address is given back, and brings nothing back.
    assert_eq!(
        give_back(&nodes[..2], "share a").address,
        Some(one.address.address())
    );
    assert_eq!(give_back(&nodes[..2], "share a").change, Change::Unchanged);
    let next = keep(&nodes[1..], "share c").unwrap();
    assert_eq!(next.address, one.address);

    let error = keep(&nodes[..1], "share d").unwrap_err();
    assert_eq!(error.code(), "ha.too-few-nodes");
    let this = Wanted::Address(two.address.clone());
    let error = allocate(&cluster(&members(&nodes)), "share d", &this).unwrap_err();
    assert_eq!(error.code(), "ha.address-kept");
    hosts[2].pull_cable().unwrap();
    let error = keep(&nodes, "share d").unwrap_err();
    assert_eq!(error.code(), "ha.address-not-checked");
    let kept = ClusterRecord::load(&nodes[0].host).unwrap().unwrap();
    assert!(kept.reservations.iter().all(|one| one.holder != "share d"));
}
