//! What volumes promise, on the file systems that this machine's own kernel has quotas for (root).

#[macro_use]
mod contract;

use contract::{Lab, inspect, switched_off, verify, volumes};
use smbgw_testing::{Capability, Filesystem, require};

every_volume_on!(Btrfs, BtrfsQuota);
volumes_of_their_own_on!(Btrfs, BtrfsQuota);

promises!(
    Btrfs, BtrfsQuota, inspect:
    groups_of_btrfs_are_counted_anew,
    a_group_of_btrfs_that_is_gone_is_made_again,
    subvolumes_inside_are_told,
);

#[test]
fn limits_of_btrfs_switched_off_later() {
    require!(Capability::Btrfs);
    inspect::limits_switched_off_are_told(Filesystem::BtrfsQuota);
}

#[test]
fn btrfs_without_quotas() {
    require!(Capability::Btrfs);
    switched_off::the_remedy_switches_limits_on(Filesystem::BtrfsPlain);
}

#[test]
fn a_kind_without_limits_is_told() {
    switched_off::a_kind_without_limits_is_told();
}
