//! Running the body of a test inside a host made for it, by running the test's own program there.
#![allow(dead_code)]

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use smbgw_core::deadline::Deadline;
use smbgw_testing::{LightHost, run};

/// Set in the process that runs inside.
const INSIDE: &str = "SMBGW_TEST_INSIDE";

/// Whether this process is the one inside, which runs the body.
pub(crate) fn is_inside() -> bool {
    std::env::var_os(INSIDE).is_some()
}

/// Runs `body` inside a fresh light host.
pub(crate) fn inside(test: &str, body: impl FnOnce()) {
    if is_inside() {
        return body();
    }
    let host = LightHost::start().unwrap();
    let itself = std::env::current_exe().unwrap();
    run_again(host.command("env"), itself.as_os_str(), test);
}

/// Runs the test `test` of `program`, which is this one as it is found inside, by `env`, a command
/// that runs env(1) inside.
pub(crate) fn run_again(mut env: Command, program: &OsStr, test: &str) {
    env.arg(format!("{INSIDE}=1")).arg(program);
    env.args(["--exact", test, "--nocapture", "--test-threads=1"]);
    let output = run(&mut env).unwrap();
    assert!(output.contains("1 passed"), "{output}");
}

/// A deadline that a test on a busy machine does not meet by chance.
pub(crate) fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(60))
}

/// Writes a file of the host this runs in.
pub(crate) fn write(path: &str, content: &str) {
    std::fs::create_dir_all(Path::new(path).parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

/// What a call must leave as it was: the threads and open files of this process.
pub(crate) fn threads_and_files() -> (usize, usize) {
    let count = |path: &str| std::fs::read_dir(path).unwrap().count();
    (count("/proc/self/task"), count("/proc/self/fd"))
}
