//! Proxmox VE by its commands: what the stand-ins of them keep on disk is what was asked for, and what goes wrong
//! is told apart.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use smbgw_core::change::Change;
use smbgw_core::deadline::Deadline;
use smbgw_core::error::{Coded, ErrorKind};
use smbgw_core::host::LocalHost;
use smbgw_core::secret::Secret;
use smbgw_core::size::ByteSize;
use smbgw_testing::inside::is_inside;
use smbgw_testing::{Capability, LightHost, ProxmoxNode, PveFault, require};
use smbgw_vm::proxmox::{
    CloneKind, Content, DiskSource, Documents, GuestSettings, HaState, Mark, NetworkCard, NewGuest,
    Proxmox, ProxmoxError, Release, RunState, SharedDirectory,
};
use smbgw_vm::resources::{Facts, GuestRequest, Origin, Policy, check};
use smbgw_vm::vmid::Vmid;

/// Runs `body` on a node of Proxmox VE of its own.
fn on_a_node(test: &str, body: impl FnOnce(&ProxmoxNode, &Proxmox<'_>)) {
    if !is_inside() {
        LightHost::start().unwrap().run_test(test, &[]).unwrap();
        return;
    }
    let node = ProxmoxNode::install().unwrap();
    let host = LocalHost::new();
    let proxmox = Proxmox::open(&host, soon()).unwrap();
    assert_eq!(proxmox.node().as_str(), "pve");
    body(&node, &proxmox);
}

fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(120))
}

fn of<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

fn vmid(number: u32) -> Vmid {
    Vmid::try_from(number).unwrap()
}

/// Settings of a guest with `mark`, a disk and a drive for cloud-init.
fn settings(mark: &Mark) -> GuestSettings {
    GuestSettings {
        name: Some(of("vault")),
        description: Some(mark.description("Serves the share vault: 100% of it.")),
        memory_mib: Some(2048),
        cores: Some(2),
        disks: vec![(
            of("scsi0"),
            DiskSource::Empty {
                storage: of("local-lvm"),
                size_gib: 4,
            },
        )],
        cloud_init: Some((of("ide2"), of("local-lvm"))),
        agent: Some(true),
        serial_console: true,
        ..GuestSettings::default()
    }
}

/// A template, number 9000, made of an image.
fn make_template(proxmox: &Proxmox<'_>, storage: &str) -> Mark {
    let image = Path::new("/srv/template.raw");
    let mut content = vec![0; 3 << 20];
    content[..4].copy_from_slice(b"disk");
    fs::write(image, content).unwrap();
    let mark = Mark::new().unwrap();
    let import = DiskSource::Import {
        storage: of(storage),
        image: image.into(),
        as_qcow2: false,
    };
    let settings = GuestSettings {
        disks: vec![(of("scsi0"), import)],
        ..settings(&mark)
    };
    proxmox.create(vmid(9000), &settings).unwrap();
    proxmox.make_template(vmid(9000)).unwrap();
    mark
}

fn new_guest(mark: &Mark) -> NewGuest {
    NewGuest {
        name: of("vault"),
        description: mark.description("A share."),
    }
}

#[test]
fn a_guest_lives_from_create_to_destroy() {
    require!(Capability::Root);
    on_a_node("a_guest_lives_from_create_to_destroy", |node, proxmox| {
        let mark = Mark::new().unwrap();
        let id = proxmox.next_id().unwrap();
        assert_eq!(id.number(), 100);
        assert!(proxmox.is_free(id).unwrap() && !proxmox.is_free(vmid(101)).unwrap());
        assert!(proxmox.find_config(id).unwrap().is_none());
        proxmox.create(id, &settings(&mark)).unwrap();

        let config = proxmox.config(id).unwrap();
        assert_eq!(config.mark(), Some(mark.clone()));
        assert_eq!((config.name(), config.memory_mib()), (Some("vault"), 2048));
        assert!(config.has_agent() && config.option("serial0") == Some("socket"));
        assert_eq!(config.disks().len(), 2);
        let disk = config.disk(&of("scsi0")).unwrap();
        assert_eq!(disk.size, Some(ByteSize::from_mib(4096)));
        assert!(
            node.config(100)
                .unwrap()
                .contains(&format!("#smbgw-mark%3A {mark}"))
        );
        assert_eq!(node.volumes().len(), 2);

        // What is changed later.
        let change = GuestSettings {
            memory_mib: Some(4096),
            cards: vec![(
                0,
                NetworkCard {
                    bridge: of("vmbr0"),
                    vlan: Some(7),
                    mac: None,
                    firewall: false,
                },
            )],
            addresses: vec![(0, of("192.0.2.10/24,gw=192.0.2.1"))],
            ssh_keys: Some("/srv/keys".into()),
            unset: vec![of("vga")],
            ..GuestSettings::default()
        };
        fs::write("/srv/keys", "ssh-ed25519 AAAA me@here\n").unwrap();
        proxmox.set(id, &change).unwrap();
        let config = proxmox.config(id).unwrap();
        assert_eq!((config.memory_mib(), config.option("vga")), (4096, None));
        assert!(config.mac(0).is_some());
        assert_eq!(
            config.addresses(),
            ["192.0.2.10".parse::<std::net::IpAddr>().unwrap()]
        );
        assert_eq!(
            config.option("sshkeys"),
            Some("ssh-ed25519%20AAAA%20me%40here%0A")
        );

        let larger = ByteSize::from_mib(5 << 10);
        proxmox.grow_disk(id, &of("scsi0"), larger).unwrap();
        let disk = proxmox.config(id).unwrap().disk(&of("scsi0")).unwrap();
        assert_eq!(disk.size, Some(larger));
        let smaller = proxmox.grow_disk(id, &of("scsi0"), ByteSize::from_mib(1));
        let error = smaller.unwrap_err();
        assert_eq!(error.code(), "vm.task-failed");
        assert!(
            error
                .to_string()
                .contains("shrinking disks is not supported"),
            "{error}"
        );

        proxmox.renew_cloud_init(id).unwrap();
        proxmox.start(id).unwrap();
        assert_eq!(proxmox.status(id).unwrap().state, RunState::Running);
        let error = proxmox.start(id).unwrap_err();
        assert!(
            matches!(error, ProxmoxError::AlreadyRunning { .. }),
            "{error}"
        );
        let ours = proxmox.ours(id, &mark).unwrap().unwrap();
        let error = proxmox.destroy(ours).unwrap_err();
        assert!(error.to_string().contains("is running"), "{error}");
        proxmox.shut_down(id, 10).unwrap();
        proxmox.stop(id).unwrap();
        assert_eq!(proxmox.status(id).unwrap().state, RunState::Stopped);
        let entry = proxmox
            .guests()
            .unwrap()
            .into_iter()
            .find(|guest| guest.vmid == id)
            .unwrap();
        assert!(!entry.is_running && entry.memory_bytes == 4 << 30);

        let ours = proxmox.ours(id, &mark).unwrap().unwrap();
        proxmox.destroy(ours).unwrap();
        assert!(proxmox.ours(id, &mark).unwrap().is_none());
        assert!(node.config(100).is_none());
        assert_eq!(node.volumes(), Vec::<std::path::PathBuf>::new());
    });
}

#[test]
fn what_is_missing_taken_or_held_is_told_apart() {
    require!(Capability::Root);
    on_a_node(
        "what_is_missing_taken_or_held_is_told_apart",
        |node, proxmox| {
            let gone = vmid(777);
            for error in [
                proxmox.config(gone).unwrap_err(),
                proxmox.status(gone).unwrap_err(),
                proxmox.start(gone).unwrap_err(),
                proxmox.make_template(gone).unwrap_err(),
                proxmox.ping_agent(gone).unwrap_err(),
                proxmox
                    .clone_guest(
                        gone,
                        vmid(778),
                        &new_guest(&Mark::new().unwrap()),
                        &CloneKind::Linked,
                    )
                    .unwrap_err(),
            ] {
                assert!(error.is_not_found(), "{error}");
                assert_eq!(
                    error.to_string(),
                    "there is no virtual machine 777 on this node"
                );
                assert_eq!(error.code(), "vm.guest-missing");
            }
            let mark = Mark::new().unwrap();
            // A container of another node has it.
            let error = proxmox.create(vmid(101), &settings(&mark)).unwrap_err();
            assert!(matches!(error, ProxmoxError::VmidTaken { .. }), "{error}");
            assert_eq!(error.kind(), ErrorKind::Conflict);

            let nowhere = GuestSettings {
                cloud_init: Some((of("ide2"), of("nowhere"))),
                ..settings(&mark)
            };
            let error = proxmox.create(vmid(100), &nowhere).unwrap_err();
            assert!(
                matches!(&error, ProxmoxError::NoSuchStorage { storage } if storage == "nowhere"),
                "{error}"
            );
            let huge = GuestSettings {
                disks: vec![(
                    of("scsi0"),
                    DiskSource::Empty {
                        storage: of("local-lvm"),
                        size_gib: 500,
                    },
                )],
                ..settings(&mark)
            };
            let error = proxmox.create(vmid(100), &huge).unwrap_err();
            assert!(matches!(error, ProxmoxError::StorageFull { .. }), "{error}");
            // What failed has left nothing.
            assert!(node.config(100).is_none() && node.volumes().is_empty());

            proxmox.create(vmid(100), &settings(&mark)).unwrap();
            let path = "/etc/pve/nodes/pve/qemu-server/100.conf";
            let free = node.config(100).unwrap();
            fs::write(path, format!("{free}lock: migrate\n")).unwrap();
            let set = proxmox.set(
                vmid(100),
                &GuestSettings {
                    cores: Some(1),
                    ..GuestSettings::default()
                },
            );
            for error in [
                set.unwrap_err(),
                proxmox.start(vmid(100)).unwrap_err(),
                proxmox.make_template(vmid(100)).unwrap_err(),
            ] {
                assert!(
                    matches!(&error, ProxmoxError::Locked { lock, .. } if lock == "migrate"),
                    "{error}"
                );
            }
            let ours = proxmox.ours(vmid(100), &mark).unwrap().unwrap();
            proxmox.unlock(&ours).unwrap();
            assert_eq!(node.config(100).unwrap(), free);
        },
    );
}

#[test]
fn clones_carry_their_own_mark() {
    require!(Capability::Root);
    on_a_node("clones_carry_their_own_mark", |node, proxmox| {
        let template_mark = make_template(proxmox, "local-lvm");
        let template = proxmox.config(vmid(9000)).unwrap();
        assert!(template.is_template());
        let mark = Mark::new().unwrap();
        proxmox
            .clone_guest(vmid(9000), vmid(105), &new_guest(&mark), &CloneKind::Linked)
            .unwrap();
        let config = proxmox.config(vmid(105)).unwrap();
        assert!(!config.is_template());
        assert_eq!(
            (config.mark(), config.name()),
            (Some(mark.clone()), Some("vault"))
        );
        let volume = config.disk(&of("scsi0")).unwrap().volume;
        assert_eq!(
            volume.to_string(),
            "local-lvm:base-9000-disk-0/vm-105-disk-0"
        );
        let error = proxmox.ours(vmid(105), &template_mark).unwrap_err();
        assert!(matches!(error, ProxmoxError::NotOurs { .. }), "{error}");

        let full = CloneKind::Full {
            storage: Some(of("data")),
        };
        let other = Mark::new().unwrap();
        proxmox
            .clone_guest(vmid(9000), vmid(106), &new_guest(&other), &full)
            .unwrap();
        let copy = proxmox
            .config(vmid(106))
            .unwrap()
            .disk(&of("scsi0"))
            .unwrap();
        assert_eq!(copy.size, Some(ByteSize::from_mib(3)));
        let path = proxmox.path_of_volume(&copy.volume).unwrap();
        assert_eq!(&fs::read(path).unwrap()[..4], b"disk");

        // The template is in use as long as a guest is linked to it.
        let ours = proxmox.ours(vmid(9000), &template_mark).unwrap().unwrap();
        let error = proxmox.destroy(ours).unwrap_err();
        assert!(error.to_string().contains("still in use"), "{error}");
        for (id, mark) in [(105, &mark), (106, &other), (9000, &template_mark)] {
            let ours = proxmox.ours(vmid(id), mark).unwrap().unwrap();
            proxmox.destroy(ours).unwrap();
        }
        assert!(node.volumes().is_empty(), "{:?}", node.volumes());
    });
}

#[test]
fn a_task_that_fails_is_no_success() {
    require!(Capability::Root);
    on_a_node("a_task_that_fails_is_no_success", |node, proxmox| {
        let mark = Mark::new().unwrap();
        proxmox.create(vmid(100), &settings(&mark)).unwrap();
        // `pvesh` exits with 0 all the same.
        node.fault("pvesh create", 1, PveFault::FailTask("lvcreate failed: 5"))
            .unwrap();
        let error = proxmox.make_template(vmid(100)).unwrap_err();
        assert!(
            matches!(&error, ProxmoxError::TaskFailed { status, log, .. }
            if status == "lvcreate failed: 5" && log.iter().any(|line| line.contains("TASK ERROR"))),
            "{error}"
        );
        assert!(!proxmox.config(vmid(100)).unwrap().is_template());
        node.fault(
            "pvesh create",
            1,
            PveFault::FailTask("VM is locked (backup)"),
        )
        .unwrap();
        let error = proxmox.make_template(vmid(100)).unwrap_err();
        assert!(matches!(error, ProxmoxError::Locked { .. }), "{error}");
        // `qm` says it by its exit status, and why on standard output.
        node.fault(
            "qm start",
            1,
            PveFault::FailTask("start failed: QEMU exited with code 1"),
        )
        .unwrap();
        let error = proxmox.start(vmid(100)).unwrap_err();
        assert!(
            error.to_string().contains("QEMU exited with code 1"),
            "{error}"
        );
        node.fault(
            "qm start",
            1,
            PveFault::LoseAnswer("ipcc_send_rec failed: Connection refused"),
        )
        .unwrap();
        assert!(proxmox.start(vmid(100)).is_err());
        assert_eq!(proxmox.status(vmid(100)).unwrap().state, RunState::Running);
        assert_eq!(node.count("qm start").unwrap(), 2);
    });
}

#[test]
fn a_command_that_is_interrupted_leaves_its_task_at_work() {
    require!(Capability::Root);
    on_a_node(
        "a_command_that_is_interrupted_leaves_its_task_at_work",
        |node, proxmox| {
            make_template(proxmox, "local-lvm");
            let mark = Mark::new().unwrap();
            node.fault("qm clone", 1, PveFault::TakeTime(Duration::from_secs(6)))
                .unwrap();
            let hasty = proxmox.until(Deadline::after(Duration::from_secs(2)));
            let linked = CloneKind::Linked;
            let error = hasty
                .clone_guest(vmid(9000), vmid(105), &new_guest(&mark), &linked)
                .unwrap_err();
            assert_eq!(error.code(), "host.command-timed-out", "{error}");
            // Half of it is there, and nobody may take it away.
            let error = proxmox.ours(vmid(105), &mark).unwrap_err();
            assert!(
                error.to_string().contains("interrupted or is under way"),
                "{error}"
            );
            assert_eq!(proxmox.tasks_of(vmid(9000)).unwrap()[0].kind(), "qmclone");
            let error = proxmox
                .until(Deadline::after(Duration::ZERO))
                .await_quiet(vmid(9000));
            assert!(error.is_err());
            proxmox.await_quiet(vmid(9000)).unwrap();
            let ours = proxmox.ours(vmid(105), &mark).unwrap().unwrap();
            proxmox.destroy(ours).unwrap();
        },
    );
}

#[test]
fn a_number_is_had_by_one() {
    require!(Capability::Root);
    on_a_node("a_number_is_had_by_one", |node, proxmox| {
        let made: Vec<Vmid> = thread::scope(|scope| {
            let workers: Vec<_> = (0..3)
                .map(|_| {
                    scope.spawn(|| {
                        let mark = Mark::new().unwrap();
                        let settings = settings(&mark);
                        let (id, ()) = proxmox.claim(|id| proxmox.create(id, &settings)).unwrap();
                        assert!(proxmox.ours(id, &mark).unwrap().is_some());
                        id
                    })
                })
                .collect();
            workers
                .into_iter()
                .map(|worker| worker.join().unwrap())
                .collect()
        });
        let mut numbers: Vec<u32> = made.iter().map(|id| id.number()).collect();
        numbers.sort_unstable();
        // 101 belongs to a container of another node.
        assert_eq!(numbers, [100, 102, 103]);

        // What is always taken is given up some time, and other failures are told at once.
        let taken = || Err::<(), _>(ProxmoxError::VmidTaken { vmid: vmid(104) });
        let error = proxmox.claim(|_| taken()).unwrap_err();
        assert!(matches!(error, ProxmoxError::NoFreeVmid { .. }), "{error}");
        let mut tried = Vec::new();
        let claimed = proxmox.claim(|id| {
            tried.push(id.number());
            if id.number() < 106 { taken() } else { Ok(()) }
        });
        assert_eq!(claimed.unwrap().0.number(), 106);
        assert_eq!(tried, [104, 105, 106]);
        node.fault(
            "qm create",
            1,
            PveFault::Refuse("400 Parameter verification failed."),
        )
        .unwrap();
        let mark = Mark::new().unwrap();
        assert!(
            proxmox
                .claim(|id| proxmox.create(id, &settings(&mark)))
                .is_err()
        );
    });
}

#[test]
fn guests_are_asked_by_their_agent() {
    require!(Capability::Root);
    on_a_node("guests_are_asked_by_their_agent", |node, proxmox| {
        let mark = Mark::new().unwrap();
        let id = vmid(100);
        proxmox
            .create(
                id,
                &GuestSettings {
                    agent: None,
                    ..settings(&mark)
                },
            )
            .unwrap();
        let error = proxmox.ping_agent(id).unwrap_err();
        assert!(matches!(error, ProxmoxError::NoAgent { .. }), "{error}");
        proxmox
            .set(
                id,
                &GuestSettings {
                    agent: Some(true),
                    ..GuestSettings::default()
                },
            )
            .unwrap();
        let error = proxmox.ping_agent(id).unwrap_err();
        assert!(matches!(error, ProxmoxError::NotRunning { .. }), "{error}");
        proxmox.start(id).unwrap();
        let error = proxmox.ping_agent(id).unwrap_err();
        assert!(matches!(error, ProxmoxError::AgentSilent { .. }), "{error}");
        let error = proxmox.execute(id, &["/bin/true"], None, 5).unwrap_err();
        assert!(matches!(error, ProxmoxError::AgentSilent { .. }), "{error}");

        let interfaces = r#"[{"name":"lo","ip-addresses":[{"ip-address":"127.0.0.1"}]},
            {"name":"eth0","hardware-address":"bc:24:11:00:00:01","ip-addresses":
            [{"ip-address":"192.0.2.10"},{"ip-address":"fe80::1"}]}]"#;
        node.agent_answers(100, interfaces).unwrap();
        proxmox.ping_agent(id).unwrap();
        let found = proxmox.interfaces(id).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(
            found[0].addresses,
            ["192.0.2.10".parse::<std::net::IpAddr>().unwrap()]
        );

        node.inside_is(100, std::process::id()).unwrap();
        let secret = Secret::from("hush".to_owned());
        let words = ["/bin/sh", "-c", "cat; echo no >&2; exit 7"];
        let ended = proxmox.execute(id, &words, Some(secret), 30).unwrap();
        assert_eq!(
            (ended.status, ended.output.as_str(), ended.errors.as_str()),
            (7, "hush", "no\n")
        );
        assert!(
            !node
                .calls()
                .unwrap()
                .iter()
                .any(|call| call.contains("hush"))
        );
    });
}

#[test]
fn documents_mappings_and_availability_are_kept() {
    require!(Capability::Root);
    on_a_node(
        "documents_mappings_and_availability_are_kept",
        |node, proxmox| {
            let (local, name) = (of("local"), of("vault-user.yaml"));
            let (volume, change) = proxmox
                .write_snippet(&local, &name, b"#cloud-config\n{}\n")
                .unwrap();
            assert_eq!(
                (volume.to_string().as_str(), change),
                ("local:snippets/vault-user.yaml", Change::Created)
            );
            let again = proxmox
                .write_snippet(&local, &name, b"#cloud-config\n{}\n")
                .unwrap();
            assert_eq!(again.1, Change::Unchanged);
            let path = proxmox.path_of_volume(&volume).unwrap();
            assert_eq!(path, Path::new("/var/lib/vz/snippets/vault-user.yaml"));
            assert_eq!(proxmox.host().status(&path).unwrap().unwrap().mode, 0o600);
            let error = proxmox.write_snippet(&of("data"), &name, b"").unwrap_err();
            assert!(matches!(error, ProxmoxError::NoSnippets { .. }), "{error}");
            let error = proxmox.write_snippet(&of("gone"), &name, b"").unwrap_err();
            assert!(
                matches!(error, ProxmoxError::NoSuchStorage { .. }),
                "{error}"
            );

            let mark = Mark::new().unwrap();
            let share = |mapping: &str| SharedDirectory {
                mapping: of(mapping),
                xattrs: true,
                acls: true,
            };
            let with = |mapping: &str| GuestSettings {
                shared_directories: vec![(0, share(mapping))],
                documents: Documents {
                    user: Some(volume.clone()),
                    ..Documents::default()
                },
                ..settings(&mark)
            };
            let before = node.calls().unwrap().len();
            for missing in ["nothing", "elsewhere"] {
                let error = proxmox.create(vmid(100), &with(missing)).unwrap_err();
                assert!(
                    matches!(error, ProxmoxError::NoSuchMapping { .. }),
                    "{error}"
                );
            }
            let calls = node.calls().unwrap();
            assert!(
                !calls[before..].iter().any(|call| call.starts_with("qm")),
                "nothing was touched"
            );
            proxmox.create(vmid(100), &with("vault-data")).unwrap();
            let config = proxmox.config(vmid(100)).unwrap();
            assert_eq!(
                config.option("virtiofs0"),
                Some("dirid=vault-data,expose-acl=1")
            );
            assert_eq!(
                config.option("cicustom"),
                Some("user=local:snippets/vault-user.yaml")
            );

            assert!(!proxmox.is_kept_available(vmid(100)).unwrap());
            proxmox.keep_available(vmid(100), HaState::Started).unwrap();
            proxmox.keep_available(vmid(100), HaState::Stopped).unwrap();
            assert!(proxmox.status(vmid(100)).unwrap().is_managed);
            proxmox.leave_availability(vmid(100)).unwrap();
            proxmox.leave_availability(vmid(100)).unwrap();
            assert!(!proxmox.is_kept_available(vmid(100)).unwrap());

            assert_eq!(
                proxmox.remove_snippet(&local, &name).unwrap(),
                Change::Removed
            );
            assert_eq!(
                proxmox.remove_snippet(&local, &name).unwrap(),
                Change::Unchanged
            );
        },
    );
}

#[test]
fn a_node_tells_what_it_has() {
    require!(Capability::Root);
    on_a_node("a_node_tells_what_it_has", |_node, proxmox| {
        let resources = proxmox.resources().unwrap();
        assert_eq!(
            (
                resources.memory_bytes,
                resources.available_memory_bytes,
                resources.processors
            ),
            (16 << 30, 12 << 30, 8)
        );
        let bridges: Vec<_> = proxmox
            .bridges()
            .unwrap()
            .into_iter()
            .map(|bridge| (bridge.name.to_string(), bridge.is_active))
            .collect();
        assert_eq!(
            bridges,
            [("vmbr0".to_owned(), true), ("vmbr1".to_owned(), false)]
        );
        assert!(proxmox.release().unwrap() >= Release::VIRTIOFS);
        let storages = proxmox.storages().unwrap();
        assert_eq!(storages.len(), 4);
        assert_eq!(
            proxmox
                .roomiest(Content::Snippets)
                .unwrap()
                .unwrap()
                .id
                .as_str(),
            "local"
        );
        assert!(proxmox.roomiest(Content::Import).unwrap().is_none());
        assert_eq!(proxmox.directory_mappings().unwrap().len(), 2);

        // A machine without Proxmox VE.
        smbgw_testing::run(std::process::Command::new("umount").args(["--lazy", "/usr/sbin"]))
            .unwrap();
        let host = LocalHost::new();
        let error = Proxmox::open(&host, soon()).unwrap_err();
        assert_eq!(
            (error.code(), error.kind()),
            ("vm.no-proxmox", ErrorKind::Unsupported)
        );
    });
}

#[test]
fn a_request_is_looked_at_before_anything_is_touched() {
    require!(Capability::Root);
    on_a_node(
        "a_request_is_looked_at_before_anything_is_touched",
        |node, proxmox| {
            make_template(proxmox, "local-lvm");
            let mark = Mark::new().unwrap();
            let other = GuestSettings {
                addresses: vec![(0, of("192.0.2.20/24"))],
                ..settings(&mark)
            };
            proxmox.create(vmid(100), &other).unwrap();
            let before = node.calls().unwrap().len();
            let request = GuestRequest {
                vmid: Some(vmid(105)),
                memory_mib: 2048,
                balloon_mib: None,
                cores: 2,
                origin: Origin::Template {
                    template: vmid(9000),
                    kind: CloneKind::Linked,
                },
                storage: of("local-lvm"),
                data: Some((of("data"), ByteSize::from_mib(10 << 10))),
                bridge: of("vmbr0"),
                vlan: None,
                address: of("192.0.2.10/24"),
                snippets: Some(of("local")),
                mapping: Some(of("vault-data")),
            };
            let told = |request: &GuestRequest| {
                let facts = Facts::collect(proxmox, request).unwrap();
                let problems = check(request, &facts, &Policy::default());
                problems
                    .into_iter()
                    .map(|problem| problem.code)
                    .collect::<Vec<_>>()
            };
            assert!(told(&request).is_empty());
            let wrong = GuestRequest {
                vmid: Some(vmid(101)),
                address: of("192.0.2.20/24"),
                bridge: of("vmbr1"),
                storage: of("data"),
                mapping: Some(of("elsewhere")),
                ..request
            };
            let codes = [
                "vm.vmid-taken",
                "vm.clone-kind-unfit",
                "vm.bridge-missing",
                "vm.address-taken",
                "vm.mapping-missing",
            ];
            assert_eq!(told(&wrong), codes);
            let calls = node.calls().unwrap();
            assert!(
                calls[before..]
                    .iter()
                    .all(|call| call.starts_with("pvesh get "))
            );
        },
    );
}

#[test]
fn only_what_is_ours_is_discarded() {
    require!(Capability::Root);
    on_a_node("only_what_is_ours_is_discarded", |node, proxmox| {
        let (mark, other) = (Mark::new().unwrap(), Mark::new().unwrap());
        let (id, template) = (vmid(105), vmid(9000));
        make_template(proxmox, "local-lvm");
        let before = node.volumes();
        let gone = proxmox.discard(id, &mark, Some(template)).unwrap();
        assert_eq!(gone, Change::Unchanged);

        // It runs, and is kept running.
        let linked = CloneKind::Linked;
        let clone = || {
            proxmox
                .clone_guest(template, id, &new_guest(&mark), &linked)
                .unwrap()
        };
        clone();
        proxmox.start(id).unwrap();
        proxmox.keep_available(id, HaState::Started).unwrap();
        let error = proxmox.discard(id, &other, None).unwrap_err();
        assert_eq!(error.code(), "vm.guest-not-ours");
        assert_eq!(proxmox.status(id).unwrap().state, RunState::Running);
        let gone = proxmox.discard(id, &mark, Some(template)).unwrap();
        assert_eq!(gone, Change::Removed);
        assert!(!proxmox.is_kept_available(id).unwrap());
        assert_eq!(node.volumes(), before);

        // It was never finished, with a mark and without.
        clone();
        let path = "/etc/pve/nodes/pve/qemu-server/105.conf";
        let finished = node.config(105).unwrap();
        fs::write(path, format!("{finished}lock: clone\n")).unwrap();
        let gone = proxmox.discard(id, &mark, Some(template)).unwrap();
        assert_eq!(gone, Change::Removed);
        fs::write(path, "# qmclone temporary file\nlock: clone\n").unwrap();
        let error = proxmox.discard(id, &mark, Some(template)).unwrap_err();
        assert!(matches!(error, ProxmoxError::NotOurs { .. }), "{error}");
        fs::remove_file(path).unwrap();

        // Another operation holds it.
        clone();
        fs::write(path, format!("{finished}lock: backup\n")).unwrap();
        let error = proxmox.discard(id, &mark, None).unwrap_err();
        assert_eq!(error.code(), "vm.guest-locked");
        assert!(node.config(105).is_some());
    });
}

/// Real guests of a kind: a file each.
const MACHINES: &str = r#"#!/bin/sh
verb=$1 id=$2 config=$3
case $verb in
start) grep -q '^memory: 2048' "$config" && touch "/srv/up-$id" ;;
stop | shutdown) rm "/srv/up-$id" ;;
ping) test -e "/srv/up-$id" ;;
interfaces) echo '[{"name":"eth0","ip-addresses":[{"ip-address":"192.0.2.30"}]}]' ;;
exec) shift 3; printf '{"exited":1,"exitcode":0,"out-data":"%s"}' "$*" ;;
esac
"#;

#[test]
fn a_test_may_bring_real_guests() {
    require!(Capability::Root);
    on_a_node("a_test_may_bring_real_guests", |node, proxmox| {
        node.write("/srv/machines", MACHINES).unwrap();
        node.machines_are(&["/bin/sh", "/srv/machines"]).unwrap();
        let (id, mark) = (vmid(100), Mark::new().unwrap());
        proxmox.create(id, &settings(&mark)).unwrap();
        proxmox.start(id).unwrap();
        assert!(Path::new("/srv/up-100").exists());
        proxmox.ping_agent(id).unwrap();
        let address = proxmox.interfaces(id).unwrap()[0].addresses[0];
        assert_eq!(address.to_string(), "192.0.2.30");
        let ended = proxmox.execute(id, &["/bin/true", "x"], None, 9).unwrap();
        assert_eq!(
            (ended.status, ended.output.as_str()),
            (0, "--timeout 9 -- /bin/true x")
        );
        // It dies, so that its agent is silent, and switching it off fails.
        fs::remove_file("/srv/up-100").unwrap();
        assert_eq!(
            proxmox.ping_agent(id).unwrap_err().code(),
            "vm.agent-silent"
        );
        let error = proxmox.stop(id).unwrap_err();
        assert!(
            error.to_string().contains("quit/powerdown failed"),
            "{error}"
        );
        fs::write("/srv/up-100", "").unwrap();
        proxmox.shut_down(id, 9).unwrap();
        let less = GuestSettings {
            memory_mib: Some(512),
            ..GuestSettings::default()
        };
        proxmox.set(id, &less).unwrap();
        let error = proxmox.start(id).unwrap_err();
        assert!(
            error.to_string().contains("QEMU exited with code 1"),
            "{error}"
        );
        assert_eq!(proxmox.status(id).unwrap().state, RunState::Stopped);
    });
}
