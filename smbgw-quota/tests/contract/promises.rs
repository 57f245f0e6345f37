//! Which promises hold where: each becomes a test on a file system of its own.

/// Makes a test of each of the promises, which are functions of the module `$of`.
macro_rules! promises {
    ($capability:ident, $filesystem:ident, $of:ident: $($promise:ident),+ $(,)?) => {
        $(
            #[test]
            fn $promise() {
                require!(Capability::$capability);
                $of::$promise(&Lab::new(Filesystem::$filesystem));
            }
        )+
    };
}

/// What volumes promise on every file system.
macro_rules! every_volume_on {
    ($capability:ident, $filesystem:ident) => {
        promises!(
            $capability, $filesystem, volumes:
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
            usage_and_limit_of_a_directory_are_told,
            the_limit_of_a_directory_is_set_unless_it_is_a_shares,
            a_survey_tells_what_is_there,
            usages_come_in_order_and_each_with_its_own_error,
            volumes_are_apart_for_links,
            names_with_blanks_and_umlauts_work,
            what_cannot_be_limited_is_refused,
        );
        promises!(
            $capability, $filesystem, inspect:
            where_nothing_is_wrong_nothing_is_found_or_changed,
            a_limit_changed_by_hand_is_set_again,
            many_volumes_are_looked_at_in_one_pass,
            a_volume_that_is_not_there_is_told_and_not_made,
            what_hides_an_unmounted_file_system_is_left_alone,
            a_file_system_mounted_inside_is_told,
            a_tree_that_changes_meanwhile_is_no_trouble,
            what_was_looked_at_in_part_is_told_as_such,
        );
        promises!(
            $capability, $filesystem, verify:
            shares_are_verified_and_put_right,
            a_share_that_is_worked_on_is_not_put_right,
        );
    };
}

/// What they promise where a volume is more than a directory: a dataset or a subvolume.
macro_rules! volumes_of_their_own_on {
    ($capability:ident, $filesystem:ident) => {
        promises!(
            $capability, $filesystem, volumes:
            limits_of_an_adopted_place_come_back,
            an_empty_directory_is_replaced_and_put_back,
            what_has_dependents_is_not_removed,
        );
    };
}

/// What project quotas promise.
#[allow(unused_macros, reason = "not every kernel has project quotas")]
macro_rules! every_project_on {
    ($capability:ident, $filesystem:ident) => {
        promises!(
            $capability, $filesystem, projects:
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
        );
        promises!(
            $capability, $filesystem, marks:
            a_file_moved_in_from_outside_is_found_and_counted,
            an_unmarked_subtree_is_found_and_marked,
            the_first_directory_is_looked_at_quickly,
            projects_that_strayed_in_are_taken_over,
            projects_of_the_administrator_inside_are_left_alone,
            projects_inside_are_known_by_any_of_their_paths,
            projects_of_other_programs_inside_are_left_alone,
            a_file_with_names_in_two_projects_counts_for_one,
            lists_are_looked_at_and_put_right,
            what_a_deleted_share_left_is_found_and_removed,
            a_stray_on_a_file_system_that_is_not_mounted_stays,
            a_stray_that_somebody_else_named_stays,
            a_volume_given_up_leaves_nothing,
        );
        promises!($capability, $filesystem, verify: what_shares_left_is_removed_with_the_rest);
    };
}
