//! The directory: what is read from and written to it over LDAP.
//!
//! [`Connection`] speaks to one server, protected by Kerberos or TLS. Requests and answers are those
//! of `ldap3`; between it and the server, every message is checked, bounded, and wrapped.
//! [`account`] has what is done to the account of a computer.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use smbgw_ad::ldap::{Connection, RootDse, Security, Server};
//! use smbgw_core::deadline::Deadline;
//!
//! let deadline = Deadline::after(Duration::from_secs(5));
//! let server = Server::ldap("dc1.ad.example".parse()?, "192.0.2.1".parse()?);
//! let mut connection = Connection::open(&server, Security::Anonymous, deadline)?;
//! if let Some(root) = RootDse::read(&mut connection, deadline)? {
//!     println!("{}", root.domain);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod account;
mod ber;
mod certificate;
mod connection;
mod dn;
mod entry;
mod error;
mod filter;
mod layer;
mod link;
pub mod message;
mod referral;
mod refusal;
mod rootdse;
mod sasl;
mod tls;

pub use connection::{Connection, Edit, Found, Login, Scope, Security, Server, TlsStart};
pub use dn::{Dn, Target};
pub use entry::Entry;
pub use error::LdapError;
pub use filter::Filter;
pub use message::MessageError;
pub use referral::Referral;
pub use refusal::{Reason, Refusal};
pub use rootdse::RootDse;
pub use tls::{Fingerprint, TlsError, Trust};
