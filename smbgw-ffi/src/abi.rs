//! The functions of the C interface, and the checks that each of them makes.
//!
//! The only place of this crate with `unsafe`.
#![allow(unsafe_code)]

mod call;
mod caller;
mod code;
mod guard;
mod panics;
mod secrets;
mod text;
mod usage;
mod version;

pub use call::{smbgw_call, smbgw_call_with_secrets};
pub use code::{Code, smbgw_error_message, smbgw_error_name};
pub use secrets::{
    SMBGW_LONGEST_SECRET, SMBGW_MOST_SECRETS, smbgw_secrets, smbgw_secrets_add,
    smbgw_secrets_add_fd, smbgw_secrets_free, smbgw_secrets_new,
};
pub use text::{SMBGW_LONGEST_NAME, SMBGW_LONGEST_TEXT, smbgw_string_free};
pub use usage::{SMBGW_NONE, smbgw_quota_usage};
pub use version::{SMBGW_ABI_VERSION, smbgw_abi_version, smbgw_version};
