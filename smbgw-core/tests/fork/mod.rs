//! Running code in a forked process, as daemons that fork workers do. The only `unsafe` of the
//! tests.
#![allow(unsafe_code)]

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs `body` in a forked process and fails if it failed there.
pub(crate) fn in_child(body: impl FnOnce()) {
    // SAFETY: the child has the calling thread only, runs `body` and leaves by `_exit`, so that
    // nothing of the test runner runs in it; glibc keeps its allocator usable in a forked child.
    let child = unsafe { libc::fork() };
    assert!(child >= 0, "{}", std::io::Error::last_os_error());
    if child == 0 {
        let passed = catch_unwind(AssertUnwindSafe(body)).is_ok();
        // SAFETY: _exit takes a number and does not return.
        unsafe { libc::_exit(i32::from(!passed)) };
    }
    let mut status = 0;
    // SAFETY: the pointer is to a live local.
    let waited = unsafe { libc::waitpid(child, &raw mut status, 0) };
    assert_eq!((waited, status), (child, 0), "the forked process failed");
}
