//! What the commands of a cluster say of wrong arguments, before anything is looked at.

#[allow(dead_code, reason = "other tests use the rest of it")]
#[path = "lab/cli.rs"]
mod cli;

use cli::gateway;

#[test]
fn wrong_arguments_are_told() {
    for (wrong, why) in [
        ("ha-status --watch 0", "0"),
        ("ha-status --watch soon", "soon"),
        ("ha-status a/b", "a/b"),
        ("ha-status --host n1", "no way to a machine"),
        (
            "ha-status --host ssh:-oProxyCommand=x",
            "no way to a machine",
        ),
        ("ha-status --host local --root /", "--root"),
        ("ha-setup", "--nodes"),
        ("ha-setup --nodes n1=10.0.0.1", "--shared"),
        ("ha-setup --nodes n1=x --shared /srv", "`x` is no address"),
        ("ha-setup --nodes n_1=10.0.0.1 --shared /srv", "n_1"),
        (
            "ha-setup --nodes n1=10.0.0.1 --shared /srv --reach n2=local",
            "n2 is none of the nodes",
        ),
        (
            "ha-setup --nodes n1=10.0.0.1 --shared /srv --reach n1=taxi",
            "no way to a machine",
        ),
        ("ha-setup --nodes n1=10.0.0.1 --shared srv", "not absolute"),
        (
            "ha-setup --nodes n1=10.0.0.1 --shared /srv --failover-within 1s",
            "10s",
        ),
        (
            "ha-setup --nodes n1=10.0.0.1 --shared /srv --leader-timeout 1",
            "1 is not in 2..",
        ),
        (
            "ha-setup --nodes n1=10.0.0.1,n1=10.0.0.2 --shared /srv",
            "n1 is there twice",
        ),
        (
            "ha-setup --nodes n1=10.0.0.1 --shared /srv --vip auto",
            "no pool is given",
        ),
        (
            "ha-setup --nodes n1=10.0.0.1 --shared /srv --vip automatic",
            "addresses: ",
        ),
        ("ha-adopt", "--nodes"),
        (
            "ha-adopt --nodes n1=10.0.0.1 --vip-pool 10.0.0.9/24",
            "pools: ",
        ),
        ("ha-recover --without a_b", "a_b"),
        ("ha-plan --without", "NODE"),
        ("ha-plan --without a_b", "a_b"),
        ("ha-move", "ADDRESS"),
        ("ha-move here n1", "here"),
        ("ha-move 10.0.0.1 a_b", "a_b"),
        ("ha-drain", "NODE"),
        ("ha-drain n1 --patience -1", "-1"),
        ("ha-resume", "NODE"),
        ("ha-reserve", "HOLDER"),
        ("ha-reserve media --address 10.0.0.1", "prefix"),
        (
            "ha-reserve media --address auto --pool 10.0.0.1-10.0.0.9/24",
            "--pool",
        ),
        ("ha-reserve media --keep-only --on n1", "--keep-only"),
        ("ha-reserve media --on a_b", "a_b"),
        ("ha-release", "HOLDER"),
        ("ha-probe", "ADDRESS"),
        ("ha-probe 10.0.0.1", "with the length of its prefix"),
        ("ha-probe 10.0.0.0/24", "10.0.0.0"),
        ("ha-probe 10.0.0.1/24%a/b", "a/b"),
        ("ha-probe 10.0.0.1/24 --pace fast", "quick"),
        ("ha-events --since yesterday", "is not a time"),
        ("ha-events --what nothing", "node-state"),
        ("ha-events --node a_b", "a_b"),
        ("ha-events --last -1", "-1"),
        ("ha-notify healthy", "--node"),
        ("ha-notify --node n1", "EVENT"),
    ] {
        gateway(wrong).ended(2).said(&[why]);
    }
}

#[test]
fn a_machine_of_no_cluster_is_told() {
    let root = "--root /var/empty-of-smbgw";
    gateway(&format!("ha-status {root}"))
        .ended(2)
        .said(&["no directory"]);
    let lost = gateway("ha-status --host pid:4294967294 --json");
    assert_eq!(lost.ended(3).json()["code"], "host.unreachable");
}
