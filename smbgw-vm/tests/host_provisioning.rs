//! Guests of Proxmox VE made, looked at and taken away; what goes wrong on the way leaves nothing.

#![allow(clippy::print_stdout, reason = "a test that fails shows what it did")]

mod guest_node;

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use guest_node::{GuestNode, PASSWORD, is_killed, of, on_a_node, play, request};
use smbgw_core::error::Coded;
use smbgw_core::lifecycle::Finding;
use smbgw_core::testing::KillAt;
use smbgw_testing::{Capability, PveFault, require};
use smbgw_vm::provisioning::{
    GuestRequest, GuestState, Outcome, Provisioned, Provisioning, ProvisioningError,
    TemplateOrigin, Waits, list, problems, provision, recover, remove, status,
};
use smbgw_vm::proxmox::RunState;

fn done(outcome: Result<Outcome, ProvisioningError>) -> Provisioned {
    match outcome {
        Ok(Outcome::Done(done)) => done,
        other => panic!("{other:#?}"),
    }
}

/// Why it was undone.
fn undone(outcome: Result<Outcome, ProvisioningError>) -> Finding {
    match outcome {
        Ok(Outcome::RolledBack { cause }) => cause,
        other => panic!("{other:#?}"),
    }
}

#[test]
fn a_guest_lives_from_provisioning_to_removal() {
    require!(Capability::Root, Capability::Samba);
    on_a_node("a_guest_lives_from_provisioning_to_removal", |node| {
        let world = node.world();
        let before = node.files();
        assert_eq!(problems(&world, &request()).unwrap(), []);
        let made = done(provision(&world, &request()));
        assert_eq!(made.steps.len(), 15);
        // The template has the first number.
        let vmid = made.vmid.unwrap();
        assert_eq!(vmid.number(), 102);
        assert_eq!(made.address, Some(of("192.0.2.10")));
        assert!(
            made.notes
                .iter()
                .any(|note| note.contains("local, local-lvm")),
            "{:?}",
            made.notes
        );

        let config = node.proxmox.config(vmid).unwrap();
        assert_eq!((config.name(), config.memory_mib()), (Some("vault"), 1024));
        assert!(
            config
                .option("net0")
                .unwrap()
                .ends_with(",bridge=vmbr0,tag=7")
        );
        let data = config.disk(&of("virtio1")).unwrap();
        assert_eq!(data.size.map(|size| size.bytes()), Some(2 << 30));
        assert!(
            config
                .option("virtio1")
                .unwrap()
                .contains("serial=smbgw-data")
        );
        assert!(
            config
                .option("virtio0")
                .unwrap()
                .contains("base-100-disk-0/vm-102-disk-0")
        );
        let password = fs::read_to_string("/srv/state/102/password").unwrap();
        assert_eq!(password, format!("{PASSWORD}\n{PASSWORD}\n"));
        // The password is in nothing that stays. The disks are empty.
        let is_text = |path: &&PathBuf| {
            let folders = ["/var/lib/smbgw", "/var/lib/vz", "/etc/pve"];
            folders.iter().any(|folder| path.starts_with(folder)) && !path.ends_with("disk.qcow2")
        };
        for path in node.files().iter().filter(is_text) {
            let content = fs::read(path).unwrap();
            let has = String::from_utf8_lossy(&content).contains(PASSWORD);
            assert!(!has, "{}", path.display());
        }
        let calls = node.standin.calls().unwrap();
        assert!(!calls.iter().any(|call| call.contains(PASSWORD)));

        let report = status(&world, &of("VAULT")).unwrap();
        assert_eq!(report.state, Some(RunState::Running));
        assert!(report.agent_answers && report.smb_answers && report.kept_available);
        assert_eq!(
            (report.findings.as_slice(), report.record.state),
            (&[][..], GuestState::Ready)
        );
        // The share is served, to its user alone, and what the guest has beside it stays.
        let share = report.share.unwrap();
        assert!(share.answers);
        let usage = share.usage.unwrap();
        assert_eq!((usage.limit.bytes(), usage.used.bytes()), (100 << 20, 0));
        let rights = run_text("getfacl", &["-cE", "/srv/smbgw/media"]);
        assert!(rights.contains("default:user:alice:rwx\n"), "{rights}");
        assert!(rights.contains("\nother::---\n"), "{rights}");
        let smb_conf = fs::read_to_string("/etc/samba/smb.conf").unwrap();
        assert!(smb_conf.contains("map to guest = bad user"), "{smb_conf}");
        let served = run_text(
            "smbclient",
            &[
                "-Ualice%correct horse",
                "//192.0.2.10/Media",
                "-c",
                "put /etc/hostname name; ls",
            ],
        );
        assert!(served.contains(" name "), "{served}");
        assert!(PathBuf::from("/srv/smbgw/media/name").exists());
        let error = provision(&world, &request()).unwrap_err();
        assert!(
            error.to_string().contains("was made on this node"),
            "{error}"
        );

        // Another one has the same template; it gets its address by DHCP.
        let second = GuestRequest {
            name: of("second"),
            vmid: Some(of("200")),
            address: of("dhcp"),
            highly_available: false,
            data: None,
            share: None,
            users: vec![],
            linked: false,
            ..request()
        };
        let made = done(provision(&world, &second));
        assert_eq!(
            (made.vmid, made.address),
            (Some(of("200")), Some(of("192.0.2.30")))
        );
        assert_eq!(made.steps.len(), 9);
        assert_eq!(list(&world).unwrap().len(), 2);

        done(remove(&world, &of("second")));
        done(remove(&world, &of("vault")));
        assert!(!node.proxmox.is_kept_available(vmid).unwrap());
        let error = remove(&world, &of("vault")).unwrap_err();
        assert_eq!(error.code(), "vm.guest-unknown");
        // What stays is the template.
        let left: Vec<_> = node
            .files()
            .into_iter()
            .filter(|path| !before.contains(path))
            .collect();
        assert_eq!(left.len(), 4, "{left:?}");
        assert!(
            left.iter().all(|path| {
                let path = path.to_str().unwrap();
                path.contains("/100.conf")
                    || path.contains("-100-")
                    || path.contains("/lab@local-lvm.json")
            }),
            "{left:?}"
        );
        assert_eq!(recover(&world).unwrap(), []);
    });
}

fn run_text(program: &str, words: &[&str]) -> String {
    let output = Command::new(program).args(words).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let said = text(&output.stdout) + &text(&output.stderr);
    assert!(output.status.success(), "{program}: {said}");
    said
}

#[test]
fn all_that_is_wrong_is_told_before_anything_is_touched() {
    require!(Capability::Root, Capability::Samba);
    on_a_node(
        "all_that_is_wrong_is_told_before_anything_is_touched",
        |node| {
            let world = node.world();
            let before = node.files();
            let wrong = GuestRequest {
                vmid: Some(of("101")),
                memory_mib: 64,
                template: TemplateOrigin::InStore(of("other")),
                storage: of("vg"),
                bridge: of("vmbr9"),
                snippets: of("data"),
                users: vec![of("alice"), of("bob"), of("alice")],
                ..request()
            };
            let Err(ProvisioningError::Refused(problems)) = provision(&world, &wrong) else {
                panic!("it was begun");
            };
            let codes: Vec<&str> = problems.iter().map(|one| one.code.as_str()).collect();
            assert_eq!(
                codes,
                [
                    "vm.password-missing",
                    "vm.template-not-found",
                    "vm.document-refused",
                    "vm.vmid-taken",
                    "vm.memory-invalid",
                    "vm.snippets-disabled",
                    "vm.bridge-missing",
                ]
            );
            assert_eq!(node.files(), before);
            let calls = node.standin.calls().unwrap();
            assert!(
                calls.iter().all(|call| call.starts_with("pvesh get ")),
                "{calls:?}"
            );
            let linked = GuestRequest {
                storage: of("vg"),
                ..request()
            };
            let found = codes_of(node, &linked);
            assert_eq!(found, ["vm.clone-kind-unfit"]);
        },
    );
}

fn codes_of(node: &GuestNode<'_>, request: &GuestRequest) -> Vec<String> {
    let found = problems(&node.world(), request).unwrap();
    found.into_iter().map(|problem| problem.code).collect()
}

#[test]
fn a_guest_that_does_not_get_ready_is_told_with_what_it_said() {
    require!(Capability::Root, Capability::Samba);
    on_a_node(
        "a_guest_that_does_not_get_ready_is_told_with_what_it_said",
        |node| {
            let before = node.files();
            let short = Duration::from_secs(1);
            let usual = Waits::default();
            let world = |waits: Waits| Provisioning {
                waits,
                ..node.world()
            };
            let case = |what: &str, waits: Waits, code: &str, text: &str| {
                node.guests_are(what, true);
                let cause = undone(provision(&world(waits), &request()));
                assert_eq!(cause.code, code, "{cause:?}");
                assert!(cause.message.contains(text), "{cause:?}");
                node.guests_are(what, false);
                assert_eq!(node.files(), before, "{what}");
            };
            let agent = Waits {
                agent: short,
                ..usual
            };
            case("silent", agent, "vm.guest-silent", "did not answer within");
            let ready = Waits {
                ready: short,
                ..usual
            };
            case("slow", ready, "vm.guest-not-ready", "the end of a log");
            case("broken", usual, "vm.guest-not-ready", "ended, and not well");
            case("refuses", usual, "vm.password-refused", "no such user");
            // Nobody is at that address.
            let nowhere = GuestRequest {
                address: of("192.0.2.99/24"),
                ..request()
            };
            let smb = Waits {
                smb: short,
                ..usual
            };
            let cause = undone(provision(&world(smb), &nowhere));
            assert_eq!(cause.code, "vm.guest-no-smb", "{cause:?}");
            assert!(cause.message.contains("at 192.0.2.99"), "{cause:?}");
            assert_eq!(node.files(), before);
        },
    );
}

/// Where calls go wrong: those that begin with these words, of them the one with this number.
const CALLS: [(&str, u32); 19] = [
    ("pvesh get /cluster/nextid", 1),
    ("qm create", 1),
    ("pvesh create /nodes/pve/qemu/100/template", 1),
    ("qm clone", 1),
    ("pvesm path", 2),
    ("qm set", 1),
    ("qm set", 2),
    ("qm start", 1),
    ("qm guest cmd", 1),
    ("qm guest exec", 1),
    ("qm guest exec 102 --timeout 30 --pass-stdin", 1),
    ("qm guest exec 102 --timeout 60", 1),
    ("qm guest exec 102 --timeout 60", 3),
    ("qm guest exec 102 --timeout 60 -- /usr/sbin/setquota", 1),
    ("qm guest exec 102 --timeout 60 --pass-stdin", 2),
    ("qm guest exec 102 --timeout 60 -- /usr/bin/testparm", 1),
    ("qm guest exec 102 --timeout 60 -- /usr/bin/smbcontrol", 1),
    ("ha-manager add", 1),
    ("pvesh get /cluster/ha/resources", 1),
];

#[test]
fn a_call_that_fails_leaves_nothing() {
    require!(Capability::Root, Capability::Samba);
    on_a_node("a_call_that_fails_leaves_nothing", |node| {
        let world = node.world();
        let before = node.files();
        for (call, nth) in CALLS {
            let is_task = ["qm create", "qm clone", "qm start", "pvesh create"];
            let mut faults = vec![PveFault::Refuse("it broke")];
            // What runs in a guest takes the place of the stand-in, which then cannot lose the answer.
            if !call.starts_with("qm guest exec") {
                faults.push(PveFault::LoseAnswer("it broke"));
            }
            if is_task.iter().any(|task| call.starts_with(task)) {
                faults.push(PveFault::FailTask("it broke"));
            }
            for fault in faults {
                let what = format!("{call} {nth}: {fault:?}");
                println!("{what}");
                node.standin.fault(call, nth, fault).unwrap();
                match provision(&world, &request()) {
                    Ok(Outcome::RolledBack { cause }) => {
                        assert!(cause.message.contains("it broke"), "{what}: {cause:?}");
                    }
                    Err(error) => assert!(call.starts_with("pvesh get"), "{what}: {error}"),
                    // What was begun and has no mark could be anybody's.
                    Ok(Outcome::NeedsAttention { cause, left_behind }) => {
                        let is_bare = matches!(fault, PveFault::FailTask(_))
                            && (call == "qm create" || call == "qm clone");
                        assert!(is_bare, "{what}: {cause:?}");
                        assert!(
                            cause.message.contains("it has no mark"),
                            "{what}: {cause:?}"
                        );
                        assert!(!left_behind.is_empty());
                        let number = if call == "qm create" { 100 } else { 102 };
                        let path = format!("/etc/pve/nodes/pve/qemu-server/{number}.conf");
                        fs::remove_file(path).unwrap();
                        let settled = recover(&world).unwrap();
                        let is_undone = |outcome| matches!(outcome, &Outcome::RolledBack { .. });
                        assert!(is_undone(&settled[0].outcome), "{what}: {settled:#?}");
                    }
                    other => panic!("{what}: {other:#?}"),
                }
                node.standin.no_faults().unwrap();
                assert_eq!(node.files(), before, "{what}");
            }
        }
    });
}

#[test]
fn what_cannot_be_undone_is_told_and_recovered() {
    require!(Capability::Root, Capability::Samba);
    on_a_node("what_cannot_be_undone_is_told_and_recovered", |node| {
        let world = node.world();
        let before = node.files();
        node.guests_are("broken", true);
        let refuse = PveFault::Refuse("it broke");
        node.standin.fault("qm destroy", 1, refuse).unwrap();
        let outcome = provision(&world, &request()).unwrap();
        let Outcome::NeedsAttention { cause, left_behind } = outcome else {
            panic!("{outcome:#?}");
        };
        assert_eq!(cause.code, "vm.guest-not-ready");
        assert!(
            cause
                .message
                .contains("undoing `make the virtual machine vault` failed too"),
            "{cause:?}"
        );
        let mark = node.proxmox.config(of("102")).unwrap().mark().unwrap();
        assert!(
            left_behind
                .iter()
                .any(|left| left.what.contains(mark.as_str())),
            "{left_behind:?}"
        );
        node.standin.no_faults().unwrap();
        let recovered = recover(&world).unwrap();
        assert!(
            matches!(recovered[..], [_])
                && matches!(recovered[0].outcome, Outcome::RolledBack { .. }),
            "{recovered:#?}"
        );
        assert_eq!(node.files(), before);
        node.guests_are("broken", false);

        // A removal is finished, not undone.
        done(provision(&world, &request()));
        node.standin.fault("pvesm path", 2, refuse).unwrap();
        let outcome = remove(&world, &of("vault")).unwrap();
        assert!(
            matches!(outcome, Outcome::NeedsAttention { .. }),
            "{outcome:#?}"
        );
        node.standin.no_faults().unwrap();
        let recovered = recover(&world).unwrap();
        assert!(recovered[0].outcome.is_done(), "{recovered:#?}");
        assert!(list(&world).unwrap().is_empty());

        // One that lost its mark is not ours any more.
        done(provision(&world, &request()));
        let path = "/etc/pve/nodes/pve/qemu-server/102.conf";
        let config = fs::read_to_string(path).unwrap();
        fs::write(path, config.replace("smbgw-mark", "no-mark")).unwrap();
        let error = remove(&world, &of("vault")).unwrap_err();
        assert_eq!(error.code(), "vm.guest-not-ours");
        assert!(!status(&world, &of("vault")).unwrap().findings.is_empty());
        assert!(node.standin.config(102).is_some());
    });
}

#[test]
fn provisioning_survives_kills_at_every_step() {
    let test = "provisioning_survives_kills_at_every_step";
    if play(|node, number| {
        let kill = KillAt::new(number);
        done(provision(&node.world_with(&kill), &request()));
    }) {
        return;
    }
    require!(Capability::Root, Capability::Samba);
    on_a_node(test, |node| {
        let world = node.world();
        let before = node.files();
        let mut number = 1;
        while is_killed(test, number) {
            let recovered = recover(&world).unwrap();
            let what = format!("killed at event {number}: {recovered:#?}");
            assert!(recovered.len() <= 1, "{what}");
            if list(&world).unwrap().is_empty() {
                assert_eq!(node.files(), before, "{what}");
            } else {
                assert!(recovered[0].outcome.is_done(), "{what}");
                break;
            }
            assert_eq!(recover(&world).unwrap(), [], "{what}");
            number += 1;
        }
        assert!(number > 25, "it was hardly killed: {number}");
        let report = status(&world, &of("vault")).unwrap();
        assert!(report.smb_answers && report.record.state == GuestState::Ready);
    });
}
