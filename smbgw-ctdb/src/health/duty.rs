//! One round of watching, as a program does once in a while on every node.

use std::convert::Infallible;
use std::path::Path;

use serde::Serialize;
use smbgw_core::alert::{AlertError, AlertStore, Delivery, Kind, RuleBook, Transition, observe};
use smbgw_core::deadline::Deadline;
use smbgw_core::error::chain_text;
use smbgw_core::host::Host;

use super::Settings;
use super::look::{self, Look};
use super::readings::readings;
use super::state::{FILE, HealthState};
use crate::events;
use crate::members::Members;
use crate::node::{Member, NodeName, NodeSpec};
use crate::status::{self, ClusterStatus};

/// What one round came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Duty {
    /// The node that tells people, which is not always this one.
    pub told_by: NodeName,
    /// What was seen, where this node tells people.
    pub look: Option<Look>,
    /// How many messages were made.
    pub messages: usize,
    /// What went wrong with the watching itself, and is made up for at the next round as far as that is
    /// possible.
    pub problems: Vec<String>,
}

/// Who watches, and how.
#[derive(Debug)]
pub struct Watch<'a> {
    /// This machine, a node of the cluster.
    pub host: &'a dyn Host,
    /// What it is called.
    pub own: &'a NodeName,
    /// All nodes, this one among them.
    pub members: &'a Members,
    /// How people are told.
    pub settings: &'a Settings,
}

/// Does one round on a node, and hands what people are to be told to `delivery`.
///
/// Every node looks, and writes what is different into the log of its own. One of them looks closely and
/// tells people: the leader, or the next node that watches where the leader does not. What the others had
/// told they hand over without a word.
///
/// Nothing of it is left when it returns.
pub fn duty(
    watch: &Watch<'_>,
    alerts: &AlertStore<'_>,
    rules: &RuleBook,
    delivery: &Delivery<'_>,
    deadline: Deadline,
) -> Duty {
    let mut problems = Vec::new();
    let mut state = HealthState::load(watch.host).unwrap_or_else(|error| {
        problems.push(chain_text(&error));
        HealthState::default()
    });
    let own_view = own_view(watch, deadline);
    let told_by = teller(watch, own_view.as_ref());
    let (look, news) = if told_by == *watch.own {
        let look = look_closely(watch, &mut state, deadline);
        let news = look.events.clone();
        (Some(look), news)
    } else {
        let at = events::now_milliseconds();
        let news = own_view.map(|status| look::remember(&mut state, &status, watch.own, at));
        state.forget_what_is_wrong();
        (None, news.unwrap_or_default())
    };
    if let Err(error) = events::append(watch.host, &news) {
        problems.push(chain_text(&error));
    }
    let messages = match &look {
        Some(look) => tell(
            watch,
            look,
            alerts,
            rules,
            delivery,
            deadline,
            &mut problems,
        ),
        None => {
            hand_over(alerts, deadline, &mut problems);
            0
        }
    };
    // Last, as it says that this node has done its round.
    if let Err(error) = state.save(watch.host) {
        problems.push(chain_text(&error));
    }
    Duty {
        told_by,
        look,
        messages,
        problems,
    }
}

/// How the cluster stands as the ctdbd of this node sees it.
fn own_view(watch: &Watch<'_>, deadline: Deadline) -> Option<ClusterStatus> {
    let mut status = status::read_one(watch.host, deadline).ok()?;
    let specs: Vec<&NodeSpec> = watch.members.reached().iter().map(|one| one.spec).collect();
    look::name_nodes(&mut status, specs.into_iter());
    look::name_nodes(&mut status, watch.members.unreached().map(|(spec, _)| spec));
    Some(status)
}

/// The node that tells people: the leader, then the others by their places, and the first of them that has
/// watched lately. This one does.
fn teller(watch: &Watch<'_>, view: Option<&ClusterStatus>) -> NodeName {
    let leader = view.and_then(|view| {
        let leader = view.node(view.leader?)?;
        leader.name.clone()
    });
    // Without a leader, or without an answer, nobody can be relied on.
    let Some(leader) = leader else {
        return watch.own.clone();
    };
    let mut reached = watch.members.reached();
    reached.sort_by_key(|member| member.spec.name != leader);
    let watches =
        |member: &Member<'_>| member.spec.name == *watch.own || has_watched(member.host, watch);
    let first = reached.into_iter().find(watches);
    first.map_or_else(|| watch.own.clone(), |member| member.spec.name.clone())
}

/// Whether a node has done a round lately.
fn has_watched(host: &dyn Host, watch: &Watch<'_>) -> bool {
    let now = watch.host.now();
    let file = host.status(Path::new(FILE)).ok().flatten();
    file.is_some_and(|file| (now - file.changed_at.0).abs() <= watch.settings.silence())
}

fn look_closely(watch: &Watch<'_>, state: &mut HealthState, deadline: Deadline) -> Look {
    let unreached: Vec<(NodeSpec, String)> = watch
        .members
        .unreached()
        .map(|(spec, why)| (spec.clone(), chain_text(why)))
        .collect();
    let around = look::Around {
        members: &watch.members.reached(),
        unreached: &unreached,
        own: watch.own,
    };
    look::look(&around, state, watch.settings, deadline)
}

/// Brings the alerts up to date, and returns how many messages that makes.
fn tell(
    watch: &Watch<'_>,
    look: &Look,
    alerts: &AlertStore<'_>,
    rules: &RuleBook,
    delivery: &Delivery<'_>,
    deadline: Deadline,
    problems: &mut Vec<String>,
) -> usize {
    let at = look.at_milliseconds / 1000;
    let readings = readings(look);
    let mut messages = 0;
    let update = alerts.update(deadline, |state| {
        let transitions: Vec<Transition> = observe(state, rules, at, &readings);
        messages = transitions.len();
        let name = watch.own.as_str();
        let notices = transitions.into_iter().map(|one| one.notice(name, at));
        delivery.enqueue(notices)
    });
    note(&update.saved, problems);
    note(&update.value.map(drop), problems);
    messages
}

/// Forgets what this node told, as another one tells now.
fn hand_over(alerts: &AlertStore<'_>, deadline: Deadline, problems: &mut Vec<String>) {
    let is_told = |state: &smbgw_core::alert::State| {
        let mut raised = state.alerts(0).into_iter();
        raised.any(|one| one.share.is_none() && Kind::OF_CLUSTERS.contains(&one.kind))
    };
    if alerts.load().is_ok_and(|state| !is_told(&state)) {
        return;
    }
    let update = alerts.update(deadline, |state| {
        state.hand_over(&Kind::OF_CLUSTERS);
        Ok::<_, Infallible>(())
    });
    note(&update.saved, problems);
}

fn note(result: &Result<(), AlertError>, problems: &mut Vec<String>) {
    if let Err(error) = result {
        problems.push(chain_text(error));
    }
}
