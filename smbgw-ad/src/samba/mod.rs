//! Samba on a member of the domain: the machine's secret, the settings, and how it is doing.
//!
//! Samba is told of a join by its own programs and its own files, and never by writing into its
//! databases in a way that Samba does not know.
//!
//! - [`blob`] is the offline domain join blob (MS-ODJ) that Samba and Windows exchange.
//! - [`tell`] gives Samba the machine's secret, changes it, and takes it back.
//! - [`trust`] is what Samba says that it knows of its domain, [`remembered`] the same at a glance.
//! - [`globals`] are the settings of a member in `smb.conf`.
//! - [`member`] says to Samba's programs which member of which domain they work for.

pub mod blob;
mod error;
pub mod globals;
pub mod member;
mod records;
pub mod remembered;
mod tdb;
pub mod tell;
pub mod trust;

pub use error::SambaError;
pub use member::Member;
