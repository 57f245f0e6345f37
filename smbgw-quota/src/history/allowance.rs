//! What a share was allowed to hold, and when that changed.

use rusqlite::{Connection, Result};
use serde::{Deserialize, Serialize};

use super::sample::{Allowance, amount_or_none, stored};
use super::series::SeriesId;

/// A change of what a share may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LimitChange {
    /// The time of the first sample with the new limits, in seconds since 1970-01-01 00:00 UTC.
    pub at: i64,
    /// What was allowed before; `None` where nothing is known of before.
    pub old: Option<Allowance>,
    /// What is allowed from then on.
    pub new: Allowance,
}

/// All that a series was allowed, in the order in which it came.
pub(super) struct Timeline(Vec<Entry>);

struct Entry {
    pass: i64,
    at: i64,
    allowance: Allowance,
}

impl Timeline {
    pub(super) fn load(db: &Connection, series: SeriesId) -> Result<Self> {
        db.prepare_cached(
            "SELECT pass, at, bytes, inodes FROM allowance WHERE series = ?1 ORDER BY pass",
        )?
        .query_map([series], |row| {
            Ok(Entry {
                pass: row.get(0)?,
                at: row.get(1)?,
                allowance: Allowance {
                    bytes: amount_or_none(row, 2)?,
                    inodes: amount_or_none(row, 3)?,
                },
            })
        })?
        .collect::<Result<_>>()
        .map(Self)
    }

    /// What was allowed when the sample of `pass` was taken.
    pub(super) fn at_pass(&self, pass: i64) -> Allowance {
        let next = self.0.partition_point(|entry| entry.pass <= pass);
        let entry = next.checked_sub(1).and_then(|index| self.0.get(index));
        entry.map_or_else(Allowance::default, |entry| entry.allowance)
    }

    /// The changes, in the order in which they came.
    pub(super) fn changes(&self) -> impl Iterator<Item = LimitChange> {
        let before = std::iter::once(None).chain(self.0.iter().map(|entry| Some(entry.allowance)));
        self.0.iter().zip(before).map(|(entry, old)| LimitChange {
            at: entry.at,
            old,
            new: entry.allowance,
        })
    }
}

/// Notes what `series` is allowed from `pass` on.
pub(super) fn note(
    db: &Connection,
    series: SeriesId,
    pass: i64,
    at: i64,
    allowance: Allowance,
) -> Result<()> {
    db.prepare_cached(
        "INSERT INTO allowance (series, pass, at, bytes, inodes) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute((
        series,
        pass,
        at,
        allowance.bytes.map(stored),
        allowance.inodes.map(stored),
    ))?;
    Ok(())
}

/// Removes what `series` was allowed before `floor`, if nothing that is kept was held to it.
pub(super) fn prune(db: &Connection, series: SeriesId, floor: i64) -> Result<()> {
    let old: i64 = db
        .prepare_cached("SELECT count(*) FROM allowance WHERE series = ?1 AND at < ?2")?
        .query_one((series, floor), |row| row.get(0))?;
    if old < 2 {
        return Ok(());
    }
    let needed: Option<i64> = db
        .prepare_cached(
            "SELECT min(pass) FROM (
                 SELECT min(pass) AS pass FROM daily WHERE series = ?1
                 UNION ALL SELECT min(pass) FROM hourly WHERE series = ?1
                 UNION ALL SELECT min(id) FROM pass)",
        )?
        .query_one([series], |row| row.get(0))?;
    db.prepare_cached(
        "DELETE FROM allowance WHERE series = ?1 AND at < ?2 AND pass <
             (SELECT max(pass) FROM allowance WHERE series = ?1 AND pass <= ?3)",
    )?
    .execute((series, floor, needed))?;
    Ok(())
}
