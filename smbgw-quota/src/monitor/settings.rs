//! What administrators set: how shares are watched, how long usage is remembered, who is told.

use std::path::Path;

use serde::Deserialize;
use smbgw_core::alert::channel::{
    ChannelSettings, CommandSettings, EventSettings, JournalSettings, MailSettings, WebhookSettings,
};
use smbgw_core::alert::{AlertSettings, ClusterSettings, RuleBook};
use smbgw_core::error::{Coded, ErrorKind, Problem};
use smbgw_core::host::{FileError, Host};

use crate::history::Retention;

/// All that is set in a settings file ([`smbgw_core::layout::MONITOR_CONF`]), checked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// How often is looked.
    pub pace: Pace,
    /// How long usage is remembered.
    pub retention: Retention,
    /// How a cluster is watched that the machine is a node of.
    pub cluster: ClusterSettings,
    /// When people are told.
    pub rules: RuleBook,
    /// How people are told.
    pub channels: ChannelSettings,
}

/// How often is looked at what; the section `[monitor]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Pace {
    /// Seconds between two looks at all usages; from 1 to 86400.
    pub interval_seconds: u32,
    /// Seconds after which the trend of a share is made anew, at least.
    pub forecast_seconds: u32,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            interval_seconds: 60,
            forecast_seconds: 600,
        }
    }
}

impl Settings {
    /// The settings in the file at `path` of `host`; the defaults where there is none.
    ///
    /// # Errors
    /// Where the file cannot be read, or with all that is wrong in it.
    pub fn load(host: &dyn Host, path: &Path) -> Result<Self, SettingsError> {
        match host.read(path)? {
            Some(content) => Self::parse(&String::from_utf8_lossy(&content), path),
            None => Ok(Self::default()),
        }
    }

    /// The settings that `text` says; `path` is for messages.
    ///
    /// # Errors
    /// All that is wrong in it.
    pub fn parse(text: &str, path: &Path) -> Result<Self, SettingsError> {
        let fail = |problems| SettingsError::Invalid {
            path: path.into(),
            problems,
        };
        let file: File = toml::from_str(text).map_err(|error| {
            let message = error.to_string();
            fail(vec![Problem::invalid(
                "settings",
                "monitor.settings",
                message.trim_end(),
            )])
        })?;
        let mut problems = Vec::new();
        file.monitor.check(&mut problems);
        check_retention(file.history, &mut problems);
        let cluster = file.cluster.check(file.monitor.interval_seconds);
        let cluster = cluster.unwrap_or_else(|mut found| {
            problems.append(&mut found);
            ClusterSettings::default()
        });
        let rules = match file.alerts.check() {
            Ok(rules) => rules,
            Err(mut found) => {
                problems.append(&mut found);
                RuleBook::default()
            }
        };
        if !problems.is_empty() {
            return Err(fail(problems));
        }
        Ok(Self {
            pace: file.monitor,
            retention: file.history,
            cluster,
            rules,
            channels: ChannelSettings {
                mail: file.mail,
                command: file.command,
                webhook: file.webhook,
                journal: file.journal,
                event: file.event,
            },
        })
    }
}

/// Why there are no settings.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file could not be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file says what cannot be meant.
    #[error("`{}` cannot be used: {}", path.display(), list(problems))]
    Invalid {
        /// The file.
        path: std::path::PathBuf,
        /// All that is wrong.
        problems: Vec<Problem>,
    },
}

impl Coded for SettingsError {
    fn code(&self) -> &'static str {
        match self {
            Self::File(error) => error.code(),
            Self::Invalid { .. } => "monitor.settings",
        }
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::File(error) => error.kind(),
            Self::Invalid { .. } => ErrorKind::Invalid,
        }
    }

    fn remedy(&self) -> Option<String> {
        match self {
            Self::File(error) => error.remedy(),
            Self::Invalid { path, .. } => Some(format!("correct {}", path.display())),
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct File {
    monitor: Pace,
    history: Retention,
    cluster: ClusterSettings,
    alerts: AlertSettings,
    mail: Option<MailSettings>,
    command: Option<CommandSettings>,
    webhook: Option<WebhookSettings>,
    journal: JournalSettings,
    event: Option<EventSettings>,
}

impl Pace {
    fn check(&self, problems: &mut Vec<Problem>) {
        let fields = [
            ("monitor.interval_seconds", self.interval_seconds),
            ("monitor.forecast_seconds", self.forecast_seconds),
        ];
        for (field, seconds) in fields {
            if !(1..=86_400).contains(&seconds) {
                let message = format!("{seconds} is not between 1 and 86400 seconds");
                problems.push(Problem::invalid(field, "monitor.pace", message));
            }
        }
    }
}

fn check_retention(retention: Retention, problems: &mut Vec<Problem>) {
    let Retention {
        raw_days,
        hourly_days,
        daily_days,
    } = retention;
    let mut wrong = |field: &str, message: String| {
        problems.push(Problem::invalid(field, "monitor.retention", message));
    };
    // The trend looks back for days, and the roll-up needs a whole one.
    if raw_days < 2 {
        wrong(
            "history.raw_days",
            format!("{raw_days} is less than 2 days"),
        );
    }
    if hourly_days < raw_days {
        wrong(
            "history.hourly_days",
            format!("{hourly_days} is less than the {raw_days} days of samples"),
        );
    }
    if daily_days < hourly_days || daily_days > 36_500 {
        wrong(
            "history.daily_days",
            format!("{daily_days} is not between {hourly_days} and 36500"),
        );
    }
}

fn list(problems: &[Problem]) -> String {
    let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
    problems.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use smbgw_core::alert::Severity;

    fn parse(text: &str) -> Result<Settings, SettingsError> {
        Settings::parse(text, Path::new("/etc/smbgw/monitor.toml"))
    }

    #[test]
    fn nothing_set_is_the_default() {
        let settings = parse("").unwrap();
        assert_eq!(settings.cluster.interval(), settings.pace.interval_seconds);
        assert_eq!(
            Settings {
                cluster: ClusterSettings::default(),
                ..settings
            },
            Settings::default()
        );
        assert_eq!(Settings::default().pace.interval_seconds, 60);
    }

    #[test]
    fn every_section_is_read() {
        let settings = parse(
            "[monitor]\ninterval_seconds = 5\n\
             [history]\nraw_days = 3\n\
             [cluster]\ninterval_seconds = 15\nbad_looks = 4\n\
             [alerts.space]\nwarning = 80\n\
             [alerts.share.media.space]\nwarning = 90\n\
             [command]\nprogram = \"/usr/local/sbin/tell\"\n\
             [journal]\nenabled = false\n",
        )
        .unwrap();
        assert_eq!(settings.pace.interval_seconds, 5);
        assert_eq!(settings.retention.raw_days, 3);
        let cluster = &settings.cluster;
        assert_eq!((cluster.interval(), cluster.bad_looks), (15, 4));
        let warning = |share: Option<&str>| {
            let share = share.map(|name| name.parse().unwrap());
            settings
                .rules
                .of(share.as_ref())
                .space
                .get(Severity::Warning)
        };
        assert_eq!(
            (warning(None), warning(Some("Media"))),
            (Some(80.0), Some(90.0))
        );
        assert!(settings.channels.command.is_some());
    }

    #[test]
    fn all_that_is_wrong_is_said_at_once() {
        let error = parse(
            "[monitor]\ninterval_seconds = 0\n[history]\nraw_days = 1\n\
             [cluster]\ngood_looks = 0\n[alerts.space]\nnotice = 99\n",
        )
        .unwrap_err();
        let text = error.to_string();
        for part in [
            "monitor.interval_seconds",
            "history.raw_days",
            "cluster.good_looks",
            "alerts.space",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(
            parse("[monitor]\nintervall = 3\n")
                .unwrap_err()
                .to_string()
                .contains("intervall")
        );
    }
}
