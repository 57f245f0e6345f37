//! Shares in virtual machines by the program, as an administrator has them (root). The node of Proxmox VE is a
//! stand-in, and its guests are small programs.

#[allow(dead_code, reason = "other tests use the rest of it")]
#[path = "lab/cli.rs"]
mod cli;
#[allow(dead_code, reason = "other tests use the rest of it")]
#[path = "../../../smbgw-vm/tests/guest_node/mod.rs"]
mod guest_node;

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use cli::{PASSWORD, gateway, gateway_with, smbclient, start, wait};
use guest_node::{GuestNode, on_a_node};
use serde_json::{Value, json};
use smbgw_testing::{Capability, PveFault, require};

const CREATE: &str = "create vault --mode vm --quota 1G --user alice --ip 192.0.2.10/24,gw=192.0.2.1 \
                      --vm-memory 1024 --vm-linked --vm-storage local-lvm --vlan 7 --password-file /srv/secret";

fn on_a_node_with_a_password(test: &str, body: impl FnOnce(&GuestNode<'_>)) {
    on_a_node(test, |node| {
        fs::write("/srv/secret", format!("{PASSWORD}\n")).unwrap();
        body(node);
    });
}

/// The files that are there now and were not before, but for those of the template, which stays.
fn left(node: &GuestNode<'_>, before: &[PathBuf]) -> Vec<PathBuf> {
    let is_of_template = |path: &PathBuf| {
        let path = path.to_str().unwrap();
        path.contains("/100.conf") || path.contains("-100-") || path.contains("/node-templates/")
    };
    let now = node.files().into_iter();
    now.filter(|path| !before.contains(path) && !is_of_template(path))
        .collect()
}

#[test]
fn a_share_in_a_virtual_machine_lives_by_the_program() {
    require!(Capability::Root, Capability::Samba);
    let test = "a_share_in_a_virtual_machine_lives_by_the_program";
    on_a_node_with_a_password(test, |node| {
        let before = node.files();
        gateway("list").ended(0).said(&["There are no shares."]);
        let check = CREATE
            .replace("create", "check")
            .replace(" --password-file /srv/secret", "");
        gateway(&check).ended(0).said(&[
            "ok     template: lab on pve",
            "1024 MiB of memory, 2 processors",
            "first disk on local-lvm, ",
            " for data on local-lvm, documents on local",
            "vmbr0, 192.0.2.10/24,gw=192.0.2.1, VLAN 7",
        ]);
        let checked = gateway(&format!("{check} --json")).ended(0).json();
        assert_eq!(checked[0]["result"], "passed");
        assert_eq!(node.files(), before);

        let made = gateway(&format!("{CREATE} --json")).ended(0).json();
        assert_eq!(
            [&made["outcome"], &made["vmid"], &made["address"]],
            [&json!("done"), &json!(102), &json!("192.0.2.10")]
        );
        let calls = node.standin.calls().unwrap();
        assert!(!calls.iter().any(|call| call.contains(PASSWORD)));

        let list = gateway("list --json").ended(0).json();
        let spec = &list[0]["spec"];
        assert_eq!(
            [&spec["name"], &spec["mode"], &spec["quota"]],
            [&json!("vault"), &json!("vm"), &json!(1 << 30)]
        );
        assert_eq!(list[0]["guest"]["place"]["vmid"], 102);
        gateway("list")
            .ended(0)
            .said(&["vault", "vm", "1G", "VM 102", "alice"]);
        gateway("status vault").ended(0).said(&[
            "Share vault (vm)",
            "VM 102, running",
            "192.0.2.10",
            "quota       1G",
            "used        0",
            "over SMB    answers",
        ]);
        let status = gateway("status VAULT --json").ended(0).json();
        assert_eq!(status["record"]["spec"], *spec);
        assert_eq!(status["usage"]["limits"]["bytes"], 1 << 30);
        assert_eq!(status["machine"]["state"], "running");
        assert_eq!(
            (&status["answers"], &status["findings"]),
            (&json!(true), &json!([]))
        );
        smbclient("vault", "alice", "mkdir made").succeeded();

        gateway("quota-status")
            .ended(0)
            .said(&["vault", "1G", "ok"]);
        let rows = gateway("quota-status vault --json").ended(0).json();
        assert_eq!(rows[0]["name"], "vault");
        assert_eq!(rows[0]["usage"]["limits"]["bytes"], 1 << 30);

        // Its name is taken, its data is inside, and it has users of its own.
        gateway(CREATE).ended(4).said(&["was made on this node"]);
        gateway("create Vault --quota 1G --guest")
            .ended(4)
            .said(&["there is a share `Vault` in a virtual machine already"]);
        gateway("delete vault")
            .ended(2)
            .said(&["is inside its virtual machine", "pve-smbgateway stop vault"]);
        gateway("delete vault --purge --keep-history --yes")
            .ended(2)
            .said(&["leave out --keep-history"]);
        gateway("quota check vault")
            .ended(4)
            .said(&["has quotas of its own"]);
        gateway("delete vault --purge")
            .ended(2)
            .said(&["nobody is there to ask: give --yes"]);
        gateway("auth vault local")
            .ended(4)
            .said(&["in a virtual machine"]);

        gateway("stop vault")
            .ended(0)
            .said(&["vault is switched off"]);
        gateway("status vault").ended(0).said(&["switched off"]);
        gateway("quota-status")
            .ended(0)
            .said(&["its virtual machine is switched off"]);
        let started = gateway("start vault --json").ended(0).json();
        assert_eq!(started["outcome"], "done");
        gateway("restart vault")
            .ended(0)
            .said(&[r"The share vault is there: \\192.0.2.10\vault"]);
        gateway("stop vault --force --json").ended(0);
        gateway("start vault").ended(0);
        smbclient("vault", "alice", "cd made").succeeded();

        gateway("resize vault 0").ended(2).said(&["quota: "]);
        gateway("resize vault 3G")
            .ended(0)
            .said(&["has its new quota"]);
        let status = gateway("status vault --json").ended(0).json();
        assert_eq!(status["usage"]["limits"]["bytes"], 3_u64 << 30);
        assert_eq!(status["record"]["spec"]["quota"], 3_u64 << 30);

        gateway("recover")
            .ended(0)
            .said(&["Nothing was interrupted."]);
        let gone = gateway("delete vault --purge --yes --json").ended(0).json();
        assert_eq!(gone["outcome"], "done");
        assert_eq!(left(node, &before), Vec::<PathBuf>::new());
        gateway("list").ended(0).said(&["There are no shares."]);
        for command in ["status vault", "stop vault", "delete vault --purge --yes"] {
            gateway(command)
                .ended(3)
                .said(&["there is no share `vault`"]);
        }
    });
}

#[test]
fn what_a_node_lacks_is_told_before_anything_is_touched() {
    require!(Capability::Root, Capability::Samba);
    let test = "what_a_node_lacks_is_told_before_anything_is_touched";
    on_a_node_with_a_password(test, |node| {
        let before = node.files();
        let codes = |arguments: &str, status: i32| -> Vec<String> {
            let document = gateway(&format!("{arguments} --json")).ended(status).json();
            let problems = document["problems"].as_array().cloned();
            let code = |problem: Value| problem["code"].as_str().unwrap().to_owned();
            problems.unwrap_or_default().into_iter().map(code).collect()
        };
        let vault = "create vault --mode vm --quota 1G --user alice --password-file /srv/secret";
        let wrong =
            "--vm-storage nowhere --vm-snippets data --bridge vmbr9 --vm-cores 99 --vmid 101";
        let told = codes(&format!("{vault} {wrong}"), 4);
        for code in [
            "vm.vmid-taken",
            "vm.cores-excessive",
            "vm.storage-missing",
            "vm.snippets-disabled",
            "vm.bridge-missing",
        ] {
            assert!(told.iter().any(|one| one == code), "{code}: {told:?}");
        }

        // A share of this machine has the name.
        let record = r#"{"version":1,"spec":{"name":"Vault","mode":"native","path":"/srv/vault",
            "quota":1073741824,"access":{"guest":true},"min_protocol":"3.0","encryption":"desired"},
            "volume":{"path":"/srv/vault","filesystem":"btrfs","handle":"subvolume","origin":"created"},
            "created_at":0}"#;
        fs::create_dir_all("/etc/smbgw/shares").unwrap();
        fs::write("/etc/smbgw/shares/vault.json", record).unwrap();
        let told = codes(&format!("{CREATE} --bridge vmbr9"), 4);
        assert_eq!(told, ["share.name-taken", "vm.bridge-missing"]);
        gateway("start vault")
            .ended(4)
            .said(&["is served by this machine itself"]);
        fs::remove_file("/etc/smbgw/shares/vault.json").unwrap();

        // The only template is taken, and none where there are several, or nothing.
        let check = "check vault --mode vm --quota 1G --user alice";
        fs::create_dir_all("/var/lib/smbgw/templates/other").unwrap();
        for file in ["template.json", "disk.qcow2"] {
            let [from, to] =
                ["lab", "other"].map(|name| format!("/var/lib/smbgw/templates/{name}/{file}"));
            fs::copy(from, to).unwrap();
        }
        let record = "/var/lib/smbgw/templates/other/template.json";
        let text = fs::read_to_string(record).unwrap();
        fs::write(record, text.replace("\"lab\"", "\"other\"")).unwrap();
        gateway(check)
            .ended(2)
            .said(&["several templates: lab, other", "--vm-template"]);
        gateway(&format!("{check} --vm-template other"))
            .ended(0)
            .said(&["template: other"]);
        fs::rename("/var/lib/smbgw/templates", "/var/lib/smbgw/aside").unwrap();
        gateway(check)
            .ended(5)
            .said(&["there is no template", "template build"]);
        fs::rename("/var/lib/smbgw/aside", "/var/lib/smbgw/templates").unwrap();
        fs::remove_dir_all("/var/lib/smbgw/templates/other").unwrap();

        gateway_with(
            &CREATE
                .replace("/srv/secret", "-")
                .split_whitespace()
                .collect::<Vec<_>>(),
            "",
        )
        .ended(2)
        .said(&["the password is empty"]);
        assert_eq!(node.files(), before);
        let calls = node.standin.calls().unwrap();
        assert!(
            calls.iter().all(|call| call.starts_with("pvesh get ")),
            "{calls:?}"
        );
    });
}

#[test]
fn what_was_killed_is_undone_by_recovering() {
    require!(Capability::Root, Capability::Samba);
    let test = "what_was_killed_is_undone_by_recovering";
    on_a_node_with_a_password(test, |node| {
        let before = node.files();
        let slow = PveFault::TakeTime(Duration::from_secs(10));
        for json in [false, true] {
            node.standin.fault("qm start", 1, slow).unwrap();
            let starts = node.standin.count("qm start").unwrap();
            let arguments: Vec<&str> = CREATE.split_whitespace().collect();
            let mut child = start(&arguments, Stdio::null());
            let late = Instant::now() + Duration::from_secs(120);
            while node.standin.count("qm start").unwrap() == starts {
                assert!(Instant::now() < late, "it was not started");
                std::thread::sleep(Duration::from_millis(20));
            }
            // Nobody else takes the name meanwhile.
            gateway("create vault --quota 1G --guest --timeout 1").ended(4);
            child.kill().unwrap();
            assert_eq!(wait(child).status, -1);
            node.standin.no_faults().unwrap();
            gateway("list").ended(0).said(&["vault", "vm"]);
            match json {
                false => {
                    gateway("recover")
                        .ended(0)
                        .said(&["provisioning of vault: undone"]);
                }
                true => {
                    let recovered = gateway("recover --json").ended(0).json();
                    let one = &recovered[0];
                    assert_eq!(
                        [
                            &one["share"],
                            &one["mode"],
                            &one["operation"],
                            &one["outcome"]
                        ],
                        ["vault", "vm", "provision", "rolled-back"]
                    );
                }
            }
            assert_eq!(node.files(), before);
            gateway("list").ended(0).said(&["There are no shares."]);
        }
    });
}
