//! Clusters that somebody else set up are read, shown and remembered, and stay as they are.

use std::collections::BTreeSet;
use std::time::Duration;

use smbgw_core::deadline::Deadline;
use smbgw_core::host::{Host, LocalHost};
use smbgw_core::lifecycle::Outcome;
use smbgw_core::progress::Silent;
use smbgw_ctdb::adopt::{AdoptRequest, Adoption, accept, adopt, nodes_of};
use smbgw_ctdb::cluster_error::ClusterError;
use smbgw_ctdb::node::{Member, NodeSpec};
use smbgw_ctdb::record::{self, ClusterRecord};
use smbgw_ctdb::world;
use smbgw_testing::cluster::Settings;
use smbgw_testing::{Capability, Cluster, require, run};

#[path = "watched/mod.rs"]
mod nodes;

/// How long looking may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(180);

/// The files of a cluster on a node.
const FILES: [&str; 6] = [
    "/etc/ctdb/nodes",
    "/etc/ctdb/public_addresses",
    "/etc/ctdb/ctdb.conf",
    "/etc/ctdb/ctdb.tunables",
    "/etc/ctdb/script.options",
    "/etc/samba/smb.conf",
];

fn looked(request: &AdoptRequest, members: &[Member<'_>]) -> Adoption {
    adopt(request, members, Deadline::after(PATIENCE))
}

fn codes(adoption: &Adoption) -> BTreeSet<String> {
    let problems = adoption.problems.iter();
    problems
        .map(|one| format!("{} {}", one.field, one.code))
        .collect()
}

fn texts(cluster: &Cluster) -> Vec<String> {
    let of = |path: &'static str| cluster.nodes().iter().map(move |node| node.read(path));
    FILES
        .into_iter()
        .flat_map(of)
        .map(|text| text.unwrap())
        .collect()
}

#[test]
fn a_cluster_of_somebody_else_becomes_one_that_is_known() {
    require!(Capability::Ctdb);
    let settings = Settings {
        file_server: false,
        ..Settings::default()
    };
    let cluster = Cluster::start(3, settings.clone()).unwrap();
    let specs = nodes::specs(&cluster);
    let hosts: Vec<Box<dyn Host>> = specs
        .iter()
        .map(|spec| spec.reach.open(spec.name.as_str()).unwrap())
        .collect();
    let both = specs.iter().zip(&hosts);
    let members: Vec<_> = both
        .map(|(spec, host)| Member {
            spec,
            host: host.as_ref(),
        })
        .collect();
    // The machine that it is done from is none of the nodes.
    let root = tempfile::tempdir().unwrap();
    for folder in ["run", "var/lib"] {
        std::fs::create_dir_all(root.path().join(folder)).unwrap();
    }
    let coordinator = LocalHost::with_root(root.path());
    let world = world::Cluster {
        coordinator: &coordinator,
        members: &members,
        given_up: &[],
        progress: &Silent,
        deadline: Deadline::after(PATIENCE),
    };
    let numbered = nodes_of(hosts[1].as_ref()).unwrap();
    assert_eq!(
        numbered,
        (0..).zip(cluster.node_addresses()).collect::<Vec<_>>()
    );

    // It is shown as it is, in whatever order its nodes are given, and nothing is written.
    let before = texts(&cluster);
    let request = AdoptRequest::default();
    let backwards: Vec<_> = members.iter().rev().copied().collect();
    let shown = looked(&request, &backwards);
    assert_eq!(shown.problems, []);
    assert_eq!(shown.differences, []);
    let record = shown.record.clone().unwrap();
    assert_eq!(record.name, "CLUSTER");
    let known: Vec<NodeSpec> = record.present().map(|(_, spec)| spec.clone()).collect();
    assert_eq!(known, specs);
    let addresses: Vec<_> = record.addresses.iter().map(ToString::to_string).collect();
    let expected: Vec<_> = cluster
        .addresses()
        .iter()
        .map(|one| format!("{one}/24%eth0"))
        .collect();
    assert_eq!(addresses, expected);
    assert_eq!(record.cluster_lock.as_deref(), Some(Cluster::LOCK));
    assert_eq!(record.shared_path.to_str(), Some(Cluster::SHARED));
    assert_eq!(record.tunables, settings.tunables);
    assert!(!record.managed.samba && !record.managed.winbind);
    assert_eq!(shown.changes.len(), 3);
    for change in &shown.changes {
        assert_eq!(change.path.to_str(), Some(record::FILE));
        assert!(
            change
                .diff
                .starts_with("--- /dev/null\n+++ /etc/smbgw/cluster.json\n")
        );
        assert!(
            change.diff.contains("+  \"name\": \"CLUSTER\""),
            "{}",
            change.diff
        );
    }
    for host in &hosts {
        assert_eq!(ClusterRecord::load(host.as_ref()).unwrap(), None);
    }

    // A node that is not given, and one that is none.
    let some = looked(&request, &members[..2]);
    assert_eq!(some.record, None);
    assert!(
        codes(&some).contains("nodes ha.not-in-files"),
        "{:?}",
        some.problems
    );
    let Err(ClusterError::Refused(problems)) = accept(&world, &some) else {
        panic!("it is not known whole");
    };
    assert_eq!(problems, some.problems);

    // Accepted, it is remembered on all nodes, and its own files are what they were.
    let Outcome::Done(report) = accept(&world, &shown).unwrap() else {
        panic!("it can be remembered");
    };
    assert_eq!(
        (report.steps.len(), report.cluster.as_str()),
        (3, "CLUSTER")
    );
    for host in &hosts {
        assert_eq!(
            ClusterRecord::load(host.as_ref()).unwrap(),
            Some(record.clone())
        );
    }
    assert_eq!(texts(&cluster), before);
    assert!(cluster.status().unwrap().is_healthy());
    let again = looked(&request, &members);
    assert_eq!((again.problems, again.changes), (vec![], vec![]));

    // What is done by hand on some node is told, and what was shown before is not written any more.
    let pools = vec!["10.99.0.100-10.99.0.110/24%eth0".parse().unwrap()];
    let with_pool = AdoptRequest {
        pools: pools.clone(),
        ..AdoptRequest::default()
    };
    let later = looked(&with_pool, &members);
    assert!(
        later.changes[0].diff.contains("+    \"10.99.0.100"),
        "{}",
        later.changes[0].diff
    );
    let mut other = record.clone();
    other.name = "OTHER".into();
    other.store(hosts[2].as_ref()).unwrap();
    let Err(ClusterError::Refused(problems)) = accept(&world, &later) else {
        panic!("a record changed meanwhile");
    };
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].field, "n2");
    let later = looked(&with_pool, &members);
    assert!(matches!(accept(&world, &later).unwrap(), Outcome::Done(_)));
    let stored = ClusterRecord::load(hosts[2].as_ref()).unwrap().unwrap();
    assert_eq!((stored.pools, stored.since), (pools, record.since));

    // The name that the lock had before is as good, and ctdb reads the same.
    let node = cluster.node(1);
    let conf = node.read("/etc/ctdb/ctdb.conf").unwrap();
    let both = "recovery lock = /run/other\n  cluster lock";
    for name in ["recovery lock", both] {
        node.write("/etc/ctdb/ctdb.conf", conf.replace("cluster lock", name))
            .unwrap();
        let old = looked(&request, &members);
        assert_eq!((old.differences, old.changes), (vec![], vec![]), "{name}");
        node.stop().unwrap();
        node.start_again().unwrap();
        let lock = node.ctdb(&["getreclock"]).unwrap();
        assert_eq!(lock.trim(), Cluster::LOCK, "{name}");
    }

    node.write("/etc/ctdb/ctdb.tunables", "MonitorInterval=99\n")
        .unwrap();
    node.write(
        "/etc/ctdb/ctdb.conf",
        conf.replace(Cluster::LOCK, "/run/lock-of-ctdb"),
    )
    .unwrap();
    run(cluster
        .node(2)
        .command("ctdb")
        .args(["event", "script", "enable", "legacy", "50.samba"]))
    .unwrap();
    let odd = looked(&request, &members);
    let what: BTreeSet<_> = odd
        .differences
        .iter()
        .map(|one| one.what.as_str())
        .collect();
    assert_eq!(
        what,
        BTreeSet::from(["tunables", "cluster lock", "event scripts"])
    );
    for field in ["tunables", "cluster lock", "event scripts"] {
        assert!(
            codes(&odd).contains(&format!("{field} ha.nodes-differ")),
            "{:?}",
            odd.problems
        );
    }
    let text: Vec<_> = odd.problems.iter().map(ToString::to_string).collect();
    assert!(
        text.join("\n").contains("`/run/lock-of-ctdb` on n1"),
        "{text:?}"
    );
}

#[test]
fn what_is_no_cluster_is_not_adopted() {
    require!(Capability::Ctdb);
    let settings = Settings {
        file_server: false,
        ..Settings::default()
    };
    let cluster = Cluster::hosts(1, settings).unwrap();
    let specs = nodes::specs(&cluster);
    let host = specs[0].reach.open("n0").unwrap();
    let members = [Member {
        spec: &specs[0],
        host: host.as_ref(),
    }];
    assert_eq!(nodes_of(host.as_ref()).unwrap(), []);
    let found = looked(&AdoptRequest::default(), &members);
    assert_eq!(found.record, None);
    let codes = codes(&found);
    assert!(codes.contains("nodes ha.nothing-to-adopt"), "{codes:?}");
    assert!(codes.contains("shared-path ha.not-in-files"), "{codes:?}");

    // One node that is gone, one that does not run, and no name: all is told, and what is given is taken.
    cluster
        .node(0)
        .write("/etc/ctdb/nodes", "#10.99.0.30\n10.99.0.31\n")
        .unwrap();
    let found = looked(&AdoptRequest::default(), &members);
    assert_eq!(found.record, None);
    let request = AdoptRequest {
        name: Some("FILES".into()),
        shared_path: Some(Cluster::SHARED.into()),
        ..AdoptRequest::default()
    };
    let found = looked(&request, &members);
    let record = found.record.unwrap();
    let gone = &record.nodes[0];
    assert!(gone.gone && gone.spec.address.to_string() == "10.99.0.30");
    let present: Vec<_> = record.present().collect();
    assert_eq!(present, [(1, &specs[0])]);
    let problems: Vec<_> = found.problems.iter().map(|one| one.code.as_str()).collect();
    assert_eq!(problems, ["ha.samba-settings"], "{:?}", found.problems);
}
