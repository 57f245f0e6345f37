//! The one entry for all methods.

use std::ffi::{c_char, c_int};
use std::ptr;

use super::code::Code;
use super::guard::guarded;
use super::secrets::smbgw_secrets;
use super::text::{self, SMBGW_LONGEST_NAME, SMBGW_LONGEST_TEXT};
use crate::dispatch::{self, Request};

/// Calls `method` with the JSON object `request_json` (`"{}"` where it needs nothing). It has at most
/// `timeout_ms` milliseconds; 0 stands for a minute, more than a day for a day.
///
/// Where it returns less than 64, a JSON document is at `*reply_json`, which the caller frees with
/// [`smbgw_string_free`](super::smbgw_string_free): after 0 the result, else what went wrong. From 64
/// on, nothing is written.
///
/// # Safety
/// `method` and `request_json` are NULL or end with a NUL; `reply_json` is NULL or can be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smbgw_call(
    method: *const c_char,
    request_json: *const c_char,
    timeout_ms: u64,
    reply_json: *mut *mut c_char,
) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { smbgw_call_with_secrets(method, request_json, ptr::null(), timeout_ms, reply_json) }
}

/// Calls `method` as [`smbgw_call`] does, with passwords for it. `secrets` may be NULL, and stays the
/// caller's.
///
/// # Safety
/// As for [`smbgw_call`]; `secrets` is NULL or from [`smbgw_secrets_new`](super::smbgw_secrets_new), and no other thread adds to
/// it or frees it meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smbgw_call_with_secrets(
    method: *const c_char,
    request_json: *const c_char,
    secrets: *const smbgw_secrets,
    timeout_ms: u64,
    reply_json: *mut *mut c_char,
) -> c_int {
    guarded(|| {
        if reply_json.is_null() {
            return Err(Code::NullArgument);
        }
        // SAFETY: the caller's promise.
        let method = unsafe { text::read(method, SMBGW_LONGEST_NAME) }?;
        // SAFETY: the caller's promise.
        let json = unsafe { text::read(request_json, SMBGW_LONGEST_TEXT) }?;
        // SAFETY: the caller's promise.
        let secrets = unsafe { secrets.as_ref() };
        let request = Request {
            json,
            timeout_ms,
            secrets: secrets.map(|secrets| &secrets.0),
        };
        let (code, reply) = match dispatch::reply(method, &request) {
            Ok(reply) => (Code::Ok, reply),
            Err(failure) => (failure.code(), failure.document().to_string()),
        };
        let reply = text::handed_over(&reply)?;
        // SAFETY: the caller's promise, and it is not NULL.
        unsafe { reply_json.write(reply) };
        Ok(code)
    })
}
