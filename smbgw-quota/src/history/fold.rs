//! Adding passes to the aggregates, each exactly once.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, Result};

use super::bucket::Bucket;
use super::series::SeriesId;
use super::tier::{Tier, TierState, newest_pass};

/// Passes that are folded in one transaction, at most: a day of one a minute takes three.
const AT_ONCE: i64 = 512;

/// Adds to the aggregates of `tier` the passes up to the last one of an hour or day that is over,
/// or the first of them; whether there are more. The caller holds a transaction.
///
/// Samples are added in the order in which they were taken, and the last pass that was is noted in
/// the same transaction. So a clock that steps back adds to rows that are there already, and an
/// interruption costs nothing.
pub(super) fn fold(db: &Connection, tier: Tier) -> Result<bool> {
    let folded = TierState::load(db, tier)?.folded;
    let Some(due) = last_due(db, tier, folded)? else {
        return Ok(false);
    };
    let until = due.min(folded.saturating_add(AT_ONCE));
    for ((series, at), bucket) in collect(db, tier, folded, until)? {
        bucket.add_to(db, tier, series, at)?;
    }
    db.prepare_cached("UPDATE tier SET folded = ?2 WHERE id = ?1")?
        .execute((tier, until))?;
    Ok(until < due)
}

/// The last pass after `folded` that is not in the same hour or day as the newest.
fn last_due(db: &Connection, tier: Tier, folded: i64) -> Result<Option<i64>> {
    let Some((_, now)) = newest_pass(db)? else {
        return Ok(None);
    };
    let start = tier.start(now);
    db.prepare_cached(
        "SELECT id FROM pass WHERE id > ?1 AND (at < ?2 OR at >= ?3) ORDER BY id DESC LIMIT 1",
    )?
    .query_one(
        (folded, start, start.saturating_add(tier.seconds())),
        |row| row.get(0),
    )
    .optional()
}

/// The samples of the passes after `folded` and up to `until`, put together.
fn collect(
    db: &Connection,
    tier: Tier,
    folded: i64,
    until: i64,
) -> Result<BTreeMap<(SeriesId, i64), Bucket>> {
    let mut statement = db.prepare_cached(
        "SELECT sample.series, pass.at, sample.bytes, sample.inodes, pass.id
         FROM pass CROSS JOIN sample ON sample.pass = pass.id
         WHERE pass.id > ?1 AND pass.id <= ?2 ORDER BY pass.id",
    )?;
    let mut rows = statement.query((folded, until))?;
    let mut buckets: BTreeMap<_, Bucket> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let sample = Bucket::read_sample(row, 2)?;
        buckets
            .entry((SeriesId(row.get(0)?), tier.start(row.get(1)?)))
            .and_modify(|bucket| bucket.merge(&sample))
            .or_insert(sample);
    }
    Ok(buckets)
}
