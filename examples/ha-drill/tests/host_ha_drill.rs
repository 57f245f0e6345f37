//! The program on a cluster that it has never heard of.

use std::process::Command;

use smbgw_testing::cluster::Settings;
use smbgw_testing::process::run_with;
use smbgw_testing::{Capability, Cluster, require};

const PROGRAM: &str = env!("CARGO_BIN_EXE_ha-drill");

#[test]
fn a_node_of_any_cluster_is_broken_and_repaired() {
    require!(Capability::Ctdb, Capability::Samba);
    let cluster = Cluster::start(2, Settings::default()).unwrap();
    cluster.add_user("alice").unwrap();
    let client = cluster.client("cl").unwrap();
    let nodes = cluster.nodes().iter().zip(cluster.node_addresses());
    let nodes: Vec<String> = nodes
        .map(|(node, address)| format!("{}={address},pid:{}", node.name(), node.pid()))
        .collect();
    let says = |arguments: &[&str]| {
        // On the network of the client, where the program's own clients then are.
        let mut command = Command::new("nsenter");
        command
            .arg(format!("--net=/proc/{}/ns/net", client.pid()))
            .arg(PROGRAM)
            .args(["--from", &format!("pid:{}", client.pid())])
            .args(nodes.iter().flat_map(|node| ["--node", node]))
            .args(["--share", "data", "--user", "alice"])
            .args(arguments);
        run_with(&mut command, Cluster::PASSWORD.as_bytes())
    };
    let address = cluster.addresses()[0].to_string();
    let drill = ["--break", "n1", "--vip", address.as_str()];

    let text = says(&drill).unwrap();
    for part in ["disable", "n1", address.as_str()] {
        assert!(text.contains(part), "{part}:\n{text}");
    }
    cluster.wait_until_healthy().unwrap();
    let wrong = says(&["--break", "n7", "--vip", address.as_str()]).unwrap_err();
    assert!(wrong.to_string().contains("n7"), "{wrong}");
    let wrong = says(&["--break", "n1", "--vip", "here"]).unwrap_err();
    assert!(
        wrong.to_string().contains("`here` is no address"),
        "{wrong}"
    );
}
