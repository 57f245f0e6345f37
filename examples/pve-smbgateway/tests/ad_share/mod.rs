//! A gateway in a domain, and clients of its shares.

mod client;
mod gateway;

pub(crate) use client::{Client, HeldSession};
pub(crate) use gateway::Gateway;

/// The password of every user of the machine.
pub(crate) const LOCAL: &str = "Tr0ub4dor&3";
