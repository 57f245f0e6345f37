//! Proxmox VE, by its commands `qm`, `pvesh`, `pvesm` and `ha-manager`.
//!
//! What is asked goes through `pvesh`, whose answers are JSON. What is done goes through `qm` where that says how
//! its task ended, and else through `pvesh` with a look at the task.
//!
//! A command that is interrupted may leave its task at work: [`Proxmox::await_quiet`] waits for it.

mod agent;
mod call;
mod config;
mod error;
mod guest;
mod ha;
mod mapping;
mod mark;
mod name;
mod node;
mod settings;
mod snippet;
mod storage;
mod task;

use serde_json::Value;
use smbgw_core::deadline::Deadline;
use smbgw_core::host::Host;

pub use agent::Executed;
pub use config::{GuestConfig, GuestDisk};
pub use error::ProxmoxError;
pub use guest::{CloneKind, GuestEntry, GuestStatus, NewGuest, RunState};
pub use ha::HaState;
pub use mapping::DirectoryMapping;
pub use mark::{Mark, Ours};
pub use name::{
    BridgeName, DiskSlot, GuestName, GuestTag, MappingId, NameError, NodeName, SnippetName,
    StorageId, VolumeId,
};
pub use node::{Bridge, NodeResources, Release};
pub use settings::{
    CpuType, DiskSource, Documents, Firmware, GuestSettings, NetworkCard, OptionName,
    SharedDirectory, UserName,
};
pub use storage::{Content, Storage};
pub use task::{TaskStatus, Upid};

/// A node of Proxmox VE, reached through the machine that it is.
#[derive(Clone, Debug)]
pub struct Proxmox<'a> {
    host: &'a dyn Host,
    node: NodeName,
    deadline: Deadline,
}

impl<'a> Proxmox<'a> {
    /// The node that `host` is, all of it over by `deadline`.
    ///
    /// # Errors
    /// [`ProxmoxError::NotProxmox`] where it is none.
    pub fn open(host: &'a dyn Host, deadline: Deadline) -> Result<Self, ProxmoxError> {
        // The name is not needed for this question.
        let node = NodeName::try_from("localhost".to_owned());
        let node = node.map_err(|_| call::lacking("/cluster/status", "node"))?;
        let asking = Self::of_node(host, node, deadline);
        let path = "/cluster/status";
        let value = asking.get(path, &[])?;
        let node = local_node(&value).ok_or_else(|| call::lacking(path, "local node"))?;
        Ok(Self::of_node(host, node, deadline))
    }

    /// The node `node`, which `host` is known to be.
    pub fn of_node(host: &'a dyn Host, node: NodeName, deadline: Deadline) -> Self {
        Self {
            host,
            node,
            deadline,
        }
    }

    /// The same node, all of it over by `deadline`.
    #[must_use]
    pub fn until(&self, deadline: Deadline) -> Self {
        Self {
            deadline,
            ..self.clone()
        }
    }

    /// The name of the node.
    pub fn node(&self) -> &NodeName {
        &self.node
    }

    /// The machine.
    pub fn host(&self) -> &'a dyn Host {
        self.host
    }

    /// When all has to be over.
    pub fn deadline(&self) -> Deadline {
        self.deadline
    }
}

/// The node in `/cluster/status` that answered.
fn local_node(status: &Value) -> Option<NodeName> {
    let is_local = |entry: &&Value| {
        entry.get("type").and_then(Value::as_str) == Some("node")
            && entry.get("local").is_some_and(call::is_set)
    };
    let entry = status.as_array()?.iter().find(is_local)?;
    entry.get("name")?.as_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_node_that_answers_is_found() {
        let status = serde_json::json!([
            {"id": "cluster", "name": "lab", "type": "cluster", "nodes": 2, "quorate": 1},
            {"id": "node/n2", "name": "n2", "type": "node", "local": 0, "online": 1},
            {"id": "node/pve", "name": "pve", "type": "node", "local": 1, "online": 1},
        ]);
        assert_eq!(local_node(&status).unwrap().as_str(), "pve");
        assert!(local_node(&serde_json::json!([])).is_none());
    }
}
