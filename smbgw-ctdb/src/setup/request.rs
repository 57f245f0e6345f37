//! What a cluster is to be like.

use std::net::IpAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use smbgw_core::error::Problem;

use crate::address::{Pool, Range, Surroundings, VirtualAddress};
use crate::cluster_lock::ClusterLock;
use crate::code::Code;
use crate::node::NodeSpec;
use crate::objective::{Objective, Tunables};
use crate::record::Managed;

/// A cluster that is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SetupRequest {
    /// What clients are to know it as, the `netbios name` of all nodes.
    pub name: String,
    /// The nodes. Their order gives them their numbers.
    pub nodes: Vec<NodeSpec>,
    /// The addresses that move between them. One without an interface is on the one that has its network.
    #[serde(default)]
    pub addresses: Vec<VirtualAddress>,
    /// How many more of them are taken from the pools: free ones, the lowest first.
    #[serde(default)]
    pub automatic_addresses: usize,
    /// Where further ones may be taken from.
    #[serde(default)]
    pub pools: Vec<Pool>,
    /// What a DHCP server gives away.
    #[serde(default)]
    pub dhcp_ranges: Vec<Range>,
    /// The folder on the cluster filesystem, the same on all nodes.
    pub shared_path: PathBuf,
    /// What keeps two parts of the cluster apart; a file in the shared folder, if not said.
    #[serde(default)]
    pub lock: Option<ClusterLock>,
    /// How long a failover may take; ctdb's own pace, if not said.
    #[serde(default)]
    pub objective: Option<Objective>,
    /// Tunables, which win over those that the objective comes to.
    #[serde(default)]
    pub tunables: Vec<(String, u32)>,
    /// `leader timeout` of ctdb.conf in seconds, which wins over the objective's.
    #[serde(default)]
    pub leader_timeout_seconds: Option<u32>,
    /// Options of event scripts (ctdb-script.options(5)).
    #[serde(default)]
    pub script_options: Vec<(String, String)>,
    /// What ctdb is to start, stop and watch.
    #[serde(default = "managed")]
    pub managed: Managed,
    /// Whether databases that a former cluster has left on the nodes are used again.
    #[serde(default)]
    pub keep_databases: bool,
}

impl SetupRequest {
    /// The request for nodes that share a folder, with nothing else asked for.
    pub fn new(name: &str, nodes: Vec<NodeSpec>, shared_path: impl Into<PathBuf>) -> Self {
        Self {
            name: name.to_owned(),
            nodes,
            addresses: Vec::new(),
            automatic_addresses: 0,
            pools: Vec::new(),
            dhcp_ranges: Vec::new(),
            shared_path: shared_path.into(),
            lock: None,
            objective: None,
            tunables: Vec::new(),
            leader_timeout_seconds: None,
            script_options: Vec::new(),
            managed: managed(),
            keep_databases: false,
        }
    }

    /// The tunables that are set.
    pub fn all_tunables(&self) -> Vec<(String, u32)> {
        let mut all: Vec<(String, u32)> = Vec::new();
        let stated = self.objective.map(|objective| objective.tunables().pairs());
        let stated = stated.into_iter().flatten();
        let stated = stated.map(|(name, value)| (name.to_owned(), value));
        for (name, value) in stated.chain(self.tunables.iter().cloned()) {
            match all
                .iter_mut()
                .find(|(known, _)| known.eq_ignore_ascii_case(&name))
            {
                Some(found) => found.1 = value,
                None => all.push((name, value)),
            }
        }
        all
    }

    /// `leader timeout` of ctdb.conf, where it is set.
    pub fn leader_timeout(&self) -> Option<u32> {
        let stated = || {
            self.objective
                .map(|objective| objective.tunables().leader_timeout)
        };
        self.leader_timeout_seconds.or_else(stated)
    }

    /// The lock.
    ///
    /// # Errors
    /// Where the shared folder cannot be written in ctdb.conf.
    pub fn cluster_lock(&self) -> Result<ClusterLock, Problem> {
        match &self.lock {
            Some(lock) => Ok(lock.clone()),
            None => ClusterLock::in_folder(&self.shared_path)
                .map_err(|error| Problem::from_error("shared-path", &error)),
        }
    }

    /// The value of `cluster lock` in ctdb.conf.
    ///
    /// # Errors
    /// As for [`cluster_lock`](Self::cluster_lock).
    pub fn lock_setting(&self) -> Result<String, Problem> {
        let tunables = Tunables::of(&self.all_tunables(), self.leader_timeout());
        Ok(self
            .cluster_lock()?
            .bound_setting(tunables.lock_milliseconds()))
    }

    /// All that is wrong with the request by itself.
    pub fn check(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let invalid = |field: &str, message: String| {
            Problem::invalid(field, Code::RequestInvalid.as_str(), message)
        };
        if !is_netbios_name(&self.name) {
            problems.push(invalid(
                "name",
                format!(
                    "`{}` is no NetBIOS name: letters, digits and `-`, at most 15 of them",
                    self.name
                ),
            ));
        }
        if self.nodes.is_empty() {
            problems.push(invalid("nodes", "a cluster needs at least one node".into()));
        }
        for (at, node) in self.nodes.iter().enumerate() {
            let former = &self.nodes[..at];
            if former.iter().any(|former| former.name == node.name) {
                problems.push(invalid("nodes", format!("{} is there twice", node.name)));
            }
            if let Some(other) = former.iter().find(|former| former.address == node.address) {
                let message = format!("{} and {} have {}", other.name, node.name, node.address);
                problems.push(invalid("nodes", message));
            }
            if !is_private_address(node.address) {
                let message = format!("{} cannot be the private address of a node", node.address);
                problems.push(invalid("nodes", message));
            }
        }
        let surroundings = Surroundings {
            nodes: self.nodes.iter().map(|node| node.address).collect(),
            dhcp: self.dhcp_ranges.clone(),
            ..Surroundings::default()
        };
        for error in surroundings.check_all(&self.addresses) {
            // Interfaces are looked at on the nodes.
            if !matches!(
                error,
                crate::address::AddressError::NoNetwork { .. }
                    | crate::address::AddressError::NoInterface { .. }
            ) {
                problems.push(Problem::from_error("addresses", &error));
            }
        }
        if self.automatic_addresses > 0 && self.pools.is_empty() {
            let code = Code::NoPool;
            let message = "an address is to be taken from a pool, and no pool is given";
            let problem = Problem::invalid("addresses", code.as_str(), message);
            problems.push(problem.remedy(code.fix()));
        }
        if !self.shared_path.is_absolute() {
            let message = format!("`{}` is not absolute", self.shared_path.display());
            problems.push(invalid("shared-path", message));
        } else if let Err(problem) = self.cluster_lock() {
            problems.push(problem);
        }
        for (name, _) in &self.tunables {
            if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
                problems.push(invalid("tunables", format!("`{name}` is no tunable")));
            }
        }
        problems
    }
}

/// Whether a name can be that of a server (MS-NBTE section 2.2.1), and its label in the DNS.
fn is_netbios_name(name: &str) -> bool {
    let is_good = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    (1..=15).contains(&name.len())
        && name.bytes().all(is_good)
        && !name.starts_with('-')
        && !name.ends_with('-')
        && name.bytes().any(|byte| !byte.is_ascii_digit())
}

fn is_private_address(address: IpAddr) -> bool {
    !(address.is_unspecified() || address.is_loopback() || address.is_multicast())
}

/// ctdb manages smbd if nothing else is said, so that a node without it gives its addresses away.
fn managed() -> Managed {
    Managed {
        samba: true,
        winbind: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> SetupRequest {
        let node = |name: &str, address: &str| NodeSpec {
            name: name.parse().unwrap(),
            address: address.parse().unwrap(),
            reach: "local".parse().unwrap(),
        };
        let nodes = vec![node("n1", "10.0.0.1"), node("n2", "10.0.0.2")];
        SetupRequest {
            addresses: vec!["10.0.0.100/24%eth0".parse().unwrap()],
            ..SetupRequest::new("FILES", nodes, "/srv/shared")
        }
    }

    #[test]
    fn a_good_request_has_no_problem() {
        assert_eq!(request().check(), []);
        let lock = request().cluster_lock().unwrap();
        assert_eq!(lock.setting(), "/srv/shared/.ctdb/lock");
    }

    #[test]
    fn all_problems_are_told_at_once() {
        let mut wrong = request();
        wrong.name = "no name".into();
        wrong.nodes[1] = wrong.nodes[0].clone();
        wrong.nodes[1].address = "127.0.0.1".parse().unwrap();
        wrong.addresses = ["10.0.0.1/24%eth0", "10.0.0.9/24", "10.0.0.9/24"]
            .map(|text| text.parse().unwrap())
            .into();
        wrong.dhcp_ranges = vec!["10.0.0.5-10.0.0.20".parse().unwrap()];
        wrong.automatic_addresses = 1;
        wrong.shared_path = "shared".into();
        wrong.tunables = vec![("Keep Alive".into(), 1)];
        let problems = wrong.check();
        let found: Vec<_> = problems
            .iter()
            .map(|problem| format!("{} {}", problem.field, problem.code))
            .collect();
        assert_eq!(
            found,
            [
                "name ha.request-invalid",
                "nodes ha.request-invalid",
                "nodes ha.request-invalid",
                "addresses ha.address-of-a-node",
                "addresses ha.address-in-dhcp-range",
                "addresses ha.address-twice",
                "addresses ha.no-pool",
                "shared-path ha.request-invalid",
                "tunables ha.request-invalid",
            ]
        );
    }

    #[test]
    fn what_is_said_wins_over_what_the_objective_comes_to() {
        let mut request = request();
        assert_eq!(
            (request.all_tunables(), request.leader_timeout()),
            (vec![], None)
        );
        request.objective = Some("10s".parse().unwrap());
        let stated = request.all_tunables();
        assert!(stated.iter().any(|(name, _)| name == "KeepaliveLimit"));
        request.tunables = vec![("keepalivelimit".into(), 77)];
        request.leader_timeout_seconds = Some(9);
        let all = request.all_tunables();
        assert_eq!(all.len(), stated.len());
        assert!(all.contains(&("KeepaliveLimit".into(), 77)));
        assert_eq!(request.leader_timeout(), Some(9));
    }
}
