//! Addresses that are brought to a running cluster with their reservation, and taken away with it.

mod machines;

use std::net::IpAddr;

use machines::{Machines, victim};
use smbgw_core::change::Change;
use smbgw_core::error::Coded;
use smbgw_core::lifecycle::Outcome;
use smbgw_ctdb::allocate::{
    AllocateError, Allocated, Released, Wanted, allocate, release, reserve, withdraw,
};
use smbgw_ctdb::cluster_error::ClusterError;
use smbgw_ctdb::node::NodeName;
use smbgw_testing::cluster::{Node, Status};
use smbgw_testing::{Capability, LightHost, Network, Picture, require, run};

const FILE: &str = "/etc/ctdb/public_addresses";
const RECORD: &str = "/etc/smbgw/cluster.json";

/// What is asked for where it does not matter, which nobody has.
const FREE: &str = "10.99.0.110/24%eth0";

#[test]
fn an_address_is_served_as_long_as_it_is_kept() {
    require!(Capability::Ctdb, Capability::Samba);
    let (machines, client) = Machines::with_cluster(3, 3);
    // Nobody else's lines are touched.
    let node = machines.lab.node(1);
    let own = node.read(FILE).unwrap();
    node.write(FILE, format!("# of the second node\n{own}"))
        .unwrap();
    let before = settings(&machines);
    let stranger = Network::addresses(100);
    let _stranger = LightHost::on(machines.lab.network(), "printer", stranger).unwrap();

    // The first of the pool is somebody's.
    let pool = "10.99.0.100-10.99.0.101/24";
    let kept = done(keep(&machines, "share media", pool, &[]));
    let address: IpAddr = [10, 99, 0, 101].into();
    assert_eq!(kept.address.address(), address);
    assert_eq!((kept.change, kept.is_served), (Change::Created, true));
    assert!(kept.notes[0].contains("10.99.0.100 is in use"), "{kept:?}");
    is_served(&machines, address);
    machines.serves_by(&client, address);
    for node in machines.lab.nodes() {
        let text = node.read(FILE).unwrap();
        assert!(text.ends_with("\n10.99.0.101/24 eth0\n"), "{text}");
        assert_eq!(machines.record(node.number()), machines.record(0));
    }
    let text = machines.lab.node(1).read(FILE).unwrap();
    assert!(text.starts_with("# of the second node\n"), "{text}");
    let again = done(keep(&machines, "share media", "auto", &[]));
    assert_eq!(
        (again.change, again.address),
        (Change::Unchanged, kept.address)
    );

    // It moves as all do, and a node that was away has it when it comes.
    machines.lab.node(2).ctdb(&["shutdown"]).unwrap();
    let away = done(keep(&machines, "share b", FREE, &[name("n1"), name("n2")]));
    assert!(away.notes[0].contains("n2"), "{away:?}");
    let b: IpAddr = away.address.address();
    assert_eq!(
        machines.lab.node(0).status().unwrap().addresses[&b],
        Some(1)
    );
    run(&mut machines.lab.node(2).command("ctdbd")).unwrap();
    machines.lab.wait_until_healthy().unwrap();
    run(machines.lab.node(2).command("smbd").arg("--daemon")).unwrap();
    assert!(known(machines.lab.node(2)).contains(&b));
    assert!(!known(machines.lab.node(0)).contains(&b));

    // One more node may have it.
    let more = done(keep(&machines, "share b", FREE, &[name("n0")]));
    assert_eq!(more.change, Change::Updated);
    assert!(known(machines.lab.node(0)).contains(&b));

    for (holder, address) in [("share b", b), ("share media", address)] {
        let given = done(give_back(&machines, holder));
        assert_eq!((given.address, given.is_served), (Some(address), false));
        is_gone(&machines, address);
    }
    let nobody = done(give_back(&machines, "share media"));
    assert_eq!((nobody.address, nobody.change), (None, Change::Unchanged));
    are_the_same_again(&before, &machines, "all was given back");

    // What the cluster had before stays.
    let first = machines.lab.addresses()[0];
    let wanted = format!("{first}/24%eth0");
    assert!(done(keep(&machines, "share c", &wanted, &[])).is_served);
    let given = done(give_back(&machines, "share c"));
    assert_eq!((given.address, given.is_served), (Some(first), true));
    is_served(&machines, first);
}

#[test]
fn an_address_is_on_all_nodes_or_on_none() {
    require!(Capability::Ctdb, Capability::Samba);
    let (machines, _client) = Machines::with_cluster(3, 3);
    let last = machines.lab.node(2);
    let before = settings(&machines);
    let address: IpAddr = [10, 99, 0, 110].into();

    // It has no room for its list, before ctdb is told, and then for the record, when it was served already.
    for (path, folder) in [(FILE, "/etc/ctdb"), (RECORD, "/etc/smbgw")] {
        fill(last, folder);
        let kept = keep(&machines, "share media", FREE, &[]);
        let Ok(Outcome::RolledBack { cause }) = kept else {
            panic!("{kept:#?}");
        };
        assert!(cause.during.contains(path), "{cause:?}");
        empty(last, folder);
        is_gone(&machines, address);
        are_the_same(&before, &machines, path);
    }
    done(keep(&machines, "share media", FREE, &[]));
    let kept = settings(&machines);
    fill(last, "/etc/smbgw");
    let given = give_back(&machines, "share media");
    let Ok(Outcome::RolledBack { .. }) = given else {
        panic!("{given:#?}");
    };
    empty(last, "/etc/smbgw");
    is_served(&machines, address);
    are_the_same(&kept, &machines, "giving back was undone");

    // Nothing is begun where a node does not take part; what needs none of them still works.
    last.lose_sight().unwrap();
    let cut_off = |status: &Status| status.nodes[2].has("Disconnected");
    let first = machines.lab.node(0);
    first.wait_for("a node to be missed", cut_off).unwrap();
    let now = settings(&machines);
    let error = give_back(&machines, "share media").unwrap_err();
    assert_eq!(problem(&error), "ha.node-disconnected");
    let other = keep(&machines, "share b", "10.99.0.111/24", &[]);
    assert_eq!(problem(&other.unwrap_err()), "ha.node-disconnected");
    are_the_same(&now, &machines, "nothing was begun");
    let only = machines.with(|cluster| allocate(cluster, "share b", &wanted("10.99.0.111/24")));
    assert!(!only.unwrap().is_served);
    last.regain_sight().unwrap();
    machines.lab.wait_until_healthy().unwrap();

    // What was only kept is served when that is wanted; given back alone, the cluster keeps it.
    let served = done(keep(&machines, "share b", "auto", &[]));
    assert_eq!((served.change, served.is_served), (Change::Updated, true));
    let given = machines.with(|cluster| release(cluster, "share b"));
    assert!(given.unwrap().is_served);
    is_served(&machines, [10, 99, 0, 111].into());

    let nobody = keep(&machines, "share c", "10.99.0.112/24", &[name("n9")]);
    assert_eq!(nobody.unwrap_err().code(), "ha.no-node");
}

#[test]
fn keeping_and_giving_back_survive_kills() {
    let test = "keeping_and_giving_back_survive_kills";
    if victim::play(|cluster, _| {
        let record = smbgw_ctdb::record::ClusterRecord::load(cluster.coordinator).unwrap();
        match record.unwrap().reservations.is_empty() {
            true => drop(done(reserve(cluster, "share media", &wanted(FREE), &[]))),
            false => drop(done(withdraw(cluster, "share media"))),
        }
    }) {
        return;
    }
    require!(Capability::Ctdb, Capability::Samba);
    let (machines, client) = Machines::with_cluster(2, 2);
    let address: IpAddr = [10, 99, 0, 110].into();
    let is_kept = || !machines.record(0).unwrap().reservations.is_empty();

    let before = settings(&machines);
    let moments = (2..).step_by(3).map(|number: usize| number.to_string());
    let kills = victim::survive(&machines, test, moments, is_kept, |what| {
        is_gone(&machines, address);
        are_the_same(&before, &machines, what);
    });
    assert!(kills > 3, "it was hardly killed");
    is_served(&machines, address);
    machines.serves_by(&client, address);

    let kept = settings(&machines);
    let moments = [
        "after: write /etc/ctdb/public_addresses on n0",
        "after: have the nodes read their lists of addresses",
        "after: write /etc/smbgw/cluster.json on n0",
        "decided",
    ];
    let moments = moments.map(str::to_owned);
    let kills = victim::survive(
        &machines,
        test,
        moments,
        || !is_kept(),
        |what| {
            is_served(&machines, address);
            are_the_same(&kept, &machines, what);
        },
    );
    assert_eq!(kills, 4);
    is_gone(&machines, address);
    are_the_same_again(&before, &machines, "it was given back");
}

fn keep(
    machines: &Machines,
    holder: &str,
    what: &str,
    on: &[NodeName],
) -> Result<Outcome<Allocated>, AllocateError> {
    machines.with(|cluster| reserve(cluster, holder, &wanted(what), on))
}

fn give_back(machines: &Machines, holder: &str) -> Result<Outcome<Released>, AllocateError> {
    machines.with(|cluster| withdraw(cluster, holder))
}

#[track_caller]
fn done<T: std::fmt::Debug>(outcome: Result<Outcome<T>, AllocateError>) -> T {
    match outcome {
        Ok(Outcome::Done(report)) => report,
        other => panic!("{other:#?}"),
    }
}

/// The code of the only thing that is wrong.
#[track_caller]
fn problem(error: &AllocateError) -> &str {
    match error {
        AllocateError::Cluster(error) => match error.as_ref() {
            ClusterError::Refused(problems) if problems.len() == 1 => &problems[0].code,
            other => panic!("{other:#?}"),
        },
        other => panic!("{other:#?}"),
    }
}

fn wanted(text: &str) -> Wanted {
    text.parse().unwrap()
}

fn name(text: &str) -> NodeName {
    text.parse().unwrap()
}

/// Fails unless one node has the address, and it is on no interface but there.
#[track_caller]
fn is_served(machines: &Machines, address: IpAddr) {
    let placed = |status: &Status| status.addresses.get(&address).copied().flatten().is_some();
    let status = machines.lab.wait_for("an address on a node", placed);
    let holder = status.unwrap().addresses[&address].unwrap();
    for node in machines.lab.nodes() {
        let there = node.interface_addresses().unwrap().contains(&address);
        assert_eq!(
            there,
            node.number() == holder,
            "{address} on {}",
            node.name()
        );
        assert!(known(node).contains(&address), "{}", node.name());
    }
}

/// Fails unless no node knows the address, or has it on its interface.
#[track_caller]
fn is_gone(machines: &Machines, address: IpAddr) {
    for node in machines.lab.nodes() {
        assert!(!known(node).contains(&address), "{} knows it", node.name());
        let there = node.interface_addresses().unwrap();
        assert!(!there.contains(&address), "{} has {there:?}", node.name());
        assert!(!node.read(FILE).unwrap().contains(&format!("{address}/")));
    }
}

/// The addresses that the ctdbd of a node may have.
fn known(node: &Node) -> Vec<IpAddr> {
    let said = node.ctdb(&["-X", "ip"]).unwrap();
    let cells = said.lines().filter_map(|line| line.split('|').nth(1));
    cells.filter_map(|cell| cell.parse().ok()).collect()
}

/// Has the file system that a folder of a node is on be full, until [`empty`].
fn fill(node: &Node, folder: &str) {
    let script = format!(
        "set -e; kept=$(mktemp -d); cp -a {folder}/. $kept\n\
         mount -t tmpfs -o mode=755,size=1m smbgw-cluster {folder}; cp -a $kept/. {folder}; rm -r $kept\n\
         ! cat /dev/zero >{folder}/filler"
    );
    run(node.command("sh").arg("-c").arg(script)).unwrap();
}

fn empty(node: &Node, folder: &str) {
    run(node.command("rm").arg(format!("{folder}/filler"))).unwrap();
}

/// How all machines are set up.
fn settings(machines: &Machines) -> Vec<Picture> {
    let nodes = 0..machines.specs.len();
    nodes.map(|node| machines.settings(node)).collect()
}

#[track_caller]
fn are_the_same(before: &[Picture], machines: &Machines, what: &str) {
    for (before, now) in before.iter().zip(&settings(machines)) {
        before.assert_same(now, what);
    }
}

/// The same after changes that were made and unmade: the record counts them.
#[track_caller]
fn are_the_same_again(before: &[Picture], machines: &Machines, what: &str) {
    for (node, (before, mut now)) in before.iter().zip(settings(machines)).enumerate() {
        let mut before = before.clone();
        before.forget(RECORD);
        now.forget(RECORD);
        before.assert_same(&now, what);
        assert_eq!(machines.record(node), machines.record(0), "{what}");
    }
}
