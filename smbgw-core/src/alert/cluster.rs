//! How closely a cluster is watched, and how soon people are told of it.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use crate::error::Problem;
use crate::share::ShareName;

/// How a cluster is watched; the section `[cluster]`. What is left out is as it is by default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct ClusterSettings {
    /// Seconds between two looks; as many as between two looks at the shares, if not given.
    pub interval_seconds: Option<u32>,
    /// In so many looks one after the other something has to be wrong before it is raised. What tells of
    /// data in danger is raised at once.
    pub bad_looks: u32,
    /// In so many looks one after the other it has to be well again before that is told.
    pub good_looks: u32,
    /// So many changes between well and wrong within [`flapping_seconds`](Self::flapping_seconds) are told
    /// as one thing: that it flaps.
    pub flapping_changes: usize,
    /// See [`flapping_changes`](Self::flapping_changes).
    pub flapping_seconds: i64,
    /// So many recoveries within [`recoveries_seconds`](Self::recoveries_seconds) are too many. A node that
    /// comes or goes costs one or two.
    pub recoveries: u64,
    /// See [`recoveries`](Self::recoveries).
    pub recoveries_seconds: i64,
    /// A node that has not looked for so long is not relied on to tell people; three looks, but no less than five
    /// minutes, if not given.
    pub silent_seconds: Option<i64>,
    /// Whether SMB is spoken through every public address. With this share, if one is given: it then has to
    /// be there. Without one, any answer of an SMB server will do.
    pub probe: bool,
    /// See [`probe`](Self::probe).
    pub probe_share: Option<ShareName>,
}

impl Default for ClusterSettings {
    /// For a look each minute.
    fn default() -> Self {
        Self {
            interval_seconds: None,
            bad_looks: 2,
            good_looks: 3,
            flapping_changes: 6,
            flapping_seconds: 900,
            recoveries: 5,
            recoveries_seconds: 600,
            silent_seconds: None,
            probe: true,
            probe_share: None,
        }
    }
}

/// Seconds between two looks, where nothing else is said.
const USUAL_INTERVAL: u32 = 60;

/// The least time, in seconds, after which a node is not relied on, where nothing else is said.
const LEAST_SILENCE: i64 = 300;

/// A day, in seconds.
const DAY: i64 = 86_400;

impl ClusterSettings {
    /// Seconds between two looks.
    pub fn interval(&self) -> u32 {
        self.interval_seconds.unwrap_or(USUAL_INTERVAL)
    }

    /// Seconds after which a node that has not looked is not relied on to tell people.
    pub fn silence(&self) -> i64 {
        let looks = i64::from(self.interval()).saturating_mul(3);
        self.silent_seconds
            .unwrap_or_else(|| looks.max(LEAST_SILENCE))
    }

    /// The settings where shares are looked at every `shares_seconds`, with all values that can be meant.
    ///
    /// # Errors
    /// All that is wrong with them.
    pub fn check(mut self, shares_seconds: u32) -> Result<Self, Vec<Problem>> {
        self.interval_seconds.get_or_insert(shares_seconds);
        let mut problems = Vec::new();
        let mut within = |name: &str, value: i128, good: RangeInclusive<i64>| {
            let (least, most) = (*good.start(), *good.end());
            if !(i128::from(least)..=i128::from(most)).contains(&value) {
                problems.push(Problem::invalid(
                    format!("cluster.{name}"),
                    "monitor.cluster",
                    format!("{value} is not between {least} and {most}"),
                ));
            }
        };
        let interval = i64::from(self.interval());
        within("interval_seconds", interval.into(), 1..=DAY);
        within("bad_looks", self.bad_looks.into(), 1..=1000);
        within("good_looks", self.good_looks.into(), 1..=1000);
        let changes = i128::try_from(self.flapping_changes).unwrap_or(i128::MAX);
        within("flapping_changes", changes, 2..=1000);
        within(
            "flapping_seconds",
            self.flapping_seconds.into(),
            1..=7 * DAY,
        );
        within("recoveries", self.recoveries.into(), 1..=1000);
        within(
            "recoveries_seconds",
            self.recoveries_seconds.into(),
            1..=7 * DAY,
        );
        // Every node would tell people where nobody is ever in time.
        let two_looks = interval.clamp(1, DAY) * 2;
        within("silent_seconds", self.silence().into(), two_looks..=7 * DAY);
        if self.probe_share.is_some() && !self.probe {
            let message = "a share is given, but nothing is probed";
            let problem = Problem::invalid("cluster.probe_share", "monitor.cluster", message);
            problems.push(problem);
        }
        match problems.is_empty() {
            true => Ok(self),
            false => Err(problems),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> ClusterSettings {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn nothing_said_is_as_often_as_shares() {
        let settings = read("").check(60).unwrap();
        assert_eq!((settings.interval(), settings.silence()), (60, 300));
        let settings = read("").check(600).unwrap();
        assert_eq!((settings.interval(), settings.silence()), (600, 1800));
        let settings = read("interval_seconds = 5\n").check(600).unwrap();
        assert_eq!((settings.interval(), settings.silence()), (5, 300));
        let settings = read("interval_seconds = 5\nsilent_seconds = 10\n");
        assert_eq!(settings.check(600).unwrap().silence(), 10);
        assert_eq!(ClusterSettings::default().interval(), 60);
    }

    #[test]
    fn all_that_cannot_be_meant_is_told() {
        let wrong = read(
            "interval_seconds = 0\nbad_looks = 0\ngood_looks = 5000\nflapping_changes = 1\n\
             flapping_seconds = -1\nrecoveries = 0\nrecoveries_seconds = 0\nsilent_seconds = 1\n\
             probe = false\nprobe_share = \"media\"\n",
        );
        let problems = wrong.check(60).unwrap_err();
        let fields: Vec<_> = problems.iter().map(|one| one.field.as_str()).collect();
        assert_eq!(
            fields,
            [
                "cluster.interval_seconds",
                "cluster.bad_looks",
                "cluster.good_looks",
                "cluster.flapping_changes",
                "cluster.flapping_seconds",
                "cluster.recoveries",
                "cluster.recoveries_seconds",
                "cluster.silent_seconds",
                "cluster.probe_share",
            ]
        );
        let soon = read("silent_seconds = 100\n").check(60).unwrap_err();
        assert!(soon[0].message.contains("between 120"), "{soon:?}");
        assert!(toml::from_str::<ClusterSettings>("bad_look = 1\n").is_err());
    }
}
