//! Shares watched where the kernel has project quotas, and on ZFS (root; run by
//! `testing/guest/uml-run` where this machine's kernel has none).

mod lab;
mod monitor;

use lab::{in_lab, in_lab_that_hears};
use monitor::trouble;
use smbgw_testing::{Capability, Filesystem, require};

#[test]
fn the_kernel_tells_of_limits_on_ext4() {
    require!(Capability::Ext4Prjquota);
    in_lab_that_hears(
        "the_kernel_tells_of_limits_on_ext4",
        Filesystem::Ext4Enforced,
        monitor::told_by_the_kernel,
    );
}

#[test]
fn the_kernel_tells_of_limits_on_xfs() {
    require!(Capability::XfsPquota);
    in_lab_that_hears(
        "the_kernel_tells_of_limits_on_xfs",
        Filesystem::XfsEnforced,
        monitor::told_by_the_kernel,
    );
}

#[test]
fn looking_tells_of_limits_on_ext4() {
    require!(Capability::Ext4Prjquota);
    in_lab(
        "looking_tells_of_limits_on_ext4",
        Filesystem::Ext4Enforced,
        monitor::told_by_looking,
    );
}

#[test]
fn looking_tells_of_limits_on_zfs() {
    require!(Capability::Zfs);
    in_lab(
        "looking_tells_of_limits_on_zfs",
        Filesystem::Zfs,
        monitor::told_by_looking,
    );
}

#[test]
fn the_clock_steps() {
    require!(Capability::OwnClock, Capability::Ext4Prjquota);
    in_lab(
        "the_clock_steps",
        Filesystem::Ext4Enforced,
        trouble::the_clock_steps,
    );
}
