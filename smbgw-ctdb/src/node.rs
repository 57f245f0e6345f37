//! The nodes of a cluster: what they are called, and the way to them.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use smbgw_core::error::{Coded, ErrorKind};
use smbgw_core::host::{Host, Reach};
use smbgw_core::host_label::HostLabel;

use crate::code::Code;

/// The name of a node: that of its host, without a domain (hostname(7), RFC 1123 section 2.1).
///
/// In messages, plans and the record of the cluster; ctdb knows nodes by their numbers and addresses alone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(try_from = "String", into = "String")]
pub struct NodeName(String);

/// A text is not the name of a node.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the name of a node: letters, digits and `-` inside, at most 63 of them")]
pub struct NodeNameError(pub String);

/// A node as it is kept: in the record of the cluster, and in plans.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NodeSpec {
    /// What it is called.
    pub name: NodeName,
    /// Its private address, by which the ctdbds talk to each other.
    pub address: IpAddr,
    /// The way to it from where the cluster is managed.
    pub reach: Reach,
}

/// A node that is reached.
#[derive(Clone, Copy, Debug)]
pub struct Member<'a> {
    /// What it is.
    pub spec: &'a NodeSpec,
    /// Its commands, files and locks.
    pub host: &'a dyn Host,
}

impl NodeName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for NodeName {
    type Err = NodeNameError;

    fn from_str(name: &str) -> Result<Self, NodeNameError> {
        match name.parse::<HostLabel>() {
            Ok(label) => Ok(Self(label.into())),
            Err(_) => Err(NodeNameError(name.to_owned())),
        }
    }
}

impl TryFrom<String> for NodeName {
    type Error = NodeNameError;

    fn try_from(name: String) -> Result<Self, NodeNameError> {
        name.parse()
    }
}

impl From<NodeName> for String {
    fn from(name: NodeName) -> Self {
        name.0
    }
}

impl fmt::Display for NodeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl Coded for NodeNameError {
    fn code(&self) -> &'static str {
        Code::NameInvalid.as_str()
    }

    fn kind(&self) -> ErrorKind {
        ErrorKind::Invalid
    }

    fn remedy(&self) -> Option<String> {
        Some("give the name that `hostname` prints on the node, such as pve1".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_hosts() {
        let longest = "a".repeat(63);
        for good in ["n1", "PVE-2", "7", longest.as_str()] {
            assert_eq!(good.parse::<NodeName>().unwrap().as_str(), good);
        }
        let too_long = "a".repeat(64);
        for wrong in ["", "-a", "a-", "a.b", "a b", "é", "a_b", too_long.as_str()] {
            let error = wrong.parse::<NodeName>().unwrap_err();
            assert_eq!(error.code(), "ha.name-invalid", "{wrong}");
        }
    }
}
