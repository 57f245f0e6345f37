//! Promises of the quotas that ext4 and XFS keep by id.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use smbgw_core::change::Change;
use smbgw_quota::Limits;
use smbgw_quota::owner::{GraceTimes, OwnerKind, OwnerQuotas, Standing};
use smbgw_testing::unprivileged::as_user;
use smbgw_testing::{Filesystem, MIB, Scratch, wait_until};

use super::{EDQUOT, HIGHEST, fill_as, limit, mib, open_folder, quotas, refusal, usage, users};
use crate::contract::Lab;

const WEEK: u64 = 7 * 24 * 3600;
const KIB: u64 = 1024;

/// XFS frees what was removed in the background.
const FREED: Duration = Duration::from_secs(60);

/// XFS writes the end of a grace time down in steps of four seconds.
const STEP: u64 = 4;

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    since.as_secs()
}

fn kernel(lab: &Lab) -> OwnerQuotas {
    OwnerQuotas::open(lab.disk.path(), OwnerKind::User).unwrap()
}

/// Adds 64 KiB to `path` as user `id`.
fn add_as(id: u32, path: &Path) -> Result<(), Option<i32>> {
    let attempt = || -> io::Result<()> {
        let mut file = OpenOptions::new().create(true).append(true).open(path)?;
        file.write_all(&[7; 64 << 10])?;
        file.sync_all()
    };
    as_user(id, attempt).map_err(|error| error.raw_os_error())
}

fn both(seconds: u64) -> GraceTimes {
    GraceTimes {
        bytes: seconds,
        inodes: seconds,
    }
}

pub(crate) fn usage_is_exact(lab: &Lab) {
    let users = users(lab);
    let folder = open_folder(lab, "exact");
    for (number, size) in [2 * MIB, 64 * KIB].into_iter().enumerate() {
        let file = folder.join(number.to_string());
        assert_eq!(fill_as(1234, file, size), (size, None));
    }
    let owner = usage(&users, 1234);
    let exact = (2 * MIB + 64 * KIB, Some(2));
    assert_eq!((owner.bytes, owner.inodes), exact);
    assert_eq!(owner.standing(), Standing::Within);
    fs::remove_file(folder.join("0")).unwrap();
    wait_until(FREED, "the file to be freed", || {
        let owner = usage(&users, 1234);
        ((owner.bytes, owner.inodes) == (64 * KIB, Some(1))).then_some(())
    })
    .unwrap();
    // Limits are whole blocks.
    let block = rustix::fs::statvfs(lab.disk.path()).unwrap().f_bsize;
    limit(&users, 1234, Limits::of_bytes(3 * block - 1));
    assert_eq!(usage(&users, 1234).limits, Limits::of_bytes(2 * block));
    assert_eq!(usage(&users, 1234).standing(), Standing::Full);
}

pub(crate) fn a_soft_limit_binds_when_the_grace_is_over(lab: &Lab) {
    let users = kernel(lab);
    let file = open_folder(lab, "soft").join("file");
    assert_eq!(users.set_grace(both(1)).unwrap(), Change::Updated);
    let limits = Limits {
        soft_bytes: Some(MIB),
        ..mib(8)
    };
    users.set_limits(33, limits).unwrap();
    let size = MIB + 64 * KIB;
    let before = now();
    assert_eq!(fill_as(33, file.clone(), size), (size, None));
    let owner = users.get(33).unwrap();
    let (Standing::Grace { ends: Some(ends) } | Standing::GraceOver { since: ends }) =
        owner.standing()
    else {
        panic!("{owner:?}");
    };
    assert!((before..=now() + 1 + STEP).contains(&ends), "{ends}");

    wait_until(Duration::from_secs(60), "the grace to end", || {
        let error = add_as(33, &file).err()?;
        assert_eq!(error, Some(EDQUOT));
        Some(())
    })
    .unwrap();
    let owner = users.get(33).unwrap();
    let over = matches!(owner.bytes_standing, Standing::GraceOver { since } if since <= now());
    assert!(over && owner.standing().refuses(), "{owner:?}");
    assert!(owner.bytes < 8 * MIB, "the hard limit is far: {owner:?}");

    // One more hour.
    let hour = now() + 3600;
    users.set_grace_ends(33, Some(hour), None).unwrap();
    let Standing::Grace { ends: Some(ends) } = users.get(33).unwrap().standing() else {
        panic!("{:?}", users.get(33));
    };
    assert!((hour..=hour + STEP).contains(&ends), "{ends} {hour}");
    assert_eq!(add_as(33, &file), Ok(()));

    // Below the soft limit, all is well again.
    fs::remove_file(&file).unwrap();
    wait_until(FREED, "the file to be freed", || {
        (users.get(33).unwrap().standing() == Standing::Within).then_some(())
    })
    .unwrap();
    assert_eq!(fill_as(33, file, MIB / 2), (MIB / 2, None));
}

pub(crate) fn files_have_a_grace_time_too(lab: &Lab) {
    let users = kernel(lab);
    let folder = open_folder(lab, "soft");
    let grace = GraceTimes {
        bytes: WEEK,
        inodes: 1,
    };
    users.set_grace(grace).unwrap();
    assert_eq!(users.grace().unwrap(), grace);
    let limits = Limits {
        soft_inodes: Some(2),
        inodes: Some(1_000_000),
        ..Limits::default()
    };
    users.set_limits(33, limits).unwrap();
    let mut made = 0;
    wait_until(Duration::from_secs(60), "the grace to end", || {
        made += 1;
        let file = folder.join(made.to_string());
        let error = as_user(33, || fs::write(file, "")).err()?;
        assert_eq!(error.raw_os_error(), Some(EDQUOT));
        Some(())
    })
    .unwrap();
    assert!(made > 3);
    let owner = users.get(33).unwrap();
    let over = matches!(owner.inodes_standing, Standing::GraceOver { .. });
    assert!(over, "{owner:?}");
    assert_eq!(owner.bytes_standing, Standing::Within);
}

pub(crate) fn grace_times_are_kept(lab: &Lab) {
    let users = users(lab);
    assert_eq!(users.grace().unwrap(), both(WEEK));
    let day = GraceTimes {
        bytes: 24 * 3600,
        inodes: 3600,
    };
    assert_eq!(users.set_grace(day).unwrap(), Change::Updated);
    assert_eq!(users.set_grace(day).unwrap(), Change::Unchanged);
    assert_eq!(users.grace().unwrap(), day);
    assert_eq!(quotas(lab, OwnerKind::Group).grace().unwrap(), both(WEEK));
    assert_eq!(refusal(users.set_grace(both(0))), "quota.grace-time");
    let longest = both(GraceTimes::LONGEST);
    assert_eq!(users.set_grace(longest).unwrap(), Change::Updated);
    assert_eq!(users.grace().unwrap(), longest);
    let longer = both(GraceTimes::LONGEST + 1);
    assert_eq!(refusal(users.set_grace(longer)), "quota.grace-time");
}

pub(crate) fn a_limit_of_files_leaves_the_grace_of_bytes_alone(lab: &Lab) {
    let users = kernel(lab);
    let file = open_folder(lab, "soft").join("file");
    let limits = Limits {
        soft_bytes: Some(MIB),
        ..mib(8)
    };
    users.set_limits(33, limits).unwrap();
    assert_eq!(fill_as(33, file, 2 * MIB), (2 * MIB, None));
    let early = now() + 1000;
    users.set_grace_ends(33, Some(early), None).unwrap();
    let ends = |users: &OwnerQuotas| users.get(33).unwrap().bytes_standing;
    let before = ends(&users);
    let files = Limits {
        inodes: Some(100),
        ..limits
    };
    assert_eq!(users.set_limits(33, files).unwrap(), Change::Updated);
    assert_eq!(ends(&users), before);
    assert_eq!(users.get(33).unwrap().limits, files);
}

pub(crate) fn limits_outlive_a_mount(filesystem: Filesystem, options: &str) {
    let mut disk = Scratch::new(filesystem, 64 * MIB).unwrap();
    let limits = Limits {
        soft_bytes: Some(MIB),
        inodes: Some(9),
        soft_inodes: Some(8),
        ..mib(8)
    };
    let open = |disk: &Scratch| OwnerQuotas::open(disk.path(), OwnerKind::User).unwrap();
    let users = open(&disk);
    users.set_grace(both(7200)).unwrap();
    for id in [1, HIGHEST] {
        users.set_limits(id, limits).unwrap();
    }
    drop(users);
    disk.unmount().unwrap();
    disk.mount(options).unwrap();
    let users = open(&disk);
    assert_eq!(users.grace().unwrap(), both(7200));
    let limited: Vec<_> = users
        .iter()
        .map(Result::unwrap)
        .filter(|owner| owner.limits == limits)
        .map(|owner| owner.id)
        .collect();
    assert_eq!(limited, [1, HIGHEST]);
    drop(users);
    disk.remove().unwrap();
}

pub(crate) fn users_groups_and_projects_go_together(lab: &Lab) {
    let volume = lab.volume("/srv/team", 8 * MIB);
    let team = lab.local("/srv/team");
    let (users, groups) = (users(lab), quotas(lab, OwnerKind::Group));
    limit(&users, 10, mib(2));
    limit(&groups, 11, mib(3));
    // Each is stopped by its own limit, and all three count.
    let (first, error) = fill_as(10, team.join("10"), 8 * MIB);
    assert!(first <= 2 * MIB && error == Some(EDQUOT), "{error:?}");
    let (second, error) = fill_as(11, team.join("11"), 8 * MIB);
    assert!(second <= 3 * MIB && error == Some(EDQUOT), "{error:?}");
    let (third, error) = fill_as(12, team.join("12"), 8 * MIB);
    assert!(error.is_some());
    assert!(first + second + third <= 8 * MIB);
    assert!(usage(&users, 12).bytes >= third);
    let volume = lab.usage(&volume);
    assert_eq!(volume.limits, mib(8));
    assert!(volume.bytes >= first + second + third);
    assert!(volume.bytes <= 8 * MIB);
}

pub(crate) fn there_are_no_default_limits(lab: &Lab) {
    let users = users(lab);
    assert_eq!(refusal(users.defaults()), "quota.owner-unsupported");
    let set = users.set_defaults(mib(4));
    assert_eq!(refusal(set), "quota.owner-unsupported");
}
