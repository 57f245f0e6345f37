//! What is wrong with a cluster, as one look sees it.

use std::fmt;

use serde::{Deserialize, Serialize};
use smbgw_core::alert::{Kind, Severity};

use crate::code::Code;
use crate::status::{self, ClusterStatus, ScriptOutcome, Subject};

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Trouble {
    /// What kind of alert it is.
    pub kind: Kind,
    /// What it is about: a node, an address, or all of the `cluster`.
    pub subject: String,
    /// How bad it is.
    pub severity: Severity,
    /// What is the matter, as a lower-case sentence.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
}

/// The subject of what is about no node or address alone.
pub(super) const CLUSTER: &str = "cluster";

/// As people read it: `n2 (node 1) is unhealthy`.
impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Trouble {
    pub(super) fn new(
        kind: Kind,
        subject: impl Into<String>,
        severity: Severity,
        message: impl Into<String>,
        code: Code,
    ) -> Self {
        Self {
            kind,
            subject: subject.into(),
            severity,
            message: message.into(),
            remedy: code.fix().to_owned(),
        }
    }

    /// Whether waiting for a second look would put data in danger.
    pub(super) fn is_urgent(&self) -> bool {
        self.kind == Kind::ClusterSplit && self.severity == Severity::Critical
    }
}

/// What a status says of itself, and what its event scripts do.
pub(super) fn of_status(status: &ClusterStatus) -> Vec<Trouble> {
    let findings = status.findings.iter().map(|finding| Trouble {
        kind: kind_of(&finding.code, &finding.about),
        subject: match &finding.about {
            Subject::Cluster => CLUSTER.to_owned(),
            Subject::Node(number) => name(status, *number),
            Subject::Address(address) => address.to_string(),
            Subject::Database(database) => database.clone(),
        },
        severity: match finding.severity {
            status::Severity::Critical => Severity::Critical,
            status::Severity::Warning => Severity::Warning,
            status::Severity::Notice => Severity::Notice,
        },
        message: finding.message.clone(),
        remedy: finding.remedy.clone(),
    });
    let mut troubles: Vec<Trouble> = findings.collect();
    for node in &status.nodes {
        for script in node.failed_scripts() {
            if script.outcome == ScriptOutcome::TimedOut {
                troubles.push(Trouble::new(
                    Kind::ClusterScript,
                    name(status, node.number),
                    Severity::Warning,
                    format!(
                        "the event script {} on {} takes too long",
                        script.name,
                        node.title()
                    ),
                    Code::ScriptTimedOut,
                ));
            }
        }
    }
    troubles
}

/// What the node with this number is called, in subjects.
pub(super) fn name(status: &ClusterStatus, number: u32) -> String {
    let known = status.node(number).and_then(|node| node.name.as_ref());
    known.map_or_else(|| format!("node-{number}"), ToString::to_string)
}

fn kind_of(code: &str, about: &Subject) -> Kind {
    let is_one_of = |codes: &[Code]| codes.iter().any(|one| one.as_str() == code);
    match about {
        _ if is_one_of(&[Code::AddressOnTwoNodes, Code::NoClusterLock]) => Kind::ClusterSplit,
        _ if is_one_of(&[Code::InRecovery, Code::NoLeader]) => Kind::ClusterRecovery,
        _ if is_one_of(&[Code::VersionsDiffer]) => Kind::ClusterVersion,
        _ if is_one_of(&[Code::NodeUnseen]) => Kind::ClusterUnreadable,
        Subject::Cluster | Subject::Node(_) => Kind::ClusterNode,
        Subject::Address(_) => Kind::ClusterAddress,
        Subject::Database(_) => Kind::ClusterDatabase,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_are_alerts_of_their_kind() {
        let address = Subject::Address([10, 0, 0, 100].into());
        let kind = |code: Code, about: &Subject| kind_of(code.as_str(), about);
        assert_eq!(kind(Code::AddressOnTwoNodes, &address), Kind::ClusterSplit);
        assert_eq!(kind(Code::AddressNowhere, &address), Kind::ClusterAddress);
        assert_eq!(kind(Code::NodeBanned, &Subject::Node(1)), Kind::ClusterNode);
        assert_eq!(
            kind(Code::NoLeader, &Subject::Cluster),
            Kind::ClusterRecovery
        );
        assert_eq!(
            kind(Code::NodeUnseen, &Subject::Node(1)),
            Kind::ClusterUnreadable
        );
    }
}
