//! Waiting until a cluster is whole.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use smbgw_core::change::Change;
use smbgw_core::step::{Action, LeftBehind};
use smbgw_core::step_error::StepError;

use crate::cluster_error::{ClusterError, step};
use crate::ctl::{Ctl, CtlError};
use crate::node::{NodeName, NodeSpec};
use crate::placement::NodeFlags;
use crate::world::Cluster;

/// Waits until every one of these nodes sees all of them healthy, and every address on a node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AwaitHealthy {
    /// The nodes, with their private addresses.
    pub nodes: Vec<(NodeName, IpAddr)>,
}

impl Action<Cluster<'_>> for AwaitHealthy {
    type Undo = ();

    fn title(&self) -> String {
        "wait until all nodes are healthy".into()
    }

    fn check(&self, _: &Cluster<'_>) -> Result<Option<()>, StepError> {
        Ok(Some(()))
    }

    fn apply(&self, cluster: &Cluster<'_>, (): &()) -> Result<Change, StepError> {
        let begun = Instant::now();
        let limit = cluster.deadline.at_most(LONGEST);
        let mut gone_since: BTreeMap<&NodeName, Instant> = BTreeMap::new();
        loop {
            let mut each = Vec::new();
            let mut is_hopeless = false;
            for (node, _) in &self.nodes {
                let ctl = cluster.ctl(node).map_err(step)?;
                match self.seen_by(&ctl) {
                    Ok(None) => {
                        gone_since.remove(node);
                    }
                    Ok(Some(reason)) => {
                        gone_since.remove(node);
                        each.push(format!("{node}: {reason}"));
                    }
                    Err(error) => {
                        let since = gone_since.entry(node).or_insert_with(Instant::now);
                        is_hopeless |= since.elapsed() > LONGEST_GONE;
                        each.push(format!("{node}: {}", smbgw_core::error::chain_text(&error)));
                    }
                }
            }
            if each.is_empty() {
                return Ok(Change::Unchanged);
            }
            if is_hopeless || limit.has_passed() {
                let seconds = begun.elapsed().as_secs();
                return Err(step(ClusterError::NotHealthy { seconds, each }));
            }
            std::thread::sleep(PAUSE.min(limit.remaining()));
        }
    }

    fn undo(&self, _: &Cluster<'_>, (): &()) -> Result<(), StepError> {
        Ok(())
    }

    fn left_behind(&self, (): &()) -> Vec<LeftBehind> {
        Vec::new()
    }
}

impl AwaitHealthy {
    /// The step for these nodes.
    pub(crate) fn of<'n>(nodes: impl IntoIterator<Item = &'n NodeSpec>) -> Self {
        let named = |spec: &NodeSpec| (spec.name.clone(), spec.address);
        Self {
            nodes: nodes.into_iter().map(named).collect(),
        }
    }

    /// What a node sees that is not as it should be.
    fn seen_by(&self, ctl: &Ctl<'_>) -> Result<Option<String>, CtlError> {
        let known = ctl.nodes()?;
        let own = ctl.pnn()?;
        for (node, address) in &self.nodes {
            let Some(state) = known.iter().find(|state| state.address == *address) else {
                return Ok(Some(format!("does not know {node}")));
            };
            if state.flags.is_healthy() {
                continue;
            }
            if state.pnn == own {
                return Ok(Some(why_unhealthy(ctl, state.flags)));
            }
            return Ok(Some(format!("sees {node} {}", words(state.flags))));
        }
        let homeless = ctl
            .addresses()?
            .into_iter()
            .find(|(_, node)| node.is_none());
        Ok(homeless.map(|(address, _)| format!("{address} is on no node")))
    }
}

/// What keeps a node from being healthy, in its own words.
fn why_unhealthy(ctl: &Ctl<'_>, flags: NodeFlags) -> String {
    let words = words(flags);
    let said = match ctl.run(["event", "status", "legacy", "monitor"]) {
        Ok(said) => said,
        // Its status is that of the script that failed.
        Err(CtlError::Command(error)) => error.stderr().to_owned(),
        Err(_) => String::new(),
    };
    let is_telling = |line: &&str| {
        let line = line.to_ascii_uppercase();
        ["ERROR", "TIMEDOUT", "OUTPUT:"]
            .iter()
            .any(|word| line.contains(word))
    };
    let lines: Vec<&str> = said.lines().filter(is_telling).map(str::trim).collect();
    match lines.is_empty() {
        false => format!("{words} ({})", lines.join("; ")),
        true => {
            let state = ctl.run_state(None).map(|state| state.to_string());
            format!("{words}, {}", state.unwrap_or_default())
        }
    }
}

fn words(flags: NodeFlags) -> String {
    let all = [
        (NodeFlags::DISCONNECTED, "disconnected"),
        (NodeFlags::BANNED, "banned"),
        (NodeFlags::STOPPED, "stopped"),
        (NodeFlags::DISABLED, "disabled"),
        (NodeFlags::UNHEALTHY, "unhealthy"),
    ];
    let words: Vec<&str> = all
        .into_iter()
        .filter_map(|(flag, word)| flags.any(flag).then_some(word))
        .collect();
    words.join(" and ")
}

/// The longest that nodes are waited for, if the deadline is not nearer: a cluster needs half a minute with
/// ctdb's own settings.
const LONGEST: Duration = Duration::from_secs(240);

/// ctdbd opens its socket at once; where nothing answers for so long, it has ended, or its node is gone.
const LONGEST_GONE: Duration = Duration::from_secs(20);

const PAUSE: Duration = Duration::from_millis(250);
