//! Telling a running cluster which public addresses its nodes may have.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use smbgw_core::change::Change;
use smbgw_core::deadline::Deadline;
use smbgw_core::error::chain_text;
use smbgw_core::step::{Action, LeftBehind};
use smbgw_core::step_error::StepError;

use super::left_on;
use crate::cluster_error::{ClusterError, step};
use crate::conflict::interfaces;
use crate::ctl::{Ctl, CtlError};
use crate::node::NodeName;
use crate::placement::NodeFlags;
use crate::world::Cluster;

/// Has all nodes read their `public_addresses` again when what comes after this is taken back, as the files are as
/// before by then, and waits until the address is where it was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReloadAddressesAfterUndo(pub AddressOf);

/// Has all nodes read their `public_addresses` again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReloadAddresses {
    /// The nodes whose ctdbd runs, one of which is told.
    pub on: Vec<NodeName>,
}

/// Waits until the cluster serves under an address, or until no node has it any more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AwaitAddress(pub AddressOf);

/// How an address of a cluster is to be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AddressOf {
    /// The address.
    pub address: IpAddr,
    /// The nodes whose ctdbd runs, one of which is asked.
    pub on: Vec<NodeName>,
    /// Those of them that may have it.
    pub allowed: Vec<NodeName>,
    /// Whether one of them has it.
    pub placed: bool,
}

impl Action<Cluster<'_>> for ReloadAddressesAfterUndo {
    type Undo = ();

    fn title(&self) -> String {
        "have all nodes know their addresses as they are now".into()
    }

    fn check(&self, _: &Cluster<'_>) -> Result<Option<()>, StepError> {
        Ok(Some(()))
    }

    fn apply(&self, _: &Cluster<'_>, (): &()) -> Result<Change, StepError> {
        Ok(Change::Unchanged)
    }

    fn undo(&self, cluster: &Cluster<'_>, (): &()) -> Result<(), StepError> {
        let Some((_, ctl)) = asked(cluster, &self.0.on).map_err(step)? else {
            return Ok(());
        };
        reload(&ctl).map_err(step)?;
        self.0.wait(cluster).map_err(step)
    }

    fn left_behind(&self, (): &()) -> Vec<LeftBehind> {
        left_behind(&self.0.on)
    }
}

impl Action<Cluster<'_>> for ReloadAddresses {
    type Undo = ();

    fn title(&self) -> String {
        "have the nodes read their lists of addresses".into()
    }

    fn check(&self, _: &Cluster<'_>) -> Result<Option<()>, StepError> {
        Ok(Some(()))
    }

    fn apply(&self, cluster: &Cluster<'_>, (): &()) -> Result<Change, StepError> {
        let Some((_, ctl)) = asked(cluster, &self.on).map_err(step)? else {
            return Ok(Change::Unchanged);
        };
        reload(&ctl).map_err(step)?;
        Ok(Change::Updated)
    }

    /// [`ReloadAddressesAfterUndo`], which came before, does it when the files are as before.
    fn undo(&self, _: &Cluster<'_>, (): &()) -> Result<(), StepError> {
        Ok(())
    }

    fn left_behind(&self, (): &()) -> Vec<LeftBehind> {
        left_behind(&self.on)
    }
}

impl Action<Cluster<'_>> for AwaitAddress {
    type Undo = ();

    fn title(&self) -> String {
        let address = self.0.address;
        match self.0.placed {
            true => format!("wait until a node has {address}"),
            false => format!("wait until no node has {address}"),
        }
    }

    fn check(&self, _: &Cluster<'_>) -> Result<Option<()>, StepError> {
        Ok(Some(()))
    }

    fn apply(&self, cluster: &Cluster<'_>, (): &()) -> Result<Change, StepError> {
        self.0.wait(cluster).map_err(step)?;
        Ok(Change::Unchanged)
    }

    fn undo(&self, _: &Cluster<'_>, (): &()) -> Result<(), StepError> {
        Ok(())
    }

    fn left_behind(&self, (): &()) -> Vec<LeftBehind> {
        Vec::new()
    }
}

impl AddressOf {
    /// Waits until it is so.
    fn wait(&self, cluster: &Cluster<'_>) -> Result<(), ClusterError> {
        let begun = Instant::now();
        let limit = cluster.deadline.at_most(LONGEST);
        loop {
            let Some(why) = self.what_is_missing(cluster, limit)? else {
                return Ok(());
            };
            if limit.has_passed() {
                let seconds = begun.elapsed().as_secs();
                let address = self.address;
                return Err(match self.placed {
                    true => ClusterError::NotServed {
                        address,
                        seconds,
                        why,
                    },
                    false => ClusterError::AddressStays {
                        address,
                        seconds,
                        why,
                    },
                });
            }
            std::thread::sleep(PAUSE.min(limit.remaining()));
        }
    }

    /// What is not as it is to be.
    fn what_is_missing(
        &self,
        cluster: &Cluster<'_>,
        limit: Deadline,
    ) -> Result<Option<String>, ClusterError> {
        for node in self.on.iter().filter(|node| !cluster.is_given_up(node)) {
            let host = cluster.member(node)?.host;
            let known = match Ctl::new(host, limit).known_addresses(None) {
                Ok(known) => known.contains(&self.address),
                // It reads its file when it starts.
                Err(CtlError::NotRunning { .. }) => continue,
                Err(error) => return Ok(Some(format!("{node}: {}", chain_text(&error)))),
            };
            match (known, self.allowed.contains(node)) {
                (true, false) => return Ok(Some(format!("ctdbd on {node} has it still"))),
                (false, true) => return Ok(Some(format!("ctdbd on {node} does not know it"))),
                _ => {}
            }
            // ctdb takes it off the interface after it has forgotten it.
            let mut there = interfaces(host, limit)?.into_iter();
            let has_it = there.any(|one| one.addresses.iter().any(|(it, _)| *it == self.address));
            if has_it && !self.allowed.contains(node) {
                return Ok(Some(format!("it is on an interface of {node}")));
            }
        }
        if !self.placed {
            return Ok(None);
        }
        let Some((node, ctl)) = asked(cluster, &self.on)? else {
            return Ok(Some("no node answers".into()));
        };
        let is_served =
            |(address, on): &(IpAddr, Option<u32>)| *address == self.address && on.is_some();
        Ok(match ctl.addresses() {
            Ok(all) if all.iter().any(is_served) => None,
            Ok(_) => Some("it is on no node".into()),
            Err(error) => Some(format!("{node}: {}", chain_text(&error))),
        })
    }
}

/// The first of the nodes that is not lost and whose ctdbd runs.
fn asked<'a, 'n>(
    cluster: &Cluster<'a>,
    nodes: &'n [NodeName],
) -> Result<Option<(&'n NodeName, Ctl<'a>)>, ClusterError> {
    let mut last = None;
    for node in nodes.iter().filter(|node| !cluster.is_given_up(node)) {
        let ctl = match cluster.ctl(node) {
            Ok(ctl) => ctl,
            Err(error) => {
                last = Some(error);
                continue;
            }
        };
        match ctl.run_state(None) {
            Ok(_) => return Ok(Some((node, ctl))),
            Err(CtlError::NotRunning { .. }) => {}
            Err(error) => last = Some(error.into()),
        }
    }
    // Where none runs, each reads its file when it starts.
    last.map_or(Ok(None), Err)
}

/// Has all nodes that are connected read their files.
fn reload(ctl: &Ctl<'_>) -> Result<(), CtlError> {
    let is_there = |flags: NodeFlags| !flags.any(NodeFlags::DISCONNECTED);
    let nodes = ctl.nodes()?;
    let there = nodes.iter().filter(|node| is_there(node.flags));
    let numbers: Vec<u32> = there.map(|node| node.pnn).collect();
    ctl.reload_addresses(Some(&numbers))
}

fn left_behind(nodes: &[NodeName]) -> Vec<LeftBehind> {
    let what = "the lists of addresses, which ctdb may not have read";
    let node = nodes.first();
    node.map(|node| left_on(node, what, vec!["ctdb reloadips all".into()]))
        .into_iter()
        .collect()
}

/// The longest that an address is waited for, if the deadline is not nearer: ctdb places addresses at once, unless it is
/// busy with a recovery.
const LONGEST: Duration = Duration::from_secs(60);

const PAUSE: Duration = Duration::from_millis(250);
