//! What is remembered of a share at one moment.

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Error, Result, Row};
use serde::{Deserialize, Serialize};

use crate::Usage;

/// The usage of a share, and what it may hold, at one moment.
///
/// Amounts above 2⁶³ − 1 are kept as that: SQLite has no larger integers, and no file system such
/// usage (a counter below zero looks like one).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// Bytes that count against the limit.
    pub bytes: u64,
    /// Files and directories that count against the limit, where they are counted.
    pub inodes: Option<u64>,
    /// What may be held.
    pub limit: Allowance,
    /// How it came to be seen.
    pub source: Source,
}

impl Sample {
    /// The sample of `usage`, with its hard limits.
    pub fn of(usage: &Usage, source: Source) -> Self {
        Self {
            bytes: usage.bytes,
            inodes: usage.inodes,
            limit: Allowance {
                bytes: usage.limits.bytes,
                inodes: usage.limits.inodes,
            },
            source,
        }
    }
}

/// What a share may hold. `None` is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Allowance {
    /// Bytes.
    pub bytes: Option<u64>,
    /// Files and directories.
    pub inodes: Option<u64>,
}

impl Allowance {
    /// The same as it is read back, with amounts that SQLite can keep.
    pub(super) fn storable(self) -> Self {
        let most = i64::MAX as u64;
        Self {
            bytes: self.bytes.map(|bytes| bytes.min(most)),
            inodes: self.inodes.map(|inodes| inodes.min(most)),
        }
    }
}

/// How a sample came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// A regular pass over all shares.
    Poll,
    /// The kernel announced that a limit was crossed.
    Event,
}

impl ToSql for Source {
    fn to_sql(&self) -> Result<ToSqlOutput<'_>> {
        // 0 and 1 take no space in a row.
        Ok(match self {
            Self::Poll => 0,
            Self::Event => 1,
        }
        .into())
    }
}

impl FromSql for Source {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value.as_i64()? {
            0 => Ok(Self::Poll),
            1 => Ok(Self::Event),
            other => Err(FromSqlError::OutOfRange(other)),
        }
    }
}

/// The amount in a column of `row`.
pub(super) fn amount(row: &Row<'_>, column: usize) -> Result<u64> {
    Ok(amount_or_none(row, column)?.unwrap_or(0))
}

/// The amount in a column of `row` that may be empty.
pub(super) fn amount_or_none(row: &Row<'_>, column: usize) -> Result<Option<u64>> {
    row.get::<_, Option<i64>>(column)?
        .map(|value| {
            u64::try_from(value).map_err(|_| Error::IntegralValueOutOfRange(column, value))
        })
        .transpose()
}

/// An amount as SQLite keeps it.
pub(super) fn stored(amount: u64) -> i64 {
    i64::try_from(amount).unwrap_or(i64::MAX)
}
