//! What a ctdbd can be asked without changing anything, and how the answers are read.
//!
//! The numbers are those that the `ctdb` command of 4.17 asks by; 4.22 has the same.

use std::net::IpAddr;

use crate::client::reply::{self, Database, Members, Uptime};
use crate::client::wire::Reply;
use crate::ctl::{NodeState, RunState};
use crate::status::{Capabilities, RecoveryMode};

/// Something to ask, whose answer is a `T`.
#[derive(Clone, Debug)]
pub struct Question<T> {
    pub(super) name: &'static str,
    pub(super) control: u32,
    pub(super) flags: u32,
    pub(super) message: u64,
    pub(super) data: Vec<u8>,
    pub(super) read: fn(&Reply) -> Option<T>,
}

/// The kind of messages in which a leader says every second that it is one.
pub(super) const LEADER: u64 = 0xf101_0000_0000_0000;

/// Limits public addresses to those that the node could take.
const ONLY_AVAILABLE: u32 = 0x0001_0000;

const fn question<T>(
    name: &'static str,
    control: u32,
    read: fn(&Reply) -> Option<T>,
) -> Question<T> {
    Question {
        name,
        control,
        flags: 0,
        message: 0,
        data: Vec::new(),
        read,
    }
}

/// Whether it is there.
pub fn ping() -> Question<()> {
    // The status says how many clients are connected.
    question("ping", 3, |_| Some(()))
}

/// The number of the node.
pub fn number() -> Question<u32> {
    question("its number", 35, |reply| u32::try_from(reply.status).ok())
}

/// The process, by its number on its own host.
pub fn process() -> Question<u32> {
    question("its process", 30, |reply| u32::try_from(reply.status).ok())
}

/// How far it has come.
pub fn run_state() -> Question<RunState> {
    question("its run state", 138, |reply| reply::run_state(&reply.data))
}

/// All nodes that were not removed.
pub fn nodes() -> Question<Vec<NodeState>> {
    question("the nodes", 91, |reply| reply::nodes(&reply.data))
}

/// Which nodes keep the databases.
pub fn members() -> Question<Members> {
    question("the members", 5, |reply| reply::members(&reply.data))
}

/// Whether databases are served.
pub fn recovery_mode() -> Question<RecoveryMode> {
    question("the recovery mode", 15, |reply| match reply.status {
        0 => Some(RecoveryMode::Normal),
        1 => Some(RecoveryMode::Recovering),
        _ => None,
    })
}

/// When it started, and the last recovery was.
pub fn uptime() -> Question<Uptime> {
    question("its times", 69, |reply| reply::uptime(&reply.data))
}

/// What the node may become.
pub fn capabilities() -> Question<Capabilities> {
    question("its capabilities", 80, |reply| {
        let bits = reply::only_number(&reply.data)?;
        Some(Capabilities {
            leader: bits & 0x1 != 0,
            lmaster: bits & 0x2 != 0,
        })
    })
}

/// The public addresses in the file of the node, each with the node that it takes to have it.
pub fn public_addresses() -> Question<Vec<(IpAddr, Option<u32>)>> {
    question("its public addresses", 90, |reply| {
        reply::public_addresses(&reply.data)
    })
}

/// Those of them that the node could take now: it is healthy, and an interface for them works.
pub fn available_addresses() -> Question<Vec<(IpAddr, Option<u32>)>> {
    Question {
        flags: ONLY_AVAILABLE,
        ..public_addresses()
    }
}

/// For how many seconds in all the node is banned; 0 where it is not.
pub fn ban() -> Question<u32> {
    question("its ban", 110, |reply| {
        let (_, seconds) = reply.data.split_at_checked(4)?;
        reply::only_number(seconds)
    })
}

/// The cluster lock as it is set; none where there is none.
pub fn cluster_lock() -> Question<Option<String>> {
    question("the cluster lock", 99, |reply| {
        let lock = reply::text(&reply.data)?;
        Some((!lock.is_empty()).then(|| lock.to_owned()))
    })
}

/// The databases that are attached.
pub fn databases() -> Question<Vec<Database>> {
    question("the databases", 9, |reply| reply::databases(&reply.data))
}

/// What the database with this number is called.
pub fn database_name(id: u32) -> Question<String> {
    let read = |reply: &Reply| reply::text(&reply.data).map(str::to_owned);
    Question {
        data: id.to_ne_bytes().to_vec(),
        ..question("the name of a database", 25, read)
    }
}

/// Why the database with this number is taken for damaged; none where it is not.
pub fn database_damage(id: u32) -> Question<Option<String>> {
    let read = |reply: &Reply| {
        let damage = reply::text(&reply.data)?;
        Some((!damage.is_empty()).then(|| damage.to_owned()))
    };
    Question {
        data: id.to_ne_bytes().to_vec(),
        ..question("the health of a database", 122, read)
    }
}

/// The names of all tunables.
pub fn tunable_names() -> Question<Vec<String>> {
    question("the names of tunables", 50, |reply| {
        let names = reply::tunable_names(&reply.data)?;
        Some(names.into_iter().map(str::to_owned).collect())
    })
}

/// The value of a tunable. It is refused where there is none of that name.
pub fn tunable(name: &str) -> Question<u32> {
    let length = u32::try_from(name.len() + 1).unwrap_or(u32::MAX);
    let mut data = length.to_ne_bytes().to_vec();
    data.extend(name.as_bytes());
    data.push(0);
    Question {
        data,
        ..question("a tunable", 49, |reply| reply::only_number(&reply.data))
    }
}

/// Has the announcements of the leader come to this connection as well; nothing changes for anybody else.
pub(super) fn hear_leader() -> Question<()> {
    Question {
        message: LEADER,
        ..question("to hear the leader", 23, |_| Some(()))
    }
}
