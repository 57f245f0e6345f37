//! What is found, and put right, where marks of projects, lists and ids are not as they should be.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use smbgw_core::host::LocalHost;
use smbgw_core::ports::storage::Data;
use smbgw_core::ports::{Handle, Limits, Storage, Volume};
use smbgw_quota::{FIRST_ID, Project, ProjectQuotas, QuotaStorage, tree};
use smbgw_testing::{MIB, wait_until};

use super::inspect::{LIMIT, codes, filled, meant, only, quick, repair, thorough};
use super::{Lab, command, soon, text};

fn quotas(lab: &Lab) -> ProjectQuotas {
    ProjectQuotas::open(lab.disk.path()).unwrap()
}

pub(super) fn id_of(volume: &Volume) -> u32 {
    match volume.handle {
        Handle::Project { id, .. } => id,
        _ => panic!("not a project: {volume:?}"),
    }
}

/// Takes project and inheritance from one directory, as an administrator would.
fn untag(path: &Path) {
    command("chattr", &["-p", "0", "-P", text(path)]);
}

/// Lets what is made in a directory not inherit its project.
fn stop_inheritance(path: &Path) {
    command("chattr", &["-P", text(path)]);
}

fn is_inheriting(path: &Path) -> bool {
    command("lsattr", &["-d", text(path)])
        .split_whitespace()
        .next()
        .unwrap()
        .contains('P')
}

pub(crate) fn a_file_moved_in_from_outside_is_found_and_counted(lab: &Lab) {
    let volume = filled(lab, "/srv/into");
    let quotas = quotas(lab);
    let inodes = quotas.get(id_of(&volume)).unwrap().inodes;
    let dir = lab.local("/srv/into/a/b c");
    // The kernel lets a file of no project into a directory that hands none on.
    stop_inheritance(&dir);
    let outside = lab.local("/srv/outside");
    assert_eq!(super::fill(&outside, MIB), (MIB, None));
    fs::rename(&outside, dir.join("moved")).unwrap();
    fs::write(dir.join("made"), "content").unwrap();
    assert_eq!(quick(lab, &volume), []);
    let found = thorough(lab, &volume);
    assert_eq!(codes(&found), ["quota.unmarked", "quota.not-inherited"]);
    assert_eq!((found[0].count, found[1].count), (2, 1));
    let inside = Path::new("/srv/into/a/b c");
    assert_eq!(
        found[0].path.as_deref().and_then(Path::parent),
        Some(inside)
    );
    assert_eq!(found[1].path.as_deref(), Some(inside));
    assert!(found.iter().all(|found| found.repairable));

    let done = repair(lab, &volume);
    let counts: Vec<_> = done
        .iter()
        .map(|done| (done.code.as_str(), done.count))
        .collect();
    assert_eq!(counts, [("quota.unmarked", 2), ("quota.not-inherited", 1)]);
    assert_eq!(thorough(lab, &volume), []);
    assert_eq!(repair(lab, &volume), []);
    let after = quotas.get(id_of(&volume)).unwrap();
    assert_eq!(after.inodes, inodes + 2);
    assert!(after.bytes >= MIB);
    assert!(is_inheriting(&dir));
}

pub(crate) fn an_unmarked_subtree_is_found_and_marked(lab: &Lab) {
    let volume = filled(lab, "/srv/sub");
    let quotas = quotas(lab);
    let before = quotas.get(id_of(&volume)).unwrap();
    tree::unmark(&lab.local("/srv/sub/a/b c"), id_of(&volume), soon()).unwrap();
    let found = only(thorough(lab, &volume));
    assert_eq!((found.code.as_str(), found.count), ("quota.unmarked", 4));
    assert_eq!(found.path.as_deref(), Some(Path::new("/srv/sub/a/b c")));
    assert_eq!(repair(lab, &volume)[0].count, 4);
    assert_eq!(thorough(lab, &volume), []);
    // Three directories and four files, one of which has a second name.
    tree::unmark(&lab.local("/srv/sub/a"), id_of(&volume), soon()).unwrap();
    assert_eq!(only(thorough(lab, &volume)).count, 7);
    assert_eq!(repair(lab, &volume)[0].count, 7);
    assert_eq!(thorough(lab, &volume), []);
    assert_eq!(quotas.get(id_of(&volume)).unwrap().bytes, before.bytes);
}

pub(crate) fn the_first_directory_is_looked_at_quickly(lab: &Lab) {
    let volume = filled(lab, "/srv/top");
    let local = lab.local("/srv/top");
    stop_inheritance(&local);
    assert_eq!(only(quick(lab, &volume)).code, "quota.not-inherited");
    untag(&local);
    let found = only(quick(lab, &volume));
    assert_eq!((found.code.as_str(), found.count), ("quota.unmarked", 1));
    assert_eq!(found.path.as_deref(), Some(Path::new("/srv/top")));
    assert_eq!(only(thorough(lab, &volume)), found);
    repair(lab, &volume);
    assert_eq!(quick(lab, &volume), []);
    assert!(is_inheriting(&local));
    // A limit that the administrator added stays.
    let more = Limits {
        inodes: Some(1000),
        soft_bytes: Some(LIMIT / 2),
        ..Limits::of_bytes(LIMIT * 2)
    };
    quotas(lab).set_limits(id_of(&volume), more).unwrap();
    assert_eq!(only(quick(lab, &volume)).count, 1);
    repair(lab, &volume);
    let expected = Limits {
        bytes: Some(LIMIT),
        ..more
    };
    assert_eq!(lab.usage(&volume).limits, expected);
    assert_eq!(quick(lab, &volume), []);
}

pub(crate) fn projects_that_strayed_in_are_taken_over(lab: &Lab) {
    let quotas = quotas(lab);
    let volume = filled(lab, "/srv/mine");
    let other = filled(lab, "/srv/other");
    let stale = FIRST_ID + 500;
    let retag = |path: &str, id: u32| {
        tree::unmark(&lab.local(path), id_of(&volume), soon()).unwrap();
        tree::mark(&lab.local(path), id, soon()).unwrap();
    };
    retag("/srv/mine/a/b c/d", stale);
    quotas.set_limits(stale, Limits::of_bytes(MIB)).unwrap();
    let others = quotas.get(id_of(&other)).unwrap().inodes;
    let from_there = lab.local("/srv/mine/from-there");
    fs::create_dir(&from_there).unwrap();
    retag("/srv/mine/from-there", id_of(&other));

    let found = thorough(lab, &volume);
    assert_eq!(codes(&found), ["quota.foreign-project"; 2]);
    assert!(found.iter().all(|found| found.repairable));
    assert!(
        found[0].message.contains("that of `/srv/other`"),
        "{found:?}"
    );
    assert!(
        found[1].message.contains("which is no share's"),
        "{found:?}"
    );
    assert_eq!((found[0].count, found[1].count), (1, 2));
    let done = repair(lab, &volume);
    assert_eq!(
        (done[0].code.as_str(), done[0].count),
        ("quota.foreign-project", 3)
    );
    assert_eq!(thorough(lab, &volume), []);
    assert_eq!(thorough(lab, &other), []);
    assert_eq!(quotas.get(stale).unwrap().inodes, 0);
    assert_eq!(quotas.get(id_of(&other)).unwrap().inodes, others);
    // Its limit is all that is left of it; nobody knows whose it was, so it is only told.
    let strays = lab.storage().strays(&[&volume, &other], soon()).unwrap();
    assert_eq!(strays.len(), 1, "{strays:?}");
    assert_eq!(
        (strays[0].code.as_str(), strays[0].repairable),
        ("quota.unlisted-project", false)
    );
    let command_said = format!("`setquota -P {stale} 0 0 0 0 ");
    assert!(strays[0].remedy.as_deref().unwrap().contains(&command_said));
    let storage = lab.storage();
    assert_eq!(
        storage
            .remove_stray(&strays[0], &[&volume, &other], soon())
            .unwrap(),
        []
    );
    assert_eq!(quotas.get(stale).unwrap().limits, Limits::of_bytes(MIB));
}

pub(crate) fn projects_of_the_administrator_inside_are_left_alone(lab: &Lab) {
    let quotas = quotas(lab);
    let volume = filled(lab, "/srv/big");
    let mark = |path: &str, id: u32| {
        let local = lab.local(path);
        fs::create_dir(&local).unwrap();
        tree::unmark(&local, id_of(&volume), soon()).unwrap();
        tree::mark(&local, id, soon()).unwrap();
        fs::write(local.join("file"), "content").unwrap();
    };
    mark("/srv/big/own", 77);
    mark("/srv/big/unknown", 78);
    mark("/srv/big/forgotten", 79);
    for id in [77, 78] {
        quotas.set_limits(id, Limits::of_bytes(MIB)).unwrap();
    }
    let projects = lab.text("/etc/projects").unwrap();
    fs::write(
        lab.local("/etc/projects"),
        format!("{projects}77:/srv/big/own\n"),
    )
    .unwrap();

    let found = thorough(lab, &volume);
    assert_eq!(codes(&found), ["quota.foreign-project"; 3]);
    let repairable: Vec<bool> = found.iter().map(|found| found.repairable).collect();
    assert_eq!(repairable, [false, false, true]);
    assert_eq!(repair(lab, &volume)[0].count, 2);
    let remaining = thorough(lab, &volume);
    assert_eq!(remaining, found[..2]);
    for id in [77, 78] {
        assert_eq!(quotas.get(id).unwrap().inodes, 2);
    }
    // What the remedies say puts it right.
    let id = id_of(&volume);
    for (found, path) in remaining.iter().zip(["/srv/big/own", "/srv/big/unknown"]) {
        let said = format!("`chattr -R -p {id} {path}`");
        assert!(
            found.remedy.as_deref().unwrap().contains(&said),
            "{found:?}"
        );
        let (id, local) = (id.to_string(), lab.local(path));
        command("chattr", &["-R", "-p", &id, text(&local)]);
    }
    fs::write(lab.local("/etc/projects"), projects).unwrap();
    assert_eq!(thorough(lab, &volume), []);
}

/// An administrator's project inside may be listed by another path than that of the volume.
pub(crate) fn projects_inside_are_known_by_any_of_their_paths(lab: &Lab) {
    let quotas = quotas(lab);
    let volume = filled(lab, "/srv/real");
    let mark = |name: &str, id: u32| {
        let local = lab.local("/srv/real").join(name);
        fs::create_dir(&local).unwrap();
        tree::unmark(&local, id_of(&volume), soon()).unwrap();
        tree::mark(&local, id, soon()).unwrap();
        quotas.set_limits(id, Limits::of_bytes(MIB)).unwrap();
    };
    mark("linked", 77);
    mark("bound", 78);
    symlink("real", lab.local("/srv/alias")).unwrap();
    let bound = lab.local("/srv/mounted");
    fs::create_dir(&bound).unwrap();
    let real = lab.local("/srv/real");
    command("mount", &["--bind", text(&real), text(&bound)]);
    let lines = "77:/srv/alias/linked\n78:/srv/mounted/bound\n79:/srv/not/there\n";
    let projects = lab.text("/etc/projects").unwrap();
    fs::write(lab.local("/etc/projects"), projects + lines).unwrap();

    let found = thorough(lab, &volume);
    let done = repair(lab, &volume);
    command("umount", &[text(&bound)]);
    assert_eq!(codes(&found), ["quota.foreign-project"; 2]);
    assert!(found.iter().all(|found| !found.repairable), "{found:?}");
    assert_eq!(done, []);
    for id in [77, 78] {
        assert_eq!(quotas.get(id).unwrap().inodes, 1);
    }
}

/// Ids that other programs give out are theirs, also where they are not listed.
pub(crate) fn projects_of_other_programs_inside_are_left_alone(lab: &Lab) {
    let quotas = quotas(lab);
    let volume = filled(lab, "/srv/pods");
    let theirs = (1 << 20) + 1;
    let pod = lab.local("/srv/pods/pod");
    fs::create_dir(&pod).unwrap();
    tree::unmark(&pod, id_of(&volume), soon()).unwrap();
    tree::mark(&pod, theirs, soon()).unwrap();
    quotas.set_limits(theirs, Limits::of_bytes(MIB)).unwrap();
    let found = only(thorough(lab, &volume));
    assert_eq!(
        (found.code.as_str(), found.repairable),
        ("quota.foreign-project", false)
    );
    assert_eq!(repair(lab, &volume), []);
    assert_eq!(quotas.get(theirs).unwrap().inodes, 1);
}

/// What names the volume that a process of its own puts right.
const WORKER: &str = "SMBGW_REPAIR_WORKER";

/// A repair that is killed leaves nothing but work, which the next one does.
pub(crate) fn a_repair_that_is_killed_is_done_by_the_next(make: impl Fn() -> Lab, test: &str) {
    const FILES: u64 = 4000;
    if let Some(root) = std::env::var_os(WORKER) {
        let host = LocalHost::with_root(Path::new(&root));
        let storage = QuotaStorage::new(&host);
        let share = "killed".parse().unwrap();
        let path = Path::new("/srv/killed");
        let volume = storage.choose(&share, path, &[], soon()).unwrap();
        storage.repair(meant(&volume), soon()).unwrap();
        return;
    }
    let lab = make();
    let quotas = quotas(&lab);
    let volume = filled(&lab, "/srv/killed");
    let many = lab.local("/srv/killed/many");
    fs::create_dir(&many).unwrap();
    for number in 0..FILES {
        fs::write(many.join(number.to_string()), "").unwrap();
    }
    let id = id_of(&volume);
    let whole = quotas.get(id).unwrap();
    assert!(whole.inodes > FILES);
    let mut cut_off = 0;
    for _ in 0..20 {
        tree::unmark(&lab.local("/srv/killed"), id, soon()).unwrap();
        let none = quotas.get(id).unwrap().inodes;
        let mut worker = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test, "--quiet"])
            .env(WORKER, lab.disk.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        while quotas.get(id).unwrap().inodes < none + 10 {
            if worker.try_wait().unwrap().is_some() {
                break;
            }
        }
        let _ = worker.kill();
        worker.wait().unwrap();
        let part = quotas.get(id).unwrap().inodes - none;
        let left = thorough(&lab, &volume);
        assert!(
            codes(&left).iter().all(|code| *code == "quota.unmarked"),
            "{left:?}"
        );
        let found: u64 = left.iter().map(|found| found.count).sum();
        let done: u64 = repair(&lab, &volume).iter().map(|done| done.count).sum();
        assert_eq!(done, found);
        assert_eq!(part + found, whole.inodes - none);
        assert_eq!(thorough(&lab, &volume), []);
        assert_eq!(quotas.get(id).unwrap(), whole);
        cut_off += u64::from(part > 0 && found > 0);
        if cut_off == 3 {
            return;
        }
    }
    panic!("{cut_off} repairs were cut off in the middle");
}

pub(crate) fn a_file_with_names_in_two_projects_counts_for_one(lab: &Lab) {
    let one = filled(lab, "/srv/first");
    let two = filled(lab, "/srv/second");
    let dir = lab.local("/srv/second/a");
    stop_inheritance(&dir);
    // The kernel asks the directory alone whether a file of another project may have a name in it.
    fs::hard_link(lab.local("/srv/first/one"), dir.join("linked")).unwrap();
    command("chattr", &["+P", text(&dir)]);
    assert_eq!(thorough(lab, &one), []);
    let found = only(thorough(lab, &two));
    assert_eq!(
        (found.code.as_str(), found.count),
        ("quota.linked-elsewhere", 1)
    );
    assert_eq!(
        found.path.as_deref(),
        Some(Path::new("/srv/second/a/linked"))
    );
    assert_eq!(repair(lab, &two), []);
    assert_eq!(thorough(lab, &one), []);
    // A copy is a file of its own.
    fs::copy(dir.join("linked"), dir.join("new")).unwrap();
    fs::rename(dir.join("new"), dir.join("linked")).unwrap();
    assert_eq!(thorough(lab, &two), []);
}

pub(crate) fn lists_are_looked_at_and_put_right(lab: &Lab) {
    let volume = filled(lab, "/srv/list");
    let id = id_of(&volume);
    let files = ["/etc/projects", "/etc/projid"];
    let before = files.map(|file| lab.text(file).unwrap());
    for file in files {
        fs::remove_file(lab.local(file)).unwrap();
        let found = only(thorough(lab, &volume));
        assert_eq!(
            (found.code.as_str(), found.repairable),
            ("quota.not-listed", true)
        );
        assert_eq!(repair(lab, &volume).len(), 1);
        assert_eq!(thorough(lab, &volume), []);
    }
    assert_eq!(files.map(|file| lab.text(file).unwrap()), before);
    // Lines of others are not removed.
    for (file, line) in [
        (files[0], format!("{id}:/srv/theirs\n")),
        (files[1], "smbgw-list:5\n".to_string()),
    ] {
        let text = lab.text(file).unwrap();
        fs::write(lab.local(file), format!("{line}{text}")).unwrap();
        let found = only(thorough(lab, &volume));
        assert_eq!(
            (found.code.as_str(), found.repairable),
            ("quota.registration", false)
        );
        assert!(found.message.contains(line.trim()), "{found:?}");
        assert_eq!(repair(lab, &volume), []);
        fs::write(lab.local(file), text).unwrap();
    }
    assert_eq!(thorough(lab, &volume), []);
}

pub(crate) fn what_a_deleted_share_left_is_found_and_removed(lab: &Lab) {
    let quotas = quotas(lab);
    let gone = filled(lab, "/srv/gone");
    let kept = filled(lab, "/srv/kept");
    let storage = lab.storage();
    assert_eq!(storage.strays(&[&gone, &kept], soon()).unwrap(), []);
    // Of its files, one went into the tree of another share.
    let strayed = lab.local("/srv/kept/a/strayed");
    fs::create_dir(&strayed).unwrap();
    tree::unmark(&strayed, id_of(&kept), soon()).unwrap();
    tree::mark(&strayed, id_of(&gone), soon()).unwrap();
    fs::write(strayed.join("file"), "content").unwrap();

    let strays = storage.strays(&[&kept], soon()).unwrap();
    assert_eq!(strays.len(), 1, "{strays:?}");
    let stray = &strays[0];
    assert_eq!(
        (stray.code.as_str(), stray.repairable),
        ("quota.stray-project", true)
    );
    assert_eq!(stray.handle, gone.handle);
    assert_eq!(
        stray.paths,
        [PathBuf::from("/srv/gone"), lab.disk.path().into()]
    );
    assert_eq!(stray.bytes, quotas.get(id_of(&gone)).unwrap().bytes);
    // Another look comes first: it is a volume again.
    assert_eq!(
        storage
            .remove_stray(stray, &[&gone, &kept], soon())
            .unwrap(),
        []
    );
    assert_eq!(lab.usage(&gone).limits, Limits::of_bytes(LIMIT));

    let done = storage.remove_stray(stray, &[&kept], soon()).unwrap();
    assert_eq!(done.len(), 3, "{done:?}");
    assert_eq!(lab.text("/srv/gone/a/two").as_deref(), Some("content"));
    assert!(Project::open(&lab.local("/srv/gone")).is_err());
    assert_eq!(quotas.get(id_of(&gone)).unwrap().limits, Limits::default());
    assert_eq!(lab.text("/etc/projects").unwrap().lines().count(), 1);
    assert_eq!(lab.text("/etc/projid").unwrap().lines().count(), 1);
    // The rest is in a share, and put right with it.
    let rest = storage.strays(&[&kept], soon()).unwrap();
    assert_eq!(rest[0].code, "quota.unlisted-project");
    assert_eq!(only(thorough(lab, &kept)).code, "quota.foreign-project");
    repair(lab, &kept);
    assert_eq!(thorough(lab, &kept), []);
    assert_eq!(storage.strays(&[&kept], soon()).unwrap(), []);
    // Links and pipes keep the id, and hold nothing.
    assert_eq!(quotas.get(id_of(&gone)).unwrap().bytes, 0);
}

pub(crate) fn a_stray_on_a_file_system_that_is_not_mounted_stays(lab: &Lab) {
    fs::create_dir(lab.local("/srv/usb")).unwrap();
    let gone = filled(lab, "/srv/usb/gone");
    let fstab = "/dev/sdz1 /srv/usb ext4 defaults 0 2\n";
    fs::write(lab.local("/etc/fstab"), fstab).unwrap();
    let storage = lab.storage();
    let strays = storage.strays(&[], soon()).unwrap();
    assert!(!strays[0].repairable);
    assert_eq!(storage.remove_stray(&strays[0], &[], soon()).unwrap(), []);
    assert!(lab.text("/etc/projid").is_some());
    lab.destroy(&gone, Data::Remove);
}

/// An administrator may have called the project of a share by another name, and used it.
pub(crate) fn a_stray_that_somebody_else_named_stays(lab: &Lab) {
    let gone = filled(lab, "/srv/shared");
    let names = lab.text("/etc/projid").unwrap();
    let named = format!("archive:{}\n{names}", id_of(&gone));
    fs::write(lab.local("/etc/projid"), &named).unwrap();
    let storage = lab.storage();
    let stray = storage.strays(&[], soon()).unwrap().remove(0);
    assert!(!stray.repairable && stray.remedy.as_deref().unwrap().contains("archive:"));
    assert_eq!(storage.remove_stray(&stray, &[], soon()).unwrap(), []);
    assert_eq!(lab.text("/etc/projid").as_ref(), Some(&named));
    assert_eq!(lab.usage(&gone).limits, Limits::of_bytes(LIMIT));
    // Without its line it may go.
    fs::write(lab.local("/etc/projid"), names).unwrap();
    let stray = storage.strays(&[], soon()).unwrap().remove(0);
    assert_eq!(storage.remove_stray(&stray, &[], soon()).unwrap().len(), 3);
    assert_eq!(lab.text("/etc/projid"), None);
}

pub(crate) fn a_volume_given_up_leaves_nothing(lab: &Lab) {
    for data in [Data::Keep, Data::Remove] {
        let volume = filled(lab, "/srv/up");
        lab.destroy(&volume, data);
        // XFS counts what was removed for a moment longer.
        wait_until(Duration::from_secs(30), "nothing to be left", || {
            let left = lab.storage().strays(&[], soon()).unwrap();
            left.is_empty().then_some(())
        })
        .unwrap();
        let _ = fs::remove_dir_all(lab.local("/srv/up"));
    }
}
