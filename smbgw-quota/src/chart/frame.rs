//! Which times and amounts a chart shows, and the data as it needs them.

use super::{ChartData, ChartPoint};

/// The years 1 to 9999, in seconds since 1970: clocks that say anything else are wrong.
const TIMES: (i64, i64) = (-62_135_596_800, 253_402_300_799);
const DAY: f64 = 86_400.0;

/// How many times the largest usage a limit may be for the chart to reach up to it.
const FAR: f64 = 10.0;

/// The usage of one column of a chart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Column {
    /// The middle of its time, in seconds since 1970.
    pub(super) at: f64,
    pub(super) min: f64,
    pub(super) mean: f64,
    pub(super) max: f64,
    /// Whether nothing is known of the time before.
    pub(super) after_gap: bool,
}

/// A limit from one moment to another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Step {
    pub(super) from: f64,
    pub(super) to: f64,
    pub(super) bytes: f64,
}

/// The times and amounts shown: from the left to the right, from the bottom to the top.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    pub(super) left: f64,
    pub(super) right: f64,
    /// Bytes at the top; at the bottom are 0.
    pub(super) top: f64,
    pub(super) limits: Vec<Step>,
    /// The last limit, where it is far above all usage and so not shown.
    pub(super) above: Option<u64>,
    points: Vec<ChartPoint>,
}

impl Frame {
    pub(super) fn of(data: &ChartData) -> Self {
        let mut points = data.points.clone();
        for point in &mut points {
            point.at = point.at.clamp(TIMES.0, TIMES.1);
            point.seconds = point.seconds.min((TIMES.1 - point.at) as u64);
        }
        points.sort_by_key(|point| point.at);

        let now = time(data.now);
        let mut left = points
            .first()
            .map_or(now - 7.0 * DAY, |point| point.at as f64);
        let mut right = points.iter().map(end).fold(now.max(left), f64::max);
        right = data
            .forecast
            .iter()
            .map(|then| time(then.at))
            .fold(right, f64::max);
        if right - left < 60.0 {
            (left, right) = (left - DAY / 2.0, right + DAY / 2.0);
        }

        let used = points
            .iter()
            .map(|point| point.max.max(point.mean) as f64)
            .fold(0.0, f64::max);
        let expected = data
            .forecast
            .iter()
            .map(|then| amount(then.mean))
            .fold(used, f64::max);
        let last = points.iter().rev().find_map(|point| point.limit);
        let limit = points
            .iter()
            .filter_map(|point| point.limit)
            .max()
            .map_or(0.0, |most| most as f64);
        let shown = limit <= FAR * used || used == 0.0;
        // A forecast may go on above the limit, but where that is does not matter.
        let mut top = match shown && limit > 0.0 {
            true => limit.max(used).max(expected.min(1.15 * limit)),
            false => used.max(expected.min(3.0 * used)),
        };
        let high = data
            .forecast
            .iter()
            .map(|then| amount(then.high))
            .fold(top, f64::max);
        top = high.min(1.1 * top).max(1.0) * 1.06;
        Self {
            left,
            right,
            top,
            limits: if shown {
                limits(&points, right)
            } else {
                Vec::new()
            },
            above: if shown { None } else { last },
            points,
        }
    }

    /// The usage, in as many columns as there are points, or in `most`.
    pub(super) fn columns(&self, most: usize) -> Vec<Column> {
        let width = (self.right - self.left) / most.max(1) as f64;
        let number = |point: &ChartPoint| ((middle(point) - self.left) / width).floor();
        let mut columns: Vec<Column> = Vec::new();
        let mut until = f64::INFINITY;
        let alone = self.points.len() <= most;
        let all: Vec<&[ChartPoint]> = match alone {
            true => self.points.chunks(1).collect(),
            false => self
                .points
                .chunk_by(|one, next| number(one) == number(next))
                .collect(),
        };
        let usual = self.usual_pause();
        for chunk in all {
            let (Some(first), Some(last)) = (chunk.first(), chunk.last()) else {
                continue;
            };
            let mean =
                chunk.iter().map(|point| point.mean as f64).sum::<f64>() / chunk.len() as f64;
            let least = |least: f64, point: &ChartPoint| least.min(point.min as f64);
            let most = |most: f64, point: &ChartPoint| most.max(point.max as f64);
            columns.push(Column {
                at: (middle(first) + middle(last)) / 2.0,
                min: chunk.iter().fold(mean, least),
                mean,
                max: chunk.iter().fold(mean, most),
                after_gap: first.at as f64 - until > 3.0 * usual,
            });
            until = end(last);
        }
        // Times that overlap may have their middles in another order.
        columns.sort_by(|one, other| one.at.total_cmp(&other.at));
        columns
    }

    /// The median time between the beginnings of points.
    fn usual_pause(&self) -> f64 {
        let mut pauses: Vec<i64> = self
            .points
            .windows(2)
            .map(|pair| pair[1].at - pair[0].at)
            .collect();
        pauses.sort_unstable();
        pauses
            .get(pauses.len() / 2)
            .map_or(0.0, |pause| *pause as f64)
    }

    /// Where a moment is between the left (0) and the right (1).
    pub(super) fn across(&self, at: f64) -> f64 {
        ((at - self.left) / (self.right - self.left)).clamp(0.0, 1.0)
    }

    /// Where an amount is between the bottom (0) and the top (1).
    pub(super) fn up(&self, bytes: f64) -> f64 {
        (amount(bytes) / self.top).clamp(0.0, 1.0)
    }
}

/// A moment, as a number a chart can hold.
pub(super) fn time(at: i64) -> f64 {
    at.clamp(TIMES.0, TIMES.1) as f64
}

fn amount(bytes: f64) -> f64 {
    if bytes.is_nan() {
        0.0
    } else {
        bytes.clamp(0.0, 2.0 * u64::MAX as f64)
    }
}

fn end(point: &ChartPoint) -> f64 {
    point.at as f64 + point.seconds as f64
}

fn middle(point: &ChartPoint) -> f64 {
    point.at as f64 + point.seconds as f64 / 2.0
}

/// The limits, each from the first point that has it to the first that has another; the last one
/// goes on.
fn limits(points: &[ChartPoint], right: f64) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let chunks: Vec<&[ChartPoint]> = points
        .chunk_by(|one, next| one.limit == next.limit)
        .collect();
    for (index, chunk) in chunks.iter().enumerate() {
        let next = chunks.get(index + 1).and_then(|next| next.first());
        if let (Some(first), Some(limit)) =
            (chunk.first(), chunk.first().and_then(|first| first.limit))
        {
            steps.push(Step {
                from: first.at as f64,
                to: next.map_or(right, |next| next.at as f64),
                bytes: limit as f64,
            });
        }
    }
    steps
}
