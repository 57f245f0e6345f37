//! Shares watched on btrfs, which announces nothing (root).

mod lab;
mod monitor;

use lab::in_lab;
use monitor::trouble;
use smbgw_testing::{Capability, Filesystem, require};

#[test]
fn looking_tells_of_limits_on_btrfs() {
    require!(Capability::Btrfs);
    in_lab(
        "looking_tells_of_limits_on_btrfs",
        Filesystem::BtrfsQuota,
        monitor::told_by_looking,
    );
}

#[test]
fn one_message_for_a_file_system() {
    require!(Capability::Btrfs);
    in_lab(
        "one_message_for_a_file_system",
        Filesystem::BtrfsQuota,
        trouble::one_message_for_a_file_system,
    );
}

#[test]
fn no_space_under_the_history() {
    require!(Capability::Btrfs);
    in_lab(
        "no_space_under_the_history",
        Filesystem::BtrfsQuota,
        trouble::no_space_under_the_history,
    );
}

#[test]
fn a_damaged_history() {
    require!(Capability::Btrfs);
    in_lab(
        "a_damaged_history",
        Filesystem::BtrfsQuota,
        trouble::a_damaged_history,
    );
}

#[test]
fn ended_at_any_moment() {
    require!(Capability::Btrfs);
    in_lab(
        "ended_at_any_moment",
        Filesystem::BtrfsQuota,
        trouble::ended_at_any_moment,
    );
}

#[test]
fn a_hook_that_fails() {
    require!(Capability::Btrfs);
    in_lab(
        "a_hook_that_fails",
        Filesystem::BtrfsQuota,
        trouble::a_hook_that_fails,
    );
}

#[test]
fn one_at_a_time() {
    require!(Capability::Btrfs);
    in_lab(
        "one_at_a_time",
        Filesystem::BtrfsQuota,
        trouble::one_at_a_time,
    );
}
