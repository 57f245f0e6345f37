//! What a ctdbd knows, by its socket.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use smbgw_core::deadline::Deadline;

use crate::client::reply::Uptime;
use crate::client::{Asked, Client, ClientError, question};
use crate::ctl::{NodeState, RunState};
use crate::status::view::{Details, Known, Overview};
use crate::status::{Capabilities, DatabaseStatus, Recovery};

/// The longest that the daemons of other nodes are waited for, all together: they answer in microseconds, and
/// one that hangs not at all.
const PATIENCE: Duration = Duration::from_secs(3);

/// What the ctdbd knows of the cluster.
pub(super) fn overview(client: &mut Client, deadline: Deadline) -> Result<Overview, ClientError> {
    // Of an earlier time, when an answer was missing.
    client.forget();
    let prompt = deadline.at_most(PATIENCE);
    let number = client.ask(question::number(), None);
    let nodes = client.ask(question::nodes(), None);
    let mode = client.ask(question::recovery_mode(), None);
    let members = client.ask(question::members(), None);
    let lock = client.ask(question::cluster_lock(), None);
    let databases = client.ask(question::databases(), None);
    client.listen(prompt)?;
    let members = client.answer(members, prompt)?.value;
    let mut overview = Overview {
        number: client.answer(number, prompt)?.value,
        nodes: client.answer(nodes, prompt)?.value,
        recovery_mode: client.answer(mode, prompt)?.value,
        generation: members.generation,
        members: members.nodes,
        leader: None,
        cluster_lock: client.answer(lock, prompt)?.value,
        databases: Vec::new(),
    };
    let mut asked = Vec::new();
    for database in client.answer(databases, prompt)?.value {
        let name = client.ask(question::database_name(database.id), None);
        let damage = client.ask(question::database_damage(database.id), None);
        asked.push((database, name, damage));
    }
    for (database, name, damage) in asked {
        overview.databases.push(DatabaseStatus {
            name: client.answer(name, prompt)?.value,
            persistent: database.persistent,
            replicated: database.replicated,
            damage: client.answer(damage, prompt)?.value,
        });
    }
    overview
        .databases
        .sort_by(|one, other| one.name.cmp(&other.name));
    // Last, as it is announced every second.
    overview.leader = client.leader(deadline)?;
    Ok(overview)
}

/// What the ctdbds of these nodes know of themselves, those of them that answer.
pub(super) fn details(
    client: &mut Client,
    nodes: &[NodeState],
    deadline: Deadline,
) -> Result<BTreeMap<u32, Details>, ClientError> {
    let prompt = deadline.at_most(PATIENCE);
    // First and alone, so that nothing else is in what they take.
    let mut pings = Vec::new();
    for node in nodes {
        pings.push(client.ask(question::ping(), Some(node.pnn)));
    }
    let mut answering = Vec::new();
    for (node, ping) in nodes.iter().zip(pings) {
        if let Some(answer) = unless_it_refuses(client.answer(ping, prompt))? {
            answering.push((node.pnn, answer.took));
        }
    }
    let mut asked = Vec::new();
    for (number, lag) in answering {
        asked.push((number, lag, Questions::ask(client, number)));
    }
    let mut found = BTreeMap::new();
    for (number, lag, questions) in asked {
        if let Some(details) = unless_it_refuses(questions.answer(client, lag, prompt))? {
            found.insert(number, details);
        }
    }
    Ok(found)
}

/// What one node is asked.
struct Questions {
    run_state: Asked<RunState>,
    capabilities: Asked<Capabilities>,
    uptime: Asked<Uptime>,
    ban: Asked<u32>,
    addresses: Asked<Addresses>,
    available: Asked<Addresses>,
}

type Addresses = Vec<(IpAddr, Option<u32>)>;

impl Questions {
    fn ask(client: &mut Client, number: u32) -> Self {
        let node = Some(number);
        Self {
            run_state: client.ask(question::run_state(), node),
            capabilities: client.ask(question::capabilities(), node),
            uptime: client.ask(question::uptime(), node),
            ban: client.ask(question::ban(), node),
            addresses: client.ask(question::public_addresses(), node),
            available: client.ask(question::available_addresses(), node),
        }
    }

    fn answer(
        self,
        client: &mut Client,
        lag: Duration,
        deadline: Deadline,
    ) -> Result<Details, ClientError> {
        let run_state = client.answer(self.run_state, deadline)?.value;
        let capabilities = client.answer(self.capabilities, deadline)?.value;
        let uptime = client.answer(self.uptime, deadline)?.value;
        let ban = client.answer(self.ban, deadline)?.value;
        let addresses = client.answer(self.addresses, deadline)?.value;
        let available = client.answer(self.available, deadline)?.value;
        let available: BTreeSet<_> = available.into_iter().map(|(address, _)| address).collect();
        let known = addresses.into_iter().map(|(address, holder)| {
            let available = available.contains(&address);
            (address, Known { holder, available })
        });
        Ok(Details {
            run_state,
            lag_microseconds: u64::try_from(lag.as_micros()).ok(),
            capabilities,
            started_at_seconds: uptime.started / 1_000_000,
            last_recovery: last_recovery(&uptime),
            recovering_since_seconds: (uptime.recovery_began > uptime.recovery_ended)
                .then_some(uptime.recovery_began / 1_000_000),
            ban_seconds: (ban > 0).then_some(ban),
            addresses: known.collect(),
        })
    }
}

fn last_recovery(uptime: &Uptime) -> Option<Recovery> {
    let taken = uptime.recovery_ended.checked_sub(uptime.recovery_began)?;
    (uptime.recovery_ended >= uptime.started).then(|| Recovery {
        finished_at_seconds: uptime.recovery_ended / 1_000_000,
        duration_microseconds: u64::try_from(taken).ok(),
    })
}

/// A node that went away, or hangs, is left out; everything else is wrong with all.
fn unless_it_refuses<T>(answer: Result<T, ClientError>) -> Result<Option<T>, ClientError> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(ClientError::Refused { .. } | ClientError::Silent { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
