//! Removing what was kept long enough, and giving the space back.

use rusqlite::{Connection, Result};

use super::allowance;
use super::retention::Retention;
use super::series::SeriesId;
use super::tier::{DAY, Tier, TierState, floor, newest_pass};

/// Rows are removed in transactions of some ten thousand, so that nobody waits long.
const PASSES_AT_ONCE: i64 = 64;

/// Series whose aggregates are removed in one transaction.
const SERIES_AT_ONCE: usize = 64;

/// Pages that may lie unused before some are given back, and how many are at once: 4 MiB.
const SPARE_PAGES: i64 = 1024;

/// Says from when on each tier is kept. The caller holds a transaction, and removes what is before
/// only in later ones: readers take what is missing in one tier from the next.
///
/// The present is the time of the newest pass, or `now` where that is earlier, and only where the
/// clock is trusted: a step further than a tier's patience makes it wait for as long, so that a
/// clock that is wrong for a while removes nothing.
pub(super) fn raise_floors(db: &Connection, retention: Retention, now: i64) -> Result<()> {
    let Some((_, newest)) = newest_pass(db)? else {
        return Ok(());
    };
    let mut finer = i64::MAX;
    for tier in Tier::ALL {
        let state = TierState::load(db, tier)?;
        let steady = state
            .steady_since
            .is_some_and(|since| newest.saturating_sub(since) >= tier.patience());
        let kept = DAY.saturating_mul(retention.days(tier));
        let wanted = floor(newest.min(now).saturating_sub(kept), tier.grain());
        // A tier goes back at least as far as the finer one, whose older part it stands for.
        let wanted = wanted.min(floor(finer, tier.grain()));
        if steady && wanted > state.floor {
            db.prepare_cached("UPDATE tier SET floor = ?2 WHERE id = ?1")?
                .execute((tier, wanted))?;
        }
        finer = TierState::load(db, tier)?.floor;
    }
    Ok(())
}

/// Removes samples that are before the floor and in all aggregates; whether there may be more. The
/// caller holds a transaction. The newest pass stays: numbers are not given twice.
pub(super) fn samples(db: &Connection) -> Result<bool> {
    let floor = TierState::load(db, Tier::Raw)?.floor;
    let mut folded = i64::MAX;
    for tier in Tier::AGGREGATES {
        folded = folded.min(TierState::load(db, tier)?.folded);
    }
    let passes: Vec<i64> = db
        .prepare_cached(
            "SELECT id FROM pass
             WHERE at < ?1 AND id <= ?2 AND id < (SELECT max(id) FROM pass)
             ORDER BY at LIMIT ?3",
        )?
        .query_map((floor, folded, PASSES_AT_ONCE), |row| row.get(0))?
        .collect::<Result<_>>()?;
    let mut remove_samples = db.prepare_cached("DELETE FROM sample WHERE pass = ?1")?;
    let mut remove_pass = db.prepare_cached("DELETE FROM pass WHERE id = ?1")?;
    for pass in &passes {
        remove_samples.execute([pass])?;
        remove_pass.execute([pass])?;
    }
    Ok(!passes.is_empty())
}

/// Removes aggregates before their floors, of some series after `from`; the last of these, or
/// `None` where there are no more. The caller holds a transaction.
pub(super) fn aggregates(db: &Connection, from: SeriesId) -> Result<Option<SeriesId>> {
    let series: Vec<(SeriesId, Option<i64>)> = db
        .prepare_cached("SELECT id, ended FROM series WHERE id > ?1 ORDER BY id LIMIT ?2")?
        .query_map((from, SERIES_AT_ONCE as i64), |row| {
            Ok((SeriesId(row.get(0)?), row.get(1)?))
        })?
        .collect::<Result<_>>()?;
    for tier in Tier::AGGREGATES {
        let floor = TierState::load(db, tier)?.floor;
        let mut removal = db.prepare_cached(&format!(
            "DELETE FROM {} WHERE series = ?1 AND at < ?2",
            tier.table()
        ))?;
        for (id, _) in &series {
            removal.execute((id, floor))?;
        }
    }
    let oldest = TierState::load(db, Tier::Daily)?.floor;
    for (id, ended) in &series {
        allowance::prune(db, *id, oldest)?;
        if ended.is_some_and(|ended| ended < oldest) {
            remove_if_empty(db, *id)?;
        }
    }
    Ok(series.last().map(|(id, _)| *id))
}

/// Gives back some pages, where many lie unused: more than a quarter of the file.
pub(super) fn give_back(db: &Connection) -> Result<()> {
    let number = |pragma| db.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
    let unused = number("freelist_count")?;
    if unused <= SPARE_PAGES || unused <= number("page_count")? / 4 {
        return Ok(());
    }
    // A page is freed at each step of the statement.
    let mut statement = db.prepare(&format!("PRAGMA incremental_vacuum({SPARE_PAGES})"))?;
    let mut rows = statement.query([])?;
    while rows.next()?.is_some() {}
    Ok(())
}

/// Removes an archived series of which nothing is left.
fn remove_if_empty(db: &Connection, series: SeriesId) -> Result<()> {
    let empty: bool = db
        .prepare_cached(
            "SELECT NOT EXISTS (SELECT 1 FROM daily WHERE series = ?1)
                AND NOT EXISTS (SELECT 1 FROM hourly WHERE series = ?1)
                AND NOT EXISTS (SELECT 1 FROM pass CROSS JOIN sample
                                ON sample.pass = pass.id AND sample.series = ?1)",
        )?
        .query_one([series], |row| row.get(0))?;
    if empty {
        db.execute("DELETE FROM allowance WHERE series = ?1", [series])?;
        db.execute("DELETE FROM series WHERE id = ?1", [series])?;
    }
    Ok(())
}
