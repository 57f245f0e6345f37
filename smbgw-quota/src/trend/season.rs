//! What repeats every week.

use super::series::Block;
use super::{DAY, quantile, slope};

/// The least time, in seconds, in which a week can be told from chance.
const LEAST: f64 = 21.0 * DAY;

/// Days of a week are only taken for different where they explain so much of what the line leaves.
const EXPLAINED: f64 = 0.3;

/// What each day of a week has more or less than the line.
pub(super) struct Week([f64; 7]);

impl Week {
    /// The blocks without it.
    pub(super) fn without(&self, blocks: &[Block]) -> Vec<Block> {
        blocks
            .iter()
            .map(|block| Block {
                bytes: block.bytes - self.0[day(block)],
                ..*block
            })
            .collect()
    }
}

/// The weekly pattern of the blocks, where they cover three weeks and have one.
///
/// Each day of the week (counted from now) has its median offset from the line; the offsets sum to
/// zero, so that they do not change the level.
pub(super) fn weekly(blocks: &[Block], slope: f64, span: u64) -> Option<Week> {
    if (span as f64) < LEAST {
        return None;
    }
    let left = slope::residuals(blocks, slope);
    let mut days: [Vec<f64>; 7] = Default::default();
    for (block, left) in blocks.iter().zip(&left) {
        days[day(block)].push(*left);
    }
    let mut offsets = [0.0; 7];
    for (offset, values) in offsets.iter_mut().zip(&mut days) {
        if values.len() < 3 {
            return None;
        }
        *offset = quantile::median(values)?;
    }
    let mean = offsets.iter().sum::<f64>() / 7.0;
    let week = Week(offsets.map(|offset| offset - mean));
    let size = |left: &[f64]| left.iter().map(|value| value.abs()).sum::<f64>();
    let remaining = size(&slope::residuals(&week.without(blocks), slope));
    (remaining < (1.0 - EXPLAINED) * size(&left)).then_some(week)
}

fn day(block: &Block) -> usize {
    ((-block.at / DAY).floor() % 7.0) as usize
}
