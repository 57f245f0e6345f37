//! Shares watched on btrfs, which announces nothing (root).

mod lab;
mod monitor;

use lab::in_lab;
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
