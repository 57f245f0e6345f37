//! Promises of the port that hold on every file system.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;
use std::time::Duration;

use smbgw_core::catalog::{self, ShareRecord};
use smbgw_core::change::Change;
use smbgw_core::error::Coded;
use smbgw_core::ports::storage::Data;
use smbgw_core::ports::{Handle, Limits, Origin, QuotaState, Storage};
use smbgw_core::share::ShareDraft;
use smbgw_quota::{directory_usage, set_directory_limit, visible_space};
use smbgw_testing::{Filesystem, MIB, wait_until};

use super::{Lab, code, command, fill, fill_as_nobody, soon, text};

const EDQUOT: i32 = 122;
const ENOSPC: i32 = 28;
const EXDEV: i32 = 18;

/// What a limit may count beside the data: directories, extent trees, indirect blocks.
fn overhead(lab: &Lab) -> u64 {
    match lab.disk.filesystem() {
        Filesystem::Zfs => 512 << 10,
        Filesystem::BtrfsQuota => 64 << 10,
        _ => 16 << 10,
    }
}

pub(crate) fn a_volume_is_made_and_removed_without_a_trace(lab: &Lab) {
    let storage = lab.storage();
    let volume = lab.choose("/srv/media");
    assert_eq!(volume.origin, Origin::Created);
    assert!(
        !lab.local("/srv/media").exists(),
        "choosing changes nothing"
    );
    assert_eq!(storage.create(&volume, soon()).unwrap(), Change::Created);
    let made = fs::metadata(lab.local("/srv/media")).unwrap();
    assert_eq!(
        (made.mode() & 0o7777, made.uid(), made.gid()),
        (0o750, 0, 0)
    );
    assert_eq!(storage.create(&volume, soon()).unwrap(), Change::Unchanged);

    let limits = Limits::of_bytes(8 * MIB);
    let set = || storage.set_limits(&volume, limits, soon()).unwrap();
    assert_eq!(set(), Change::Updated);
    assert_eq!(set(), Change::Unchanged);
    assert_eq!(storage.limits(&volume, soon()).unwrap(), limits);
    assert_eq!(lab.usage(&volume).limits, limits);

    fs::create_dir(lab.local("/srv/media/folder")).unwrap();
    fs::write(lab.local("/srv/media/folder/file"), "content").unwrap();
    let destroy = || storage.destroy(&volume, Data::Remove, soon()).unwrap();
    assert_eq!(destroy(), Change::Removed);
    assert_eq!(destroy(), Change::Unchanged);
    assert!(!lab.local("/srv/media").exists());
    assert_eq!(lab.text("/etc/projects"), None);
    assert_eq!(lab.text("/etc/projid"), None);
    assert!(storage.usage(&volume, soon()).is_err());
    let again = lab.choose("/srv/media");
    assert_eq!(again, volume, "the identity is free again");
}

pub(crate) fn writing_stops_at_the_limit(lab: &Lab) {
    let limit = 6 * MIB;
    let volume = lab.volume("/srv/full", limit);
    let (taken, error) = fill_as_nobody(&lab.local("/srv/full/big"), 4 * limit);
    let expected = match lab.disk.filesystem() {
        Filesystem::XfsEnforced => ENOSPC,
        _ => EDQUOT,
    };
    assert_eq!(error, Some(expected));
    let least = limit - overhead(lab) - (64 << 10);
    // ZFS takes what arrives while a transaction group is open.
    let most = match lab.disk.filesystem() {
        Filesystem::Zfs => limit + 2 * MIB,
        _ => limit,
    };
    assert!((least..=most).contains(&taken), "{taken} of {limit}");
    assert!(lab.usage(&volume).available <= overhead(lab) + (64 << 10));

    // The superuser is bound too, but on ext4.
    let (_, error) = fill(&lab.local("/srv/full/root"), MIB);
    let is_bound = lab.disk.filesystem() != Filesystem::Ext4Enforced;
    assert_eq!(error.is_some(), is_bound, "{error:?}");

    // A neighbour is not.
    fs::create_dir(lab.local("/srv/other")).unwrap();
    assert_eq!(fill(&lab.local("/srv/other/file"), MIB), (MIB, None));

    // Room comes back, and a limit may be raised.
    fs::remove_file(lab.local("/srv/full/big")).unwrap();
    let _ = fs::remove_file(lab.local("/srv/full/root"));
    // XFS gives it back a moment later.
    wait_until(Duration::from_secs(30), "the room to come back", || {
        (lab.usage(&volume).bytes <= overhead(lab)).then_some(())
    })
    .unwrap();
    assert_eq!(
        fill_as_nobody(&lab.local("/srv/full/new"), MIB),
        (MIB, None)
    );
    lab.limit(&volume, 4 * limit);
    let more = 2 * limit;
    assert_eq!(
        fill_as_nobody(&lab.local("/srv/full/more"), more),
        (more, None)
    );
}

pub(crate) fn usage_is_what_was_written(lab: &Lab) {
    let volume = lab.volume("/srv/exact", 64 * MIB);
    let before = lab.usage(&volume);
    assert!(before.bytes <= overhead(lab));
    let size = 3 * MIB;
    assert_eq!(
        fill_as_nobody(&lab.local("/srv/exact/file"), size),
        (size, None)
    );
    let after = lab.usage(&volume);
    let grown = after.bytes - before.bytes;
    match lab.disk.filesystem() {
        Filesystem::Ext4Enforced | Filesystem::XfsEnforced => assert_eq!(grown, size),
        _ => assert!((size..=size + overhead(lab)).contains(&grown), "{grown}"),
    }
    if let Some(inodes) = after.inodes {
        assert_eq!(inodes, 2, "the directory and the file");
    }
    let rest = 64 * MIB - after.bytes;
    let reserve = rest.abs_diff(after.available);
    assert!(reserve <= overhead(lab), "{rest} {}", after.available);
}

pub(crate) fn a_limit_can_be_taken_away(lab: &Lab) {
    let volume = lab.volume("/srv/free", 2 * MIB);
    let storage = lab.storage();
    let no_limits = Limits::default();
    let clear = || storage.set_limits(&volume, no_limits, soon()).unwrap();
    assert_eq!(clear(), Change::Updated);
    assert_eq!(clear(), Change::Unchanged);
    assert_eq!(storage.limits(&volume, soon()).unwrap(), no_limits);
    let size = 8 * MIB;
    assert_eq!(
        fill_as_nobody(&lab.local("/srv/free/file"), size),
        (size, None)
    );
}

pub(crate) fn a_limit_below_the_usage(lab: &Lab) {
    let volume = lab.volume("/srv/shrink", 32 * MIB);
    let size = 8 * MIB;
    assert_eq!(
        fill_as_nobody(&lab.local("/srv/shrink/file"), size),
        (size, None)
    );
    lab.usage(&volume);
    let lower = Limits::of_bytes(4 * MIB);
    let set = lab.storage().set_limits(&volume, lower, soon());
    if lab.disk.filesystem() == Filesystem::Zfs {
        assert_eq!(code(set), "quota.below-usage");
        let kept = lab.storage().limits(&volume, soon()).unwrap();
        assert_eq!(kept, Limits::of_bytes(32 * MIB));
        return;
    }
    assert_eq!(set.unwrap(), Change::Updated);
    let usage = lab.usage(&volume);
    assert_eq!((usage.limits, usage.available), (lower, 0));
    let (_, error) = fill_as_nobody(&lab.local("/srv/shrink/more"), MIB);
    assert!(error.is_some());
}

pub(crate) fn keeping_the_data_takes_the_limit_away(lab: &Lab) {
    let volume = lab.volume("/srv/kept", 4 * MIB);
    fs::write(lab.local("/srv/kept/file"), "content").unwrap();
    let storage = lab.storage();
    let keep = || storage.destroy(&volume, Data::Keep, soon()).unwrap();
    assert!(keep().happened());
    assert_eq!(keep(), Change::Unchanged);
    assert_eq!(lab.text("/srv/kept/file").as_deref(), Some("content"));
    assert_eq!(lab.text("/etc/projects"), None);
    let size = 8 * MIB;
    assert_eq!(
        fill_as_nobody(&lab.local("/srv/kept/big"), size),
        (size, None)
    );
    // What was kept is the administrator's and can be adopted.
    let adopted = lab.choose("/srv/kept");
    assert!(matches!(adopted.origin, Origin::Adopted { .. }));
    lab.storage().create(&adopted, soon()).unwrap();
    assert!(lab.usage(&adopted).bytes >= size);
}

pub(crate) fn only_an_empty_volume_is_removed_if_empty(lab: &Lab) {
    let storage = lab.storage();
    let volume = lab.volume("/srv/maybe", 4 * MIB);
    let remove = || storage.destroy(&volume, Data::RemoveIfEmpty, soon());
    let file = lab.local("/srv/maybe/file");
    fs::write(&file, "content").unwrap();
    assert_eq!(code(remove()), "quota.has-content");
    assert!(file.exists());
    assert_eq!(lab.usage(&volume).limits, Limits::of_bytes(4 * MIB));
    fs::remove_file(&file).unwrap();
    assert_eq!(remove().unwrap(), Change::Removed);
    assert_eq!(remove().unwrap(), Change::Unchanged);
    assert!(!lab.local("/srv/maybe").exists());
    assert_eq!(lab.text("/etc/projects"), None);
}

pub(crate) fn undoing_works_from_every_half_made_state(lab: &Lab) {
    let storage = lab.storage();
    let volume = lab.choose("/srv/half");
    for data in [Data::Keep, Data::RemoveIfEmpty, Data::Remove] {
        // Never begun.
        assert_eq!(
            storage.destroy(&volume, data, soon()).unwrap(),
            Change::Unchanged
        );
    }
    // Cut off after the directory, or made by somebody else meanwhile: it is empty.
    fs::create_dir(lab.local("/srv/half")).unwrap();
    lab.destroy(&volume, Data::RemoveIfEmpty);
    if let Handle::Project { id, name } = &volume.handle {
        // Cut off between the two lists.
        fs::write(lab.local("/etc/projects"), format!("{id}:/srv/half\n")).unwrap();
        lab.destroy(&volume, Data::Remove);
        assert_eq!(lab.text("/etc/projects"), None);
        fs::write(lab.local("/etc/projid"), format!("web:5\n{name}:{id}\n")).unwrap();
        lab.destroy(&volume, Data::Remove);
        assert_eq!(lab.text("/etc/projid").as_deref(), Some("web:5\n"));
    }
    let _ = fs::remove_dir(lab.local("/srv/half"));
    // Done in part, and then done again.
    lab.storage().create(&volume, soon()).unwrap();
    lab.limit(&volume, 4 * MIB);
    lab.destroy(&volume, Data::Keep);
    lab.destroy(&volume, Data::Keep);
}

pub(crate) fn what_somebody_else_made_is_left_alone(lab: &Lab) {
    let volume = lab.choose("/srv/theirs");
    let local = lab.adoptable("/srv/theirs");
    fs::write(local.join("file"), "content").unwrap();
    assert!(matches!(
        code(lab.storage().create(&volume, soon())),
        "quota.not-ours" | "quota.taken"
    ));
    let _ = lab.storage().destroy(&volume, Data::RemoveIfEmpty, soon());
    let _ = lab.storage().destroy(&volume, Data::Remove, soon());
    assert_eq!(lab.text("/srv/theirs/file").as_deref(), Some("content"));
}

pub(crate) fn an_adopted_place_counts_what_is_there_and_is_given_back(lab: &Lab) {
    let storage = lab.storage();
    let local = lab.adoptable("/srv/old");
    fs::create_dir(local.join("folder")).unwrap();
    let size = 2 * MIB;
    assert_eq!(fill(&local.join("folder/file"), size), (size, None));
    std::os::unix::fs::symlink("file", local.join("folder/link")).unwrap();
    let before = fs::metadata(&local).unwrap();

    let volume = lab.choose("/srv/old");
    assert_eq!(
        volume.origin,
        Origin::Adopted {
            limits: Limits::default()
        }
    );
    storage.create(&volume, soon()).unwrap();
    assert_eq!(storage.create(&volume, soon()).unwrap(), Change::Unchanged);
    lab.limit(&volume, 4 * MIB);
    let usage = lab.usage(&volume);
    let counted = size..=size + overhead(lab) + (16 << 10);
    assert!(counted.contains(&usage.bytes), "{}", usage.bytes);
    let (_, error) = fill_as_root_bound(lab, &local.join("folder/more"), 4 * MIB);
    assert!(error.is_some());

    for data in [Data::RemoveIfEmpty, Data::Remove, Data::Keep] {
        lab.destroy(&volume, data);
        assert!(local.join("folder/file").exists());
    }
    assert_eq!(fill(&local.join("folder/more"), 4 * MIB), (4 * MIB, None));
    let after = fs::metadata(&local).unwrap();
    assert_eq!(before.mode(), after.mode());
    assert_eq!(lab.text("/etc/projects"), None);
    assert_eq!(lab.choose("/srv/old"), volume);
}

pub(crate) fn limits_of_an_adopted_place_come_back(lab: &Lab) {
    if !matches!(
        lab.disk.filesystem(),
        Filesystem::Zfs | Filesystem::BtrfsQuota
    ) {
        return; // Projects of the administrator's have a promise of their own.
    }
    let storage = lab.storage();
    lab.adoptable("/srv/limited");
    let plain = lab.choose("/srv/limited");
    lab.limit(&plain, 16 * MIB);
    let volume = lab.choose("/srv/limited");
    let limits = Limits::of_bytes(16 * MIB);
    assert_eq!(volume.origin, Origin::Adopted { limits });
    storage.create(&volume, soon()).unwrap();
    lab.limit(&volume, 4 * MIB);
    lab.destroy(&volume, Data::Remove);
    assert_eq!(storage.limits(&volume, soon()).unwrap(), limits);
}

/// For datasets and subvolumes.
pub(crate) fn an_empty_directory_is_replaced_and_put_back(lab: &Lab) {
    let storage = lab.storage();
    let local = lab.local("/srv/empty");
    fs::create_dir(&local).unwrap();
    chown(&local, Some(33), Some(34)).unwrap();
    fs::set_permissions(&local, fs::Permissions::from_mode(0o2775)).unwrap();
    let look = || {
        let found = fs::metadata(&local).unwrap();
        (found.uid(), found.gid(), found.mode() & 0o7777)
    };
    let before = look();
    let volume = lab.choose("/srv/empty");
    assert!(matches!(
        volume.origin,
        Origin::ReplacedEmptyDirectory { .. }
    ));
    storage.create(&volume, soon()).unwrap();
    lab.limit(&volume, 4 * MIB);
    fs::write(local.join("file"), "content").unwrap();
    assert_eq!(
        code(storage.destroy(&volume, Data::RemoveIfEmpty, soon())),
        "quota.has-content"
    );
    lab.destroy(&volume, Data::Remove);
    assert_eq!(look(), before);
    assert!(!local.join("file").exists());
    lab.destroy(&volume, Data::Remove);
    assert_eq!(look(), before);
    // A crash may have come after the directory was taken away.
    fs::remove_dir(&local).unwrap();
    lab.destroy(&volume, Data::Remove);
    assert_eq!(look(), before);

    fs::write(local.join("file"), "content").unwrap();
    assert_eq!(code(lab.try_choose("/srv/empty")), "quota.not-empty");
}

/// For datasets and subvolumes.
pub(crate) fn what_has_dependents_is_not_removed(lab: &Lab) {
    let volume = lab.volume("/srv/parent", 32 * MIB);
    match &volume.handle {
        Handle::Dataset { name, .. } => {
            command("zfs", &["snapshot", &format!("{name}@monday")]);
        }
        _ => {
            let inner = lab.local("/srv/parent/inner");
            command("btrfs", &["subvolume", "create", text(&inner)]);
        }
    }
    let removed = lab.storage().destroy(&volume, Data::Remove, soon());
    assert_eq!(code(removed), "quota.has-dependents");
    assert!(lab.local("/srv/parent").exists());
}

/// For datasets.
pub(crate) fn a_limit_may_count_snapshots_too(lab: &Lab) {
    let mut volume = lab.choose("/srv/snap");
    if let Handle::Dataset { with_snapshots, .. } = &mut volume.handle {
        *with_snapshots = true;
    }
    lab.storage().create(&volume, soon()).unwrap();
    lab.limit(&volume, 6 * MIB);
    let file = lab.local("/srv/snap/file");
    let size = 4 * MIB;
    assert_eq!(fill(&file, size), (size, None));
    let Handle::Dataset { name, .. } = &volume.handle else {
        panic!("not a dataset: {volume:?}");
    };
    let snapshot = format!("{name}@monday");
    command("zfs", &["snapshot", &snapshot]);
    fs::remove_file(&file).unwrap();
    assert!(lab.usage(&volume).bytes >= size);
    assert!(fill(&file, size).1.is_some());
    command("zfs", &["destroy", &snapshot]);
    fs::remove_file(&file).unwrap();
    assert!(lab.usage(&volume).bytes < MIB);
    lab.destroy(&volume, Data::RemoveIfEmpty);
}

pub(crate) fn users_see_the_limit_as_the_free_space(lab: &Lab) {
    let limit = 16 * MIB;
    let volume = lab.volume("/srv/seen", limit);
    let size = 4 * MIB;
    let local = lab.local("/srv/seen");
    assert_eq!(fill_as_nobody(&local.join("file"), size), (size, None));
    let usage = lab.usage(&volume);
    let seen = visible_space(&local).unwrap();
    let near = |a: u64, b: u64| a.abs_diff(b) <= overhead(lab);
    assert!(near(seen.total, limit), "{seen:?}");
    assert!(near(seen.available, limit - usage.bytes), "{seen:?}");
    assert!(near(usage.available, seen.available), "{usage:?} {seen:?}");
    let as_user = smbgw_testing::unprivileged::as_nobody(|| visible_space(&local).unwrap());
    assert_eq!(as_user, seen);
}

pub(crate) fn usage_and_limit_of_a_directory_are_told(lab: &Lab) {
    let told = |path: &str| directory_usage(&lab.host, Path::new(path), soon()).unwrap();
    let (limit, size) = (8 * MIB, 4 * MIB);
    let volume = lab.volume("/srv/told", limit);
    let local = lab.local("/srv/told");
    assert_eq!(fill_as_nobody(&local.join("file"), size), (size, None));
    fs::create_dir(local.join("inside")).unwrap();
    let usage = lab.usage(&volume);
    for path in ["/srv/told", "/srv/told/inside"] {
        let told = told(path);
        assert_eq!(told.usage.limits, usage.limits, "{path}");
        let counted = size..=size + overhead(lab);
        assert!(counted.contains(&told.usage.bytes), "{path}: {told:?}");
        assert_eq!(told.usage.inodes, usage.inodes, "{path}");
        let rest = limit - told.usage.bytes;
        assert!(
            told.usage.available.abs_diff(rest) <= overhead(lab),
            "{path}: {told:?}"
        );
        assert!(
            limit.abs_diff(told.total) <= overhead(lab),
            "{path}: {told:?}"
        );
    }

    let above = told("/srv");
    assert_eq!(above.usage.limits.bytes, None);
    assert!(
        above.total > 32 * MIB && above.usage.available > 16 * MIB,
        "{above:?}"
    );
    assert!(
        above.usage.bytes + above.usage.available <= above.total,
        "{above:?}"
    );
    fs::write(lab.local("/srv/file"), "").unwrap();
    for (path, expected) in [
        ("/srv/file", "quota.not-a-directory"),
        ("/srv/nothing", "quota.not-found"),
    ] {
        let error = directory_usage(&lab.host, Path::new(path), soon()).unwrap_err();
        assert_eq!(error.code(), expected);
    }
}

pub(crate) fn the_limit_of_a_directory_is_set_unless_it_is_a_shares(lab: &Lab) {
    let set = |path: &str, bytes| set_directory_limit(&lab.host, Path::new(path), bytes, soon());
    let volume = lab.volume("/srv/theirs", 8 * MIB);
    let changed = set("/srv/theirs", Some(16 * MIB)).unwrap();
    assert_eq!(changed.change, Change::Updated);
    assert_eq!(changed.usage.usage.limits, lab.usage(&volume).limits);
    assert_eq!(lab.usage(&volume).limits, Limits::of_bytes(16 * MIB));
    let again = set("/srv/theirs", Some(16 * MIB)).unwrap();
    assert_eq!(again.change, Change::Unchanged);
    let none = set("/srv/theirs", None).unwrap();
    assert_eq!(none.usage.usage.limits.bytes, None);
    assert_eq!(lab.usage(&volume).limits, Limits::default());

    let plain = lab.local("/srv/plain");
    fs::create_dir(&plain).unwrap();
    let refused = |path: &str| code(set(path, Some(MIB)));
    assert_eq!(refused("/srv/plain"), "quota.no-limit-of-its-own");
    assert_eq!(refused("/srv/nothing"), "quota.not-found");

    // What is inside a share counts for the share, where it has no limit of its own.
    let share = lab.volume("/srv/media", 8 * MIB);
    let draft = ShareDraft {
        name: "media".into(),
        path: Some("/srv/media".into()),
        quota: Some("8M".into()),
        guest: true,
        ..ShareDraft::default()
    };
    let record = ShareRecord::new(draft.check().unwrap(), share.clone(), 0);
    catalog::store(&lab.host, &record).unwrap();
    fs::create_dir(lab.local("/srv/media/inside")).unwrap();
    assert_eq!(refused("/srv/media"), "quota.of-share");
    let inside = match share.handle {
        Handle::Project { .. } => "quota.of-share",
        _ => "quota.no-limit-of-its-own",
    };
    assert_eq!(refused("/srv/media/inside"), inside);
    assert_eq!(lab.usage(&share).limits, Limits::of_bytes(8 * MIB));
    // That there is a share changes nothing about another directory.
    assert_eq!(
        set("/srv/theirs", Some(8 * MIB)).unwrap().change,
        Change::Updated
    );
    assert_eq!(lab.usage(&share).limits, Limits::of_bytes(8 * MIB));
}

pub(crate) fn a_survey_tells_what_is_there(lab: &Lab) {
    let storage = lab.storage();
    let survey = |path: &str| storage.survey(Path::new(path), soon()).unwrap();
    let missing = survey("/srv/a/b/c");
    assert_eq!(missing.existing, Path::new("/srv"));
    assert_eq!(missing.mount_point, Path::new("/"));
    assert_eq!(missing.source, lab.disk.source().display().to_string());
    assert!(matches!(missing.quota, QuotaState::Enforced(_)));
    assert_eq!(missing.used, 0);
    assert!(missing.available > 16 * MIB);
    let volume = lab.volume("/srv/a", 8 * MIB);
    let size = 2 * MIB;
    assert_eq!(
        fill_as_nobody(&lab.local("/srv/a/file"), size),
        (size, None)
    );
    lab.usage(&volume);
    let there = survey("/srv/a");
    assert_eq!(there.existing, Path::new("/srv/a"));
    let counted = size..=size + overhead(lab);
    assert!(counted.contains(&there.used), "{there:?}");
    let filesystem = lab.disk.filesystem();
    if filesystem != Filesystem::BtrfsQuota {
        assert!(there.available <= 6 * MIB, "{there:?}");
    }
    fs::write(lab.local("/srv/file"), "").unwrap();
    for path in ["/srv/file", "/srv/file/below"] {
        let answer = storage.survey(Path::new(path), soon());
        assert_eq!(code(answer), "quota.not-a-directory");
    }
}

pub(crate) fn usages_come_in_order_and_each_with_its_own_error(lab: &Lab) {
    let volumes: Vec<_> = (0..5)
        .map(|number| lab.volume(&format!("/srv/v{number}"), (number + 4) * MIB))
        .collect();
    let size = MIB;
    assert_eq!(
        fill_as_nobody(&lab.local("/srv/v3/file"), size),
        (size, None)
    );
    lab.destroy(&volumes[1], Data::Remove);
    let usages = lab
        .storage()
        .usages(&volumes.iter().collect::<Vec<_>>(), soon());
    for (number, usage) in usages.into_iter().enumerate() {
        match usage {
            Ok(usage) => {
                assert_eq!(usage.limits.bytes, Some((number as u64 + 4) * MIB));
                assert_eq!(usage.bytes >= size, number == 3);
            }
            Err(error) => {
                assert_eq!(number, 1, "{error}");
                assert_eq!(code::<()>(Err(error)), "quota.not-found");
            }
        }
    }
}

pub(crate) fn volumes_are_apart_for_links(lab: &Lab) {
    lab.volume("/srv/one", 8 * MIB);
    lab.volume("/srv/two", 8 * MIB);
    let file = lab.local("/srv/one/file");
    fs::write(&file, "content").unwrap();
    let linked = fs::hard_link(&file, lab.local("/srv/two/link"));
    assert_eq!(linked.unwrap_err().raw_os_error(), Some(EXDEV));
    let renamed = fs::rename(&file, lab.local("/srv/two/file"));
    assert_eq!(renamed.unwrap_err().raw_os_error(), Some(EXDEV));
}

pub(crate) fn names_with_blanks_and_umlauts_work(lab: &Lab) {
    let storage = lab.storage();
    let volume = lab.volume("/srv/Büro & Co", 4 * MIB);
    assert_eq!(lab.usage(&volume).limits, Limits::of_bytes(4 * MIB));
    let survey = storage.survey(&volume.path, soon()).unwrap();
    assert_eq!(survey.existing, volume.path);
    lab.destroy(&volume, Data::Remove);
    assert!(!lab.local("/srv/Büro & Co").exists());
}

pub(crate) fn what_cannot_be_limited_is_refused(lab: &Lab) {
    let volume = lab.volume("/srv/kinds", 8 * MIB);
    let limits = Limits {
        bytes: Some(8 * MIB),
        inodes: Some(100),
        ..Limits::default()
    };
    let set = lab.storage().set_limits(&volume, limits, soon());
    match volume.handle {
        Handle::Project { .. } => assert!(set.is_ok()),
        _ => assert_eq!(code(set), "quota.unsupported-limit"),
    }
}

fn fill_as_root_bound(lab: &Lab, path: &Path, bytes: u64) -> (u64, Option<i32>) {
    match lab.disk.filesystem() {
        Filesystem::Ext4Enforced => {
            smbgw_testing::unprivileged::without_sys_resource(|| fill(path, bytes))
        }
        _ => fill(path, bytes),
    }
}
