//! One look at all shares.

use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use smbgw_core::alert::{AlertStore, Facts, Kind, Measure, Reading, Severity, Transition, observe};
use smbgw_core::catalog::{self, ShareRecord};
use smbgw_core::deadline::Deadline;
use smbgw_core::error::{Coded, chain_text};
use smbgw_core::host::Host;
use smbgw_core::layout;
use smbgw_core::ports::{Depth, Deviation, Limits, Meant, PortError, Storage, Usage, Volume};
use smbgw_core::share::ShareName;

use super::forecasts::Forecasts;
use super::group::{Trouble, group};
use super::memory::Memory;
use super::observe::{Seen, enforced_bytes, unknown, unreadable};
use super::settings::Settings;
use super::status::LastLook;
use super::traces::lock_history;
use crate::history::{Sample, Source};

/// How many trends are made anew in one look beside an eighth of those there are, so that a look at
/// thousands of shares is not delayed.
const TRENDS_A_LOOK: usize = 100;

/// What looks at the shares of a host, and knows what it saw before.
pub struct Monitor<'a> {
    pub(super) host: &'a dyn Host,
    storage: &'a dyn Storage,
    pub(super) settings: Settings,
    memory: Memory,
    forecasts: Forecasts,
    alerts: AlertStore<'a>,
    records: Vec<ShareRecord>,
    /// The shares at their hard limit, by key.
    full: HashSet<String>,
}

/// What was seen in one look.
#[derive(Clone, Debug, PartialEq)]
pub struct Look {
    /// When it was, in seconds since 1970-01-01 00:00 UTC.
    pub at: i64,
    /// What was seen.
    pub readings: Vec<Reading>,
    /// In short.
    pub summary: LastLook,
    /// Whether all shares were looked at.
    whole: bool,
}

impl fmt::Debug for Monitor<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Monitor")
            .field("host", &self.host)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl Look {
    /// Whether all shares were looked at.
    pub fn is_whole(&self) -> bool {
        self.whole
    }
}

impl<'a> Monitor<'a> {
    /// A monitor of the shares on `host`, which are in `storage`. Nothing is opened yet.
    pub fn new(host: &'a dyn Host, storage: &'a dyn Storage, settings: Settings) -> Self {
        let history = host.local_path(Path::new(layout::HISTORY));
        let history = history.unwrap_or_else(|| PathBuf::from(layout::HISTORY));
        let every = std::time::Duration::from_secs(settings.pace.forecast_seconds.into());
        Self {
            host,
            storage,
            memory: Memory::new(history, settings.retention),
            forecasts: Forecasts::new(every),
            alerts: AlertStore::new(host),
            records: Vec::new(),
            full: HashSet::new(),
            settings,
        }
    }

    /// Looks at all shares, and remembers their usage.
    ///
    /// What cannot be seen or remembered is among the readings: a look never fails.
    pub fn look(&mut self, deadline: Deadline) -> Look {
        let trouble = match catalog::load_all(self.host) {
            Ok(records) => {
                self.records = records;
                None
            }
            Err(error) => Some((chain_text(&error), error.remedy())),
        };
        let everything = vec![None; self.records.len()];
        let (mut look, troubles) = self.look_at(&everything, Source::Poll, deadline);
        self.memory.maintain(look.at);
        let (drifts, unreadable): (Vec<_>, Vec<_>) = troubles
            .into_iter()
            .partition(|trouble| trouble.reading.kind == Kind::Drift);
        let catalog = trouble.as_ref().map(|(why, remedy)| Facts {
            summary: format!("the list of shares cannot be read: {why}"),
            remedy: remedy.clone(),
            ..Facts::default()
        });
        look.readings
            .extend(group(Kind::Unreadable, unreadable, catalog));
        look.readings.extend(group(Kind::Drift, drifts, None));
        look.readings.push(self.memory.reading());
        look.summary.trouble = trouble.map(|(why, _)| why);
        look.whole = true;
        let keys: HashSet<String> = self.records.iter().map(|r| r.name().key()).collect();
        self.forecasts.keep(|key| keys.contains(key));
        self.full.retain(|key| keys.contains(key));
        look
    }

    /// Looks at the shares of which the kernel said something; `true` says that one hit its hard
    /// limit.
    pub(super) fn look_again(
        &mut self,
        announced: &HashMap<String, bool>,
        deadline: Deadline,
    ) -> Look {
        let all = std::mem::take(&mut self.records);
        let (some, hits): (Vec<ShareRecord>, Vec<Option<bool>>) = all
            .iter()
            .filter_map(|record| {
                let hit = announced.get(&record.name().key())?;
                Some((record.clone(), Some(*hit)))
            })
            .unzip();
        self.records = some;
        let (mut look, troubles) = self.look_at(&hits, Source::Event, deadline);
        self.records = all;
        // How many others there are is not known: the next look at all tells of these.
        let troubles = troubles.into_iter().map(|trouble| Reading {
            measure: Measure::Unknown,
            ..trouble.reading
        });
        look.readings.extend(troubles);
        look
    }

    /// Takes what was seen into the state of alerts, and returns what people are to be told.
    ///
    /// The state is saved with it; a program that has to be sure that people are told uses
    /// [`run`](super::run).
    pub fn judge(&self, look: &Look, deadline: Deadline) -> Vec<Transition> {
        let update = self.alerts.update(deadline, |state| {
            Ok::<_, Infallible>(self.judge_in(state, look))
        });
        if let Err(error) = &update.saved {
            tracing::warn!(error = %chain_text(error), "the state of alerts is not saved");
        }
        let Ok(transitions) = update.value;
        transitions
    }

    pub(super) fn judge_in(
        &self,
        state: &mut smbgw_core::alert::State,
        look: &Look,
    ) -> Vec<Transition> {
        if look.whole {
            let keys: HashSet<String> = self.records.iter().map(|r| r.name().key()).collect();
            state.keep_shares(|share| keys.contains(&share.key()));
        }
        observe(state, &self.settings.rules, look.at, &look.readings)
    }

    pub(super) fn alerts(&self) -> &AlertStore<'a> {
        &self.alerts
    }

    pub(super) fn history_trouble(&self) -> Option<&str> {
        self.memory.trouble()
    }

    /// The shares as of the last look, with their volumes.
    pub(super) fn volumes(&self) -> impl Iterator<Item = (&ShareName, &Volume)> {
        self.records
            .iter()
            .map(|record| (record.name(), &record.volume))
    }

    /// Looks at the shares in `self.records`; `hits` says of each whether the kernel has just said
    /// that its hard limit was hit. What is wrong with shares is apart from the readings.
    fn look_at(
        &mut self,
        hits: &[Option<bool>],
        source: Source,
        deadline: Deadline,
    ) -> (Look, Vec<Trouble>) {
        let begin = Instant::now();
        let at = self.host.now();
        let volumes: Vec<&Volume> = self.records.iter().map(|record| &record.volume).collect();
        let usages = self.storage.usages(&volumes, deadline);
        self.remember(at, &usages, source, deadline);
        self.renew_trends(at, &usages, source);

        let meant: Vec<Meant<'_>> = self
            .records
            .iter()
            .map(|record| Meant {
                volume: &record.volume,
                limits: Limits::of_bytes(record.spec.quota.bytes()),
            })
            .collect();
        let inspections = self.storage.inspections(&meant, Depth::Quick, deadline);

        let mut readings = Vec::with_capacity(usages.len() * 8);
        let mut lost = Vec::new();
        let mut troubles = Vec::new();
        let mut full = std::mem::take(&mut self.full);
        let looked_at = self.records.iter().zip(&usages).zip(inspections).zip(hits);
        for (((record, usage), inspection), hit) in looked_at {
            let share = record.name();
            let usage = match usage {
                Ok(usage) => usage,
                Err(error) => {
                    readings.extend(unknown(share));
                    troubles.push(without_usage(share, error, inspection));
                    lost.push(share.to_string());
                    continue;
                }
            };
            match inspection {
                Err(_) => readings.push(reading(share, Kind::Drift, Measure::Unknown)),
                Ok(deviations) if deviations.is_empty() => {
                    readings.push(reading(share, Kind::Drift, Measure::Present(None)));
                }
                Ok(deviations) => troubles.push(drift(share, &deviations)),
            }
            let used = enforced_bytes(&record.volume, usage);
            let limit = usage.limits.bytes;
            let forecast = limit.and_then(|limit| self.forecasts.of(share, used, limit));
            let seen = Seen {
                share,
                volume: &record.volume,
                usage,
                hit: *hit == Some(true),
                was_full: full.contains(&share.key()),
                forecast: forecast.as_ref(),
            };
            match seen.is_full() {
                true => full.insert(share.key()),
                false => full.remove(&share.key()),
            };
            readings.extend(seen.readings());
        }
        self.full = full;
        let look = Look {
            at,
            readings,
            summary: LastLook {
                at,
                seconds: begin.elapsed().as_secs_f64(),
                shares: self.records.len(),
                unreadable: lost,
                trouble: None,
            },
            whole: false,
        };
        (look, troubles)
    }

    /// Remembers `usages`, which are those of `self.records`, of shares that are still there.
    fn remember(
        &mut self,
        at: i64,
        usages: &[Result<Usage, PortError>],
        source: Source,
        deadline: Deadline,
    ) {
        // Where the lock cannot be had this time, a share may come back to the history that was
        // deleted a moment ago: not remembering at all would be worse.
        let _lock = lock_history(self.host, deadline);
        let there: Option<HashSet<String>> = self
            .host
            .list(Path::new(layout::CATALOG_DIR))
            .ok()
            .map(|names| names.into_iter().collect());
        let keys: Vec<String> = self.records.iter().map(|r| r.name().key()).collect();
        let samples: Vec<(&str, Sample)> = keys
            .iter()
            .zip(&self.records)
            .zip(usages)
            .filter(|((key, _), _)| {
                there
                    .as_ref()
                    .is_none_or(|there| there.contains(&format!("{key}.json")))
            })
            .filter_map(|((key, record), usage)| {
                let usage = usage.as_ref().ok()?;
                let mut sample = Sample::of(usage, source);
                sample.bytes = enforced_bytes(&record.volume, usage);
                Some((key.as_str(), sample))
            })
            .collect();
        if !samples.is_empty() {
            self.memory.record(at, &samples);
        }
    }

    fn renew_trends(&mut self, at: i64, usages: &[Result<Usage, PortError>], source: Source) {
        let Some(history) = self.memory.history() else {
            return;
        };
        let most = match source {
            Source::Poll => TRENDS_A_LOOK + self.records.len() / 8,
            // What the kernel announces is to be told soon.
            Source::Event => 0,
        };
        let mut made = 0;
        for (record, usage) in self.records.iter().zip(usages) {
            let limit = usage.as_ref().ok().and_then(|usage| usage.limits.bytes);
            let Some(limit) = limit else { continue };
            let share = record.name();
            if made < most && self.forecasts.is_due(share, limit) {
                made += 1;
                if let Err(error) = self.forecasts.renew(history, share, limit, at) {
                    tracing::warn!(%share, error = %chain_text(&error), "no trend");
                }
            }
        }
    }
}

/// The trouble of a share whose usage could not be read: one, with the best reason there is.
fn without_usage(
    share: &ShareName,
    error: &PortError,
    inspection: Result<Vec<Deviation>, PortError>,
) -> Trouble {
    let deviations = inspection.unwrap_or_default();
    let has = |codes: &[&str]| deviations.iter().find(|one| codes.contains(&&*one.code));
    if has(&["quota.off"]).is_some() {
        return drift(share, &deviations);
    }
    let (class, why, remedy) = match has(&["quota.not-mounted", "quota.volume-missing"]) {
        Some(one) => (one.code.as_str(), one.message.clone(), one.remedy.clone()),
        None => (error.code(), chain_text(error), error.remedy()),
    };
    Trouble {
        class: class.into(),
        reading: unreadable(share, &why, remedy),
    }
}

/// What is enforced for a share is not what is meant.
fn drift(share: &ShareName, deviations: &[Deviation]) -> Trouble {
    let codes: Vec<&str> = deviations.iter().map(|one| one.code.as_str()).collect();
    let messages: Vec<&str> = deviations.iter().map(|one| one.message.as_str()).collect();
    let fix = format!(
        "run `pve-smbgateway quota check {} --fix`",
        smbgw_core::host::cmd::quote_for_shell(share.as_str())
    );
    let remedy = deviations.iter().find_map(|one| one.remedy.clone());
    let facts = Facts {
        summary: messages.join("; "),
        remedy: Some(remedy.unwrap_or(fix)),
        ..Facts::default()
    };
    Trouble {
        class: codes.join(" "),
        reading: Reading {
            facts,
            ..reading(
                share,
                Kind::Drift,
                Measure::Present(Some(Severity::Critical)),
            )
        },
    }
}

fn reading(share: &ShareName, kind: Kind, measure: Measure) -> Reading {
    Reading {
        share: Some(share.clone()),
        kind,
        measure,
        facts: Facts::default(),
    }
}
