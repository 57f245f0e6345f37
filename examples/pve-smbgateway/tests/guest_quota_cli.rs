//! Limits and history by the program where the kernel has project quotas, and on ZFS (root; run by
//! `testing/guest/uml-run` where this machine's kernel has none).

mod lab;
mod quota;

use lab::in_lab;
use quota::{check, memory, owners};
use smbgw_testing::{Capability, Filesystem, require};

macro_rules! on {
    ($($test:ident: $capability:ident, $filesystem:ident, $promise:path;)+) => {
        $(
            #[test]
            fn $test() {
                require!(Capability::$capability, Capability::Samba);
                in_lab(stringify!($test), Filesystem::$filesystem, $promise);
            }
        )+
    };
}

on! {
    a_limit_is_put_right_on_ext4: Ext4Prjquota, Ext4Enforced, check::a_limit_is_put_right;
    a_limit_is_put_right_on_xfs: XfsPquota, XfsEnforced, check::a_limit_is_put_right;
    a_limit_is_put_right_on_zfs: Zfs, Zfs, check::a_limit_is_put_right;
    uncounted_files_are_counted_again_on_ext4:
        Ext4Prjquota, Ext4Enforced, check::uncounted_files_are_counted_again;
    uncounted_files_are_counted_again_on_xfs:
        XfsPquota, XfsEnforced, check::uncounted_files_are_counted_again;
    what_a_share_left_is_found_on_ext4:
        Ext4Prjquota, Ext4Enforced, check::what_a_share_left_is_found;
    what_a_share_left_is_found_on_xfs: XfsPquota, XfsEnforced, check::what_a_share_left_is_found;
    what_a_share_left_is_found_on_zfs: Zfs, Zfs, check::what_a_share_left_is_found;
    a_limit_binds_one_user_on_ext4: Ext4Prjquota, Ext4AllQuotas, owners::a_limit_binds_one_user;
    a_limit_binds_one_user_on_xfs: XfsPquota, XfsAllQuotas, owners::a_limit_binds_one_user;
    a_limit_binds_one_user_on_zfs: Zfs, Zfs, owners::a_limit_binds_one_user;
    groups_and_files_are_limited_on_ext4:
        Ext4Prjquota, Ext4AllQuotas, owners::groups_and_files_are_limited;
    groups_and_files_are_limited_on_xfs:
        XfsPquota, XfsAllQuotas, owners::groups_and_files_are_limited;
    groups_and_files_are_limited_on_zfs: Zfs, Zfs, owners::groups_and_files_are_limited;
    soft_limits_on_ext4:
        Ext4Prjquota, Ext4AllQuotas, owners::soft_limits_are_where_the_kernel_has_them;
    soft_limits_on_xfs: XfsPquota, XfsAllQuotas, owners::soft_limits_are_where_the_kernel_has_them;
    soft_limits_on_zfs: Zfs, Zfs, owners::soft_limits_are_where_the_kernel_has_them;
    user_quotas_that_are_off_on_xfs: XfsPquota, XfsEnforced, owners::what_cannot_be_is_refused;
    a_deleted_share_is_forgotten_on_ext4:
        Ext4Prjquota, Ext4Enforced, memory::a_deleted_share_is_forgotten;
}
