//! Limits, history and alerts by the program, on btrfs (root).

mod lab;
mod quota;

use lab::in_lab;
use quota::{check, memory, owners};
use smbgw_testing::{Capability, Filesystem, require};

macro_rules! on_btrfs {
    ($($test:ident: $promise:path;)+) => {
        $(
            #[test]
            fn $test() {
                require!(Capability::Btrfs, Capability::Samba);
                in_lab(stringify!($test), Filesystem::BtrfsQuota, $promise);
            }
        )+
    };
}

on_btrfs! {
    a_limit_is_put_right: check::a_limit_is_put_right;
    btrfs_has_no_limits_of_users: owners::what_cannot_be_is_refused;
    a_deleted_share_is_forgotten: memory::a_deleted_share_is_forgotten;
    the_history_is_shown_in_all_forms: memory::the_history_is_shown_in_all_forms;
    what_is_damaged_holds_up_no_delete: memory::what_is_damaged_holds_up_no_delete;
    alerts_are_handled: memory::alerts_are_handled;
}
