//! Perl's tests, run by `prove` with the library that was built with this test.

use std::path::PathBuf;
use std::process::Command;

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
