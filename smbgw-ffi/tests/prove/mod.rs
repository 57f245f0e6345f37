//! Perl's tests, run by `prove` with the library that was built with this test.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use smbgw_testing::{Filesystem, LightHost, MIB, Scratch, run};

/// The disk at `/srv/smb` of a host, with quotas, and the host, which has to be dropped first: so name
/// them in this order.
pub(crate) fn host_with_quotas() -> (Scratch, LightHost) {
    let disk = Scratch::new(Filesystem::BtrfsQuota, 512 * MIB).unwrap();
    run(Command::new("btrfs")
        .args(["quota", "rescan", "-w"])
        .arg(disk.path()))
    .unwrap();
    let host = LightHost::start().unwrap();
    host.bind(disk.path(), "/srv/smb").unwrap();
    (disk, host)
}

/// Each test program in `folder` has to be named in `source`, the test that runs them.
pub(crate) fn each_is_named(folder: &Path, source: &str) {
    let mut programs = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.ends_with(".t") {
            programs += 1;
            assert!(source.contains(&format!("\"{name}\"")), "{name} is not run");
        }
    }
    assert!(programs > 5, "{programs}");
}

/// Runs `command`, a `prove`. All of it has to pass, and none may be left out.
pub(crate) fn passes(command: &mut Command) {
    let output = command.args(["--merge", "--verbose"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("Result: PASS"), "{said}");
    assert!(!said.contains("# skip"), "something was left out: {said}");
    assert!(!said.contains("# SKIP"), "all of it was left out: {said}");
}

/// The library that was built with this test.
pub(crate) fn library() -> PathBuf {
    let library = std::env::current_exe()
        .unwrap()
        .with_file_name("libsmbgw.so");
    assert!(library.exists(), "{} is missing", library.display());
    library
}
