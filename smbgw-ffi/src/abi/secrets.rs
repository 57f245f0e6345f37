//! Passwords, which never are in a request.

use std::collections::BTreeMap;
use std::ffi::{c_char, c_int};
use std::fs::File;
use std::io::Read;
use std::mem::ManuallyDrop;
use std::os::fd::FromRawFd;
use std::slice;

use smbgw_core::secret::Secret;
use zeroize::Zeroizing;

use super::code::Code;
use super::guard::guarded;
use super::text;

/// The longest secret, in bytes.
const LONGEST: usize = 4096;

/// Passwords by name, wiped when they are freed.
#[allow(non_camel_case_types, reason = "the name in C")]
pub struct smbgw_secrets(pub(super) BTreeMap<String, Secret>);

/// Makes an empty set of secrets, which [`smbgw_secrets_free`] frees.
///
/// # Safety
/// `secrets` is NULL or can be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smbgw_secrets_new(secrets: *mut *mut smbgw_secrets) -> c_int {
    guarded(|| {
        if secrets.is_null() {
            return Err(Code::NullArgument);
        }
        let made = Box::into_raw(Box::new(smbgw_secrets(BTreeMap::new())));
        // SAFETY: the caller's promise, and it is not NULL.
        unsafe { secrets.write(made) };
        Ok(Code::Ok)
    })
}

/// Adds the secret of `length` bytes at `bytes` under `name`, in the place of one of that name. The
/// bytes are copied; the caller wipes its own.
///
/// # Safety
/// `secrets` is NULL or from [`smbgw_secrets_new`]; `name` is NULL or ends with a NUL; `bytes` is NULL
/// or has `length` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smbgw_secrets_add(
    secrets: *mut smbgw_secrets,
    name: *const c_char,
    bytes: *const u8,
    length: usize,
) -> c_int {
    guarded(|| {
        // SAFETY: the caller's promise.
        let secrets = unsafe { secrets.as_mut() }.ok_or(Code::NullArgument)?;
        // SAFETY: the caller's promise.
        let name = unsafe { text::read(name) }?;
        if bytes.is_null() {
            return Err(Code::NullArgument);
        }
        if length > LONGEST {
            return Err(Code::TooLarge);
        }
        // SAFETY: the caller's promise, and it is not NULL.
        let bytes = unsafe { slice::from_raw_parts(bytes, length) };
        secrets.0.insert(name.into(), Secret::from(bytes.to_vec()));
        Ok(Code::Ok)
    })
}

/// Adds what can be read from the descriptor `fd` up to its end under `name`; one line break at the
/// end is left out. The descriptor stays open.
///
/// # Safety
/// `secrets` is NULL or from [`smbgw_secrets_new`]; `name` is NULL or ends with a NUL; nobody closes
/// `fd` meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smbgw_secrets_add_fd(
    secrets: *mut smbgw_secrets,
    name: *const c_char,
    fd: c_int,
) -> c_int {
    guarded(|| {
        // SAFETY: the caller's promise.
        let secrets = unsafe { secrets.as_mut() }.ok_or(Code::NullArgument)?;
        // SAFETY: the caller's promise.
        let name = unsafe { text::read(name) }?;
        if fd < 0 {
            return Err(Code::Invalid);
        }
        // SAFETY: the descriptor is not closed here: it stays the caller's.
        let file = ManuallyDrop::new(unsafe { File::from_raw_fd(fd) });
        // As large as it can become, so that it never moves and leaves a copy behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(LONGEST + 2));
        let mut input = (&*file).take(LONGEST as u64 + 2);
        input.read_to_end(&mut bytes).map_err(|_| Code::Failed)?;
        if bytes.last() == Some(&b'\n') {
            bytes.pop();
        }
        if bytes.len() > LONGEST {
            return Err(Code::TooLarge);
        }
        secrets.0.insert(name.into(), Secret::from(bytes.to_vec()));
        Ok(Code::Ok)
    })
}

/// Wipes and frees secrets. NULL is fine.
///
/// # Safety
/// `secrets` is NULL, or from [`smbgw_secrets_new`] and not freed yet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smbgw_secrets_free(secrets: *mut smbgw_secrets) {
    if !secrets.is_null() {
        // SAFETY: the caller's promise.
        drop(unsafe { Box::from_raw(secrets) });
    }
}
