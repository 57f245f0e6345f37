//! What every function that does something runs in.

use std::ffi::c_int;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::caller::{Cancellation, Errno, Sigpipe};
use super::code::Code;
use super::panics::Quiet;

/// Runs `call`, so that no panic leaves it and the calling thread finds itself as it was.
pub(super) fn guarded(call: impl FnOnce() -> Result<Code, Code>) -> c_int {
    let _errno = Errno::keep();
    let _cancellation = Cancellation::disable();
    let _sigpipe = Sigpipe::block();
    let quiet = Quiet::begin();
    let code = catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|_| {
        let panic = quiet.told().unwrap_or_default();
        tracing::error!(panic, "a call ended in an error of the library itself");
        Err(Code::Internal)
    });
    code.unwrap_or_else(|code| code) as c_int
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_a_code() {
        let code = guarded(|| panic!("of the test"));
        assert_eq!(code, Code::Internal as c_int);
        // The next call is a call like any other.
        assert_eq!(guarded(|| Ok(Code::Conflict)), Code::Conflict as c_int);
        assert_eq!(guarded(|| Err(Code::NotUtf8)), Code::NotUtf8 as c_int);
    }

    #[test]
    fn the_error_number_stays() {
        let before = rustix::io::Errno::XDEV.raw_os_error();
        // SAFETY: the place is this thread's own.
        unsafe { libc::__errno_location().write(before) };
        guarded(|| {
            assert!(std::fs::read("/nowhere/at/all").is_err());
            Ok(Code::Ok)
        });
        assert_eq!(std::io::Error::last_os_error().raw_os_error(), Some(before));
    }
}
