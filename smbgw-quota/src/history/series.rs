//! Series: the usage of one share, from its first sample to its last.

use std::collections::HashMap;

use rusqlite::types::{ToSql, ToSqlOutput};
use rusqlite::{Connection, OptionalExtension, Result, Row};
use serde::{Deserialize, Serialize};

use super::sample::{Allowance, amount_or_none};

/// The usage of one share over time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Series {
    /// Its number, which stays the same.
    pub id: SeriesId,
    /// The key of the share ([`smbgw_core::share::ShareName::key`]).
    pub share: String,
    /// The time of its first sample, in seconds since 1970-01-01 00:00 UTC.
    pub since: i64,
    /// When it was archived, by the same clock; `None` while it goes on.
    pub ended: Option<i64>,
}

/// The number of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SeriesId(pub(super) i64);

/// A series, by the share whose present one it is or by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which<'a> {
    /// The series of this share that goes on, by the share's key.
    Share(&'a str),
    /// This one, archived or not.
    Series(SeriesId),
}

impl<'a> From<&'a str> for Which<'a> {
    fn from(share: &'a str) -> Self {
        Self::Share(share)
    }
}

impl<'a> From<&'a String> for Which<'a> {
    fn from(share: &'a String) -> Self {
        Self::Share(share)
    }
}

impl From<SeriesId> for Which<'_> {
    fn from(series: SeriesId) -> Self {
        Self::Series(series)
    }
}

impl ToSql for SeriesId {
    fn to_sql(&self) -> Result<ToSqlOutput<'_>> {
        self.0.to_sql()
    }
}

const COLUMNS: &str = "SELECT id, share, since, ended FROM series";

/// The series asked for, if there is one.
pub(super) fn find(db: &Connection, which: Which<'_>) -> Result<Option<Series>> {
    match which {
        Which::Share(share) => db
            .prepare_cached(&format!("{COLUMNS} WHERE share = ?1 AND ended IS NULL"))?
            .query_one([share], read),
        Which::Series(id) => db
            .prepare_cached(&format!("{COLUMNS} WHERE id = ?1"))?
            .query_one([id], read),
    }
    .optional()
}

/// Those that go on, or those that are archived, by share and age.
pub(super) fn list(db: &Connection, archived: bool) -> Result<Vec<Series>> {
    db.prepare_cached(&format!(
        "{COLUMNS} WHERE (ended IS NOT NULL) = ?1 ORDER BY share, id"
    ))?
    .query_map([archived], read)?
    .collect()
}

/// A series that goes on, as a pass needs to know it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Live {
    pub(super) id: SeriesId,
    /// What its share was allowed last; `None` where that is not known yet.
    pub(super) allowance: Option<Allowance>,
}

/// All series that go on, by share: for a pass over all shares, quicker than one by one.
pub(super) fn live(db: &Connection) -> Result<HashMap<String, Live>> {
    db.prepare_cached(
        "SELECT series.share, series.id, allowance.pass, allowance.bytes, allowance.inodes
         FROM series LEFT JOIN allowance ON allowance.series = series.id AND allowance.pass =
             (SELECT max(pass) FROM allowance WHERE allowance.series = series.id)
         WHERE series.ended IS NULL",
    )?
    .query_map([], |row| {
        let allowance = Allowance {
            bytes: amount_or_none(row, 3)?,
            inodes: amount_or_none(row, 4)?,
        };
        let live = Live {
            id: SeriesId(row.get(1)?),
            allowance: row.get::<_, Option<i64>>(2)?.map(|_| allowance),
        };
        Ok((row.get(0)?, live))
    })?
    .collect()
}

/// Begins a series of `share` at `at`.
pub(super) fn begin(db: &Connection, share: &str, at: i64) -> Result<Live> {
    let id = db
        .prepare_cached("INSERT INTO series (share, since) VALUES (?1, ?2)")?
        .insert((share, at))?;
    Ok(Live {
        id: SeriesId(id),
        allowance: None,
    })
}

/// Ends the series of `share` at `at`; whether there was one.
pub(super) fn end(db: &Connection, share: &str, at: i64) -> Result<bool> {
    let ended = db.execute(
        "UPDATE series SET ended = ?2 WHERE share = ?1 AND ended IS NULL",
        (share, at),
    )?;
    Ok(ended > 0)
}

/// Removes everything of one series.
pub(super) fn remove(db: &Connection, series: SeriesId) -> Result<()> {
    // The passes are named so that each sample is found by its key.
    for removal in [
        "DELETE FROM sample WHERE series = ?1 AND pass IN (SELECT id FROM pass)",
        "DELETE FROM hourly WHERE series = ?1",
        "DELETE FROM daily WHERE series = ?1",
        "DELETE FROM allowance WHERE series = ?1",
        "DELETE FROM series WHERE id = ?1",
    ] {
        db.execute(removal, [series])?;
    }
    Ok(())
}

fn read(row: &Row<'_>) -> Result<Series> {
    Ok(Series {
        id: SeriesId(row.get(0)?),
        share: row.get(1)?,
        since: row.get(2)?,
        ended: row.get(3)?,
    })
}
