//! Texts that come in and go out.

use std::ffi::{CStr, CString, c_char};

use super::code::Code;

/// The most that a text from the caller may have, in bytes.
pub(super) const LONGEST: usize = 1 << 20;

/// The text at `text`, which the caller owns.
///
/// # Safety
/// `text` is NULL or ends with a NUL and stays as it is for `'a`.
pub(super) unsafe fn read<'a>(text: *const c_char) -> Result<&'a str, Code> {
    if text.is_null() {
        return Err(Code::NullArgument);
    }
    // SAFETY: the caller's promise; no more is read than up to the first NUL.
    let length = unsafe { libc::strnlen(text, LONGEST + 1) };
    if length > LONGEST {
        return Err(Code::TooLarge);
    }
    // SAFETY: as above; a NUL was just found within the bounds.
    let text = unsafe { CStr::from_ptr(text) };
    text.to_str().map_err(|_| Code::NotUtf8)
}

/// Hands `text` over to the caller, who frees it with [`smbgw_string_free`].
pub(super) fn handed_over(text: String) -> Result<*mut c_char, Code> {
    Ok(CString::new(text).map_err(|_| Code::Internal)?.into_raw())
}

/// Frees a text that a function of this library made. NULL is fine.
///
/// # Safety
/// `text` is NULL, or was written by this library and not freed yet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smbgw_string_free(text: *mut c_char) {
    if !text.is_null() {
        // SAFETY: the caller's promise: it comes from `handed_over`.
        drop(unsafe { CString::from_raw(text) });
    }
}
