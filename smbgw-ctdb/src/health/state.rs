//! What is remembered from one look to the next.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use smbgw_core::change::Change;
use smbgw_core::host::{FileError, Host, create_dirs};

use super::Settings;
use super::damping::Tracks;
use super::sight::RecoveryCount;
use crate::events::View;

/// Where it is kept.
pub const FILE: &str = "/var/lib/smbgw/cluster-health.json";

/// The form that this program writes. Another one counts as nothing, and watching begins anew.
const VERSION: u32 = 1;

/// What is remembered of a cluster from one look to the next, so that a program that starts again tells
/// nothing twice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthState {
    version: u32,
    /// The last look.
    pub(super) view: Option<View>,
    pub(super) tracks: Tracks,
    pub(super) recoveries: Recoveries,
    /// Until when the nodes' own logs were read, in milliseconds since 1970-01-01 00:00 UTC.
    pub(super) heard_until: i64,
}

/// How many recoveries there were, and when.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Recoveries {
    /// What each node counted the last time.
    counted: BTreeMap<u32, u64>,
    /// How many more there were at a time, in seconds since 1970-01-01 00:00 UTC.
    grown: Vec<(i64, u64)>,
}

impl HealthState {
    /// What is remembered on `host`; nothing where there is none, or none that this program knows the form
    /// of.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn load(host: &dyn Host) -> Result<Self, FileError> {
        let Some(content) = host.read(Path::new(FILE))? else {
            return Ok(Self::default());
        };
        let known = serde_json::from_slice::<Self>(&content).ok();
        Ok(known
            .filter(|state| state.version == VERSION)
            .unwrap_or_default())
    }

    /// Forgets what is wrong and remembers how the cluster stands, as another node watches it closely.
    pub(super) fn forget_what_is_wrong(&mut self) {
        self.tracks = Tracks::default();
        self.recoveries = Recoveries::default();
        self.heard_until = 0;
    }

    /// Keeps it on `host`.
    ///
    /// # Errors
    /// Where it cannot be written; what was there still is then.
    pub fn save(&self, host: &dyn Host) -> Result<Change, FileError> {
        let path = Path::new(FILE);
        create_dirs(host, path.parent().unwrap_or(path), 0o755)?;
        let whole = Self {
            version: VERSION,
            ..self.clone()
        };
        let text = serde_json::to_vec(&whole).unwrap_or_default();
        host.write(path, &text, 0o600)
    }
}

impl Recoveries {
    /// Takes in what nodes counted at `now` (seconds since 1970-01-01 00:00 UTC), and returns how many there
    /// were lately.
    pub(super) fn take(&mut self, counts: &[RecoveryCount], settings: &Settings, now: i64) -> u64 {
        // All nodes count the same ones. One that started again begins from nothing.
        let more = counts.iter().filter_map(|count| {
            let before = self.counted.insert(count.node, count.recoveries)?;
            count.recoveries.checked_sub(before)
        });
        let more = more.max().unwrap_or(0);
        if more > 0 {
            self.grown.push((now, more));
        }
        let since = now.saturating_sub(settings.recoveries_seconds);
        self.grown.retain(|(at, _)| (since..=now).contains(at));
        self.grown.iter().map(|(_, more)| more).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use smbgw_core::host::LocalHost;

    fn count(node: u32, recoveries: u64) -> RecoveryCount {
        RecoveryCount { node, recoveries }
    }

    #[test]
    fn recoveries_are_counted_once_and_for_a_while() {
        let settings = Settings::default();
        let mut known = Recoveries::default();
        assert_eq!(known.take(&[count(0, 90), count(1, 3)], &settings, 0), 0);
        assert_eq!(known.take(&[count(0, 92), count(1, 5)], &settings, 60), 2);
        // One started again, and one that was not heard before counts from now.
        let counts = [count(0, 1), count(1, 6), count(2, 700)];
        assert_eq!(known.take(&counts, &settings, 120), 3);
        assert_eq!(known.take(&[], &settings, 600), 3);
        assert_eq!(known.take(&[], &settings, 700), 1);
        assert_eq!(known.take(&[], &settings, 800), 0);
        assert_eq!(known.grown, []);
    }

    #[test]
    fn it_is_kept_and_what_is_unknown_counts_as_nothing() {
        let root = tempfile::TempDir::new().unwrap();
        let host = LocalHost::with_root(root.path());
        assert_eq!(HealthState::load(&host).unwrap(), HealthState::default());
        let state = HealthState {
            version: VERSION,
            heard_until: 5,
            ..HealthState::default()
        };
        state.save(&host).unwrap();
        assert_eq!(HealthState::load(&host).unwrap(), state);
        for damaged in ["", "{", "{\"version\":99,\"view\":null}"] {
            host.write(Path::new(FILE), damaged.as_bytes(), 0o600)
                .unwrap();
            assert_eq!(HealthState::load(&host).unwrap(), HealthState::default());
        }
    }
}
