//! Which library this is.

use std::ffi::{CStr, c_char};

/// The version of the interface that this header describes; it grows by one with each addition.
pub const SMBGW_ABI_VERSION: u32 = 1;

/// The version of the library, such as `0.1.0`. The text is static: it is not freed.
#[unsafe(no_mangle)]
pub extern "C" fn smbgw_version() -> *const c_char {
    VERSION.as_ptr()
}

/// The version of the interface that the library has: what [`SMBGW_ABI_VERSION`] was at its build.
///
/// A program that needs what came with a later version than this tells its user to install a newer
/// library.
#[unsafe(no_mangle)]
pub extern "C" fn smbgw_abi_version() -> u32 {
    SMBGW_ABI_VERSION
}

const VERSION: &CStr =
    match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
        Ok(version) => version,
        Err(_) => panic!("the version has a NUL in it"),
    };
