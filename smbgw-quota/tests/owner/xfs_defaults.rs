//! The limits of all that have none of their own, which XFS keeps for id 0.

use smbgw_core::change::Change;
use smbgw_quota::Limits;
use smbgw_quota::owner::OwnerKind;
use smbgw_testing::MIB;
use smbgw_testing::unprivileged::without_sys_resource;

use super::{EDQUOT, fill_as, limit, mib, open_folder, quotas, usage, users};
use crate::contract::{Lab, fill, soon};

pub(crate) fn they_bind_whoever_comes(lab: &Lab) {
    let users = users(lab);
    let folder = open_folder(lab, "homes");
    assert_eq!(users.defaults().unwrap(), Limits::default());
    assert_eq!(users.set_defaults(mib(4)).unwrap(), Change::Updated);
    assert_eq!(users.set_defaults(mib(4)).unwrap(), Change::Unchanged);
    assert_eq!(users.defaults().unwrap(), mib(4));
    limit(&users, 20, mib(6));

    let (taken, error) = fill_as(10, folder.join("10"), 8 * MIB);
    assert!(
        taken <= 4 * MIB && error == Some(EDQUOT),
        "{taken} {error:?}"
    );
    assert_eq!(usage(&users, 10).limits, mib(4));
    // Whoever has a limit keeps it, and root has none.
    let (taken, error) = fill_as(20, folder.join("20"), 8 * MIB);
    assert!((5 * MIB..=6 * MIB).contains(&taken) && error == Some(EDQUOT));
    let size = 8 * MIB;
    let by_root = without_sys_resource(|| fill(&folder.join("root"), size));
    assert_eq!(by_root, (size, None));
    assert_eq!(usage(&users, 0).limits, Limits::default());

    // Who has used the file system keeps the old defaults; who has not gets the new ones.
    users.set_defaults(mib(5)).unwrap();
    let (_, error) = fill_as(10, folder.join("10-more"), 8 * MIB);
    assert_eq!(error, Some(EDQUOT));
    assert_eq!(usage(&users, 10).limits, mib(4));
    let (taken, error) = fill_as(11, folder.join("11"), 8 * MIB);
    assert!((4 * MIB..=5 * MIB).contains(&taken) && error == Some(EDQUOT));
    // Without limits of its own, an owner comes under the defaults.
    users.set_limits(20, Limits::default(), soon()).unwrap();
    let (taken, error) = fill_as(20, folder.join("20"), 8 * MIB);
    assert!((4 * MIB..=5 * MIB).contains(&taken) && error == Some(EDQUOT));
    assert_eq!(usage(&users, 20).limits, mib(5));

    users.set_defaults(Limits::default()).unwrap();
    assert_eq!(fill_as(12, folder.join("12"), size), (size, None));
}

pub(crate) fn they_are_of_users_or_of_groups(lab: &Lab) {
    let groups = quotas(lab, OwnerKind::Group);
    let folder = open_folder(lab, "groups");
    groups.set_defaults(mib(4)).unwrap();
    assert_eq!(users(lab).defaults().unwrap(), Limits::default());
    let (taken, error) = fill_as(10, folder.join("10"), 8 * MIB);
    assert!(
        taken <= 4 * MIB && error == Some(EDQUOT),
        "{taken} {error:?}"
    );
    assert_eq!(usage(&groups, 10).limits, mib(4));
    assert_eq!(usage(&users(lab), 10).limits, Limits::default());
}
