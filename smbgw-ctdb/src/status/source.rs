//! A node that is asked, by its socket where that can be, and else by commands.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use smbgw_core::deadline::Deadline;
use smbgw_core::host::{Command, Host};

use crate::client::{Client, ClientError, Version};
use crate::ctl::{Ctl, NodeState};
use crate::node::NodeSpec;
use crate::status::scripts::{self, ScriptResult};
use crate::status::view::{Details, Overview};
use crate::status::{StatusError, commands, interfaces, socket};

/// The longest that one node is waited for: a hung one keeps nobody from hearing about the others.
const PATIENCE: Duration = Duration::from_secs(10);

/// A node that is asked.
#[derive(Debug)]
pub(super) struct Source<'a> {
    /// What it is called and where it is, where that is known before it is asked.
    pub spec: Option<&'a NodeSpec>,
    /// Its machine.
    pub host: &'a dyn Host,
    /// Where it answers by its socket.
    client: Option<Client>,
}

/// What a node answered, and what else its host has.
#[derive(Debug)]
pub(super) struct Seen {
    pub overview: Overview,
    pub version: Option<String>,
    pub scripts: Option<Vec<ScriptResult>>,
    pub interfaces: Option<BTreeSet<IpAddr>>,
}

impl<'a> Source<'a> {
    pub(super) fn new(spec: Option<&'a NodeSpec>, host: &'a dyn Host) -> Self {
        Self {
            spec,
            host,
            client: None,
        }
    }

    /// What its ctdbd and its host know.
    pub(super) fn look(&mut self, deadline: Deadline) -> Result<Seen, StatusError> {
        let deadline = deadline.at_most(PATIENCE);
        let by_socket = self.by_socket(deadline);
        let ctl = Ctl::new(self.host, deadline);
        let (overview, version) = match by_socket {
            Ok((overview, version)) => (overview, version.map(|version| version.to_string())),
            Err(error) => {
                self.client = None;
                if !error.has_another_way() {
                    return Err(error.into());
                }
                (commands::overview(&ctl)?, version(&ctl))
            }
        };
        // Asking for it takes a process, and nobody wonders why a node is healthy.
        let scripts = overview
            .is_unhealthy()
            .then(|| monitor_scripts(&ctl))
            .flatten();
        Ok(Seen {
            overview,
            version,
            scripts,
            interfaces: interfaces::addresses(self.host).ok(),
        })
    }

    /// What the ctdbds of these nodes know of themselves, by way of this one; nothing of those that do not
    /// answer.
    pub(super) fn details(
        &mut self,
        nodes: &[NodeState],
        deadline: Deadline,
    ) -> BTreeMap<u32, Details> {
        if let Some(client) = &mut self.client {
            match socket::details(client, nodes, deadline) {
                Ok(details) => return details,
                Err(_) => self.client = None,
            }
        }
        let mut found = BTreeMap::new();
        for node in nodes {
            // One that hangs must not use up the time of the others.
            let ctl = Ctl::new(self.host, deadline.at_most(PATIENCE));
            if let Ok(details) = commands::details(&ctl, node, self.host.now()) {
                found.insert(node.pnn, details);
            }
        }
        found
    }

    fn by_socket(
        &mut self,
        deadline: Deadline,
    ) -> Result<(Overview, Option<Version>), ClientError> {
        if let Some(client) = &mut self.client {
            match socket::overview(client, deadline) {
                Ok(overview) => return Ok((overview, client.version())),
                // It may have been started again.
                Err(ClientError::Ended { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        let mut client = Client::of_host(self.host, deadline)?;
        let overview = socket::overview(&mut client, deadline)?;
        let version = client.version();
        self.client = Some(client);
        Ok((overview, version))
    }
}

/// The version of the package.
fn version(ctl: &Ctl<'_>) -> Option<String> {
    let said = ctl.run(["version"]).ok()?;
    let said = said.trim();
    let version = Version::parse(format!("{said}\n").as_bytes());
    // As that of a daemon is written.
    version
        .map(|version| version.to_string())
        .or_else(|| (!said.is_empty()).then(|| said.to_owned()))
}

/// What the event scripts said when they looked last. None where they never did.
fn monitor_scripts(ctl: &Ctl<'_>) -> Option<Vec<ScriptResult>> {
    // It ends with the status of the event: that of the script that failed.
    let any: Vec<i32> = (1..=255).collect();
    let command = Command::new("ctdb")
        .args(["event", "status", "legacy", "monitor"])
        .accept(&any);
    let said = ctl.host.run(&command, ctl.deadline).ok()?;
    let results = scripts::parse(&said.text());
    (!results.is_empty()).then_some(results)
}
