//! What is found, and put right, where somebody changed a volume behind our back.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

use smbgw_core::deadline::Deadline;
use smbgw_core::ports::{Depth, Deviation, Handle, Limits, Meant, Repair, Storage, Volume};
use smbgw_testing::{Filesystem, MIB, Scratch};

use super::{Lab, command, soon, text};

pub(super) const LIMIT: u64 = 32 * MIB;

pub(super) fn meant(volume: &Volume) -> Meant<'_> {
    Meant {
        volume,
        limits: Limits::of_bytes(LIMIT),
    }
}

pub(super) fn look(lab: &Lab, volume: &Volume, depth: Depth) -> Vec<Deviation> {
    let found = lab.storage().inspect(meant(volume), depth, soon());
    found.unwrap()
}

pub(super) fn quick(lab: &Lab, volume: &Volume) -> Vec<Deviation> {
    look(lab, volume, Depth::Quick)
}

pub(super) fn thorough(lab: &Lab, volume: &Volume) -> Vec<Deviation> {
    look(lab, volume, Depth::Thorough)
}

pub(super) fn repair(lab: &Lab, volume: &Volume) -> Vec<Repair> {
    lab.storage().repair(meant(volume), soon()).unwrap()
}

/// The one deviation that there is.
pub(super) fn only(found: Vec<Deviation>) -> Deviation {
    let [one] = <[Deviation; 1]>::try_from(found).unwrap();
    one
}

pub(super) fn codes(found: &[Deviation]) -> Vec<&str> {
    found.iter().map(|found| found.code.as_str()).collect()
}

/// A volume with some content of every kind.
pub(super) fn filled(lab: &Lab, path: &str) -> Volume {
    let volume = lab.volume(path, LIMIT);
    let root = lab.local(path);
    fs::create_dir_all(root.join("a/b c/d")).unwrap();
    for file in ["one", "a/two", "a/b c/three", "a/b c/d/four"] {
        fs::write(root.join(file), "content").unwrap();
    }
    fs::hard_link(root.join("one"), root.join("a/same")).unwrap();
    symlink("/etc/passwd", root.join("a/link")).unwrap();
    symlink("..", root.join("a/up")).unwrap();
    command("mkfifo", &[text(&root.join("a/pipe"))]);
    volume
}

/// Sets the limit of `volume` to `bytes` with the administrator's tools.
fn set_limit_by_hand(lab: &Lab, volume: &Volume, bytes: Option<u64>) {
    match &volume.handle {
        Handle::Project { id, .. } => {
            let kib = (bytes.unwrap_or(0) >> 10).to_string();
            let id = id.to_string();
            let mount_point = text(lab.disk.path());
            command("setquota", &["-P", &id, "0", &kib, "0", "0", mount_point]);
        }
        Handle::Dataset { name, .. } => {
            let value = bytes.map_or("none".into(), |bytes| bytes.to_string());
            command("zfs", &["set", &format!("refquota={value}"), name]);
        }
        Handle::Subvolume => {
            let value = bytes.map_or("none".into(), |bytes| bytes.to_string());
            let path = lab.local(&volume.path);
            command("btrfs", &["qgroup", "limit", &value, text(&path)]);
        }
    }
}

/// Each file below `path`, and itself.
fn below(path: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut pending = vec![path.to_path_buf()];
    while let Some(path) = pending.pop() {
        if fs::symlink_metadata(&path).unwrap().is_dir() {
            let entries = fs::read_dir(&path).unwrap();
            pending.extend(entries.map(|entry| entry.unwrap().path()));
        }
        found.push(path);
    }
    found.sort_unstable();
    found
}

/// When each of the files was last changed, and read.
fn times(paths: &[PathBuf]) -> Vec<[(i64, i64); 2]> {
    let status = paths.iter().map(|path| fs::symlink_metadata(path).unwrap());
    status
        .map(|one| {
            [
                (one.ctime(), one.ctime_nsec()),
                (one.atime(), one.atime_nsec()),
            ]
        })
        .collect()
}

pub(crate) fn where_nothing_is_wrong_nothing_is_found_or_changed(lab: &Lab) {
    let volume = filled(lab, "/srv/sound");
    lab.usage(&volume);
    let paths = below(&lab.local("/srv/sound"));
    // The kernel notes that something is read where it last was so long ago.
    for path in &paths {
        command("touch", &["-h", "-a", "-d", "2001-01-01", text(path)]);
    }
    let before = times(&paths);
    assert_eq!(quick(lab, &volume), []);
    assert_eq!(thorough(lab, &volume), []);
    assert_eq!(repair(lab, &volume), []);
    assert_eq!(lab.storage().strays(&[&volume], soon()).unwrap(), []);
    assert_eq!(times(&paths), before);
    assert_eq!(below(&lab.local("/srv/sound")), paths);
    assert_eq!(lab.usage(&volume).limits, Limits::of_bytes(LIMIT));
}

pub(crate) fn a_limit_changed_by_hand_is_set_again(lab: &Lab) {
    let volume = filled(lab, "/srv/changed");
    for (by_hand, said) in [
        (Some(2 * LIMIT), "the limit in force is 64M, not 32M"),
        (None, "no limit is in force, where 32M is meant"),
    ] {
        set_limit_by_hand(lab, &volume, by_hand);
        let found = only(quick(lab, &volume));
        assert_eq!(found.code, "quota.limit-differs");
        assert!(found.repairable);
        assert_eq!(found.message, said);
        assert_eq!(only(thorough(lab, &volume)), found);
        let done = repair(lab, &volume);
        assert_eq!(done.len(), 1, "{done:?}");
        assert_eq!(done[0].code, found.code);
        assert_eq!(lab.usage(&volume).limits, Limits::of_bytes(LIMIT));
        assert_eq!(thorough(lab, &volume), []);
        assert_eq!(repair(lab, &volume), []);
    }
}

pub(crate) fn many_volumes_are_looked_at_in_one_pass(lab: &Lab) {
    let volumes: Vec<Volume> = (0..5)
        .map(|number| lab.volume(&format!("/srv/v{number}"), LIMIT))
        .collect();
    set_limit_by_hand(lab, &volumes[2], None);
    let all: Vec<Meant<'_>> = volumes.iter().map(meant).collect();
    let found = lab.storage().inspections(&all, Depth::Quick, soon());
    for (number, found) in found.into_iter().enumerate() {
        let expected: &[&str] = if number == 2 {
            &["quota.limit-differs"]
        } else {
            &[]
        };
        assert_eq!(codes(&found.unwrap()), expected, "{number}");
    }
}

pub(crate) fn a_volume_that_is_not_there_is_told_and_not_made(lab: &Lab) {
    let volume = filled(lab, "/srv/away");
    let (local, aside) = (lab.local("/srv/away"), lab.local("/srv/aside"));
    let mut codes_then = Vec::new();
    match &volume.handle {
        Handle::Dataset { name, .. } => {
            command("zfs", &["unmount", name]);
            codes_then.push(only(quick(lab, &volume)).code);
            assert_eq!(repair(lab, &volume), []);
            command("zfs", &["rename", name, &format!("{name}-2")]);
            codes_then.push(only(quick(lab, &volume)).code);
            assert_eq!(codes_then, ["quota.not-mounted", "quota.volume-missing"]);
        }
        handle => {
            fs::rename(&local, &aside).unwrap();
            codes_then.push(only(quick(lab, &volume)).code);
            assert_eq!(repair(lab, &volume), []);
            assert!(!local.exists());
            assert_eq!(codes_then, ["quota.volume-missing"]);
            if *handle == Handle::Subvolume {
                fs::create_dir(&local).unwrap();
                assert_eq!(only(thorough(lab, &volume)).code, "quota.mismatch");
            }
        }
    }
    assert_eq!(repair(lab, &volume), []);
}

/// The directory seen at the path of a file system that is not mounted is not the volume.
pub(crate) fn what_hides_an_unmounted_file_system_is_left_alone(lab: &Lab) {
    let volume = filled(lab, "/srv/below");
    set_limit_by_hand(lab, &volume, None);
    let fstab = lab.local("/etc/fstab");
    fs::write(&fstab, "/dev/sdz1 /srv ext4 defaults 0 2\n").unwrap();
    let found = only(thorough(lab, &volume));
    assert_eq!(found.code, "quota.not-mounted");
    assert_eq!(found.remedy.as_deref(), Some("run `mount /srv`"));
    assert_eq!(repair(lab, &volume), []);
    let none = lab.storage().limits(&volume, soon()).unwrap();
    assert_eq!(none, Limits::default());
    // By hand, or on other paths, it is nothing to this volume.
    let others = "/dev/sdz1 /srv ext4 noauto 0 2\n/dev/sdz2 /srv/bel ext4 defaults 0 2\n";
    fs::write(&fstab, others).unwrap();
    assert_eq!(codes(&quick(lab, &volume)), ["quota.limit-differs"]);
}

pub(crate) fn a_file_system_mounted_inside_is_told(lab: &Lab) {
    let volume = filled(lab, "/srv/outer");
    let inner = lab.local("/srv/outer/a/b c");
    command("mount", &["-t", "tmpfs", "inner", text(&inner)]);
    fs::write(inner.join("other"), "").unwrap();
    let found = thorough(lab, &volume);
    let done = repair(lab, &volume);
    command("umount", &[text(&inner)]);
    let found = only(found);
    assert_eq!(
        (found.code.as_str(), found.count),
        ("quota.uncounted-inside", 1)
    );
    assert_eq!(found.path.as_deref(), Some(Path::new("/srv/outer/a/b c")));
    assert!(!found.repairable);
    assert_eq!(done, []);
    assert_eq!(thorough(lab, &volume), []);
}

/// A share that is used while it is looked at and put right.
pub(crate) fn a_tree_that_changes_meanwhile_is_no_trouble(lab: &Lab) {
    let volume = filled(lab, "/srv/live");
    let root = lab.local("/srv/live");
    let is_over = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut number = 0u32;
            while !is_over.load(std::sync::atomic::Ordering::Relaxed) {
                let dir = root.join(format!("dir{}", number % 7));
                let _ = fs::create_dir(&dir);
                let _ = fs::write(dir.join("file"), "content");
                let _ = fs::rename(dir.join("file"), root.join(format!("moved{}", number % 5)));
                if number.is_multiple_of(3) {
                    let _ = fs::remove_dir_all(&dir);
                }
                number += 1;
            }
        });
        let _over = OnDrop(&is_over);
        for _ in 0..100 {
            assert_eq!(thorough(lab, &volume), []);
            assert_eq!(repair(lab, &volume), []);
        }
    });
}

struct OnDrop<'a>(&'a std::sync::atomic::AtomicBool);

impl Drop for OnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, std::sync::atomic::Ordering::Relaxed);
    }
}

/// A repair that comes to its deadline, or never began, is done by the next one.
pub(crate) fn what_was_looked_at_in_part_is_told_as_such(lab: &Lab) {
    let volume = filled(lab, "/srv/slow");
    let over = Deadline::after(Duration::ZERO);
    let found = lab.storage().inspect(meant(&volume), Depth::Thorough, over);
    // The commands of ZFS need time of their own, and its trees are not walked through.
    if lab.disk.filesystem() == Filesystem::Zfs {
        assert!(found.is_err());
        return;
    }
    let found = only(found.unwrap());
    assert_eq!(found.code, "quota.not-finished");
    assert!(!found.repairable);
    assert_eq!(thorough(lab, &volume), []);
}

/// Limits are switched off: that is told with the remedy and not undone; what is counted
/// nevertheless is looked at.
pub(crate) fn limits_switched_off_are_told(filesystem: Filesystem) {
    let mut lab = Lab::on(Scratch::new(filesystem, 320 * MIB).unwrap());
    let volume = filled(&lab, "/srv/off");
    let mount_point = text(lab.disk.path()).to_owned();
    let told = |lab: &Lab, remedy: &str| {
        let found = quick(lab, &volume);
        let off = found
            .iter()
            .find(|found| found.code == "quota.off")
            .unwrap();
        assert!(!off.repairable);
        let said = off.remedy.as_deref().unwrap();
        assert!(said.contains(remedy), "{said}");
        assert_eq!(thorough(lab, &volume), found);
        found.len()
    };
    match filesystem {
        Filesystem::BtrfsQuota => {
            command("btrfs", &["quota", "disable", &mount_point]);
            assert_eq!(
                told(&lab, &format!("`btrfs quota enable {mount_point}`")),
                1
            );
            assert_eq!(repair(&lab, &volume), []);
            told(&lab, "quota enable");
            command("btrfs", &["quota", "enable", &mount_point]);
            command("btrfs", &["quota", "rescan", "-w", &mount_point]);
            // The limit went with the groups.
            assert_eq!(only(quick(&lab, &volume)).code, "quota.limit-differs");
        }
        Filesystem::Ext4Enforced => {
            command("quotaoff", &["-P", &mount_point]);
            assert_eq!(told(&lab, &format!("`quotaon -P {mount_point}`")), 1);
            set_limit_by_hand(&lab, &volume, None);
            assert_eq!(told(&lab, "quotaon"), 2);
            // The limit can be put right, whether or not it is enforced.
            assert_eq!(repair(&lab, &volume).len(), 1);
            assert_eq!(told(&lab, "quotaon"), 1);
            command("quotaon", &["-P", &mount_point]);
            assert_eq!(thorough(&lab, &volume), []);
            lab.disk.unmount().unwrap();
            lab.disk.mount("defaults").unwrap();
            assert_eq!(told(&lab, "`prjquota`"), 1);
            assert_eq!(repair(&lab, &volume), []);
            lab.disk.unmount().unwrap();
            lab.disk.mount("prjquota").unwrap();
        }
        _ => {
            for options in ["noquota", "pqnoenforce"] {
                lab.disk.unmount().unwrap();
                lab.disk.mount(options).unwrap();
                assert_eq!(told(&lab, "`pquota`"), 1, "{options}");
                assert_eq!(repair(&lab, &volume), [], "{options}");
            }
            lab.disk.unmount().unwrap();
            lab.disk.mount("pquota").unwrap();
        }
    }
    repair(&lab, &volume);
    assert_eq!(thorough(&lab, &volume), []);
}

/// For btrfs: groups that are not counted to the end, or are gone.
pub(crate) fn groups_of_btrfs_are_counted_anew(lab: &Lab) {
    let volume = filled(lab, "/srv/groups");
    let (local, mount_point) = (lab.local("/srv/groups"), text(lab.disk.path()));
    assert_eq!(super::fill(&local.join("big"), MIB), (MIB, None));
    let snapshot = lab.local("/srv/snapshot");
    command(
        "btrfs",
        &["subvolume", "snapshot", text(&local), text(&snapshot)],
    );
    command("sync", &["-f", mount_point]);
    // What two subvolumes share is not summed up by adding one of them to a group.
    command("btrfs", &["qgroup", "create", "1/0", mount_point]);
    let group = command("btrfs", &["inspect-internal", "rootid", text(&local)]);
    let group = format!("0/{}", group.trim());
    command(
        "btrfs",
        &[
            "qgroup",
            "assign",
            "--no-rescan",
            &group,
            "1/0",
            mount_point,
        ],
    );
    let found = only(quick(lab, &volume));
    assert_eq!(found.code, "quota.inconsistent");
    assert!(found.repairable);
    let done = repair(lab, &volume);
    assert_eq!(done[0].code, found.code);
    assert_eq!(thorough(lab, &volume), []);
    let usage = lab.usage(&volume);
    assert!((MIB..2 * MIB).contains(&usage.bytes), "{usage:?}");
}

/// For btrfs: a subvolume whose group somebody removed gets another, with its limit. Kernels since
/// Linux 6.8 (and later ones of older series) do not let that happen.
pub(crate) fn a_group_of_btrfs_that_is_gone_is_made_again(lab: &Lab) {
    let volume = filled(lab, "/srv/groupless");
    let (local, mount_point) = (lab.local("/srv/groupless"), text(lab.disk.path()));
    assert_eq!(super::fill(&local.join("big"), MIB), (MIB, None));
    command("sync", &["-f", mount_point]);
    let group = command("btrfs", &["inspect-internal", "rootid", text(&local)]);
    let group = format!("0/{}", group.trim());
    let mut destroy = std::process::Command::new("btrfs");
    destroy.args(["qgroup", "destroy", &group, mount_point]);
    if let Err(error) = smbgw_testing::run(&mut destroy) {
        assert!(error.to_string().contains("busy"), "{error}");
        assert_eq!(thorough(lab, &volume), []);
        assert_eq!(lab.usage(&volume).limits, Limits::of_bytes(LIMIT));
        return;
    }

    let found = quick(lab, &volume);
    assert_eq!(codes(&found), ["quota.no-group", "quota.limit-differs"]);
    assert!(found.iter().all(|found| found.repairable));
    assert!(found[0].message.contains(&group), "{found:?}");
    let done = repair(lab, &volume);
    let done: Vec<&str> = done.iter().map(|done| done.code.as_str()).collect();
    assert_eq!(
        done,
        [
            "quota.no-group",
            "quota.limit-differs",
            "quota.inconsistent"
        ]
    );
    assert_eq!(thorough(lab, &volume), []);
    assert_eq!(repair(lab, &volume), []);
    let usage = lab.usage(&volume);
    assert!((MIB..2 * MIB).contains(&usage.bytes), "{usage:?}");
    // It counts from now on, and the limit binds.
    super::give_to_nobody(&local);
    let (taken, error) = super::fill_as_nobody(&local.join("more"), 2 * LIMIT);
    assert!(error.is_some() && taken < LIMIT, "{taken} {error:?}");
}

/// For btrfs: a subvolume inside is limited by nothing.
pub(crate) fn subvolumes_inside_are_told(lab: &Lab) {
    let volume = filled(lab, "/srv/nested");
    for inner in ["/srv/nested/a/inner", "/srv/nested/x"] {
        command("btrfs", &["subvolume", "create", text(&lab.local(inner))]);
    }
    let found = only(thorough(lab, &volume));
    assert_eq!(
        (found.code.as_str(), found.count),
        ("quota.uncounted-inside", 2)
    );
    assert_eq!(quick(lab, &volume), []);
}

/// For ZFS.
pub(crate) fn what_else_limits_a_dataset_is_told(lab: &Lab) {
    let volume = filled(lab, "/srv/set");
    let Handle::Dataset { name, .. } = &volume.handle else {
        panic!("not a dataset: {volume:?}");
    };
    command("zfs", &["set", "quota=16M", name]);
    let found = only(quick(lab, &volume));
    assert_eq!(
        (found.code.as_str(), found.repairable),
        ("quota.other-limit", false)
    );
    assert!(
        found
            .remedy
            .unwrap()
            .contains(&format!("`zfs set quota=none {name}`"))
    );
    command("zfs", &["set", "quota=64M", name]);
    assert_eq!(quick(lab, &volume), []);
    command("zfs", &["create", &format!("{name}/child")]);
    assert_eq!(codes(&thorough(lab, &volume)), ["quota.uncounted-inside"]);
    command("zfs", &["destroy", &format!("{name}/child")]);

    // A limit below what is used is refused by ZFS, so it cannot be set again.
    let size = 8 * MIB;
    assert_eq!(super::fill(&lab.local("/srv/set/big"), size), (size, None));
    lab.usage(&volume);
    set_limit_by_hand(lab, &volume, None);
    let small = Meant {
        volume: &volume,
        limits: Limits::of_bytes(4 * MIB),
    };
    let failed = lab.storage().repair(small, soon());
    assert_eq!(super::code(failed), "quota.below-usage");

    // Nobody's any more, it is told, and left alone: it may be another machine's.
    let stray = lab.storage().strays(&[], soon()).unwrap();
    assert_eq!(stray.len(), 1, "{stray:?}");
    assert_eq!(
        (stray[0].code.as_str(), stray[0].repairable),
        ("quota.stray-dataset", false)
    );
    assert_eq!(stray[0].paths, std::slice::from_ref(&volume.path));
    assert_eq!(
        lab.storage().remove_stray(&stray[0], &[], soon()).unwrap(),
        []
    );
    assert!(lab.local("/srv/set/big").exists());
}
