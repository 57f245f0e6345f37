//! One look at a cluster.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde::Serialize;
use smbgw_core::alert::{Kind, Severity};
use smbgw_core::deadline::Deadline;
use smbgw_core::error::chain_text;

use super::Settings;
use super::damping::Seen;
use super::sight::{self, AddressProbe, RecoveryCount, TickleCount};
use super::state::HealthState;
use super::trouble::{self, CLUSTER, Trouble};
use crate::code::Code;
use crate::ctl::Ctl;
use crate::events::{self, ClusterEvent, Source, View, What};
use crate::node::{Member, NodeName, NodeSpec};
use crate::on_each::on_each;
use crate::status::{self, ClusterStatus};

/// What was seen of a cluster in one look.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Look {
    /// When it was, in milliseconds since 1970-01-01 00:00 UTC.
    pub at_milliseconds: i64,
    /// How the cluster stands; none where no node answered.
    pub status: Option<ClusterStatus>,
    /// Whether public addresses are served, as each node sees it.
    pub probes: Vec<AddressProbe>,
    /// The connections that nodes know of.
    pub tickles: Vec<TickleCount>,
    /// The recoveries that nodes counted.
    pub recoveries: Vec<RecoveryCount>,
    /// What is wrong at this moment.
    pub troubles: Vec<Trouble>,
    /// What people are to believe is wrong, as it lasted long enough: the worst first.
    pub believed: Vec<Trouble>,
    /// The kinds of trouble that could not be looked for.
    pub unseen: BTreeSet<Kind>,
    /// What happened since the last look.
    pub events: Vec<ClusterEvent>,
}

/// Who looks at what.
#[derive(Clone, Copy, Debug)]
pub struct Around<'a> {
    /// The nodes that are reached.
    pub members: &'a [Member<'a>],
    /// Those that are not, with the reason.
    pub unreached: &'a [(NodeSpec, String)],
    /// The node that looks.
    pub own: &'a NodeName,
}

/// What the nodes said of themselves.
#[derive(Clone, Debug, Default)]
pub(super) struct Sights {
    pub(super) probes: Vec<AddressProbe>,
    pub(super) tickles: Vec<TickleCount>,
    pub(super) recoveries: Vec<RecoveryCount>,
}

/// Looks at a cluster, and compares it with what `state` remembers, which then remembers this look.
///
/// It changes nothing about a cluster and never fails: what cannot be seen is itself something that is
/// wrong. No thread is left when it returns, some time after `deadline` at the latest.
pub fn look(
    around: &Around<'_>,
    state: &mut HealthState,
    settings: &Settings,
    deadline: Deadline,
) -> Look {
    let members = around.members;
    let read = status::read(members, deadline);
    let at = events::now_milliseconds();
    let mut look = Look {
        at_milliseconds: at,
        status: None,
        probes: Vec::new(),
        tickles: Vec::new(),
        recoveries: Vec::new(),
        troubles: Vec::new(),
        believed: Vec::new(),
        unseen: BTreeSet::new(),
        events: Vec::new(),
    };
    match read {
        Ok(mut status) => {
            name_nodes(&mut status, around.unreached.iter().map(|(spec, _)| spec));
            let sights = ask(members, &status, settings, deadline);
            let lately = state
                .recoveries
                .take(&sights.recoveries, settings, at / 1000);
            look.troubles = judge(&status, &sights, lately, settings);
            look.unseen = unseen(&sights);
            look.events = remember(state, &status, around.own, at);
            (look.probes, look.tickles) = (sights.probes, sights.tickles);
            look.recoveries = sights.recoveries;
            look.status = Some(status);
        }
        Err(error) => {
            look.troubles.push(Trouble::new(
                Kind::ClusterUnreadable,
                CLUSTER,
                Severity::Critical,
                format!("the cluster cannot be looked at: {}", chain_text(&error)),
                Code::ClusterUnseen,
            ));
            look.unseen = Kind::OF_CLUSTERS.into();
            look.unseen.remove(&Kind::ClusterUnreadable);
        }
    }
    look.troubles.extend(around.unreached.iter().map(unreached));
    let seen = Seen {
        troubles: &look.troubles,
        unseen: look.unseen.clone(),
        told: told(members, state, at),
    };
    look.believed = state.tracks.take(&seen, settings, at / 1000);
    look
}

/// Compares `status` with the last look, which it then is.
pub(super) fn remember(
    state: &mut HealthState,
    status: &ClusterStatus,
    own: &NodeName,
    at: i64,
) -> Vec<ClusterEvent> {
    let view = View::of(status, at);
    let before = state.view.replace(view);
    match (&before, &state.view) {
        (Some(before), Some(view)) => view.since(before, own),
        _ => Vec::new(),
    }
}

/// Calls nodes in `status` what `specs` do, where they have no name.
pub(super) fn name_nodes<'a>(
    status: &mut ClusterStatus,
    specs: impl Iterator<Item = &'a NodeSpec>,
) {
    for spec in specs {
        let is_it = |node: &&mut status::NodeStatus| node.address == spec.address;
        if let Some(node) = status.nodes.iter_mut().find(is_it) {
            node.name.get_or_insert_with(|| spec.name.clone());
        }
    }
}

/// That a node could not be looked at from here.
fn unreached((spec, why): &(NodeSpec, String)) -> Trouble {
    Trouble::new(
        Kind::ClusterUnreadable,
        spec.name.to_string(),
        Severity::Warning,
        format!("{} is not reached from here: {why}", spec.name),
        Code::ClusterUnseen,
    )
}

/// Asks all members at once.
fn ask(
    members: &[Member<'_>],
    status: &ClusterStatus,
    settings: &Settings,
    deadline: Deadline,
) -> Sights {
    let held: Vec<IpAddr> = status
        .addresses
        .iter()
        .filter(|address| address.node.is_some())
        .map(|address| address.address)
        .collect();
    let answers = on_each(members, |_, member| {
        let mut sights = Sights::default();
        let number = status
            .nodes
            .iter()
            .find(|node| node.address == member.spec.address);
        let answers = number.filter(|node| node.unseen.is_none() && node.flags.is_connected());
        if let Some(node) = answers {
            let ctl = Ctl::new(member.host, deadline);
            let count = sight::recoveries(&ctl).map(|recoveries| RecoveryCount {
                node: node.number,
                recoveries,
            });
            sights.recoveries.extend(count);
            for address in held.iter().take_while(|_| !deadline.has_passed()) {
                let count = sight::tickles(&ctl, *address).map(|connections| TickleCount {
                    node: node.number,
                    address: *address,
                    connections,
                });
                sights.tickles.extend(count);
            }
        }
        if settings.probe {
            let share = settings.probe_share.as_ref();
            for address in held.iter().take_while(|_| !deadline.has_passed()) {
                let from = member.spec.name.as_str();
                let probe = sight::probe(member.host, from, *address, share, deadline);
                sights.probes.extend(probe);
            }
        }
        sights
    });
    let mut all = Sights::default();
    for answer in answers {
        all.probes.extend(answer.probes);
        all.tickles.extend(answer.tickles);
        all.recoveries.extend(answer.recoveries);
    }
    all
}

/// What is wrong.
pub(super) fn judge(
    status: &ClusterStatus,
    sights: &Sights,
    recoveries_lately: u64,
    settings: &Settings,
) -> Vec<Trouble> {
    let mut troubles = trouble::of_status(status);
    troubles.extend(missing(status));
    troubles.extend(unserved(&sights.probes));
    troubles.extend(unknown_connections(status, &sights.tickles));
    if recoveries_lately >= settings.recoveries.max(1) {
        let minutes = settings.recoveries_seconds / 60;
        troubles.push(Trouble::new(
            Kind::ClusterRecovery,
            CLUSTER,
            Severity::Warning,
            format!("{recoveries_lately} recoveries in the last {minutes} minutes"),
            Code::TooManyRecoveries,
        ));
    }
    troubles
}

/// Addresses that ctdb believes to be on a node whose interfaces do not have them.
fn missing(status: &ClusterStatus) -> Vec<Trouble> {
    let mut troubles = Vec::new();
    for address in &status.addresses {
        let holder = address.node.and_then(|number| status.node(number));
        // Of a node that was not looked at the interfaces are not known.
        let Some(holder) = holder.filter(|node| node.version.is_some() && node.unseen.is_none())
        else {
            continue;
        };
        let is_there = |seen: &Vec<u32>| seen.contains(&holder.number);
        if address.seen_on.as_ref().is_none_or(is_there) {
            continue;
        }
        let address = address.address;
        troubles.push(Trouble::new(
            Kind::ClusterAddress,
            address.to_string(),
            Severity::Critical,
            format!(
                "{address} is on no interface of {}, whose ctdbd believes that it is",
                holder.title()
            ),
            Code::AddressMissing,
        ));
    }
    troubles
}

/// Addresses by which no share is served: critical where no node sees any.
fn unserved(probes: &[AddressProbe]) -> Vec<Trouble> {
    let mut by_address: BTreeMap<IpAddr, Vec<&AddressProbe>> = BTreeMap::new();
    for probe in probes {
        by_address.entry(probe.address).or_default().push(probe);
    }
    let mut troubles = Vec::new();
    for (address, probes) in by_address {
        let failed: Vec<_> = probes.iter().filter(|probe| !probe.served).collect();
        let Some(first) = failed.first() else {
            continue;
        };
        let reason = first.reason.as_deref().unwrap_or("no reason was given");
        let (severity, message) = if failed.len() == probes.len() {
            let message = format!("SMB is not served by {address}: {reason}");
            (Severity::Critical, message)
        } else {
            let from: Vec<&str> = failed.iter().map(|probe| probe.from.as_str()).collect();
            let from = from.join(" and ");
            let message = format!("SMB is not served by {address} as {from} sees it: {reason}");
            (Severity::Warning, message)
        };
        troubles.push(Trouble::new(
            Kind::ClusterService,
            address.to_string(),
            severity,
            message,
            Code::AddressNotServed,
        ));
    }
    troubles
}

/// Nodes that could take an address over and know of no connection to it, while its holder knows some.
fn unknown_connections(status: &ClusterStatus, tickles: &[TickleCount]) -> Vec<Trouble> {
    let count = |node: u32, address: IpAddr| {
        let of = |one: &&TickleCount| one.node == node && one.address == address;
        tickles.iter().find(of).map(|one| one.connections)
    };
    let mut troubles = Vec::new();
    for address in &status.addresses {
        let Some(holder) = address.node else { continue };
        let Some(known) = count(holder, address.address).filter(|known| *known > 0) else {
            continue;
        };
        for node in &address.available_on {
            if *node == holder || count(*node, address.address) != Some(0) {
                continue;
            }
            let name = trouble::name(status, *node);
            let message = format!(
                "{name} knows none of the {known} connections to {}, so their clients would hang \
                 for a while after a failover",
                address.address
            );
            troubles.push(Trouble::new(
                Kind::ClusterTickles,
                format!("{} on {name}", address.address),
                Severity::Notice,
                message,
                Code::TicklesMissing,
            ));
        }
    }
    troubles
}

/// What could not be looked for.
fn unseen(sights: &Sights) -> BTreeSet<Kind> {
    let mut unseen = BTreeSet::new();
    if sights.probes.is_empty() {
        unseen.insert(Kind::ClusterService);
    }
    if sights.tickles.is_empty() {
        unseen.insert(Kind::ClusterTickles);
    }
    unseen
}

/// When nodes said of themselves since the last look that they were well or unwell, in seconds since
/// 1970-01-01 00:00 UTC.
fn told(members: &[Member<'_>], state: &mut HealthState, at: i64) -> BTreeMap<String, Vec<i64>> {
    let since = std::mem::replace(&mut state.heard_until, at);
    let mut told: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    // The first look knows nothing of before.
    if since == 0 {
        return told;
    }
    let logs = on_each(members, |_, member| events::newest(member.host, since));
    for event in logs.into_iter().flatten() {
        let is_new = event.at_milliseconds > since && event.at_milliseconds <= at;
        if is_new
            && event.what == What::NodeState
            && event.source == Source::Notification
            && let Some(node) = event.node
        {
            let times = told.entry(node.to_string()).or_default();
            times.push(event.at_milliseconds / 1000);
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probe(from: &str, last: u8, served: bool) -> AddressProbe {
        AddressProbe {
            from: from.into(),
            address: [10, 0, 0, last].into(),
            served,
            reason: (!served).then(|| "NT_STATUS_CONNECTION_REFUSED".into()),
        }
    }

    #[test]
    fn an_address_that_nobody_reaches_is_worse_than_one_that_somebody_does_not() {
        let troubles = unserved(&[
            probe("n1", 100, false),
            probe("n2", 100, false),
            probe("n1", 101, true),
            probe("n2", 101, false),
            probe("n1", 102, true),
        ]);
        let shown: Vec<_> = troubles
            .iter()
            .map(|one| (one.subject.as_str(), one.severity))
            .collect();
        assert_eq!(
            shown,
            [
                ("10.0.0.100", Severity::Critical),
                ("10.0.0.101", Severity::Warning)
            ]
        );
        assert!(
            troubles[1].message.contains("as n2 sees it"),
            "{}",
            troubles[1]
        );
    }
}
