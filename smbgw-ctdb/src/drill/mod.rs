//! Drills: a node of a running cluster is broken on purpose while a client works, and all of it is measured.
//!
//! [`run`] has SMB clients write and read through an address, breaks the node that has it, waits until another
//! one serves, repairs the node, and reads back everything that the server had said was on disk. The clients
//! are on the machine, or in the network namespace, of the caller.
//!
//! **What is broken is repaired.** What repairing needs is on disk before anything is broken, and
//! [`recover`] repairs after a drill that was killed. Traffic that is dropped is let through again by the kernel of
//! the node after some minutes, whatever happens to whoever ran the drill.

mod breaking;
mod draft;
mod error;
mod firewall;
mod guard;
mod measure;
mod plan;
mod report;
mod round;
mod traffic;

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use smbgw_core::lifecycle::Outcome;
use smbgw_core::share::ShareName;

use crate::node::NodeName;
use crate::smb::Login;
use crate::world::Cluster;

pub use draft::DrillDraft;
pub use error::DrillError;
pub use plan::Recovered;
pub use report::{ClientReport, Handle, Interval, Place, Report, Round};

/// A way of breaking a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Scenario {
    /// The node is disabled, as for maintenance.
    Disable,
    /// Its ctdbd is killed.
    Kill,
    /// Its ctdbd is stopped in what it does (`SIGSTOP`).
    Hang,
    /// Nothing goes between it and the other nodes any more.
    Cut,
    /// Its services are killed, and nothing goes between it and anybody by the addresses of the cluster.
    PoweroffSim,
}

/// What is asked of a drill.
#[derive(Clone)]
pub struct Request<'a> {
    /// The nodes to break, one a round, from the beginning again after the last.
    pub nodes: Vec<NodeName>,
    /// The public address that the clients use. It is moved to the node that is about to be broken.
    pub address: IpAddr,
    /// How the nodes are broken.
    pub scenario: Scenario,
    /// How many rounds there are, from 1 to 1000.
    pub count: u32,
    /// The share that the clients work in.
    pub share: ShareName,
    /// As whom they log in. They write into the root of the share.
    pub login: &'a Login,
    /// How many clients write and read, from 1 to 32. One more holds a file open.
    pub clients: u32,
    /// How long they work before the node is broken.
    pub warm_up: Duration,
    /// Whether an address may be drilled that others use.
    pub yes: bool,
}

/// Breaks nodes, measures, and repairs them.
///
/// The outcome is [`Outcome::Done`] where every node was repaired and the cluster is healthy again; what was
/// measured is in the report, bytes that are lost among it. Otherwise it says what is left to be repaired.
///
/// # Errors
/// Where the drill was not begun; nothing was broken then.
pub fn run(cluster: &Cluster<'_>, request: &Request<'_>) -> Result<Outcome<Report>, DrillError> {
    let _locks = cluster.lock("a failover drill")?;
    plan::settle_earlier(cluster)?;
    guard::check(cluster, request)?;
    round::all(cluster, request)
}

/// Repairs what a drill that was interrupted has left broken; `None` where there is nothing.
///
/// # Errors
/// Where that cannot be found out.
pub fn recover(cluster: &Cluster<'_>) -> Result<Option<Recovered>, DrillError> {
    let _locks = cluster.lock("repairing after a failover drill")?;
    plan::recover(cluster)
}

impl Scenario {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Disable,
        Self::Kill,
        Self::Hang,
        Self::Cut,
        Self::PoweroffSim,
    ];

    /// The word for it, as in a request.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Kill => "kill",
            Self::Hang => "hang",
            Self::Cut => "cut",
            Self::PoweroffSim => "poweroff-sim",
        }
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Scenario {
    type Err = DrillError;

    fn from_str(text: &str) -> Result<Self, DrillError> {
        let mut all = Self::ALL.into_iter();
        let found = all.find(|scenario| scenario.as_str() == text);
        found.ok_or_else(|| DrillError::NoScenario(text.to_owned()))
    }
}
