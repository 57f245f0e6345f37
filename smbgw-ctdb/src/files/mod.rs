//! The files of a cluster, as text: read as ctdb reads them, and changed without losing a byte of what is
//! not meant. Nothing here opens a file.
//!
//! Formats: `ctdb(7)`, `ctdb.conf(5)`, `ctdb-script.options(5)` of Samba 4.17.

mod ctdb_conf;
mod error;
mod nodes;
mod public_addresses;
mod script_options;

pub use ctdb_conf::{CtdbConf, Setting};
pub use error::FileError;
pub use nodes::{NodesFile, Slot};
pub use public_addresses::{PublicAddress, PublicAddresses};
pub use script_options::ScriptOptions;

/// The lines of a text, each with what ends it.
fn lines(text: &str) -> Vec<String> {
    text.split_inclusive('\n').map(Into::into).collect()
}

/// Adds a line, after ending the one before it.
fn push_line(lines: &mut Vec<String>, line: &str) {
    if let Some(last) = lines.last_mut().filter(|last| !last.ends_with('\n')) {
        last.push('\n');
    }
    lines.push(format!("{line}\n"));
}

#[cfg(test)]
mod tests;
