//! The C interface of smbgw.
//!
//! C programs include `smbgw.h` and link `libsmbgw.so`; `docs/abi.md` has the contract. From Rust,
//! [`dispatch::call`] does the same without the boundary:
//!
//! ```
//! use smbgw::dispatch::{Request, call};
//!
//! let methods = call("library.methods", &Request::new("{}")).unwrap();
//! let methods = methods["methods"].as_array().unwrap();
//! assert!(methods.iter().any(|method| method["name"] == "share.create"));
//! ```
//!
//! Three layers: [`abi`] is the boundary with its checks, [`dispatch`] the table of methods, and
//! `wire` puts the parts of the machine together for one call.

pub mod abi;
pub mod dispatch;
mod wire;
