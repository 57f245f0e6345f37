//! The samples that count, in order, and blocks of them.

use super::{Options, Point, quantile, seconds};

/// At most so many blocks: their slopes in pairs are what a trend costs.
const BLOCKS: u64 = 120;

/// So many samples need no blocks.
const FEW: usize = 200;

/// Lengths of blocks in seconds: those that divide a day, so that a weekly pattern can be told from
/// them, and then whole weeks, which have none.
const LENGTHS: [u64; 15] = [
    60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 14_400, 21_600, 28_800, 43_200, 86_400, WEEK,
];
const WEEK: u64 = 604_800;

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

/// The series in blocks of so many seconds that end at `now`; and how far samples are from the
/// median of their block, as the standard deviation in bytes.
///
/// The median of a block makes short peaks vanish, and blocks follow each other less closely than
/// samples do.
pub(super) fn blocks(series: &[Point], now: i64, base: u64, length: u64) -> (Vec<Block>, f64) {
    let number = |point: &Point| now.abs_diff(point.at) / length;
    let mut bytes = Vec::new();
    let mut far = Vec::with_capacity(series.len());
    let blocks = series
        .chunk_by(|one, next| number(one) == number(next))
        .map(|chunk| {
            bytes.clear();
            bytes.extend(chunk.iter().map(|point| (point.bytes - base) as f64));
            let middle = quantile::median(&mut bytes).unwrap_or(0.0);
            far.extend(bytes.iter().map(|bytes| (bytes - middle).abs()));
            let half = chunk.len() / 2;
            let (before, after) = (chunk[(chunk.len() - 1) / 2].at, chunk[half].at);
            Block {
                at: -(seconds(before, now) + seconds(after, now)) / 2.0,
                bytes: middle,
            }
        })
        .collect();
    (blocks, 1.4826 * quantile::median(&mut far).unwrap_or(0.0))
}

/// The shortest length that needs no more than [`BLOCKS`] blocks and gives each three samples: of
/// two, one that is far off would do for the median to be. One second, and so each sample by
/// itself, where there are few.
pub(super) fn length(series: &[Point], now: i64) -> u64 {
    if series.len() <= FEW {
        return 1;
    }
    let all = series.first().map_or(0, |first| now.abs_diff(first.at)) / (BLOCKS - 1);
    // Two and a half, so that three fit in whatever the last digit is.
    let three = span(series) / (series.len() as u64 - 1) * 5 / 2;
    let least = all.max(three);
    let length = LENGTHS.into_iter().find(|length| *length >= least);
    length.unwrap_or_else(|| least.div_ceil(WEEK).saturating_mul(WEEK))
}
