//! What is found before machines are a cluster: nothing on good ones, and all of it at once on others.

use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, TcpListener};
use std::path::Path;
use std::time::Duration;

use smbgw_core::deadline::Deadline;
use smbgw_core::error::Problem;
use smbgw_core::host::Host;
use smbgw_core::testing::{Fault, Faults, FaultyHost};
use smbgw_ctdb::address::VirtualAddress;
use smbgw_ctdb::cluster_lock::{ClusterLock, Use};
use smbgw_ctdb::node::{Member, NodeName, NodeSpec};
use smbgw_ctdb::preflight::{Preflight, Request, preflight};
use smbgw_testing::cluster::{Node, Settings};
use smbgw_testing::{Capability, Cluster, Daemon, require, run, wait_until};

#[path = "watched/mod.rs"]
mod nodes;

/// How long looking may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(180);

fn bare(nodes: usize) -> Cluster {
    let settings = Settings {
        file_server: false,
        ..Settings::default()
    };
    Cluster::hosts(nodes, settings).unwrap()
}

fn open(specs: &[NodeSpec]) -> Vec<Box<dyn Host>> {
    let open = |spec: &NodeSpec| spec.reach.open(spec.name.as_str()).unwrap();
    specs.iter().map(open).collect()
}

fn members<'a>(specs: &'a [NodeSpec], hosts: &'a [Box<dyn Host>]) -> Vec<Member<'a>> {
    let both = specs.iter().zip(hosts);
    both.map(|(spec, host)| Member {
        spec,
        host: host.as_ref(),
    })
    .collect()
}

fn moving(addresses: &[IpAddr]) -> Vec<VirtualAddress> {
    let text = |address: &IpAddr| format!("{address}/24%eth0").parse().unwrap();
    addresses.iter().map(text).collect()
}

/// A request for all of `members`, as one makes it who gives nothing more than is needed.
fn request<'a>(
    members: &'a [Member<'a>],
    lock: Option<&'a ClusterLock>,
    addresses: &'a [VirtualAddress],
) -> Request<'a> {
    Request {
        members,
        joined: &[],
        shared: Path::new(Cluster::SHARED),
        lock,
        addresses,
        dhcp: &[],
        in_use: None,
    }
}

fn looked(request: &Request<'_>) -> Preflight {
    preflight(request, Deadline::after(PATIENCE))
}

/// Each problem as where it is and what.
fn codes(problems: &[Problem]) -> BTreeSet<(String, String)> {
    let pair = |one: &Problem| (one.field.clone(), one.code.clone());
    problems.iter().map(pair).collect()
}

fn names(folder: impl AsRef<Path>) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect()
}

/// Puts a program in the place of another on one node.
fn stand_in(node: &Node, path: &str, script: &str) {
    let own = format!("/run/stand-in-{}", path.replace('/', "-"));
    node.write(&own, format!("#!/bin/sh\n{script}\n")).unwrap();
    run(node.command("chmod").args(["755", &own])).unwrap();
    run(node.command("mount").args(["--bind", &own, path])).unwrap();
}

/// Has a node drop what comes from `from` to ctdb's port.
fn filter(node: &Node, from: IpAddr) {
    let rule = ["-A", "INPUT", "-p", "tcp", "--dport", "4379", "-j", "DROP"];
    let source = ["-s".to_owned(), from.to_string()];
    run(node.command("iptables").args(rule).args(source)).unwrap();
}

#[test]
fn good_machines_have_no_problem_and_stay_as_they_are() {
    require!(Capability::Ctdb);
    let cluster = bare(3);
    let specs = nodes::specs(&cluster);
    let hosts = open(&specs);
    let members = members(&specs, &hosts);
    let lock = ClusterLock::in_folder(Path::new(Cluster::SHARED)).unwrap();
    let addresses = moving(&cluster.addresses());
    let there = || {
        let each = cluster.nodes().iter();
        let mut there: Vec<_> = each.map(|node| names(node.path("/run"))).collect();
        there.push(names(cluster.shared()));
        there
    };
    let before = there();
    let found = looked(&request(&members, Some(&lock), &addresses));
    assert_eq!(found.problems, []);
    assert_eq!(there(), before);

    assert_eq!(found.nodes.len(), 3);
    for facts in &found.nodes {
        assert_eq!(facts.kernel, found.nodes[0].kernel);
        assert!(!facts.runs_ctdb);
        assert!(facts.ctdb_version.is_some() && facts.samba_version.is_some());
        assert!(facts.clock_ahead_milliseconds.abs() < 60_000);
    }
    let eth0 = &found.surroundings.interfaces[0];
    assert_eq!(eth0.name.as_str(), "eth0");
    assert_eq!(eth0.networks, ["10.99.0.0/24".parse().unwrap()]);
    assert_eq!(found.surroundings.nodes, cluster.node_addresses());
    for node in cluster.nodes() {
        // Nothing is left that listens, and nothing that was started runs on.
        assert!(!node.listens_on(4379));
        let programs = run(node.command("ps").args(["-e", "-o", "comm="])).unwrap();
        assert!(
            !programs.contains("perl") && !programs.contains("ctdb"),
            "{programs}"
        );
    }

    // What others find is in the report, too.
    let taken = |members: &[Member<'_>], addresses: &[VirtualAddress], _: Deadline| {
        let text = format!("{} of {} nodes", addresses.len(), members.len());
        vec![Problem::invalid("addresses", "ha.test", text)]
    };
    let asked = looked(&Request {
        in_use: Some(&taken),
        ..request(&members, Some(&lock), &addresses)
    });
    assert_eq!(asked.problems.len(), 1, "{:?}", asked.problems);
    assert_eq!(asked.problems[0].message, "3 of 3 nodes");

    // A node alone needs no lock; several do.
    let alone = looked(&request(&members[..1], None, &addresses));
    assert_eq!(alone.problems, []);
    let without = looked(&request(&members, None, &addresses));
    let expected = [("lock".to_owned(), "ha.lock-missing".to_owned())];
    assert_eq!(codes(&without.problems), BTreeSet::from(expected));
}

#[test]
fn all_that_is_wrong_is_in_one_report() {
    require!(Capability::Ctdb, Capability::Faketime);
    let cluster = bare(6);
    let mut specs = nodes::specs(&cluster);
    let own = cluster.node_addresses();

    // n0 is good. n1 has another version, no ethtool, and a program on the port of SMB.
    stand_in(
        cluster.node(1),
        "/usr/sbin/smbd",
        "echo Version 4.99.0-Other",
    );
    let empty = "/run/empty";
    cluster.node(1).write(empty, "").unwrap();
    let over = ["--bind", empty, "/usr/sbin/ethtool"];
    run(cluster.node(1).command("mount").args(over)).unwrap();
    let listener = cluster
        .node(1)
        .on_its_network(|| TcpListener::bind("0.0.0.0:445").unwrap());

    // n2 is behind a filter, in one direction.
    filter(cluster.node(2), own[0]);

    // n3 has a clock of its own, a folder of its own, and was a node before.
    run(cluster
        .node(3)
        .command("cp")
        .args(["/usr/bin/date", "/run/date"]))
    .unwrap();
    let library = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";
    stand_in(
        cluster.node(3),
        "/usr/bin/date",
        &format!("exec env LD_PRELOAD={library} FAKETIME=+90 /run/date \"$@\""),
    );
    let tmpfs = ["-t", "tmpfs", "private", Cluster::SHARED];
    run(cluster.node(3).command("mount").args(tmpfs)).unwrap();
    let folder = ["-p", "/srv/shared/.ctdb"];
    run(cluster.node(3).command("mkdir").args(folder)).unwrap();
    cluster
        .node(3)
        .write("/etc/ctdb/nodes", "10.99.0.34\n")
        .unwrap();

    // n4 has no folder, and not the address that it is given.
    run(cluster.node(4).command("umount").arg(Cluster::SHARED)).unwrap();
    run(cluster.node(4).command("rmdir").arg(Cluster::SHARED)).unwrap();
    specs[4].address = "10.99.0.99".parse().unwrap();

    // n5 cannot be asked at all.
    let hosts = open(&specs);
    let broken = Faults::at(1, Fault::FailBefore).onward();
    let unreachable = FaultyHost::new(hosts[5].as_ref(), &broken);
    let mut all = members(&specs, &hosts);
    all[5].host = &unreachable;

    // One address is a node's, one of no network here, and one is given twice.
    let mut addresses = moving(&[own[1], cluster.addresses()[0], cluster.addresses()[0]]);
    addresses.push("10.98.0.1/24%eth0".parse().unwrap());
    let lock = ClusterLock::in_folder(Path::new(Cluster::SHARED)).unwrap();
    let found = looked(&request(&all, Some(&lock), &addresses));
    drop(listener);

    let mut expected: Vec<(&str, &str)> = vec![
        ("n1", "ha.versions-differ"),
        ("n1", "host.tool-missing"),
        ("n1", "ha.port-taken"),
        ("n0", "ha.no-way-between-nodes"),
        ("n3", "ha.clocks-differ"),
        ("n3", "ha.shared-folder-differs"),
        ("n3", "ha.already-clustered"),
        ("n3", "ha.lock-not-shared"),
        ("n4", "ha.no-shared-folder"),
        ("n4", "ha.no-private-address"),
        ("n5", "host.command-failed"),
        ("addresses", "ha.address-of-a-node"),
        ("addresses", "ha.address-twice"),
    ];
    for node in ["n0", "n1", "n2", "n3", "n4"] {
        expected.push((node, "ha.address-outside-network"));
    }
    let expected = expected
        .into_iter()
        .map(|(field, code)| (field.to_owned(), code.to_owned()));
    let told: Vec<_> = found.problems.iter().map(ToString::to_string).collect();
    let text = told.join("\n");
    assert_eq!(codes(&found.problems), expected.collect(), "{text}");
    for part in [
        "n0: n2 is not reached from there at 10.99.0.33 port 4379: no answer",
        "n1: Samba is 4.99.0-Other there, and ",
        "n1: the program `ethtool` is not installed on n1; run `apt-get install ethtool`",
        "n1: port 445 is taken there by ",
        "s ahead of that of n",
        "n3: /srv/shared is not the folder that n0 has there (tmpfs on /srv/shared)",
        "n3: the cluster lock /srv/shared/.ctdb/lock was given to this node while n0 had it",
        "n4: no interface there has the private address 10.99.0.99",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    // All know what to do.
    let is_ours = |one: &&Problem| one.code.starts_with("ha.");
    for one in found.problems.iter().filter(is_ours) {
        assert!(one.remedy.is_some(), "{one}");
    }
    assert_eq!(found.nodes.len(), 5);
}

#[test]
fn a_node_without_cable_or_twice_in_the_request_is_told() {
    require!(Capability::Ctdb);
    let cluster = bare(3);
    let mut specs = nodes::specs(&cluster);
    cluster.node(2).pull_cable().unwrap();
    specs[1].name = specs[0].name.clone();
    let hosts = open(&specs);
    let members = members(&specs, &hosts);
    let lock = ClusterLock::in_folder(Path::new(Cluster::SHARED)).unwrap();
    let found = looked(&request(&members, Some(&lock), &[]));
    let told: Vec<_> = found.problems.iter().map(ToString::to_string).collect();
    let text = told.join("\n");
    let no_way = found
        .problems
        .iter()
        .filter(|one| one.code == "ha.no-way-between-nodes");
    // Two ways to it, and two from it.
    assert_eq!(no_way.count(), 4, "{text}");
    assert_eq!(found.problems.len(), 5, "{text}");
    assert!(
        text.contains("n0: the name n0 is also that of node 0 of the request"),
        "{text}"
    );
}

/// Holds a lock as ctdb does, from outside of the nodes that are looked at.
fn holder(node: &Node, file: &str) -> Daemon {
    let mut command = node.command("/usr/libexec/ctdb/ctdb_mutex_fcntl_helper");
    let daemon = Daemon::spawn(command.arg(file).stdout(std::process::Stdio::null())).unwrap();
    wait_until(PATIENCE, "a lock to be held", || {
        let locks = fs::read_to_string("/proc/locks").ok()?;
        let inode = std::os::unix::fs::MetadataExt::ino(&fs::metadata(node.path(file)).ok()?);
        locks.contains(&format!(":{inode} ")).then_some(())
    })
    .unwrap();
    daemon
}

#[test]
fn a_lock_has_to_keep_others_out() {
    require!(Capability::Ctdb);
    let cluster = bare(3);
    let specs = nodes::specs(&cluster);
    let hosts = open(&specs);
    let members = members(&specs, &hosts);
    let told = |lock: &str, state| {
        let lock: ClusterLock = lock.parse().unwrap();
        let problems = lock.check(&members[..2], state, Deadline::after(PATIENCE));
        let text = |(at, error): (usize, smbgw_ctdb::cluster_lock::ClusterLockError)| {
            (
                at,
                smbgw_core::error::Coded::code(&error),
                error.to_string(),
            )
        };
        problems.into_iter().map(text).collect::<Vec<_>>()
    };
    let in_shared = "/srv/shared/lock";
    let by_command = format!("!/usr/libexec/ctdb/ctdb_mutex_fcntl_helper {in_shared}");
    for good in [in_shared, "/srv/shared/not/yet/there", &by_command] {
        assert_eq!(told(good, Use::Free), [], "{good}");
    }

    // Each node has its own /run. Nothing is left there.
    let there = || [0, 1].map(|at| names(cluster.node(at).path("/run")));
    let before = there();
    let said = told("/run/lock-of-ctdb", Use::Free);
    assert_eq!(said.len(), 1, "{said:?}");
    assert_eq!((said[0].0, said[0].1), (1, "ha.lock-not-shared"));
    assert_eq!(there(), before);

    // A program that says yes to everybody, one that has nothing to say, and none.
    for (name, script) in [
        ("yes", "echo 0; exec sleep 100"),
        ("no", "echo 3; echo bad >&2"),
    ] {
        for node in cluster.nodes() {
            let path = format!("/run/{name}");
            node.write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
            run(node.command("chmod").args(["755", &path])).unwrap();
        }
    }
    let said = told("!/run/yes", Use::Free);
    assert_eq!(
        (said.len(), said[0].1),
        (1, "ha.lock-not-shared"),
        "{said:?}"
    );
    let said = told("!/run/no", Use::Free);
    assert_eq!((said.len(), said[0].1), (1, "ha.lock-failed"), "{said:?}");
    assert!(said[0].2.contains("bad"), "{said:?}");
    let said = told("!/run/missing", Use::Free);
    assert_eq!((said.len(), said[0].1), (1, "ha.lock-failed"), "{said:?}");

    // Somebody has it: another cluster, or the one that is to have it.
    let helper = holder(cluster.node(2), in_shared);
    let said = told(in_shared, Use::Free);
    assert_eq!((said.len(), said[0].1), (1, "ha.lock-held"), "{said:?}");
    let said = told(&by_command, Use::Free);
    assert_eq!((said.len(), said[0].1), (1, "ha.lock-held"), "{said:?}");
    assert_eq!(told(in_shared, Use::Held), []);
    assert_eq!(told(&by_command, Use::Held), []);
    drop(helper);
    let said = told(&by_command, Use::Held);
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said.iter().all(|one| one.1 == "ha.lock-not-shared"));
}

#[test]
fn a_node_is_looked_at_beside_a_cluster_that_runs() {
    require!(Capability::Ctdb);
    let settings = Settings {
        file_server: false,
        ..Settings::default()
    };
    let cluster = Cluster::start(2, settings).unwrap();
    let host = cluster.client("new").unwrap();
    host.bind(cluster.shared(), Cluster::SHARED).unwrap();
    let mut specs = nodes::specs(&cluster);
    specs.push(NodeSpec {
        name: "new".parse().unwrap(),
        address: host.addresses().into_iter().find(IpAddr::is_ipv4).unwrap(),
        reach: format!("pid:{}", host.pid()).parse().unwrap(),
    });
    let hosts = open(&specs);
    let members = members(&specs, &hosts);
    let lock: ClusterLock = Cluster::LOCK.parse().unwrap();
    let addresses = moving(&cluster.addresses());
    let joined: Vec<NodeName> = specs[..2].iter().map(|spec| spec.name.clone()).collect();
    let found = looked(&Request {
        joined: &joined,
        ..request(&members, Some(&lock), &addresses)
    });
    assert_eq!(found.problems, []);
    assert!(found.nodes[0].runs_ctdb && found.nodes[1].runs_ctdb && !found.nodes[2].runs_ctdb);
    // It was not disturbed.
    assert!(cluster.status().unwrap().is_healthy());

    // For anybody else it is there already.
    let found = looked(&request(&members, Some(&lock), &[]));
    let codes = codes(&found.problems);
    for node in ["n0", "n1"] {
        let expected = (node.to_owned(), "ha.already-clustered".to_owned());
        assert!(codes.contains(&expected), "{codes:?}");
    }
    assert!(cluster.status().unwrap().is_healthy());
}
