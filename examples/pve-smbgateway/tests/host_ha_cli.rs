//! A real cluster looked at by the program, as an administrator runs it (root).

mod lab;

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use lab::cli::{PROGRAM, Ran, run_as};
use serde_json::Value;
use smbgw_testing::cluster::{Node, Settings};
use smbgw_testing::{Capability, Cluster, require};

/// The program, which works from `node` and is itself outside of the cluster.
fn command(node: &Node, arguments: &str) -> Command {
    let mut command = Command::new(PROGRAM);
    command
        .args(arguments.split_whitespace())
        .args(["--host", &format!("pid:{}", node.pid())]);
    command
}

fn from(node: &Node, arguments: &str) -> Ran {
    run_as(&mut command(node, arguments), "")
}

/// `command` with the first `count` nodes of `cluster` and the ways to them.
fn of_first(count: usize, cluster: &Cluster, command: &str) -> String {
    let mut command = format!("{command} --name FILES");
    for (node, address) in cluster.nodes()[..count]
        .iter()
        .zip(cluster.node_addresses())
    {
        let (name, pid) = (node.name(), node.pid());
        command += &format!(" --nodes {name}={address} --reach {name}=pid:{pid}");
    }
    command
}

#[test]
fn a_cluster_is_shown_watched_and_remembered() {
    require!(Capability::Ctdb, Capability::Samba);
    let cluster = Cluster::start(3, Settings::default()).unwrap();
    let [first, second] = [cluster.node(0), cluster.node(1)];

    // Nothing is known of it but its daemons.
    from(first, "ha-status")
        .ended(0)
        .said(&["no record of", "10.99.0.31"]);
    from(first, "ha-events")
        .ended(3)
        .said(&["no cluster", "ha-adopt"]);
    let adopt = of_first(3, &cluster, "ha-adopt");
    from(first, &adopt).ended(0).said(&[
        "/etc/smbgw/cluster.json on n2",
        "nothing was changed so far",
    ]);
    from(first, "ha-events").ended(3);
    from(first, &format!("{adopt} --yes"))
        .ended(0)
        .said(&["adoption of the cluster FILES is done"]);
    let shown = from(first, "ha-status").ended(0);
    shown.said(&[
        "Cluster FILES: good",
        "n0",
        "n1",
        "n2",
        "leader",
        "10.99.0.61",
    ]);
    let status = from(second, "ha-status --json").ended(0).json();
    assert_eq!(status["name"], "FILES");
    assert_eq!(
        status["nodes"].as_array().map(Vec::len),
        Some(3),
        "{status:#}"
    );
    assert_eq!(status["findings"], Value::Array(Vec::new()), "{status:#}");
    from(first, "ha-status --here")
        .ended(0)
        .said(&["no record of"]);
    from(first, "ha-status media")
        .ended(3)
        .said(&["no share `media`"]);

    looked_at_again_and_again(first);
    addresses_are_asked_for(&cluster);
    where_addresses_go_is_told(&cluster);
    what_happened_is_told(&cluster);

    cluster.node(2).power_off().unwrap();
    // An address that is on no node is seen sooner, and by one of them first.
    for node in [first, second] {
        node.wait_for("the loss of a node", |status| {
            status.nodes[2].has("Disconnected")
        })
        .unwrap();
    }
    from(first, "ha-status").ended(7).said(&[
        "needs attention",
        "disconnected",
        "ha.node-disconnected",
    ]);

    // The monitor of a node tells people once it lasts, for as many looks as its settings say.
    first
        .write("/etc/smbgw/monitor.toml", "[cluster]\nbad_looks = 3\n")
        .unwrap();
    let inside = |arguments: &str| {
        let mut command = first.command(PROGRAM);
        run_as(command.args(arguments.split_whitespace()), "")
    };
    inside("monitor run --once").ended(0);
    inside("monitor run --once").ended(0);
    let told = inside("alert list --json").ended(0);
    assert!(!told.stdout.contains("cluster-node"), "{told:#?}");
    inside("monitor run --once").ended(0);
    inside("alert list --json").ended(0).said(&["cluster-node"]);
}

#[test]
fn machines_become_a_cluster_by_one_command() {
    require!(Capability::Ctdb, Capability::Samba);
    let cluster = Cluster::hosts(3, Settings::default()).unwrap();
    for node in cluster.nodes() {
        node.write("/etc/samba/smb.conf", SMB_CONF).unwrap();
    }
    let [first, second] = [cluster.node(0), cluster.node(1)];
    // Somebody has the lowest address of the pool.
    let printer = cluster.client("printer").unwrap();
    let add = ["address", "add", "10.99.0.60/24", "dev", "eth0"];
    smbgw_testing::run(printer.command("ip").args(add)).unwrap();
    let setup = setup_of(&cluster);
    from(first, "ha-recover")
        .ended(0)
        .said(&["Nothing was interrupted"]);

    // All that is wrong is told at once, and nothing is touched.
    let wrong = setup.replace("=2", "=two");
    from(first, &wrong).ended(2).said(&["two", "tunables"]);
    let wrong = setup.replace("--vip auto", "--vip 10.5.0.61/24");
    let wrong = wrong.replace(Cluster::SHARED, "/srv/nothing");
    let problems = from(first, &format!("{wrong} --json")).json()["problems"].clone();
    for what in ["10.5.0.61", "/srv/nothing"] {
        assert!(problems.to_string().contains(what), "{what}: {problems:#}");
    }
    from(first, &format!("{setup} --check")).ended(0).said(&[
        "address 10.99.0.61/24%eth0",
        "10.99.0.60 is in use",
        "can be set up",
        "nothing was changed",
        "power lost",
    ]);
    from(first, "ha-status").ended(3).said(&["ha-setup"]);

    from(first, &setup).ended(0).said(&[
        "10.99.0.61/24%eth0 was taken",
        "The set-up of the cluster FILES is done.",
    ]);
    let status = from(second, "ha-status --json").ended(0).json();
    assert_eq!(status["name"], "FILES");
    assert_eq!(
        status["addresses"][0]["address"], "10.99.0.61",
        "{status:#}"
    );
    from(first, &setup).ended(4).said(&["FILES already"]);
    from(first, "ha-recover")
        .ended(0)
        .said(&["Nothing was interrupted"]);

    a_node_is_added(&cluster);
    a_node_is_broken_on_purpose(&cluster);
    from(first, "ha-remove-node n2")
        .ended(0)
        .said(&["The removal of a node of the cluster FILES is done."]);
    from(first, "ha-remove-node n2").ended(3).said(&["n2"]);
    from(first, "ha-teardown").ended(2).said(&["--yes"]);
    from(first, "ha-teardown --yes")
        .ended(0)
        .said(&["The teardown of the cluster FILES is done."]);
    from(first, "ha-status").ended(3);
    for node in cluster.nodes() {
        assert_eq!(node.read("/etc/samba/smb.conf").unwrap(), SMB_CONF);
    }
}

fn a_node_is_added(cluster: &Cluster) {
    let [first, third] = [cluster.node(0), cluster.node(2)];
    let address = cluster.node_addresses()[2];
    let add = format!("ha-add-node n2={address} --reach pid:{}", third.pid());
    from(first, &format!("{add} --check"))
        .ended(0)
        .said(&["n2 can join", "nothing was changed"]);
    // All that is wrong with it by itself.
    from(first, "ha-add-node n_2=here --reach taxi")
        .ended(2)
        .said(&["n_2", "taxi"]);
    from(first, &add)
        .ended(0)
        .said(&["The addition of a node of the cluster FILES is done."]);
    let status = from(third, "ha-status --json").ended(0).json();
    assert_eq!(
        status["nodes"].as_array().map(Vec::len),
        Some(3),
        "{status:#}"
    );
    from(first, &add).ended(4).said(&["n2"]);
}

fn a_node_is_broken_on_purpose(cluster: &Cluster) {
    let first = cluster.node(0);
    cluster.add_user("alice").unwrap();
    let share = ["conf", "addshare", "data", Cluster::DATA, "writeable=y"];
    smbgw_testing::run(first.command("net").args(share)).unwrap();
    let client = cluster.client("cl").unwrap();
    // The clients are where the program is.
    let drill = |arguments: &str| {
        let mut command = Command::new("nsenter");
        command
            .arg(format!("--net=/proc/{}/ns/net", client.pid()))
            .arg(PROGRAM)
            .args([
                "ha-test", "--nodes", "n1", "--share", "data", "--user", "alice",
            ])
            .args(["--vip", "10.99.0.61", "--warm-up", "1"])
            .args(arguments.split_whitespace())
            .args(["--host", &format!("pid:{}", first.pid())]);
        run_as(&mut command, Cluster::PASSWORD)
    };
    // It is an address of the cluster's record.
    drill("").ended(4).said(&["--yes"]);
    drill("--scenario fire --yes").ended(2).said(&["fire"]);
    let picture = std::env::temp_dir().join(format!("smbgw-{}-drill.svg", std::process::id()));
    let drawn = format!("--yes --json --clients 2 --svg {}", picture.display());
    let report = drill(&drawn).ended(0).json();
    assert_eq!(report["bytes_lost"], 0, "{report:#}");
    assert!(
        report["bytes_acknowledged"].as_u64().unwrap() > 0,
        "{report:#}"
    );
    assert_eq!(report["rounds"][0]["node"], "n1");
    let svg = std::fs::read_to_string(&picture).unwrap();
    std::fs::remove_file(&picture).unwrap();
    assert!(svg.starts_with("<svg") && svg.contains("n1"), "{svg}");
    cluster.wait_until_healthy().unwrap();
}

/// What an administrator has in smb.conf.
const SMB_CONF: &str =
    "[global]\n\tdisable netbios = yes\n\tdisable spoolss = yes\n\tload printers = no\n";

/// The command that makes a cluster of two nodes, at the pace of the lab.
fn setup_of(cluster: &Cluster) -> String {
    let mut command = format!(
        "{} --shared {} --vip auto --vip-pool 10.99.0.60-10.99.0.64/24%eth0 --no-samba --leader-timeout 2",
        of_first(2, cluster, "ha-setup"),
        Cluster::SHARED
    );
    for (name, value) in Settings::default().tunables {
        command += &format!(" --tunable {name}={value}");
    }
    command
}

/// One line of JSON for each look, until it is ended.
fn looked_at_again_and_again(node: &Node) {
    let mut watching = command(node, "ha-status --watch 1 --json");
    let mut watching = watching.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(watching.stdout.take().unwrap()).lines();
    for _ in 0..2 {
        let line = lines.next().unwrap().unwrap();
        let status: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(status["name"], "FILES");
    }
    // Nobody reads it any more, so it ends by itself.
    drop(lines);
    assert!(watching.wait().unwrap().success());
}

fn addresses_are_asked_for(cluster: &Cluster) {
    let address = cluster.addresses()[0];
    let holder = cluster.status().unwrap().addresses[&address].unwrap();
    let other = cluster.node((holder + 1) % 3);
    let ask = format!("ha-probe {address}/24%eth0 10.99.0.99/24 --pace quick");
    from(other, &ask)
        .ended(4)
        .said(&["has it", "10.99.0.99 on eth0: nobody else has it"]);
    let probed = from(cluster.node(holder), &format!("{ask} --json"));
    let probed = probed.ended(0).json();
    assert_eq!(probed["version"], 1);
    assert_eq!(probed["probes"][0]["here"], true, "{probed:#}");
    assert_eq!(probed["probes"][0]["verdict"]["is"], "free", "{probed:#}");
    from(other, "ha-probe 10.99.0.99/24%eth7 --pace quick").ended(1);
}

fn where_addresses_go_is_told(cluster: &Cluster) {
    let [first, second] = [cluster.node(0), cluster.node(1)];
    let told = from(first, "ha-plan --without n1 --json").ended(0).json();
    second.disable().unwrap();
    let seen = cluster.status().unwrap();
    for expected in told["addresses"].as_array().unwrap() {
        let address = expected["address"].as_str().unwrap().parse().unwrap();
        let then = seen.addresses[&address].map(|node| node as u64);
        assert_eq!(expected["to"].as_u64(), then, "{told:#}");
    }
    from(first, "ha-plan --with 1")
        .ended(0)
        .said(&["n1", "moves"]);
    second.enable().unwrap();
    addresses_are_moved_and_kept(cluster);
    from(first, "ha-plan --without n0,n1,n2").ended(5);
    from(first, "ha-plan --without n7").ended(3).said(&["n7"]);
}

fn addresses_are_moved_and_kept(cluster: &Cluster) {
    let first = cluster.node(0);
    let address = cluster.addresses()[0];
    from(first, &format!("ha-move {address} n2"))
        .ended(0)
        .said(&["on n2"]);
    assert_eq!(cluster.status().unwrap().addresses[&address], Some(2));
    from(first, "ha-move 10.99.0.99 n2").ended(3);
    let drained = from(first, "ha-drain 2 --patience 20 --json");
    let drained = drained.ended(0).json();
    assert_eq!(drained["is_empty"], true, "{drained:#}");
    assert_ne!(cluster.status().unwrap().addresses[&address], Some(2));
    from(first, "ha-resume n2")
        .ended(0)
        .said(&["n2 is healthy"]);

    let kept = from(first, "ha-reserve media --json").ended(0).json();
    assert_eq!(kept["holder"], "media");
    let again = from(first, "ha-reserve media --json").ended(0).json();
    assert_eq!(again["address"], kept["address"]);
    from(first, "ha-release media").ended(0).said(&[
        "no longer kept for media",
        "the cluster goes on to serve under it",
    ]);

    // Another one is brought to the cluster, and taken away again.
    let brought = "10.99.0.120".parse().unwrap();
    from(first, "ha-reserve films --vip 10.99.0.120/24 --keep-only")
        .ended(0)
        .said(&["the cluster does not serve under it"]);
    let served = from(first, "ha-reserve films --json").ended(0).json();
    assert_eq!(served["is_served"], true, "{served:#}");
    assert_eq!(served["change"], "updated");
    assert!(cluster.status().unwrap().addresses[&brought].is_some());
    from(first, "ha-release films")
        .ended(0)
        .said(&["the cluster does not serve under it"]);
    assert!(!cluster.status().unwrap().addresses.contains_key(&brought));
}

fn what_happened_is_told(cluster: &Cluster) {
    let [first, second] = [cluster.node(0), cluster.node(1)];
    from(first, "ha-events")
        .ended(0)
        .said(&["Nothing happened"]);
    // As ctdb calls it, on the node itself.
    let notify = |node: &Node, event: &str| {
        let mut command = node.command(PROGRAM);
        run_as(
            command.args(["ha-notify", "--node", node.name(), event]),
            "",
        )
    };
    notify(first, "unhealthy").ended(0);
    notify(second, "startup").ended(0);
    let past = from(first, "ha-events --since 1h --json").ended(0).json();
    assert_eq!(past["events"].as_array().map(Vec::len), Some(2), "{past:#}");
    assert_eq!(past["events"][0]["what"], "node-state");
    from(second, "ha-events --node n0")
        .ended(0)
        .said(&["node-state n0: healthy → unhealthy"]);
    from(second, "ha-events --here")
        .ended(0)
        .said(&["daemon-started n1"]);
    let only = from(first, "ha-events --what daemon-started --last 1 --json");
    let only = only.ended(0).json();
    assert_eq!(only["events"][0]["node"], "n1", "{only:#}");
    let none = from(first, "ha-events --until 1h --json").ended(0).json();
    assert_eq!(none["events"], Value::Array(Vec::new()));
    // ctdb goes on where it cannot be written down.
    let mut full = first.command("sh");
    let full = full.args([
        "-c",
        &format!(
            "mount -t tmpfs -o ro none /var/lib/smbgw && exec {PROGRAM} ha-notify --node n0 healthy"
        ),
    ]);
    run_as(full, "").ended(0).said(&["cannot write down"]);
    smbgw_testing::run(first.command("umount").arg("/var/lib/smbgw")).unwrap();
}
