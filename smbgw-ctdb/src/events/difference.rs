//! What happened between two looks at a cluster.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::event::{ClusterEvent, Source, What};
use crate::node::NodeName;
use crate::status::{ClusterStatus, NodeStatus, ScriptResult};

/// What is remembered of a look at a cluster, to tell what is different at the next one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// When it was, in milliseconds since 1970-01-01 00:00 UTC by the clock of the node that looked.
    pub at_milliseconds: i64,
    /// The number of the leader, where there was one.
    pub leader: Option<u32>,
    /// The nodes by their numbers.
    pub nodes: BTreeMap<u32, NodeView>,
    /// The public addresses, each with the number of the node it was on, if it was on one.
    pub addresses: BTreeMap<IpAddr, Option<u32>>,
}

/// What is remembered of one node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeView {
    /// What it is called.
    pub name: NodeName,
    /// Its states in words: `healthy`, or such as `disabled, unhealthy`.
    pub state: String,
    /// When its last recovery was over, and how long that took in milliseconds, where that is known.
    pub recovery: Option<(i64, Option<u64>)>,
    /// The event scripts that failed, and what is said of them.
    pub failed_scripts: BTreeMap<String, String>,
}

impl View {
    /// What is remembered of `status`, which was read at `at_milliseconds`.
    pub fn of(status: &ClusterStatus, at_milliseconds: i64) -> Self {
        Self {
            at_milliseconds,
            leader: status.leader,
            nodes: status
                .nodes
                .iter()
                .filter_map(|node| Some((node.number, NodeView::of(node)?)))
                .collect(),
            addresses: status
                .addresses
                .iter()
                .map(|found| (found.address, found.node))
                .collect(),
        }
    }

    /// What happened since `before`, as the node `seen_by` noticed.
    ///
    /// What came and went in between is not seen, and of several recoveries the last one is.
    pub fn since(&self, before: &Self, seen_by: &NodeName) -> Vec<ClusterEvent> {
        let event = |what| {
            let mut event = ClusterEvent::new(what, Source::Look, seen_by.clone());
            event.at_milliseconds = self.at_milliseconds;
            event.after_milliseconds = Some(before.at_milliseconds.min(self.at_milliseconds));
            event
        };
        let mut events = Vec::new();
        if before.leader != self.leader {
            let name = |view: &Self, number: Option<u32>| number.map(|number| view.title(number));
            let (from, to) = (name(before, before.leader), name(self, self.leader));
            events.push(event(What::Leader).from_to(from, to));
        }
        for (number, now) in &self.nodes {
            let then = before.nodes.get(number);
            if then.is_none_or(|then| then.state != now.state) {
                let from = then.map(|then| then.state.clone());
                let change = event(What::NodeState).of_node(now.name.clone());
                events.push(change.from_to(from, Some(now.state.clone())));
            }
            for (script, said) in &now.failed_scripts {
                if then.is_some_and(|then| then.failed_scripts.contains_key(script)) {
                    continue;
                }
                let failed = event(What::ScriptFailed).of_node(now.name.clone());
                let failed = failed.from_to(None, Some(script.clone()));
                events.push(failed.with_detail(said.clone()));
            }
        }
        for (number, then) in &before.nodes {
            if !self.nodes.contains_key(number) {
                let gone = event(What::NodeState).of_node(then.name.clone());
                events.push(gone.from_to(Some(then.state.clone()), Some("removed".into())));
            }
        }
        for (address, holder) in &self.addresses {
            let then = before.addresses.get(address).copied().flatten();
            if then != *holder {
                let from = then.map(|number| before.title(number));
                let to = holder.map(|number| self.title(number));
                events.push(
                    event(What::AddressMoved)
                        .of_address(*address)
                        .from_to(from, to),
                );
            }
        }
        for (address, then) in &before.addresses {
            if let (Some(number), false) = (then, self.addresses.contains_key(address)) {
                let gone = event(What::AddressMoved).of_address(*address);
                events.push(gone.from_to(Some(before.title(*number)), None));
            }
        }
        events.extend(self.recovery_since(before, event(What::Recovery)));
        events
    }

    /// The last recovery, where it is not the one that was the last before.
    fn recovery_since(&self, before: &Self, mut event: ClusterEvent) -> Option<ClusterEvent> {
        let last = |view: &Self| {
            let known = view.nodes.values().filter_map(|node| node.recovery);
            known.max_by_key(|(finished, _)| *finished)
        };
        let (finished, duration) = last(self)?;
        // Nodes note the end of one recovery each by its own clock, in whole seconds.
        if last(before).is_some_and(|(then, _)| finished <= then + 1) {
            return None;
        }
        event.at_milliseconds = finished.saturating_mul(1000);
        event.after_milliseconds = None;
        event.duration_milliseconds = duration;
        Some(event)
    }

    /// What the node with this number is called.
    fn title(&self, number: u32) -> String {
        match self.nodes.get(&number) {
            Some(node) => node.name.to_string(),
            None => format!("node-{number}"),
        }
    }
}

impl NodeView {
    fn of(node: &NodeStatus) -> Option<Self> {
        let states: Vec<String> = node.states.iter().map(ToString::to_string).collect();
        let failed = |script: &ScriptResult| {
            let first = script.output.lines().next().unwrap_or_default();
            let said = match first {
                "" => script.outcome.to_string(),
                first => format!("{}: {first}", script.outcome),
            };
            (script.name.clone(), said)
        };
        Some(Self {
            name: match &node.name {
                Some(name) => name.clone(),
                None => format!("node-{}", node.number).parse().ok()?,
            },
            state: match states.is_empty() {
                true => "healthy".into(),
                false => states.join(", "),
            },
            recovery: node.last_recovery.map(|recovery| {
                let milliseconds = recovery.duration_microseconds.map(|micro| micro / 1000);
                (recovery.finished_at_seconds, milliseconds)
            }),
            failed_scripts: node.failed_scripts().map(failed).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &str, state: &str) -> NodeView {
        NodeView {
            name: name.parse().unwrap(),
            state: state.into(),
            recovery: Some((100, Some(1_500))),
            failed_scripts: BTreeMap::new(),
        }
    }

    /// Two nodes with an address each, a minute before `at`.
    fn before() -> View {
        View {
            at_milliseconds: 1_000_000,
            leader: Some(0),
            nodes: BTreeMap::from([(0, node("n1", "healthy")), (1, node("n2", "healthy"))]),
            addresses: (0..2)
                .map(|number| ([10, 0, 0, 100 + number].into(), Some(u32::from(number))))
                .collect(),
        }
    }

    fn shown(before: &View, after: &View) -> Vec<String> {
        let events = after.since(before, &"n1".parse().unwrap());
        events.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn nothing_happens_between_two_looks_that_are_alike() {
        let mut after = before();
        after.at_milliseconds += 60_000;
        // Another node's clock notes the same recovery a moment later.
        after.nodes.get_mut(&1).unwrap().recovery = Some((101, None));
        assert_eq!(shown(&before(), &after), [] as [&str; 0]);
    }

    #[test]
    fn a_lost_leader_is_all_that_changes_with_it() {
        let mut after = before();
        after.at_milliseconds += 60_000;
        after.leader = Some(1);
        after.nodes.get_mut(&0).unwrap().state = "disconnected".into();
        after.nodes.get_mut(&1).unwrap().recovery = Some((1_030, Some(700)));
        after.addresses.insert([10, 0, 0, 100].into(), Some(1));
        let events = after.since(&before(), &"n2".parse().unwrap());
        let shown: Vec<_> = events.iter().map(ToString::to_string).collect();
        assert_eq!(
            shown,
            [
                "leader: n1 → n2",
                "node-state n1: healthy → disconnected",
                "address-moved 10.0.0.100: n1 → n2",
                "recovery",
            ]
        );
        assert_eq!(events[0].window(), (1_000_000, 1_060_000));
        assert_eq!(events[3].window(), (1_030_000, 1_030_000));
        assert_eq!(events[3].duration_milliseconds, Some(700));
    }

    #[test]
    fn a_script_is_told_of_when_it_begins_to_fail() {
        let failing = |view: &mut View| {
            let node = view.nodes.get_mut(&1).unwrap();
            let said = "error: no smbd".to_owned();
            node.failed_scripts.insert("50.samba".into(), said);
        };
        let mut after = before();
        failing(&mut after);
        let told = ["script-failed n2: → 50.samba (error: no smbd)"];
        assert_eq!(shown(&before(), &after), told);
        assert_eq!(shown(&after, &after), [] as [&str; 0]);
    }

    #[test]
    fn what_comes_and_goes_is_told() {
        let mut after = before();
        after.nodes.remove(&1);
        after.nodes.insert(2, node("n3", "disabled"));
        after.addresses.remove(&IpAddr::from([10, 0, 0, 101]));
        after.addresses.insert([10, 0, 0, 102].into(), None);
        assert_eq!(
            shown(&before(), &after),
            [
                "node-state n3: → disabled",
                "node-state n2: healthy → removed",
                "address-moved 10.0.0.101: n2 →",
            ]
        );
    }
}
