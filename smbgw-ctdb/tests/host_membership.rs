//! Nodes that come and go while clients are connected to the others, and clusters taken apart.

mod machines;

use std::fs::{self, Permissions};
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicBool, Ordering};

use machines::{Machines, is_done};
use smbgw_core::error::Coded;
use smbgw_ctdb::membership::{add_node, remove_node};
use smbgw_ctdb::outcome::Outcome;
use smbgw_ctdb::teardown::{Databases, teardown};
use smbgw_testing::{Capability, LightHost, require};

#[test]
fn a_node_comes_and_goes_while_clients_work_and_the_rest_is_taken_apart() {
    require!(Capability::Ctdb, Capability::Samba);
    let (machines, client) = Machines::with_cluster(3, 2);

    // Where the new node fails, the cluster has two, and goes on.
    let script = "/etc/ctdb/events/legacy/02.refuse.script";
    let node = machines.lab.node(2);
    let text = "#!/bin/sh\nif [ \"$1\" = init ]; then exit 1; fi\n";
    node.write(script, text).unwrap();
    fs::set_permissions(node.path(script), Permissions::from_mode(0o755)).unwrap();
    let added = machines.with(|cluster| add_node(cluster, &machines.specs[2]));
    let Ok(Outcome::RolledBack { cause }) = added else {
        panic!("{added:#?}");
    };
    assert!(cause.message.contains("n2"), "{cause}");
    fs::remove_file(machines.lab.node(2).path(script)).unwrap();
    machines.is_as_it_was(2, "its addition has failed");
    assert_eq!(machines.numbers(0), [0, 1]);
    let record = machines.record(0).unwrap();
    assert_eq!(record.present().count(), 2);
    assert!(record.nodes[2].gone, "ctdb does not forget a number");

    let steady = machines.lab.addresses()[0];
    while_working(&machines, &client, steady, || {
        is_done(machines.with(|cluster| add_node(cluster, &machines.specs[2])));
    });
    for node in 0..3 {
        assert_eq!(machines.numbers(node), [0, 1, 3]);
        assert_eq!(machines.record(node), machines.record(0));
    }
    machines.serve(&client);
    let again = machines.with(|cluster| add_node(cluster, &machines.specs[2]));
    assert!(again.is_err(), "{again:?}");

    let gone = machines.specs[1].name.clone();
    is_done(machines.with(|cluster| remove_node(cluster, &gone)));
    machines.is_as_it_was(1, "it was removed");
    for node in [0, 2] {
        assert_eq!(machines.numbers(node), [0, 3]);
        let record = machines.record(node).unwrap();
        assert_eq!(
            record.present().map(|(pnn, _)| pnn).collect::<Vec<_>>(),
            [0, 3]
        );
    }
    machines.serve(&client);
    let unknown = machines.with(|cluster| remove_node(cluster, &gone));
    assert_eq!(unknown.unwrap_err().code(), "ha.no-node");

    is_done(machines.with(|cluster| teardown(cluster, Databases::Remove)));
    for node in [0, 2] {
        machines.is_as_it_was(node, "the cluster was taken apart");
    }
}

/// Does `work` while a client writes files by an address, again where it had to connect anew. What was
/// acknowledged has to be there after.
fn while_working(machines: &Machines, client: &LightHost, address: IpAddr, work: impl FnOnce()) {
    let done = AtomicBool::new(false);
    let written = std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut written = 0;
            while !done.load(Ordering::Relaxed) {
                let put = format!("put /etc/hostname file{written}");
                if machines
                    .lab
                    .smbclient(client, address, "alice", &put)
                    .is_ok()
                {
                    written += 1;
                }
            }
            written
        });
        work();
        done.store(true, Ordering::Relaxed);
        writer.join().unwrap()
    });
    assert!(written > 3, "the client wrote {written} files");
    for number in 0..written {
        let file = machines.lab.shared().join(format!("data/file{number}"));
        assert_eq!(fs::read_to_string(file).unwrap(), "cl\n");
    }
}
