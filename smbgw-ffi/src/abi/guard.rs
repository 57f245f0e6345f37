//! What every function that does something runs in.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::code::Code;

/// Runs `call`, so that no panic leaves it.
pub(super) fn guarded(call: impl FnOnce() -> Result<Code, Code>) -> std::ffi::c_int {
    let code = catch_unwind(AssertUnwindSafe(call)).unwrap_or(Err(Code::Internal));
    code.unwrap_or_else(|code| code) as std::ffi::c_int
}
