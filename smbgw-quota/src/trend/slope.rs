//! The median of the slopes between all blocks, and its interval.

use super::noise::Noise;
use super::quantile;
use super::series::Block;

/// The slopes between all pairs of blocks, in bytes a second.
pub(super) struct Slopes(Vec<f64>);

impl Slopes {
    pub(super) fn between(blocks: &[Block]) -> Self {
        let mut slopes = Vec::with_capacity(blocks.len() * blocks.len().saturating_sub(1) / 2);
        for (index, earlier) in blocks.iter().enumerate() {
            slopes.extend(blocks[index + 1..].iter().filter_map(|later| {
                let time = later.at - earlier.at;
                (time > 0.0).then(|| (later.bytes - earlier.bytes) / time)
            }));
        }
        Self(slopes)
    }

    /// Theil 1950, Sen 1968.
    pub(super) fn median(&mut self) -> f64 {
        quantile::median(&mut self.0).unwrap_or(0.0)
    }

    /// The slopes that are as many places below and above the middle as Kendall's statistic may be
    /// off by chance (Sen 1968), where its variance is that for noise which persists (Hamed and
    /// Rao 1998).
    pub(super) fn interval(&mut self, blocks: usize, noise: &Noise, confidence: f64) -> (f64, f64) {
        let n = blocks as f64;
        let variance = n * (n - 1.0) * (2.0 * n + 5.0) / 18.0;
        let more = noise.inflation(blocks);
        let quantile = quantile::student((1.0 + confidence) / 2.0, n / more - 2.0);
        let width = quantile * (variance * more).sqrt();
        let pairs = self.0.len() as f64;
        let below = ((pairs - width) / 2.0).floor().max(1.0) as usize - 1;
        let above = ((pairs + width) / 2.0).ceil() as usize;
        (self.nth(below), self.nth(above))
    }

    fn nth(&mut self, nth: usize) -> f64 {
        let Some(last) = self.0.len().checked_sub(1) else {
            return 0.0;
        };
        *self
            .0
            .select_nth_unstable_by(nth.min(last), f64::total_cmp)
            .1
    }
}

/// The bytes now of the line with this slope, as the median of the blocks has it.
pub(super) fn intercept(blocks: &[Block], slope: f64) -> f64 {
    let mut left: Vec<f64> = blocks
        .iter()
        .map(|block| block.bytes - slope * block.at)
        .collect();
    quantile::median(&mut left).unwrap_or(0.0)
}

/// What the line leaves of each block.
pub(super) fn residuals(blocks: &[Block], slope: f64) -> Vec<f64> {
    let start = intercept(blocks, slope);
    blocks
        .iter()
        .map(|block| block.bytes - slope * block.at - start)
        .collect()
}
