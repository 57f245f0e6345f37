//! One thing that happened in a cluster.

use std::fmt;
use std::net::IpAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::node::NodeName;

/// The longest text of an event, in bytes; what scripts print can be of any length.
const LONGEST_TEXT: usize = 1000;

/// One thing that happened in a cluster: who, what, when, for how long, from where to where.
///
/// A line of a log is one of these as JSON. Fields that a later version adds are passed over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ClusterEvent {
    /// When it was noticed, in milliseconds since 1970-01-01 00:00 UTC, by the clock of the node that
    /// wrote it down.
    pub at_milliseconds: i64,
    /// Where it was noticed as a difference between two looks: when the first one was. It happened after
    /// that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_milliseconds: Option<i64>,
    /// What happened.
    pub what: What,
    /// How it came to be known.
    pub source: Source,
    /// The node that wrote it down.
    pub seen_by: NodeName,
    /// The node it happened to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<NodeName>,
    /// The address it happened to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    /// How it was before: a node, or the state of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// How it was after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// How long it took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_milliseconds: Option<u64>,
    /// For how long clients were not served, where that was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap_milliseconds: Option<u64>,
    /// Who asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// What else there is to say, such as what a script printed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// ctdbd starts on a node.
    DaemonStarting,
    /// ctdbd of a node is set up, and waits for its first recovery.
    DaemonSetUp,
    /// ctdbd of a node is started, and its services are.
    DaemonStarted,
    /// A node is in another state than before: `healthy`, `unhealthy`, `disconnected`…
    NodeState,
    /// Another node leads.
    Leader,
    /// The databases were recovered, as after every loss of a node.
    Recovery,
    /// An address is on another node, or on none.
    AddressMoved,
    /// An event script failed or took too long.
    ScriptFailed,
    /// Somebody had the cluster changed.
    Operation,
    /// A failover was provoked to measure it.
    Drill,
    /// An address did not answer for a while.
    Gap,
    /// Something that this version has no name for.
    #[serde(other)]
    Other,
}

/// How an event came to be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// ctdb said so at that moment.
    Notification,
    /// Two looks at the cluster differed.
    Look,
    /// The program did it.
    Program,
    /// In a way that this version has no name for.
    #[serde(other)]
    Other,
}

/// Milliseconds since 1970-01-01 00:00 UTC, by the clock of this machine.
pub fn now_milliseconds() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    })
}

impl What {
    /// All that have a name, in the order of this list.
    pub const ALL: [Self; 11] = [
        Self::DaemonStarting,
        Self::DaemonSetUp,
        Self::DaemonStarted,
        Self::NodeState,
        Self::Leader,
        Self::Recovery,
        Self::AddressMoved,
        Self::ScriptFailed,
        Self::Operation,
        Self::Drill,
        Self::Gap,
    ];

    /// The name in logs and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DaemonStarting => "daemon-starting",
            Self::DaemonSetUp => "daemon-set-up",
            Self::DaemonStarted => "daemon-started",
            Self::NodeState => "node-state",
            Self::Leader => "leader",
            Self::Recovery => "recovery",
            Self::AddressMoved => "address-moved",
            Self::ScriptFailed => "script-failed",
            Self::Operation => "operation",
            Self::Drill => "drill",
            Self::Gap => "gap",
            Self::Other => "other",
        }
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl ClusterEvent {
    /// An event of which nothing is known but this, noticed now.
    pub fn new(what: What, source: Source, seen_by: NodeName) -> Self {
        Self {
            at_milliseconds: now_milliseconds(),
            after_milliseconds: None,
            what,
            source,
            seen_by,
            node: None,
            address: None,
            from: None,
            to: None,
            duration_milliseconds: None,
            gap_milliseconds: None,
            by: None,
            detail: None,
        }
    }

    /// The same, of `node`.
    #[must_use]
    pub fn of_node(mut self, node: NodeName) -> Self {
        self.node = Some(node);
        self
    }

    /// The same, of `address`.
    #[must_use]
    pub fn of_address(mut self, address: IpAddr) -> Self {
        self.address = Some(address);
        self
    }

    /// The same, with how it was before and after.
    #[must_use]
    pub fn from_to(mut self, from: Option<String>, to: Option<String>) -> Self {
        (self.from, self.to) = (from, to);
        self
    }

    /// The same, with more to say.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// The earliest and the latest moment at which it can have happened.
    pub(super) fn window(&self) -> (i64, i64) {
        let at = self.at_milliseconds;
        (self.after_milliseconds.unwrap_or(at).min(at), at)
    }

    /// The line of a log, with its line feed.
    pub(super) fn line(&self) -> Vec<u8> {
        let mut short = self.clone();
        for text in [
            &mut short.from,
            &mut short.to,
            &mut short.by,
            &mut short.detail,
        ] {
            if let Some(text) = text.as_mut().filter(|text| text.len() > LONGEST_TEXT) {
                let is_end = |at: &usize| text.is_char_boundary(*at);
                let end = (0..=LONGEST_TEXT).rev().find(is_end).unwrap_or(0);
                text.truncate(end);
                text.push('…');
            }
        }
        let mut line = serde_json::to_vec(&short).unwrap_or_default();
        line.push(b'\n');
        line
    }
}

/// As people read it, without the time: `node-state n2: healthy → unhealthy`.
impl fmt::Display for ClusterEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.what)?;
        if let Some(node) = &self.node {
            write!(f, " {node}")?;
        }
        if let Some(address) = &self.address {
            write!(f, " {address}")?;
        }
        match (&self.from, &self.to) {
            (Some(from), Some(to)) => write!(f, ": {from} → {to}")?,
            (Some(from), None) => write!(f, ": {from} →")?,
            (None, Some(to)) => write!(f, ": → {to}")?,
            (None, None) => {}
        }
        if let Some(detail) = &self.detail {
            let line = detail.lines().next().unwrap_or_default();
            write!(f, " ({line})")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> ClusterEvent {
        ClusterEvent::new(What::NodeState, Source::Look, "n1".parse().unwrap())
    }

    #[test]
    fn a_line_is_read_by_any_version() {
        let unhealthy = event()
            .of_node("n2".parse().unwrap())
            .from_to(Some("healthy".into()), Some("unhealthy".into()));
        let line = unhealthy.line();
        assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
        assert_eq!(
            serde_json::from_slice::<ClusterEvent>(&line).unwrap(),
            unhealthy
        );
        let newer = r#"{"at_milliseconds":5,"what":"moon-landing","source":"dream","seen_by":"n1","crew":3}"#;
        let newer: ClusterEvent = serde_json::from_str(newer).unwrap();
        assert_eq!((newer.what, newer.source), (What::Other, Source::Other));
        for what in What::ALL {
            assert_eq!(
                serde_json::to_string(&what).unwrap(),
                format!("\"{}\"", what.as_str())
            );
        }
    }

    #[test]
    fn a_line_has_a_bounded_length() {
        let long = event().with_detail("ä\n\u{1}".repeat(10_000));
        let line = long.line();
        assert!(line.len() < 10_000, "{}", line.len());
        let read: ClusterEvent = serde_json::from_slice(&line).unwrap();
        assert!(read.detail.unwrap().ends_with('…'));
    }

    #[test]
    fn it_is_shown_in_one_line() {
        let shown = event()
            .of_node("n2".parse().unwrap())
            .from_to(Some("healthy".into()), Some("unhealthy".into()))
            .with_detail("no smbd\nat all")
            .to_string();
        assert_eq!(shown, "node-state n2: healthy → unhealthy (no smbd)");
    }
}
