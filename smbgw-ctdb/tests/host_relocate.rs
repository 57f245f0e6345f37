//! Addresses that are moved by hand, and nodes that give them away, on a running cluster with clients.

use std::net::IpAddr;
use std::process::{Child, Stdio};
use std::time::Duration;

use smbgw_core::change::Change;
use smbgw_core::error::Coded;
use smbgw_ctdb::relocate::{Client, Drained, Stay, drain, move_address, resume};
use smbgw_testing::cluster::Settings;
use smbgw_testing::{Capability, Cluster, LightHost, require, wait_until};

mod reached;

use reached::{Reached, members, soon};

struct Lab {
    cluster: Cluster,
    nodes: Vec<Reached>,
}

impl Lab {
    fn start() -> Self {
        let cluster = Cluster::start(3, Settings::default()).unwrap();
        cluster.add_user("alice").unwrap();
        let nodes = cluster.nodes().iter().map(|node| Reached::new(node));
        let nodes = nodes.collect();
        let spread = cluster.wait_for("one address a node", |status| {
            (0..3).all(|number| status.addresses_of(number).len() == 1)
        });
        spread.unwrap();
        Self { cluster, nodes }
    }

    fn holder(&self, address: IpAddr) -> Option<u32> {
        let on = self.cluster.status().unwrap().addresses[&address];
        on.map(|on| u32::try_from(on).unwrap())
    }

    fn interface(&self, number: u32) -> Vec<IpAddr> {
        let node = self.cluster.node(number as usize);
        node.interface_addresses().unwrap()
    }

    fn drain(&self, number: u32, patience: Duration) -> Drained {
        drain(&members(&self.nodes), number, patience, soon()).unwrap()
    }
}

/// A client that is connected until it is dropped.
struct Connected(Child);

impl Connected {
    fn to(client: &LightHost, address: IpAddr) -> Self {
        let mut smbclient = client.command("smbclient");
        smbclient
            .arg(format!("//{address}/data"))
            .args(["-U", &format!("alice%{}", Cluster::PASSWORD)])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        Self(smbclient.spawn().unwrap())
    }
}

impl Drop for Connected {
    fn drop(&mut self) {
        // At the end of its input it says goodbye.
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

#[test]
fn addresses_go_where_they_are_sent() {
    require!(Capability::Root, Capability::Ctdb, Capability::Samba);
    let lab = Lab::start();
    one_address_is_moved(&lab);
    a_node_is_drained(&lab);
    the_last_node_is_not_drained(&lab);
}

fn one_address_is_moved(lab: &Lab) {
    let address = lab.cluster.addresses()[0];
    let from = lab.holder(address).unwrap();
    let to = (from + 1) % 3;
    let moved = move_address(&members(&lab.nodes), address, to, soon()).unwrap();
    assert_eq!(
        (moved.change, moved.from, moved.to),
        (Change::Updated, Some(from), to)
    );
    assert!(lab.interface(to).contains(&address) && !lab.interface(from).contains(&address));
    let again = move_address(&members(&lab.nodes), address, to, soon()).unwrap();
    assert_eq!((again.change, again.stay), (Change::Unchanged, moved.stay));

    // ctdb places addresses again.
    let node = lab.cluster.node(0);
    node.ctdb(&["-T", "120", "ipreallocate"]).unwrap();
    let expected = match moved.stay {
        Stay::Stays => Some(to),
        Stay::Leaves { to } => to,
    };
    assert_eq!(lab.holder(address), expected, "{moved:?}");

    let refused = |address: &str, to: u32| {
        let address = address.parse().unwrap();
        move_address(&members(&lab.nodes), address, to, soon())
            .unwrap_err()
            .code()
    };
    assert_eq!(refused("10.99.0.99", 0), "ha.no-address");
    assert_eq!(refused("10.99.0.61", 7), "ha.no-node");
    lab.cluster.node(2).ctdb(&["-T", "120", "disable"]).unwrap();
    assert_eq!(refused("10.99.0.61", 2), "ha.node-not-serving");
    let resumed = resume(&members(&lab.nodes), 2, soon()).unwrap();
    assert_eq!(
        (resumed.change, resumed.is_healthy),
        (Change::Updated, true)
    );
    let resumed = resume(&members(&lab.nodes), 2, soon()).unwrap();
    assert_eq!(resumed.change, Change::Unchanged);
}

fn a_node_is_drained(lab: &Lab) {
    let address = lab.cluster.addresses()[1];
    let number = lab.holder(address).unwrap();
    let had = lab.cluster.status().unwrap().addresses_of(number as usize);
    let own = lab.cluster.node_addresses()[number as usize];
    let machine = lab.cluster.client("cl").unwrap();
    let client = Connected::to(&machine, own);
    wait_until(Duration::from_secs(60), "a client", || {
        let mut smbstatus = lab.cluster.node(number as usize).command("smbstatus");
        let said = smbgw_testing::run(smbstatus.args(["--processes", "--json"])).ok()?;
        said.contains("alice").then_some(())
    })
    .unwrap();

    let drained = lab.drain(number, Duration::from_secs(2));
    assert_eq!(drained.change, Change::Updated);
    let alice = Client {
        user: "alice".into(),
        machine: machine.addresses()[0].to_string(),
    };
    assert_eq!(
        (drained.is_empty, &drained.clients[..]),
        (false, &[alice][..]),
        "{drained:?}"
    );
    let moved: Vec<_> = drained.moved.iter().map(|one| one.address).collect();
    assert_eq!(moved, had);
    for one in &drained.moved {
        assert_eq!((one.from, one.to), (Some(number), lab.holder(one.address)));
    }
    assert!(
        drained
            .moved
            .iter()
            .all(|one| one.to.is_some_and(|to| to != number))
    );
    assert_eq!(lab.interface(number), [own]);

    // It goes on at the address that went elsewhere.
    lab.cluster
        .smbclient(&machine, address, "alice", "ls")
        .unwrap();
    drop(client);
    let again = lab.drain(number, Duration::from_secs(60));
    assert_eq!(
        (again.change, again.is_empty),
        (Change::Unchanged, true),
        "{again:?}"
    );
    let resumed = resume(&members(&lab.nodes), number, soon()).unwrap();
    assert!(
        resumed.is_healthy && !resumed.addresses.is_empty(),
        "{resumed:?}"
    );
    let on_it = lab.cluster.status().unwrap().addresses_of(number as usize);
    assert_eq!(resumed.addresses, on_it);
}

fn the_last_node_is_not_drained(lab: &Lab) {
    for number in [0, 1] {
        assert!(lab.drain(number, Duration::from_secs(60)).is_empty);
    }
    let before = lab.cluster.status().unwrap();
    let error = drain(&members(&lab.nodes), 2, Duration::from_secs(1), soon()).unwrap_err();
    assert_eq!(error.code(), "ha.nowhere-else");
    assert!(error.to_string().contains("10.99.0.61"), "{error}");
    assert_eq!(lab.cluster.status().unwrap(), before);
    for number in [0, 1] {
        resume(&members(&lab.nodes), number, soon()).unwrap();
    }
    assert!(lab.cluster.status().unwrap().is_healthy());
}
