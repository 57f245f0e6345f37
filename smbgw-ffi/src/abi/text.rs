//! Texts that come in and go out.

use std::ffi::{CStr, c_char};
use std::ptr;

use super::code::Code;

/// The longest text that a function takes, in bytes without the NUL. Longer ones are refused.
pub const SMBGW_LONGEST_TEXT: usize = 1_048_576;

/// The longest name of a method or a secret, in bytes without the NUL.
pub const SMBGW_LONGEST_NAME: usize = 256;

/// The text at `text`, which the caller owns.
///
/// # Safety
/// `text` is NULL or ends with a NUL and stays as it is for `'a`.
pub(super) unsafe fn read<'a>(text: *const c_char, longest: usize) -> Result<&'a str, Code> {
    if text.is_null() {
        return Err(Code::NullArgument);
    }
    // SAFETY: the caller's promise; no more is read than up to the first NUL.
    let length = unsafe { libc::strnlen(text, longest + 1) };
    if length > longest {
        return Err(Code::TooLarge);
    }
    // SAFETY: as above; a NUL was just found within the bounds.
    let text = unsafe { CStr::from_ptr(text) };
    text.to_str().map_err(|_| Code::NotUtf8)
}

/// Hands a copy of `text` over to the caller, who frees it with [`smbgw_string_free`].
///
/// It is in memory of malloc(3), so that freeing it needs nothing that a caller may have overwritten.
pub(super) fn handed_over(text: &str) -> Result<*mut c_char, Code> {
    if text.contains('\0') {
        return Err(Code::Internal);
    }
    // SAFETY: `text` has `text.len()` bytes, and the new place one more.
    unsafe {
        let place = libc::malloc(text.len() + 1).cast::<u8>();
        if place.is_null() {
            return Err(Code::Internal);
        }
        ptr::copy_nonoverlapping(text.as_ptr(), place, text.len());
        place.add(text.len()).write(0);
        Ok(place.cast())
    }
}

/// Frees a text that `smbgw_call` or `smbgw_call_with_secrets` wrote. NULL is fine.
///
/// # Safety
/// `text` is NULL, or from one of these functions and not freed yet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smbgw_string_free(text: *mut c_char) {
    // SAFETY: the caller's promise; `handed_over` has it from `malloc`. NULL does nothing.
    unsafe { libc::free(text.cast()) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_taken_up_to_their_longest() {
        // SAFETY: each ends with a NUL, or is NULL.
        let read = |text: Option<&CStr>| unsafe { read(text.map_or(ptr::null(), CStr::as_ptr), 4) };
        assert_eq!(read(Some(c"")), Ok(""));
        assert_eq!(read(Some(c"f\u{fc}nf")), Err(Code::TooLarge));
        assert_eq!(read(Some(c"drei")), Ok("drei"));
        assert_eq!(read(Some(c"\xff")), Err(Code::NotUtf8));
        assert_eq!(read(None), Err(Code::NullArgument));
    }

    #[test]
    fn a_text_with_a_nul_is_not_handed_over_cut() {
        assert_eq!(handed_over("a\0b"), Err(Code::Internal));
        let text = handed_over("größer").unwrap();
        // SAFETY: it was just made, and is freed once.
        unsafe {
            assert_eq!(CStr::from_ptr(text).to_str(), Ok("größer"));
            // A caller may cut it before.
            text.write(0);
            smbgw_string_free(text);
        }
    }
}
