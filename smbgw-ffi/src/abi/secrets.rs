//! Passwords, which never are in a request.

use std::collections::BTreeMap;
use std::ffi::{c_char, c_int};
use std::os::fd::BorrowedFd;
use std::slice;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{OFlags, fcntl_getfl};
use rustix::io::Errno;
use smbgw_core::deadline::Deadline;
use smbgw_core::secret::Secret;
use zeroize::Zeroizing;

use super::code::Code;
use super::guard::guarded;
use super::text::{self, SMBGW_LONGEST_NAME};

/// The longest secret, in bytes.
pub const SMBGW_LONGEST_SECRET: usize = 4096;

/// How many secrets one set holds at most.
pub const SMBGW_MOST_SECRETS: usize = 1024;

/// Secrets by name. They are wiped when they are replaced or freed.
#[allow(non_camel_case_types, reason = "the name in C")]
pub struct smbgw_secrets(pub(super) BTreeMap<String, Secret>);

/// Writes a new, empty set of secrets to `*secrets`, which the caller frees with
/// [`smbgw_secrets_free`].
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

/// Adds the `length` bytes at `bytes` as the secret called `name`, in the place of one that has this
/// name. The bytes are copied; the caller wipes its own.
///
/// A secret may have any bytes; which ones a password can have, the method says that gets it. Returns
/// `SMBGW_INVALID` for an empty name.
///
/// # Safety
/// `secrets` is NULL or from [`smbgw_secrets_new`], and no other thread uses it meanwhile; `name` is
/// NULL or ends with a NUL; `bytes` is NULL or has `length` bytes.
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
        let name = unsafe { text::read(name, SMBGW_LONGEST_NAME) }?;
        if bytes.is_null() {
            return Err(Code::NullArgument);
        }
        if length > SMBGW_LONGEST_SECRET {
            return Err(Code::TooLarge);
        }
        // SAFETY: the caller's promise, and it is not NULL.
        let bytes = unsafe { slice::from_raw_parts(bytes, length) };
        secrets.add(name, bytes)
    })
}

/// Adds what can be read from the descriptor `fd` up to its end as the secret called `name`; one line
/// break at its end is left out. The descriptor stays open and the caller's.
///
/// Waits for the end for at most a minute. Returns `SMBGW_INVALID` for an empty name or a number that
/// is no descriptor open for reading, and `SMBGW_FAILED` where reading fails or does not end in time.
///
/// # Safety
/// `secrets` is NULL or from [`smbgw_secrets_new`], and no other thread uses it meanwhile; `name` is
/// NULL or ends with a NUL; no other thread closes `fd` meanwhile.
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
        let name = unsafe { text::read(name, SMBGW_LONGEST_NAME) }?;
        if fd < 0 {
            return Err(Code::Invalid);
        }
        // SAFETY: it is not -1, and the caller's promise.
        let fd = unsafe { BorrowedFd::borrow_raw(fd) };
        // The end of what cannot be read would never come.
        let flags = fcntl_getfl(fd).map_err(|_| Code::Invalid)?;
        if flags & OFlags::ACCMODE == OFlags::WRONLY || flags.contains(OFlags::PATH) {
            return Err(Code::Invalid);
        }
        // One line break more, and one byte more to tell that there is too much.
        let mut place = Zeroizing::new([0; SMBGW_LONGEST_SECRET + 2]);
        let length = read_to_end(fd, &mut place[..])?;
        let bytes = &place[..length];
        let secret = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        if secret.len() > SMBGW_LONGEST_SECRET {
            return Err(Code::TooLarge);
        }
        secrets.add(name, secret)
    })
}

/// Wipes and frees secrets. NULL is fine.
///
/// # Safety
/// `secrets` is NULL, or from [`smbgw_secrets_new`] and not freed yet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smbgw_secrets_free(secrets: *mut smbgw_secrets) {
    guarded(|| {
        if !secrets.is_null() {
            // SAFETY: the caller's promise.
            drop(unsafe { Box::from_raw(secrets) });
        }
        Ok(Code::Ok)
    });
}

impl smbgw_secrets {
    fn add(&mut self, name: &str, bytes: &[u8]) -> Result<Code, Code> {
        if name.is_empty() {
            return Err(Code::Invalid);
        }
        if self.0.len() == SMBGW_MOST_SECRETS && !self.0.contains_key(name) {
            return Err(Code::TooLarge);
        }
        self.0.insert(name.into(), Secret::from(bytes.to_vec()));
        Ok(Code::Ok)
    }
}

const PATIENCE: Duration = Duration::from_secs(60);

/// Reads from `fd` to its end, or until `place` is full; gives the number of bytes.
fn read_to_end(fd: BorrowedFd<'_>, place: &mut [u8]) -> Result<usize, Code> {
    let deadline = Deadline::after(PATIENCE);
    let mut length = 0;
    while length < place.len() {
        // Also where the descriptor does not block, and so that none blocks for ever.
        let timeout = deadline
            .remaining()
            .try_into()
            .map_err(|_| Code::Internal)?;
        match poll(&mut [PollFd::new(&fd, PollFlags::IN)], Some(&timeout)) {
            Ok(0) => return Err(Code::Failed),
            Ok(_) => {}
            Err(Errno::INTR) => continue,
            Err(_) => return Err(Code::Failed),
        }
        match rustix::io::read(fd, &mut place[length..]) {
            Ok(0) => break,
            Ok(count) => length += count,
            // Another process may have been quicker.
            Err(Errno::INTR | Errno::AGAIN) => {}
            Err(_) => return Err(Code::Failed),
        }
    }
    Ok(length)
}
