//! Clusters made of machines: that they serve, and that the machines are as they were where making one fails.

mod machines;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use machines::{Machines, is_done};
use smbgw_core::testing::{Counted, Fault, Faults, FaultyHost};
use smbgw_ctdb::announce;
use smbgw_ctdb::cluster_error::ClusterError;
use smbgw_ctdb::events::hook;
use smbgw_ctdb::node::Member;
use smbgw_ctdb::outcome::Outcome;
use smbgw_ctdb::record::Managed;
use smbgw_ctdb::recover::recover;
use smbgw_ctdb::setup::setup;
use smbgw_ctdb::world::Cluster;
use smbgw_testing::{Capability, require, run};

#[test]
fn machines_become_a_cluster_that_serves() {
    require!(Capability::Ctdb, Capability::Samba);
    let machines = Machines::start(3);
    machines.add_user();
    let report = is_done(machines.setup(&machines.request(3)));
    assert!(!report.steps.is_empty());
    let client = machines.lab.client("cl").unwrap();
    machines.set_password();
    machines.serve(&client);
    // A share that is made on one node is on all of them.
    let share = [
        "conf",
        "addshare",
        "more",
        "/srv/shared/data",
        "writeable=y",
    ];
    run(machines.lab.node(1).command("net").args(share)).unwrap();
    for address in machines.lab.addresses() {
        let list = ["-U", "alice%Passw0rd.1", "-L"];
        let shares = run(client
            .command("smbclient")
            .args(list)
            .arg(address.to_string()))
        .unwrap();
        assert!(shares.contains("more"), "{address}: {shares}");
    }
    // ctdb is told to have what happens written down.
    for node in machines.lab.nodes() {
        run(node.command("test").args(["-x", announce::PATH])).unwrap();
        let hook = ["-x", hook::PATH];
        run(node.command("test").args(hook)).unwrap();
        let script = node.read(hook::PATH).unwrap();
        assert!(
            script.contains(&format!("--node {} ", node.name())),
            "{script}"
        );
    }
    // All remember the same.
    let record = machines.record(0).unwrap();
    assert_eq!(record.name, "CLUSTER");
    assert_eq!(record.addresses.len(), 3);
    for node in 1..3 {
        assert_eq!(machines.record(node).as_ref(), Some(&record));
    }
    // It is one already.
    let again = machines.setup(&machines.request(3)).unwrap_err();
    let ClusterError::Refused(problems) = again else {
        panic!("{again}");
    };
    let codes: Vec<_> = problems
        .iter()
        .map(|problem| problem.code.as_str())
        .collect();
    assert!(codes.contains(&"ha.already-clustered"), "{problems:?}");
}

#[test]
fn ctdb_manages_samba_where_it_is_to() {
    require!(Capability::Ctdb, Capability::Samba);
    let mut machines = Machines::start(2);
    machines.add_user();
    // One that runs by itself must not go on beside the cluster.
    run(machines.lab.node(1).command("smbd").arg("-D")).unwrap();
    machines.begin_here();
    let mut request = machines.request(2);
    request.managed = Managed {
        samba: true,
        winbind: false,
    };
    is_done(machines.setup(&request));
    machines.set_password();
    let client = machines.lab.client("cl").unwrap();
    machines.serve(&client);
    let scripts = machines
        .lab
        .node(0)
        .ctdb(&["event", "status", "legacy", "monitor"]);
    let scripts = scripts.unwrap();
    assert!(scripts.contains("50.samba"), "{scripts}");
}

#[test]
fn what_speaks_against_a_cluster_is_told_all_at_once() {
    require!(Capability::Ctdb, Capability::Samba);
    let machines = Machines::start(2);
    let (first, second) = (machines.lab.node(0), machines.lab.node(1));
    first.write("/etc/ctdb/nodes", "10.0.0.1\n").unwrap();
    first
        .write("/var/lib/ctdb/persistent/passdb.tdb.0", "x")
        .unwrap();
    second
        .write(
            "/etc/samba/smb.conf",
            "[global]\nconfig backend = registry\n",
        )
        .unwrap();
    second
        .write("/etc/ctdb/ctdb.conf", "[cluster\nlock = x\n")
        .unwrap();
    let mut request = machines.request(2);
    request.addresses = ["10.99.0.61/24%eth7", "10.5.0.9/24"]
        .map(|address| address.parse().unwrap())
        .into();
    let refused = machines.setup(&request).unwrap_err();
    let ClusterError::Refused(problems) = refused else {
        panic!("{refused}");
    };
    let mut codes: Vec<_> = problems
        .iter()
        .map(|problem| problem.code.as_str())
        .collect();
    codes.dedup();
    assert_eq!(
        codes,
        [
            "ha.already-clustered",
            "ha.databases-left",
            "ha.no-interface",
            "ha.address-outside-network",
            "ha.no-interface",
            "ha.address-outside-network",
            "ha.samba-settings",
            "ha.file-malformed",
            "ha.shares-differ",
        ],
        "{problems:#?}"
    );
    assert!(problems.iter().all(|problem| problem.remedy.is_some()));
    assert!(machines.record(0).is_none());
}

#[test]
fn where_a_node_fails_all_machines_are_as_they_were() {
    require!(Capability::Ctdb, Capability::Samba);
    let mut machines = Machines::start(3);
    // ctdbd ends at once where this fails.
    let script = "/etc/ctdb/events/legacy/02.refuse.script";
    let node = machines.lab.node(2);
    let text = "#!/bin/sh\nif [ \"$1\" = init ]; then exit 1; fi\n";
    node.write(script, text).unwrap();
    fs::set_permissions(node.path(script), Permissions::from_mode(0o755)).unwrap();
    run(machines.lab.node(0).command("smbd").arg("-D")).unwrap();
    machines.begin_here();
    match machines.setup(&machines.request(3)) {
        Ok(Outcome::RolledBack { cause }) => {
            assert_eq!(cause.code, "ha.not-healthy-in-time", "{cause:?}");
            assert!(cause.message.contains("n2: ctdbd does not run"), "{cause}");
        }
        other => panic!("{other:#?}"),
    }
    machines.are_as_they_were("the third node has failed");
    fs::remove_file(machines.lab.node(2).path(script)).unwrap();
    is_done(machines.setup(&machines.request(3)));
}

#[test]
fn a_node_that_dies_holds_the_undoing_of_the_others_up_in_nothing() {
    require!(Capability::Ctdb, Capability::Samba);
    let machines = Machines::start(3);
    let request = machines.request(3);
    // Once while files are written, and once while its ctdbd runs.
    for number in [12, 40] {
        let faults = Faults::at(number, Fault::FailBefore)
            .counting(Counted::Changes)
            .onward();
        let dying = FaultyHost::new(&machines.hosts[2], &faults);
        let ended = machines.with(|cluster| {
            let mut members = cluster.members.to_vec();
            members[2] = Member {
                host: &dying,
                ..members[2]
            };
            let cluster = Cluster {
                members: &members,
                ..*cluster
            };
            setup(&cluster, &request)
        });
        let hit = faults.hit().unwrap();
        let Ok(Outcome::NeedsAttention { cause, left_behind }) = ended else {
            panic!("{hit}: {ended:#?}");
        };
        assert!(!left_behind.is_empty());
        for left in &left_behind {
            assert!(left.what.starts_with("on n2: "), "{left:?}");
            assert!(!left.commands.is_empty(), "{left:?}");
        }
        assert!(cause.remedy.is_some(), "{cause:?}");
        for node in 0..2 {
            machines.is_as_it_was_but_for("/var/lib/smbgw", node, &hit.to_string());
        }
        // Nothing new is begun before that is settled.
        if number == 12 {
            let without = machines.with(|cluster| {
                let cluster = Cluster {
                    members: &cluster.members[..2],
                    ..*cluster
                };
                setup(&cluster, &machines.request(2))
            });
            assert!(
                matches!(without, Err(ClusterError::Unrecovered { .. })),
                "{without:?}"
            );
        }
        let recovered = machines.recover().unwrap();
        assert!(
            matches!(recovered.outcome, Outcome::RolledBack { .. }),
            "{recovered:#?}"
        );
        machines.are_as_they_were(&hit.to_string());
        assert_eq!(machines.recover(), None);
    }
    // One that never comes back is given up.
    let faults = Faults::at(12, Fault::FailBefore)
        .counting(Counted::Changes)
        .onward();
    let dying = FaultyHost::new(&machines.hosts[2], &faults);
    let recovered = machines.with(|cluster| {
        let mut members = cluster.members.to_vec();
        members[2].host = &dying;
        let dead = Cluster {
            members: &members,
            ..*cluster
        };
        setup(&dead, &request).unwrap();
        let lost = [machines.specs[2].name.clone()];
        let without = Cluster {
            members: &members[..2],
            given_up: &lost,
            ..*cluster
        };
        recover(&without).unwrap().unwrap()
    });
    assert!(
        matches!(recovered.outcome, Outcome::RolledBack { .. }),
        "{recovered:#?}"
    );
    assert_eq!(machines.recover(), None);
}
