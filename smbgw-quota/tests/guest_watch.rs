//! What the kernel announces about quotas, and what comes of it (root; run by
//! `testing/guest/uml-run` where this machine's kernel has none).

#![cfg(feature = "watch")]

#[allow(
    unused_macros,
    reason = "promises of volumes are tried in another file"
)]
#[macro_use]
mod contract;
mod watch;

use contract::Lab;
use smbgw_testing::{Capability, Filesystem, require};
use watch::{everywhere, on_ext4, on_xfs, others};

/// Makes a test of each of the promises, which are functions of the module `$of`. One runs at a time:
/// every listener hears all file systems.
macro_rules! promises {
    ($capability:ident, $filesystem:ident, $of:ident: $($promise:ident),+ $(,)?) => {
        $(
            #[test]
            fn $promise() {
                require!(Capability::$capability);
                let _alone = watch::alone();
                $of::$promise(&Lab::new(Filesystem::$filesystem));
            }
        )+
    };
}

macro_rules! events_everywhere {
    ($capability:ident, $filesystem:ident) => {
        promises!(
            $capability, $filesystem, everywhere:
            a_refused_write_is_announced,
            a_soft_limit_is_announced_before_the_hard_one,
            limits_on_files_are_announced,
            the_end_of_the_grace_time_is_announced,
            the_same_project_of_another_file_system_is_no_target,
            events_of_users_and_groups_are_no_share_s,
            a_raised_limit_is_announced_again,
            a_limit_set_below_the_usage_is_announced_by_the_next_write,
            what_is_renamed_stays_a_target_and_what_is_gone_is_none,
            what_was_lost_is_told_after_what_was_not,
            the_time_from_a_write_to_its_event,
        );
    };
}

mod ext4 {
    use super::*;
    events_everywhere!(Ext4Prjquota, Ext4Enforced);
    promises!(
        Ext4Prjquota, Ext4Enforced, on_ext4:
        below_a_limit_again_is_announced,
        limits_on_files_are_announced_once_until_there_are_fewer,
        a_refusal_is_followed_by_being_below_the_limit,
        far_above_its_limit_a_volume_is_announced_once,
        root_goes_past_a_limit_unannounced,
    );
}

mod xfs {
    use super::*;
    events_everywhere!(XfsPquota, XfsEnforced);
    promises!(
        XfsPquota, XfsEnforced, on_xfs:
        below_a_limit_again_is_not_announced,
        a_limit_is_announced_at_every_write,
        root_is_refused_and_that_is_announced,
        removing_from_a_full_volume_is_announced_as_refused,
    );
}

promises!(
    Ext4Prjquota, Ext4Enforced, others:
    anybody_may_listen,
    the_descriptor_is_polled_with_others,
);

#[test]
fn another_network_namespace_hears_nothing() {
    require!(Capability::Ext4Prjquota);
    others::another_network_namespace_hears_nothing("another_network_namespace_hears_nothing");
}
