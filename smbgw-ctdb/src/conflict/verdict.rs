//! What came of asking for an address.

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::Mac;
use crate::address::InterfaceName;

/// What one machine heard of one address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Probed {
    /// The address.
    pub address: IpAddr,
    /// The interface it was asked for on, where that is known.
    pub interface: Option<InterfaceName>,
    /// Whether the machine that asked has the address itself.
    pub here: bool,
    /// Who else has it.
    pub verdict: Verdict,
}

/// Whether anybody else has an address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum Verdict {
    /// Nobody answered, and nobody spoke for it.
    Free,
    /// Somebody has it or is about to take it.
    Held {
        /// Who.
        by: Vec<Sighting>,
    },
    /// It could not be found out. It may be free or not.
    Unknown {
        /// Why not.
        why: String,
    },
}

/// Somebody who was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Sighting {
    /// The network adapter.
    pub mac: Mac,
    /// What was heard.
    pub sign: Sign,
}

/// What tells that somebody has an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Sign {
    /// It asks whether the address is free, to take it.
    Asks,
    /// It speaks as the address: an answer, an announcement, a question of its own.
    Speaks,
}

impl Verdict {
    pub(super) fn unknown(why: impl Into<String>) -> Self {
        Self::Unknown { why: why.into() }
    }
}

impl fmt::Display for Sign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Asks => "is about to take it",
            Self::Speaks => "has it",
        })
    }
}
