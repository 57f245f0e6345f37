//! Promises that only project quotas can make.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::fs::{Mode, OFlags};
use smbgw_core::change::Change;
use smbgw_core::ports::storage::Data;
use smbgw_core::ports::{Handle, Limits, Origin, Storage, Volume};
use smbgw_quota::{FIRST_ID, Project, ProjectQuotas, tree};
use smbgw_testing::MIB;
use smbgw_testing::unprivileged::as_nobody;

use super::{Lab, code, fill_as_nobody, soon};

const HIGHEST: u32 = 0xffff_fffe;

fn quotas(lab: &Lab) -> ProjectQuotas {
    ProjectQuotas::open(lab.disk.path()).unwrap()
}

/// A directory of the administrator's that is marked with `id`.
fn marked(lab: &Lab, path: &str, id: u32) {
    let local = lab.local(path);
    fs::create_dir_all(&local).unwrap();
    tree::mark(&local, id, soon()).unwrap();
}

fn id_of(volume: &Volume) -> u32 {
    match volume.handle {
        Handle::Project { id, .. } => id,
        _ => panic!("not a project: {volume:?}"),
    }
}

pub(crate) fn soft_and_hard_limits_are_told_apart(lab: &Lab) {
    let volume = lab.volume("/srv/soft", 8 * MIB);
    let limits = Limits {
        bytes: Some(8 * MIB),
        soft_bytes: Some(4 * MIB),
        inodes: Some(20),
        soft_inodes: Some(10),
    };
    let storage = lab.storage();
    let set = |limits| storage.set_limits(&volume, limits, soon());
    assert_eq!(set(limits).unwrap(), Change::Updated);
    assert_eq!(set(limits).unwrap(), Change::Unchanged);
    assert_eq!(storage.limits(&volume, soon()).unwrap(), limits);
    // The soft limit is passed, the hard one is not.
    let size = 6 * MIB;
    assert_eq!(
        fill_as_nobody(&lab.local("/srv/soft/file"), size),
        (size, None)
    );
    assert!(
        fill_as_nobody(&lab.local("/srv/soft/more"), size)
            .1
            .is_some()
    );
    let usage = lab.usage(&volume);
    assert_eq!(usage.available, 8 * MIB - usage.bytes);
    let wrong = Limits {
        soft_bytes: Some(9 * MIB),
        ..limits
    };
    assert_eq!(code(set(wrong)), "quota.soft-above-hard");
}

pub(crate) fn files_are_counted_and_limited(lab: &Lab) {
    let volume = lab.volume("/srv/many", 8 * MIB);
    let limits = Limits {
        inodes: Some(5),
        ..Limits::default()
    };
    lab.storage().set_limits(&volume, limits, soon()).unwrap();
    let made = as_nobody(|| {
        (0..10)
            .take_while(|number| fs::write(lab.local(format!("/srv/many/{number}")), "").is_ok())
            .count()
    });
    assert_eq!(made, 4, "with the directory itself that is five");
    assert_eq!(lab.usage(&volume).inodes, Some(5));
}

pub(crate) fn small_limits_are_one_block_and_none_is_none(lab: &Lab) {
    let quotas = quotas(lab);
    let block = rustix::fs::statfs(lab.disk.path()).unwrap().f_bsize as u64;
    quotas.set_limits(7, Limits::of_bytes(1)).unwrap();
    assert_eq!(quotas.get(7).unwrap().limits, Limits::of_bytes(block));
    let again = quotas.set_limits(7, Limits::of_bytes(block + 1)).unwrap();
    assert_eq!(again, Change::Unchanged);
    quotas.set_limits(7, Limits::default()).unwrap();
    assert!(quotas.get(7).unwrap().is_unused());
    assert!(quotas.iter().all(|found| found.unwrap().id != 7));
}

pub(crate) fn every_id_up_to_the_highest_is_usable(lab: &Lab) {
    let quotas = quotas(lab);
    for id in [1, 0x7fff_ffff, 0x8000_0000, HIGHEST] {
        let limits = Limits::of_bytes(8 * MIB);
        assert_eq!(quotas.set_limits(id, limits).unwrap(), Change::Updated);
        assert_eq!(quotas.get(id).unwrap().limits, limits);
        marked(lab, &format!("/srv/{id}"), id);
        let project = Project::open(&lab.local(format!("/srv/{id}"))).unwrap();
        assert_eq!((project.id(), project.limits().unwrap()), (id, limits));
        assert_eq!(project.usage().unwrap().inodes, Some(1));
    }
    let ids: Vec<u32> = quotas.iter().map(|found| found.unwrap().id).collect();
    assert_eq!(ids, [0, 1, 0x7fff_ffff, 0x8000_0000, HIGHEST]);
    for id in [0, u32::MAX] {
        let refused = quotas.set_limits(id, Limits::of_bytes(MIB));
        assert!(refused.is_err(), "{id}");
    }
}

pub(crate) fn a_thousand_projects_are_listed(lab: &Lab) {
    let quotas = quotas(lab);
    for id in 1..=1000 {
        let limits = Limits::of_bytes(u64::from(id) * MIB);
        quotas.set_limits(FIRST_ID + id, limits).unwrap();
    }
    let listed: Vec<_> = quotas
        .iter()
        .from_id(1)
        .map(|found| found.unwrap())
        .collect();
    assert_eq!(listed.len(), 1000);
    for (quota, number) in listed.iter().zip(1..) {
        assert_eq!(quota.id, FIRST_ID + number);
        assert_eq!(quota.limits, Limits::of_bytes(u64::from(number) * MIB));
    }
    // None of them is given out, but the gap before them is.
    assert_eq!(id_of(&lab.volume("/srv/gap", MIB)), FIRST_ID);
    assert_eq!(id_of(&lab.volume("/srv/next", MIB)), FIRST_ID + 1001);
}

pub(crate) fn ids_of_others_are_not_given_out(lab: &Lab) {
    fs::write(lab.local("/etc/projects"), format!("{FIRST_ID}:/x\n")).unwrap();
    fs::write(lab.local("/etc/projid"), format!("y:{}\n", FIRST_ID + 1)).unwrap();
    marked(lab, "/srv/admin", FIRST_ID + 2);
    let taken = Volume {
        handle: Handle::Project {
            id: FIRST_ID + 3,
            name: "smbgw-new".into(),
        },
        ..lab.choose("/srv/taken")
    };
    let share = "new".parse().unwrap();
    let path = Path::new("/srv/new");
    let chosen = lab.storage().choose(&share, path, &[taken], soon());
    let expected = Handle::Project {
        id: FIRST_ID + 4,
        name: "smbgw-new-2".into(),
    };
    assert_eq!(chosen.unwrap().handle, expected);
}

pub(crate) fn projects_of_the_administrator_are_kept(lab: &Lab) {
    let quotas = quotas(lab);
    marked(lab, "/srv/web", 42);
    let limits = Limits {
        bytes: Some(64 * MIB),
        inodes: Some(1000),
        ..Limits::default()
    };
    quotas.set_limits(42, limits).unwrap();
    // Not listed: nobody knows what the project is for.
    assert_eq!(code(lab.try_choose("/srv/web")), "quota.other-project");

    let listed = "# web\n42:/srv/web\n";
    fs::write(lab.local("/etc/projects"), listed).unwrap();
    fs::write(lab.local("/etc/projid"), "web:42\n").unwrap();
    let volume = lab.choose("/srv/web");
    assert_eq!(volume.origin, Origin::Adopted { limits });
    lab.storage().create(&volume, soon()).unwrap();
    lab.limit(&volume, 4 * MIB);
    lab.destroy(&volume, Data::Remove);
    assert_eq!(quotas.get(42).unwrap().limits, limits);
    assert_eq!(lab.text("/etc/projects").as_deref(), Some(listed));
    assert_eq!(Project::open(&lab.local("/srv/web")).unwrap().id(), 42);

    // One limit for two directories is no limit of one share.
    fs::write(lab.local("/etc/projects"), "42:/srv/web\n42:/srv/b\n").unwrap();
    assert_eq!(code(lab.try_choose("/srv/web")), "quota.registration");
    fs::write(lab.local("/etc/projects"), "42:/srv/gone\n").unwrap();
    assert_eq!(code(lab.try_choose("/srv/gone")), "quota.registration");
}

pub(crate) fn other_projects_inside_are_found_before_anything_changes(lab: &Lab) {
    fs::create_dir_all(lab.local("/srv/mixed/a/b")).unwrap();
    fs::write(lab.local("/srv/mixed/file"), "").unwrap();
    let volume = lab.choose("/srv/mixed");
    marked(lab, "/srv/mixed/a/b/c", 77);
    assert_eq!(code(lab.try_choose("/srv/mixed")), "quota.other-project");
    let made = lab.storage().create(&volume, soon());
    assert_eq!(code(made), "quota.other-project");
    assert!(Project::open(&lab.local("/srv/mixed")).is_err());
    lab.destroy(&volume, Data::Remove);
    assert_eq!(lab.text("/etc/projects"), None);
    let inner = Project::open(&lab.local("/srv/mixed/a/b/c")).unwrap();
    assert_eq!(inner.id(), 77);
    // A new directory inside a project would slip out of its limit.
    let inside = lab.try_choose("/srv/mixed/a/b/c/new");
    assert_eq!(code(inside), "quota.inside-project");
}

pub(crate) fn links_and_special_files_are_counted_apart(lab: &Lab) {
    let root = lab.local("/srv/odd");
    fs::create_dir_all(root.join("dir")).unwrap();
    fs::write(root.join("file"), "content").unwrap();
    fs::hard_link(root.join("file"), root.join("dir/same")).unwrap();
    fs::write(lab.local("/srv/outside"), "content").unwrap();
    fs::hard_link(lab.local("/srv/outside"), root.join("dir/both")).unwrap();
    symlink("/etc/passwd", root.join("link")).unwrap();
    symlink("/nowhere", root.join("dangling")).unwrap();
    super::command("mkfifo", &[super::text(&root.join("pipe"))]);
    let inner = root.join("dir/mounted");
    fs::create_dir(&inner).unwrap();
    super::command("mount", &["-t", "tmpfs", "inner", super::text(&inner)]);
    fs::write(inner.join("other"), "").unwrap();
    assert_eq!(tree::holding(&root, soon()).unwrap().linked_outside, 1);
    let marking = tree::mark(&root, 5, soon());
    super::command("umount", &[super::text(&inner)]);
    let (change, report) = marking.unwrap();
    assert_eq!(change, Change::Updated);
    assert_eq!((report.files, report.directories), (3, 2));
    assert_eq!(report.unmarkable, 3);
    assert_eq!(report.mounts, std::slice::from_ref(&inner));
    assert_eq!(report.linked_outside, [root.join("dir/both")]);
    let counted = quotas(lab).get(5).unwrap();
    assert_eq!(counted.inodes, 4, "two directories and two files");
    assert_eq!(tree::unmark(&root, 5, soon()).unwrap(), Change::Updated);
    assert!(quotas(lab).get(5).unwrap().is_unused());
    assert_eq!(tree::unmark(&root, 5, soon()).unwrap(), Change::Unchanged);
}

pub(crate) fn deep_trees_are_walked(lab: &Lab) {
    let root = lab.local("/srv/deep");
    fs::create_dir(&root).unwrap();
    let depth = 3000;
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut dir = rustix::fs::open(&root, flags, Mode::empty()).unwrap();
    for _ in 0..depth {
        rustix::fs::mkdirat(&dir, "0123456789", Mode::RWXU).unwrap();
        dir = rustix::fs::openat(&dir, "0123456789", flags, Mode::empty()).unwrap();
    }
    drop(dir);
    let (_, report) = tree::mark(&root, 9, soon()).unwrap();
    assert_eq!(report.directories, depth + 1);
    assert_eq!(quotas(lab).get(9).unwrap().inodes, depth + 1);
    tree::unmark(&root, 9, soon()).unwrap();
    assert!(quotas(lab).get(9).unwrap().is_unused());
}

pub(crate) fn what_leaves_a_volume_goes_on_counting_for_it(lab: &Lab) {
    let volume = lab.volume("/srv/from", 8 * MIB);
    fs::write(lab.local("/srv/from/file"), "content").unwrap();
    fs::rename(lab.local("/srv/from/file"), lab.local("/srv/file")).unwrap();
    assert_eq!(lab.usage(&volume).inodes, Some(2));
    // So its id is not given to another one.
    lab.destroy(&volume, Data::Remove);
    assert_ne!(id_of(&lab.choose("/srv/from")), id_of(&volume));
}

pub(crate) fn an_id_that_was_taken_meanwhile_is_told(lab: &Lab) {
    let first = lab.choose("/srv/first");
    let second = lab.choose("/srv/second");
    assert_eq!(id_of(&first), id_of(&second));
    let storage = lab.storage();
    storage.create(&first, soon()).unwrap();
    lab.limit(&first, 4 * MIB);
    assert_eq!(code(storage.create(&second, soon())), "quota.taken");
    // Undoing the second one does no harm to the first.
    lab.destroy(&second, Data::Remove);
    assert_eq!(lab.usage(&first).limits, Limits::of_bytes(4 * MIB));
    assert_eq!(lab.text("/etc/projid").unwrap().lines().count(), 1);
}

const WORKER: &str = "SMBGW_QUOTA_WORKER";

/// `test` is the full name of the test that calls this, for its other processes.
pub(crate) fn processes_at_once_get_ids_of_their_own(make: impl Fn() -> Lab, test: &str) {
    if let Some(work) = std::env::var_os(WORKER) {
        let work = work.into_string().unwrap();
        let (root, name) = work.split_once('|').unwrap();
        return make_one(Path::new(root), name);
    }
    let lab = make();
    let program = std::env::current_exe().unwrap();
    let mut workers: Vec<_> = (0..8)
        .map(|number| {
            Command::new(&program)
                .args(["--exact", test, "--quiet"])
                .env(WORKER, format!("{}|p{number}", lab.disk.path().display()))
                .stdout(Stdio::null())
                .spawn()
                .unwrap()
        })
        .collect();
    for worker in &mut workers {
        assert!(worker.wait().unwrap().success());
    }
    let mut ids: Vec<u32> = (0..8)
        .map(|number| {
            Project::open(&lab.local(format!("/srv/p{number}")))
                .unwrap()
                .id()
        })
        .collect();
    ids.sort_unstable();
    assert_eq!(ids, Vec::from_iter(FIRST_ID..FIRST_ID + 8));
    assert_eq!(lab.text("/etc/projects").unwrap().lines().count(), 8);
}

/// What a process without a lock of its own does: choose again if somebody was faster.
fn make_one(root: &Path, name: &str) {
    let host = smbgw_core::host::LocalHost::with_root(root);
    let storage = smbgw_quota::QuotaStorage::new(&host);
    let share = name.parse().unwrap();
    let path = Path::new("/srv").join(name);
    for attempt in 0.. {
        let volume = storage.choose(&share, &path, &[], soon()).unwrap();
        match storage.create(&volume, soon()) {
            Ok(_) => break,
            Err(error) => {
                assert_eq!(code::<()>(Err(error)), "quota.taken");
                assert!(attempt < 100);
                storage.destroy(&volume, Data::Remove, soon()).unwrap();
            }
        }
    }
}
