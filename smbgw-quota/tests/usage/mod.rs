//! Usage as shares have it, made from a seed: the same seed makes the same usage.
#![allow(dead_code)] // Each user needs a part.

use smbgw_quota::trend::Point;

pub(crate) const HOUR: i64 = 3600;
pub(crate) const GIB: f64 = (1u64 << 30) as f64;

/// SplitMix64 (Steele, Lea and Flood 2014).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// From 0 on and below 1.
    pub(crate) fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((bits ^ (bits >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    pub(crate) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.uniform()
    }

    pub(crate) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }

    pub(crate) fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.uniform()).ln()
    }
}

/// Noise of which each value is `kept` times the one before and something new.
pub(crate) fn autoregressive(random: &mut Random, count: usize, kept: f64, new: f64) -> Vec<f64> {
    let mut value = match kept < 1.0 {
        true => random.normal() * new / (1.0 - kept * kept).sqrt(),
        false => 0.0,
    };
    (0..count)
        .map(|_| {
            value = kept * value + new * random.normal();
            value
        })
        .collect()
}

/// What comes each hour in an office: something in each hour of work, nothing at night and at the
/// weekend. `rate` bytes an hour over the week.
pub(crate) fn office(random: &mut Random, count: usize, rate: f64) -> Vec<f64> {
    let begin = random.between(0.0, 168.0) as usize;
    gathered((begin..begin + count).map(|hour| {
        let works = hour / 24 % 7 < 5 && (8..18).contains(&(hour % 24));
        let more = rate * 168.0 / 50.0 * (1.0 + 0.8 * random.normal());
        if works { more } else { 0.0 }
    }))
}

/// Something large now and then, every `pause` hours on average. `rate` bytes an hour.
pub(crate) fn bursts(random: &mut Random, count: usize, rate: f64, pause: f64) -> Vec<f64> {
    gathered((0..count).map(|_| match random.uniform() < 1.0 / pause {
        true => random.exponential(rate * pause),
        false => 0.0,
    }))
}

fn gathered(hours: impl Iterator<Item = f64>) -> Vec<f64> {
    hours
        .scan(0.0, |sum, more| {
            *sum += more;
            Some(*sum)
        })
        .collect()
}

/// Hourly points from the epoch on.
pub(crate) fn hourly(bytes: impl IntoIterator<Item = f64>) -> Vec<Point> {
    (0..)
        .zip(bytes)
        .map(|(hour, bytes)| Point {
            at: hour * HOUR,
            bytes: bytes.max(0.0) as u64,
        })
        .collect()
}
