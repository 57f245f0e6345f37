//! What a ctdbd knows, by the `ctdb` command: for nodes whose socket is not reached, and daemons of versions
//! that are not known. The forms are those of ctdb(1), and of what 4.17 prints.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::ctl::{Ctl, CtlError, NodeState, RunState, table, unexpected};
use crate::status::view::{Details, Known, Overview};
use crate::status::{Capabilities, DatabaseStatus, Recovery, RecoveryMode};

/// What the ctdbd on the host of `ctl` knows of the cluster.
pub(super) fn overview(ctl: &Ctl<'_>) -> Result<Overview, CtlError> {
    let said = ctl.run(["status"])?;
    let parts = Parts::parse(&said).ok_or_else(|| unexpected("status", &said))?;
    let lock = ctl.run(["getreclock"])?;
    let lock = lock.trim();
    Ok(Overview {
        number: ctl.pnn()?,
        nodes: ctl.nodes()?,
        recovery_mode: parts.recovery_mode,
        generation: parts.generation,
        members: parts.members,
        leader: parts.leader,
        cluster_lock: (!lock.is_empty()).then(|| lock.to_owned()),
        databases: databases(ctl)?,
    })
}

/// What the ctdbd of `node` knows of itself. `now` is the time by the clock of its host, as near as it
/// is known.
pub(super) fn details(ctl: &Ctl<'_>, node: &NodeState, now: i64) -> Result<Details, CtlError> {
    let number = node.pnn.to_string();
    let ask = |words: &[&str]| ctl.run(["-n", &number].iter().chain(words).copied());
    let lag = ask(&["ping"])?;
    let uptime = ask(&["uptime"])?;
    let times = Times::parse(&uptime, now).ok_or_else(|| unexpected("uptime", &uptime))?;
    let capabilities = ask(&["-X", "getcapabilities"])?;
    let capabilities = parse_capabilities(&capabilities)
        .ok_or_else(|| unexpected("-X getcapabilities", &capabilities))?;
    let said = ask(&["-X", "-v", "ip"])?;
    let mut addresses = parse_known(&said).ok_or_else(|| unexpected("-X -v ip", &said))?;
    let run_state = ctl.run_state(Some(node.pnn))?;
    if run_state != RunState::Running || !node.flags.is_healthy() {
        // ctdbd itself says so, and the command does not ask it.
        addresses
            .values_mut()
            .for_each(|known| known.available = false);
    }
    Ok(Details {
        run_state,
        lag_microseconds: parse_lag(&lag),
        capabilities,
        started_at_seconds: times.started,
        last_recovery: times.last_recovery,
        recovering_since_seconds: times.recovering_since,
        ban_seconds: None,
        addresses,
    })
}

fn databases(ctl: &Ctl<'_>) -> Result<Vec<DatabaseStatus>, CtlError> {
    let said = ctl.run(["-X", "getdbmap"])?;
    let mut databases = Vec::new();
    for (mut database, damaged) in
        parse_databases(&said).ok_or_else(|| unexpected("-X getdbmap", &said))?
    {
        if damaged {
            let said = ctl.run(["getdbstatus", &database.name])?;
            let health = said.lines().find_map(|line| line.strip_prefix("HEALTH: "));
            database.damage = Some(health.unwrap_or("it is damaged").trim().to_owned());
        }
        databases.push(database);
    }
    databases.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(databases)
}

/// The lines of `ctdb status` that its form for programs has not.
#[derive(Debug, PartialEq, Eq)]
struct Parts {
    generation: Option<u32>,
    members: Vec<u32>,
    recovery_mode: RecoveryMode,
    leader: Option<u32>,
}

impl Parts {
    fn parse(said: &str) -> Option<Self> {
        let value = |name: &str| {
            let mut lines = said.lines();
            lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':').map(str::trim))
        };
        let generation = match value("Generation")? {
            "INVALID" => None,
            number => Some(number.parse().ok()?),
        };
        let members = said
            .lines()
            .filter_map(|line| line.strip_prefix("hash:"))
            .map(|line| line.split_once("lmaster:")?.1.trim().parse().ok())
            .collect::<Option<Vec<u32>>>()?;
        let recovery_mode = match value("Recovery mode")? {
            mode if mode.starts_with("NORMAL") => RecoveryMode::Normal,
            mode if mode.starts_with("RECOVERY") => RecoveryMode::Recovering,
            _ => return None,
        };
        // It had another name before 4.16.
        let leader = value("Leader").or_else(|| value("Recovery master"))?;
        Some(Self {
            generation,
            members,
            recovery_mode,
            leader: leader.parse().ok(),
        })
    }
}

/// Reads a line such as `response from 1 time=0.000163 sec  (1 clients)`.
fn parse_lag(said: &str) -> Option<u64> {
    let (_, seconds) = said.split_once("time=")?;
    microseconds(seconds.split_whitespace().next()?)
}

/// Reads seconds with six digits after the point.
fn microseconds(seconds: &str) -> Option<u64> {
    let (whole, fraction) = seconds.split_once('.')?;
    if fraction.len() != 6 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let whole: u64 = whole.parse().ok()?;
    whole
        .checked_mul(1_000_000)?
        .checked_add(fraction.parse().ok()?)
}

/// What `ctdb uptime` says, in seconds since 1970.
#[derive(Debug, PartialEq, Eq)]
struct Times {
    started: i64,
    last_recovery: Option<Recovery>,
    recovering_since: Option<i64>,
}

impl Times {
    /// Reads times that are said by how long ago they were.
    fn parse(said: &str, now: i64) -> Option<Self> {
        let line = |name: &str| {
            let mut lines = said.lines();
            lines.find_map(|line| {
                line.strip_prefix(name)?
                    .split_once(':')
                    .map(|(_, rest)| rest)
            })
        };
        let started = now.checked_sub(age(line("Ctdbd start time")?)?)?;
        let finished = now.checked_sub(age(line("Time of last")?)?)?;
        let duration = line("Duration of last")?.trim().strip_suffix(" seconds")?;
        let taken = microseconds(duration);
        // From the end of the last one to the beginning of that which is under way.
        let between = duration.strip_prefix('-').and_then(microseconds);
        let between = between.and_then(|between| i64::try_from(between / 1_000_000).ok());
        if taken.is_none() && between.is_none() {
            return None;
        }
        // Where there was none so far, it was in 1970.
        let last_recovery = (finished >= started).then_some(Recovery {
            finished_at_seconds: finished,
            duration_microseconds: taken,
        });
        Some(Self {
            started,
            last_recovery,
            recovering_since: between.and_then(|between| finished.checked_add(between)),
        })
    }
}

/// Reads days, hours, minutes and seconds such as in ` (000 00:03:48) Mon Nov 23`.
fn age(text: &str) -> Option<i64> {
    let (inner, _) = text.trim().strip_prefix('(')?.split_once(')')?;
    let (days, clock) = inner.trim().split_once(' ')?;
    let mut seconds: i64 = days.parse().ok()?;
    let mut parts = clock.split(':');
    for scale in [24, 60, 60] {
        let part: i64 = parts.next()?.trim().parse().ok()?;
        seconds = seconds.checked_mul(scale)?.checked_add(part)?;
    }
    parts.next().is_none().then_some(seconds)
}

fn parse_capabilities(said: &str) -> Option<Capabilities> {
    let row = table(said)?.next()?;
    // It had another name before 4.16.
    let leader = row.cell("LEADER").or_else(|| row.cell("RECMASTER"))?;
    Some(Capabilities {
        leader: leader == "1",
        lmaster: row.cell("LMASTER")? == "1",
    })
}

fn parse_known(said: &str) -> Option<BTreeMap<IpAddr, Known>> {
    table(said)?
        .map(|row| {
            let holder: i64 = row.cell("Node")?.parse().ok()?;
            let known = Known {
                holder: u32::try_from(holder).ok(),
                available: !row.cell("AvailableInterfaces")?.is_empty(),
            };
            Some((row.cell("Public IP")?.parse().ok()?, known))
        })
        .collect()
}

/// The databases, each with whether it is damaged.
fn parse_databases(said: &str) -> Option<Vec<(DatabaseStatus, bool)>> {
    table(said)?
        .map(|row| {
            let is = |name: &str| row.cell(name) == Some("1");
            let database = DatabaseStatus {
                name: row.cell("Name")?.to_owned(),
                persistent: is("Persistent"),
                replicated: is("Replicated"),
                damage: None,
            };
            Some((database, is("Unhealthy")))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As ctdb 4.17 wrote it on a stopped node.
    const STATUS: &str = "\
Number of nodes:3
pnn:0 10.99.0.31       OK
pnn:2 10.99.0.33       STOPPED|INACTIVE (THIS NODE)
Generation:INVALID
Size:2
hash:0 lmaster:0
hash:1 lmaster:2
Recovery mode:RECOVERY (1)
Leader:0
";

    #[test]
    fn the_parts_of_a_status_are_read() {
        let parts = Parts::parse(STATUS).unwrap();
        let stopped = Parts {
            generation: None,
            members: vec![0, 2],
            recovery_mode: RecoveryMode::Recovering,
            leader: Some(0),
        };
        assert_eq!(parts, stopped);
        let other = STATUS
            .replace("INVALID", "483817102")
            .replace("RECOVERY (1)", "NORMAL (0)")
            .replace("Leader:0", "Leader:UNKNOWN");
        let parts = Parts::parse(&other).unwrap();
        assert_eq!((parts.generation, parts.leader), (Some(483_817_102), None));
        assert_eq!(parts.recovery_mode, RecoveryMode::Normal);
        let old = STATUS.replace("Leader:0", "Recovery master:2");
        assert_eq!(Parts::parse(&old).unwrap().leader, Some(2));
        for line in ["Generation", "Recovery mode", "Leader", "lmaster"] {
            assert_eq!(Parts::parse(&STATUS.replace(line, "x")), None, "{line}");
        }
    }

    #[test]
    fn times_are_read() {
        let said = "\
Current time of node 0        :                Mon Nov 23 16:17:25 2026
Ctdbd start time              : (001 00:00:11) Mon Nov 23 16:17:14 2026
Time of last recovery/failover: (000 01:02:09) Mon Nov 23 16:17:16 2026
Duration of last recovery/failover: 0.042164 seconds
";
        let last = Recovery {
            finished_at_seconds: 1_000_000 - 3_729,
            duration_microseconds: Some(42_164),
        };
        let started = 1_000_000 - 86_411;
        let times = |said: &str| Times::parse(said, 1_000_000);
        let expected = Times {
            started,
            last_recovery: Some(last),
            recovering_since: None,
        };
        assert_eq!(times(said), Some(expected));
        let never = said.replace("000 01:02:09", "20780 16:17:25");
        assert_eq!(times(&never).unwrap().last_recovery, None);
        let under_way = times(&said.replace("0.042164", "-3720.042164")).unwrap();
        assert_eq!(under_way.last_recovery.unwrap().duration_microseconds, None);
        assert_eq!(under_way.recovering_since, Some(1_000_000 - 9));
        assert_eq!(times(&said.replace(':', "")), None);
        assert_eq!(times(&said.replace("0.042164", "x")), None);
        assert_eq!(
            parse_lag("response from 1 time=1.000163 sec  (1 clients)"),
            Some(1_000_163)
        );
        assert_eq!(parse_lag("Unable to get ping response from node 1"), None);
    }

    #[test]
    fn tables_are_read() {
        let said = "|Public IP|Node|ActiveInterfaces|AvailableInterfaces|ConfiguredInterfaces|\n\
                    |10.99.0.101|2||eth0|eth0|\n|fd00::1|-1|||eth0|\n";
        let known = parse_known(said).unwrap();
        let of = |address: &str| {
            let known = known[&address.parse::<IpAddr>().unwrap()];
            (known.holder, known.available)
        };
        assert_eq!(of("10.99.0.101"), (Some(2), true));
        assert_eq!(of("fd00::1"), (None, false));
        assert_eq!(parse_known(""), None);

        let said = "|ID|Name|Path|Persistent|Sticky|Unhealthy|Readonly|Replicated|\n\
                    |0x1|a.tdb|/a|1|0|0|0|0|\n|0x2|b.tdb|/b|0|0|1|0|1|\n";
        let read = parse_databases(said).unwrap();
        assert!(read[0].0.persistent && !read[0].0.replicated && !read[0].1);
        assert!(!read[1].0.persistent && read[1].0.replicated && read[1].1);

        let capabilities = parse_capabilities("|LEADER|LMASTER|\n|1|0|\n").unwrap();
        assert!(capabilities.leader && !capabilities.lmaster);
        assert_eq!(parse_capabilities("|LEADER|\n|1|\n"), None);
    }
}
