//! The storage plugin under a stand-in of Proxmox VE, each test program of `perl/t/plugin` in a host
//! of its own (root).

mod prove;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use smbgw_testing::{Capability, Filesystem, LightHost, MIB, Scratch, require, run};

use prove::{library, passes};

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
    let this = include_str!("host_plugin.rs");
    let mut programs = 0;
    for entry in fs::read_dir(folder()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.ends_with(".t") {
            programs += 1;
            assert!(this.contains(&format!("\"{name}\"")), "{name} is not run");
        }
    }
    assert!(programs > 5, "{programs}");
}

/// Runs the program of that name where `/srv/smb` has quotas. All of it has to pass, and none may be
/// left out.
fn prove(program: &str) {
    let disk = Scratch::new(Filesystem::BtrfsQuota, 512 * MIB).unwrap();
    run(Command::new("btrfs")
        .args(["quota", "rescan", "-w"])
        .arg(disk.path()))
    .unwrap();
    let host = LightHost::start().unwrap();
    host.bind(disk.path(), "/srv/smb").unwrap();
    passes(
        host.command("prove")
            .env("SMBGW_LIBRARY", library())
            .arg(folder().join(program)),
    );
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("perl/t/plugin")
}
