//! The number of the last error of a system call.

use std::ffi::c_int;

/// Puts `errno` back at its end.
pub(in crate::abi) struct Errno(c_int);

impl Errno {
    pub(in crate::abi) fn keep() -> Self {
        // SAFETY: the place is this thread's own and always there.
        Self(unsafe { *libc::__errno_location() })
    }
}

impl Drop for Errno {
    fn drop(&mut self) {
        // SAFETY: as above.
        unsafe { *libc::__errno_location() = self.0 }
    }
}
