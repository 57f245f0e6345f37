//! Which nodes a cluster has: one more, or one less, while clients are connected to the others.
//!
//! A node's number is its line in `nodes`, so a new one is added at the end and one that goes is commented
//! out; nobody's number changes.

use std::path::Path;

use smbgw_core::error::{ErrorKind, Problem};

use crate::before::{self, Before};
use crate::cluster_error::ClusterError;
use crate::cluster_lock::{ClusterLock, LOCK_PROGRAM, is_let_go};
use crate::code::Code;
use crate::files::{CtdbConf, NodesFile, Setting};
use crate::node::{Member, NodeName, NodeSpec};
use crate::outcome::Outcome;
use crate::plan::{Operation, Plan, Step};
use crate::record::{self, ClusterRecord, RecordedNode};
use crate::recover::{begin, settle_earlier};
use crate::setup::look::{Machine, look};
use crate::setup::plan::{Prepared, configure, prove, put, remember, samba_state, serve, start};
use crate::setup::{CTDB_CONF, NODES, SCRIPT_OPTIONS, SetupRequest, TUNABLES};
use crate::steps::clear::ClearDatabases;
use crate::steps::daemon::{DisableNode, StopDaemon};
use crate::steps::file::PutFile;
use crate::steps::healthy::AwaitHealthy;
use crate::steps::nodes::{ReloadNodes, ReloadNodesAfterUndo, WithdrawNode};
use crate::steps::samba::HoldSamba;
use crate::way_back::way_back;
use crate::world::Cluster;

/// Takes one more machine into the cluster. The members of `cluster` are all its nodes and the new one.
///
/// It gets the settings of the first node, and may take every address of the cluster. Where its addition fails
/// after ctdb was told of it, its number stays taken.
///
/// # Errors
/// [`ClusterError::Refused`] with all that speaks against it, and [`ClusterError::NoCluster`] where there is
/// no cluster. Nothing was touched then.
pub fn add_node(cluster: &Cluster<'_>, new: &NodeSpec) -> Result<Outcome, ClusterError> {
    let _locks = cluster.lock("adding a node")?;
    let notes = settle_earlier(cluster)?;
    let record = record_of(cluster, Some(&new.name))?;
    is_new(&record, new)?;
    let present = members_of(cluster, &record)?;
    let first = present[0];
    let mut nodes = same_nodes(&present)?;
    let pnn = nodes.append(new.address)?;
    let mut without = nodes.clone();
    without.remove(pnn)?;
    let nodes = nodes.render();
    let conf = conf_of(first)?;
    let request = like(&record, &conf, new)?;
    let member = cluster.member(&new.name)?;
    let (mut machine, problems) = look(&request, &nodes, member, cluster.deadline)?;
    if !problems.is_empty() {
        return Err(ClusterError::Refused(problems));
    }
    copy_from(first, &conf, member, &mut machine)?;
    let notes = [notes, machine.notes.clone()].concat();
    let prepared = Prepared {
        member,
        machine,
        samba: samba_state(member, cluster.deadline)?,
    };
    let (mut record, mut withdrawn) = (record.clone(), record);
    for (record, gone) in [(&mut record, false), (&mut withdrawn, true)] {
        let spec = new.clone();
        record.nodes.push(RecordedNode { spec, gone });
    }
    let withdraw = WithdrawNode {
        on: present.iter().map(|old| old.spec.name.clone()).collect(),
        address: new.address,
        nodes: without.render().into_bytes().into(),
        record: withdrawn.text()?.into_bytes().into(),
    };
    let mut steps: Vec<Step> = vec![withdraw.into()];
    for old in &present {
        steps.push(put(
            &old.spec.name,
            NODES,
            nodes.clone().into_bytes(),
            0o644,
        ));
    }
    steps.extend(configure(&request, &prepared)?);
    steps.push(reload(first));
    steps.push(start(&prepared));
    let all = || record.present().map(|(_, spec)| spec);
    steps.push(AwaitHealthy::of(all()).into());
    steps.push(prove(&request, &prepared));
    steps.extend(serve(&request, &prepared));
    steps.extend(remember(&record, all().map(|spec| spec.name.clone()))?);
    let plan = Plan {
        operation: Operation::AddNode,
        cluster: record.name.clone(),
        nodes: all().cloned().collect(),
        steps,
        point_of_no_return: None,
    };
    begin(cluster, &plan, notes)
}

/// Takes a node out of the cluster, and makes it the machine that it was. The members of `cluster` are all
/// nodes; the one that goes may be missing among them where it is lost for good, and its ctdbd does not run.
///
/// # Errors
/// [`ClusterError::NoNode`], [`crate::files::FileError::LastNode`], [`ClusterError::NoWayBack`] where it was
/// not made a node by this program, and [`ClusterError::NoCluster`]. Nothing was touched then.
pub fn remove_node(cluster: &Cluster<'_>, name: &NodeName) -> Result<Outcome, ClusterError> {
    let _locks = cluster.lock("removing a node")?;
    let mut notes = settle_earlier(cluster)?;
    let mut record = record_of(cluster, Some(name))?;
    let (pnn, going) = record
        .node(name)
        .map(|(pnn, spec)| (pnn, spec.clone()))
        .ok_or_else(|| ClusterError::NoNode(name.clone()))?;
    let at = usize::try_from(pnn).unwrap_or(usize::MAX);
    if let Some(node) = record.nodes.get_mut(at) {
        node.gone = true;
    }
    let staying = members_of(cluster, &record)?;
    let Some(first) = staying.first() else {
        return Err(crate::files::FileError::LastNode { pnn }.into());
    };
    let mut nodes = same_nodes(&staying)?;
    nodes.remove(pnn)?;
    let nodes = nodes.render();
    let mut steps: Vec<Step> = Vec::new();
    let mut last = Vec::new();
    match cluster.member(name) {
        Ok(member) => {
            let before = Before::load(member.host)?
                .ok_or_else(|| ClusterError::NoWayBack { node: name.clone() })?;
            let node = name.clone();
            steps.push(DisableNode { node: node.clone() }.into());
            let managed = record.managed;
            steps.push(
                HoldSamba {
                    node: node.clone(),
                    managed,
                }
                .into(),
            );
            steps.push(StopDaemon { node }.into());
            let (files, samba) = way_back(member, &before)?;
            steps.extend(files);
            last.push(samba);
            last.push(forget(name, record::FILE));
            last.push(forget(name, before::FILE));
            // Copies of what the other nodes have; old ones would be taken for new if it came back.
            let node = name.clone();
            last.push(ClearDatabases { node }.into());
        }
        Err(_) => notes.push(format!(
            "{name} was not reached, and is as it was: ctdb must not start on it again"
        )),
    }
    steps.push(reload_after_undo(first));
    for member in &staying {
        steps.push(put(
            &member.spec.name,
            NODES,
            nodes.clone().into_bytes(),
            0o644,
        ));
    }
    steps.push(reload(first));
    let left = || record.present().map(|(_, spec)| spec);
    steps.push(AwaitHealthy::of(left()).into());
    steps.extend(remember(&record, left().map(|spec| spec.name.clone()))?);
    let clears = |step: &Step| matches!(step, Step::ClearDatabases(_));
    steps.extend(last);
    let point_of_no_return = steps.iter().position(clears);
    let plan = Plan {
        operation: Operation::RemoveNode,
        cluster: record.name.clone(),
        nodes: left().cloned().chain([going]).collect(),
        steps,
        point_of_no_return,
    };
    begin(cluster, &plan, notes)
}

/// Refuses a machine that is a node already, by its name or its address.
pub(crate) fn is_new(record: &ClusterRecord, new: &NodeSpec) -> Result<(), ClusterError> {
    let is_it = |(_, spec): (u32, &NodeSpec)| spec.name == new.name || spec.address == new.address;
    if !record.present().any(is_it) {
        return Ok(());
    }
    let code = Code::NodeIsThere;
    let message = format!(
        "the cluster has a node {} or {} already",
        new.name, new.address
    );
    let problem = Problem::invalid("node", code.as_str(), message);
    Err(ClusterError::Refused(vec![
        problem.kind(ErrorKind::Conflict).remedy(code.fix()),
    ]))
}

/// The record that the nodes have.
pub(crate) fn record_of(
    cluster: &Cluster<'_>,
    except: Option<&NodeName>,
) -> Result<ClusterRecord, ClusterError> {
    for member in cluster.members {
        if except != Some(&member.spec.name)
            && let Some(record) = ClusterRecord::load(member.host)?
        {
            return Ok(record);
        }
    }
    Err(ClusterError::NoCluster(
        cluster.coordinator.name().to_owned(),
    ))
}

/// The nodes of the record that are not gone, all of which have to be reached.
pub(crate) fn members_of<'a>(
    cluster: &Cluster<'a>,
    record: &ClusterRecord,
) -> Result<Vec<&'a Member<'a>>, ClusterError> {
    record
        .present()
        .map(|(_, spec)| cluster.member(&spec.name))
        .collect()
}

/// A step that removes a file of ours.
pub(crate) fn forget(node: &NodeName, path: &str) -> Step {
    PutFile {
        node: node.clone(),
        path: path.into(),
        content: None,
        mode: 0o644,
    }
    .into()
}

/// The list of nodes, which is to be the same on all of them.
fn same_nodes(members: &[&Member<'_>]) -> Result<NodesFile, ClusterError> {
    let mut found: Option<(String, &NodeName)> = None;
    for member in members {
        let text = member.host.read(Path::new(NODES))?.unwrap_or_default();
        let text = String::from_utf8_lossy(&text).into_owned();
        match &found {
            None => found = Some((text, &member.spec.name)),
            Some((known, _)) if *known == text => {}
            Some((_, first)) => {
                let code = Code::NodesDiffer;
                let message = format!(
                    "{NODES} is not the same on {first} and {}",
                    member.spec.name
                );
                let problem = Problem::invalid("nodes", code.as_str(), message);
                return Err(ClusterError::Refused(vec![
                    problem.kind(ErrorKind::Conflict).remedy(code.fix()),
                ]));
            }
        }
    }
    Ok(NodesFile::parse(
        &found.map(|(text, _)| text).unwrap_or_default(),
    )?)
}

/// The request for a machine that is to be like the first node, whose ctdb.conf is `conf`.
fn like(
    record: &ClusterRecord,
    conf: &CtdbConf,
    new: &NodeSpec,
) -> Result<SetupRequest, ClusterError> {
    let lock =
        match conf.get(Setting::ClusterLock) {
            Some(value) => Some(ClusterLock::from_setting(value).map_err(|error| {
                ClusterError::Refused(vec![Problem::from_error("lock", &error)])
            })?),
            None => None,
        };
    Ok(SetupRequest {
        addresses: record.addresses.clone(),
        lock,
        leader_timeout_seconds: conf
            .get(Setting::LeaderTimeout)
            .and_then(|value| value.parse().ok()),
        managed: record.managed,
        ..SetupRequest::new(&record.name, vec![new.clone()], &record.shared_path)
    })
}

/// Has a new node have what event scripts and ctdbd are told on the first one.
fn copy_from(
    first: &Member<'_>,
    conf: &CtdbConf,
    new: &Member<'_>,
    machine: &mut Machine,
) -> Result<(), ClusterError> {
    // ctdb compares the lock of nodes as text.
    let lock = conf.get(Setting::ClusterLock);
    if let Some((_, _, text)) = machine
        .files
        .iter_mut()
        .find(|(path, ..)| path == Path::new(CTDB_CONF))
    {
        let mut own = CtdbConf::parse(&String::from_utf8_lossy(text))?;
        own.set_as_in(Setting::ClusterLock, conf)?;
        *text = own.render().into_bytes();
    }
    // An older set-up, or somebody else's, has its lock held in another way.
    if !lock.is_some_and(is_let_go) {
        let is_it = |path: &Path| path == Path::new(LOCK_PROGRAM);
        machine.files.retain(|(path, ..)| !is_it(path));
    }
    for path in [SCRIPT_OPTIONS, TUNABLES] {
        let path = Path::new(path);
        let (theirs, own) = (first.host.read(path)?, new.host.read(path)?);
        if let Some(theirs) = theirs.filter(|theirs| own.as_ref() != Some(theirs)) {
            machine.files.insert(0, (path.to_path_buf(), own, theirs));
        }
    }
    Ok(())
}

/// The ctdb.conf of a node.
fn conf_of(node: &Member<'_>) -> Result<CtdbConf, ClusterError> {
    let text = node.host.read(Path::new(CTDB_CONF))?.unwrap_or_default();
    Ok(CtdbConf::parse(&String::from_utf8_lossy(&text))?)
}

fn reload(member: &Member<'_>) -> Step {
    let node = member.spec.name.clone();
    ReloadNodes { node }.into()
}

fn reload_after_undo(member: &Member<'_>) -> Step {
    let node = member.spec.name.clone();
    ReloadNodesAfterUndo { node }.into()
}
