//! What the commands of shares in virtual machines say of wrong arguments, before anything is looked at.

#[allow(dead_code, reason = "other tests use the rest of it")]
#[path = "lab/cli.rs"]
mod cli;

use std::fs;

use cli::gateway;
use serde_json::Value;

const VAULT: &str = "create vault --mode vm --quota 1G --user alice";

fn fields(document: &Value) -> Vec<&str> {
    let problems = document["problems"].as_array().unwrap();
    let fields = problems.iter().filter_map(|one| one["field"].as_str());
    fields.collect()
}

#[test]
fn wrong_arguments_are_told() {
    for (wrong, why) in [
        ("create vault --mode cloud", "choose native or vm"),
        ("create vault --mode vm", "no quota is given"),
        ("create vault --mode vm --quota 1G", "nobody may use"),
        ("create my_vault --mode vm --quota 1G --user a", "name: "),
        ("create vault --mode vm --quota 0 --user a", "quota: "),
        (r"create vault --mode vm --quota 1G --user AD\bob", "user: "),
        (&format!("{VAULT} --vm-memory much"), "--vm-memory"),
        (&format!("{VAULT} --vm-template A"), "vm-template: "),
        (&format!("{VAULT} --vm-storage a,b"), "vm-storage: "),
        (&format!("{VAULT} --vm-filesystem zfs"), "xfs or ext4"),
        (&format!("{VAULT} --bridge a,b"), "bridge: "),
        (&format!("{VAULT} --vlan 99999"), "--vlan"),
        (&format!("{VAULT} --ip 192.0.2.10"), "ip: "),
        (&format!("{VAULT} --nameserver ns1"), "nameserver: "),
        (&format!("{VAULT} --vmid 7"), "vmid: "),
        (
            &format!("{VAULT} --ssh-key /nowhere"),
            "cannot read /nowhere",
        ),
        (&format!("{VAULT} --root /"), "root: "),
        (
            &format!("{VAULT} --password-file a --password-fd 3"),
            "--password-fd",
        ),
        (
            "create media --quota 1G --user a --password-fd 3",
            "--create-user",
        ),
        ("start", "NAME"),
        ("start a/b", "name: "),
        ("stop vault --forced", "--forced"),
        ("restart", "NAME"),
    ] {
        gateway(wrong).ended(2).said(&[why]);
    }
}

#[test]
fn options_of_another_mode_are_refused() {
    let given = "--path /srv/a --group staff --auth local --read-only --guest --min-protocol 3.0 \
                 --encrypt off --force";
    let refused = gateway(&format!("{VAULT} {given} --json")).ended(2).json();
    let wanted = [
        "path",
        "group",
        "auth",
        "read-only",
        "guest",
        "min-protocol",
        "encrypt",
        "force",
    ];
    assert_eq!(fields(&refused), wanted);
    gateway(&format!("{VAULT} --path /srv/a")).ended(2).said(&[
        "--path does not go with --mode vm",
        "→ leave out --path, or give --mode native",
    ]);

    let given = "--vm-template a --vm-memory 1 --vm-balloon 1 --vm-cores 1 --vm-storage a --vm-data-storage a \
                 --vm-filesystem a --vm-linked --vm-snippets a --bridge a --vlan 1 --ip a --nameserver a \
                 --vmid 1 --ssh-key a --onboot --ha";
    let refused = gateway(&format!("create media --quota 1G --user a {given} --json"));
    let refused = refused.ended(2).json();
    let wanted: Vec<&str> = given
        .split_whitespace()
        .filter_map(|word| word.strip_prefix("--"))
        .collect();
    assert_eq!(fields(&refused), wanted);
    for command in ["create media --quota 1G --user a", "check media", "check"] {
        gateway(&format!("{command} --vm-cores 2"))
            .ended(2)
            .said(&["--vm-cores does not go with --mode native"]);
    }
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let refused = gateway("create a_b --mode vm --path /srv/a --ip x --vmid 1 --json").ended(2);
    let refused = refused.json();
    assert_eq!(refused["outcome"], "refused");
    assert_eq!(
        fields(&refused),
        ["path", "name", "quota", "user", "vmid", "ip"]
    );
    // For one of this machine it is the same.
    let refused = gateway("create a/b --vlan 1 --json").ended(2).json();
    assert_eq!(fields(&refused), ["vlan", "name", "quota", "user"]);
}

#[test]
fn a_private_key_is_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    let (private, none) = (folder.path().join("id"), folder.path().join("none"));
    let text = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1r\n";
    fs::write(&private, text).unwrap();
    fs::write(&none, "# nobody\n\nssh-ed25519\n").unwrap();
    let refused = gateway(&format!("{VAULT} --ssh-key {} --json", private.display())).ended(2);
    assert!(!refused.stdout.contains("b3Blbn"), "{refused:#?}");
    assert_eq!(fields(&refused.json()), ["ssh-key"]);
    gateway(&format!("{VAULT} --ssh-key {}", none.display()))
        .ended(2)
        .said(&["key 1 is not the line of a public ssh key"]);
}

#[test]
fn without_proxmox_nothing_is_begun() {
    for command in [VAULT, "check vault --mode vm --quota 1G --user alice"] {
        let refused = gateway(&format!("{command} --json")).ended(5).json();
        assert_eq!(refused["code"], "vm.no-proxmox");
        assert!(refused["remedy"].is_string());
    }
    // Nobody is asked for passwords, and nothing is there to be started.
    gateway(VAULT).ended(5).said(&["is no node of Proxmox VE"]);
    for command in ["start", "stop", "stop --force", "restart"] {
        gateway(&format!("{command} nowhere"))
            .ended(3)
            .said(&["there is no share `nowhere`"]);
    }
}

#[test]
fn the_help_tells_them_apart() {
    gateway("create --help").ended(0).said(&[
        "Shares in a virtual machine (--mode vm):",
        "create vault --mode vm --quota 10G",
    ]);
}
