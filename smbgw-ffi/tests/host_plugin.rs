//! The storage plugin under a stand-in of Proxmox VE, each test program of `perl/t/plugin` in a host
//! of its own (root).

mod prove;

use std::path::{Path, PathBuf};

use smbgw_testing::{Capability, require};

use prove::{each_is_named, host_with_quotas, library, passes};

macro_rules! programs {
    ($($test:ident $program:literal)+) => {
        $(
            #[test]
            fn $test() {
                require!(Capability::Btrfs, Capability::Samba);
                prove($program);
            }
        )+
    };
}

programs! {
    images_and_backups_are_in_the_share "content.t"
    a_failing_add_leaves_nothing "failure.t"
    a_storage_is_a_share "life.t"
    every_loader_takes_the_plugin "load.t"
    alerts_reach_the_notifications_of_the_host "notify.t"
    the_stand_in_is_as_strict_as_the_loader "stand_in.t"
    a_dead_storage_harms_no_other "status.t"
    taint_checks_do_no_harm "taint.t"
}

#[test]
fn every_program_is_run() {
    each_is_named(&folder(), include_str!("host_plugin.rs"));
}

/// Runs the program of that name where `/srv/smb` has quotas. All of it has to pass, and none may be
/// left out.
fn prove(program: &str) {
    let (_disk, host) = host_with_quotas();
    passes(
        host.command("prove")
            .env("SMBGW_LIBRARY", library())
            .arg(folder().join(program)),
    );
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("perl/t/plugin")
}
