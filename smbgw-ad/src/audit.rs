//! What the domain is asked to change, in the log.
//!
//! Each change of the directory, of a password and of the DNS is logged twice under [`TARGET`]: right
//! before it is sent, and when it was answered. Whoever wants to know what a program did to a domain
//! listens to that target; secrets are not in it.

use std::fmt::Display;

/// The target of these events.
pub const TARGET: &str = "smbgw_ad::audit";

/// `server` is about to be asked for `change`.
pub(crate) fn asking(server: &dyn Display, change: &str) {
    tracing::debug!(target: TARGET, %server, change, "asking for a change");
}

/// `server` has answered, whatever it said.
pub(crate) fn answered(server: &dyn Display, change: &str) {
    tracing::debug!(target: TARGET, %server, change, "answered");
}
