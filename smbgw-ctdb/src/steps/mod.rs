//! What plans for clusters are made of: one file for each kind of thing that a step changes on a node.

use smbgw_core::step::LeftBehind;

use crate::node::NodeName;

pub mod addresses;
pub mod clear;
pub mod daemon;
pub mod file;
pub mod healthy;
pub mod nodes;
pub mod samba;
pub mod script;
pub mod settings;

/// Something that may be left on a node.
fn left_on(node: &NodeName, what: impl std::fmt::Display, commands: Vec<String>) -> LeftBehind {
    LeftBehind {
        what: format!("on {node}: {what}"),
        commands,
    }
}
