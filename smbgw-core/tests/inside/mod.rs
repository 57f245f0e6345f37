//! Running the body of a test inside a host made for it, by running the test's own program there.
#![allow(dead_code)]

use std::path::Path;
use std::time::Duration;

use smbgw_core::deadline::Deadline;
use smbgw_testing::inside::is_inside;
use smbgw_testing::{LightHost, SystemdContainer, inside::Inside, run};

/// Runs `body` inside a fresh light host.
pub(crate) fn in_light_host(test: &str, body: impl FnOnce()) {
    if is_inside() {
        return body();
    }
    let host = LightHost::start().unwrap();
    run_again(&host, &std::env::current_exe().unwrap(), test);
}

/// Runs `body` inside a fresh container with systemd.
pub(crate) fn in_container(test: &str, body: impl FnOnce()) {
    if is_inside() {
        return body();
    }
    let container = SystemdContainer::start().unwrap();
    let program = Path::new("/srv/test");
    std::fs::copy(std::env::current_exe().unwrap(), container.path(program)).unwrap();
    run_again(&container, program, test);
}

/// Runs the test `test` of `program`, which is this one as it is found inside.
fn run_again(inside: &Inside, program: &Path, test: &str) {
    let mut command = inside.command(program);
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]);
    let output = run(&mut command).unwrap();
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
