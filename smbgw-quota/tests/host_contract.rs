//! What volumes promise, on the file systems that this machine's own kernel has quotas for (root).

mod contract;

use contract::{Lab, switched_off, volumes};
use smbgw_testing::{Capability, Filesystem, require};

macro_rules! on_btrfs {
    ($($promise:ident),+ $(,)?) => {
        $(
            #[test]
            fn $promise() {
                require!(Capability::Btrfs);
                volumes::$promise(&Lab::new(Filesystem::BtrfsQuota));
            }
        )+
    };
}

on_btrfs!(
    a_volume_is_made_and_removed_without_a_trace,
    writing_stops_at_the_limit,
    usage_is_what_was_written,
    a_limit_can_be_taken_away,
    a_limit_below_the_usage,
    keeping_the_data_takes_the_limit_away,
    only_an_empty_volume_is_removed_if_empty,
    undoing_works_from_every_half_made_state,
    what_somebody_else_made_is_left_alone,
    an_adopted_place_counts_what_is_there_and_is_given_back,
    limits_of_an_adopted_place_come_back,
    an_empty_directory_is_replaced_and_put_back,
    what_has_dependents_is_not_removed,
    users_see_the_limit_as_the_free_space,
    a_survey_tells_what_is_there,
    usages_come_in_order_and_each_with_its_own_error,
    volumes_are_apart_for_links,
    names_with_blanks_and_umlauts_work,
    what_cannot_be_limited_is_refused,
);

#[test]
fn btrfs_without_quotas() {
    require!(Capability::Btrfs);
    switched_off::the_remedy_switches_limits_on(Filesystem::BtrfsPlain);
}

#[test]
fn a_kind_without_limits_is_told() {
    switched_off::a_kind_without_limits_is_told();
}
