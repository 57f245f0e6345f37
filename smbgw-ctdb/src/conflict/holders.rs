//! Which nodes have an address, and whether anybody else has.

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use smbgw_core::deadline::Deadline;
use smbgw_core::error::chain_text;

use super::{ConflictError, Mac, NodeInterface, Pace, Seen, Sign, Verdict, interfaces, probe_from};
use crate::address::{InterfaceName, VirtualAddress};
use crate::node::{Member, NodeName};
use crate::on_each::on_each;

/// Who has one address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Holding {
    /// The address.
    pub address: IpAddr,
    /// Everybody who has it, nodes first. One is as it should be.
    pub holders: Vec<Holder>,
    /// The nodes that could not be looked at, or not listen. More may have the address than are told.
    pub unseen: Vec<Unseen>,
}

/// Somebody who has an address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Holder {
    /// The network adapter, where it is known.
    pub mac: Option<Mac>,
    /// The node that has it, where it is one.
    pub node: Option<NodeName>,
    /// The interface of the node that the address is on, where the node was looked at.
    pub interface: Option<InterfaceName>,
    /// What was heard of it on the network, if anything.
    pub sign: Option<Sign>,
    /// The nodes that heard it.
    pub heard_by: Vec<NodeName>,
}

/// A node of which something is not known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Unseen {
    /// The node.
    pub node: NodeName,
    /// Why not.
    pub why: String,
}

/// Looks on the interfaces of all `members` for `addresses`, and has all of them ask who else has those.
///
/// A node that cannot be heard, for its cable is pulled, is still told to have what is on its interface. While
/// an address moves, both nodes may have it for a moment: what is seen once is worth a second look.
pub fn holders(
    members: &[Member<'_>],
    addresses: &[VirtualAddress],
    pace: Pace,
    deadline: Deadline,
) -> Vec<Holding> {
    let seen = probe_from(members, addresses, pace, deadline);
    // Last, as it is the surer one of the two.
    let adapters = Adapters::of(members, deadline);
    let of =
        |(at, address): (usize, &VirtualAddress)| adapters.holding(address.address(), at, &seen);
    addresses.iter().enumerate().map(of).collect()
}

impl Holding {
    /// What is wrong, if anything: that two have it, or one that is no node of the cluster.
    pub fn problem(&self) -> Option<ConflictError> {
        let address = self.address;
        let by = self.holders.clone();
        if by.iter().any(|holder| holder.node.is_none()) {
            return Some(ConflictError::Held { address, by });
        }
        (by.len() > 1).then_some(ConflictError::SplitBrain { address, by })
    }
}

/// The interfaces of the nodes, by which adapters are told from each other.
pub(super) struct Adapters {
    nodes: Vec<(NodeName, Result<Vec<NodeInterface>, String>)>,
}

impl Adapters {
    pub(super) fn of(members: &[Member<'_>], deadline: Deadline) -> Self {
        let nodes = on_each(members, |_, member| {
            let read = interfaces(member.host, deadline);
            let name = member.spec.name.clone();
            (name, read.map_err(|error| chain_text(&error)))
        });
        Self { nodes }
    }

    /// The node that has the adapter.
    fn node_of(&self, mac: Mac) -> Option<&NodeName> {
        let has = |interfaces: &[NodeInterface]| interfaces.iter().any(|one| one.mac == Some(mac));
        let found = self
            .nodes
            .iter()
            .find(|(_, read)| read.as_deref().is_ok_and(has));
        found.map(|(name, _)| name)
    }

    /// Who has `address`, which is the one at the place `at` in what was `seen`.
    pub(super) fn holding(&self, address: IpAddr, at: usize, seen: &[Seen]) -> Holding {
        let mut holding = Holding {
            address,
            holders: Vec::new(),
            unseen: Vec::new(),
        };
        for (node, read) in &self.nodes {
            match read {
                Ok(interfaces) => holding.look(node, interfaces),
                Err(why) => holding.miss(node, why),
            }
        }
        for one in seen {
            match &one.probed[at].verdict {
                Verdict::Free => {}
                Verdict::Unknown { why } => holding.miss(&one.node, why),
                Verdict::Held { by } => {
                    for sighting in by {
                        let node = self.node_of(sighting.mac);
                        // A node that asks is one that looks, as this one does.
                        if node.is_some() && sighting.sign == Sign::Asks {
                            continue;
                        }
                        holding.hear(sighting.mac, sighting.sign, node, &one.node);
                    }
                }
            }
        }
        holding
    }
}

impl Holding {
    fn look(&mut self, node: &NodeName, interfaces: &[NodeInterface]) {
        let has = |one: &&NodeInterface| one.addresses.iter().any(|(own, _)| *own == self.address);
        if let Some(interface) = interfaces.iter().find(has) {
            self.holders.push(Holder {
                mac: interface.mac,
                node: Some(node.clone()),
                interface: Some(interface.name.clone()),
                sign: None,
                heard_by: Vec::new(),
            });
        }
    }

    fn miss(&mut self, node: &NodeName, why: &str) {
        self.unseen.push(Unseen {
            node: node.clone(),
            why: why.to_owned(),
        });
    }

    /// A node is one holder, with however many adapters it answers.
    fn hear(&mut self, mac: Mac, sign: Sign, node: Option<&NodeName>, by: &NodeName) {
        let is_it = |holder: &&mut Holder| match (node, &holder.node) {
            (Some(node), Some(known)) => node == known,
            (None, None) => holder.mac == Some(mac),
            _ => false,
        };
        let found = match self.holders.iter_mut().find(is_it) {
            Some(found) => found,
            None => {
                self.holders.push(Holder {
                    mac: Some(mac),
                    node: node.cloned(),
                    interface: None,
                    sign: None,
                    heard_by: Vec::new(),
                });
                let Some(last) = self.holders.last_mut() else {
                    return;
                };
                last
            }
        };
        found.sign = found.sign.max(Some(sign));
        if !found.heard_by.contains(by) {
            found.heard_by.push(by.clone());
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.node, self.mac) {
            (Some(node), Some(mac)) => write!(f, "{node} ({mac})"),
            (Some(node), None) => write!(f, "{node}"),
            (None, Some(mac)) => write!(f, "{mac}"),
            (None, None) => f.write_str("somebody"),
        }?;
        match self.sign {
            Some(Sign::Asks) => f.write_str(", about to take it"),
            Some(Sign::Speaks) | None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use smbgw_core::error::Coded;

    use super::super::{Probed, Sighting};
    use super::*;

    fn name(text: &str) -> NodeName {
        text.parse().unwrap()
    }

    fn mac(last: u8) -> Mac {
        Mac([2, 0, 0, 0, 0, last])
    }

    const ADDRESS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 100));

    /// Two nodes with two adapters each, of which those in `on` have the address.
    fn adapters(on: &[u8]) -> Adapters {
        let interface = |index: u8| NodeInterface {
            name: format!("eth{}", index % 2).parse().unwrap(),
            mac: Some(mac(index)),
            has_link: true,
            addresses: on
                .iter()
                .filter(|has| **has == index)
                .map(|_| (ADDRESS, "10.0.0.0/24".parse().unwrap()))
                .collect(),
        };
        Adapters {
            nodes: vec![
                (name("n0"), Ok(vec![interface(0), interface(1)])),
                (name("n1"), Ok(vec![interface(2), interface(3)])),
            ],
        }
    }

    fn seen(node: &str, verdict: Verdict) -> Seen {
        let probed = vec![Probed {
            address: ADDRESS,
            interface: None,
            here: false,
            verdict,
        }];
        let node = name(node);
        Seen { node, probed }
    }

    fn heard(node: &str, macs: &[u8]) -> Seen {
        let sign = Sign::Speaks;
        let by = macs.iter().map(|last| Sighting {
            mac: mac(*last),
            sign,
        });
        seen(node, Verdict::Held { by: by.collect() })
    }

    #[test]
    fn one_node_is_one_holder_with_all_its_adapters() {
        let all = [seen("n0", Verdict::Free), heard("n1", &[0, 1])];
        let holding = adapters(&[0]).holding(ADDRESS, 0, &all);
        assert_eq!(holding.problem().map(|problem| problem.to_string()), None);
        let [holder] = &holding.holders[..] else {
            panic!("{holding:?}");
        };
        assert_eq!(
            (holder.node.as_ref(), holder.mac),
            (Some(&name("n0")), Some(mac(0)))
        );
        assert_eq!(holder.heard_by, [name("n1")]);
    }

    #[test]
    fn two_nodes_are_a_split_brain() {
        for all in [
            [heard("n0", &[2]), heard("n1", &[0])],
            // Neither hears the other one.
            [seen("n0", Verdict::Free), seen("n1", Verdict::Free)],
        ] {
            let problem = adapters(&[0, 2])
                .holding(ADDRESS, 0, &all)
                .problem()
                .unwrap();
            assert_eq!(problem.code(), "ha.address-on-two-nodes");
            let text = problem.to_string();
            assert!(text.contains("n0 (02:00:00:00:00:00)"), "{text}");
            assert!(text.contains("n1 (02:00:00:00:00:02)"), "{text}");
        }
    }

    #[test]
    fn a_stranger_is_told_from_a_node() {
        let all = [heard("n0", &[9]), heard("n1", &[0, 9])];
        let holding = adapters(&[0]).holding(ADDRESS, 0, &all);
        let problem = holding.problem().unwrap();
        assert_eq!(problem.code(), "ha.address-held");
        assert!(
            problem.to_string().contains("02:00:00:00:00:09"),
            "{problem}"
        );
        assert_eq!(holding.holders[1].heard_by, [name("n0"), name("n1")]);
    }

    #[test]
    fn nodes_that_look_have_nothing() {
        let sign = Sign::Asks;
        let by = [1, 9].map(|last| Sighting {
            mac: mac(last),
            sign,
        });
        let all = [seen("n1", Verdict::Held { by: by.into() })];
        let holding = adapters(&[]).holding(ADDRESS, 0, &all);
        let macs: Vec<_> = holding.holders.iter().map(|holder| holder.mac).collect();
        assert_eq!(macs, [Some(mac(9))]);
        assert!(
            holding
                .problem()
                .unwrap()
                .to_string()
                .ends_with("about to take it")
        );
    }

    #[test]
    fn who_could_not_be_looked_at_is_told() {
        let mut adapters = adapters(&[]);
        adapters.nodes[1].1 = Err("it is away".into());
        let all = [
            seen("n0", Verdict::unknown("eth0 has no link")),
            seen("n1", Verdict::unknown("it is away")),
        ];
        let holding = adapters.holding(ADDRESS, 0, &all);
        let unseen: Vec<_> = holding.unseen.iter().map(|one| one.node.as_str()).collect();
        assert_eq!(unseen, ["n1", "n0", "n1"]);
        assert!(holding.problem().is_none() && holding.holders.is_empty());
    }
}
