//! How a cluster stands: its nodes, leader and public addresses, and what is wrong with them.
//!
//! [`read`] asks all nodes that are reached, and tells what one of them alone cannot: a node that was cut off
//! calls itself healthy. [`read_one`] asks one of them for all. [`Watch`] asks again and again.
//!
//! Nodes are asked by the socket of their ctdbd ([`crate::client`]), and by the `ctdb` command where the socket
//! is not reached or the daemon is of a version that is not known.

mod assemble;
mod commands;
mod error;
mod findings;
mod interfaces;
mod model;
mod scripts;
mod socket;
mod source;
mod view;
mod watch;

pub use error::StatusError;
pub use findings::{Finding, Severity, Subject};
pub use model::{
    AddressStatus, Capabilities, ClusterStatus, DatabaseStatus, NodeState, NodeStatus, Recovery,
    RecoveryMode,
};
pub use scripts::{ScriptOutcome, ScriptResult};
pub use watch::{Watch, read, read_one};
