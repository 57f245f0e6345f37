//! Where nodes of one cluster say different things.

use serde::{Deserialize, Serialize};
use smbgw_core::error::{ErrorKind, Problem};

use super::found::Found;
use crate::code::Code;
use crate::node::{Member, NodeName};

/// Something that nodes do not agree on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Difference {
    /// What it is: `cluster lock`, `public addresses`, …
    pub what: String,
    /// What each node says; empty for nothing.
    pub on: Vec<(NodeName, String)>,
    /// Whether a cluster has to have the same on all nodes.
    pub is_fault: bool,
}

/// What is compared: its name, what a node says, and whether all have to say the same.
type Aspect = (&'static str, fn(&Found) -> String, bool);

/// The one without which nodes are no cluster at all.
pub(super) const NODES: &str = "nodes";

const ASPECTS: [Aspect; 9] = [
    (NODES, |found| nodes(found), true),
    (
        "cluster lock",
        |found| found.lock.clone().unwrap_or_default(),
        true,
    ),
    (
        "leader timeout",
        |found| found.leader_timeout.clone().unwrap_or_default(),
        true,
    ),
    ("tunables", |found| tunables(found), true),
    (
        "netbios name",
        |found| {
            found
                .netbios_name
                .clone()
                .unwrap_or_default()
                .to_uppercase()
        },
        true,
    ),
    ("clustering", |found| found.is_clustered.to_string(), true),
    ("event scripts", |found| found.scripts.join(" "), true),
    // These may be other ones by intent.
    ("public addresses", |found| addresses(found), false),
    ("script options", |found| found.options.join(" "), false),
];

/// Where the nodes say different things.
pub(super) fn differences(members: &[Member<'_>], found: &[Found]) -> Vec<Difference> {
    let compare = |(what, of, is_fault): &Aspect| {
        let said: Vec<String> = found.iter().map(of).collect();
        let first = said.first()?;
        if said.iter().all(|other| other == first) {
            return None;
        }
        let names = members.iter().map(|member| member.spec.name.clone());
        Some(Difference {
            what: (*what).to_owned(),
            on: names.zip(said).collect(),
            is_fault: *is_fault,
        })
    };
    ASPECTS.iter().filter_map(compare).collect()
}

impl Difference {
    /// The problem that it is, if it is one.
    pub(super) fn problem(&self) -> Option<Problem> {
        let each: Vec<_> = self
            .on
            .iter()
            .map(|(node, said)| match said.as_str() {
                "" => format!("nothing on {node}"),
                said => format!("`{said}` on {node}"),
            })
            .collect();
        let message = format!(
            "the nodes do not have the same {}: {}",
            self.what,
            each.join(", ")
        );
        self.is_fault.then(|| {
            Problem::invalid(&self.what, Code::NodesDiffer.as_str(), message)
                .kind(ErrorKind::Conflict)
                .remedy(Code::NodesDiffer.fix())
        })
    }
}

fn nodes(found: &Found) -> String {
    let numbers = found.numbers().into_iter();
    let texts: Vec<_> = numbers
        .map(|address| address.map_or("-".into(), |address| address.to_string()))
        .collect();
    texts.join(" ")
}

fn tunables(found: &Found) -> String {
    let mut texts: Vec<_> = found
        .tunables
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    texts.sort();
    texts.join(" ")
}

fn addresses(found: &Found) -> String {
    let mut texts: Vec<_> = found.addresses.0.iter().map(ToString::to_string).collect();
    texts.sort();
    texts.join(", ")
}
