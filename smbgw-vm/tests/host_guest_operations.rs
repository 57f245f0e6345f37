//! Guests of Proxmox VE that are started, stopped, given another limit, and taken away; what goes wrong on the way
//! leaves nothing half done.

#![allow(clippy::print_stdout, reason = "a test that fails shows what it did")]

mod guest_node;

use std::fs;
use std::path::Path;
use std::time::Duration;

use guest_node::{GuestNode, is_killed, of, on_a_node, play, request};
use smbgw_core::change::Change;
use smbgw_core::error::Coded;
use smbgw_core::size::ByteSize;
use smbgw_core::testing::KillAt;
use smbgw_testing::{Capability, PveFault, require};
use smbgw_vm::provisioning::{
    GuestRecord, GuestRequest, Outcome, Provisioned, Provisioning, ProvisioningError, ShareReport,
    Stop, Waits, list, provision, recover, remove, resize, restart, start, status, stop,
};
use smbgw_vm::proxmox::RunState;

const ORDERLY: Stop = Stop { forced: false };
const FORCED: Stop = Stop { forced: true };

fn done(outcome: Result<Outcome, ProvisioningError>) -> Provisioned {
    match outcome {
        Ok(Outcome::Done(done)) => done,
        other => panic!("{other:#?}"),
    }
}

/// A guest that high availability leaves alone.
fn plain() -> GuestRequest {
    GuestRequest {
        highly_available: false,
        ..request()
    }
}

fn state(node: &GuestNode<'_>) -> RunState {
    node.proxmox.status(of("102")).unwrap().state
}

fn changes(done: &Provisioned) -> Vec<Change> {
    done.steps.iter().map(|step| step.change).collect()
}

fn mib(count: u64) -> ByteSize {
    ByteSize::from_mib(count)
}

#[test]
fn a_guest_is_stopped_and_started() {
    require!(Capability::Root, Capability::Samba);
    on_a_node("a_guest_is_stopped_and_started", |node| {
        let world = node.world();
        let vault = of("vault");
        assert_eq!(
            start(&world, &vault).unwrap_err().code(),
            "vm.guest-unknown"
        );
        done(provision(&world, &plain()));
        let stopped = done(stop(&world, &vault, ORDERLY));
        assert_eq!(changes(&stopped), [Change::Updated]);
        assert_eq!(state(node), RunState::Stopped);
        assert_eq!(node.standin.count("qm stop").unwrap(), 0);
        assert_eq!(status(&world, &vault).unwrap().share, None);
        assert_eq!(
            changes(&done(stop(&world, &vault, FORCED))),
            [Change::Unchanged]
        );
        let started = done(start(&world, &vault));
        assert_eq!(started.steps[0].change, Change::Updated);
        assert_eq!(
            (started.steps.len(), started.address),
            (4, Some(of("192.0.2.10")))
        );
        assert_eq!(
            changes(&done(start(&world, &vault))),
            [Change::Unchanged; 4]
        );
        let again = done(restart(&world, &vault, ORDERLY));
        assert_eq!(
            changes(&again)[..2],
            [Change::Updated, Change::Updated],
            "{again:#?}"
        );
        assert_eq!(state(node), RunState::Running);

        // One that does not end is switched off by force alone.
        node.guests_are("stubborn", true);
        let hasty = Provisioning {
            waits: Waits {
                switch: Duration::from_secs(1),
                ..Waits::default()
            },
            ..node.world()
        };
        let error = stop(&hasty, &vault, ORDERLY).unwrap_err();
        assert_eq!(error.code(), "vm.guest-still-runs", "{error}");
        assert_eq!(state(node), RunState::Running);
        done(stop(&hasty, &vault, FORCED));
        assert_eq!(state(node), RunState::Stopped);
        node.guests_are("stubborn", false);

        // One that was started and is silent is left as it is, and told.
        node.guests_are("silent", true);
        let short = Provisioning {
            waits: Waits {
                agent: Duration::from_secs(1),
                ..Waits::default()
            },
            ..node.world()
        };
        let Outcome::NeedsAttention { cause, left_behind } = start(&short, &vault).unwrap() else {
            panic!("it answered");
        };
        assert_eq!(
            (cause.code.as_str(), left_behind.len()),
            ("vm.guest-silent", 1)
        );
        assert_eq!(state(node), RunState::Running);
        node.guests_are("silent", false);
        done(start(&world, &vault));

        // A call that fails is told, and one whose answer is lost has done its work.
        let broke = PveFault::Refuse("it broke");
        node.standin.fault("qm shutdown", 1, broke).unwrap();
        let error = stop(&world, &vault, ORDERLY).unwrap_err();
        assert!(error.to_string().contains("it broke"), "{error}");
        assert_eq!(state(node), RunState::Running);
        node.standin.no_faults().unwrap();
        done(stop(&world, &vault, ORDERLY));
        node.standin.fault("qm start", 1, broke).unwrap();
        let error = start(&world, &vault).unwrap_err();
        assert!(error.to_string().contains("it broke"), "{error}");
        node.standin.no_faults().unwrap();

        // Only what carries the mark is touched.
        let path = "/etc/pve/nodes/pve/qemu-server/102.conf";
        let config = fs::read_to_string(path).unwrap();
        fs::write(path, config.replace("smbgw-mark", "no-mark")).unwrap();
        for error in [
            start(&world, &vault).unwrap_err(),
            stop(&world, &vault, FORCED).unwrap_err(),
            restart(&world, &vault, FORCED).unwrap_err(),
            resize(&world, &vault, mib(200), false).unwrap_err(),
        ] {
            assert_eq!(error.code(), "vm.guest-not-ours");
        }
        assert_eq!(state(node), RunState::Stopped);
    });
}

#[test]
fn what_is_kept_available_is_stopped_and_started_by_that() {
    require!(Capability::Root, Capability::Samba);
    let test = "what_is_kept_available_is_stopped_and_started_by_that";
    on_a_node(test, |node| {
        let world = node.world();
        let vault = of("vault");
        done(provision(&world, &request()));
        let starts = node.standin.count("qm start").unwrap();
        done(stop(&world, &vault, ORDERLY));
        assert_eq!(state(node), RunState::Stopped);
        done(start(&world, &vault));
        assert_eq!(state(node), RunState::Running);
        let told = |words: &str| node.standin.count(words).unwrap();
        assert_eq!(told("ha-manager set vm:102 --state stopped"), 1);
        assert_eq!(told("ha-manager set vm:102 --state started"), 1);
        assert_eq!(
            (told("qm start"), told("qm shutdown"), told("qm stop")),
            (starts, 0, 0)
        );

        // What its administrator does by `qm` is passed on to it, too.
        node.proxmox.shut_down(of("102"), 60).unwrap();
        let stopped = || state(node) == RunState::Stopped;
        smbgw_testing::wait_until(Duration::from_secs(20), "it to stop", || {
            stopped().then_some(())
        })
        .unwrap();
        let restarted = done(restart(&world, &vault, ORDERLY));
        assert_eq!(
            changes(&restarted)[..2],
            [Change::Unchanged, Change::Updated]
        );
        done(restart(&world, &vault, ORDERLY));
        assert_eq!(state(node), RunState::Running);
        done(remove(&world, &vault));
        assert!(!node.proxmox.is_kept_available(of("102")).unwrap());
        assert!(node.standin.config(102).is_none());
    });
}

/// How the share of the guest stands, with its limit in MiB.
fn share(world: &Provisioning<'_>) -> (ShareReport, u64) {
    let report = status(world, &of("vault")).unwrap();
    assert_eq!(report.findings, []);
    let share = report.share.unwrap();
    let limit = share.usage.unwrap().limit.bytes() >> 20;
    (share, limit)
}

/// What is remembered of the quota, in MiB.
fn remembered(world: &Provisioning<'_>) -> u64 {
    let records: Vec<GuestRecord> = list(world).unwrap();
    records[0].share.as_ref().unwrap().quota.bytes() >> 20
}

/// The size of the disk for data in GiB, and of its filesystem.
fn disk(node: &GuestNode<'_>) -> (u64, u64) {
    let config = node.proxmox.config(of("102")).unwrap();
    let disk = config.disk_with_serial(&of("smbgw-data")).unwrap();
    let filesystem = fs::read_to_string("/srv/state/102/filesystem").unwrap();
    let filesystem: u64 = filesystem.trim().parse().unwrap();
    (disk.size.unwrap().bytes() >> 30, filesystem >> 30)
}

#[test]
fn a_share_gets_another_limit() {
    require!(Capability::Root, Capability::Samba);
    on_a_node("a_share_gets_another_limit", |node| {
        let world = node.world();
        let vault = of("vault");
        let bare = GuestRequest {
            name: of("bare"),
            share: None,
            data: None,
            users: vec![],
            ..plain()
        };
        done(provision(&world, &bare));
        let error = resize(&world, &of("bare"), mib(200), false).unwrap_err();
        assert_eq!(error.code(), "vm.guest-no-share");
        done(remove(&world, &of("bare")));

        done(provision(&world, &plain()));
        // Within the disk it is but a limit.
        let resized = done(resize(&world, &vault, mib(200), false));
        use Change::{Unchanged, Updated};
        assert_eq!(
            changes(&resized),
            [Unchanged, Unchanged, Updated, Updated, Unchanged]
        );
        assert_eq!(
            (share(&world).1, remembered(&world), disk(node)),
            (200, 200, (2, 2))
        );
        let again = done(resize(&world, &vault, mib(200), false));
        assert_eq!(changes(&again), [Change::Unchanged; 3]);

        // Beyond it the disk grows, in the guest, too.
        let resized = done(resize(&world, &vault, mib(4096), false));
        assert_eq!(
            changes(&resized),
            [Updated, Unchanged, Updated, Updated, Updated, Unchanged]
        );
        assert!(
            resized
                .notes
                .iter()
                .any(|note| note.contains("from 2G to 5G")),
            "{:?}",
            resized.notes
        );
        assert_eq!(
            (share(&world).1, remembered(&world), disk(node)),
            (4096, 4096, (5, 5))
        );

        // What is used is not forgotten.
        fs::write("/srv/smbgw/media/much", vec![7; 30 << 20]).unwrap();
        let Err(ProvisioningError::Refused(problems)) = resize(&world, &vault, mib(20), false)
        else {
            panic!("it was begun");
        };
        assert_eq!(
            (problems.len(), problems[0].code.as_str()),
            (1, "vm.share-fuller")
        );
        assert_eq!((share(&world).1, remembered(&world)), (4096, 4096));
        let smaller = done(resize(&world, &vault, mib(20), true));
        assert!(
            smaller.notes[0].contains("more than its limit"),
            "{smaller:#?}"
        );
        let (report, limit) = share(&world);
        assert_eq!((limit, remembered(&world), disk(node)), (20, 20, (5, 5)));
        assert!(report.answers && report.usage.unwrap().used >= mib(30));

        // All that is wrong is told together, and nothing is done.
        let calls = node.standin.count("pvesh set").unwrap();
        let Err(ProvisioningError::Refused(problems)) =
            resize(&world, &vault, mib(200 << 20), false)
        else {
            panic!("it was begun");
        };
        let codes: Vec<&str> = problems.iter().map(|one| one.code.as_str()).collect();
        assert_eq!(codes, ["vm.guest-request-invalid", "vm.storage-room-short"]);
        let none = resize(&world, &vault, ByteSize::from_bytes(0), true).unwrap_err();
        assert!(none.to_string().contains("no limit at all"), "{none}");
        assert_eq!(node.standin.count("pvesh set").unwrap(), calls);
        done(stop(&world, &vault, ORDERLY));
        let error = resize(&world, &vault, mib(200), false).unwrap_err();
        assert_eq!(error.code(), "vm.guest-not-running");
    });
}

/// The calls of a resize that grows the disk: those that begin with these words, of them the one with this number.
const CALLS: [(&str, u32); 12] = [
    ("pvesh get /nodes/pve/qemu/102/config", 3),
    ("pvesh set /nodes/pve/qemu/102/resize", 1),
    ("qm guest exec 102 --timeout 60 -- /usr/sbin/blockdev", 1),
    ("qm guest exec 102 --timeout 60 -- /usr/sbin/xfs_growfs", 1),
    ("qm guest exec 102 --timeout 60 -- /usr/bin/findmnt", 1),
    ("qm guest exec 102 --timeout 60 -- /usr/bin/findmnt", 2),
    ("qm guest exec 102 --timeout 60 -- /usr/bin/findmnt", 3),
    ("qm guest exec 102 --timeout 60 -- /usr/bin/findmnt", 4),
    ("qm guest exec 102 --timeout 60 -- /usr/sbin/repquota", 1),
    ("qm guest exec 102 --timeout 60 -- /usr/sbin/repquota", 2),
    ("qm guest exec 102 --timeout 60 -- /usr/sbin/setquota", 1),
    ("pvesh get /nodes/pve/storage", 1),
];

#[test]
fn a_resize_that_fails_leaves_the_limit_as_it_was() {
    require!(Capability::Root, Capability::Samba);
    on_a_node("a_resize_that_fails_leaves_the_limit_as_it_was", |node| {
        let world = node.world();
        let vault = of("vault");
        done(provision(&world, &plain()));
        for (call, nth) in CALLS {
            let mut faults = vec![PveFault::Refuse("it broke")];
            if call.starts_with("pvesh") {
                faults.push(PveFault::LoseAnswer("it broke"));
            }
            if call.starts_with("pvesh set") {
                faults.push(PveFault::FailTask("it broke"));
            }
            for fault in faults {
                let (size, _) = disk(node);
                let quota = mib(size << 10);
                let what = format!("{call} {nth}: {fault:?}");
                println!("{what}");
                node.standin.fault(call, nth, fault).unwrap();
                let outcome = resize(&world, &vault, quota, false);
                node.standin.no_faults().unwrap();
                match outcome {
                    Ok(Outcome::RolledBack { cause }) => {
                        assert!(cause.message.contains("it broke"), "{what}: {cause:?}");
                        let grown = disk(node).0 > size;
                        let told = cause.message.contains("does not shrink again");
                        assert_eq!(told, grown, "{what}: {cause:?}");
                    }
                    Err(error) => {
                        assert!(error.to_string().contains("it broke"), "{what}: {error}");
                        assert_eq!(disk(node).0, size, "{what}");
                    }
                    other => panic!("{what}: {other:#?}"),
                }
                let (report, limit) = share(&world);
                assert!(report.answers, "{what}");
                assert_eq!((limit, remembered(&world)), (100, 100), "{what}");
                assert_eq!(recover(&world).unwrap(), [], "{what}");
            }
        }
        // Where the share does not answer any more, the limit comes back, too.
        let conf = "/etc/samba/smbgw.conf";
        let text = fs::read(conf).unwrap();
        fs::write(conf, "[global]\n").unwrap();
        let hasty = Provisioning {
            hypervisor: node
                .proxmox
                .until(smbgw_core::deadline::Deadline::after(Duration::from_secs(
                    20,
                )))
                .into(),
            ..node.world()
        };
        let outcome = resize(&hasty, &vault, mib(50), false).unwrap();
        assert!(
            matches!(&outcome, Outcome::RolledBack { cause } if cause.code == "vm.guest-share-silent"),
            "{outcome:#?}"
        );
        fs::write(conf, text).unwrap();
        assert_eq!(remembered(&world), 100);
    });
}

/// A quota for which the disk has to grow, whatever those with smaller numbers did.
fn growing(number: usize) -> ByteSize {
    mib(2048 * u64::try_from(number).unwrap())
}

#[test]
fn a_resize_survives_kills_at_every_step() {
    let test = "a_resize_survives_kills_at_every_step";
    let vault = of("vault");
    if play(|node, number| {
        let kill = KillAt::new(number);
        let world = node.world_with(&kill);
        done(resize(&world, &vault, growing(number), false));
    }) {
        return;
    }
    require!(Capability::Root, Capability::Samba);
    on_a_node(test, |node| {
        let world = node.world();
        done(provision(&world, &plain()));
        let mut number = 1;
        while is_killed(test, number) {
            let what = format!("killed at event {number}");
            if number == 10 {
                // Undoing it needs the guest: that it is stopped in between stops nobody.
                done(stop(&world, &vault, ORDERLY));
                let recovered = recover(&world).unwrap();
                assert!(
                    matches!(recovered[0].outcome, Outcome::NeedsAttention { .. }),
                    "{recovered:#?}"
                );
                let started = done(start(&world, &vault));
                assert_eq!(started.notes, ["an interrupted resize was undone"]);
            }
            let recovered = recover(&world).unwrap();
            assert!(recovered.len() <= 1, "{what}: {recovered:#?}");
            let limits = (share(&world).1, remembered(&world));
            if recovered.iter().any(|one| one.outcome.is_done()) {
                let limit = growing(number).bytes() >> 20;
                assert_eq!(limits, (limit, limit), "{what}");
                done(resize(&world, &vault, mib(100), false));
            } else {
                assert_eq!(limits, (100, 100), "{what}: {recovered:#?}");
            }
            assert_eq!(recover(&world).unwrap(), [], "{what}");
            number += 1;
        }
        assert!(number > 12, "it was hardly killed: {number}");
        let limit = growing(number).bytes() >> 20;
        assert_eq!((share(&world).1, remembered(&world)), (limit, limit));
        let (size, filesystem) = disk(node);
        assert!(size == filesystem && size > limit >> 10);
        // A guest that was being resized can be taken away.
        done(resize(&world, &vault, mib(100), false));
        assert!(is_killed(test, 9));
        node.guests_are("silent", true);
        done(remove(&world, &vault));
        node.guests_are("silent", false);
        assert_eq!(recover(&world).unwrap(), []);
    });
}

#[test]
fn a_removal_survives_kills_at_every_step() {
    let test = "a_removal_survives_kills_at_every_step";
    let vault = of("vault");
    if play(|node, number| {
        let kill = KillAt::new(number);
        done(remove(&node.world_with(&kill), &vault));
    }) {
        return;
    }
    require!(Capability::Root, Capability::Samba);
    on_a_node(test, |node| {
        let world = node.world();
        // The template stays from the first time on.
        done(provision(&world, &request()));
        done(remove(&world, &vault));
        let before = node.files();
        let mut number = 1;
        loop {
            let made = done(provision(&world, &request()));
            assert_eq!(made.vmid, Some(of("102")));
            if !is_killed(test, number) {
                break;
            }
            let what = format!("killed at event {number}");
            let recovered = recover(&world).unwrap();
            assert!(recovered.len() <= 1, "{what}: {recovered:#?}");
            if list(&world).unwrap().is_empty() {
                assert!(recovered.iter().all(|one| one.outcome.is_done()), "{what}");
            } else {
                // Nothing had been begun.
                assert!(number == 1, "{what}: {recovered:#?}");
                let report = status(&world, &vault).unwrap();
                assert!(report.smb_answers, "{what}");
                done(remove(&world, &vault));
            }
            assert_eq!(node.files(), before, "{what}");
            assert_eq!(recover(&world).unwrap(), [], "{what}");
            number += 1;
        }
        assert!(number > 6, "it was hardly killed: {number}");
        assert_eq!(node.files(), before);
        assert!(!Path::new("/srv/up/102").exists());
    });
}
