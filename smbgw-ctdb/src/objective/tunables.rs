//! The settings of ctdb that failover times depend on.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::ObjectiveError;

/// The settings of ctdb that failover times depend on, all in seconds but the two that count
/// (ctdb-tunables(7), and ctdb.conf(5) for `leader_timeout`). They have to be the same on all nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Tunables {
    /// How often nodes tell each other that they are there.
    pub keepalive_interval: u32,
    /// After how many such intervals of silence a node is taken for lost.
    pub keepalive_limit: u32,
    /// After how long without a sign of the leader another one is looked for. In `ctdb.conf`.
    pub leader_timeout: u32,
    /// How long looking for a leader may take.
    pub election_timeout: u32,
    /// How often it is looked whether a recovery is needed.
    pub recover_interval: u32,
    /// How long after a recovery there is no other one.
    pub rerecovery_timeout: u32,
    /// How long a recovery waits for a node that is there and does not do its part.
    pub recover_timeout: u32,
    /// How long a node without a leader, stopped or banned keeps its addresses.
    pub recovery_drop_all_ips: u32,
    /// How long the moving of addresses may take.
    pub takeover_timeout: u32,
    /// How often a node looks whether its services are well.
    pub monitor_interval: u32,
    /// How often in a row that look may take too long before the node is unhealthy.
    pub monitor_timeout_count: u32,
    /// How long the scripts of one event may take.
    pub event_script_timeout: u32,
    /// How often nodes tell each other of their clients' connections.
    pub tickle_update_interval: u32,
}

/// One of the tunables: its name in ctdb, and the field.
type Entry = (&'static str, fn(&mut Tunables) -> &mut u32);

/// All that are tunables in ctdb: everything but `leader timeout`.
const ENTRIES: [Entry; 12] = [
    ("KeepaliveInterval", |all| &mut all.keepalive_interval),
    ("KeepaliveLimit", |all| &mut all.keepalive_limit),
    ("ElectionTimeout", |all| &mut all.election_timeout),
    ("RecoverInterval", |all| &mut all.recover_interval),
    ("RerecoveryTimeout", |all| &mut all.rerecovery_timeout),
    ("RecoverTimeout", |all| &mut all.recover_timeout),
    ("RecoveryDropAllIPs", |all| &mut all.recovery_drop_all_ips),
    ("TakeoverTimeout", |all| &mut all.takeover_timeout),
    ("MonitorInterval", |all| &mut all.monitor_interval),
    ("MonitorTimeoutCount", |all| &mut all.monitor_timeout_count),
    ("EventScriptTimeout", |all| &mut all.event_script_timeout),
    ("TickleUpdateInterval", |all| {
        &mut all.tickle_update_interval
    }),
];

impl Tunables {
    /// ctdb's own (4.17).
    pub const STOCK: Self = Self {
        keepalive_interval: 5,
        keepalive_limit: 5,
        leader_timeout: 5,
        election_timeout: 3,
        recover_interval: 1,
        rerecovery_timeout: 10,
        // ctdb-tunables(7) says 120.
        recover_timeout: 30,
        recovery_drop_all_ips: 120,
        takeover_timeout: 9,
        monitor_interval: 15,
        monitor_timeout_count: 20,
        event_script_timeout: 30,
        tickle_update_interval: 20,
    };

    /// The names and values that belong in `ctdb.tunables` and in `ctdb setvar`, in a fixed order.
    pub fn pairs(&self) -> Vec<(&'static str, u32)> {
        let mut all = *self;
        ENTRIES
            .iter()
            .map(|(name, field)| (*name, *field(&mut all)))
            .collect()
    }

    /// For how long the ctdbd of a leader may leave its cluster lock without an answer, in milliseconds: half a second
    /// less than it takes at most until all others take a silent node for lost, as one of them wants the lock
    /// then. It is 2.5 s at least, which a busy ctdbd keeps.
    pub fn lock_milliseconds(&self) -> u32 {
        let intervals = self.keepalive_limit.saturating_add(1);
        let silence = self.keepalive_interval.saturating_mul(intervals).max(3);
        silence.saturating_mul(1_000) - 500
    }

    /// The values of those in `pairs`, and ctdb's own for the others. `leader_timeout` is that of `ctdb.conf`.
    pub fn of(pairs: &[(String, u32)], leader_timeout: Option<u32>) -> Self {
        let mut all = Self::STOCK;
        if let Some(seconds) = leader_timeout {
            all.leader_timeout = seconds;
        }
        for (name, value) in pairs {
            // ctdb takes names in any case.
            let entry = ENTRIES
                .iter()
                .find(|(known, _)| known.eq_ignore_ascii_case(name));
            if let Some((_, field)) = entry {
                *field(&mut all) = *value;
            }
        }
        all
    }

    /// The values of those in `text`, and ctdb's own for the others: what `ctdb listvars` prints
    /// (`KeepaliveInterval          = 5`), or the content of `ctdb.tunables`. Other tunables are passed
    /// over. `leader_timeout` is that of `ctdb.conf`.
    ///
    /// # Errors
    /// [`ObjectiveError::Line`] for a line that is no tunable, as ctdb reads such files.
    pub fn read(text: &str, leader_timeout: Option<u32>) -> Result<Self, ObjectiveError> {
        let lines = text.lines().map(str::trim);
        let mut pairs = Vec::new();
        for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let read = || {
                let (name, value) = line.split_once('=')?;
                Some((name.trim().to_owned(), value.trim().parse::<u32>().ok()?))
            };
            pairs.push(read().ok_or_else(|| ObjectiveError::Line(line.to_owned()))?);
        }
        Ok(Self::of(&pairs, leader_timeout))
    }
}

/// The settings with which an address is on another node within `within`, and within `leader_within` where the node
/// led that was lost.
///
/// Whatever time there is goes into the patience with a silent node, as that is what keeps a busy one from
/// being taken for a lost one.
pub(super) fn for_address_within(within: Duration, leader_within: Duration) -> Tunables {
    let stock = Tunables::STOCK;
    let whole = u32::try_from(within.as_secs()).unwrap_or(u32::MAX);
    let recover_interval = stock.recover_interval;
    // What is left for noticing when the recovery that follows is taken off.
    let notice = whole.saturating_sub(recover_interval + super::worst::WORK_SECONDS);
    let base = Tunables {
        recover_interval,
        election_timeout: (notice / 3).clamp(1, stock.election_timeout),
        rerecovery_timeout: (notice / 2).min(stock.rerecovery_timeout),
        recovery_drop_all_ips: (whole * 2).clamp(10, stock.recovery_drop_all_ips),
        monitor_interval: (notice.saturating_sub(super::worst::WORK_SECONDS))
            .clamp(2, stock.monitor_interval),
        monitor_timeout_count: (whole / 5).clamp(1, stock.monitor_timeout_count),
        event_script_timeout: (whole * 4).clamp(20, stock.event_script_timeout),
        tickle_update_interval: whole.clamp(2, stock.tickle_update_interval),
        ..stock
    };
    let least = with_silence(base, 3);
    let each = (4..=notice)
        .rev()
        .map(|seconds| with_silence(base, seconds));
    let mut fitting =
        each.filter(|all| super::worst::leader_seconds(all) <= leader_within.as_secs());
    fitting.next().unwrap_or(least)
}

/// `base` with the patience with a node that is silent for so many seconds.
fn with_silence(base: Tunables, seconds: u32) -> Tunables {
    let stock = Tunables::STOCK;
    // A loss is noticed after the limit and one interval more, in which the last sign may have come.
    let keepalive_interval =
        (seconds / (stock.keepalive_limit + 1)).clamp(1, stock.keepalive_interval);
    let keepalive_limit = (seconds / keepalive_interval).clamp(3, 24) - 1;
    // Nobody leads before a leader that is silent is taken for lost, so looking for another one sooner only has
    // to be done again.
    let silence = keepalive_interval * (keepalive_limit + 1);
    Tunables {
        keepalive_interval,
        keepalive_limit,
        leader_timeout: (silence + 1).min(stock.leader_timeout),
        ..base
    }
}
