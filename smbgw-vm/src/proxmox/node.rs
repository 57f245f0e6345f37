//! What a node has: memory, processors, bridges, and its release of Proxmox VE.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Proxmox;
use super::call::{is_set, lacking, number};
use super::error::ProxmoxError;
use super::name::BridgeName;

/// Memory and processors of a node (`/nodes/NODE/status`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NodeResources {
    /// All its memory, in bytes.
    pub memory_bytes: u64,
    /// What is not in use now, caches counted as free, in bytes.
    pub available_memory_bytes: u64,
    /// How many processors it has, threads counted.
    pub processors: u32,
}

/// A bridge of a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Bridge {
    /// Its name.
    pub name: BridgeName,
    /// Whether it is up.
    pub is_active: bool,
    /// Whether it keeps VLANs apart itself. One of Linux that does not still takes tags, by an interface for
    /// each VLAN that Proxmox VE makes.
    pub knows_vlans: bool,
}

/// A release of Proxmox VE.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Release {
    /// The first number.
    pub major: u32,
    /// The second number.
    pub minor: u32,
}

impl Release {
    /// The first that shares directories with guests through virtiofs.
    pub const VIRTIOFS: Self = Self { major: 8, minor: 4 };

    fn read(text: &str) -> Option<Self> {
        let mut numbers = text.split(['.', '-']).map(|part| part.parse().ok());
        Some(Self {
            major: numbers.next()??,
            minor: numbers.next().flatten().unwrap_or(0),
        })
    }
}

impl Proxmox<'_> {
    /// Memory and processors of the node.
    ///
    /// # Errors
    /// Where it cannot be asked.
    pub fn resources(&self) -> Result<NodeResources, ProxmoxError> {
        let path = format!("/nodes/{}/status", self.node());
        let value = self.get(&path, &[])?;
        NodeResources::read(&value).ok_or_else(|| lacking(&path, "memory or processors"))
    }

    /// The bridges of the node that guests can be plugged into, those of Open vSwitch and of SDN among them.
    ///
    /// # Errors
    /// Where it cannot be asked.
    pub fn bridges(&self) -> Result<Vec<Bridge>, ProxmoxError> {
        let path = format!("/nodes/{}/network", self.node());
        let value = self.get(&path, &[("type", "any_bridge")])?;
        let list = value.as_array().ok_or_else(|| lacking(&path, "list"))?;
        Ok(list.iter().filter_map(Bridge::read).collect())
    }

    /// The release of Proxmox VE.
    ///
    /// # Errors
    /// Where it cannot be asked.
    pub fn release(&self) -> Result<Release, ProxmoxError> {
        let path = "/version";
        let value = self.get(path, &[])?;
        let text = value.get("version").and_then(Value::as_str);
        text.and_then(Release::read)
            .ok_or_else(|| lacking(path, "version"))
    }
}

impl NodeResources {
    fn read(value: &Value) -> Option<Self> {
        let memory = value.get("memory")?;
        let total = number(memory.get("total")?)?;
        let used = number(memory.get("used")?)?;
        // Newer releases say what is available; `used` leaves caches out, too.
        let available = memory.get("available").and_then(number);
        let processors = number(value.get("cpuinfo")?.get("cpus")?)?;
        Some(Self {
            memory_bytes: total,
            available_memory_bytes: available.unwrap_or(total.saturating_sub(used)),
            processors: u32::try_from(processors).ok()?,
        })
    }
}

impl Bridge {
    fn read(value: &Value) -> Option<Self> {
        let flag = |name: &str| value.get(name).is_some_and(is_set);
        let kind = value.get("type").and_then(Value::as_str);
        Some(Self {
            name: value.get("iface")?.as_str()?.parse().ok()?,
            is_active: flag("active"),
            knows_vlans: flag("bridge_vlan_aware") || kind == Some("OVSBridge"),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_node_tells_what_it_has() {
        let status = json!({"memory": {"total": 67_319_398_400_u64, "used": 21_474_836_480_u64, "free": 1024},
            "cpuinfo": {"cpus": 16, "cores": 8, "sockets": 1}, "uptime": 9});
        let resources = NodeResources::read(&status).unwrap();
        assert_eq!(resources.processors, 16);
        assert_eq!(
            resources.available_memory_bytes,
            67_319_398_400 - 21_474_836_480
        );
        let newer = json!({"memory": {"total": 100, "used": 40, "available": 55}, "cpuinfo": {"cpus": "4"}});
        assert_eq!(
            NodeResources::read(&newer).unwrap().available_memory_bytes,
            55
        );
        assert!(NodeResources::read(&json!({"memory": {}})).is_none());
    }

    #[test]
    fn bridges_are_read() {
        let bridge = Bridge::read(&json!({"iface": "vmbr0", "type": "bridge", "active": 1,
            "bridge_vlan_aware": 1, "cidr": "192.0.2.1/24"}));
        let bridge = bridge.unwrap();
        assert!(bridge.is_active && bridge.knows_vlans);
        let open = Bridge::read(&json!({"iface": "vmbr1", "type": "OVSBridge"})).unwrap();
        assert!(!open.is_active && open.knows_vlans);
        assert!(Bridge::read(&json!({"type": "bridge"})).is_none());
    }

    #[test]
    fn releases_are_compared_by_their_numbers() {
        let read = |text: &str| Release::read(text).unwrap();
        assert!(read("8.4.1") >= Release::VIRTIOFS && read("9.0.3") >= Release::VIRTIOFS);
        assert!(read("8.3.5") < Release::VIRTIOFS && read("7.4-17") < Release::VIRTIOFS);
        assert!(read("8.10.0") > Release::VIRTIOFS);
        assert_eq!(Release::read("x"), None);
    }
}
