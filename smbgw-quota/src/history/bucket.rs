//! The aggregate of samples, exact however it was put together.

use rusqlite::{Connection, OptionalExtension, Result, Row};

use super::sample::{amount, amount_or_none, stored};
use super::series::SeriesId;
use super::tier::Tier;

/// All samples of one series in one hour or day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bucket {
    pub(super) samples: u64,
    pub(super) min: u64,
    /// Below 2¹²⁷: neither a sample nor their number is above 2⁶³.
    pub(super) sum: u128,
    pub(super) max: u64,
    /// The sample of the last pass.
    pub(super) last: u64,
    /// Of the same sample.
    pub(super) inodes: Option<u64>,
    /// That pass.
    pub(super) pass: i64,
}

impl Bucket {
    /// The bucket with one sample.
    fn of(bytes: u64, inodes: Option<u64>, pass: i64) -> Self {
        Self {
            samples: 1,
            min: bytes,
            sum: bytes.into(),
            max: bytes,
            last: bytes,
            inodes,
            pass,
        }
    }

    /// The sample in `row`, whose columns from `first` on are bytes, inodes and pass.
    pub(super) fn read_sample(row: &Row<'_>, first: usize) -> Result<Self> {
        let bytes = amount(row, first)?;
        let inodes = amount_or_none(row, first + 1)?;
        Ok(Self::of(bytes, inodes, row.get(first + 2)?))
    }

    /// Adds the samples of `other`.
    pub(super) fn merge(&mut self, other: &Self) {
        self.samples += other.samples;
        self.min = self.min.min(other.min);
        self.sum += other.sum;
        self.max = self.max.max(other.max);
        if other.pass >= self.pass {
            self.last = other.last;
            self.inodes = other.inodes;
            self.pass = other.pass;
        }
    }

    /// The mean, rounded down.
    pub(super) fn mean(&self) -> u64 {
        let mean = self.sum / u128::from(self.samples.max(1));
        u64::try_from(mean).unwrap_or(u64::MAX)
    }

    /// What [`Bucket::mean`] leaves over of the sum; less than the number of samples.
    fn rest(&self) -> u64 {
        let rest = self.sum % u128::from(self.samples.max(1));
        u64::try_from(rest).unwrap_or(0)
    }

    /// What `row` says, whose columns from `first` on are [`COLUMNS`].
    pub(super) fn read(row: &Row<'_>, first: usize) -> Result<Self> {
        let samples: u64 = amount(row, first)?;
        let mean: u64 = amount(row, first + 2)?;
        let rest: u64 = amount(row, first + 3)?;
        Ok(Self {
            samples,
            min: amount(row, first + 1)?,
            sum: u128::from(mean) * u128::from(samples) + u128::from(rest),
            max: amount(row, first + 4)?,
            last: amount(row, first + 5)?,
            inodes: amount_or_none(row, first + 6)?,
            pass: row.get(first + 7)?,
        })
    }

    /// Adds these samples to the row of `series` at `at`.
    pub(super) fn add_to(
        mut self,
        db: &Connection,
        tier: Tier,
        series: SeriesId,
        at: i64,
    ) -> Result<()> {
        let table = tier.table();
        let there = db
            .prepare_cached(&format!(
                "SELECT {COLUMNS} FROM {table} WHERE series = ?1 AND at = ?2"
            ))?
            .query_one((series, at), |row| Self::read(row, 0))
            .optional()?;
        if let Some(there) = there {
            self.merge(&there);
        }
        db.prepare_cached(&format!(
            "INSERT OR REPLACE INTO {table} (series, at, {COLUMNS})
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"
        ))?
        .execute((
            series,
            at,
            stored(self.samples),
            stored(self.min),
            stored(self.mean()),
            stored(self.rest()),
            stored(self.max),
            stored(self.last),
            self.inodes.map(stored),
            self.pass,
        ))?;
        Ok(())
    }
}

/// The columns of a bucket, in the order of [`Bucket::read`].
pub(super) const COLUMNS: &str = "samples, min, mean, rest, max, last, inodes, pass";
