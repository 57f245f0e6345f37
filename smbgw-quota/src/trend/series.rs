//! The samples that count, in order, and blocks of them.

use super::{DAY, Options, Point, quantile, seconds};

/// At most so many blocks: their slopes in pairs are what a trend costs.
const BLOCKS: f64 = 120.0;

/// So many samples need no blocks.
const FEW: usize = 200;

/// Lengths of blocks in seconds: those that divide a day, so that a weekly pattern can be told from
/// them, and then whole weeks, which have none.
const LENGTHS: [f64; 15] = [
    60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0, 10_800.0, 14_400.0, 21_600.0,
    28_800.0, 43_200.0, 86_400.0, 604_800.0,
];

/// The samples of a stretch of time, as one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Block {
    /// The median of the times, in seconds after now; so at most 0.
    pub(super) at: f64,
    /// The median of the bytes, less those of the whole series' smallest sample.
    pub(super) bytes: f64,
}

/// The points of the window, by time, one for each moment.
pub(super) fn series(points: &[Point], now: i64, options: &Options) -> Vec<Point> {
    let window = i64::try_from(options.window).unwrap_or(i64::MAX);
    let start = now.saturating_sub(window);
    let start = options.not_before.map_or(start, |given| given.max(start));
    let mut series: Vec<Point> = points
        .iter()
        .filter(|point| (start..=now).contains(&point.at))
        .copied()
        .collect();
    series.sort_by_key(|point| point.at);
    series.dedup_by(|later, earlier| {
        let same = later.at == earlier.at;
        if same {
            *earlier = *later;
        }
        same
    });
    series
}

/// Seconds from the first to the last.
pub(super) fn span(series: &[Point]) -> u64 {
    match (series.first(), series.last()) {
        (Some(first), Some(last)) => last.at.abs_diff(first.at),
        _ => 0,
    }
}

/// The series in blocks of equal length that end at `now`; in samples alone where they are few.
///
/// The median of a block makes short peaks vanish, and blocks follow each other less closely than
/// samples do.
pub(super) fn blocks(series: &[Point], now: i64, base: u64) -> Vec<Block> {
    let length = length(series, now);
    let number = |point: &Point| match length {
        Some(length) => (seconds(point.at, now) / length).floor(),
        None => seconds(point.at, now),
    };
    let mut bytes = Vec::new();
    series
        .chunk_by(|one, next| number(one) == number(next))
        .map(|chunk| {
            bytes.clear();
            bytes.extend(chunk.iter().map(|point| (point.bytes - base) as f64));
            let half = chunk.len() / 2;
            let (before, after) = (chunk[(chunk.len() - 1) / 2].at, chunk[half].at);
            Block {
                at: -(seconds(before, now) + seconds(after, now)) / 2.0,
                bytes: quantile::median(&mut bytes).unwrap_or(0.0),
            }
        })
        .collect()
}

/// The shortest length that needs no more than [`BLOCKS`] blocks and gives each three samples: of
/// two, one that is far off would do for the median to be.
fn length(series: &[Point], now: i64) -> Option<f64> {
    let first = series.first()?;
    if series.len() <= FEW {
        return None;
    }
    let all = seconds(first.at, now) / (BLOCKS - 1.0);
    let three = 2.5 * span(series) as f64 / (series.len() as f64 - 1.0);
    let least = all.max(three);
    let length = LENGTHS.into_iter().find(|length| *length >= least);
    Some(length.unwrap_or_else(|| (least / (7.0 * DAY)).ceil() * 7.0 * DAY))
}
