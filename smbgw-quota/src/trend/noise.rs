//! What usage does beside growing: how far it strays from the line, and for how long.

use std::f64::consts::FRAC_2_PI;

use super::series::Block;
use super::{DAY, quantile};

/// Lags, in blocks, at which correlation is looked for: noise that stays may hide behind noise that
/// does not, and shows only from afar.
const LAGS: [usize; 4] = [1, 2, 4, 8];

/// Correlation at the longer lags counts from so many standard errors on (nine in ten, one-sided),
/// and persistence is taken to be so many larger than it was found.
const SURE: f64 = 1.28;

/// A first-order autoregressive model of what is left of the blocks: each is `persistence` times the
/// one before, and something new of the standard deviation `innovation`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Noise {
    /// Seconds between blocks.
    step: f64,
    /// 0: each block strays on its own; 1: what has strayed stays (a random walk).
    persistence: f64,
    /// Bytes.
    innovation: f64,
    /// The standard deviation of single samples about their block, in bytes.
    local: f64,
    /// How many standard deviations the interval has on each side.
    quantile: f64,
}

impl Noise {
    /// The noise in what the line left of the blocks, and the weekly pattern if it is `seasonal`.
    pub(super) fn of(blocks: &[Block], left: &[f64], seasonal: bool, confidence: f64) -> Self {
        let count = left.len() as f64;
        let span = match (blocks.first(), blocks.last()) {
            (Some(first), Some(last)) => last.at - first.at,
            _ => 0.0,
        };
        // A weekly pattern takes from each day what stays for a day; six days' worth is gone.
        let independent = match seasonal {
            true => (span / DAY - 6.0).clamp(1.0, count),
            false => count,
        };
        let lost = match seasonal {
            true => (1.0 - 6.0 * DAY / span).max(0.1),
            false => 1.0,
        };
        let left = without_spikes(left);
        let (persistence, lag) = persistence(&left, independent);
        let kept = persistence.powi(lag as i32);
        let squares: f64 = left
            .iter()
            .zip(left.iter().skip(lag))
            .map(|(one, later)| (later - kept * one).powi(2))
            .sum();
        // What is new after the lag is made of so many innovations.
        let innovations = match persistence < 1.0 {
            true => (1.0 - kept.powi(2)) / (1.0 - persistence.powi(2)),
            false => lag as f64,
        };
        let freedom = (count - lag as f64 - 2.0).max(1.0) * lost;
        Self {
            step: (span / (count - 1.0).max(1.0)).max(1.0),
            persistence,
            local: 0.0,
            innovation: (squares / freedom / innovations).sqrt(),
            quantile: quantile::student((1.0 + confidence) / 2.0, count - 3.0),
        }
    }

    /// The same, with single samples that stray so far from their block.
    pub(super) fn with_local(self, local: f64) -> Self {
        Self { local, ..self }
    }

    /// How far single samples stray, in bytes, from what their blocks do: a sample at its highest
    /// reaches a limit before its block does, and there are many.
    pub(super) fn peak(&self) -> f64 {
        2.0 * self.quantile * self.local
    }

    /// How many times the variance of Kendall's statistic of `count` blocks is that of independent
    /// ones (Hamed and Rao 1998), 1 at least.
    pub(super) fn inflation(&self, count: usize) -> f64 {
        let n = count as f64;
        let mut sum = 0.0;
        let mut correlation = 1.0;
        for lag in 1..count {
            correlation *= self.persistence;
            if correlation < 0.001 {
                break;
            }
            let rest = n - lag as f64;
            // The correlation of the ranks of normal values that have this correlation.
            let ranks = 3.0 * FRAC_2_PI * (correlation / 2.0).asin();
            sum += rest * (rest - 1.0) * (rest - 2.0) * ranks;
        }
        1.0 + 2.0 * sum / (n * (n - 1.0) * (n - 2.0)).max(1.0)
    }

    /// How far the slope of these blocks may be off, in bytes a second.
    ///
    /// An innovation pushes all blocks after it, by less and less. The error of the slope of least
    /// squares is the sum of what all innovations do to it; that of the median of slopes is larger,
    /// by up to a fifth for a random walk and by a little in short series, as simulation shows.
    pub(super) fn slope(&self, blocks: &[Block]) -> f64 {
        let count = blocks.len() as f64;
        let mean = blocks.iter().map(|block| block.at).sum::<f64>() / count;
        let squares: f64 = blocks.iter().map(|block| (block.at - mean).powi(2)).sum();
        let mut push = 0.0;
        let mut sum = 0.0;
        for block in blocks.iter().rev() {
            push = (block.at - mean) + self.persistence * push;
            sum += push * push;
        }
        let more = (1.0 + 0.2 * self.persistence.powi(2)) * (1.0 + 2.0 / count);
        more * self.quantile * self.innovation * sum.sqrt() / squares
    }

    /// How far usage may stray from where it is within so many seconds, in bytes.
    pub(super) fn stray(&self, seconds: f64) -> f64 {
        let steps = seconds / self.step;
        let variance = match self.persistence < 1.0 {
            // Of the difference between two moments.
            true => 2.0 * (1.0 - self.persistence.powf(steps)) / (1.0 - self.persistence.powi(2)),
            false => steps,
        };
        self.quantile * self.innovation * variance.sqrt()
    }
}

/// What is left, where blocks far from those beside them are replaced by the median of these: a
/// spike says nothing about how long anything persists.
fn without_spikes(left: &[f64]) -> Vec<f64> {
    let smooth: Vec<f64> = (0..left.len())
        .map(|index| {
            let (start, end) = (index.saturating_sub(2), (index + 3).min(left.len()));
            let mut near = [0.0; 5];
            let near = &mut near[..end - start];
            near.copy_from_slice(&left[start..end]);
            quantile::median(near).unwrap_or(0.0)
        })
        .collect();
    let off = |(value, smooth): (&f64, &f64)| (value - smooth).abs();
    let mut sizes: Vec<f64> = left.iter().zip(&smooth).map(off).collect();
    let most = 7.0 * quantile::median(&mut sizes).unwrap_or(0.0);
    left.iter()
        .zip(&smooth)
        .map(|pair| if off(pair) > most { *pair.1 } else { *pair.0 })
        .collect()
}

/// The largest persistence that a lag tells of, freed of the bias of a short series (Kendall 1954),
/// raised by its uncertainty, and 1 where it cannot be told from 1 (Perron and Yabu 2009); and the
/// lag at which innovations show best.
fn persistence(left: &[f64], independent: f64) -> (f64, usize) {
    let count = left.len() as f64;
    let mean = left.iter().sum::<f64>() / count.max(1.0);
    let scale = left
        .iter()
        .fold(0.0f64, |most, value| most.max((value - mean).abs()));
    if scale == 0.0 || !scale.is_finite() {
        return (0.0, 1);
    }
    let scaled: Vec<f64> = left.iter().map(|value| (value - mean) / scale).collect();
    let own: f64 = scaled.iter().map(|value| value * value).sum();
    let mut most = (0.0, 1);
    for lag in LAGS.into_iter().take_while(|lag| 4 * lag <= left.len()) {
        let with: f64 = scaled
            .iter()
            .zip(&scaled[lag..])
            .map(|(one, later)| one * later)
            .sum();
        let steps = lag as f64;
        let found = with / own * count / (count - steps);
        if lag > 1 && found < SURE / count.sqrt() {
            continue;
        }
        let found = found.max(0.0).powf(1.0 / steps);
        let unbiased = ((count * found + 2.0) / (count - 4.0).max(1.0)).min(1.0);
        let raised = unbiased + SURE * ((1.0 - unbiased * unbiased) / independent).sqrt();
        if raised > most.0 {
            most = (raised, lag);
        }
    }
    if most.0 <= 1.0 - 1.0 / independent.sqrt() {
        return most;
    }
    // The medians of blocks of a random walk differ by less than the walk; from afar, by as much.
    let longest = LAGS.into_iter().rev().find(|lag| 6 * lag <= left.len());
    (1.0, longest.unwrap_or(1))
}
