//! A machine of its own for a test, with a file system that has quotas, and what to do with it.
//!
//! A test runs in three places: outside it makes the file system and a light host; inside the host
//! the same program runs the test again; and what is to be killed is run by that as a process of
//! its own, the *victim*, which is the same program once more.

// Each test file uses a part of this.
#![allow(dead_code)]
#![allow(clippy::print_stdout, reason = "a test that fails shows what it did")]

pub(crate) mod cli;
pub(crate) mod operation;
pub(crate) mod picture;
pub(crate) mod victim;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use smbgw_core::deadline::Deadline;
use smbgw_testing::inside::is_inside;
use smbgw_testing::{Filesystem, LightHost, MIB, Scratch, run};

/// Where the file system is in the host.
const PLACE: &str = "SMBGW_LAB_PLACE";
/// Which file system it is.
const KIND: &str = "SMBGW_LAB_FILESYSTEM";

/// The inside of a host that has a file system with quotas.
#[derive(Debug)]
pub(crate) struct Lab {
    /// The name of the test.
    pub(crate) test: &'static str,
    /// Where the file system is mounted.
    pub(crate) place: PathBuf,
    /// What it is.
    pub(crate) filesystem: Filesystem,
}

impl Lab {
    /// A path on the file system.
    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.place.join(below)
    }

    /// The program of this test, to run the test again as something else.
    pub(crate) fn again(&self) -> Command {
        let mut command = Command::new("/proc/self/exe");
        command.args(arguments(self.test));
        command
    }
}

/// Runs `body` inside a fresh host with a fresh file system.
///
/// `test` is the path of the calling test in its program.
pub(crate) fn in_lab(test: &'static str, filesystem: Filesystem, body: impl FnOnce(&Lab)) {
    in_lab_on(LightHost::start, test, filesystem, body);
}

/// The same on a host that hears what the kernel says about quotas; nothing in it may listen.
pub(crate) fn in_lab_that_hears(
    test: &'static str,
    filesystem: Filesystem,
    body: impl FnOnce(&Lab),
) {
    let start = || LightHost::on_the_machines_network("gw");
    in_lab_on(start, test, filesystem, body);
}

fn in_lab_on(
    start: impl FnOnce() -> smbgw_testing::Result<LightHost>,
    test: &'static str,
    filesystem: Filesystem,
    body: impl FnOnce(&Lab),
) {
    if !is_inside() {
        return run_inside(start, test, filesystem);
    }
    let place = PathBuf::from(std::env::var_os(PLACE).unwrap());
    assert_eq!(std::env::var(KIND).unwrap(), format!("{filesystem:?}"));
    let lab = Lab {
        test,
        place,
        filesystem,
    };
    if !victim::play(&lab) {
        body(&lab);
    }
}

fn run_inside(
    start: impl FnOnce() -> smbgw_testing::Result<LightHost>,
    test: &str,
    filesystem: Filesystem,
) {
    let disk = Scratch::new(filesystem, 512 * MIB).unwrap();
    if filesystem == Filesystem::BtrfsQuota {
        run(Command::new("btrfs")
            .args(["quota", "rescan", "-w"])
            .arg(disk.path()))
        .unwrap();
    }
    let host = start().unwrap();
    // Where a dataset is mounted is a property of it, which the host cannot see otherwise.
    let place = match filesystem {
        Filesystem::Zfs => disk.path(),
        _ => Path::new("/srv/smb"),
    };
    host.bind(disk.path(), place).unwrap();
    let mut command = host.command(std::env::current_exe().unwrap());
    command
        .args(arguments(test))
        .env(PLACE, place)
        .env(KIND, format!("{filesystem:?}"));
    let output = run(&mut command).unwrap();
    assert!(output.contains("1 passed"), "{output}");
    println!("{output}");
}

fn arguments(test: &str) -> [&str; 4] {
    ["--exact", test, "--nocapture", "--test-threads=1"]
}

/// A deadline that only a hanging test reaches.
pub(crate) fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(60))
}

/// Runs a command of the host and gives what it printed.
pub(crate) fn command(program: &str, arguments: &[&str]) -> String {
    run(Command::new(program).args(arguments)).unwrap()
}
