//! Promises that hold on ext4, XFS and ZFS.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::chown;
use std::time::Duration;

use smbgw_core::change::Change;
use smbgw_quota::Limits;
use smbgw_quota::owner::{GraceTimes, OwnerKind, OwnerName, Standing};
use smbgw_testing::unprivileged::as_user;
use smbgw_testing::{Filesystem, MIB, wait_until};

use super::{EDQUOT, HIGHEST, fill_as, limit, mib, open_folder, quotas, refusal, usage, users};
use crate::contract::{Lab, command, soon};

fn is_zfs(lab: &Lab) -> bool {
    lab.disk.filesystem() == Filesystem::Zfs
}

/// Lets the file system notice what was written: ZFS does when it writes a transaction group.
fn settle(lab: &Lab) {
    if is_zfs(lab) {
        command("zpool", &["sync", lab.disk.source().to_str().unwrap()]);
    }
}

pub(crate) fn users_are_held_to_their_limits(lab: &Lab) {
    let users = users(lab);
    assert!(users.scope().enforced);
    let folder = open_folder(lab, "homes");
    for id in [1, 65534, HIGHEST] {
        limit(&users, id, mib(4));
        let mut written = 0;
        // ZFS lets a writer go on until the next transaction group.
        wait_until(Duration::from_secs(60), "the limit to bind", || {
            let (taken, error) = fill_as(id, folder.join(format!("{id}-{written}")), 8 * MIB);
            settle(lab);
            written += taken;
            assert!(matches!(error, None | Some(EDQUOT)), "{error:?}");
            error
        })
        .unwrap();
        let owner = usage(&users, id);
        assert_eq!(owner.limits, mib(4));
        assert!(owner.bytes >= written, "{owner:?}");
        if !is_zfs(lab) {
            assert!((3 * MIB..=4 * MIB).contains(&owner.bytes), "{owner:?}");
        }
        users.set_limits(id, Limits::default(), soon()).unwrap();
        let size = 8 * MIB;
        let free = fill_as(id, folder.join(format!("{id}-free")), size);
        assert_eq!(free, (size, None));
    }
    let other = fill_as(2, folder.join("other"), 8 * MIB);
    assert_eq!(other, (8 * MIB, None));
}

pub(crate) fn files_are_counted_and_limited(lab: &Lab) {
    let users = users(lab);
    let folder = open_folder(lab, "files");
    let files = Limits {
        inodes: Some(5),
        ..Limits::default()
    };
    limit(&users, 77, files);
    let mut made = 0;
    wait_until(Duration::from_secs(60), "the limit to bind", || {
        let file = folder.join(format!("file-{made}"));
        let outcome = as_user(77, || fs::write(file, ""));
        settle(lab);
        made += u64::from(outcome.is_ok());
        let error = outcome.err()?;
        assert_eq!(error.raw_os_error(), Some(EDQUOT));
        Some(())
    })
    .unwrap();
    let owner = usage(&users, 77);
    assert_eq!((owner.inodes, owner.limits), (Some(made), files));
    assert_eq!(owner.inodes_standing, Standing::Full);
    assert_eq!(owner.standing(), Standing::Full);
    if !is_zfs(lab) {
        assert_eq!(made, 5);
    }
}

pub(crate) fn groups_are_held_to_their_limits(lab: &Lab) {
    let groups = quotas(lab, OwnerKind::Group);
    let folder = open_folder(lab, "groups");
    limit(&groups, 500, mib(4));
    wait_until(Duration::from_secs(60), "the limit to bind", || {
        let (_, error) = fill_as(500, folder.join("file"), 8 * MIB);
        settle(lab);
        error.inspect(|&error| assert_eq!(error, EDQUOT))
    })
    .unwrap();
    assert_eq!(usage(&groups, 500).limits, mib(4));
    // The user of that number has no limit.
    let users = users(lab);
    assert_eq!(usage(&users, 500).limits, Limits::default());
    assert_eq!(usage(&users, 500).bytes, usage(&groups, 500).bytes);
    // A file that goes to another group counts there.
    let before = usage(&groups, 501).bytes;
    chown(folder.join("file"), None, Some(501)).unwrap();
    assert!(usage(&groups, 501).bytes > before);
    assert!(usage(&groups, 500).bytes < MIB);
}

pub(crate) fn a_report_of_many_is_what_was_set(lab: &Lab) {
    const FIRST: u32 = 100_000;
    const COUNT: u32 = 500;
    let users = users(lab);
    let folder = open_folder(lab, "many");
    let limits = |id: u32| Limits {
        bytes: Some(u64::from(id - FIRST + 1) * MIB),
        inodes: Some(u64::from(id)),
        ..Limits::default()
    };
    let ids = FIRST..FIRST + COUNT;
    if is_zfs(lab) {
        // One command for each would take a minute.
        let settings: Vec<String> = ids
            .clone()
            .flat_map(|id| {
                let Limits { bytes, inodes, .. } = limits(id);
                [
                    format!("userquota@+{id}={}", bytes.unwrap()),
                    format!("userobjquota@+{id}={}", inodes.unwrap()),
                ]
            })
            .collect();
        for some in settings.chunks(100) {
            let mut arguments = vec!["set"];
            arguments.extend(some.iter().map(String::as_str));
            arguments.push(lab.disk.source().to_str().unwrap());
            command("zfs", &arguments);
        }
    } else {
        for id in ids.clone() {
            limit(&users, id, limits(id));
        }
    }
    for id in ids.clone().step_by(10) {
        let file = folder.join(id.to_string());
        fs::write(&file, vec![7; 4096]).unwrap();
        chown(&file, Some(id), None).unwrap();
    }
    let found: BTreeMap<u32, _> = users
        .report(soon())
        .unwrap()
        .into_iter()
        .map(|owner| (owner.id, owner))
        .collect();
    let reported = found.range(FIRST..).map(|(id, owner)| (*id, owner.limits));
    let set = ids.clone().map(|id| (id, limits(id)));
    assert!(reported.eq(set));
    for id in ids {
        let owner = &found[&id];
        let has_file = (id - FIRST).is_multiple_of(10);
        assert_eq!(owner.inodes, Some(u64::from(has_file)), "{owner:?}");
        assert_eq!(owner.bytes > 0, has_file, "{owner:?}");
        assert!(is_zfs(lab) || owner.bytes <= 4096, "{owner:?}");
    }
    let root = &found[&0];
    assert_eq!((root.limits, root.bytes > 0), (Limits::default(), true));
}

pub(crate) fn ids_that_are_none_are_refused(lab: &Lab) {
    for kind in [OwnerKind::User, OwnerKind::Group] {
        let quotas = quotas(lab, kind);
        let set = |id| quotas.set_limits(id, mib(4), soon());
        assert_eq!(refusal(set(0)), "quota.owner-root");
        assert_eq!(refusal(set(u32::MAX)), "quota.owner-id");
        assert_eq!(set(HIGHEST).unwrap(), Change::Updated);
        let report = quotas.report(soon()).unwrap();
        let limited: Vec<u32> = report
            .iter()
            .filter(|owner| owner.limits != Limits::default())
            .map(|owner| owner.id)
            .collect();
        assert_eq!(limited, [HIGHEST]);
        assert!(report.is_sorted_by_key(|owner| owner.id));
    }
}

pub(crate) fn limits_are_set_changed_and_taken_away(lab: &Lab) {
    let users = users(lab);
    let both = Limits {
        inodes: Some(10),
        ..mib(4)
    };
    let set = |limits| users.set_limits(7, limits, soon()).unwrap();
    for limits in [both, mib(5), mib(6), Limits::default()] {
        assert_eq!(set(limits), Change::Updated);
        assert_eq!(set(limits), Change::Unchanged);
        assert_eq!(usage(&users, 7).limits, limits);
    }
    let report = users.report(soon()).unwrap();
    assert!(report.iter().all(|owner| owner.id != 7));
}

pub(crate) fn names_are_told_where_there_are_any(lab: &Lab) {
    let passwd = "root:x:0:0::/:/bin/sh\n4711fritz:x:1234:1234::/:/bin/sh\n";
    fs::write(lab.local("/etc/passwd"), passwd).unwrap();
    let name: OwnerName = "4711fritz".parse().unwrap();
    let id = name.resolve(&lab.host, OwnerKind::User, soon()).unwrap();
    assert_eq!(id, 1234);
    let users = users(lab);
    limit(&users, id, mib(4));
    limit(&users, 4711, mib(8));
    assert_eq!(usage(&users, id).name.as_deref(), Some("4711fritz"));
    let names: Vec<_> = users
        .report(soon())
        .unwrap()
        .into_iter()
        .map(|owner| (owner.id, owner.name))
        .collect();
    let named = |id, name: &str| (id, Some(name.to_owned()));
    assert_eq!(
        names,
        [named(0, "root"), named(1234, "4711fritz"), (4711, None)]
    );
    let unknown: OwnerName = "nobody-here".parse().unwrap();
    let resolved = unknown.resolve(&lab.host, OwnerKind::User, soon());
    assert_eq!(refusal(resolved), "quota.owner-unknown");
}

pub(crate) fn what_zfs_has_not_is_refused(lab: &Lab) {
    let users = users(lab);
    let soft = Limits {
        soft_bytes: Some(MIB),
        ..mib(4)
    };
    let set = users.set_limits(7, soft, soon());
    assert_eq!(refusal(set), "quota.unsupported-limit");
    let week = GraceTimes {
        bytes: 604800,
        inodes: 604800,
    };
    assert_eq!(refusal(users.grace()), "quota.owner-unsupported");
    assert_eq!(refusal(users.set_grace(week)), "quota.owner-unsupported");
    assert_eq!(refusal(users.defaults()), "quota.owner-unsupported");
    assert_eq!(
        refusal(users.set_defaults(mib(4))),
        "quota.owner-unsupported"
    );
}
