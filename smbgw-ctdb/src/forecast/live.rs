//! What a running cluster says that matters for where its addresses go.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;

use smbgw_core::deadline::Deadline;

use super::ForecastError;
use crate::ctl::{Ctl, CtlError, RunState};
use crate::files::NodesFile;
use crate::node::{Member, NodeName};
use crate::placement::{Algorithm, Known, Node, NodeFlags, Settings};
use crate::setup::NODES;
use crate::status::{self, ClusterStatus, NodeState};

/// A cluster as it was when it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Live {
    pub(super) nodes: Vec<Node>,
    pub(super) settings: Settings,
    pub(super) notes: Vec<String>,
    names: BTreeMap<u32, NodeName>,
    private: BTreeMap<u32, IpAddr>,
    /// Every address, with the node that has it.
    holders: BTreeMap<IpAddr, Option<u32>>,
    silent: Vec<u32>,
}

impl Live {
    /// Asks the cluster of `members` for its state, and its leader for the tunables.
    ///
    /// # Errors
    /// Where no node answers.
    pub fn read(members: &[Member<'_>], deadline: Deadline) -> Result<Self, ForecastError> {
        let status = status::read(members, deadline)?;
        let seen_by = status.node(status.seen_by).map(|node| node.address);
        let asked = members
            .iter()
            .find(|member| Some(member.spec.address) == seen_by)
            .or(members.first());
        let Some(asked) = asked else {
            return Err(ForecastError::NobodyAsked);
        };
        let ctl = Ctl::new(asked.host, deadline);
        let leader = status.leader.unwrap_or(status.seen_by);
        let settings = settings(&ctl, Some(leader))?;
        let mut notes = Vec::new();
        for node in &status.nodes {
            let is_other = node.number != leader && node.flags.is_active();
            if is_other
                && let Ok(other) = self::settings(&ctl, Some(node.number))
                && other != settings
            {
                notes.push(format!(
                    "{} has other tunables than the leader, node {leader}; what is told here holds \
                     while that one leads",
                    node.title()
                ));
            }
        }
        let lines = asked.host.read(Path::new(NODES)).ok().flatten();
        let lines = lines.and_then(|text| NodesFile::parse(&String::from_utf8_lossy(&text)).ok());
        let count = lines.map_or(0, |file| file.slots().len());
        Ok(Self::new(&status, settings, count, notes))
    }

    /// `count` is the number of nodes with those that are gone, where that is known.
    pub(super) fn new(
        status: &ClusterStatus,
        settings: Settings,
        count: usize,
        notes: Vec<String>,
    ) -> Self {
        let numbers = status.nodes.iter().map(|node| node.number as usize + 1);
        let count = numbers.max().unwrap_or(0).max(count);
        let gone = Node {
            flags: NodeFlags::DELETED | NodeFlags::DISCONNECTED,
            running: false,
            known: Vec::new(),
        };
        let mut nodes = vec![gone; count];
        let mut silent = Vec::new();
        for node in &status.nodes {
            let number = node.number;
            let known = status.addresses.iter().filter_map(|address| {
                let configured = address.configured_on.contains(&number);
                configured.then(|| Known {
                    address: address.address,
                    // One that does not serve says nothing of its interfaces.
                    usable: !node.is_healthy() || address.available_on.contains(&number),
                    held: address.claimed_by.contains(&number),
                })
            });
            if node.run_state.is_none() {
                silent.push(number);
            }
            nodes[number as usize] = Node {
                flags: node.flags,
                running: node.run_state == Some(RunState::Running),
                known: known.collect(),
            };
        }
        let named = status.nodes.iter();
        let named = named.filter_map(|node| Some((node.number, node.name.clone()?)));
        let holders = status.addresses.iter();
        Self {
            nodes,
            settings,
            notes,
            names: named.collect(),
            private: status
                .nodes
                .iter()
                .map(|node| (node.number, node.address))
                .collect(),
            holders: holders.map(|one| (one.address, one.node)).collect(),
            silent,
        }
    }

    /// The nodes by their numbers, as [`predict`](crate::placement::predict) takes them. Those that were
    /// removed are among them.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The tunables of the leader.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The number of the node of that name.
    ///
    /// # Errors
    /// [`ForecastError::NoSuchName`] where there is none.
    pub fn number(&self, name: &NodeName) -> Result<u32, ForecastError> {
        let found = self.names.iter().find(|(_, known)| *known == name);
        let number = found.map(|(number, _)| *number);
        number.ok_or_else(|| ForecastError::NoSuchName { name: name.clone() })
    }

    /// What the node of that number is called.
    pub fn name(&self, number: u32) -> Option<&NodeName> {
        self.names.get(&number)
    }

    /// All addresses.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.holders.keys().copied()
    }

    /// The node that has `address`.
    pub fn holder(&self, address: IpAddr) -> Option<u32> {
        self.holders.get(&address).copied().flatten()
    }

    /// The node of that number, unless it was removed.
    ///
    /// # Errors
    /// [`ForecastError::NoSuchNode`] where there is none.
    pub fn node(&self, number: u32) -> Result<&Node, ForecastError> {
        let node = usize::try_from(number)
            .ok()
            .and_then(|at| self.nodes.get(at));
        node.filter(|node| !node.flags.any(NodeFlags::DELETED))
            .ok_or(ForecastError::NoSuchNode { number })
    }

    /// The address by which the node of that number talks to the others.
    pub(crate) fn private_address(&self, number: u32) -> Option<IpAddr> {
        self.private.get(&number).copied()
    }

    /// Its name where that is known, and else its number: for messages.
    pub(crate) fn title(&self, number: u32) -> String {
        match self.names.get(&number) {
            Some(name) => format!("{name} (node {number})"),
            None => format!("node {number}"),
        }
    }

    /// Why a node does not serve, in words.
    pub(crate) fn states(&self, number: u32) -> Vec<String> {
        let node = self.node(number).ok();
        let states = node.map_or_else(Vec::new, |node| NodeState::of(node.flags));
        if states.is_empty() {
            return vec!["starting".into()];
        }
        states.iter().map(ToString::to_string).collect()
    }

    pub(super) fn is_silent(&self, number: u32) -> bool {
        self.silent.contains(&number)
    }
}

/// What of the tunables of `node` matters for placing addresses.
fn settings(ctl: &Ctl<'_>, node: Option<u32>) -> Result<Settings, CtlError> {
    let all: BTreeMap<String, u32> = ctl.tunables(node)?.into_iter().collect();
    let value = |name: &str| all.get(name).copied();
    Ok(Settings {
        algorithm: value("IPAllocAlgorithm")
            .map_or_else(Algorithm::default, Algorithm::from_tunable),
        no_ip_failback: value("NoIPFailback").is_some_and(|value| value != 0),
        no_ip_takeover: value("NoIPTakeover").is_some_and(|value| value != 0),
        rebalance: Vec::new(),
    })
}
