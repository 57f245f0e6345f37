//! Looking usage up.

use std::collections::BTreeMap;
use std::fmt;

use rusqlite::{Connection, Result};
use serde::{Deserialize, Serialize};

use super::allowance::Timeline;
use super::bucket::{Bucket, COLUMNS};
use super::sample::Source;
use super::series::{self, Series, SeriesId, Which};
use super::tier::{DAY, Tier, TierState};

/// The longest time that [`Resolution::Auto`] shows sample by sample, in seconds.
const RAW_SPAN: u64 = 2 * DAY as u64;

/// The longest time that [`Resolution::Auto`] shows hour by hour, in seconds.
const HOURLY_SPAN: u64 = 31 * DAY as u64;

/// How finely usage is looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Resolution {
    /// What goes with the span between the first and the last sample asked for: samples for up to
    /// two days, hours for up to 31 days, days beyond; and nothing finer than is still there for
    /// all of it.
    #[default]
    Auto,
    /// Every sample; hours and days before those that are kept.
    Raw,
    /// Hours; days before those that are kept.
    Hourly,
    /// Days (UTC).
    Daily,
}

impl fmt::Display for Resolution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Auto => "auto",
            Self::Raw => "raw",
            Self::Hourly => "hourly",
            Self::Daily => "daily",
        })
    }
}

/// The usage of a share at one moment, or over one hour or day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Point {
    /// When it is, or begins, in seconds since 1970-01-01 00:00 UTC.
    pub at: i64,
    /// How long it is, in seconds: 3600 or 86400, and 0 for a single sample.
    pub seconds: u32,
    /// Samples in it.
    pub samples: u64,
    /// The lowest usage, in bytes.
    pub min: u64,
    /// The mean of the samples, in bytes, rounded down.
    pub mean: u64,
    /// The highest usage, in bytes.
    pub max: u64,
    /// The usage of the sample that was taken last, in bytes.
    pub last: u64,
    /// The limit that held for that sample, in bytes.
    pub limit: Option<u64>,
    /// Files and directories of that sample.
    pub inodes: Option<u64>,
    /// The limit on files and directories that held for it.
    pub inode_limit: Option<u64>,
    /// How a single sample came to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
}

/// The points of a series in the time from `from` to before `to`, the oldest first; those of an hour
/// or day that is only partly in that time are whole. The caller holds a transaction.
pub(super) fn points(
    db: &Connection,
    which: Which<'_>,
    from: i64,
    to: i64,
    resolution: Resolution,
) -> Result<Vec<Point>> {
    let Some(series) = series::find(db, which)? else {
        return Ok(Vec::new());
    };
    let finest = match resolution {
        Resolution::Auto => suitable(db, &series, from, to)?,
        Resolution::Raw => Tier::Raw,
        Resolution::Hourly => Tier::Hourly,
        Resolution::Daily => Tier::Daily,
    };
    let timeline = Timeline::load(db, series.id)?;
    // Each tier answers for the time in which it is complete and no finer one is.
    let mut parts = Vec::new();
    let mut end = to;
    for tier in Tier::ALL {
        if tier < finest {
            continue;
        }
        let start = match tier {
            Tier::Daily => from,
            _ => from.max(TierState::load(db, tier)?.floor),
        };
        if start < end {
            parts.push((tier, start, end));
            end = start;
        }
    }
    let mut points = Vec::new();
    for (tier, from, to) in parts.into_iter().rev() {
        match tier {
            Tier::Raw => samples(db, series.id, from, to, &timeline, &mut points)?,
            _ => aggregates(db, tier, series.id, from, to, &timeline, &mut points)?,
        }
    }
    Ok(points)
}

/// What [`Resolution::Auto`] is for `series`.
fn suitable(db: &Connection, series: &Series, from: i64, to: i64) -> Result<Tier> {
    let from = from.max(series.since);
    let last = series.ended.map_or_else(
        || {
            db.prepare_cached("SELECT max(at) FROM pass")?
                .query_one([], |row| row.get::<_, Option<i64>>(0))
        },
        |ended| Ok(Some(ended)),
    )?;
    let to = last.map_or(to, |last| to.min(last.saturating_add(1)));
    if to <= from {
        return Ok(Tier::Raw);
    }
    for (tier, longest) in [(Tier::Raw, RAW_SPAN), (Tier::Hourly, HOURLY_SPAN)] {
        let complete = from >= TierState::load(db, tier)?.floor;
        if complete && from.abs_diff(to) <= longest {
            return Ok(tier);
        }
    }
    Ok(Tier::Daily)
}

fn samples(
    db: &Connection,
    series: SeriesId,
    from: i64,
    to: i64,
    timeline: &Timeline,
    points: &mut Vec<Point>,
) -> Result<()> {
    let mut statement = db.prepare_cached(
        "SELECT pass.at, sample.bytes, sample.inodes, pass.id, sample.source
         FROM pass CROSS JOIN sample ON sample.pass = pass.id AND sample.series = ?1
         WHERE pass.at >= ?2 AND pass.at < ?3 ORDER BY pass.at, pass.id",
    )?;
    let mut rows = statement.query((series, from, to))?;
    while let Some(row) = rows.next()? {
        let sample = Bucket::read_sample(row, 1)?;
        points.push(Point {
            source: Some(row.get(4)?),
            ..point(Tier::Raw, row.get(0)?, &sample, timeline)
        });
    }
    Ok(())
}

fn aggregates(
    db: &Connection,
    tier: Tier,
    series: SeriesId,
    from: i64,
    to: i64,
    timeline: &Timeline,
    points: &mut Vec<Point>,
) -> Result<()> {
    let from = tier.start(from);
    let mut buckets = BTreeMap::new();
    let mut statement = db.prepare_cached(&format!(
        "SELECT at, {COLUMNS} FROM {} WHERE series = ?1 AND at >= ?2 AND at < ?3",
        tier.table()
    ))?;
    let mut rows = statement.query((series, from, to))?;
    while let Some(row) = rows.next()? {
        buckets.insert(row.get(0)?, Bucket::read(row, 1)?);
    }
    // What is not in the aggregates yet.
    let folded = TierState::load(db, tier)?.folded;
    let mut statement = db.prepare_cached(
        "SELECT pass.at, sample.bytes, sample.inodes, pass.id
         FROM pass CROSS JOIN sample ON sample.pass = pass.id AND sample.series = ?1
         WHERE pass.id > ?2 ORDER BY pass.id",
    )?;
    let mut rows = statement.query((series, folded))?;
    while let Some(row) = rows.next()? {
        let at = tier.start(row.get(0)?);
        if !(from..to).contains(&at) {
            continue;
        }
        let sample = Bucket::read_sample(row, 1)?;
        buckets
            .entry(at)
            .and_modify(|bucket| bucket.merge(&sample))
            .or_insert(sample);
    }
    points.extend(
        buckets
            .iter()
            .map(|(at, bucket)| point(tier, *at, bucket, timeline)),
    );
    Ok(())
}

fn point(tier: Tier, at: i64, bucket: &Bucket, timeline: &Timeline) -> Point {
    let allowance = timeline.at_pass(bucket.pass);
    Point {
        at,
        seconds: tier.seconds() as u32,
        samples: bucket.samples,
        min: bucket.min,
        mean: bucket.mean(),
        max: bucket.max,
        last: bucket.last,
        limit: allowance.bytes,
        inodes: bucket.inodes,
        inode_limit: allowance.inodes,
        source: None,
    }
}
