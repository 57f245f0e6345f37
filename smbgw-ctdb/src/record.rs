//! What is remembered of a cluster: one file, `/etc/smbgw/cluster.json`, the same on every node.
//!
//! ctdb's own files say how it runs; the record says what was asked for, and how the nodes are reached.

use std::net::IpAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use smbgw_core::change::Change;
use smbgw_core::host::Host;
use smbgw_core::state_error::{StateError, StateKind};
use smbgw_core::state_file::StateFile;

use crate::address::{Pool, Range, VirtualAddress};
use crate::node::{NodeName, NodeSpec};

/// Where it is kept.
pub const FILE: &str = "/etc/smbgw/cluster.json";

/// A cluster as it was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ClusterRecord {
    /// The form of this record; [`ClusterRecord::VERSION`] in one that is made.
    pub version: u32,
    /// What clients know the cluster as: the `netbios name` of all nodes.
    pub name: String,
    /// All nodes in the order of their numbers, also those that are gone.
    pub nodes: Vec<RecordedNode>,
    /// The addresses that move between nodes.
    #[serde(default)]
    pub addresses: Vec<VirtualAddress>,
    /// Where further ones are taken from.
    #[serde(default)]
    pub pools: Vec<Pool>,
    /// Addresses that are kept for somebody.
    #[serde(default)]
    pub reservations: Vec<Reservation>,
    /// How often those have changed. Of the records of several nodes, the one with the most is right.
    #[serde(default)]
    pub reservations_revision: u64,
    /// What keeps two parts of the cluster apart, as `ctdb.conf` has it.
    pub cluster_lock: Option<String>,
    /// The directory on the cluster filesystem that all nodes share.
    pub shared_path: PathBuf,
    /// Addresses that a DHCP server gives away.
    #[serde(default)]
    pub dhcp_ranges: Vec<Range>,
    /// The time a failover may take, as it was stated.
    #[serde(default)]
    pub objective: Option<String>,
    /// Values of tunables that differ from ctdb's own (ctdb-tunables(7)).
    #[serde(default)]
    pub tunables: Vec<(String, u32)>,
    /// What ctdb starts, stops and watches on the nodes.
    #[serde(default)]
    pub managed: Managed,
    /// When it was set up or adopted, in seconds since 1970-01-01 00:00 UTC.
    pub since: i64,
}

/// A node of a cluster. Its number is its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RecordedNode {
    /// What it is.
    #[serde(flatten)]
    pub spec: NodeSpec,
    /// Whether it was removed. Its number stays taken.
    #[serde(default)]
    pub gone: bool,
}

/// An address that is kept for somebody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Reservation {
    /// The address.
    pub address: IpAddr,
    /// For whom, such as `share media`.
    pub holder: String,
    /// Since when, in seconds since 1970-01-01 00:00 UTC.
    pub since: i64,
    /// Whether the cluster serves under it for that reason alone, and no longer than it is kept.
    #[serde(default)]
    pub served: bool,
}

/// The services that ctdb starts, stops and watches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Managed {
    /// smbd (and nmbd), by the event script `50.samba`.
    pub samba: bool,
    /// winbindd, by the event script `49.winbind`.
    pub winbind: bool,
}

impl ClusterRecord {
    /// The version of the record's form that this program writes.
    pub const VERSION: u32 = 1;

    /// What is remembered on `host`, or `None` where it is a node of no cluster that this program knows.
    ///
    /// # Errors
    /// Where the record cannot be read or is not one.
    pub fn load(host: &dyn Host) -> Result<Option<Self>, StateError> {
        STATE.load(host)
    }

    /// Writes it down on one node. The caller does so on all of them.
    ///
    /// # Errors
    /// Where it cannot be written; the former record is still there then.
    pub fn store(&self, host: &dyn Host) -> Result<Change, StateError> {
        STATE.store(host, self)
    }

    /// The text of the file.
    ///
    /// # Errors
    /// Where a path is no text.
    pub fn text(&self) -> Result<String, StateError> {
        STATE.text(self)
    }

    /// Forgets it on one node.
    ///
    /// # Errors
    /// Where the record cannot be removed.
    pub fn remove(host: &dyn Host) -> Result<Change, StateError> {
        STATE.remove(host)
    }

    /// The nodes that are not gone, each with its number.
    pub fn present(&self) -> impl Iterator<Item = (u32, &NodeSpec)> {
        let numbered = (0..).zip(&self.nodes);
        numbered.filter_map(|(pnn, node)| (!node.gone).then_some((pnn, &node.spec)))
    }

    /// The address of the cluster that is this one.
    pub fn serving(&self, address: IpAddr) -> Option<&VirtualAddress> {
        self.addresses.iter().find(|one| one.address() == address)
    }

    /// The node of that name that is not gone, with its number.
    pub fn node(&self, name: &NodeName) -> Option<(u32, &NodeSpec)> {
        self.present().find(|(_, spec)| spec.name == *name)
    }
}

const STATE: StateFile = StateFile {
    kind: StateKind::Cluster,
    path: FILE,
    version: ClusterRecord::VERSION,
};

#[cfg(test)]
mod tests {
    use smbgw_core::error::Coded;
    use smbgw_core::host::LocalHost;

    use super::*;

    fn record() -> ClusterRecord {
        let node = |name: &str, address: &str, gone| RecordedNode {
            spec: NodeSpec {
                name: name.parse().unwrap(),
                address: address.parse().unwrap(),
                reach: "local".parse().unwrap(),
            },
            gone,
        };
        ClusterRecord {
            version: ClusterRecord::VERSION,
            name: "FILES".into(),
            nodes: vec![
                node("n1", "10.0.0.1", false),
                node("n2", "10.0.0.2", true),
                node("n2", "10.0.0.3", false),
            ],
            addresses: vec!["10.0.0.100/24%eth0".parse().unwrap()],
            pools: vec!["10.0.0.110-10.0.0.120/24".parse().unwrap()],
            reservations: vec![Reservation {
                address: "10.0.0.110".parse().unwrap(),
                holder: "share media".into(),
                since: 5,
                served: false,
            }],
            reservations_revision: 1,
            cluster_lock: Some("/srv/lock".into()),
            shared_path: "/srv".into(),
            dhcp_ranges: Vec::new(),
            objective: Some("10s".into()),
            tunables: vec![("KeepaliveLimit".into(), 3)],
            managed: Managed::default(),
            since: 7,
        }
    }

    #[test]
    fn what_is_stored_is_loaded() {
        let root = tempfile::tempdir().unwrap();
        let host = LocalHost::with_root(root.path());
        assert_eq!(ClusterRecord::load(&host).unwrap(), None);
        let record = record();
        assert_eq!(record.store(&host).unwrap(), Change::Created);
        assert_eq!(record.store(&host).unwrap(), Change::Unchanged);
        assert_eq!(ClusterRecord::load(&host).unwrap(), Some(record));
        ClusterRecord::remove(&host).unwrap();
        assert!(!root.path().join("etc/smbgw").exists());
    }

    #[test]
    fn a_number_stays_with_its_place() {
        let record = record();
        let numbers: Vec<u32> = record.present().map(|(pnn, _)| pnn).collect();
        assert_eq!(numbers, [0, 2]);
        let (pnn, node) = record.node(&"n2".parse().unwrap()).unwrap();
        assert_eq!((pnn, node.address.to_string().as_str()), (2, "10.0.0.3"));
        assert_eq!(record.node(&"n9".parse().unwrap()), None);
    }

    #[test]
    fn what_is_no_record_is_told() {
        let root = tempfile::tempdir().unwrap();
        let host = LocalHost::with_root(root.path());
        record().store(&host).unwrap();
        let file = root.path().join("etc/smbgw/cluster.json");
        let text = std::fs::read_to_string(&file).unwrap();
        let newer = text.replace("\"version\": 1", "\"version\": 2");
        for (text, code) in [
            (newer.as_str(), "cluster.too-new"),
            ("{}", "cluster.malformed"),
        ] {
            std::fs::write(&file, text).unwrap();
            assert_eq!(ClusterRecord::load(&host).unwrap_err().code(), code);
        }
    }
}
