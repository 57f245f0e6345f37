//! `kill -9` at every point of every operation on ext4 with project quotas, and around every step
//! on XFS and ZFS (root; run by `testing/guest/uml-run` where this machine's kernel has no quotas).

mod crash;
mod lab;

use lab::operation::Operation;
use smbgw_testing::{Capability, Filesystem, require};

macro_rules! survives {
    ($($test:ident: $capability:ident, $filesystem:ident, $operation:ident, $places:ident;)+) => {
        $(
            #[test]
            fn $test() {
                require!(Capability::$capability, Capability::Samba);
                crash::survives(
                    stringify!($test),
                    Filesystem::$filesystem,
                    Operation::$operation,
                    &crash::$places,
                );
            }
        )+
    };
}

survives! {
    create_on_ext4_survives_kills: Ext4Prjquota, Ext4Enforced, Create, EVERYWHERE;
    resize_on_ext4_survives_kills: Ext4Prjquota, Ext4Enforced, Resize, AT_STEPS;
    delete_on_ext4_survives_kills: Ext4Prjquota, Ext4Enforced, Delete, EVERYWHERE;
    purge_on_ext4_survives_kills: Ext4Prjquota, Ext4Enforced, Purge, AT_STEPS;
    create_on_xfs_survives_kills: XfsPquota, XfsEnforced, Create, AT_STEPS;
    delete_on_zfs_survives_kills: Zfs, Zfs, Delete, AT_STEPS;
    create_on_zfs_survives_kills: Zfs, Zfs, Create, AT_STEPS;
}
