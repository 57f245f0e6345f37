//! What administrators set about alerts.
//!
//! [`AlertSettings`] is what a file says; [`AlertSettings::check`] makes the [`RuleBook`] of it, or
//! says all that is wrong. As TOML, with the defaults:
//!
//! ```toml
//! [alerts]
//! hysteresis = 3           # percentage points below a level that end it
//! hold_seconds = 30        # how long something has to be so before it is told
//! clear_seconds = 300      # how long it has to be over before that is told
//! repeat_seconds = 86400   # when it is told again; 0: never
//!
//! [alerts.space]           # percent of the limit; "off" switches a level off
//! notice = 75
//! warning = 85
//! critical = 95
//!
//! [alerts.inodes]
//! notice = 75
//! warning = 85
//! critical = 95
//!
//! [alerts.full_within_days]
//! notice = 30
//! warning = 7
//! critical = 1
//!
//! [alerts.share.media]     # what is different for one share; the rest stays as above
//! space = { notice = "off", warning = 90 }
//! ```
//!
//! A limit that is reached and a soft limit that is exceeded are told at once, without
//! `hold_seconds`: the kernel says so, and it does not flap in saying it. What is held is what is
//! measured (percentages and forecasts), and what may be in the middle of being changed by another
//! program when it is looked at (drift, and shares that cannot be read). `clear_seconds` holds for
//! all: a share that hits its limit every minute is one alert, not one a minute.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize};

use super::reading::{Kind, Measure, Severity};
use crate::error::Problem;
use crate::share::ShareName;

/// How much farther than its level an estimate has to be for the level to end: a quarter.
const DAYS_MARGIN: f64 = 1.25;

/// The longest time that something may be held back, in seconds: a day.
const LONGEST_HOLD: u64 = 86_400;

/// The shortest and the longest time after which something is told again, in seconds: a minute,
/// and ten years.
const REPEAT: std::ops::RangeInclusive<u64> = 60..=315_360_000;

/// The farthest that "full within" may look, in days: ten years.
const FARTHEST: f64 = 3650.0;

/// The section of a settings file that is about alerts. What it leaves out has its default.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AlertSettings {
    /// Percent of the limit on bytes.
    pub space: Levels,
    /// Percent of the limit on files and directories.
    pub inodes: Levels,
    /// Days until the limit is reached.
    pub full_within_days: Levels,
    /// Percentage points below a level that end it.
    pub hysteresis: Option<f64>,
    /// How long something has to be so before it is told, in seconds.
    pub hold_seconds: Option<u64>,
    /// How long it has to be over before that is told, in seconds.
    pub clear_seconds: Option<u64>,
    /// After which time it is told again, in seconds; 0 for never.
    pub repeat_seconds: Option<u64>,
    /// What is different for one share, by its name.
    pub share: BTreeMap<String, ShareSettings>,
}

/// What is different for one share.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ShareSettings {
    /// Percent of the limit on bytes.
    pub space: Levels,
    /// Percent of the limit on files and directories.
    pub inodes: Levels,
    /// Days until the limit is reached.
    pub full_within_days: Levels,
    /// Percentage points below a level that end it.
    pub hysteresis: Option<f64>,
    /// How long something has to be so before it is told, in seconds.
    pub hold_seconds: Option<u64>,
    /// How long it has to be over before that is told, in seconds.
    pub clear_seconds: Option<u64>,
    /// After which time it is told again, in seconds; 0 for never.
    pub repeat_seconds: Option<u64>,
}

/// Levels as set; `None` where nothing is set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Levels {
    /// For [`Severity::Notice`].
    pub notice: Option<Level>,
    /// For [`Severity::Warning`].
    pub warning: Option<Level>,
    /// For [`Severity::Critical`].
    pub critical: Option<Level>,
}

/// One level: a number, or `"off"`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Level {
    /// It is reached here.
    At(f64),
    /// It is never reached.
    Off,
}

/// The rules for all shares, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleBook {
    general: Rules,
    shares: BTreeMap<String, Rules>,
}

/// The rules for one share.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Rules {
    /// Percent of the limit on bytes, ascending.
    pub space: Thresholds,
    /// Percent of the limit on files and directories, ascending.
    pub inodes: Thresholds,
    /// Days until the limit is reached, descending.
    pub full_within_days: Thresholds,
    /// Percentage points below a threshold that end it.
    pub hysteresis: f64,
    /// How long something has to be so before it is told, in seconds.
    pub hold_seconds: i64,
    /// How long it has to be over before that is told, in seconds.
    pub clear_seconds: i64,
    /// After which time it is told again, in seconds; `None` for never.
    pub repeat_seconds: Option<i64>,
}

/// Where each severity begins; `None` for one that never does.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Thresholds {
    /// [`Severity::Notice`].
    pub notice: Option<f64>,
    /// [`Severity::Warning`].
    pub warning: Option<f64>,
    /// [`Severity::Critical`].
    pub critical: Option<f64>,
}

impl AlertSettings {
    /// The rules that follow from what is set.
    ///
    /// # Errors
    /// All that is wrong, each with the name of its setting, such as
    /// `alerts.share.media.space.warning`.
    pub fn check(&self) -> Result<RuleBook, Vec<Problem>> {
        let mut problems = Vec::new();
        let general = self
            .general()
            .over(&Rules::default(), "alerts", &mut problems);
        let mut shares = BTreeMap::new();
        for (name, settings) in &self.share {
            let field = format!("alerts.share.{name}");
            let share: ShareName = match name.parse() {
                Ok(share) => share,
                Err(error) => {
                    problems.push(Problem::from_error(field, &error));
                    continue;
                }
            };
            let rules = settings.over(&general, &field, &mut problems);
            if shares.insert(share.key(), rules).is_some() {
                let message = "a share is named twice: names that differ in case only are the same";
                problems.push(Problem::invalid(field, "alert.share-twice", message));
            }
        }
        if problems.is_empty() {
            Ok(RuleBook { general, shares })
        } else {
            Err(problems)
        }
    }

    fn general(&self) -> ShareSettings {
        ShareSettings {
            space: self.space,
            inodes: self.inodes,
            full_within_days: self.full_within_days,
            hysteresis: self.hysteresis,
            hold_seconds: self.hold_seconds,
            clear_seconds: self.clear_seconds,
            repeat_seconds: self.repeat_seconds,
        }
    }
}

impl RuleBook {
    /// The rules for `share`, or for the machine as a whole.
    pub fn of(&self, share: Option<&ShareName>) -> &Rules {
        match share {
            Some(share) if !self.shares.is_empty() => {
                self.shares.get(&share.key()).unwrap_or(&self.general)
            }
            _ => &self.general,
        }
    }
}

impl Default for RuleBook {
    /// The rules where nothing is set.
    fn default() -> Self {
        Self {
            general: Rules::default(),
            shares: BTreeMap::new(),
        }
    }
}

impl Default for Rules {
    /// The defaults shown [above](self).
    fn default() -> Self {
        let percent = Thresholds::new(75.0, 85.0, 95.0);
        Self {
            space: percent,
            inodes: percent,
            full_within_days: Thresholds::new(30.0, 7.0, 1.0),
            hysteresis: 3.0,
            hold_seconds: 30,
            clear_seconds: 300,
            repeat_seconds: Some(86_400),
        }
    }
}

impl Thresholds {
    fn new(notice: f64, warning: f64, critical: f64) -> Self {
        Self {
            notice: Some(notice),
            warning: Some(warning),
            critical: Some(critical),
        }
    }

    /// Where `severity` begins, if it does.
    pub fn get(&self, severity: Severity) -> Option<f64> {
        match severity {
            Severity::Notice => self.notice,
            Severity::Warning => self.warning,
            Severity::Critical => self.critical,
        }
    }

    /// Where `severity` or a worse one begins: a level that is off begins with the next.
    fn at_least(&self, severity: Severity) -> Option<f64> {
        Severity::ALL
            .into_iter()
            .filter(|&other| other >= severity)
            .find_map(|other| self.get(other))
    }

    fn set(&self) -> impl Iterator<Item = f64> {
        [self.notice, self.warning, self.critical]
            .into_iter()
            .flatten()
    }
}

impl Rules {
    /// Whether `measure` is at least as bad as `severity`, or not yet below it by the margin where
    /// it `was` so before; `None` where that is not known.
    pub(super) fn reaches(
        &self,
        kind: Kind,
        measure: Measure,
        severity: Severity,
        was: bool,
    ) -> Option<bool> {
        match measure {
            Measure::Percent(percent) if percent.is_nan() => None,
            Measure::Percent(percent) => {
                let thresholds = match kind {
                    Kind::Inodes => &self.inodes,
                    _ => &self.space,
                };
                let margin = if was { self.hysteresis } else { 0.0 };
                Some(
                    thresholds
                        .at_least(severity)
                        .is_some_and(|level| percent >= level - margin),
                )
            }
            Measure::DaysLeft(Some(days)) if days.is_nan() => None,
            Measure::DaysLeft(None) => Some(false),
            Measure::DaysLeft(Some(days)) => {
                let margin = if was { DAYS_MARGIN } else { 1.0 };
                Some(
                    self.full_within_days
                        .at_least(severity)
                        .is_some_and(|level| days <= level * margin),
                )
            }
            Measure::Present(present) => Some(present >= Some(severity)),
            Measure::Unknown => None,
        }
    }

    /// How long an alert of `kind` has to be so before it is raised, in seconds.
    pub(super) fn hold_of(&self, kind: Kind) -> i64 {
        match kind {
            Kind::Space | Kind::Inodes | Kind::Forecast | Kind::Drift | Kind::Unreadable => {
                self.hold_seconds
            }
            _ => 0,
        }
    }

    /// How long something of `kind` must be over before it counts as such.
    pub(super) fn clear_of(&self, kind: Kind) -> i64 {
        if Kind::OF_CLUSTERS.contains(&kind) {
            0
        } else {
            self.clear_seconds
        }
    }
}

impl ShareSettings {
    /// These settings where they say something, and `base` where they do not.
    fn over(&self, base: &Rules, field: &str, problems: &mut Vec<Problem>) -> Rules {
        let mut check = Check { field, problems };
        let seconds = |value: Option<u64>, base: i64| {
            value.map_or(base, |value| i64::try_from(value).unwrap_or(i64::MAX))
        };
        let rules = Rules {
            space: self.space.over(&base.space),
            inodes: self.inodes.over(&base.inodes),
            full_within_days: self.full_within_days.over(&base.full_within_days),
            hysteresis: self.hysteresis.unwrap_or(base.hysteresis),
            hold_seconds: seconds(self.hold_seconds, base.hold_seconds),
            clear_seconds: seconds(self.clear_seconds, base.clear_seconds),
            repeat_seconds: match self.repeat_seconds {
                Some(0) => None,
                Some(value) => Some(i64::try_from(value).unwrap_or(i64::MAX)),
                None => base.repeat_seconds,
            },
        };
        check.percent("space", &self.space, &rules.space);
        check.percent("inodes", &self.inodes, &rules.inodes);
        check.days(&self.full_within_days, &rules.full_within_days);
        if self.hysteresis.is_some() || self.space.any() || self.inodes.any() {
            check.hysteresis(&rules);
        }
        check.hold("hold_seconds", self.hold_seconds);
        check.hold("clear_seconds", self.clear_seconds);
        check.repeat(self.repeat_seconds);
        rules
    }
}

impl Levels {
    fn over(&self, base: &Thresholds) -> Thresholds {
        let one = |level: Option<Level>, base: Option<f64>| match level {
            Some(Level::At(at)) => Some(at),
            Some(Level::Off) => None,
            None => base,
        };
        Thresholds {
            notice: one(self.notice, base.notice),
            warning: one(self.warning, base.warning),
            critical: one(self.critical, base.critical),
        }
    }

    fn named(&self) -> [(&'static str, Option<Level>); 3] {
        [
            ("notice", self.notice),
            ("warning", self.warning),
            ("critical", self.critical),
        ]
    }

    fn any(&self) -> bool {
        self.named().iter().any(|(_, level)| level.is_some())
    }
}

impl<'de> Deserialize<'de> for Level {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl Visitor<'_> for Reader {
            type Value = Level;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number or \"off\"")
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Level, E> {
                Ok(Level::At(value as f64))
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Level, E> {
                Ok(Level::At(value as f64))
            }

            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Level, E> {
                Ok(Level::At(value))
            }

            fn visit_str<E: de::Error>(self, value: &str) -> Result<Level, E> {
                match value {
                    "off" => Ok(Level::Off),
                    _ => Err(E::invalid_value(de::Unexpected::Str(value), &self)),
                }
            }
        }

        deserializer.deserialize_any(Reader)
    }
}

/// Collects what is wrong with the settings below `field`.
struct Check<'a> {
    field: &'a str,
    problems: &'a mut Vec<Problem>,
}

impl Check<'_> {
    fn problem(&mut self, name: &str, code: &str, message: impl Into<String>) {
        let field = format!("{}.{name}", self.field);
        self.problems.push(Problem::invalid(field, code, message));
    }

    fn percent(&mut self, group: &str, set: &Levels, rules: &Thresholds) {
        let good = |at: f64| at > 0.0 && at <= 100.0;
        let range = "a level is more than 0 and at most 100 percent";
        if self.range(group, set, "alert.level-range", range, good)
            && set.any()
            && !rules.set().is_sorted_by(|a, b| a < b)
        {
            let message = "notice has to be below warning, and warning below critical";
            self.problem(group, "alert.level-order", message);
        }
    }

    fn days(&mut self, set: &Levels, rules: &Thresholds) {
        let group = "full_within_days";
        let good = |days: f64| days > 0.0 && days <= FARTHEST;
        let range = format!("it is more than 0 and at most {FARTHEST} days");
        if self.range(group, set, "alert.days-range", &range, good)
            && set.any()
            && !rules.set().is_sorted_by(|a, b| a > b)
        {
            let message = "notice has to be more days than warning, and warning than critical";
            self.problem(group, "alert.days-order", message);
        }
    }

    /// Whether each level that is set is a `good` one.
    fn range(
        &mut self,
        group: &str,
        set: &Levels,
        code: &str,
        message: &str,
        good: impl Fn(f64) -> bool,
    ) -> bool {
        let mut all = true;
        for (name, level) in set.named() {
            if let Some(Level::At(at)) = level
                && !good(at)
            {
                all = false;
                self.problem(&format!("{group}.{name}"), code, message);
            }
        }
        all
    }

    fn hysteresis(&mut self, rules: &Rules) {
        let lowest = rules
            .space
            .set()
            .chain(rules.inodes.set())
            .fold(100.0, f64::min);
        let points = rules.hysteresis;
        if !(points >= 0.0 && points.is_finite()) {
            let message = "it is 0 or more percentage points";
            self.problem("hysteresis", "alert.hysteresis", message);
        } else if points >= lowest {
            let message = format!(
                "{points} points below the lowest level, {lowest} percent, are never reached"
            );
            self.problem("hysteresis", "alert.hysteresis", message);
        }
    }

    fn hold(&mut self, name: &str, set: Option<u64>) {
        if set.is_some_and(|seconds| seconds > LONGEST_HOLD) {
            let message = format!("it is at most {LONGEST_HOLD} seconds, a day");
            self.problem(name, "alert.hold-range", message);
        }
    }

    fn repeat(&mut self, set: Option<u64>) {
        if set.is_some_and(|seconds| seconds != 0 && !REPEAT.contains(&seconds)) {
            let message = format!(
                "it is 0 for never, or {} to {} seconds",
                REPEAT.start(),
                REPEAT.end()
            );
            self.problem("repeat_seconds", "alert.repeat-range", message);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct File {
        alerts: AlertSettings,
    }

    fn read(text: &str) -> AlertSettings {
        toml::from_str::<File>(text).unwrap().alerts
    }

    fn problems(text: &str) -> Vec<(String, String)> {
        let problems = read(text).check().unwrap_err();
        problems
            .into_iter()
            .map(|problem| (problem.field, problem.code))
            .collect()
    }

    fn name(text: &str) -> ShareName {
        text.parse().unwrap()
    }

    #[test]
    fn nothing_set_means_the_defaults() {
        assert_eq!(read("[alerts]").check().unwrap(), RuleBook::default());
        assert_eq!(
            AlertSettings::default().check().unwrap(),
            RuleBook::default()
        );
    }

    #[test]
    fn the_documented_file_is_the_default() {
        let text: String = include_str!("settings.rs")
            .lines()
            .skip_while(|line| *line != "//! ```toml")
            .skip(1)
            .take_while(|line| *line != "//! ```")
            .map(|line| line.trim_start_matches("//!").to_string() + "\n")
            .collect();
        let book = read(&text).check().unwrap();
        assert_eq!(book.of(None), &Rules::default());
        let media = book.of(Some(&name("Media")));
        assert_eq!(media.space.notice, None);
        assert_eq!(media.space.warning, Some(90.0));
        assert_eq!(media.space.critical, Some(95.0));
        assert_eq!(media.inodes, Rules::default().inodes);
    }

    #[test]
    fn a_share_has_what_it_sets_and_the_general_rest() {
        let book = read(
            r#"
            [alerts]
            hysteresis = 1.5
            repeat_seconds = 0
            space = { critical = 98.5 }
            [alerts.share."Team Files"]
            hold_seconds = 0
            full_within_days = { critical = "off" }
            inodes = { warning = 90 }
            "#,
        )
        .check()
        .unwrap();
        let general = book.of(Some(&name("other")));
        assert_eq!(general, book.of(None));
        assert_eq!(general.repeat_seconds, None);
        assert_eq!(general.space, Thresholds::new(75.0, 85.0, 98.5));
        let team = book.of(Some(&name("TEAM FILES")));
        assert_eq!(
            *team,
            Rules {
                hold_seconds: 0,
                inodes: Thresholds::new(75.0, 90.0, 95.0),
                full_within_days: Thresholds {
                    critical: None,
                    ..general.full_within_days
                },
                ..*general
            }
        );
    }

    #[test]
    fn all_problems_are_said_together() {
        let found = problems(
            r#"
            [alerts]
            space = { notice = 0, critical = 101 }
            inodes = { notice = 90 }
            full_within_days = { notice = 5, critical = 1 }
            hysteresis = -1
            hold_seconds = 90000
            clear_seconds = 90000
            repeat_seconds = 10
            [alerts.share.media]
            space = { warning = nan }
            [alerts.share.Media]
            hysteresis = 75
            [alerts.share."a/b"]
            [alerts.share.other]
            full_within_days = { notice = 0 }
            "#,
        );
        let expected = [
            ("alerts.space.notice", "alert.level-range"),
            ("alerts.space.critical", "alert.level-range"),
            ("alerts.inodes", "alert.level-order"),
            ("alerts.full_within_days", "alert.days-order"),
            ("alerts.hysteresis", "alert.hysteresis"),
            ("alerts.hold_seconds", "alert.hold-range"),
            ("alerts.clear_seconds", "alert.hold-range"),
            ("alerts.repeat_seconds", "alert.repeat-range"),
            ("alerts.share.Media.hysteresis", "alert.hysteresis"),
            ("alerts.share.a/b", "share.name-invalid"),
            ("alerts.share.media.space.warning", "alert.level-range"),
            ("alerts.share.media.hysteresis", "alert.hysteresis"),
            ("alerts.share.media", "alert.share-twice"),
            (
                "alerts.share.other.full_within_days.notice",
                "alert.days-range",
            ),
        ];
        assert_eq!(
            found,
            expected.map(|(field, code)| (field.to_string(), code.to_string()))
        );
    }

    #[test]
    fn what_is_unknown_or_of_another_type_is_refused() {
        for bad in [
            "[alerts]\nspase = {}",
            "[alerts.space]\nwarn = 3",
            "[alerts.share.media]\nshare = {}",
            "[alerts.space]\nwarning = \"never\"",
            "[alerts.space]\nwarning = true",
            "[alerts]\nhold_seconds = -1",
        ] {
            assert!(toml::from_str::<File>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_level_that_is_off_begins_with_the_next() {
        let rules = Rules {
            space: Thresholds {
                notice: None,
                warning: Some(80.0),
                critical: None,
            },
            ..Rules::default()
        };
        let reaches = |percent, severity| {
            rules.reaches(Kind::Space, Measure::Percent(percent), severity, false)
        };
        for severity in [Severity::Notice, Severity::Warning] {
            assert_eq!(reaches(79.9, severity), Some(false));
            assert_eq!(reaches(80.0, severity), Some(true));
        }
        assert_eq!(reaches(100.0, Severity::Critical), Some(false));
    }

    #[test]
    fn a_level_is_reached_at_it_and_left_below_the_margin() {
        let rules = Rules::default();
        let reaches = |measure, was| rules.reaches(Kind::Space, measure, Severity::Warning, was);
        assert_eq!(reaches(Measure::Percent(85.0), false), Some(true));
        assert_eq!(reaches(Measure::Percent(84.99), false), Some(false));
        assert_eq!(reaches(Measure::Percent(82.0), true), Some(true));
        assert_eq!(reaches(Measure::Percent(81.99), true), Some(false));
        assert_eq!(reaches(Measure::Percent(f64::INFINITY), false), Some(true));
        assert_eq!(reaches(Measure::Percent(f64::NAN), true), None);
        assert_eq!(reaches(Measure::DaysLeft(Some(7.0)), false), Some(true));
        assert_eq!(reaches(Measure::DaysLeft(Some(7.1)), false), Some(false));
        assert_eq!(reaches(Measure::DaysLeft(Some(8.75)), true), Some(true));
        assert_eq!(reaches(Measure::DaysLeft(Some(8.76)), true), Some(false));
        assert_eq!(reaches(Measure::DaysLeft(Some(0.0)), false), Some(true));
        assert_eq!(reaches(Measure::DaysLeft(None), true), Some(false));
        assert_eq!(
            reaches(Measure::Present(Some(Severity::Warning)), false),
            Some(true)
        );
        assert_eq!(
            reaches(Measure::Present(Some(Severity::Notice)), true),
            Some(false)
        );
        assert_eq!(reaches(Measure::Unknown, true), None);
    }
}
