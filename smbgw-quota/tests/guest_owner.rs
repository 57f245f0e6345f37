//! What quotas of users and groups promise, on the file systems that have them (root; run by
//! `testing/guest/uml-run` where this machine's kernel has none).

#[macro_use]
#[allow(unused_macros, reason = "the promises of volumes are for other files")]
mod contract;
mod owner;

use contract::Lab;
use owner::{by_kernel, everywhere, live, off, xfs_defaults};
use smbgw_testing::{Capability, Filesystem, require};

/// What holds on every file system with such quotas.
macro_rules! every_owner_on {
    ($capability:ident, $filesystem:ident) => {
        promises!(
            $capability, $filesystem, everywhere:
            users_are_held_to_their_limits,
            files_are_counted_and_limited,
            groups_are_held_to_their_limits,
            a_report_of_many_is_what_was_set,
            ids_that_are_none_are_refused,
            limits_are_set_changed_and_taken_away,
            names_are_told_where_there_are_any,
        );
    };
}

/// What holds where the kernel keeps them by id.
macro_rules! kept_by_id_on {
    ($capability:ident, $filesystem:ident) => {
        promises!(
            $capability, $filesystem, by_kernel:
            usage_is_exact,
            a_soft_limit_binds_when_the_grace_is_over,
            files_have_a_grace_time_too,
            grace_times_are_kept,
            a_limit_of_files_leaves_the_grace_of_bytes_alone,
            users_groups_and_projects_go_together,
        );
    };
}

mod ext4 {
    use super::*;
    every_owner_on!(Ext4Prjquota, Ext4AllQuotas);
    kept_by_id_on!(Ext4Prjquota, Ext4AllQuotas);
    promises!(Ext4Prjquota, Ext4AllQuotas, by_kernel: there_are_no_default_limits);
}

mod xfs {
    use super::*;
    every_owner_on!(XfsPquota, XfsAllQuotas);
    kept_by_id_on!(XfsPquota, XfsAllQuotas);
    promises!(
        XfsPquota, XfsAllQuotas, xfs_defaults:
        they_bind_whoever_comes,
        they_are_of_users_or_of_groups,
    );
}

mod zfs {
    use super::*;
    every_owner_on!(Zfs, Zfs);
    promises!(Zfs, Zfs, everywhere: what_zfs_has_not_is_refused);
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
    limits_outlive_a_mount_of_ext4: Ext4Prjquota =>
        by_kernel::limits_outlive_a_mount(Filesystem::Ext4AllQuotas, "usrquota");
    limits_outlive_a_mount_of_xfs: XfsPquota =>
        by_kernel::limits_outlive_a_mount(Filesystem::XfsAllQuotas, "uquota");
    ext4_without_the_feature: Ext4Prjquota =>
        off::the_remedy_switches_them_on(Filesystem::Ext4Plain);
    ext4_that_only_counts: Ext4Prjquota => off::what_only_counts_can_be_read(Filesystem::Ext4Enforced);
    xfs_for_projects_only: XfsPquota => off::the_remedy_switches_them_on(Filesystem::XfsEnforced);
    xfs_that_only_counts: XfsPquota => off::what_only_counts_can_be_read(Filesystem::XfsPlain);
    btrfs_has_none: Btrfs => off::a_file_system_without_them(Filesystem::BtrfsPlain);
    a_number_is_a_name_first: Root => live::a_number_is_a_name_first("a_number_is_a_name_first");
    zfs_is_given_ids_and_no_names: Zfs =>
        live::zfs_is_given_ids_and_no_names("zfs_is_given_ids_and_no_names");
}
