//! The cluster of the lab: that it is one, that its nodes can be lost in every way, and that it goes
//! away.

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use smbgw_testing::cluster::{Settings, Status};
use smbgw_testing::{Capability, Cluster, LightHost, require, wait_until};

/// How long things may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);

fn gone(pid: u32) -> bool {
    !Path::new(&format!("/proc/{pid}")).exists()
}

/// A cluster with three nodes, a user, a client, and a file that is there.
fn with_a_file() -> (Cluster, LightHost) {
    let cluster = Cluster::start(3, Settings::default()).unwrap();
    cluster.add_user("alice").unwrap();
    let client = cluster.client("cl").unwrap();
    let put = "put /etc/hostname name";
    cluster
        .smbclient(&client, cluster.addresses()[0], "alice", put)
        .unwrap();
    (cluster, client)
}

/// Reads the file by `address`, as soon as that works.
fn read(cluster: &Cluster, client: &LightHost, address: IpAddr) -> String {
    let mut last = String::new();
    wait_until(PATIENCE, "a file by a virtual address", || {
        cluster
            .smbclient(client, address, "alice", "get name -")
            .map_err(|error| last = error.to_string())
            .ok()
    })
    .unwrap_or_else(|error| panic!("{error}: {last}"))
}

fn holder(cluster: &Cluster, address: IpAddr) -> usize {
    cluster.status().unwrap().addresses[&address].unwrap()
}

/// Waits until each of three nodes has one of three addresses.
fn wait_until_spread(cluster: &Cluster) -> Status {
    let spread = |status: &Status| (0..3).all(|node| status.addresses_of(node).len() == 1);
    cluster
        .wait_for("an address on every node", spread)
        .unwrap()
}

/// Waits until ctdb says `flag` of `node`, and all addresses are on other nodes.
fn wait_until_free(cluster: &Cluster, node: usize, flag: &str) -> Status {
    let free = |status: &Status| {
        let mut holders = status.addresses.values();
        status.nodes[node].has(flag)
            && holders.all(|holder| holder.is_some_and(|holder| holder != node))
    };
    cluster
        .wait_for("a node to be rid of its addresses", free)
        .unwrap()
}

/// The virtual addresses that the interface of a node really has.
fn on_interface(cluster: &Cluster, node: usize) -> Vec<IpAddr> {
    let found = cluster.node(node).interface_addresses().unwrap();
    let known = cluster.addresses();
    known
        .into_iter()
        .filter(|known| found.contains(known))
        .collect()
}

#[test]
fn nodes_serve_by_virtual_addresses_and_leave_in_order() {
    require!(Capability::Ctdb, Capability::Samba);
    let (cluster, client) = with_a_file();
    let status = wait_until_spread(&cluster);
    assert_eq!(status.nodes.len(), 3);
    let leader = cluster.leader().unwrap();
    for node in cluster.nodes() {
        assert_eq!(node.status().unwrap(), status);
        assert_eq!(node.leader().unwrap(), leader);
        // Three addresses on three nodes: each has one, and it is really there.
        let on_it = status.addresses_of(node.number());
        assert_eq!(on_it.len(), 1, "{status:?}");
        assert_eq!(on_interface(&cluster, node.number()), on_it);
    }
    for address in cluster.addresses() {
        assert_eq!(read(&cluster, &client, address).trim(), "cl");
    }
    assert_eq!(
        fs::read_to_string(cluster.shared().join("data/name")).unwrap(),
        "cl\n"
    );

    // Disabled, a node is in the cluster without addresses, and has some again after.
    let address = cluster.addresses()[0];
    let node = holder(&cluster, address);
    cluster.node(node).disable().unwrap();
    let status = wait_until_free(&cluster, node, "Disabled");
    assert_eq!(status.nodes[node].flags, ["Disabled"]);
    assert_eq!(on_interface(&cluster, node), [] as [IpAddr; 0]);
    assert_eq!(read(&cluster, &client, address).trim(), "cl");
    cluster.node(node).enable().unwrap();
    wait_until_spread(&cluster);

    // Stopped, it is not in the cluster, and comes back.
    cluster.node(node).stop().unwrap();
    assert!(!cluster.node(node).listens_on(445));
    wait_until_free(&cluster, node, "Disconnected");
    cluster.node(node).start_again().unwrap();
    cluster.wait_until_healthy().unwrap();

    let shared = cluster.shared().to_owned();
    let pids: Vec<u32> = cluster.nodes().iter().map(|node| node.pid()).collect();
    drop(cluster);
    assert!(pids.into_iter().all(gone));
    assert!(!shared.exists());
}

#[test]
fn nodes_that_crash_or_lose_power_are_taken_over_from() {
    require!(Capability::Ctdb, Capability::Samba);
    let (cluster, client) = with_a_file();
    wait_until_spread(&cluster);
    let [first, second, _] = cluster.addresses()[..] else {
        panic!("{:?}", cluster.addresses());
    };

    let crashed = holder(&cluster, first);
    cluster.node(crashed).crash().unwrap();
    wait_until_free(&cluster, crashed, "Disconnected");
    assert!(on_interface(&cluster, holder(&cluster, first)).contains(&first));
    // Nobody was left to take it away there.
    assert_eq!(on_interface(&cluster, crashed), [first]);

    let silent = holder(&cluster, second);
    cluster.node(silent).power_off().unwrap();
    assert_eq!(on_interface(&cluster, silent), [] as [IpAddr; 0]);
    let left = (0..3)
        .find(|node| *node != crashed && *node != silent)
        .unwrap();
    wait_until_free(&cluster, silent, "Disconnected");
    assert_eq!(cluster.status().unwrap().addresses_of(left).len(), 3);
    assert_eq!(read(&cluster, &client, second).trim(), "cl");
}

#[test]
fn a_node_that_hangs_is_taken_over_from_and_comes_back() {
    require!(Capability::Ctdb);
    let cluster = Cluster::start(
        3,
        Settings {
            file_server: false,
            ..Settings::default()
        },
    )
    .unwrap();
    wait_until_spread(&cluster);
    // A leader that hangs keeps the cluster lock, and nobody takes over.
    let leader = cluster.leader().unwrap();
    let hung = (leader + 1) % 3;
    cluster.node(hung).hang().unwrap();
    wait_until_free(&cluster, hung, "Disconnected");
    cluster.node(hung).resume().unwrap();
    cluster.wait_until_healthy().unwrap();

    // A cable that is pulled is noticed by both sides.
    cluster.node(hung).pull_cable().unwrap();
    cluster
        .wait_for("a node to be missed", |status| {
            status.nodes[hung].has("Disconnected")
        })
        .unwrap();
    wait_until(PATIENCE, "the node to notice", || {
        let status = cluster.node(hung).status().ok()?;
        status.nodes[leader].has("Disconnected").then_some(())
    })
    .unwrap();
    cluster.node(hung).plug_cable().unwrap();
    cluster.wait_until_healthy().unwrap();
}

#[test]
fn hosts_have_nothing_set_up_and_one_folder() {
    require!(Capability::Ctdb);
    let cluster = Cluster::hosts(2, Settings::default()).unwrap();
    cluster.node(0).write("/srv/shared/word", "hello").unwrap();
    assert_eq!(cluster.node(1).read("/srv/shared/word").unwrap(), "hello");
    for node in cluster.nodes() {
        assert!(!node.path("/etc/ctdb/nodes").exists());
        node.ctdb(&["status"]).unwrap_err();
        node.hang().unwrap_err();
    }
    assert!(
        cluster
            .status()
            .unwrap_err()
            .to_string()
            .contains("no node answers")
    );
}

/// Runs itself once more, in a process it can kill.
#[test]
fn a_cluster_is_gone_after_its_test_was_killed() {
    require!(Capability::Ctdb);
    if let Some(note) = std::env::var_os("SMBGW_VICTIM") {
        let settings = Settings {
            file_server: false,
            ..Settings::default()
        };
        let cluster = Cluster::start(1, settings).unwrap();
        let shared = cluster.shared().display();
        fs::write(note, format!("{}\n{shared}\n", cluster.node(0).pid())).unwrap();
        wait_until(Duration::from_secs(600), "being killed", || None::<()>).unwrap();
    }
    let note = std::env::temp_dir().join(format!("smbgw-{}-9996-note", std::process::id()));
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_cluster_is_gone_after_its_test_was_killed"])
        .env("SMBGW_VICTIM", &note)
        .env_remove("KEEP")
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let (pid, shared) = wait_until(PATIENCE, "the victim's cluster", || {
        let text = fs::read_to_string(&note).ok()?;
        let (pid, shared) = text.strip_suffix('\n')?.split_once('\n')?;
        Some((pid.parse().ok()?, PathBuf::from(shared)))
    })
    .unwrap();
    assert!(shared.exists() && !gone(pid));
    victim.kill().unwrap();
    victim.wait().unwrap();
    wait_until(PATIENCE, "the end of the node", || gone(pid).then_some(())).unwrap();
    // The folder goes with the next cluster.
    Cluster::hosts(1, Settings::default()).unwrap();
    assert!(!shared.exists());
    fs::remove_file(note).unwrap();
}
