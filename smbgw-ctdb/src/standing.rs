//! A cluster in one view: how it stands, what it is known as, its last failovers, and one of its shares.

use std::path::PathBuf;

use serde::Serialize;
use smbgw_core::catalog;
use smbgw_core::deadline::Deadline;
use smbgw_core::error::{Coded, ErrorKind, chain_text};
use smbgw_core::host::Host;
use smbgw_core::lifecycle::ShareError;
use smbgw_core::share::ShareName;

use crate::code::Code;
use crate::events::{self, ClusterEvent, Filter, What};
use crate::members::{Members, MembersError, cluster_of};
use crate::node::NodeName;
use crate::record::ClusterRecord;
use crate::status::{self, ClusterStatus, Severity, StatusError};

/// How many of the last failovers are told.
const LAST: usize = 5;

/// How a cluster stands, and what is known of it beside that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Standing {
    /// What clients know it as; none where there is no record of the cluster.
    pub name: Option<String>,
    /// What its nodes say.
    #[serde(flatten)]
    pub status: ClusterStatus,
    /// The last times that an address went to another node, in the order of time.
    pub last_failovers: Vec<ClusterEvent>,
    /// The share that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share: Option<ShareStanding>,
}

/// Where a share is, and whether it can be on another node after a failover.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ShareStanding {
    /// The share.
    pub name: ShareName,
    /// Its directory.
    pub path: PathBuf,
    /// Whether that is in the folder that all nodes share; none where there is no record of the cluster.
    pub is_shared: Option<bool>,
    /// The nodes that have the share, with that directory.
    pub on: Vec<NodeName>,
    /// The nodes that have no such share, or another one by that name: after a failover to one of them,
    /// clients do not find it.
    pub missing_on: Vec<NodeName>,
    /// The nodes that could not be asked.
    pub unknown_on: Vec<NodeName>,
}

/// Why a cluster could not be shown.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StandingError {
    /// There is no cluster.
    #[error(transparent)]
    Members(#[from] MembersError),
    /// Its nodes do not answer.
    #[error(transparent)]
    Status(#[from] StatusError),
    /// There is no such share.
    #[error(transparent)]
    Share(#[from] ShareError),
}

/// How the cluster of `host` stands: as all its nodes say where `cluster` has them, and otherwise as the
/// ctdbd of `host` does.
///
/// # Errors
/// Where nobody answers, and where the share `share` is on none of the nodes.
pub fn standing(
    host: &dyn Host,
    cluster: Option<(&ClusterRecord, &Members)>,
    share: Option<&ShareName>,
    deadline: Deadline,
) -> Result<Standing, StandingError> {
    let share = share
        .map(|name| ShareStanding::of(name, host, cluster))
        .transpose()?;
    let failovers = Filter {
        what: vec![What::AddressMoved],
        newest: Some(LAST),
        ..Filter::default()
    };
    let Some((record, members)) = cluster else {
        return Ok(Standing {
            name: None,
            status: status::read_one(host, deadline).map_err(|error| no_cluster(host, error))?,
            last_failovers: events::read(&[host], None, None, &failovers).events,
            share,
        });
    };
    let reached = members.reached();
    let mut status = status::read(&reached, deadline)?;
    name_nodes(&mut status, record, members);
    Ok(Standing {
        name: Some(record.name.clone()),
        status,
        last_failovers: members.past(None, None, &failovers).events,
        share,
    })
}

impl Standing {
    /// Whether nothing has to be done: there is nothing worse than what an administrator wanted, and the
    /// share that was asked for can be on every node.
    pub fn is_good(&self) -> bool {
        let is_bad = |severity: Severity| severity < Severity::Notice;
        !self.status.findings.iter().any(|one| is_bad(one.severity))
            && self.share.as_ref().is_none_or(ShareStanding::is_everywhere)
    }
}

impl ShareStanding {
    /// Whether clients find it wherever an address goes.
    pub fn is_everywhere(&self) -> bool {
        self.is_shared != Some(false) && self.missing_on.is_empty()
    }

    fn of(
        name: &ShareName,
        host: &dyn Host,
        cluster: Option<(&ClusterRecord, &Members)>,
    ) -> Result<Self, ShareError> {
        let Some((record, members)) = cluster else {
            let found = catalog::load(host, name)?;
            let found = found.ok_or_else(|| ShareError::NotFound(name.clone()))?;
            return Ok(Self::new(name, found.spec.path.as_path().to_owned(), None));
        };
        let mut asked = Vec::new();
        for member in members.reached() {
            asked.push((&member.spec.name, catalog::load(member.host, name)));
        }
        let path = asked
            .iter()
            .find_map(|(_, found)| Some(found.as_ref().ok()?.as_ref()?.spec.path.as_path()));
        let path = path.map(PathBuf::from);
        let path = path.ok_or_else(|| ShareError::NotFound(name.clone()))?;
        let is_shared = path.starts_with(&record.shared_path);
        let mut standing = Self::new(name, path, Some(is_shared));
        let unreached = members.unreached().map(|(spec, _)| spec.name.clone());
        standing.unknown_on.extend(unreached);
        for (node, found) in asked {
            let list = match found {
                Ok(Some(found)) if found.spec.path.as_path() == standing.path => &mut standing.on,
                Ok(_) => &mut standing.missing_on,
                Err(_) => &mut standing.unknown_on,
            };
            list.push(node.clone());
        }
        Ok(standing)
    }

    fn new(name: &ShareName, path: PathBuf, is_shared: Option<bool>) -> Self {
        Self {
            name: name.clone(),
            path,
            is_shared,
            on: Vec::new(),
            missing_on: Vec::new(),
            unknown_on: Vec::new(),
        }
    }
}

/// Why the ctdbd of `host` does not answer: there need not be one where there is no cluster.
fn no_cluster(host: &dyn Host, error: StatusError) -> StandingError {
    // It does not run, or is not installed.
    let has_none = [Code::DaemonNotRunning.as_str(), "host.tool-missing"].contains(&error.code());
    match cluster_of(host) {
        Err(no_cluster) if has_none => no_cluster.into(),
        _ => error.into(),
    }
}

/// Tells of nodes that could not even be asked what the record knows of them.
fn name_nodes(status: &mut ClusterStatus, record: &ClusterRecord, members: &Members) {
    for node in &mut status.nodes {
        let known = record
            .present()
            .find(|(_, spec)| spec.address == node.address);
        if let (None, Some((_, spec))) = (&node.name, known) {
            node.name = Some(spec.name.clone());
            let mut unreached = members.unreached();
            let why = unreached.find(|(other, _)| other.name == spec.name);
            node.unseen = why
                .map(|(_, error)| chain_text(error))
                .or(node.unseen.take());
        }
    }
}

impl Coded for StandingError {
    fn code(&self) -> &'static str {
        match self {
            Self::Members(error) => error.code(),
            Self::Status(error) => error.code(),
            Self::Share(error) => error.code(),
        }
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::Members(error) => error.kind(),
            Self::Status(error) => error.kind(),
            Self::Share(error) => error.kind(),
        }
    }

    fn remedy(&self) -> Option<String> {
        match self {
            Self::Members(error) => error.remedy(),
            Self::Status(error) => error.remedy(),
            Self::Share(error) => error.remedy(),
        }
    }
}
