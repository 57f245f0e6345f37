//! What a usage means: readings for alerts.

use smbgw_core::alert::{Facts, Kind, Measure, Reading, Severity};
use smbgw_core::ports::storage::Filesystem;
use smbgw_core::ports::{Usage, Volume};
use smbgw_core::share::ShareName;
use smbgw_core::size::ByteSize;

use crate::trend::{Forecast, TimeTo};

/// Free bytes, at most, with which a share counts as full: no file of any size fits any more.
const FULL: u64 = 1 << 20;

/// The part of the limit from which on a refused write makes a share full. A refusal farther below
/// was of one huge file; and XFS announces a refusal for what is removed from a full share.
const NEAR: f64 = 90.0;

/// The bytes that count against the limit in the way it is enforced.
///
/// On ZFS what can still be written is less than the limit minus the usage where snapshots or
/// reservations take part of it, so there the rest of the limit counts.
pub fn enforced_bytes(volume: &Volume, usage: &Usage) -> u64 {
    match (volume.filesystem, usage.limits.bytes) {
        (Filesystem::Zfs, Some(limit)) => usage.bytes.max(limit.saturating_sub(usage.available)),
        _ => usage.bytes,
    }
}

/// What is seen of a share whose usage could be read.
pub(super) struct Seen<'a> {
    pub(super) share: &'a ShareName,
    pub(super) volume: &'a Volume,
    pub(super) usage: &'a Usage,
    /// Whether the kernel has just said that it refused a write.
    pub(super) hit: bool,
    /// Whether the alert about the hard limit was raised before.
    pub(super) was_full: bool,
    pub(super) forecast: Option<&'a Forecast>,
}

impl Seen<'_> {
    /// Whether the share is full: it is not any more once there is room for more than a few writes.
    pub(super) fn is_full(&self) -> bool {
        let Some(limit) = self.usage.limits.bytes else {
            return false;
        };
        let used = enforced_bytes(self.volume, self.usage);
        let left = limit.saturating_sub(used);
        let no_more_files = match (self.usage.inodes, self.usage.limits.inodes) {
            (Some(inodes), Some(limit)) => inodes >= limit,
            _ => false,
        };
        let next_to_nothing = (limit / 64).min(FULL);
        left <= next_to_nothing
            || no_more_files
            || (self.hit && percent(used, limit) >= NEAR)
            || (self.was_full && left <= limit / 50)
    }

    pub(super) fn readings(&self) -> Vec<Reading> {
        let used = enforced_bytes(self.volume, self.usage);
        let limits = self.usage.limits;
        let mut readings = vec![self.reading(Kind::Unreadable, Measure::Present(None), "")];
        readings.push(match limits.bytes {
            Some(limit) => self.reading(
                Kind::Space,
                Measure::Percent(percent(used, limit)),
                &format!(
                    "{} of {} are used{}",
                    size(used),
                    size(limit),
                    self.taken_by_others(used)
                ),
            ),
            None => self.reading(Kind::Space, Measure::Percent(0.0), "no limit is in force"),
        });
        readings.push(match (self.usage.inodes, limits.inodes) {
            (Some(inodes), Some(limit)) => self.reading(
                Kind::Inodes,
                Measure::Percent(percent(inodes, limit)),
                &format!("{inodes} of {limit} files and directories are used"),
            ),
            _ => self.reading(Kind::Inodes, Measure::Percent(0.0), ""),
        });
        let full = self.is_full();
        readings.push(self.reading(
            Kind::HardLimit,
            Measure::Present(full.then_some(Severity::Critical)),
            "the limit is reached: writes are refused",
        ));
        readings.push(self.soft_limit(used));
        readings.extend(self.forecast(used));
        readings
    }

    fn soft_limit(&self, used: u64) -> Reading {
        let limits = self.usage.limits;
        let bytes = limits.soft_bytes.filter(|soft| used > *soft);
        let files = limits.soft_inodes.zip(self.usage.inodes);
        let files = files.filter(|(soft, inodes)| inodes > soft);
        let summary = match (bytes, files) {
            (Some(soft), _) => format!(
                "{} are used, more than the soft limit of {}: the grace time runs",
                size(used),
                size(soft)
            ),
            (None, Some((soft, inodes))) => format!(
                "{inodes} files and directories are more than the soft limit of {soft}: the grace \
                 time runs"
            ),
            (None, None) => "the soft limit is not exceeded".into(),
        };
        let exceeded = (bytes.is_some() || files.is_some()).then_some(Severity::Warning);
        self.reading(Kind::SoftLimit, Measure::Present(exceeded), &summary)
    }

    fn forecast(&self, used: u64) -> Option<Reading> {
        let forecast = self.forecast?;
        const DAY: f64 = 86_400.0;
        let (days, range) = match &forecast.full {
            TimeTo::Reached => (Some(0.0), None),
            TimeTo::In {
                seconds,
                soonest,
                latest,
            } => (
                Some(seconds / DAY),
                Some((soonest / DAY, latest.map(|latest| latest / DAY))),
            ),
            TimeTo::Never => (None, None),
            // Too little is known to take anything back.
            TimeTo::Unknown(_) => {
                return Some(self.reading(Kind::Forecast, Measure::Unknown, ""));
            }
        };
        let summary = format!("{} are used; full {}", size(used), forecast.full);
        let mut reading = self.reading(Kind::Forecast, Measure::DaysLeft(days), &summary);
        reading.facts.days_left = days;
        reading.facts.days_range = range;
        reading.facts.growth = forecast.trend.as_ref().ok().map(|trend| trend.per_day);
        Some(reading)
    }

    fn taken_by_others(&self, used: u64) -> String {
        match used.saturating_sub(self.usage.bytes) {
            0 => String::new(),
            others => format!(
                ", {} of it by snapshots, reservations or a full pool",
                size(others)
            ),
        }
    }

    fn reading(&self, kind: Kind, measure: Measure, summary: &str) -> Reading {
        let used = enforced_bytes(self.volume, self.usage);
        let limits = self.usage.limits;
        Reading {
            share: Some(self.share.clone()),
            kind,
            measure,
            facts: Facts {
                summary: summary.into(),
                remedy: remedy(kind, self.share),
                used: Some(used),
                limit: limits.bytes,
                percent: limits.bytes.map(|limit| percent(used, limit)),
                inodes: self.usage.inodes,
                inode_limit: limits.inodes,
                ..Facts::default()
            },
        }
    }
}

/// What is told of a share whose usage could not be read.
pub(super) fn unreadable(share: &ShareName, why: &str, remedy: Option<String>) -> Reading {
    Reading {
        share: Some(share.clone()),
        kind: Kind::Unreadable,
        measure: Measure::Present(Some(Severity::Critical)),
        facts: Facts {
            summary: format!("the usage cannot be read: {why}"),
            remedy,
            ..Facts::default()
        },
    }
}

/// What is not known of a share whose usage could not be read.
pub(super) fn unknown(share: &ShareName) -> impl Iterator<Item = Reading> {
    let kinds = [
        Kind::Space,
        Kind::Inodes,
        Kind::HardLimit,
        Kind::SoftLimit,
        Kind::Forecast,
    ];
    kinds.into_iter().map(|kind| Reading {
        share: Some(share.clone()),
        kind,
        measure: Measure::Unknown,
        facts: Facts::default(),
    })
}

fn percent(part: u64, whole: u64) -> f64 {
    match whole {
        0 => 100.0,
        whole => part as f64 * 100.0 / whole as f64,
    }
}

fn size(bytes: u64) -> ByteSize {
    ByteSize::from_bytes(bytes)
}

fn remedy(kind: Kind, share: &ShareName) -> Option<String> {
    let share = smbgw_core::host::cmd::quote_for_shell(share.as_str());
    match kind {
        Kind::Space | Kind::HardLimit | Kind::SoftLimit | Kind::Forecast => Some(format!(
            "remove what is not needed, or enlarge it with `pve-smbgateway resize {share} SIZE`"
        )),
        Kind::Inodes => Some("remove files that are not needed, or raise the limit".into()),
        Kind::Drift => Some(format!("run `pve-smbgateway quota check {share} --fix`")),
        _ => None,
    }
}
