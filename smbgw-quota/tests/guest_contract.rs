//! What volumes promise, on the file systems whose quotas a general kernel has (root; run by
//! `testing/guest/uml-run` where this machine's kernel has none).

#[macro_use]
mod contract;

use contract::{Lab, inspect, marks, projects, switched_off, verify, volumes};
use smbgw_testing::{Capability, Filesystem, require};

mod ext4 {
    use super::*;
    every_volume_on!(Ext4Prjquota, Ext4Enforced);
    every_project_on!(Ext4Prjquota, Ext4Enforced);
}

mod xfs {
    use super::*;
    every_volume_on!(XfsPquota, XfsEnforced);
    every_project_on!(XfsPquota, XfsEnforced);
}

mod zfs {
    use super::*;
    every_volume_on!(Zfs, Zfs);
    volumes_of_their_own_on!(Zfs, Zfs);
    promises!(Zfs, Zfs, volumes: a_limit_may_count_snapshots_too);
    promises!(Zfs, Zfs, inspect: what_else_limits_a_dataset_is_told);
}

macro_rules! others {
    ($($test:ident: $capability:ident => $body:expr;)+) => {
        $(
            #[test]
            fn $test() {
                require!(Capability::$capability);
                $body
            }
        )+
    };
}

others! {
    processes_at_once_get_ids_of_their_own_on_ext4: Ext4Prjquota =>
        projects::processes_at_once_get_ids_of_their_own(
            || Lab::new(Filesystem::Ext4Enforced),
            "processes_at_once_get_ids_of_their_own_on_ext4",
        );
    processes_at_once_get_ids_of_their_own_on_xfs: XfsPquota =>
        projects::processes_at_once_get_ids_of_their_own(
            || Lab::new(Filesystem::XfsEnforced),
            "processes_at_once_get_ids_of_their_own_on_xfs",
        );
    a_repair_that_is_killed_is_done_by_the_next_on_ext4: Ext4Prjquota =>
        marks::a_repair_that_is_killed_is_done_by_the_next(
            || Lab::new(Filesystem::Ext4Enforced),
            "a_repair_that_is_killed_is_done_by_the_next_on_ext4",
        );
    a_repair_that_is_killed_is_done_by_the_next_on_xfs: XfsPquota =>
        marks::a_repair_that_is_killed_is_done_by_the_next(
            || Lab::new(Filesystem::XfsEnforced),
            "a_repair_that_is_killed_is_done_by_the_next_on_xfs",
        );
    ext4_without_the_feature: Ext4Prjquota =>
        switched_off::the_remedy_switches_limits_on(Filesystem::Ext4Plain);
    ext4_that_only_counts: Ext4Prjquota =>
        switched_off::the_remedy_switches_limits_on(Filesystem::Ext4Accounting);
    xfs_without_quotas: XfsPquota =>
        switched_off::the_remedy_switches_limits_on(Filesystem::XfsPlain);
    xfs_that_only_counts: XfsPquota =>
        switched_off::the_remedy_switches_limits_on(Filesystem::XfsAccounting);
    limits_of_ext4_switched_off_later: Ext4Prjquota =>
        inspect::limits_switched_off_are_told(Filesystem::Ext4Enforced);
    limits_of_xfs_switched_off_later: XfsPquota =>
        inspect::limits_switched_off_are_told(Filesystem::XfsEnforced);
}
