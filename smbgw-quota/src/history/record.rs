//! Writing one pass.

use std::collections::BTreeMap;

use rusqlite::{Connection, Result};

use super::allowance;
use super::sample::{Sample, stored};
use super::series;
use super::tier::{Tier, TierState, newest_pass};

/// Writes what was seen at `at`; the caller holds a transaction.
pub(super) fn record(db: &Connection, at: i64, samples: &[(&str, Sample)]) -> Result<()> {
    let newest = newest_pass(db)?;
    watch_the_clock(db, newest.map(|(_, at)| at), at)?;
    let pass = newest.map_or(1, |(id, _)| id + 1);
    db.prepare_cached("INSERT INTO pass (id, at) VALUES (?1, ?2)")?
        .execute((pass, at))?;
    let known = series::live(db)?;
    // By share, so that the last of two of the same counts.
    let samples: BTreeMap<&str, Sample> = samples.iter().copied().collect();
    // In the order in which they stand in the file.
    let mut rows = BTreeMap::new();
    for (share, sample) in samples {
        let series = match known.get(share) {
            Some(series) => *series,
            None => series::begin(db, share, at)?,
        };
        rows.insert(series.id, (series.allowance, sample));
    }
    let mut insert = db.prepare_cached(
        "INSERT INTO sample (pass, series, bytes, inodes, source) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    for (series, (allowed, sample)) in rows {
        let allowance = sample.limit.storable();
        if allowed != Some(allowance) {
            allowance::note(db, series, pass, at, allowance)?;
        }
        insert.execute((
            pass,
            series,
            stored(sample.bytes),
            sample.inodes.map(stored),
            sample.source,
        ))?;
    }
    Ok(())
}

/// Notes the tiers for which the clock stepped too far from `before` to `at`.
fn watch_the_clock(db: &Connection, before: Option<i64>, at: i64) -> Result<()> {
    for tier in Tier::ALL {
        let stepped = before.is_none_or(|before| before.abs_diff(at) > tier.patience() as u64);
        if stepped || TierState::load(db, tier)?.steady_since.is_none() {
            db.prepare_cached("UPDATE tier SET steady_since = ?2 WHERE id = ?1")?
                .execute((tier, at))?;
        }
    }
    Ok(())
}
