//! Where much came or went at once, and a new series begins.

use super::{Point, quantile, seconds};

/// A step is out of the ordinary where it is so many times the usual one.
const UNUSUAL: f64 = 8.0;
/// The part of what was there that must go at once.
const GONE: f64 = 0.1;
/// The part of what was there that must come at once.
const CAME: f64 = 0.25;
/// What happened three times is how a share lives, unless it was so many times the third largest.
const BEYOND: f64 = 3.0;
/// Seconds within which unusual steps in one direction are one move.
const TOGETHER: f64 = 3600.0;
/// Seconds before and after a move in which it must show, or it was a spike.
const BESIDE: f64 = 12.0 * 3600.0;

/// Unusual steps in one direction, one after the other: from the sample `from` to the sample `to`.
struct Move {
    from: usize,
    to: usize,
    /// Bytes.
    size: f64,
}

/// The index of the first sample after the last reset, if there was one.
pub(super) fn last(series: &[Point]) -> Option<usize> {
    let moves = moves(series);
    let third = |up: bool| {
        let mut sizes: Vec<f64> = moves
            .iter()
            .filter(|one| (one.size > 0.0) == up)
            .map(|one| one.size.abs())
            .collect();
        sizes.sort_by(|one, other| other.total_cmp(one));
        sizes.get(2).copied().unwrap_or(0.0)
    };
    let (third_up, third_down) = (third(true), third(false));
    moves
        .iter()
        .rev()
        .find(|one| {
            let (third, part) = match one.size > 0.0 {
                true => (third_up, CAME),
                false => (third_down, GONE),
            };
            one.size.abs() > BEYOND * third && shows(series, one, part)
        })
        .map(|one| one.to)
}

fn moves(series: &[Point]) -> Vec<Move> {
    let steps: Vec<(f64, f64)> = series
        .windows(2)
        .map(|pair| {
            let bytes = pair[1].bytes as f64 - pair[0].bytes as f64;
            (bytes, seconds(pair[0].at, pair[1].at))
        })
        .collect();
    let mut rates: Vec<f64> = steps.iter().map(|(bytes, time)| bytes / time).collect();
    let mut times: Vec<f64> = steps.iter().map(|(_, time)| *time).collect();
    let (Some(rate), Some(time)) = (quantile::median(&mut rates), quantile::median(&mut times))
    else {
        return Vec::new();
    };
    // A step over a gap may be as much longer as a random walk would make it.
    let unusual = |step: &(f64, f64)| (step.0 - rate * step.1) / (step.1 / time).max(1.0).sqrt();
    let mut sizes: Vec<f64> = steps.iter().map(|step| unusual(step).abs()).collect();
    let most = UNUSUAL * 1.4826 * quantile::median(&mut sizes).unwrap_or(0.0);

    let mut moves: Vec<Move> = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        let off = unusual(step);
        if off.abs() <= most {
            continue;
        }
        match moves.last_mut() {
            Some(last)
                if (last.size > 0.0) == (off > 0.0)
                    && seconds(series[last.to].at, series[index].at) <= TOGETHER =>
            {
                last.to = index + 1;
                last.size = series[index + 1].bytes as f64 - series[last.from].bytes as f64;
            }
            _ => moves.push(Move {
                from: index,
                to: index + 1,
                size: step.0,
            }),
        }
    }
    moves
}

/// Whether the usage in the hours after differs from that before by most of the move, and by the
/// given part of what was there.
fn shows(series: &[Point], one: &Move, part: f64) -> bool {
    let (from, to) = (series[one.from].at, series[one.to].at);
    let before = series[..=one.from]
        .iter()
        .rev()
        .take_while(|point| seconds(point.at, from) <= BESIDE);
    let after = series[one.to..]
        .iter()
        .take_while(|point| seconds(to, point.at) <= BESIDE);
    let (Some(before), Some(after)) = (level(before), level(after)) else {
        return false;
    };
    let change = after - before;
    change * one.size > 0.0 && change.abs() > one.size.abs() / 2.0 && change.abs() >= part * before
}

fn level<'a>(points: impl Iterator<Item = &'a Point>) -> Option<f64> {
    let mut bytes: Vec<f64> = points.map(|point| point.bytes as f64).collect();
    quantile::median(&mut bytes)
}
