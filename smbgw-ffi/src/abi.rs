//! The functions of the C interface, and the checks that each of them makes.
//!
//! The only place of this crate with `unsafe`.
#![allow(unsafe_code)]

mod call;
mod code;
mod guard;
mod secrets;
mod text;
mod version;

pub use call::{smbgw_call, smbgw_call_with_secrets};
pub use code::{Code, smbgw_error_message, smbgw_error_name};
pub use secrets::{
    smbgw_secrets, smbgw_secrets_add, smbgw_secrets_add_fd, smbgw_secrets_free, smbgw_secrets_new,
};
pub use text::smbgw_string_free;
pub use version::{SMBGW_ABI_VERSION, smbgw_abi_version, smbgw_version};
