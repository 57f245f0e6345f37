//! Clusters that are asked for in texts, as people and programs give it.

use std::net::{IpAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use smbgw_core::error::{Coded, Problem};
use smbgw_core::host::Reach;

use crate::adopt::AdoptRequest;
use crate::allocate::AUTO;
use crate::code::Code;
use crate::members::usual_way;
use crate::node::{NodeName, NodeSpec};
use crate::record::Managed;
use crate::setup::SetupRequest;

/// A cluster that is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct SetupDraft {
    /// What clients are to know it as: up to 15 letters, digits and `-`; `SMBGW` if not given.
    pub name: Option<String>,
    /// The nodes in the order of their numbers, each with its private address, such as `n1=10.0.0.11`. The
    /// address of a name alone is looked up.
    pub nodes: Vec<String>,
    /// The ways to nodes, such as `n2=ssh:root@n2`. Without one it is `local` for the node that has an
    /// address of this machine, and `ssh:root@NODE` for the others.
    pub reach: Vec<String>,
    /// The folder on the cluster filesystem that all nodes share.
    pub shared: PathBuf,
    /// What keeps two parts of the cluster apart: the path of a file in the shared folder (where it is if not
    /// given), `rados:CLUSTER/USER/POOL/OBJECT`, `etcd`, or `!` and a program.
    pub lock: Option<String>,
    /// The addresses that move between nodes, such as `10.0.0.100/24%eth0`; each `auto` is a free one of the pools.
    pub addresses: Vec<String>,
    /// Where addresses may be taken from, such as `10.0.0.100-10.0.0.120/24`.
    pub pools: Vec<String>,
    /// What a DHCP server gives away, such as `10.0.0.50-10.0.0.99`.
    pub dhcp_ranges: Vec<String>,
    /// How long a failover may take for clients, such as `10s`; ctdb's own pace if not given.
    pub failover_within: Option<String>,
    /// Settings of ctdb, such as `KeepaliveLimit=3`, which win over what `failover_within` comes to.
    pub tunables: Vec<String>,
    /// The seconds after which a leader that is silent is replaced.
    pub leader_timeout_seconds: Option<u32>,
    /// Options of event scripts, such as `CTDB_SAMBA_SKIP_SHARE_CHECK=yes`.
    pub script_options: Vec<String>,
    /// ctdb neither starts smbd nor watches it.
    pub no_samba: bool,
    /// ctdb starts and watches winbindd, too.
    pub winbind: bool,
    /// Databases that a former cluster has left on the nodes are used again.
    pub keep_databases: bool,
}

/// A cluster that is to be adopted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct AdoptDraft {
    /// All nodes, each with its private address, such as `n1=10.0.0.11`. The address of a name alone is
    /// looked up.
    pub nodes: Vec<String>,
    /// The ways to nodes, such as `n2=ssh:root@n2`. Without one it is `local` for the node that has an
    /// address of this machine, and `ssh:root@NODE` for the others.
    pub reach: Vec<String>,
    /// What clients know it as; what its nodes say, if not given.
    pub name: Option<String>,
    /// The folder that all nodes share; that of the cluster lock, if not given.
    pub shared: Option<PathBuf>,
    /// Where further addresses may be taken from, such as `10.0.0.100-10.0.0.120/24`.
    pub pools: Vec<String>,
    /// What a DHCP server gives away, such as `10.0.0.50-10.0.0.99`.
    pub dhcp_ranges: Vec<String>,
}

impl AdoptDraft {
    /// The request that it means, and the nodes.
    ///
    /// # Errors
    /// Everything that is wrong with it by itself, all at once.
    pub fn check(&self) -> Result<(AdoptRequest, Vec<NodeSpec>), Vec<Problem>> {
        let mut problems = Vec::new();
        let nodes = nodes(&self.nodes, &self.reach, &mut problems);
        if self.nodes.is_empty() {
            problems.push(invalid("nodes", "no node is named".into()));
        }
        let request = AdoptRequest {
            name: self.name.clone(),
            shared_path: self.shared.clone(),
            pools: parsed("pools", &self.pools, &mut problems),
            dhcp_ranges: parsed("dhcp-ranges", &self.dhcp_ranges, &mut problems),
        };
        match problems.is_empty() {
            true => Ok((request, nodes)),
            false => Err(problems),
        }
    }
}

/// What clusters are called if nothing else is asked for.
const USUAL_NAME: &str = "SMBGW";

impl SetupDraft {
    /// The request that it means.
    ///
    /// # Errors
    /// Everything that is wrong with it by itself, all at once.
    pub fn check(&self) -> Result<SetupRequest, Vec<Problem>> {
        let mut problems = Vec::new();
        let nodes = nodes(&self.nodes, &self.reach, &mut problems);
        let (automatic, addresses): (Vec<_>, Vec<_>) =
            self.addresses.iter().partition(|text| *text == AUTO);
        let request = SetupRequest {
            addresses: parsed("addresses", addresses, &mut problems),
            automatic_addresses: automatic.len(),
            pools: parsed("pools", &self.pools, &mut problems),
            dhcp_ranges: parsed("dhcp-ranges", &self.dhcp_ranges, &mut problems),
            lock: parsed("lock", &self.lock, &mut problems).pop(),
            objective: parsed("failover-within", &self.failover_within, &mut problems).pop(),
            tunables: pairs("tunables", &self.tunables, &mut problems)
                .into_iter()
                .filter_map(|(name, value)| match value.parse() {
                    Ok(value) => Some((name.to_owned(), value)),
                    Err(_) => {
                        problems.push(invalid("tunables", format!("`{value}` is no number")));
                        None
                    }
                })
                .collect(),
            leader_timeout_seconds: self.leader_timeout_seconds,
            script_options: pairs("script-options", &self.script_options, &mut problems)
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            managed: Managed {
                samba: !self.no_samba,
                winbind: self.winbind,
            },
            keep_databases: self.keep_databases,
            ..SetupRequest::new(
                self.name.as_deref().unwrap_or(USUAL_NAME),
                nodes,
                &self.shared,
            )
        };
        // What was not understood would be missed there.
        if problems.is_empty() {
            problems = request.check();
        }
        match problems.is_empty() {
            true => Ok(request),
            false => Err(problems),
        }
    }
}

/// A machine that is to join a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct NodeDraft {
    /// The machine with its private address, such as `n4=10.0.0.14`. The address of a name alone is looked up.
    pub node: String,
    /// The way to it, such as `ssh:root@n4`; `local` where it has an address of this machine, and
    /// `ssh:root@NODE` otherwise, if not given.
    pub reach: Option<String>,
}

impl NodeDraft {
    /// The node that it means.
    ///
    /// # Errors
    /// Everything that is wrong with it by itself, all at once.
    pub fn check(&self) -> Result<NodeSpec, Vec<Problem>> {
        let mut problems = Vec::new();
        let name = self.node.split('=').next().unwrap_or_default();
        let way = self.reach.iter().map(|way| format!("{name}={way}"));
        let ways: Vec<String> = way.collect();
        let mut nodes = nodes(std::slice::from_ref(&self.node), &ways, &mut problems);
        match nodes.pop() {
            Some(node) if problems.is_empty() => Ok(node),
            _ => Err(problems),
        }
    }
}

/// The nodes that `texts` name, with the ways to them; what is wrong with them is added to `problems`.
pub(crate) fn nodes(
    texts: &[String],
    ways: &[String],
    problems: &mut Vec<Problem>,
) -> Vec<NodeSpec> {
    let mut known: Vec<(NodeName, Reach)> = Vec::new();
    for (name, way) in pairs("reach", ways, problems) {
        let name: Option<NodeName> = one("reach", name, problems);
        let way: Option<Reach> = one("reach", way, problems);
        if let (Some(name), Some(way)) = (name, way) {
            known.push((name, way));
        }
    }
    let mut nodes = Vec::new();
    for text in texts {
        let (name, address) = match text.split_once('=') {
            Some((name, address)) => (name, Some(address)),
            None => (text.as_str(), None),
        };
        let Some(name) = one::<NodeName>("nodes", name, problems) else {
            continue;
        };
        let address = match address {
            Some(address) => address
                .parse()
                .map_err(|_| format!("`{address}` is no address of a node")),
            None => looked_up(&name),
        };
        let address = match address {
            Ok(address) => address,
            Err(message) => {
                problems.push(invalid("nodes", message));
                continue;
            }
        };
        let way = known.iter().find(|(of, _)| *of == name);
        let way = way.map_or_else(|| usual_way(&name, address), |(_, way)| Ok(way.clone()));
        match way {
            Ok(reach) => nodes.push(NodeSpec {
                name,
                address,
                reach,
            }),
            Err(error) => problems.push(Problem::from_error("reach", &error)),
        }
    }
    for (name, _) in known {
        let is_named = |text: &String| text.split('=').next() == Some(name.as_str());
        if !texts.iter().any(is_named) {
            problems.push(invalid("reach", format!("{name} is none of the nodes")));
        }
    }
    nodes
}

/// The first address by which other machines reach the one of that name.
fn looked_up(name: &NodeName) -> Result<IpAddr, String> {
    let found = (name.as_str(), 0).to_socket_addrs();
    let mut found = found.map_err(|error| {
        format!("no address is known of {name} ({error}): write {name}=ADDRESS")
    })?;
    let found = found.find(|found| !found.ip().is_loopback());
    let found = found.map(|found| found.ip());
    found.ok_or_else(|| format!("{name} has no address for other machines: write {name}=ADDRESS"))
}

/// What the texts mean that can be read.
fn parsed<'t, T>(
    field: &str,
    texts: impl IntoIterator<Item = &'t String>,
    problems: &mut Vec<Problem>,
) -> Vec<T>
where
    T: FromStr,
    T::Err: Coded,
{
    let texts = texts.into_iter();
    texts
        .filter_map(|text| one(field, text, problems))
        .collect()
}

fn one<T>(field: &str, text: &str, problems: &mut Vec<Problem>) -> Option<T>
where
    T: FromStr,
    T::Err: Coded,
{
    let read = text.parse();
    read.map_err(|error| problems.push(Problem::from_error(field, &error)))
        .ok()
}

/// Names and values on both sides of a `=`.
fn pairs<'t>(
    field: &str,
    texts: &'t [String],
    problems: &mut Vec<Problem>,
) -> Vec<(&'t str, &'t str)> {
    let mut pairs = Vec::new();
    for text in texts {
        match text.split_once('=') {
            Some(pair) => pairs.push(pair),
            None => problems.push(invalid(field, format!("`{text}` has no `=`"))),
        }
    }
    pairs
}

fn invalid(field: &str, message: String) -> Problem {
    Problem::invalid(field, Code::RequestInvalid.as_str(), message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft() -> SetupDraft {
        SetupDraft {
            nodes: vec!["n1=198.51.100.1".into(), "n2=198.51.100.2".into()],
            reach: vec!["n1=ct:105".into()],
            shared: "/srv/shared".into(),
            addresses: ["auto", "198.51.100.100/24%eth0", "auto"]
                .map(String::from)
                .into(),
            pools: vec!["198.51.100.110-198.51.100.120/24".into()],
            failover_within: Some("10s".into()),
            tunables: vec!["KeepaliveLimit=7".into()],
            script_options: vec!["CTDB_SAMBA_SKIP_SHARE_CHECK=yes".into()],
            ..SetupDraft::default()
        }
    }

    #[test]
    fn texts_become_a_request() {
        let request = draft().check().unwrap();
        assert_eq!(request.name, "SMBGW");
        let ways: Vec<_> = request
            .nodes
            .iter()
            .map(|node| node.reach.to_string())
            .collect();
        assert_eq!(ways, ["ct:105", "ssh:root@n2"]);
        assert_eq!(
            (request.addresses.len(), request.automatic_addresses),
            (1, 2)
        );
        assert_eq!(request.tunables, [("KeepaliveLimit".to_owned(), 7)]);
        assert!(request.managed.samba && !request.managed.winbind);
        assert_eq!(request.objective.unwrap().to_string(), "10s");
    }

    #[test]
    fn a_machine_that_joins_is_a_node() {
        let draft = NodeDraft {
            node: "n4=198.51.100.4".into(),
            reach: Some("ct:104".into()),
        };
        let node = draft.check().unwrap();
        assert_eq!(
            (node.name.as_str(), node.reach.to_string().as_str()),
            ("n4", "ct:104")
        );
        let wrong = NodeDraft {
            node: "n_4=here".into(),
            reach: Some("taxi".into()),
        };
        let problems = wrong.check().unwrap_err();
        let fields: Vec<_> = problems.iter().map(|one| one.field.as_str()).collect();
        assert!(
            fields.contains(&"nodes") && fields.contains(&"reach"),
            "{problems:?}"
        );
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once() {
        let wrong = SetupDraft {
            nodes: vec!["n_1=198.51.100.1".into(), "n2=here".into()],
            reach: vec!["n3=ct:105".into(), "n2".into(), "n2=taxi".into()],
            lock: Some("lock".into()),
            addresses: vec!["198.51.100.100".into()],
            pools: vec!["198.51.100.7/24".into()],
            dhcp_ranges: vec!["198.51.100.7".into()],
            failover_within: Some("soon".into()),
            tunables: vec!["KeepaliveLimit".into(), "KeepaliveLimit=x".into()],
            ..draft()
        };
        let problems = wrong.check().unwrap_err();
        let fields: Vec<_> = problems
            .iter()
            .map(|problem| problem.field.as_str())
            .collect();
        let count = |field: &str| fields.iter().filter(|found| **found == field).count();
        for (field, wanted) in [
            ("nodes", 2),
            ("reach", 3),
            ("lock", 1),
            ("addresses", 1),
            ("pools", 1),
            ("dhcp-ranges", 1),
            ("failover-within", 1),
            ("tunables", 2),
        ] {
            assert_eq!(count(field), wanted, "{field}: {problems:#?}");
        }
        // By itself it may be wrong as a whole, too.
        let twice = SetupDraft {
            nodes: vec!["n1=198.51.100.1".into(), "n1=198.51.100.1".into()],
            ..draft()
        };
        assert_eq!(twice.check().unwrap_err().len(), 2);
    }
}
