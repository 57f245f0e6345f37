//! The history, which comes back by itself when it could not be used for a while.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use smbgw_core::alert::{Facts, Kind, Measure, Reading, Severity};
use smbgw_core::error::{Coded, chain_text};

use crate::history::{History, HistoryError, Retention, Sample};

/// How often old samples are folded together and removed.
const MAINTENANCE: Duration = Duration::from_secs(3600);

/// The history of a monitor.
#[derive(Debug)]
pub(super) struct Memory {
    path: PathBuf,
    retention: Retention,
    history: Option<History>,
    /// Which file it is in, by device and number.
    file: Option<(u64, u64)>,
    /// Why the last thing could not be remembered, and what to do.
    trouble: Option<(String, Option<String>)>,
    /// Where a damaged file was moved, until that was told.
    moved_aside: Option<PathBuf>,
    maintained: Option<Instant>,
}

impl Memory {
    pub(super) fn new(path: PathBuf, retention: Retention) -> Self {
        Self {
            path,
            retention,
            history: None,
            file: None,
            trouble: None,
            moved_aside: None,
            maintained: None,
        }
    }

    /// The history, if it can be used.
    pub(super) fn history(&self) -> Option<&History> {
        self.history.as_ref()
    }

    /// Why what is seen is not remembered, if so.
    pub(super) fn trouble(&self) -> Option<&str> {
        self.trouble.as_ref().map(|(why, _)| why.as_str())
    }

    /// Remembers `samples` of `at`, if that can be done.
    pub(super) fn record(&mut self, at: i64, samples: &[(&str, Sample)]) {
        let result = self.open().and_then(|history| history.record(at, samples));
        let is_damaged = matches!(result, Err(HistoryError::Corrupt { .. }));
        self.note(result);
        if is_damaged && self.history.is_some() {
            let result = self.open().and_then(|history| history.record(at, samples));
            self.note(result);
        }
    }

    /// Folds and removes what is old, where that was not done for a while.
    pub(super) fn maintain(&mut self, now: i64) {
        let due = self
            .maintained
            .is_none_or(|maintained| maintained.elapsed() >= MAINTENANCE);
        if self.trouble.is_none() && due {
            self.maintained = Some(Instant::now());
            let result = self.open().and_then(|history| history.maintain(now));
            self.note(result);
        }
    }

    /// What there is to tell about the history itself.
    pub(super) fn reading(&mut self) -> Reading {
        let aside = match self.trouble {
            None => self.moved_aside.take(),
            Some(_) => None,
        };
        let (severity, summary, remedy) = match (&self.trouble, aside) {
            (Some((why, remedy)), _) => (
                Some(Severity::Warning),
                format!("usage is not remembered: {why}"),
                remedy.clone(),
            ),
            (None, Some(aside)) => (
                Some(Severity::Warning),
                format!(
                    "the history was damaged; it is kept as {} and a new one has begun",
                    aside.display()
                ),
                Some("restore it from a backup, or remove the damaged file".into()),
            ),
            (None, None) => (None, "usage is remembered".into(), None),
        };
        Reading {
            share: None,
            kind: Kind::History,
            measure: Measure::Present(severity),
            facts: Facts {
                summary,
                remedy,
                ..Facts::default()
            },
        }
    }

    fn open(&mut self) -> Result<&mut History, HistoryError> {
        // Where somebody removed or replaced the file, what is written would be lost with the old
        // one.
        let known = self.history.take().filter(|_| self.file == self.identity());
        let history = match known {
            Some(history) => history,
            None => {
                let opened = History::open(&self.path)?;
                let mut history = opened.history;
                history.set_retention(self.retention);
                self.moved_aside = opened.moved_aside.or(self.moved_aside.take());
                self.file = self.identity();
                history
            }
        };
        Ok(self.history.insert(history))
    }

    fn identity(&self) -> Option<(u64, u64)> {
        let metadata = fs::metadata(&self.path).ok()?;
        Some((metadata.dev(), metadata.ino()))
    }

    fn note(&mut self, result: Result<(), HistoryError>) {
        self.trouble = match result {
            Ok(()) => None,
            Err(error) => {
                let why = chain_text(&error);
                if self.trouble() != Some(&why) {
                    tracing::warn!(error = %why, "usage is not remembered");
                }
                // What is damaged is opened anew, which moves it aside.
                if matches!(error, HistoryError::Corrupt { .. })
                    && let Some(history) = self.history.take()
                {
                    match history.start_over() {
                        Ok(opened) => {
                            self.moved_aside = opened.moved_aside;
                            self.history = Some(opened.history);
                            self.file = self.identity();
                        }
                        Err(error) => {
                            tracing::warn!(error = %chain_text(&error), "no new history");
                        }
                    }
                }
                Some((chain_text(&error), error.remedy()))
            }
        };
    }
}
