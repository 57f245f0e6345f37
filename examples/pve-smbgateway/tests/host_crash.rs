//! `kill -9` at every point of every operation, on btrfs (root): what `recover` leaves is the
//! machine as it was before, or as it is when the operation is done, and nothing between.

mod crash;
mod lab;

use lab::operation::Operation;
use smbgw_testing::{Capability, Filesystem, require};

macro_rules! survives {
    ($($test:ident: $operation:ident;)+) => {
        $(
            #[test]
            fn $test() {
                require!(Capability::Btrfs, Capability::Samba);
                crash::survives(
                    stringify!($test),
                    Filesystem::BtrfsQuota,
                    Operation::$operation,
                    &crash::EVERYWHERE,
                );
            }
        )+
    };
}

survives! {
    create_survives_kills: Create;
    resize_survives_kills: Resize;
    auth_survives_kills: Auth;
    delete_survives_kills: Delete;
    purge_survives_kills: Purge;
}
