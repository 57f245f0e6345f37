//! The cancellation of threads, which would tear a thread out of the middle of a call.

use std::ffi::c_int;

/// `PTHREAD_CANCEL_DISABLE` of pthread.h.
const DISABLE: c_int = 1;

unsafe extern "C" {
    // Missing in the crate libc.
    fn pthread_setcancelstate(state: c_int, before: *mut c_int) -> c_int;
}

/// While it lives, a request to cancel this thread waits (pthread_setcancelstate(3)).
pub(in crate::abi) struct Cancellation {
    before: c_int,
}

impl Cancellation {
    pub(in crate::abi) fn disable() -> Self {
        let mut before = DISABLE;
        // SAFETY: it sets a number of this thread and writes the former one to a live local.
        unsafe { pthread_setcancelstate(DISABLE, &raw mut before) };
        Self { before }
    }
}

impl Drop for Cancellation {
    fn drop(&mut self) {
        let mut ours = DISABLE;
        // SAFETY: as above.
        unsafe { pthread_setcancelstate(self.before, &raw mut ours) };
    }
}
