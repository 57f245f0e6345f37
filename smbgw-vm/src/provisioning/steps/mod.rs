//! What is done to make a guest, and to take it away.

pub(super) mod availability;
pub(super) mod await_agent;
pub(super) mod await_ready;
pub(super) mod await_smb;
pub(super) mod clone;
pub(super) mod data_disk;
pub(super) mod deed;
pub(super) mod discard;
pub(super) mod import;
pub(super) mod passwords;
pub(super) mod record;
pub(super) mod resize;
pub(super) mod settings;
pub(super) mod share;
pub(super) mod snippets;
pub(super) mod start;
