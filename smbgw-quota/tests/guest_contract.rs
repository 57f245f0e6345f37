//! What volumes promise, on the file systems whose quotas a general kernel has (root; run by
//! `testing/guest/uml-run` where this machine's kernel has none).

mod contract;

use contract::{Lab, projects, switched_off, volumes};
use smbgw_testing::{Capability, Filesystem, require};

macro_rules! promises {
    ($($module:ident: $capability:ident, $filesystem:ident, $of:ident => [$($promise:ident),+ $(,)?];)+) => {
        $(
            mod $module {
                use super::*;
                $(
                    #[test]
                    fn $promise() {
                        require!(Capability::$capability);
                        $of::$promise(&Lab::new(Filesystem::$filesystem));
                    }
                )+
            }
        )+
    };
}

promises! {
    ext4: Ext4Prjquota, Ext4Enforced, volumes => [
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
        users_see_the_limit_as_the_free_space,
        a_survey_tells_what_is_there,
        usages_come_in_order_and_each_with_its_own_error,
        volumes_are_apart_for_links,
        names_with_blanks_and_umlauts_work,
        what_cannot_be_limited_is_refused,
    ];
    xfs: XfsPquota, XfsEnforced, volumes => [
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
        users_see_the_limit_as_the_free_space,
        a_survey_tells_what_is_there,
        usages_come_in_order_and_each_with_its_own_error,
        volumes_are_apart_for_links,
        names_with_blanks_and_umlauts_work,
        what_cannot_be_limited_is_refused,
    ];
    zfs: Zfs, Zfs, volumes => [
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
        a_limit_may_count_snapshots_too,
        what_has_dependents_is_not_removed,
        users_see_the_limit_as_the_free_space,
        a_survey_tells_what_is_there,
        usages_come_in_order_and_each_with_its_own_error,
        volumes_are_apart_for_links,
        names_with_blanks_and_umlauts_work,
        what_cannot_be_limited_is_refused,
    ];
    ext4_projects: Ext4Prjquota, Ext4Enforced, projects => [
        soft_and_hard_limits_are_told_apart,
        files_are_counted_and_limited,
        small_limits_are_one_block_and_none_is_none,
        every_id_up_to_the_highest_is_usable,
        a_thousand_projects_are_listed,
        ids_of_others_are_not_given_out,
        projects_of_the_administrator_are_kept,
        other_projects_inside_are_found_before_anything_changes,
        links_and_special_files_are_counted_apart,
        deep_trees_are_walked,
        what_leaves_a_volume_goes_on_counting_for_it,
        an_id_that_was_taken_meanwhile_is_told,
    ];
    xfs_projects: XfsPquota, XfsEnforced, projects => [
        soft_and_hard_limits_are_told_apart,
        files_are_counted_and_limited,
        small_limits_are_one_block_and_none_is_none,
        every_id_up_to_the_highest_is_usable,
        a_thousand_projects_are_listed,
        ids_of_others_are_not_given_out,
        projects_of_the_administrator_are_kept,
        other_projects_inside_are_found_before_anything_changes,
        links_and_special_files_are_counted_apart,
        deep_trees_are_walked,
        what_leaves_a_volume_goes_on_counting_for_it,
        an_id_that_was_taken_meanwhile_is_told,
    ];
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
    ext4_without_the_feature: Ext4Prjquota =>
        switched_off::the_remedy_switches_limits_on(Filesystem::Ext4Plain);
    ext4_that_only_counts: Ext4Prjquota =>
        switched_off::the_remedy_switches_limits_on(Filesystem::Ext4Accounting);
    xfs_without_quotas: XfsPquota =>
        switched_off::the_remedy_switches_limits_on(Filesystem::XfsPlain);
    xfs_that_only_counts: XfsPquota =>
        switched_off::the_remedy_switches_limits_on(Filesystem::XfsAccounting);
}
