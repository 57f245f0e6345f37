//! Running the body of a test inside a light host, where an smbd and accounts of its own can be.

use std::path::Path;
use std::time::Duration;

use smbgw_core::deadline::Deadline;
use smbgw_testing::{LightHost, run};

/// Set in the process that runs inside.
const INSIDE: &str = "SMBGW_TEST_INSIDE";

/// Runs `body` inside a fresh light host, by running this very test there again.
pub(crate) fn inside(test: &str, body: impl FnOnce()) {
    if std::env::var_os(INSIDE).is_some() {
        return body();
    }
    let host = LightHost::start().unwrap();
    let itself = std::env::current_exe().unwrap();
    let output = run(host
        .command(itself)
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(INSIDE, "1"))
    .unwrap();
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
#[allow(dead_code)]
pub(crate) fn threads_and_files() -> (usize, usize) {
    let count = |path: &str| std::fs::read_dir(path).unwrap().count();
    (count("/proc/self/task"), count("/proc/self/fd"))
}
