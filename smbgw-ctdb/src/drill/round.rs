//! The rounds of a drill.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use smbgw_core::deadline::Deadline;
use smbgw_core::error::Coded;
use smbgw_core::lifecycle::{Finding, Outcome};
use smbgw_core::probe::interfaces;
use smbgw_core::step::LeftBehind;
use smbgw_core::transaction::World;

use super::breaking::{BreakNode, public_addresses};
use super::measure::{Moments, milliseconds};
use super::plan::{Broken, Plan};
use super::report::{Handle, Interval, Place, Report, Round};
use super::traffic::{ANSWERING, Pulse, Site, Worked};
use super::{DrillError, Request};
use crate::cluster_error::ClusterError;
use crate::ctl::{Ctl, NodeState};
use crate::files::{CtdbConf, Setting};
use crate::node::{Member, NodeName};
use crate::objective::{Loss, Tunables, worst_cases};
use crate::smb::SmbError;
use crate::world::Cluster;

/// Between two looks at the cluster.
const LOOK: Duration = Duration::from_millis(40);

/// How long one look may take.
const LONGEST_LOOK: Duration = Duration::from_secs(5);

/// How long the cluster may take to be in order before a round and after it.
const LONGEST_SETTLING: Duration = Duration::from_secs(180);

/// How long files may stay open that a lost connection had open.
const LONGEST_CLEANING: Duration = Duration::from_secs(10);

/// How long what was written may take to be read back: twice as long as one answer.
const LONGEST_READING: Duration = ANSWERING.saturating_mul(2);

/// How long the parts of moving an address by command may take.
const MOVING: Duration = Duration::from_secs(2);

/// How long the clients go on when all is well again, as addresses may move back a moment later.
const LINGER: Duration = Duration::from_secs(1);

/// Why a round ended before its time, and what is left broken.
type Failure = (Finding, Vec<LeftBehind>);

/// Does all rounds.
pub(super) fn all(
    cluster: &Cluster<'_>,
    request: &Request<'_>,
) -> Result<Outcome<Report>, DrillError> {
    let started_at_seconds = cluster.coordinator.now();
    let tunables = tunables(cluster, request)?;
    let mut random = [0; 8];
    getrandom::fill(&mut random)
        .map_err(|error| ClusterError::from(unreadable(std::io::Error::other(error))))?;
    let seed = u64::from_le_bytes(random);
    let directory = format!("smbgw-drill-{seed:016x}");
    let site = Site {
        address: request.address,
        share: request.share.as_str(),
        login: request.login,
        directory: &directory,
        seed,
    };
    site.set_up().map_err(|source| DrillError::Client {
        share: request.share.to_string(),
        source,
    })?;
    let mut rounds = Vec::new();
    let mut notes = Vec::new();
    let mut is_left = false;
    let nodes = request.nodes.iter().cycle().take(request.count as usize);
    for (number, node) in nodes.enumerate() {
        let site = Site {
            seed: seed.wrapping_add(number as u64),
            ..site
        };
        match one(cluster, request, &site, &tunables, node) {
            Ok((round, unread)) => {
                rounds.push(round);
                notes.extend(unread);
            }
            Err((cause, left_behind)) if left_behind.is_empty() => {
                return Ok(Outcome::RolledBack { cause });
            }
            Err((cause, left_behind)) => {
                return Ok(Outcome::NeedsAttention { cause, left_behind });
            }
        }
        if !is_cleaned_up(&site, request.clients) {
            is_left = true;
        } else if let Err(error) = site.set_up() {
            let finding = Finding::new("use the share again", &error);
            return Ok(Outcome::RolledBack { cause: finding });
        }
    }
    if is_left || !is_cleaned_up(&site, request.clients) {
        notes.push(format!(
            "the directory {directory} is left in the share {}",
            site.share
        ));
    }
    let sum = |count: fn(&super::ClientReport) -> u64| {
        let clients = rounds.iter().flat_map(|round: &Round| &round.clients);
        clients.map(count).sum()
    };
    Ok(Outcome::Done(Report {
        started_at_seconds,
        address: request.address,
        scenario: request.scenario,
        tunables,
        bytes_acknowledged: sum(|client| client.bytes_acknowledged),
        bytes_lost: sum(|client| client.bytes_lost),
        operations: sum(|client| client.operations),
        operations_failed: sum(|client| client.operations_failed),
        rounds,
        ended_at: places(cluster)?,
        notes,
    }))
}

/// Removes what was written. A node that hung may hold its files open for a while.
fn is_cleaned_up(site: &Site<'_>, clients: u32) -> bool {
    let patience = Deadline::after(LONGEST_CLEANING);
    loop {
        if site.clean_up(clients).is_ok() {
            return true;
        }
        if patience.has_passed() {
            return false;
        }
        thread::sleep(LOOK * 10);
    }
}

/// Breaks one node, and repairs it.
fn one(
    cluster: &Cluster<'_>,
    request: &Request<'_>,
    site: &Site<'_>,
    tunables: &Tunables,
    node: &NodeName,
) -> Result<(Round, Vec<String>), Failure> {
    let failed = |error: &dyn Coded| (Finding::new(format!("drill {node}"), error), Vec::new());
    let view = View::of(cluster, node).map_err(|error| failed(&error))?;
    view.bring(request, site).map_err(|error| failed(&error))?;
    let led = view.leads().map_err(|error| failed(&error))?;
    let step = view
        .step(cluster, request)
        .map_err(|error| failed(&error))?;
    let broken = Broken::prepare(cluster, Plan::new(step)).map_err(|cause| (cause, Vec::new()))?;

    let stop = AtomicBool::new(false);
    let pulses: Vec<Pulse> = (0..request.clients).map(|_| Pulse::new()).collect();
    let mut watch = Watch::new(&view);
    let (during, workeds, handle) = thread::scope(|scope| {
        let clients: Vec<_> = (0..)
            .zip(&pulses)
            .map(|(number, pulse)| {
                scope.spawn({
                    let stop = &stop;
                    move || site.work(number, pulse, stop)
                })
            })
            .collect();
        let holder = scope.spawn(|| site.hold(&stop));
        let during = break_and_repair(cluster, request, tunables, broken, &mut watch, &pulses);
        stop.store(true, Ordering::Relaxed);
        let workeds: Vec<Worked> = clients.into_iter().map(joined).collect();
        (during, workeds, joined(holder))
    });
    let moments = during?;
    Ok(report(node, led, &watch, &moments, &workeds, handle, site))
}

/// The part of a round in which the clients work.
fn break_and_repair(
    cluster: &Cluster<'_>,
    request: &Request<'_>,
    tunables: &Tunables,
    broken: Broken<'_>,
    watch: &mut Watch<'_>,
    pulses: &[Pulse],
) -> Result<Moments, Failure> {
    let warm = Deadline::after(request.warm_up);
    let at_work = cluster.deadline.at_most(LONGEST_SETTLING);
    let start = Instant::now();
    while !warm.has_passed() || !all_answered(pulses, start) && !at_work.has_passed() {
        watch.look();
    }
    let moment = Instant::now();
    let patience = Deadline::after(patience(tunables));
    let struck = thread::scope(|scope| {
        let striking = scope.spawn(|| broken.strike());
        loop {
            watch.look();
            let is_over = striking.is_finished();
            let is_served = watch.moved.is_some_and(|moved| all_answered(pulses, moved));
            if is_over && (is_served || patience.has_passed()) {
                break;
            }
        }
        joined(striking)
    });
    let repaired = Instant::now();
    let mended = thread::scope(|scope| {
        let repairing = scope.spawn(|| broken.repair());
        while !repairing.is_finished() {
            watch.look();
        }
        joined(repairing)
    });
    mended?;
    struck.map_err(|cause| (cause, Vec::new()))?;
    let settling = cluster.for_undo().deadline.at_most(LONGEST_SETTLING);
    while !watch.look() && !settling.has_passed() {}
    watch.healthy = watch.is_well.then(Instant::now);
    if watch.healthy.is_none() {
        let error = ClusterError::NotHealthy {
            seconds: LONGEST_SETTLING.as_secs(),
            each: vec!["after the repair".into()],
        };
        return Err((Finding::new("wait for the cluster", &error), Vec::new()));
    }
    let linger = Deadline::after(LINGER);
    while !linger.has_passed() {
        watch.look();
    }
    Ok(Moments {
        broken: moment,
        repaired,
        over: Instant::now(),
    })
}

fn report(
    node: &NodeName,
    led: bool,
    watch: &Watch<'_>,
    moments: &Moments,
    workeds: &[Worked],
    handle: Handle,
    site: &Site<'_>,
) -> (Round, Vec<String>) {
    let mut unread = Vec::new();
    let clients = (0..).zip(workeds).map(|(number, worked)| {
        let missing = missing(site, number, worked.acknowledged).unwrap_or_else(|error| {
            unread.push(format!(
                "what client {number} wrote counts as lost: the share did not let it be read for {} seconds: {error}",
                LONGEST_READING.as_secs()
            ));
            worked.acknowledged
        });
        moments.client(worked, missing)
    });
    let clients = clients.collect();
    let gaps = workeds.iter().map(|worked| moments.gap(worked));
    let gap = gaps
        .collect::<Option<Vec<_>>>()
        .and_then(|gaps| gaps.into_iter().max());
    let repair_gaps = workeds.iter().map(|worked| moments.repair_gap(worked));
    let since = |moment: Instant| moments.since_break(moment);
    let placements = watch.placements.iter().map(|(node, from, to)| Interval {
        node: Some(node.clone()),
        ..moments.interval(*from, *to)
    });
    let round = Round {
        node: node.clone(),
        led,
        to: watch.to.clone(),
        noticed_milliseconds: watch.noticed.map(since),
        moved_milliseconds: watch.moved.map(since),
        client_gap_milliseconds: gap.map(milliseconds),
        repair_gap_milliseconds: milliseconds(repair_gaps.max().unwrap_or_default()),
        repaired_milliseconds: since(moments.repaired),
        healthy_milliseconds: since(watch.healthy.unwrap_or(moments.over)),
        over_milliseconds: since(moments.over),
        handle,
        placements: placements.collect(),
        clients,
    };
    (round, unread)
}

/// How many pieces of a client cannot be read back.
fn missing(site: &Site<'_>, number: u32, count: u64) -> Result<u64, SmbError> {
    let patience = Deadline::after(LONGEST_READING);
    loop {
        match site.missing(number, count) {
            Err(_) if !patience.has_passed() => thread::sleep(LOOK),
            result => return result,
        }
    }
}

/// How long it may take until an address is elsewhere: twice the worst case, and something for a busy machine.
fn patience(tunables: &Tunables) -> Duration {
    let cases = worst_cases(tunables);
    let silent = cases.iter().find(|case| case.loss == Loss::PoweredOff);
    let worst = silent.and_then(|case| case.client_milliseconds);
    Duration::from_millis(worst.unwrap_or_default() * 2) + Duration::from_secs(20)
}

fn all_answered(pulses: &[Pulse], since: Instant) -> bool {
    pulses.iter().all(|pulse| pulse.is_after(since))
}

fn joined<T>(thread: thread::ScopedJoinHandle<'_, T>) -> T {
    thread
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// The cluster as one node sees it that is not broken.
struct View<'a> {
    cluster: &'a Cluster<'a>,
    observer: &'a Member<'a>,
    victim: u32,
    node: NodeName,
    names: Vec<(u32, NodeName)>,
    address: std::cell::Cell<Option<std::net::IpAddr>>,
}

impl<'a> View<'a> {
    fn of(cluster: &'a Cluster<'a>, node: &NodeName) -> Result<Self, ClusterError> {
        let victim = cluster.member(node)?;
        let mut others = cluster
            .members
            .iter()
            .filter(|other| other.spec.name != *node);
        let observer = others.find(|other| Ctl::new(other.host, cluster.deadline).pnn().is_ok());
        let observer = observer.ok_or_else(|| ClusterError::Unreached { node: node.clone() })?;
        let nodes = Ctl::new(observer.host, cluster.deadline).nodes()?;
        let named = |state: &NodeState| {
            let mut members = cluster.members.iter();
            let member = members.find(|member| member.spec.address == state.address)?;
            Some((state.pnn, member.spec.name.clone()))
        };
        let names: Vec<_> = nodes.iter().filter_map(named).collect();
        let own = nodes
            .iter()
            .find(|state| state.address == victim.spec.address);
        let own = own.ok_or_else(|| ClusterError::NoNode(node.clone()))?;
        Ok(Self {
            cluster,
            observer,
            victim: own.pnn,
            node: node.clone(),
            names,
            address: std::cell::Cell::new(None),
        })
    }

    fn ctl(&self, time: Duration) -> Ctl<'a> {
        Ctl::new(self.observer.host, Deadline::after(time))
    }

    fn holder(&self, request: &Request<'_>) -> Result<Option<u32>, ClusterError> {
        let addresses = self.ctl(LONGEST_LOOK).addresses()?;
        let mut all = addresses.into_iter();
        let found = all.find(|(address, _)| *address == request.address);
        Ok(found.and_then(|(_, node)| node))
    }

    /// Has the node have the address, and waits until the share answers there.
    fn bring(&self, request: &Request<'_>, site: &Site<'_>) -> Result<(), ClusterError> {
        self.address.set(Some(request.address));
        let limit = self.cluster.deadline.at_most(LONGEST_SETTLING);
        loop {
            if self.holder(request)? == Some(self.victim) {
                if site.set_up().is_ok() {
                    return Ok(());
                }
            } else {
                self.move_here(request.address);
            }
            if limit.has_passed() {
                return Err(ClusterError::NotHealthy {
                    seconds: LONGEST_SETTLING.as_secs(),
                    each: vec![format!("{} does not serve {}", self.node, request.address)],
                });
            }
            thread::sleep(LOOK);
        }
    }

    /// Moves the address to the node, and waits until addresses may be moved again: ctdb lets none be moved, by
    /// a failover either, for twice the time that it gives the command's controls (ctdb 4.17).
    fn move_here(&self, address: std::net::IpAddr) {
        let (address, node) = (address.to_string(), self.victim.to_string());
        let control = MOVING.as_secs().to_string();
        let ctl = self.ctl(Duration::from_secs(30));
        // Where it does not work, it is tried again.
        let _ = ctl.run(["-t", &control, "moveip", &address, &node]);
        thread::sleep(MOVING * 2 + Duration::from_millis(500));
    }

    fn leads(&self) -> Result<bool, ClusterError> {
        let said = self.ctl(LONGEST_LOOK).run(["leader"])?;
        Ok(said.trim() == self.victim.to_string())
    }

    fn step(
        &self,
        cluster: &Cluster<'_>,
        request: &Request<'_>,
    ) -> Result<BreakNode, ClusterError> {
        let others = cluster.members.iter().map(|member| &member.spec);
        let others = others.filter(|spec| spec.name != self.node);
        Ok(BreakNode {
            node: self.node.clone(),
            scenario: request.scenario,
            others: others.map(|spec| spec.address).collect(),
            public: public_addresses(cluster.member(&self.node)?.host)?,
        })
    }

    fn name(&self, pnn: u32) -> Option<NodeName> {
        let found = self.names.iter().find(|(number, _)| *number == pnn);
        found.map(|(_, name)| name.clone())
    }
}

/// What is seen of a cluster in the course of a round.
struct Watch<'a> {
    view: &'a View<'a>,
    noticed: Option<Instant>,
    moved: Option<Instant>,
    to: Option<NodeName>,
    healthy: Option<Instant>,
    is_well: bool,
    placements: Vec<(NodeName, Instant, Instant)>,
}

impl<'a> Watch<'a> {
    fn new(view: &'a View<'a>) -> Self {
        Self {
            view,
            noticed: None,
            moved: None,
            to: None,
            healthy: None,
            is_well: false,
            placements: Vec::new(),
        }
    }

    /// Looks once, after a pause, and says whether all is well.
    fn look(&mut self) -> bool {
        thread::sleep(LOOK);
        let ctl = self.view.ctl(LONGEST_LOOK);
        self.is_well = false;
        let Ok(nodes) = ctl.nodes() else {
            return false;
        };
        let now = Instant::now();
        let own = nodes.iter().find(|node| node.pnn == self.view.victim);
        if own.is_some_and(|node| !node.flags.is_healthy()) {
            self.noticed.get_or_insert(now);
        }
        let Ok(addresses) = ctl.addresses() else {
            return false;
        };
        let now = Instant::now();
        let wanted = self.view.address.get();
        let mut all = addresses.iter();
        let found = all.find(|(address, _)| Some(*address) == wanted);
        let holder = found.and_then(|(_, node)| *node);
        if let Some(holder) = holder {
            if holder != self.view.victim && self.moved.is_none() {
                self.moved = Some(now);
                self.to = self.view.name(holder);
            }
            if let Some(name) = self.view.name(holder) {
                self.place(name, now);
            }
        }
        self.is_well = nodes.iter().all(|node| node.flags.is_healthy())
            && addresses.iter().all(|(_, node)| node.is_some());
        self.is_well
    }

    fn place(&mut self, name: NodeName, now: Instant) {
        match self.placements.last_mut() {
            Some((last, _, to)) if *last == name => *to = now,
            _ => self.placements.push((name, now, now)),
        }
    }
}

/// The settings that the cluster works with.
fn tunables(cluster: &Cluster<'_>, request: &Request<'_>) -> Result<Tunables, DrillError> {
    let name = request.nodes.first();
    let name = name.ok_or_else(|| DrillError::Refused(Vec::new()))?;
    let member = cluster.member(name)?;
    let ctl = Ctl::new(member.host, cluster.deadline);
    let listed = ctl.tunables(None).map_err(ClusterError::from)?;
    let file = std::path::Path::new("/etc/ctdb/ctdb.conf");
    let content = member.host.read(file).map_err(ClusterError::from)?;
    let text = String::from_utf8_lossy(&content.unwrap_or_default()).into_owned();
    let conf = CtdbConf::parse(&text).map_err(ClusterError::from)?;
    let timeout = conf.get(Setting::LeaderTimeout);
    let timeout = timeout.and_then(|seconds| seconds.parse().ok());
    Ok(Tunables::of(&listed, timeout))
}

/// Where all addresses are, by what ctdb says and by what is on interfaces.
fn places(cluster: &Cluster<'_>) -> Result<Vec<Place>, DrillError> {
    let deadline = cluster.for_undo().deadline;
    let mut seen = Vec::new();
    for member in cluster.members {
        let all = interfaces(member.host, deadline).map_err(ClusterError::from)?;
        let all: Vec<_> = all.into_iter().map(|interface| interface.address).collect();
        seen.push((&member.spec.name, all));
    }
    let first = cluster.members.first();
    let Some(first) = first else {
        return Ok(Vec::new());
    };
    let ctl = Ctl::new(first.host, deadline);
    let nodes = ctl.nodes().map_err(ClusterError::from)?;
    let name = |pnn: u32| {
        let state = nodes.iter().find(|state| state.pnn == pnn)?;
        let mut members = cluster.members.iter();
        let member = members.find(|member| member.spec.address == state.address)?;
        Some(member.spec.name.clone())
    };
    let addresses = ctl.addresses().map_err(ClusterError::from)?;
    let places = addresses.into_iter().map(|(address, node)| Place {
        address,
        node: node.and_then(name),
        seen_on: seen
            .iter()
            .filter(|(_, all)| all.contains(&address))
            .map(|(name, _)| (*name).clone())
            .collect(),
    });
    Ok(places.collect())
}

fn unreadable(source: std::io::Error) -> smbgw_core::host::CommandError {
    smbgw_core::host::CommandError::Start {
        command: "getrandom".into(),
        source,
    }
}
