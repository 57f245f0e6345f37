//! Guests of Proxmox VE that are real: made of a template that this library built, booted under QEMU, used by
//! `smbclient`, started anew, and taken away; and those with which something is wrong.
//!
//! All but one start by the lab's quick way: its init takes the place of systemd and cloud-init.

#![allow(clippy::print_stdout, reason = "a test that fails shows what it did")]

mod booting_node;
mod template_cache;

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use booting_node::{ADDRESS, BootingNode, PASSWORD, QUOTA, Tampering, of, on_a_node, request};
use smbgw_core::lifecycle::Finding;
use smbgw_core::size::ByteSize;
use smbgw_testing::{Capability, Start, require, run};
use smbgw_vm::cloudinit::DataFilesystem;
use smbgw_vm::provisioning::{
    GuestRequest, Outcome, Provisioned, ProvisioningError, Stop, TemplateOrigin, Waits, provision,
    recover, remove, resize, start, status, stop,
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

/// What alice's client says to `work` in the share of the guest.
fn alice(work: &str) -> smbgw_testing::Result<String> {
    as_user(&format!("alice%{PASSWORD}"), work)
}

fn as_user(user: &str, work: &str) -> smbgw_testing::Result<String> {
    let share = format!("//{ADDRESS}/Media");
    let said = run(Command::new("smbclient").args([&share, "-U", user, "-t", "20", "-c", work]))?;
    // It ends well where a command of its own fails.
    match said.lines().find(|line| line.contains("NT_STATUS_")) {
        Some(line) => Err(smbgw_testing::Error::new(line)),
        None => Ok(said),
    }
}

/// How large the share is and how much of it is free, as a client sees it, in bytes.
fn room() -> (u64, u64) {
    let said = alice("du").unwrap();
    // `12288 blocks of size 4096. 12287 blocks available`
    let line = said.lines().find(|line| line.contains("blocks of size"));
    let line = line.unwrap_or_else(|| panic!("{said}"));
    let numbers: Vec<u64> = line
        .split(|c: char| !c.is_ascii_digit())
        .filter_map(|number| number.parse().ok())
        .collect();
    let [all, size, free] = numbers[..] else {
        panic!("{line}")
    };
    (all * size, free * size)
}

/// A client sees `quota`, of which `used` bytes are used, and is stopped by it.
fn assert_limited(quota: ByteSize, used: u64) {
    let (all, free) = room();
    assert_eq!((all, free), (quota.bytes(), quota.bytes() - used));
    let file = fs::File::create("/srv/large").unwrap();
    file.set_len(QUOTA.bytes() + 1).unwrap();
    let full = alice("put /srv/large large").unwrap_err().to_string();
    assert!(full.contains("NT_STATUS_DISK_FULL"), "{full}");
    alice("del large").unwrap();
    assert_eq!(room(), (all, free));
}

#[test]
fn a_guest_serves_files_and_goes_on_after_a_restart() {
    require!(Capability::Root, Capability::Samba, Capability::Qemu);
    require!(Capability::Isoinfo);
    on_a_node(
        "a_guest_serves_files_and_goes_on_after_a_restart",
        |ready| Start::Fast(ready.fast_boot()),
        |node| lives(node, &request()),
    );
}

/// Minutes, most of which the guest's systemd and cloud-init take under emulation.
#[test]
fn a_guest_as_it_is_shipped_lives_so_too() {
    require!(Capability::Root, Capability::Samba, Capability::Qemu);
    require!(Capability::Isoinfo);
    on_a_node(
        "a_guest_as_it_is_shipped_lives_so_too",
        |_| Start::Bios,
        |node| {
            let mut request = GuestRequest {
                memory_mib: 512,
                cores: 2,
                ..request()
            };
            if let Some(data) = &mut request.data {
                data.filesystem = DataFilesystem::Ext4;
            }
            lives(node, &request);
        },
    );
}

/// A guest from provisioning to removal.
fn lives(node: &BootingNode<'_>, request: &GuestRequest) {
    let world = node.world();
    let before = node.things();
    let begun = Instant::now();
    let made = done(provision(&world, request));
    println!("made in {:?}: {:#?}", begun.elapsed(), made.steps);
    let vmid = made.vmid.unwrap();
    assert_eq!(made.address, Some(of(ADDRESS)));
    assert_eq!(node.inside(vmid, "hostname").trim(), "vault");
    let mounted = node.inside(vmid, "findmnt -n -o FSTYPE,OPTIONS /srv/smbgw");
    let filesystem = request.data.as_ref().unwrap().filesystem.name();
    assert!(
        mounted.starts_with(filesystem) && mounted.contains("prjquota"),
        "{mounted}"
    );

    fs::write("/srv/file", "kept").unwrap();
    alice("put /srv/file f").unwrap();
    // The file, and what the filesystem takes for the directory.
    let used = QUOTA.bytes() - room().1;
    assert!((4096..=16384).contains(&used), "{used}");
    let wrong = as_user("alice%wrong", "ls").unwrap_err().to_string();
    assert!(wrong.contains("NT_STATUS_LOGON_FAILURE"), "{wrong}");
    assert_limited(QUOTA, used);
    assert_right(node, QUOTA);

    done(stop(&world, &of("vault"), Stop::default()));
    let off = status(&world, &of("vault")).unwrap();
    assert_eq!(off.state, Some(RunState::Stopped), "{off:#?}");
    assert!(!off.smb_answers && !off.agent_answers);
    done(start(&world, &of("vault")));
    alice("get f /srv/back").unwrap();
    assert_eq!(fs::read_to_string("/srv/back").unwrap(), "kept");
    assert_limited(QUOTA, used);
    assert_right(node, QUOTA);

    // The disk is too small for that, and grows while it is in use.
    let larger = ByteSize::from_mib(1024);
    done(resize(&world, &of("vault"), larger, false));
    let (all, free) = room();
    assert_eq!((all, free), (larger.bytes(), larger.bytes() - used));
    alice("put /srv/large large").unwrap();
    alice("del large").unwrap();
    assert_right(node, larger);
    let smaller = ByteSize::from_mib(32);
    done(resize(&world, &of("vault"), smaller, false));
    assert_limited(smaller, used);

    // It runs, and does not serve.
    node.inside(vmid, "pkill smbd; while pgrep -x smbd; do sleep 0.1; done");
    let report = status(&world, &of("vault")).unwrap();
    assert_eq!(report.state, Some(RunState::Running));
    assert!(report.agent_answers && !report.smb_answers, "{report:#?}");
    assert_eq!(report.findings.len(), 1, "{report:#?}");

    done(remove(&world, &of("vault")));
    assert_only_the_template_is_left(node, &before, "lab");
    assert_eq!(recover(&world).unwrap(), []);
}

/// The guest is as it should be, and its share limited to `quota`.
fn assert_right(node: &BootingNode<'_>, quota: ByteSize) {
    let report = status(&node.world(), &of("vault")).unwrap();
    assert_eq!(report.state, Some(RunState::Running));
    assert!(
        report.agent_answers && report.smb_answers && report.findings.is_empty(),
        "{report:#?}"
    );
    let share = report.share.unwrap();
    assert!(share.answers);
    assert_eq!(share.usage.unwrap().limit, quota);
}

fn assert_only_the_template_is_left(node: &BootingNode<'_>, before: &[PathBuf], template: &str) {
    let now = node.things();
    let lost: Vec<_> = before.iter().filter(|path| !now.contains(path)).collect();
    assert!(lost.is_empty(), "{lost:?}");
    let left: Vec<_> = now.iter().filter(|path| !before.contains(path)).collect();
    let record = format!("/{template}@local-lvm.json");
    let is_of_template = |path: &&PathBuf| {
        let path = path.to_str().unwrap();
        path.contains("/100.conf") || path.contains("-100-") || path.contains(&record)
    };
    assert!(
        left.len() == 4 && left.iter().all(is_of_template),
        "{left:?}"
    );
}

#[test]
fn a_guest_that_does_not_come_to_serve_is_told_and_taken_away() {
    require!(Capability::Root, Capability::Samba, Capability::Qemu);
    require!(Capability::Isoinfo);
    on_a_node(
        "a_guest_that_does_not_come_to_serve_is_told_and_taken_away",
        |ready| Start::Fast(ready.fast_boot()),
        |node| {
            let usual = Waits::default();
            let short = Waits {
                smb: Duration::from_secs(8),
                ..usual
            };
            let template = node.put_on_node("200", node.disk());
            let request = || GuestRequest {
                template: template.clone(),
                data: None,
                share: None,
                users: vec![],
                ..request()
            };
            // Nobody on the bridge gives addresses.
            let nowhere = GuestRequest {
                address: of("dhcp"),
                ..request()
            };
            let told = ["it has no address", "the end of the log of smbd"];
            let leave = |text: &str| text.to_owned();
            fails(node, &nowhere, short, leave, "vm.guest-no-smb", &told);

            // A command of its documents fails.
            let break_off = first_command(r#"["ls", "/no/such/folder"]"#);
            let told = ["ended, and not well", "/no/such/folder"];
            fails(
                node,
                &request(),
                usual,
                break_off,
                "vm.guest-not-ready",
                &told,
            );

            // It ends while it sets itself up.
            let end = "echo the last word >/dev/console; echo o >/proc/sysrq-trigger; sleep 60";
            let end = first_command(&format!(r#"["sh", "-c", "{end}"]"#));
            fails(
                node,
                &request(),
                usual,
                end,
                "vm.guest-ended",
                &["the last word"],
            );

            // smbd ends, as it has no place for its locks.
            let no_locks = |text: &str| {
                let file = r#"{"path": "/etc/samba/smb.conf", "content": "[global]\nlock directory = /proc/none\n"}"#;
                let (before, after) = text.split_once("\"write_files\": [").unwrap();
                format!("{before}\"write_files\": [{file}, {after}")
            };
            let told = [
                "takes connections at 192.0.2.10",
                "failed on directory /proc/none",
            ];
            fails(node, &request(), short, no_locks, "vm.guest-no-smb", &told);

            // There is nothing on its disk: the kernel of the lab ends.
            let blank = GuestRequest {
                template: node.put_on_node("201", node.blank_disk()),
                ..request()
            };
            let told = ["ended while it booted", "no root file system"];
            fails(node, &blank, usual, leave, "vm.guest-ended", &told);

            // A BIOS goes on looking for something to start.
            let words = node.standin.real_guests(&Start::Bios).unwrap();
            node.standin.machines_are(&words).unwrap();
            let short = Waits {
                agent: Duration::from_secs(6),
                ..usual
            };
            let told = ["No bootable device"];
            fails(node, &blank, short, leave, "vm.guest-silent", &told);

            // QEMU does not start, and says why: the bridge went away since it was looked at.
            let unplug = |text: &str| {
                run(Command::new("ip").args(["link", "delete", "vmbr0"])).unwrap();
                text.to_owned()
            };
            let told = ["bridge 'vmbr0' does not exist"];
            fails(node, &blank, usual, unplug, "vm.task-failed", &told);
            assert_eq!(recover(&node.world()).unwrap(), []);
        },
    );
}

#[test]
fn a_guest_that_boots_is_taken_away_when_its_maker_was_killed() {
    require!(Capability::Root, Capability::Samba, Capability::Qemu);
    require!(Capability::Isoinfo);
    let test = "a_guest_that_boots_is_taken_away_when_its_maker_was_killed";
    on_a_node(
        test,
        |ready| Start::Fast(ready.fast_boot()),
        |node| {
            let request = GuestRequest {
                template: TemplateOrigin::OnNode(of("200")),
                ..request()
            };
            if let Some(doom) = node.doom() {
                let world = node.world_with(Waits::default(), &doom);
                panic!("{:#?}", provision(&world, &request));
            }
            node.put_on_node("200", node.disk());
            let before = node.things();
            node.kill_when(test, "wait until the agent");
            let now = node.things();
            let runs = |path: &&PathBuf| path.starts_with("/proc");
            assert_eq!(now.iter().filter(runs).count(), 1, "{now:?}");
            let recovered = recover(&node.world()).unwrap();
            assert!(
                matches!(&recovered[..], [one] if matches!(one.outcome, Outcome::RolledBack { .. })),
                "{recovered:#?}"
            );
            assert_eq!(node.things(), before);
        },
    );
}

/// Making the guest fails with `code` and these texts, and leaves nothing. `change` is what becomes of the guest's
/// user-data before it starts.
fn fails(
    node: &BootingNode<'_>,
    request: &GuestRequest,
    waits: Waits,
    change: impl Fn(&str) -> String + Sync,
    code: &str,
    texts: &[&str],
) {
    let before = node.things();
    let begun = Instant::now();
    let tampering = Tampering(change);
    let cause = undone(provision(&node.world_with(waits, &tampering), request));
    println!("after {:?}: {cause:#?}", begun.elapsed());
    assert_eq!(cause.code, code, "{cause:#?}");
    for text in texts {
        assert!(cause.message.contains(text), "{text}: {cause:#?}");
    }
    assert_eq!(node.things(), before, "{cause:#?}");
}

/// Has a guest carry out `command`, a list in JSON, before all others.
fn first_command(command: &str) -> impl Fn(&str) -> String + Sync + use<> {
    let with_it = format!("\"set -e\", {command}");
    move |text| text.replacen("\"set -e\"", &with_it, 1)
}
