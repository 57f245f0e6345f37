//! What is not as it should be in a cluster.

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::code::Code;
use crate::ctl::RunState;
use crate::placement::NodeFlags;
use crate::status::{ClusterStatus, NodeStatus, RecoveryMode};

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// Stable code, one of [`Code`].
    pub code: String,
    /// What it is about.
    pub about: Subject,
    /// What is the matter, as a lower-case sentence.
    pub message: String,
    /// What usually is behind it.
    pub cause: String,
    /// What to do about it.
    pub remedy: String,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Clients are not served, or data is in danger.
    Critical,
    /// Clients are served, and less can fail than should be able to.
    Warning,
    /// As an administrator wanted it.
    Notice,
}

/// What a finding is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// All of the cluster.
    Cluster,
    /// The node with this number.
    Node(u32),
    /// A public address.
    Address(IpAddr),
    /// The database of this name.
    Database(String),
}

impl Finding {
    pub(super) fn new(severity: Severity, code: Code, about: Subject, message: String) -> Self {
        Self {
            severity,
            code: code.as_str().to_owned(),
            about,
            message,
            cause: code.cause().to_owned(),
            remedy: code.fix().to_owned(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.severity, self.message)
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Critical => "critical",
            Self::Warning => "warning",
            Self::Notice => "notice",
        })
    }
}

/// What a recovery takes at most in a cluster in which nothing is wrong.
const LONG_RECOVERY_SECONDS: i64 = 30;

/// What is not as it should be, the worst first. The findings that `status` has already are not looked at.
pub(super) fn of(status: &ClusterStatus) -> Vec<Finding> {
    let mut found = Vec::new();
    of_cluster(status, &mut found);
    for node in &status.nodes {
        of_node(node, &mut found);
    }
    of_versions(status, &mut found);
    for database in &status.databases {
        if let Some(damage) = &database.damage {
            let about = Subject::Database(database.name.clone());
            let message = format!("the database {} is damaged: {damage}", database.name);
            found.push(Finding::new(
                Severity::Critical,
                Code::DatabaseDamaged,
                about,
                message,
            ));
        }
    }
    of_addresses(status, &mut found);
    found.sort_by_key(|finding| finding.severity);
    found
}

fn of_cluster(status: &ClusterStatus, found: &mut Vec<Finding>) {
    let mut add = |severity, code, message: String| {
        found.push(Finding::new(severity, code, Subject::Cluster, message));
    };
    let active = status.nodes.iter().filter(|node| node.flags.is_active());
    let reach = active.count();
    if reach == 0 {
        add(
            Severity::Critical,
            Code::NoActiveNode,
            "no node takes part in the cluster".to_owned(),
        );
    }
    if status.leader.is_none() && reach > 0 {
        let message = "the cluster has no leader, so no address moves".to_owned();
        add(Severity::Critical, Code::NoLeader, message);
    }
    // What a node that takes no part says of that, it says of itself alone.
    let view = status.node(status.seen_by);
    let takes_part = view.is_some_and(|node| node.flags.is_active());
    if takes_part && status.recovery_mode == RecoveryMode::Recovering {
        let since = status
            .nodes
            .iter()
            .filter_map(|node| node.recovering_since_seconds)
            .min();
        let seconds = since.map(|since| status.read_at_seconds.saturating_sub(since));
        let (severity, how_long) = match seconds {
            // Most are over in less than a second.
            Some(seconds @ 0..LONG_RECOVERY_SECONDS) => {
                (Severity::Warning, format!(" for {seconds} s"))
            }
            Some(seconds @ LONG_RECOVERY_SECONDS..) => {
                (Severity::Critical, format!(" for {seconds} s"))
            }
            _ => (Severity::Warning, String::new()),
        };
        let message = format!("the cluster is in recovery{how_long}, and serves nobody meanwhile");
        add(severity, Code::InRecovery, message);
    }
    let heard = status
        .nodes
        .iter()
        .filter(|node| node.flags.is_connected())
        .count();
    if heard * 2 < status.nodes.len() {
        let all = status.nodes.len();
        let message = format!("{heard} of {all} nodes hear each other, which is the minority");
        add(Severity::Critical, Code::Minority, message);
    }
    if status.cluster_lock.is_none() && status.nodes.len() > 1 {
        let message =
            "the cluster has no cluster lock, so parts of it that do not hear each other \
                       would both serve"
                .to_owned();
        add(Severity::Critical, Code::NoClusterLock, message);
    }
}

fn of_node(node: &NodeStatus, found: &mut Vec<Finding>) {
    let title = node.title();
    let mut add = |severity, code, message: String| {
        found.push(Finding::new(
            severity,
            code,
            Subject::Node(node.number),
            message,
        ));
    };
    let has = |flags: NodeFlags| node.flags.any(flags);
    if has(NodeFlags::DISCONNECTED) {
        let why = node
            .unseen
            .as_ref()
            .map(|why| format!(": {why}"))
            .unwrap_or_default();
        let message = format!("the others do not hear {title}{why}");
        add(Severity::Warning, Code::NodeDisconnected, message);
        // What else is said of it was true when it was heard last.
        return;
    }
    if has(NodeFlags::BANNED) {
        add(
            Severity::Warning,
            Code::NodeBanned,
            format!("{title} is banned"),
        );
    }
    if has(NodeFlags::STOPPED) {
        add(
            Severity::Notice,
            Code::NodeStopped,
            format!("{title} is stopped"),
        );
    }
    if has(NodeFlags::DISABLED) {
        add(
            Severity::Notice,
            Code::NodeDisabled,
            format!("{title} is disabled"),
        );
    }
    if let Some(state) = node.run_state
        && state != RunState::Running
    {
        let message = format!("ctdbd on {title} is not ready yet: {state}");
        add(Severity::Warning, Code::NodeNotReady, message);
    } else if has(NodeFlags::UNHEALTHY) {
        let mut message = format!("{title} is unhealthy");
        for script in node.failed_scripts() {
            let first = script.output.lines().next().unwrap_or_default();
            message.push_str(&format!(": {} {}", script.name, script.outcome));
            if !first.is_empty() {
                message.push_str(&format!(" ({first})"));
            }
        }
        add(Severity::Warning, Code::NodeUnhealthy, message);
    }
    if let Some(why) = &node.unseen {
        let message = format!("{title} could not be looked at: {why}");
        add(Severity::Notice, Code::NodeUnseen, message);
    }
}

fn of_versions(status: &ClusterStatus, found: &mut Vec<Finding>) {
    let known = status
        .nodes
        .iter()
        .filter_map(|node| Some((node, node.version.as_ref()?)));
    let known: Vec<_> = known.collect();
    if known.windows(2).any(|two| two[0].1 != two[1].1) {
        let each = known
            .iter()
            .map(|(node, version)| format!("{} has {version}", node.title()));
        let each: Vec<String> = each.collect();
        let message = format!("the versions of ctdb differ: {}", each.join(", "));
        let about = Subject::Cluster;
        found.push(Finding::new(
            Severity::Warning,
            Code::VersionsDiffer,
            about,
            message,
        ));
    }
}

fn of_addresses(status: &ClusterStatus, found: &mut Vec<Finding>) {
    let titles = |numbers: &[u32]| {
        let title = |number: &u32| match status.node(*number) {
            Some(node) => node.title(),
            None => format!("node {number}"),
        };
        numbers.iter().map(title).collect::<Vec<_>>().join(" and ")
    };
    for address in &status.addresses {
        let name = address.address;
        let mut add = |severity, code, message: String| {
            found.push(Finding::new(
                severity,
                code,
                Subject::Address(name),
                message,
            ));
        };
        let seen = address.seen_on.as_deref().unwrap_or_default();
        if seen.len() > 1 {
            let message = format!("{name} is on the interfaces of {}", titles(seen));
            add(Severity::Critical, Code::AddressOnTwoNodes, message);
        } else if address.claimed_by.len() > 1 {
            let message = format!("{name} is claimed by {}", titles(&address.claimed_by));
            add(Severity::Critical, Code::AddressOnTwoNodes, message);
        } else if let Some(left) = seen
            .iter()
            .find(|number| !address.claimed_by.contains(number))
        {
            let message = format!(
                "{name} is on an interface of {}, whose ctdbd does not know of it",
                titles(&[*left])
            );
            add(Severity::Critical, Code::AddressLeftBehind, message);
        } else if address.node.is_none() {
            let message = match address.available_on.as_slice() {
                [] => format!("{name} is on no node, and no node can have it"),
                nodes => format!("{name} is on no node, though {} can have it", titles(nodes)),
            };
            add(Severity::Critical, Code::AddressNowhere, message);
        } else if address.configured_on.len() < 2 && status.nodes.len() > 1 {
            let message = format!("{name} can be on {} only", titles(&address.configured_on));
            add(Severity::Notice, Code::AddressCannotMove, message);
        }
    }
}
