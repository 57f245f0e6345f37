//! Clusters that are told of, and where their addresses go.

use smbgw_core::error::Coded;

use super::*;
use crate::ctl::RunState;
use crate::placement::Settings;
use crate::status::{AddressStatus, ClusterStatus, NodeState, NodeStatus, RecoveryMode};

fn node(number: u32, flags: NodeFlags) -> NodeStatus {
    NodeStatus {
        number,
        address: IpAddr::from([10, 0, 0, number as u8 + 1]),
        name: Some(format!("n{number}").parse().unwrap()),
        flags,
        states: NodeState::of(flags),
        run_state: flags.is_connected().then_some(RunState::Running),
        ban_seconds: None,
        recovering_since_seconds: None,
        lag_microseconds: None,
        capabilities: None,
        started_at_seconds: None,
        last_recovery: None,
        version: None,
        scripts: None,
        unseen: None,
    }
}

fn address(last: u8, on: Option<u32>, configured_on: &[u32]) -> AddressStatus {
    AddressStatus {
        address: IpAddr::from([10, 0, 0, last]),
        node: on,
        claimed_by: on.into_iter().collect(),
        seen_on: None,
        configured_on: configured_on.to_vec(),
        available_on: configured_on.to_vec(),
    }
}

/// Nodes 0 and 1, the former node 2, and node 3, which is disabled.
fn live() -> Live {
    let status = ClusterStatus {
        read_at_seconds: 0,
        seen_by: 0,
        nodes: vec![
            node(0, NodeFlags::HEALTHY),
            node(1, NodeFlags::HEALTHY),
            node(3, NodeFlags::DISABLED),
        ],
        leader: Some(0),
        recovery_mode: RecoveryMode::Normal,
        generation: Some(1),
        members: vec![0, 1, 3],
        addresses: vec![
            address(100, Some(0), &[0, 1, 3]),
            address(101, Some(1), &[0, 1, 3]),
            address(102, Some(1), &[1]),
        ],
        cluster_lock: None,
        databases: Vec::new(),
        findings: Vec::new(),
    };
    Live::new(&status, Settings::default(), 4, Vec::new())
}

fn last(address: IpAddr) -> u8 {
    let IpAddr::V4(address) = address else {
        panic!("{address}");
    };
    address.octets()[3]
}

#[test]
fn what_only_one_node_may_have_is_nowhere_without_it() {
    let without = vec![1];
    let what = What {
        without,
        with: Vec::new(),
    };
    let forecast = live().forecast(&what).unwrap();
    let moves: Vec<_> = forecast
        .moves()
        .map(|one| (last(one.address), one.to))
        .collect();
    assert_eq!(moves, [(101, Some(0)), (102, None)]);
    assert_eq!(
        forecast
            .nowhere
            .iter()
            .map(|one| last(*one))
            .collect::<Vec<_>>(),
        [102]
    );
    let loads: Vec<_> = forecast
        .nodes
        .iter()
        .map(|one| (one.number, one.serves, one.now, one.then))
        .collect();
    assert_eq!(loads, [(0, true, 1, 2), (1, false, 2, 0), (3, false, 0, 0)]);
}

#[test]
fn a_node_that_comes_takes_its_part() {
    let what = What {
        without: vec![1],
        with: vec![3],
    };
    let forecast = live().forecast(&what).unwrap();
    assert_eq!(forecast.of("10.0.0.100".parse().unwrap()), Some(0));
    assert_eq!(forecast.of("10.0.0.101".parse().unwrap()), Some(3));
    assert_eq!(forecast.nodes[2].then, 1);
}

#[test]
fn who_is_not_there_is_told() {
    let live = live();
    for number in [2, 4] {
        let what = What {
            without: vec![number],
            with: Vec::new(),
        };
        assert_eq!(live.forecast(&what).unwrap_err().code(), "ha.no-node");
    }
    assert_eq!(live.number(&"n3".parse().unwrap()).unwrap(), 3);
    assert_eq!(
        live.number(&"n2".parse().unwrap()).unwrap_err().code(),
        "ha.no-node"
    );
    let what = What {
        without: vec![0, 1, 3],
        with: Vec::new(),
    };
    assert_eq!(
        live.forecast(&what).unwrap_err().code(),
        "ha.no-active-node"
    );
}
