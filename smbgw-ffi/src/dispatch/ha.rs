//! The cluster that this machine is a node of.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use smbgw_core::error::{Coded, Problem};
use smbgw_core::host::Host;
use smbgw_core::lifecycle;
use smbgw_core::progress::Silent;
use smbgw_ctdb::address::VirtualAddress;
use smbgw_ctdb::adopt::{Adoption, accept, adopt};
use smbgw_ctdb::allocate::{
    AllocateError, Allocated, Released, Wanted, allocate, release, reserve, withdraw,
};
use smbgw_ctdb::cluster_error::ClusterError;
use smbgw_ctdb::conflict::{self, Pace, ProbeDocument};
use smbgw_ctdb::draft::{AdoptDraft, NodeDraft, SetupDraft};
use smbgw_ctdb::drill::{self, DrillDraft, DrillError};
use smbgw_ctdb::events::{self, Filter, Past, What};
use smbgw_ctdb::forecast::{Forecast, ForecastDraft, number_of};
use smbgw_ctdb::members::{Members, MembersError, open_cluster};
use smbgw_ctdb::membership::{add_node, remove_node};
use smbgw_ctdb::node::{Member, NodeName};
use smbgw_ctdb::outcome::{Outcome, Report};
use smbgw_ctdb::ready::{self, SetupCheck};
use smbgw_ctdb::relocate::{Drained, Moved, Resumed, drain, move_address, resume};
use smbgw_ctdb::settled::{self, Settled};
use smbgw_ctdb::standing::{Standing, standing};
use smbgw_ctdb::teardown::{Databases, teardown};
use smbgw_ctdb::world::Cluster;

use super::ad::password;
use super::draft::Rooted;
use super::share::{Ended, named};
use super::{Failure, Request};
use crate::wire::host;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Shown {
    /// Work on the tree of files below this directory, such as a mounted image.
    root: Option<PathBuf>,
    /// A share: say also on which nodes it is.
    share: Option<String>,
    /// Ask the ctdbd of this machine alone.
    #[serde(default)]
    here: bool,
}

pub(super) fn status(asked: Shown, request: &Request<'_>) -> Result<Standing, Failure> {
    let share = asked.share.as_deref().map(|text| named("share", text));
    let share = share.transpose()?;
    let host = host(asked.root)?;
    let known = match asked.here {
        true => None,
        false => match open_cluster(&host) {
            Ok(known) => Some(known),
            // Nothing is known of it, but its ctdbd may run.
            Err(MembersError::NoCluster { .. }) => None,
            Err(error) => return Err(Failure::of(&error)),
        },
    };
    let cluster = known.as_ref().map(|(record, members)| (record, members));
    standing(&host, cluster, share.as_ref(), request.deadline())
        .map_err(|error| Failure::of(&error))
}

pub(super) fn plan(
    asked: Rooted<ForecastDraft>,
    request: &Request<'_>,
) -> Result<Forecast, Failure> {
    let host = host(asked.root)?;
    let (_, members) = open_cluster(&host).map_err(|error| Failure::of(&error))?;
    let forecast = asked.draft.run(&members.reached(), request.deadline());
    forecast.map_err(|error| Failure::of(&error))
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Moving {
    /// Work on the tree of files below this directory, such as a mounted image.
    root: Option<PathBuf>,
    /// The address.
    address: IpAddr,
    /// The node that gets it, by its name or number.
    node: NodeName,
}

pub(super) fn move_to(asked: Moving, request: &Request<'_>) -> Result<Moved, Failure> {
    on_node(asked.root, &asked.node, request, |members, node| {
        move_address(members, asked.address, node, request.deadline())
            .map_err(|error| Failure::of(&error))
    })
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Draining {
    /// Work on the tree of files below this directory, such as a mounted image.
    root: Option<PathBuf>,
    /// The node, by its name or number.
    node: NodeName,
    /// How long to wait until nobody is connected to it any more; half a minute if not given.
    patience_seconds: Option<u32>,
}

pub(super) fn drain_of(asked: Draining, request: &Request<'_>) -> Result<Drained, Failure> {
    let patience = Duration::from_secs(asked.patience_seconds.unwrap_or(30).into());
    on_node(asked.root, &asked.node, request, |members, node| {
        drain(members, node, patience, request.deadline()).map_err(|error| Failure::of(&error))
    })
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Resuming {
    /// Work on the tree of files below this directory, such as a mounted image.
    root: Option<PathBuf>,
    /// The node, by its name or number.
    node: NodeName,
}

pub(super) fn resume_of(asked: Resuming, request: &Request<'_>) -> Result<Resumed, Failure> {
    on_node(asked.root, &asked.node, request, |members, node| {
        resume(members, node, request.deadline()).map_err(|error| Failure::of(&error))
    })
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Reserving {
    /// Work on the tree of files below this directory, such as a mounted image.
    root: Option<PathBuf>,
    /// For whom it is kept, such as `share media`.
    holder: String,
    /// Keep this address, such as `10.0.0.101/24`, or a free one of a pool, such as `10.0.0.100-10.0.0.120/24`.
    /// With `auto`, and if not given, it is a free one of the cluster's own pools.
    address: Option<String>,
    /// The nodes that may have the address; all if none is given.
    #[serde(default)]
    on: Vec<NodeName>,
    /// Only keep the address: the cluster does not serve under it.
    #[serde(default)]
    keep_only: bool,
}

pub(super) fn keep(asked: Reserving, request: &Request<'_>) -> Result<Allocated, Failure> {
    let wanted = asked.address.as_deref().map(str::parse::<Wanted>);
    let wanted = wanted
        .transpose()
        .map_err(|error| Failure::refused(Problem::from_error("address", &error)))?;
    let wanted = wanted.unwrap_or_default();
    if asked.keep_only && !asked.on.is_empty() {
        let why = "the cluster does not serve under an address that is only kept, on no node";
        return Err(invalid("on", why.into()));
    }
    in_world(asked.root, request, |cluster| match asked.keep_only {
        true => allocate(cluster, &asked.holder, &wanted).map(lifecycle::Outcome::Done),
        false => reserve(cluster, &asked.holder, &wanted, &asked.on),
    })
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Releasing {
    /// Work on the tree of files below this directory, such as a mounted image.
    root: Option<PathBuf>,
    /// For whom it was kept.
    holder: String,
    /// Have the cluster go on to serve under an address that was brought to it by keeping it.
    #[serde(default)]
    keep_serving: bool,
}

pub(super) fn give_back(asked: Releasing, request: &Request<'_>) -> Result<Released, Failure> {
    in_world(asked.root, request, |cluster| match asked.keep_serving {
        true => release(cluster, &asked.holder).map(lifecycle::Outcome::Done),
        false => withdraw(cluster, &asked.holder),
    })
}

/// Has `call` work on the node of that name or number.
fn on_node<T>(
    root: Option<PathBuf>,
    name: &NodeName,
    request: &Request<'_>,
    call: impl FnOnce(&[Member<'_>], u32) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let host = host(root)?;
    let (_, members) = open_cluster(&host).map_err(|error| Failure::of(&error))?;
    let members = members.reached();
    let number = number_of(&members, name, request.deadline());
    let number = number.map_err(|error| Failure::of(&error))?;
    call(&members, number)
}

/// Has `call` change what addresses the cluster of this machine has.
fn in_world<T>(
    root: Option<PathBuf>,
    request: &Request<'_>,
    call: impl FnOnce(&Cluster<'_>) -> Result<lifecycle::Outcome<T>, AllocateError>,
) -> Result<T, Failure> {
    let host = host(root)?;
    let (_, members) = open_cluster(&host).map_err(|error| Failure::of(&error))?;
    let reached = members.reached();
    match call(&world(&host, &reached, &[], request)) {
        Ok(outcome) => Failure::unless_done(outcome),
        Err(AllocateError::Cluster(error)) => Err(Failure::from(*error)),
        Err(error) => Err(Failure::of(&error)),
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Probe {
    /// Work on the tree of files below this directory, such as a mounted image.
    root: Option<PathBuf>,
    /// Addresses with the length of their prefix, such as `10.0.0.100/24%eth0`.
    addresses: Vec<String>,
    /// How patiently to ask.
    #[serde(default)]
    pace: Pace,
}

pub(super) fn probe(asked: Probe, request: &Request<'_>) -> Result<ProbeDocument, Failure> {
    let addresses: Vec<VirtualAddress> = each("addresses", &asked.addresses)?;
    let host = host(asked.root)?;
    Ok(ProbeDocument {
        version: ProbeDocument::VERSION,
        probes: conflict::probe(&host, &addresses, asked.pace, request.deadline()),
    })
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Happened {
    /// Work on the tree of files below this directory, such as a mounted image.
    root: Option<PathBuf>,
    /// Only what happened since then, in seconds since 1970-01-01 00:00 UTC.
    since: Option<i64>,
    /// Only what happened until then, in seconds since 1970-01-01 00:00 UTC.
    until: Option<i64>,
    /// Only what happened to this node, or went from it or to it.
    node: Option<String>,
    /// Only what happened to this address.
    address: Option<String>,
    /// Only things of these kinds, such as `node-state` and `address-moved`.
    #[serde(default)]
    what: Vec<String>,
    /// Only so many of the last ones.
    last: Option<usize>,
    /// Read the log of this machine alone.
    #[serde(default)]
    here: bool,
}

pub(super) fn events(asked: Happened, _: &Request<'_>) -> Result<Past, Failure> {
    let address = asked.address.as_deref().map(|text| {
        let read = text.parse::<IpAddr>();
        read.map_err(|_| invalid("address", format!("`{text}` is no address")))
    });
    let node = asked.node.as_deref().map(|text| {
        let read = text.parse::<NodeName>();
        read.map_err(|error| Failure::refused(Problem::from_error("node", &error)))
    });
    let known = |text: &String| {
        let found = What::ALL.into_iter().find(|what| what.as_str() == text);
        found.ok_or_else(|| {
            let names = What::ALL.map(What::as_str).join(", ");
            invalid("what", format!("`{text}` is none of {names}"))
        })
    };
    let filter = Filter {
        node: node.transpose()?,
        address: address.transpose()?,
        what: asked.what.iter().map(known).collect::<Result<_, _>>()?,
        newest: asked.last,
    };
    let milliseconds = |seconds: i64| seconds.saturating_mul(1000);
    let (since, until) = (asked.since.map(milliseconds), asked.until.map(milliseconds));
    let host = host(asked.root)?;
    if asked.here {
        return Ok(events::read(&[&host], since, until, &filter));
    }
    let (_, members) = open_cluster(&host).map_err(|error| Failure::of(&error))?;
    Ok(members.past(since, until, &filter))
}

pub(super) fn check(
    asked: Rooted<SetupDraft>,
    request: &Request<'_>,
) -> Result<SetupCheck, Failure> {
    let wanted = asked.draft.check().map_err(ClusterError::Refused)?;
    host(asked.root)?;
    let members = Members::open(&wanted.nodes);
    let members = members.all().map_err(|error| Failure::of(&error))?;
    Ok(ready::check(&wanted, &members, request.deadline())?)
}

pub(super) fn set_up(
    asked: Rooted<SetupDraft>,
    request: &Request<'_>,
) -> Result<Ended<Report>, Failure> {
    let wanted = asked.draft.check().map_err(ClusterError::Refused)?;
    let host = host(asked.root)?;
    let members = Members::open(&wanted.nodes);
    let members = members.all().map_err(|error| Failure::of(&error))?;
    let checked = ready::check(&wanted, &members, request.deadline())?;
    let outcome = checked.set_up(&world(&host, &members, &[], request))?;
    Failure::unless_done(outcome).map(Ended::Done)
}

pub(super) fn adoption(
    asked: Rooted<AdoptDraft>,
    request: &Request<'_>,
) -> Result<Adoption, Failure> {
    let (wanted, nodes) = asked.draft.check().map_err(ClusterError::Refused)?;
    host(asked.root)?;
    let members = Members::open(&nodes);
    let members = members.all().map_err(|error| Failure::of(&error))?;
    Ok(adopt(&wanted, &members, request.deadline()))
}

pub(super) fn take_over(
    asked: Rooted<AdoptDraft>,
    request: &Request<'_>,
) -> Result<Ended<Report>, Failure> {
    let (wanted, nodes) = asked.draft.check().map_err(ClusterError::Refused)?;
    let host = host(asked.root)?;
    let members = Members::open(&nodes);
    let members = members.all().map_err(|error| Failure::of(&error))?;
    let adoption = adopt(&wanted, &members, request.deadline());
    let outcome = accept(&world(&host, &members, &[], request), &adoption)?;
    Failure::unless_done(outcome).map(Ended::Done)
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Recover {
    /// Work on the tree of files below this directory, such as a mounted image.
    root: Option<PathBuf>,
    /// Nodes that are lost for good: what was done there is not undone, and nobody waits for them.
    #[serde(default)]
    without: Vec<NodeName>,
}

pub(super) fn settle(asked: Recover, request: &Request<'_>) -> Result<Settled, Failure> {
    let host = host(asked.root)?;
    let deadline = request.deadline();
    Ok(settled::settle(&host, &asked.without, &Silent, deadline)?)
}

pub(super) fn add(
    asked: Rooted<NodeDraft>,
    request: &Request<'_>,
) -> Result<Ended<Report>, Failure> {
    let new = asked.draft.check().map_err(ClusterError::Refused)?;
    let host = host(asked.root)?;
    let (record, members) = open_cluster(&host).map_err(|error| Failure::of(&error))?;
    let joined = members.all().map_err(|error| Failure::of(&error))?;
    let opened = Members::open([&new]);
    let opened = opened.all().map_err(|error| Failure::of(&error))?;
    for member in &opened {
        ready::check_joining(&record, &joined, *member, request.deadline())?;
    }
    let members = [joined, opened].concat();
    let outcome = add_node(&world(&host, &members, &[], request), &new)?;
    Failure::unless_done(outcome).map(Ended::Done)
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Removing {
    /// Work on the tree of files below this directory, such as a mounted image.
    root: Option<PathBuf>,
    /// The node.
    node: NodeName,
}

pub(super) fn remove(asked: Removing, request: &Request<'_>) -> Result<Ended<Report>, Failure> {
    whole(asked.root, request, |cluster| {
        remove_node(cluster, &asked.node)
    })
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TakingApart {
    /// Work on the tree of files below this directory, such as a mounted image.
    root: Option<PathBuf>,
    /// Leave the databases that the nodes shared, with users and the shares in the registry. They are
    /// removed for good otherwise.
    keep_databases: bool,
}

pub(super) fn take_apart(
    asked: TakingApart,
    request: &Request<'_>,
) -> Result<Ended<Report>, Failure> {
    let databases = match asked.keep_databases {
        true => Databases::Keep,
        false => Databases::Remove,
    };
    whole(asked.root, request, |cluster| teardown(cluster, databases))
}

/// Has `call` change the cluster of this machine.
fn whole(
    root: Option<PathBuf>,
    request: &Request<'_>,
    call: impl FnOnce(&Cluster<'_>) -> Result<Outcome, ClusterError>,
) -> Result<Ended<Report>, Failure> {
    let host = host(root)?;
    let (_, members) = open_cluster(&host).map_err(|error| Failure::of(&error))?;
    let reached = members.reached();
    let outcome = call(&world(&host, &reached, &[], request))?;
    Failure::unless_done(outcome).map(Ended::Done)
}

pub(super) fn test(
    asked: Rooted<DrillDraft>,
    request: &Request<'_>,
) -> Result<drill::Report, Failure> {
    let password = password(request, &asked.draft.user)?;
    let login = asked.draft.login(password.clone());
    let wanted = asked.draft.check(&login).map_err(DrillError::Refused)?;
    let host = host(asked.root)?;
    let (_, members) = open_cluster(&host).map_err(|error| Failure::of(&error))?;
    let reached = members.reached();
    let outcome = drill::run(&world(&host, &reached, &[], request), &wanted)?;
    Failure::unless_done(outcome)
}

/// Puts together what operations on a cluster work with.
fn world<'a>(
    coordinator: &'a dyn Host,
    members: &'a [Member<'a>],
    given_up: &'a [NodeName],
    request: &Request<'_>,
) -> Cluster<'a> {
    Cluster {
        coordinator,
        members,
        given_up,
        progress: &Silent,
        deadline: request.deadline(),
    }
}

fn each<T>(field: &str, texts: &[String]) -> Result<Vec<T>, Failure>
where
    T: std::str::FromStr,
    T::Err: Coded,
{
    let read = |text: &String| {
        text.parse()
            .map_err(|error| Failure::refused(Problem::from_error(field, &error)))
    };
    texts.iter().map(read).collect()
}

fn invalid(field: &str, message: String) -> Failure {
    Failure::refused(Problem::invalid(field, "ha.request-invalid", message))
}
