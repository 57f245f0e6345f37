//! The samples and their aggregates: three tiers, each coarser and kept longer.

use rusqlite::types::{ToSql, ToSqlOutput};
use rusqlite::{Connection, OptionalExtension, Result};

/// One hour, in seconds.
pub(super) const HOUR: i64 = 3600;

/// One day, in seconds.
pub(super) const DAY: i64 = 24 * HOUR;

/// A kind of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Tier {
    /// Every sample.
    Raw,
    /// One row for each series and hour.
    Hourly,
    /// One row for each series and day (UTC).
    Daily,
}

impl Tier {
    /// From the finest to the coarsest.
    pub(super) const ALL: [Self; 3] = [Self::Raw, Self::Hourly, Self::Daily];

    /// Those with aggregates.
    pub(super) const AGGREGATES: [Self; 2] = [Self::Hourly, Self::Daily];

    /// The name of its table.
    pub(super) fn table(self) -> &'static str {
        match self {
            Self::Raw => "sample",
            Self::Hourly => "hourly",
            Self::Daily => "daily",
        }
    }

    /// What one row of an aggregate stands for, in seconds; 0 for a sample.
    pub(super) fn seconds(self) -> i64 {
        match self {
            Self::Raw => 0,
            Self::Hourly => HOUR,
            Self::Daily => DAY,
        }
    }

    /// What the time of its oldest row is a multiple of: the row of the next coarser tier that ends
    /// there is then complete.
    pub(super) fn grain(self) -> i64 {
        match self {
            Self::Raw => HOUR,
            Self::Hourly | Self::Daily => DAY,
        }
    }

    /// How far the clock may step before this tier waits with removing rows, and how long it then
    /// waits for the clock to step back.
    pub(super) fn patience(self) -> i64 {
        match self {
            Self::Raw => DAY,
            Self::Hourly => 7 * DAY,
            Self::Daily => 30 * DAY,
        }
    }

    /// The start of the row that `at` belongs to.
    pub(super) fn start(self, at: i64) -> i64 {
        floor(at, self.seconds().max(1))
    }
}

impl ToSql for Tier {
    fn to_sql(&self) -> Result<ToSqlOutput<'_>> {
        Ok((*self as i64).into())
    }
}

/// `at` rounded down to a multiple of `step`.
pub(super) fn floor(at: i64, step: i64) -> i64 {
    at.saturating_sub(at.rem_euclid(step))
}

/// What is known of a tier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TierState {
    /// The last pass that is in the aggregates; the passes are folded in the order they were made.
    pub(super) folded: i64,
    /// The time before which rows were removed; from there on the tier is complete.
    pub(super) floor: i64,
    /// Since when the clock made no step that is too large for the tier; `None` before the first
    /// pass.
    pub(super) steady_since: Option<i64>,
}

impl TierState {
    pub(super) fn load(db: &Connection, tier: Tier) -> Result<Self> {
        db.prepare_cached("SELECT folded, floor, steady_since FROM tier WHERE id = ?1")?
            .query_one([tier], |row| {
                Ok(Self {
                    folded: row.get(0)?,
                    floor: row.get(1)?,
                    steady_since: row.get(2)?,
                })
            })
    }
}

/// The newest pass: its number and time.
pub(super) fn newest_pass(db: &Connection) -> Result<Option<(i64, i64)>> {
    db.prepare_cached("SELECT id, at FROM pass ORDER BY id DESC LIMIT 1")?
        .query_one([], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()
}
