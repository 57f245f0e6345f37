//! The nodes of a cluster as they are reached from the machine that this program runs on.
//!
//! The record of a cluster is the same on all nodes, and the way to a node is not: whoever is on a node
//! reaches that one as `local`, and the one that was `local` to whoever set the cluster up by ssh.

use std::net::IpAddr;

use smbgw_core::error::{Coded, ErrorKind, chain_text};
use smbgw_core::host::{Host, Reach, ReachError};
use smbgw_core::state_error::StateError;

use crate::code::Code;
use crate::events::{self, Filter, Past, UnreadLog};
use crate::node::{Member, NodeName, NodeSpec};
use crate::own_addresses::is_own;
use crate::record::ClusterRecord;

/// The nodes of a cluster, each with its machine or why that is not reached.
#[derive(Debug)]
pub struct Members {
    nodes: Vec<Node>,
}

#[derive(Debug)]
struct Node {
    spec: NodeSpec,
    host: Result<Box<dyn Host>, ReachError>,
}

/// Why a cluster could not be worked on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MembersError {
    /// There is no record of a cluster.
    #[error("{host} is a node of no cluster that this program knows")]
    NoCluster {
        /// The machine.
        host: String,
    },
    /// Nodes cannot be reached.
    #[error("not all nodes are reached: {}", .each.join("; "))]
    Unreached {
        /// Those nodes, each with the reason.
        each: Vec<String>,
    },
    /// The record cannot be read.
    #[error(transparent)]
    State(#[from] StateError),
}

/// The cluster that `host` is a node of.
///
/// # Errors
/// [`MembersError::NoCluster`] where it is a node of none, and where its record cannot be read.
pub fn cluster_of(host: &dyn Host) -> Result<ClusterRecord, MembersError> {
    ClusterRecord::load(host)?.ok_or_else(|| MembersError::NoCluster {
        host: host.name().to_owned(),
    })
}

/// The cluster that `host` is a node of, with the machines of its nodes.
///
/// # Errors
/// As [`cluster_of`].
pub fn open_cluster(host: &dyn Host) -> Result<(ClusterRecord, Members), MembersError> {
    let record = cluster_of(host)?;
    let members = Members::of(&record);
    Ok((record, members))
}

/// The way to the node of that name and private address where none is given: `local` on that node itself,
/// and ssh as root otherwise.
///
/// # Errors
/// Where that name is none of a machine behind ssh.
pub fn usual_way(name: &NodeName, address: IpAddr) -> Result<Reach, ReachError> {
    way(name, None, is_own(address))
}

impl Members {
    /// The machines of these nodes. What cannot be reached is told when it is needed.
    pub fn open<'s>(nodes: impl IntoIterator<Item = &'s NodeSpec>) -> Self {
        let open = |spec: &NodeSpec| Node {
            spec: spec.clone(),
            host: way(&spec.name, Some(&spec.reach), is_own(spec.address))
                .and_then(|way| way.open(spec.name.as_str())),
        };
        Self {
            nodes: nodes.into_iter().map(open).collect(),
        }
    }

    /// The machines of all nodes of a cluster that are not gone.
    pub fn of(record: &ClusterRecord) -> Self {
        Self::open(record.present().map(|(_, spec)| spec))
    }

    /// All nodes, in their order.
    ///
    /// # Errors
    /// [`MembersError::Unreached`] with all that are not reached.
    pub fn all(&self) -> Result<Vec<Member<'_>>, MembersError> {
        let each: Vec<_> = self
            .unreached()
            .map(|(spec, error)| format!("{}: {}", spec.name, chain_text(error)))
            .collect();
        if each.is_empty() {
            Ok(self.reached())
        } else {
            Err(MembersError::Unreached { each })
        }
    }

    /// The node that this machine is, where it is one.
    pub fn own(&self) -> Option<&NodeSpec> {
        let mut nodes = self.nodes.iter().map(|node| &node.spec);
        nodes.find(|spec| is_own(spec.address))
    }

    /// The nodes that are reached, in their order.
    pub fn reached(&self) -> Vec<Member<'_>> {
        let mut reached = Vec::new();
        for Node { spec, host } in &self.nodes {
            if let Ok(host) = host {
                let host = host.as_ref();
                reached.push(Member { spec, host });
            }
        }
        reached
    }

    /// What happened from `since` until `until` by the logs of all nodes, as [`events::read`] tells it. The
    /// log of a node that is not reached is one that could not be read.
    pub fn past(&self, since: Option<i64>, until: Option<i64>, filter: &Filter) -> Past {
        let reached = self.reached();
        let hosts: Vec<&dyn Host> = reached.iter().map(|member| member.host).collect();
        let mut past = events::read(&hosts, since, until, filter);
        let unread = self.unreached().map(|(spec, error)| UnreadLog {
            host: spec.name.to_string(),
            reason: chain_text(error),
        });
        past.unread.extend(unread);
        past
    }

    /// The nodes that are not reached, each with the reason.
    pub fn unreached(&self) -> impl Iterator<Item = (&NodeSpec, &ReachError)> {
        let each = self.nodes.iter();
        each.filter_map(|node| Some((&node.spec, node.host.as_ref().err()?)))
    }
}

/// The way to a node from this machine, which is the node itself if it has `own` address; `known` is
/// the way from where the cluster was set up.
fn way(name: &NodeName, known: Option<&Reach>, own: bool) -> Result<Reach, ReachError> {
    match known {
        _ if own => Ok(Reach::Local),
        Some(known) if *known != Reach::Local => Ok(known.clone()),
        _ => format!("ssh:root@{name}").parse(),
    }
}

impl Coded for MembersError {
    fn code(&self) -> &'static str {
        match self {
            Self::NoCluster { .. } => Code::NoCluster.as_str(),
            Self::Unreached { .. } => Code::NodeUnreached.as_str(),
            Self::State(error) => error.code(),
        }
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::NoCluster { .. } => ErrorKind::NotFound,
            Self::Unreached { .. } => ErrorKind::Failed,
            Self::State(error) => error.kind(),
        }
    }

    fn remedy(&self) -> Option<String> {
        match self {
            Self::NoCluster { .. } => Some(Code::NoCluster.fix().into()),
            Self::Unreached { .. } => Some(Code::NodeUnreached.fix().into()),
            Self::State(error) => error.remedy(),
        }
    }
}

#[cfg(test)]
mod tests {
    use smbgw_core::host::LocalHost;

    use super::*;

    #[test]
    fn the_way_depends_on_who_goes_it() {
        let name: NodeName = "n2".parse().unwrap();
        let reach = |text: &str| text.parse::<Reach>().unwrap();
        let ct = reach("ct:105");
        assert_eq!(way(&name, Some(&ct), false).unwrap(), ct);
        assert_eq!(way(&name, Some(&ct), true).unwrap(), Reach::Local);
        // The one who set it up was on n2, and this is another machine.
        let by_ssh = reach("ssh:root@n2");
        assert_eq!(way(&name, Some(&Reach::Local), false).unwrap(), by_ssh);
        assert_eq!(way(&name, None, false).unwrap(), by_ssh);
        assert!(is_own(IpAddr::from([127, 0, 0, 1])));
        // Of a network that is for documentation alone (RFC 5737).
        assert!(!is_own(IpAddr::from([198, 51, 100, 1])));
    }

    #[test]
    fn nodes_that_are_not_reached_are_all_named() {
        let node = |name: &str, reach: &str| NodeSpec {
            name: name.parse().unwrap(),
            address: "198.51.100.1".parse().unwrap(),
            reach: reach.parse().unwrap(),
        };
        let own = NodeSpec {
            address: "127.0.0.1".parse().unwrap(),
            ..node("n0", "local")
        };
        // No process has such a number.
        let nodes = [
            own,
            node("n1", "pid:4294967295"),
            node("n2", "pid:4294967294"),
        ];
        let members = Members::open(&nodes);
        let reached: Vec<_> = members
            .reached()
            .iter()
            .map(|one| one.spec.name.as_str())
            .collect();
        assert_eq!(reached, ["n0"]);
        assert_eq!(members.own().unwrap().name.as_str(), "n0");
        let error = members.all().unwrap_err();
        assert_eq!(error.code(), "ha.node-unreached");
        let text = error.to_string();
        assert!(text.contains("n1: ") && text.contains("n2: "), "{text}");
        assert_eq!(Members::open(&nodes[..1]).all().unwrap().len(), 1);
        let past = members.past(None, None, &Filter::default());
        let unread: Vec<_> = past.unread.iter().map(|log| log.host.as_str()).collect();
        assert_eq!(unread, ["n1", "n2"]);
    }

    #[test]
    fn a_machine_may_be_in_no_cluster() {
        let root = tempfile::tempdir().unwrap();
        let error = cluster_of(&LocalHost::with_root(root.path())).unwrap_err();
        assert_eq!(
            (error.code(), error.kind()),
            ("ha.no-cluster", ErrorKind::NotFound)
        );
    }
}
