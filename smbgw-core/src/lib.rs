//! The core of smbgw: what a share is, the machine it lives on, and its journalled life cycle.
//!
//! ```
//! use smbgw_core::share::ShareName;
//! use smbgw_core::size::QuotaSize;
//!
//! let name: ShareName = "media".parse()?;
//! let quota: QuotaSize = "10G".parse()?;
//! assert_eq!(quota.bytes(), 10 << 30);
//! assert_eq!(name.as_str(), "media");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod account;
pub mod acl;
#[cfg(feature = "alert")]
pub mod alert;
pub mod catalog;
pub mod change;
pub mod code_table;
pub mod deadline;
pub mod definition;
pub mod domain;
pub mod endpoint;
pub mod error;
pub mod host;
pub mod host_label;
#[cfg(feature = "http")]
pub mod http;
pub mod journal;
pub mod layout;
pub mod lifecycle;
pub mod mac;
pub mod machine;
pub mod plan;
pub mod ports;
pub mod probe;
pub mod progress;
#[cfg(any(feature = "http", feature = "mail"))]
mod resolve;
pub mod secret;
pub mod service;
pub mod sessions;
pub mod share;
pub mod size;
pub mod smbconf;
pub mod state_error;
pub mod state_file;
pub mod step;
pub mod step_error;
pub mod steps;
#[cfg(feature = "testing")]
pub mod testing;
pub mod transaction;
