//! Usage over time, kept in SQLite: every sample for a week, hours for 90 days, days for five years.
//!
//! ```no_run
//! use smbgw_quota::history::{History, Resolution, Sample, Source};
//! use smbgw_quota::Project;
//!
//! let mut history = History::open("/var/lib/smbgw/history.db")?.history;
//! let usage = Project::open("/srv/media".as_ref())?.usage()?;
//! let now = 1_800_000_000; // seconds since 1970-01-01 00:00 UTC
//! history.record(now, &[("media", Sample::of(&usage, Source::Poll))])?;
//! history.maintain(now)?; // each hour or so
//!
//! for point in history.points("media", now - 7 * 86_400, now, Resolution::Auto)? {
//!     println!("{}: {} of {:?} bytes", point.at, point.mean, point.limit);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Tiers
//! [`History::record`] writes one row a sample, and all samples of a pass or none.
//! [`History::maintain`] adds passes to the rows of their hour and day, each exactly once, and removes
//! what was kept long enough. [`Reader::points`] puts the tiers together, and counts what is not in an
//! aggregate yet; so what it says does not depend on when the last maintenance was. Minimum, maximum
//! and mean are exact: sums are kept whole.
//!
//! # Limits
//! A change of limits is a row of its own, and each point has the limits that its last sample was
//! held to: a percentage of last month is of last month's limit. Give the limit that is set, not one
//! computed from the free space: each change is kept as long as the days it belongs to.
//!
//! # The clock
//! Passes are numbered in the order in which they come, and samples carry the time they were given,
//! so a clock that steps back loses nothing: two samples of one second are two. What is oldest is
//! judged by the newest sample (or the present, where that is earlier), and not while the clock has
//! just stepped: by more than a day for samples, a week for hours, 30 days for days, each waiting as
//! long again before it removes anything. A clock that says 2099 for an hour removes nothing; what
//! was recorded meanwhile stays at that time. A time that is further back than what is kept is no
//! exception: its samples are removed in their turn. A tier sampled more rarely than its patience is
//! never pruned.
//!
//! # Size
//! A sample takes at most 32 bytes of the file, an hour or a day at most 96; the log beside the
//! database is cut back to 8 MiB. With the default retention and one sample a minute that is, for each
//! share, at most 10,200 samples, 2,184 hours and 1,829 days: **712 kB a share, 720 MB for 1,000
//! shares** with the log, however long it goes on. With usage in TiB it is 407 MB after a year
//! (`benches/history.rs`).
//!
//! # Processes
//! One process writes at a time (others wait up to ten seconds), any number read meanwhile and keep
//! nobody waiting. No thread is started. Open it in the process that uses it: a connection must not
//! be used, nor dropped, across a `fork`. The files are for root alone (mode 0600).

mod allowance;
mod bucket;
mod error;
mod file;
mod fold;
mod points;
mod prune;
mod record;
mod retention;
mod sample;
mod schema;
mod series;
mod tier;

use std::fmt;
use std::ops::Deref;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, Transaction, TransactionBehavior};
use smbgw_core::change::Change;

use tier::Tier;

pub use allowance::LimitChange;
pub use error::HistoryError;
pub use points::{Point, Resolution};
pub use retention::Retention;
pub use sample::{Allowance, Sample, Source};
pub use series::{Series, SeriesId, Which};

/// The history, to write and to read: it can do all that a [`Reader`] can.
#[derive(Debug)]
pub struct History {
    reader: Reader,
    retention: Retention,
}

/// A history that was opened to write.
#[derive(Debug)]
pub struct Opened {
    /// The history.
    pub history: History,
    /// Where a damaged file was moved, if there was one: the history is new then.
    pub moved_aside: Option<PathBuf>,
}

/// The history, to read.
pub struct Reader {
    db: Connection,
    path: PathBuf,
}

impl History {
    /// Opens the history at `path`, with the default [`Retention`]. Where there is none it is made,
    /// an older one is brought up to date, and a damaged one moved aside and begun anew.
    ///
    /// Only damage that shows at once is found, as [`Reader::check`] reads the whole file.
    ///
    /// # Errors
    /// Where the file cannot be made or opened, or is a newer version's or another program's.
    pub fn open(path: impl AsRef<Path>) -> Result<Opened, HistoryError> {
        let path = path.as_ref();
        let before = file::identity(path);
        let (db, moved_aside) = match file::open(path, schema::STEPS) {
            Err(HistoryError::Corrupt { reason, .. }) => {
                // Unless another process has just done so.
                let aside = (before.is_none() || before == file::identity(path))
                    .then(|| file::move_aside(path))
                    .transpose()?;
                tracing::error!(path = %path.display(), reason, "history is damaged, begun anew");
                (file::open(path, schema::STEPS)?, aside)
            }
            other => (other?, None),
        };
        let history = Self {
            reader: Reader {
                db,
                path: path.into(),
            },
            retention: Retention::default(),
        };
        Ok(Opened {
            history,
            moved_aside,
        })
    }

    /// Opens the history at `path` to read, while another process may write.
    ///
    /// # Errors
    /// Where there is none, or it is damaged, another version's or another program's.
    pub fn open_read_only(path: impl AsRef<Path>) -> Result<Reader, HistoryError> {
        let path = path.as_ref();
        Ok(Reader {
            db: file::open_read_only(path)?,
            path: path.into(),
        })
    }

    /// Moves the file aside and begins a new one: for who is told of [`HistoryError::Corrupt`] by
    /// another call.
    ///
    /// # Errors
    /// As those of [`History::open`].
    pub fn start_over(self) -> Result<Opened, HistoryError> {
        let Reader { db, path } = self.reader;
        // A damaged one may not close well.
        drop(db);
        let aside = file::move_aside(&path)?;
        let mut opened = Self::open(&path)?;
        opened.history.retention = self.retention;
        opened.moved_aside = Some(aside);
        Ok(opened)
    }

    /// Keeps what is recorded for as long as `retention` says, from the next maintenance on.
    pub fn set_retention(&mut self, retention: Retention) {
        self.retention = retention;
    }

    /// Remembers what was seen of some shares, by key, at `at` (seconds since 1970-01-01 00:00 UTC):
    /// all of it or, where there is an error, nothing.
    ///
    /// A share that is named twice is remembered with the latter. An error leaves the connection
    /// usable: [`HistoryError::Full`] is over when there is space again.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn record(&mut self, at: i64, samples: &[(&str, Sample)]) -> Result<(), HistoryError> {
        self.write(|db| record::record(db, at, samples))
    }

    /// Adds what is new to the aggregates, and removes what was kept long enough. `now` is the
    /// present, in seconds since 1970-01-01 00:00 UTC.
    ///
    /// Cheap where there is nothing to do, and meant to be called each hour. It works in short
    /// transactions; interrupted at any point, it goes on the next time.
    ///
    /// # Errors
    /// Where it cannot be read or written.
    pub fn maintain(&mut self, now: i64) -> Result<(), HistoryError> {
        for tier in Tier::AGGREGATES {
            while self.write(|db| fold::fold(db, tier))? {}
        }
        let retention = self.retention;
        self.write(|db| prune::raise_floors(db, retention, now))?;
        while self.write(prune::samples)? {}
        let mut next = Some(SeriesId(0));
        while let Some(from) = next {
            next = self.write(|db| prune::aggregates(db, from))?;
        }
        self.write(prune::give_back)
    }

    /// Forgets the series `which`, a share's present one or an archived one, with its samples,
    /// aggregates and limits.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn forget<'a>(&mut self, which: impl Into<Which<'a>>) -> Result<Change, HistoryError> {
        let which = which.into();
        self.write(|db| match series::find(db, which)? {
            Some(series) => series::remove(db, series.id).map(|()| Change::Removed),
            None => Ok(Change::Unchanged),
        })
    }

    /// Ends the series of `share` at `at`: it stays under its number, and a share that is made with
    /// the same name later begins with nothing.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn archive(&mut self, share: &str, at: i64) -> Result<Change, HistoryError> {
        self.write(|db| {
            Ok(match series::end(db, share, at)? {
                true => Change::Updated,
                false => Change::Unchanged,
            })
        })
    }

    fn write<T>(
        &mut self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, HistoryError> {
        let Reader { db, path } = &mut self.reader;
        let write = || {
            let transaction = Transaction::new(db, TransactionBehavior::Immediate)?;
            let result = work(&transaction)?;
            transaction.commit()?;
            Ok(result)
        };
        write().map_err(|error| HistoryError::database(path, error))
    }
}

impl Deref for History {
    type Target = Reader;

    fn deref(&self) -> &Reader {
        &self.reader
    }
}

impl Reader {
    /// Usage from `from` to before `to` (seconds since 1970-01-01 00:00 UTC), the oldest first. An
    /// hour or day of which only a part is in that time is there whole. Nothing is remembered of an
    /// unknown share.
    ///
    /// Where the time reaches back beyond what is kept at `resolution`, coarser points stand for the
    /// older part: no sample is missing and none is there twice.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn points<'a>(
        &self,
        which: impl Into<Which<'a>>,
        from: i64,
        to: i64,
        resolution: Resolution,
    ) -> Result<Vec<Point>, HistoryError> {
        let which = which.into();
        self.read(|db| points::points(db, which, from, to, resolution))
    }

    /// Changes of limits from `from` to before `to` (seconds since 1970-01-01 00:00 UTC), in the
    /// order in which they came. The first one of a series has no limits before it.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn limit_changes<'a>(
        &self,
        which: impl Into<Which<'a>>,
        from: i64,
        to: i64,
    ) -> Result<Vec<LimitChange>, HistoryError> {
        let which = which.into();
        self.read(|db| {
            let Some(series) = series::find(db, which)? else {
                return Ok(Vec::new());
            };
            let timeline = allowance::Timeline::load(db, series.id)?;
            let within = |change: &LimitChange| (from..to).contains(&change.at);
            Ok(timeline.changes().filter(within).collect())
        })
    }

    /// The series that go on, by share.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn series(&self) -> Result<Vec<Series>, HistoryError> {
        self.read(|db| series::list(db, false))
    }

    /// The series that are archived, by share and age.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn archived(&self) -> Result<Vec<Series>, HistoryError> {
        self.read(|db| series::list(db, true))
    }

    /// Bytes of the database and the files beside it.
    ///
    /// # Errors
    /// Where they cannot be looked at.
    pub fn size(&self) -> Result<u64, HistoryError> {
        file::size(&self.path)
    }

    /// Reads the whole file and looks for damage (`PRAGMA quick_check`): some seconds for the
    /// largest.
    ///
    /// # Errors
    /// [`HistoryError::Corrupt`] with the first damage, or where it cannot be read.
    pub fn check(&self) -> Result<(), HistoryError> {
        let found = self
            .read(|db| db.query_one("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0)))?;
        match found.as_str() {
            "ok" => Ok(()),
            _ => Err(HistoryError::Corrupt {
                path: self.path.clone(),
                reason: found,
            }),
        }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// All that `work` reads is of one moment.
    fn read<T>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, HistoryError> {
        let read = || {
            let transaction = self.db.unchecked_transaction()?;
            let result = work(&transaction)?;
            transaction.finish()?;
            Ok(result)
        };
        read().map_err(|error| HistoryError::database(&self.path, error))
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}
