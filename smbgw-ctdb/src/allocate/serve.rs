//! Addresses that are kept and served under: brought to the nodes of a running cluster, and taken away again.

use std::path::Path;
use std::time::Duration;

use smbgw_core::change::Change;
use smbgw_core::deadline::Deadline;
use smbgw_core::error::{ErrorKind, Problem};
use smbgw_core::lifecycle::Outcome;

use super::kept::Kept;
use super::{AllocateError, Allocated, Released, Wanted, choose, give_back, keep};
use crate::address::VirtualAddress;
use crate::cluster_error::ClusterError;
use crate::code::Code;
use crate::conflict::interfaces;
use crate::ctl::{Ctl, CtlError, NodeState};
use crate::files::{PublicAddress, PublicAddresses};
use crate::membership::members_of;
use crate::node::{Member, NodeName};
use crate::on_each::on_each;
use crate::placement::NodeFlags;
use crate::plan::{Operation, Plan, Step};
use crate::record::{ClusterRecord, Reservation};
use crate::recover::{begin, settle_earlier};
use crate::setup::PUBLIC_ADDRESSES;
use crate::setup::plan::{put, remember};
use crate::steps::addresses::{AddressOf, AwaitAddress, ReloadAddresses, ReloadAddressesAfterUndo};
use crate::world::Cluster;

/// Keeps an address for `holder`, as [`allocate`](super::allocate) does, and has the running cluster serve under it: on
/// the nodes `on`, or on all where none is named. An address that the cluster serves under already stays as it is,
/// but for nodes that are named and do not have it.
///
/// All nodes are changed, or none; a node whose ctdbd does not run may have the address when it does.
///
/// # Errors
/// As for [`allocate`](super::allocate), and where a node is not reached, is cut off from the others, or where none
/// could serve under the address. Nothing was touched then.
pub fn reserve(
    cluster: &Cluster<'_>,
    holder: &str,
    wanted: &Wanted,
    on: &[NodeName],
) -> Result<Outcome<Allocated>, AllocateError> {
    let _locks = cluster.lock("keeping an address")?;
    let mut notes = settle_earlier(cluster)?;
    let kept = Kept::load(cluster)?;
    let record = kept.record().clone();
    let named = named(cluster, &record, on)?;
    let mut chosen = choose(cluster, &kept, holder, wanted, &named)?;
    let address = chosen.address.clone();
    let is_served = record.serving(address.address()).is_some();
    let mut files = Vec::new();
    if !is_served || !on.is_empty() {
        for member in &named {
            let line = line_on(member, &address, cluster.deadline)?;
            files.extend(changed(member, |text| PublicAddresses::with(text, &line))?);
        }
    }
    if is_served && files.is_empty() {
        chosen.notes.splice(..0, notes);
        return keep(cluster, kept, holder, chosen).map(Outcome::Done);
    }
    let members = members_of(cluster, &record)?;
    let running = Running::look(&members, cluster.deadline)?;
    let had = having(&members, &address)?;
    let mut allowed: Vec<NodeName> = named.iter().map(|one| one.spec.name.clone()).collect();
    allowed.extend(had.iter().cloned());
    running.can_serve(&address, &allowed)?;
    notes.extend(running.to_come(&members, &allowed));
    notes.append(&mut chosen.notes);
    let is_placed = running.has_placed(&address, cluster)?;
    let before = running.address(&address, had, is_placed);
    let after = running.address(&address, allowed, true);
    let mut new = record.clone();
    if !is_served {
        new.addresses.push(address.clone());
    }
    match new.reservations.iter_mut().find(|one| one.holder == holder) {
        Some(known) => known.served |= !is_served,
        None => new.reservations.push(Reservation {
            address: address.address(),
            holder: holder.to_owned(),
            since: cluster.coordinator.now(),
            served: !is_served,
        }),
    }
    new.reservations_revision += 1;
    let plan = plan(Operation::Reserve, &new, files, before, after)?;
    let allocated = |notes| Allocated {
        holder: holder.to_owned(),
        address,
        change: match chosen.is_kept {
            true => Change::Updated,
            false => Change::Created,
        },
        is_served: true,
        notes,
    };
    let outcome = begin(cluster, &plan, notes)?;
    Ok(outcome.map(|report| allocated(report.notes)))
}

/// Keeps nothing for `holder` any more. Where [`reserve`] has brought the address to the cluster, it is taken away from
/// all nodes: clients that use it lose their connections. An address that was there before stays.
///
/// # Errors
/// Where too few nodes are reached, or, for an address that is taken away, where one is missing or cut off. Nothing
/// was touched then.
pub fn withdraw(cluster: &Cluster<'_>, holder: &str) -> Result<Outcome<Released>, AllocateError> {
    let _locks = cluster.lock("giving an address back")?;
    let notes = settle_earlier(cluster)?;
    let kept = Kept::load(cluster)?;
    let record = kept.record().clone();
    let mut reservations = record.reservations.iter();
    let mine = reservations.find(|one| one.holder == holder && one.served);
    let Some(address) = mine.and_then(|one| record.serving(one.address)).cloned() else {
        return give_back(kept, holder).map(Outcome::Done);
    };
    let of = address.address();
    let members = members_of(cluster, &record)?;
    let running = Running::look(&members, cluster.deadline)?;
    let mut files = Vec::new();
    for member in &members {
        files.extend(changed(member, |text| PublicAddresses::without(text, of))?);
    }
    let had = having(&members, &address)?;
    let is_placed = running.has_placed(&address, cluster)?;
    let before = running.address(&address, had, is_placed);
    let after = running.address(&address, Vec::new(), false);
    let mut new = record.clone();
    new.reservations.retain(|one| one.holder != holder);
    new.addresses.retain(|one| one.address() != of);
    new.reservations_revision += 1;
    let plan = plan(Operation::Release, &new, files, before, after)?;
    let outcome = begin(cluster, &plan, notes)?;
    Ok(outcome.map(|_| Released {
        holder: holder.to_owned(),
        address: Some(of),
        change: Change::Updated,
        is_served: false,
    }))
}

/// New texts of `public_addresses`, each with its node.
type Files = Vec<(NodeName, Vec<u8>)>;

/// What is done: the files, that ctdb reads them, and last the record.
fn plan(
    operation: Operation,
    record: &ClusterRecord,
    files: Files,
    before: AddressOf,
    after: AddressOf,
) -> Result<Plan, AllocateError> {
    let on = after.on.clone();
    let mut steps: Vec<Step> = vec![ReloadAddressesAfterUndo(before).into()];
    for (node, text) in files {
        steps.push(put(&node, PUBLIC_ADDRESSES, text, 0o644));
    }
    steps.push(ReloadAddresses { on }.into());
    steps.push(AwaitAddress(after).into());
    let names = record.present().map(|(_, spec)| spec.name.clone());
    steps.extend(remember(record, names)?);
    Ok(Plan {
        operation,
        cluster: record.name.clone(),
        nodes: record.present().map(|(_, spec)| spec.clone()).collect(),
        steps,
        point_of_no_return: None,
    })
}

/// The nodes of these names, or all that are reached where there is none.
fn named<'a>(
    cluster: &Cluster<'a>,
    record: &ClusterRecord,
    on: &[NodeName],
) -> Result<Vec<Member<'a>>, ClusterError> {
    if on.is_empty() {
        let mut present = record.present();
        let members = cluster.members.iter();
        let is_present =
            |member: &&Member<'_>| present.any(|(_, spec)| spec.name == member.spec.name);
        return Ok(members.filter(is_present).copied().collect());
    }
    on.iter()
        .map(|name| {
            let (_, spec) = record
                .node(name)
                .ok_or_else(|| ClusterError::NoNode(name.clone()))?;
            cluster.member(&spec.name).copied()
        })
        .collect()
}

/// The line for an address on a node: on the interface that it names, or on the one in its network.
fn line_on(
    member: &Member<'_>,
    address: &VirtualAddress,
    deadline: Deadline,
) -> Result<PublicAddress, AllocateError> {
    let found = match address.interface() {
        Some(interface) => Some(interface.clone()),
        None => {
            let mut all = interfaces(member.host, deadline)?.into_iter();
            let is_in = |network| network == address.network();
            let found = all.find(|one| one.addresses.iter().any(|(_, network)| is_in(*network)));
            found.map(|one| one.name)
        }
    };
    let interface = found.ok_or(crate::address::AddressError::NoNetwork {
        address: address.address(),
    })?;
    Ok(PublicAddress {
        address: address.clone(),
        interfaces: vec![interface],
    })
}

/// The nodes whose files have the address.
fn having(
    members: &[&Member<'_>],
    address: &VirtualAddress,
) -> Result<Vec<NodeName>, ClusterError> {
    let mut nodes = Vec::new();
    for member in members {
        let without = changed(member, |text| {
            PublicAddresses::without(text, address.address())
        })?;
        nodes.extend(without.map(|(node, _)| node));
    }
    Ok(nodes)
}

/// The text that a node's file would have, where it is another one.
fn changed(
    member: &Member<'_>,
    change: impl FnOnce(&str) -> Result<String, crate::files::FileError>,
) -> Result<Option<(NodeName, Vec<u8>)>, ClusterError> {
    let text = member.host.read(Path::new(PUBLIC_ADDRESSES))?;
    let text = String::from_utf8_lossy(&text.unwrap_or_default()).into_owned();
    let name = &member.spec.name;
    let new = change(&text).map_err(|error| {
        ClusterError::Refused(vec![Problem::from_error(name.to_string(), &error)])
    })?;
    Ok((new != text).then(|| (name.clone(), new.into_bytes())))
}

/// How long a ctdbd may take to say which nodes it sees.
const PATIENCE: Duration = Duration::from_secs(15);

/// The nodes whose ctdbd runs.
struct Running {
    on: Vec<NodeName>,
    /// All nodes as the first of them sees them, with their names.
    seen: Vec<(NodeName, NodeState)>,
}

impl Running {
    /// Looks which ones they are.
    ///
    /// # Errors
    /// Where ctdbd runs on none, or on one that the others do not hear.
    fn look(members: &[&Member<'_>], deadline: Deadline) -> Result<Self, ClusterError> {
        let limit = deadline.at_most(PATIENCE);
        let asked = on_each(members, |_, member| Ctl::new(member.host, limit).nodes());
        let mut on = Vec::new();
        let mut seen = Vec::new();
        for (member, said) in members.iter().zip(asked) {
            match said {
                Ok(nodes) if on.is_empty() => {
                    seen = nodes;
                    on.push(member.spec.name.clone());
                }
                Ok(_) => on.push(member.spec.name.clone()),
                Err(CtlError::NotRunning { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        if on.is_empty() {
            let why = "ctdbd runs on no node, so the lists of addresses would not be read";
            let remedy = "start ctdb on the nodes, or only keep the address (`--keep-only`), or only give it back \
                          (`--keep-serving`)";
            return Err(refused(vec![
                problem(Code::DaemonNotRunning, why.into()).remedy(remedy),
            ]));
        }
        let named = |state: NodeState| {
            let mut all = members.iter();
            let member = all.find(|member| member.spec.address == state.address)?;
            Some((member.spec.name.clone(), state))
        };
        let running = Self {
            on,
            seen: seen.into_iter().filter_map(named).collect(),
        };
        let cut_off = running.on.iter().filter(|node| !running.hears(node));
        let problems: Vec<_> = cut_off
            .map(|node| {
                let first = &running.on[0];
                let why = format!("ctdbd runs on {node}, and {first} does not hear it");
                problem(Code::NodeDisconnected, why)
            })
            .collect();
        match problems.is_empty() {
            true => Ok(running),
            false => Err(refused(problems)),
        }
    }

    fn hears(&self, node: &NodeName) -> bool {
        let mut seen = self.seen.iter();
        seen.any(|(name, state)| name == node && !state.flags.any(NodeFlags::DISCONNECTED))
    }

    /// Fails unless one of the nodes is healthy.
    fn can_serve(&self, address: &VirtualAddress, nodes: &[NodeName]) -> Result<(), ClusterError> {
        let mut seen = self.seen.iter();
        if seen.any(|(node, state)| nodes.contains(node) && state.flags.is_healthy()) {
            return Ok(());
        }
        let names: Vec<&str> = nodes.iter().map(NodeName::as_str).collect();
        let why = format!(
            "none of {} is healthy and could have {address}",
            names.join(", ")
        );
        Err(refused(vec![problem(Code::NodeNotServing, why)]))
    }

    /// What is to be said of the nodes whose ctdbd does not run.
    fn to_come(&self, members: &[&Member<'_>], allowed: &[NodeName]) -> Vec<String> {
        let names = members.iter().map(|member| &member.spec.name);
        let absent = names.filter(|name| allowed.contains(name) && !self.on.contains(name));
        absent
            .map(|name| {
                format!("ctdb does not run on {name}, which may have the address when it does")
            })
            .collect()
    }

    /// Whether a node has the address.
    fn has_placed(
        &self,
        address: &VirtualAddress,
        cluster: &Cluster<'_>,
    ) -> Result<bool, ClusterError> {
        let all = cluster.ctl(&self.on[0])?.addresses()?;
        let is_it = |(one, on): &(_, Option<u32>)| *one == address.address() && on.is_some();
        Ok(all.iter().any(is_it))
    }

    /// How the address is where these nodes may have it.
    fn address(
        &self,
        address: &VirtualAddress,
        mut allowed: Vec<NodeName>,
        placed: bool,
    ) -> AddressOf {
        allowed.retain(|node| self.on.contains(node));
        AddressOf {
            address: address.address(),
            on: self.on.clone(),
            allowed,
            placed,
        }
    }
}

fn problem(code: Code, why: String) -> Problem {
    let problem = Problem::invalid("address", code.as_str(), why).kind(ErrorKind::Conflict);
    problem.remedy(code.fix())
}

fn refused(problems: Vec<Problem>) -> ClusterError {
    ClusterError::Refused(problems)
}
