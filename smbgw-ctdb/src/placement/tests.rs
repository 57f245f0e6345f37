//! The rules, one by one. That all of it together is what ctdb does is shown in `tests/`.

use std::net::{IpAddr, Ipv4Addr};

use smbgw_core::error::Coded;

use super::*;

fn address(last: u8) -> IpAddr {
    Ipv4Addr::new(10, 0, 0, last).into()
}

/// Nodes that may each have all of `addresses` and have none.
fn nodes(count: usize, addresses: impl Iterator<Item = u8> + Clone) -> Vec<Node> {
    let known = || {
        addresses
            .clone()
            .map(|last| Known::new(address(last), false))
    };
    (0..count)
        .map(|_| Node::healthy(known().collect()))
        .collect()
}

/// The nodes after a run.
fn settled(nodes: &[Node], settings: &Settings) -> Vec<Node> {
    let placement = predict(nodes, settings).unwrap();
    let mut nodes = nodes.to_vec();
    for (node, pnn) in nodes.iter_mut().zip(0..) {
        for known in &mut node.known {
            known.held = placement.of(known.address) == Some(pnn);
        }
    }
    nodes
}

fn with(algorithm: Algorithm) -> Settings {
    Settings {
        algorithm,
        ..Settings::default()
    }
}

const ALL: [Algorithm; 3] = [
    Algorithm::Deterministic,
    Algorithm::NonDeterministic,
    Algorithm::Lcp2,
];

#[test]
fn an_address_has_its_home_by_its_place_from_the_highest_down() {
    let settings = with(Algorithm::Deterministic);
    let placement = predict(&nodes(3, 1..=5), &settings).unwrap();
    let to: Vec<_> = placement
        .addresses
        .iter()
        .map(|placed| placed.to.unwrap())
        .collect();
    assert_eq!(to, [1, 0, 2, 1, 0]);
}

#[test]
fn a_node_that_comes_back_gets_its_share_only_where_failback_is_wanted() {
    for algorithm in [Algorithm::NonDeterministic, Algorithm::Lcp2] {
        let mut settings = with(algorithm);
        let mut cluster = nodes(2, 1..=4);
        cluster[1].flags = NodeFlags::STOPPED;
        let mut cluster = settled(&cluster, &settings);
        cluster[1].flags = NodeFlags::HEALTHY;
        let moved = |settings: &Settings| predict(&cluster, settings).unwrap().moves().count();
        assert_eq!(moved(&settings), 2, "{algorithm:?}");
        settings.no_ip_failback = true;
        assert_eq!(moved(&settings), 0, "{algorithm:?}");
    }
}

#[test]
fn a_disabled_node_serves_nothing_even_where_all_are_disabled() {
    for algorithm in ALL {
        let mut cluster = nodes(3, 1..=3);
        cluster[0].flags = NodeFlags::DISABLED;
        cluster[1].flags = NodeFlags::UNHEALTHY;
        let to = |cluster: &[Node]| {
            let placement = predict(cluster, &with(algorithm)).unwrap();
            let to = placement.addresses.iter().map(|placed| placed.to);
            to.collect::<Vec<_>>()
        };
        assert_eq!(to(&cluster), [Some(2); 3], "{algorithm:?}");
        cluster[2].flags = NodeFlags::UNHEALTHY;
        assert_eq!(to(&cluster), [None; 3], "{algorithm:?}");
    }
}

#[test]
fn a_node_that_does_not_run_yet_or_has_no_link_gets_nothing() {
    for algorithm in ALL {
        let mut cluster = nodes(3, 1..=6);
        cluster[0].running = false;
        cluster[1].known[5].usable = false;
        let placement = predict(&cluster, &with(algorithm)).unwrap();
        assert!(
            placement
                .addresses
                .iter()
                .all(|placed| placed.to != Some(0))
        );
        assert_eq!(placement.of(address(6)), Some(2), "{algorithm:?}");
    }
}

#[test]
fn without_takeover_an_address_that_lost_its_node_stays_nowhere() {
    let settings = Settings {
        no_ip_takeover: true,
        ..Settings::default()
    };
    let mut cluster = settled(&nodes(2, 1..=2), &Settings::default());
    cluster[0].flags = NodeFlags::DISABLED;
    let placement = predict(&cluster, &settings).unwrap();
    let lost: Vec<_> = placement
        .moves()
        .map(|placed| (placed.from, placed.to))
        .collect();
    assert_eq!(lost, [(Some(0), None)]);
}

#[test]
fn a_node_that_has_addresses_gets_more_for_balance_only_where_asked() {
    let mut cluster = nodes(2, 1..=8);
    for (at, known) in cluster[0].known.iter_mut().enumerate() {
        known.held = at < 7;
    }
    cluster[1].known[7].held = true;
    let mut settings = Settings::default();
    assert_eq!(predict(&cluster, &settings).unwrap().moves().count(), 0);
    settings.rebalance = vec![1, 99];
    assert!(predict(&cluster, &settings).unwrap().moves().count() >= 2);
}

#[test]
fn an_address_that_two_nodes_claim_is_that_of_the_higher_one() {
    let mut cluster = nodes(3, 1..=1);
    cluster[0].known[0].held = true;
    cluster[1].known[0].held = true;
    let placed = predict(&cluster, &Settings::default()).unwrap().addresses[0];
    assert_eq!((placed.from, placed.to), (Some(1), Some(1)));
}

#[test]
fn what_only_a_dead_node_knows_goes_nowhere() {
    let mut cluster = nodes(2, 1..=1);
    cluster[1].known.push(Known::new(address(9), true));
    cluster[1].flags = NodeFlags::DISCONNECTED;
    let placement = predict(&cluster, &Settings::default()).unwrap();
    assert_eq!(placement.of(address(1)), Some(0));
    let gone = placement.addresses[1];
    assert_eq!(
        (gone.address, gone.from, gone.to),
        (address(9), Some(1), None)
    );
}

#[test]
fn a_second_run_moves_nothing() {
    for algorithm in ALL {
        let mut cluster = nodes(4, 1..=21);
        cluster[2].flags = NodeFlags::BANNED;
        let settings = with(algorithm);
        let cluster = settled(&cluster, &settings);
        assert_eq!(predict(&cluster, &settings).unwrap().moves().count(), 0);
    }
}

#[test]
fn errors_tell_what_to_do() {
    let mut cluster = nodes(2, 1..=1);
    cluster[1]
        .known
        .push(Known::new([0, 0, 0, 0, 0, 0, 0x0a00, 1], false));
    let error = predict(&cluster, &Settings::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "ctdb takes the addresses 10.0.0.1 and ::a00:1 for one"
    );
    assert_eq!(error.code(), "ha.addresses-alike");
    for node in &mut cluster {
        node.flags = NodeFlags::STOPPED;
    }
    let error = predict(&cluster, &Settings::default()).unwrap_err();
    assert_eq!(error, PlacementError::NoActiveNode { nodes: 2 });
    assert!(error.remedy().unwrap().contains("ctdb continue"));
}

#[test]
fn the_tunable_selects_the_algorithm() {
    let all = [0, 1, 2, 3].map(Algorithm::from_tunable);
    assert_eq!(all[..3], ALL);
    assert_eq!(all[3], Algorithm::Lcp2);
}
