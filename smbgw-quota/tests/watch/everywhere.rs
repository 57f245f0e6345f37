//! What is so on ext4 and on XFS.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use smbgw_core::ports::storage::Data;
use smbgw_core::ports::{Filesystem, Limits};
use smbgw_quota::watch::{Event, Options, Owner, QuotaEvent, QuotaEvents, Targets, Warning};
use smbgw_testing::unprivileged::{NOBODY, as_nobody};
use smbgw_testing::{MIB, Scratch, wait_until};

use super::{Listener, device, fill_up, of, project, set, target, write};
use crate::contract::{Lab, command, fill, text};

pub(crate) fn a_refused_write_is_announced(lab: &Lab) {
    let volume = lab.volume("/srv/full", 4 * MIB);
    let mut listener = Listener::new(lab);
    fill_up(lab, "/srv/full/file");
    let heard = listener.until(|event| event.warning == Warning::BytesHard);
    let event = *heard.last().unwrap();
    assert_eq!(
        event,
        QuotaEvent {
            owner: project(&volume),
            warning: Warning::BytesHard,
            device: device(lab),
            caused_by: NOBODY,
        }
    );
    assert_eq!(target(lab, &volume).find(&event), Some(&"the share"));
}

pub(crate) fn a_soft_limit_is_announced_before_the_hard_one(lab: &Lab) {
    let volume = lab.volume("/srv/soft", 8 * MIB);
    let limits = Limits {
        soft_bytes: Some(4 * MIB),
        ..Limits::of_bytes(8 * MIB)
    };
    set(lab, &volume, limits);
    let mut listener = Listener::new(lab);
    write(lab, "/srv/soft/half", 2 * MIB);
    assert_eq!(listener.so_far(lab), []);
    write(lab, "/srv/soft/more", 4 * MIB);
    let soft = listener.warnings_until(&volume, Warning::BytesSoft);
    assert_eq!(soft, [Warning::BytesSoft]);
    fill_up(lab, "/srv/soft/rest");
    let mut heard = listener.warnings_until(&volume, Warning::BytesHard);
    heard.dedup();
    match volume.filesystem {
        Filesystem::Ext4 => assert_eq!(heard, [Warning::BytesHard]),
        _ => assert_eq!(heard, [Warning::BytesSoft, Warning::BytesHard]),
    }
}

pub(crate) fn limits_on_files_are_announced(lab: &Lab) {
    let volume = lab.volume("/srv/many", 8 * MIB);
    let limits = Limits {
        inodes: Some(8),
        soft_inodes: Some(4),
        ..Limits::default()
    };
    set(lab, &volume, limits);
    let mut listener = Listener::new(lab);
    let refused = as_nobody(|| {
        (0..20).find(|number| fs::write(lab.local(format!("/srv/many/{number}")), "").is_err())
    });
    // The directory itself is one of the eight.
    assert_eq!(refused, Some(7));
    let mut heard = listener.warnings_until(&volume, Warning::InodesHard);
    heard.dedup();
    assert_eq!(heard, [Warning::InodesSoft, Warning::InodesHard]);
}

pub(crate) fn the_same_project_of_another_file_system_is_no_target(lab: &Lab) {
    let other = Lab::on(Scratch::new(lab.disk.filesystem(), 320 * MIB).unwrap());
    let ours = lab.volume("/srv/ours", 4 * MIB);
    let neighbour = lab.volume("/srv/neighbour", 4 * MIB);
    let theirs = other.volume("/srv/theirs", 4 * MIB);
    assert_eq!(project(&ours), project(&theirs));
    let mut targets = Targets::new();
    targets.insert(&lab.host, &ours, "ours").unwrap();
    targets.insert(&other.host, &theirs, "theirs").unwrap();
    assert_eq!(targets.len(), 2);
    let mut first = Listener::new(lab);
    let mut second = Listener::new(&other);
    fill_up(&other, "/srv/theirs/file");
    fill_up(lab, "/srv/neighbour/file");
    fill_up(lab, "/srv/ours/file");
    let found = |events: &[QuotaEvent]| {
        let mut found: Vec<_> = events.iter().map(|event| targets.find(event)).collect();
        found.dedup();
        found
    };
    let heard = first.until(|event| event.owner == project(&ours));
    assert_eq!(of(&heard, &neighbour).first(), Some(&Warning::BytesHard));
    assert_eq!(found(&heard), [None, Some(&"ours")]);
    let heard = second.until(|event| event.owner == project(&theirs));
    assert_eq!(found(&heard), [Some(&"theirs")]);
}

pub(crate) fn events_of_users_and_groups_are_no_share_s(lab: &Lab) {
    let filesystem = lab.disk.filesystem();
    let mut disk = Scratch::new(filesystem, 320 * MIB).unwrap();
    disk.unmount().unwrap();
    disk.mount(match filesystem {
        smbgw_testing::Filesystem::Ext4Enforced => "usrquota,grpquota,prjquota",
        _ => "uquota,gquota,pquota",
    })
    .unwrap();
    let lab = Lab::on(disk);
    let volume = lab.volume("/srv/theirs", 32 * MIB);
    let targets = target(&lab, &volume);
    let mount = text(lab.disk.path());
    let id = NOBODY.to_string();
    for (kind, hard) in [("-u", "4096"), ("-g", "2048")] {
        command("setquota", &[kind, &id, "0", hard, "0", "0", mount]);
    }
    let mut listener = Listener::new(&lab);
    fill_up(&lab, "/srv/theirs/file");
    let heard = listener.until(|event| event.owner == Owner::Group(NOBODY));
    assert_eq!(heard.last().unwrap().warning, Warning::BytesHard);
    assert!(heard.iter().all(|event| targets.find(event).is_none()));
    command("setquota", &["-g", &id, "0", "0", "0", "0", mount]);
    fill_up(&lab, "/srv/theirs/more");
    let heard = listener.until(|event| event.owner == Owner::User(NOBODY));
    assert_eq!(heard.last().unwrap().warning, Warning::BytesHard);
    assert!(heard.iter().all(|event| targets.find(event).is_none()));
}

pub(crate) fn the_end_of_the_grace_time_is_announced(lab: &Lab) {
    let volume = lab.volume("/srv/grace", 32 * MIB);
    let limits = Limits {
        soft_bytes: Some(MIB),
        ..Limits::of_bytes(32 * MIB)
    };
    command("setquota", &["-P", "-t", "1", "1", text(lab.disk.path())]);
    set(lab, &volume, limits);
    let mut listener = Listener::new(lab);
    write(lab, "/srv/grace/file", 2 * MIB);
    wait_until(Duration::from_secs(60), "a write to be refused", || {
        let more = lab.local("/srv/grace/more");
        as_nobody(|| fill(&more, 64 << 10)).1
    })
    .unwrap();
    let mut heard = listener.warnings_until(&volume, Warning::BytesGraceOver);
    heard.dedup();
    assert_eq!(heard, [Warning::BytesSoft, Warning::BytesGraceOver]);
}

pub(crate) fn a_raised_limit_is_announced_again(lab: &Lab) {
    let volume = lab.volume("/srv/raised", 2 * MIB);
    let mut listener = Listener::new(lab);
    fill_up(lab, "/srv/raised/file");
    assert!(of(&listener.so_far(lab), &volume).contains(&Warning::BytesHard));
    lab.limit(&volume, 6 * MIB);
    write(lab, "/srv/raised/more", 2 * MIB);
    assert_eq!(listener.so_far(lab), []);
    fill_up(lab, "/srv/raised/rest");
    listener.warnings_until(&volume, Warning::BytesHard);
}

pub(crate) fn a_limit_set_below_the_usage_is_announced_by_the_next_write(lab: &Lab) {
    let volume = lab.volume("/srv/lowered", 16 * MIB);
    write(lab, "/srv/lowered/file", 8 * MIB);
    let mut listener = Listener::new(lab);
    lab.limit(&volume, 4 * MIB);
    assert_eq!(listener.so_far(lab), []);
    fill_up(lab, "/srv/lowered/more");
    listener.warnings_until(&volume, Warning::BytesHard);
}

pub(crate) fn what_is_renamed_stays_a_target_and_what_is_gone_is_none(lab: &Lab) {
    let mut volume = lab.volume("/srv/before", 2 * MIB);
    fs::rename(lab.local("/srv/before"), lab.local("/srv/after")).unwrap();
    let mut targets = Targets::new();
    let missing = targets.insert(&lab.host, &volume, "the share").unwrap_err();
    assert!(missing.to_string().contains("no directory"), "{missing}");
    // In its place may be a directory of somebody else's.
    fs::create_dir(lab.local("/srv/before")).unwrap();
    let other = targets.insert(&lab.host, &volume, "the share").unwrap_err();
    assert!(other.to_string().contains("project 0 now"), "{other}");
    fs::remove_dir(lab.local("/srv/before")).unwrap();
    assert!(targets.is_empty());

    volume.path = "/srv/after".into();
    let targets = target(lab, &volume);
    let mut listener = Listener::new(lab);
    fill_up(lab, "/srv/after/file");
    let heard = listener.until(|event| event.warning == Warning::BytesHard);
    assert_eq!(targets.find(heard.last().unwrap()), Some(&"the share"));
    listener.so_far(lab);
    lab.destroy(&volume, Data::Remove);
    let heard = listener.so_far(lab);
    // XFS asks for blocks to remove what is in a full project, which are announced as refused.
    let is_removal = |event: &QuotaEvent| event.warning.is_below() || event.caused_by == 0;
    assert!(heard.iter().all(is_removal), "{heard:?}");
}

pub(crate) fn what_was_lost_is_told_after_what_was_not(lab: &Lab) {
    let volumes: Vec<_> = (0..20)
        .map(|number| lab.volume(&format!("/srv/v{number}"), MIB))
        .collect();
    let mut events = QuotaEvents::open_with(Options {
        receive_buffer: Some(1),
    })
    .unwrap();
    for number in 0..volumes.len() {
        fill_up(lab, &format!("/srv/v{number}/file"));
    }
    let mut next = || events.next(Duration::from_secs(60)).unwrap();
    let mut told = 0;
    while next() != Some(Event::Lost) {
        told += 1;
    }
    assert!((1..volumes.len()).contains(&told), "{told}");
    assert_eq!(events.next(Duration::ZERO).unwrap(), None);
    // After the loss it hears again.
    lab.limit(&volumes[0], 2 * MIB);
    fill_up(lab, "/srv/v0/more");
    assert!(matches!(
        events.next(Duration::from_secs(60)).unwrap(),
        Some(Event::Warning(event)) if event.owner == project(&volumes[0])
    ));
}

/// Prints what it measures: a machine's speed is no promise.
#[allow(clippy::print_stdout, reason = "what was measured")]
pub(crate) fn the_time_from_a_write_to_its_event(lab: &Lab) {
    let volumes: Vec<_> = (0..20)
        .map(|number| lab.volume(&format!("/srv/t{number}"), MIB))
        .collect();
    let mut listener = Listener::new(lab);
    let owners = volumes.iter().map(project);
    let mut delays = std::thread::scope(|scope| {
        let heard = scope.spawn(move || {
            let first = |owner| {
                listener.until(|event| event.owner == owner && event.warning.is_refusal());
                Instant::now()
            };
            owners.map(first).collect::<Vec<_>>()
        });
        let refused: Vec<_> = (0..volumes.len())
            .map(|number| when_refused(&lab.local(format!("/srv/t{number}/file"))))
            .collect();
        let delays = heard.join().unwrap().into_iter().zip(refused);
        Vec::from_iter(delays.map(|(heard, refused)| heard.saturating_duration_since(refused)))
    });
    assert_eq!(delays.len(), volumes.len());
    delays.sort_unstable();
    println!(
        "{:?}: from the refused write to its event {:?} at best, {:?} mostly, {:?} at worst",
        lab.disk.filesystem(),
        delays[0],
        delays[delays.len() / 2],
        delays[delays.len() - 1],
    );
}

/// Writes as nobody until that is refused, and gives when the refused write began.
fn when_refused(path: &Path) -> Instant {
    as_nobody(|| {
        let mut file = File::create(path).unwrap();
        loop {
            let begun = Instant::now();
            if file.write(&[0x5a; 4096]).is_err() {
                return begun;
            }
        }
    })
}
