//! The logs of several nodes as one.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::path::Path;

use serde::Serialize;
use smbgw_core::error::chain_text;
use smbgw_core::host::{FileError, Host};

use super::event::{ClusterEvent, What};
use super::log::{FORMER, LOG};
use crate::node::NodeName;
use crate::on_each::on_each;

/// How far the clocks of two nodes may be apart, in milliseconds, for what both saw at one moment.
const CLOCKS_APART: i64 = 2_000;

/// The longest line that is read, in bytes: far more than one that was written.
const LONGEST_LINE: usize = 64 << 10;

/// What is asked for. By default everything is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only what happened to this node, or went from it or to it.
    pub node: Option<NodeName>,
    /// Only what happened to this address.
    pub address: Option<IpAddr>,
    /// Only these things; all where there is none.
    pub what: Vec<What>,
    /// Only so many of the last ones.
    pub newest: Option<usize>,
}

/// What happened.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Past {
    /// In the order of time. What several nodes saw is there once.
    pub events: Vec<ClusterEvent>,
    /// The nodes whose log could not be read, so that something may be missing.
    pub unread: Vec<UnreadLog>,
    /// How many lines were no events, as after a loss of power.
    pub damaged_lines: usize,
}

/// A log that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct UnreadLog {
    /// The machine.
    pub host: String,
    /// Why.
    pub reason: String,
}

/// What happened from `since` until `until` (milliseconds since 1970-01-01 00:00 UTC, both included) by the
/// logs of `hosts`, as far as `filter` asks for it. All logs are read at the same time.
///
/// A log that cannot be read is told with the others.
pub fn read(hosts: &[&dyn Host], since: Option<i64>, until: Option<i64>, filter: &Filter) -> Past {
    let logs = on_each(hosts, |_, host| Log::read(*host));
    let mut past = Past::default();
    for (host, log) in hosts.iter().zip(logs) {
        match log {
            Ok(log) => {
                past.events.extend(log.events);
                past.damaged_lines += log.damaged_lines;
            }
            Err(error) => past.unread.push(UnreadLog {
                host: host.name().into(),
                reason: chain_text(&error),
            }),
        }
    }
    past.events = merge(std::mem::take(&mut past.events));
    past.events.retain(|event| {
        let at = event.at_milliseconds;
        since.is_none_or(|since| at >= since)
            && until.is_none_or(|until| at <= until)
            && filter.asks_for(event)
    });
    if let Some(newest) = filter.newest {
        let rest = past.events.len().saturating_sub(newest);
        past.events.drain(..rest);
    }
    past
}

/// What `host` alone wrote down since `since` (milliseconds since 1970-01-01 00:00 UTC) or somewhat before. A
/// log to which nothing was added is not read, and one that was put aside in between is not either.
pub(crate) fn newest(host: &dyn Host, since: i64) -> Vec<ClusterEvent> {
    let path = Path::new(LOG);
    let changed = host.status(path).ok().flatten().map(|log| log.changed_at.0);
    if changed.is_none_or(|at| at < (since - CLOCKS_APART) / 1000) {
        return Vec::new();
    }
    let content = host.read(path).ok().flatten().unwrap_or_default();
    Log::parse(&content).events
}

impl Filter {
    /// Whether `event` is asked for.
    pub fn asks_for(&self, event: &ClusterEvent) -> bool {
        let is_of = |node: &NodeName| {
            event.node.as_ref() == Some(node)
                || [&event.from, &event.to]
                    .into_iter()
                    .any(|end| end.as_deref() == Some(node.as_str()))
        };
        self.node.as_ref().is_none_or(is_of)
            && (self.address.is_none() || event.address == self.address)
            && (self.what.is_empty() || self.what.contains(&event.what))
    }
}

/// `events` in the order of time, with what several nodes saw there once: the one that knows the time best
/// stays. Of a change of a node's state, the duration says how long the state before had lasted.
pub fn merge(mut events: Vec<ClusterEvent>) -> Vec<ClusterEvent> {
    // The surest ones first, so that what others saw less well falls to them.
    events.sort_by_key(|event| {
        let (earliest, latest) = event.window();
        (latest - earliest, latest)
    });
    let mut kept: Vec<ClusterEvent> = Vec::with_capacity(events.len());
    let mut seen_by: Vec<HashSet<NodeName>> = Vec::with_capacity(events.len());
    let mut alike: HashMap<_, Vec<usize>> = HashMap::new();
    for event in events {
        let subject = (
            event.what,
            event.node.clone(),
            event.address,
            event.to.clone(),
        );
        let others = alike.entry(subject).or_default();
        let same = others
            .iter()
            .copied()
            .find(|other| is_same(&kept[*other], &seen_by[*other], &event));
        match same {
            Some(other) => {
                seen_by[other].insert(event.seen_by.clone());
                take_over(&mut kept[other], event);
            }
            None => {
                others.push(kept.len());
                seen_by.push(HashSet::from([event.seen_by.clone()]));
                kept.push(event);
            }
        }
    }
    kept.sort_by_key(|event| event.at_milliseconds);
    tell_durations(&mut kept);
    kept
}

/// Whether `other`, which is of the same subject, is what happened in `one`, which `seen_by` saw.
fn is_same(one: &ClusterEvent, seen_by: &HashSet<NodeName>, other: &ClusterEvent) -> bool {
    if one == other {
        return true;
    }
    let (earliest, latest) = one.window();
    let (from, to) = other.window();
    let at_one_time = from - CLOCKS_APART <= latest && earliest <= to + CLOCKS_APART;
    let from_one_place = match (&one.from, &other.from) {
        (Some(from), Some(other)) => from == other,
        _ => true,
    };
    // What one node saw twice happened twice.
    at_one_time && from_one_place && !seen_by.contains(&other.seen_by)
}

/// What `other` knows beside what `one` does.
fn take_over(one: &mut ClusterEvent, other: ClusterEvent) {
    one.from = one.from.take().or(other.from);
    one.duration_milliseconds = one.duration_milliseconds.or(other.duration_milliseconds);
    one.gap_milliseconds = one.gap_milliseconds.or(other.gap_milliseconds);
    one.by = one.by.take().or(other.by);
    one.detail = one.detail.take().or(other.detail);
}

/// Fills in how long the states of nodes lasted.
fn tell_durations(events: &mut [ClusterEvent]) {
    let mut began: HashMap<NodeName, i64> = HashMap::new();
    for event in events
        .iter_mut()
        .filter(|event| event.what == What::NodeState)
    {
        let Some(node) = &event.node else { continue };
        if let Some(before) = began.insert(node.clone(), event.at_milliseconds) {
            let lasted = u64::try_from(event.at_milliseconds - before).ok();
            event.duration_milliseconds = event.duration_milliseconds.or(lasted);
        }
    }
}

/// What is in the log of one node.
#[derive(Debug, Default, PartialEq, Eq)]
struct Log {
    events: Vec<ClusterEvent>,
    damaged_lines: usize,
}

impl Log {
    fn read(host: &dyn Host) -> Result<Self, FileError> {
        // The newer one first: put aside in between, it is read twice rather than not at all, and what is
        // there twice is taken out.
        let log = host.read(Path::new(LOG))?.unwrap_or_default();
        let former = host.read(Path::new(FORMER))?.unwrap_or_default();
        let mut whole = Self::parse(&former);
        let newer = Self::parse(&log);
        whole.events.extend(newer.events);
        whole.damaged_lines += newer.damaged_lines;
        Ok(whole)
    }

    /// What `content` says. The last line may be half written, and any other one damaged.
    fn parse(content: &[u8]) -> Self {
        let mut log = Self::default();
        let mut lines = content.split(|byte| *byte == b'\n').peekable();
        while let Some(line) = lines.next() {
            let is_last = lines.peek().is_none();
            if line.is_empty() {
                continue;
            }
            let event = (line.len() <= LONGEST_LINE)
                .then(|| serde_json::from_slice(line).ok())
                .flatten();
            match event {
                Some(event) => log.events.push(event),
                // A writer is in the middle of it.
                None if is_last => {}
                None => log.damaged_lines += 1,
            }
        }
        log
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::event::Source;

    fn name(text: &str) -> NodeName {
        text.parse().unwrap()
    }

    /// `node` went from healthy to `to` between `after` and `at`, as `seen_by` saw.
    fn state(seen_by: &str, node: &str, to: &str, after: Option<i64>, at: i64) -> ClusterEvent {
        let source = after.map_or(Source::Notification, |_| Source::Look);
        let mut event = ClusterEvent::new(What::NodeState, source, name(seen_by))
            .of_node(name(node))
            .from_to(Some("healthy".into()), Some(to.into()));
        event.at_milliseconds = at;
        event.after_milliseconds = after;
        event
    }

    #[test]
    fn what_several_saw_is_told_once_by_who_knows_best() {
        let merged = merge(vec![
            state("n1", "n2", "unhealthy", Some(1_000), 61_000),
            state("n3", "n2", "unhealthy", Some(30_000), 90_000),
            state("n2", "n2", "unhealthy", None, 42_000),
        ]);
        assert_eq!(merged.len(), 1);
        assert_eq!(
            (merged[0].at_milliseconds, merged[0].seen_by.as_str()),
            (42_000, "n2")
        );
    }

    #[test]
    fn what_happened_twice_is_told_twice() {
        let twice = vec![
            state("n2", "n2", "unhealthy", None, 10_000),
            state("n2", "n2", "unhealthy", None, 11_000),
            // Another node saw one of them.
            state("n1", "n2", "unhealthy", Some(5_000), 65_000),
            // And this one another node.
            state("n1", "n3", "unhealthy", Some(5_000), 65_000),
        ];
        let merged = merge(twice);
        let of: Vec<_> = merged
            .iter()
            .map(|one| one.node.as_ref().unwrap().as_str())
            .collect();
        assert_eq!(of, ["n2", "n2", "n3"]);
        assert_eq!(merged[1].duration_milliseconds, Some(1_000));
        // Merged again, nothing changes.
        assert_eq!(merge(merged.clone()), merged);
    }

    #[test]
    fn moments_far_apart_are_two_things() {
        let merged = merge(vec![
            state("n1", "n2", "unhealthy", Some(1_000), 20_000),
            state("n3", "n2", "unhealthy", Some(40_000), 60_000),
        ]);
        assert_eq!(merged.len(), 2);
    }

    #[test]
    fn damaged_lines_are_counted_and_a_torn_last_one_is_not() {
        let whole = state("n1", "n2", "unhealthy", None, 5).line();
        let mut content = whole.clone();
        content.extend_from_slice(b"{\"at_millise\n\0\0\0\0\n");
        content.extend_from_slice(&whole);
        content.extend_from_slice(&whole[..whole.len() / 2]);
        let log = Log::parse(&content);
        assert_eq!((log.events.len(), log.damaged_lines), (2, 2));
        assert_eq!(Log::parse(b""), Log::default());
        let endless = vec![b'['; LONGEST_LINE * 4];
        assert_eq!(Log::parse(&endless).events, []);
    }

    #[test]
    fn only_what_is_asked_for_is_told() {
        let event = state("n1", "n2", "unhealthy", None, 5);
        let asks = |filter: Filter| filter.asks_for(&event);
        assert!(asks(Filter::default()));
        assert!(asks(Filter {
            node: Some(name("n2")),
            ..Filter::default()
        }));
        assert!(!asks(Filter {
            node: Some(name("n1")),
            ..Filter::default()
        }));
        assert!(!asks(Filter {
            what: vec![What::Leader],
            ..Filter::default()
        }));
        assert!(!asks(Filter {
            address: "10.0.0.1".parse().ok(),
            ..Filter::default()
        }));
    }
}
