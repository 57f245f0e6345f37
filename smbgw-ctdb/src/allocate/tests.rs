//! Addresses that are looked for, with a link that is made up.

use smbgw_core::error::Coded;

use super::*;
use crate::conflict::{ConflictError, Holder, Mac, NodeInterface};
use crate::record::{Managed, RecordedNode, Reservation};

fn record() -> ClusterRecord {
    let node = |name: &str, address: &str| RecordedNode {
        spec: crate::node::NodeSpec {
            name: name.parse().unwrap(),
            address: address.parse().unwrap(),
            reach: "local".parse().unwrap(),
        },
        gone: false,
    };
    ClusterRecord {
        version: ClusterRecord::VERSION,
        name: "FILES".into(),
        nodes: vec![node("n0", "10.0.0.1"), node("n1", "10.0.0.2")],
        addresses: vec!["10.0.0.100/24%eth0".parse().unwrap()],
        pools: vec!["10.0.0.100-10.0.0.109/24%eth0".parse().unwrap()],
        reservations: vec![Reservation {
            address: "10.0.0.101".parse().unwrap(),
            holder: "share media".into(),
            since: 0,
            served: false,
        }],
        reservations_revision: 1,
        cluster_lock: None,
        shared_path: "/srv".into(),
        dhcp_ranges: vec!["10.0.0.102-10.0.0.102".parse().unwrap()],
        objective: None,
        tunables: Vec::new(),
        managed: Managed::default(),
        since: 0,
    }
}

fn on(name: &str, addresses: &[&str]) -> NodeInterface {
    let network = |text: &&str| {
        let address: VirtualAddress = text.parse().unwrap();
        (address.address(), address.network())
    };
    NodeInterface {
        name: name.parse().unwrap(),
        mac: None,
        has_link: true,
        addresses: addresses.iter().map(network).collect(),
    }
}

fn surroundings() -> Surroundings {
    let nodes = [
        vec![
            on("eth0", &["10.0.0.1/24", "10.0.0.100/24"]),
            on("eth1", &["10.7.0.1/24"]),
        ],
        vec![on("eth0", &["10.0.0.2/24", "10.0.0.103/24"])],
    ];
    in_common(&nodes, &record().addresses, &record().dhcp_ranges)
}

fn find(
    record: &ClusterRecord,
    wanted: &Wanted,
    check: &dyn Fn(&VirtualAddress) -> Option<ConflictError>,
) -> Result<String, AllocateError> {
    let check = |all: &[VirtualAddress]| all.iter().filter_map(check).collect();
    let mut search = Search {
        record,
        choice: Choice {
            surroundings: &surroundings(),
            check: &check,
            notes: Vec::new(),
        },
    };
    search.find(wanted).map(|address| address.to_string())
}

fn held(address: &VirtualAddress) -> ConflictError {
    let holder = Holder {
        mac: Some(Mac([2, 0, 0, 0, 0, 9])),
        node: None,
        interface: None,
        sign: None,
        heard_by: Vec::new(),
    };
    ConflictError::Held {
        address: address.address(),
        by: vec![holder],
    }
}

fn code(result: Result<String, AllocateError>) -> &'static str {
    result.unwrap_err().code()
}

#[test]
fn what_nodes_have_in_common_is_where_addresses_can_be() {
    let found = surroundings();
    assert_eq!(found.interfaces.len(), 1);
    assert_eq!(found.interfaces[0].networks.len(), 1);
    let own = ["10.0.0.1", "10.7.0.1", "10.0.0.2", "10.0.0.103"];
    assert_eq!(found.nodes, own.map(|text| text.parse::<IpAddr>().unwrap()));
}

#[test]
fn the_lowest_one_is_taken_that_nobody_has() {
    let record = record();
    // Served, kept, in the range of a DHCP server, a node's own.
    let free = find(&record, &Wanted::Auto, &|_| None).unwrap();
    assert_eq!(free, "10.0.0.104/24%eth0");
    let last = |address: &VirtualAddress| address.to_string().starts_with("10.0.0.109");
    let but_last = |address: &VirtualAddress| (!last(address)).then(|| held(address));
    let pool = Wanted::Pool(record.pools[0].clone());
    assert_eq!(
        find(&record, &pool, &but_last).unwrap(),
        "10.0.0.109/24%eth0"
    );
    let all = |address: &VirtualAddress| Some(held(address));
    assert_eq!(
        code(find(&record, &Wanted::Auto, &all)),
        "ha.pool-exhausted"
    );
}

#[test]
fn what_could_not_be_asked_is_not_taken() {
    let unknown = |address: &VirtualAddress| {
        Some(ConflictError::NotChecked {
            address: address.address(),
            node: "n1".parse().unwrap(),
            why: "eth0 has no link".into(),
        })
    };
    let record = record();
    assert_eq!(
        code(find(&record, &Wanted::Auto, &unknown)),
        "ha.address-not-checked"
    );
    let this = Wanted::Address("10.0.0.50/24%eth0".parse().unwrap());
    assert_eq!(
        code(find(&record, &this, &unknown)),
        "ha.address-not-checked"
    );
}

#[test]
fn one_that_is_asked_for_is_taken_or_refused() {
    let mut record = record();
    let this = |text: &str| Wanted::Address(text.parse().unwrap());
    let find_it = |record: &ClusterRecord, text: &str| find(record, &this(text), &|_| None);
    assert_eq!(find_it(&record, "10.0.0.50/24").unwrap(), "10.0.0.50/24");
    // It is in use by the cluster itself.
    let in_use = |address: &VirtualAddress| Some(held(address));
    let served = find(&record, &this("10.0.0.100/24"), &in_use).unwrap();
    assert_eq!(served, "10.0.0.100/24%eth0");
    assert_eq!(code(find_it(&record, "10.0.0.101/24")), "ha.address-kept");
    assert_eq!(
        code(find_it(&record, "10.0.0.103/24")),
        "ha.address-of-a-node"
    );
    assert_eq!(
        code(find_it(&record, "10.9.0.103/24")),
        "ha.address-outside-network"
    );

    record.pools.clear();
    assert_eq!(
        find(&record, &Wanted::Auto, &in_use).unwrap(),
        "10.0.0.100/24%eth0"
    );
    record.reservations[0].address = record.addresses[0].address();
    assert_eq!(code(find(&record, &Wanted::Auto, &in_use)), "ha.no-pool");
}

#[test]
fn what_is_kept_is_found_again_as_it_was() {
    let whole = |text: &str| whole(text.parse().unwrap(), &record(), &surroundings());
    for text in ["10.0.0.100", "10.0.0.105", "10.0.0.50"] {
        assert_eq!(whole(text).unwrap().to_string(), format!("{text}/24%eth0"));
    }
    assert_eq!(
        whole("10.9.0.1").unwrap_err().code(),
        "ha.address-outside-network"
    );
}

#[test]
fn as_many_as_are_wanted_are_taken_from_one_pool_after_the_other() {
    let pools = ["10.0.0.102-10.0.0.106/24%eth0", "10.0.0.110-10.0.0.111/24"];
    let pools = pools.map(|text| text.parse::<Pool>().unwrap());
    let asked = std::cell::Cell::new(0);
    let check = |all: &[VirtualAddress]| {
        asked.set(asked.get() + 1);
        let is_held = |one: &&VirtualAddress| one.to_string().starts_with("10.0.0.105");
        all.iter().filter(is_held).map(held).collect()
    };
    let choose = |taken: &[&str], count| {
        let taken: Vec<IpAddr> = taken.iter().map(|text| text.parse().unwrap()).collect();
        let mut choice = Choice {
            surroundings: &surroundings(),
            check: &check,
            notes: Vec::new(),
        };
        let chosen = choice.of_pools(&pools, &taken, count);
        let texts = chosen.map(|all| all.iter().map(ToString::to_string).collect::<Vec<_>>());
        (texts, choice.notes)
    };
    // In the range of a DHCP server, a node's own; one is somebody else's, and one is taken.
    let (chosen, notes) = choose(&["10.0.0.106"], 2);
    assert_eq!(chosen.unwrap(), ["10.0.0.104/24%eth0", "10.0.0.110/24"]);
    assert_eq!(asked.get(), 2, "each pool is asked for once");
    assert!(
        notes.len() == 1 && notes[0].contains("10.0.0.105"),
        "{notes:?}"
    );
    let (chosen, _) = choose(&[], 4);
    assert_eq!(chosen.unwrap().len(), 4);
    let (none, _) = choose(&[], 5);
    assert_eq!(none.unwrap_err().code(), "ha.pool-exhausted");
    assert_eq!(choose(&[], 0).0.unwrap(), [""; 0]);
}
