//! Samples that are far off, and alone with it.

use super::{Point, quantile, seconds};

/// Far off is so many standard deviations, which the median of the distances tells (Hampel 1985;
/// Iglewicz and Hoaglin 1993).
const FAR: f64 = 3.5;

/// So many samples around each tell what is usual there: of fewer, more than half may happen to be
/// far off.
const AROUND: usize = 37;

/// The samples without those that are far both from the line of this slope and from the samples
/// around them.
///
/// Far from the line alone is no outlier: bursts and noise that stays take usage there for a time.
pub(super) fn without(series: &[Point], slope: f64, now: i64, base: u64) -> Vec<Point> {
    let mut left: Vec<f64> = series
        .iter()
        .map(|point| (point.bytes - base) as f64 + slope * seconds(point.at, now))
        .collect();
    let middle = quantile::median(&mut left.clone()).unwrap_or(0.0);
    left.iter_mut().for_each(|left| *left -= middle);
    let most = far(&left);
    if left.iter().all(|left| left.abs() <= most) {
        return series.to_vec();
    }
    let around = around(&left);
    let most_around = far(&around);
    let near = |(left, around): (&f64, &f64)| left.abs() <= most || around.abs() <= most_around;
    series
        .iter()
        .zip(left.iter().zip(&around))
        .filter_map(|(point, pair)| near(pair).then_some(*point))
        .collect()
}

/// How much is the most that is not far from zero; infinite where half of them are zero.
fn far(values: &[f64]) -> f64 {
    let mut sizes: Vec<f64> = values.iter().map(|value| value.abs()).collect();
    match quantile::median(&mut sizes) {
        Some(half) if half > 0.0 => FAR * 1.4826 * half,
        _ => f64::INFINITY,
    }
}

/// How far values are from the median of those around them. At the ends, which move a slope the
/// most, these are as many as elsewhere.
fn around(left: &[f64]) -> Vec<f64> {
    let count = AROUND.min(left.len());
    let mut near = left[..count].to_vec();
    near.sort_unstable_by(f64::total_cmp);
    let mut start = 0;
    left.iter()
        .enumerate()
        .map(|(index, value)| {
            if index > start + count / 2 && start + count < left.len() {
                replace(&mut near, left[start], left[start + count]);
                start += 1;
            }
            value - near[count / 2]
        })
        .collect()
}

/// Puts a value in the place of another among sorted ones.
fn replace(sorted: &mut [f64], old: f64, new: f64) {
    // To count is faster than to search, as nothing has to be guessed.
    let below = |limit: f64| sorted.iter().filter(|value| **value < limit).count();
    let (from, to) = (below(old), below(new));
    if to > from {
        sorted.copy_within(from + 1..to, from);
        sorted[to - 1] = new;
    } else {
        sorted.copy_within(to..from, to + 1);
        sorted[to] = new;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hourly samples; a value that looks random in place of noise.
    fn hourly(bytes: impl Fn(u64) -> u64) -> Vec<Point> {
        (0..120)
            .map(|hour| Point {
                at: hour as i64 * 3600,
                bytes: 1000 + bytes(hour) + hour * 7919 % 13,
            })
            .collect()
    }

    fn hours_left_out(series: &[Point]) -> Vec<i64> {
        let kept = without(series, 0.0, 119 * 3600, 0);
        let gone = series.iter().filter(|point| !kept.contains(point));
        gone.map(|point| point.at / 3600).collect()
    }

    #[test]
    fn what_is_far_off_is_left_out() {
        let spikes = hourly(|hour| if hour % 40 == 0 { 100 } else { 0 });
        assert_eq!(hours_left_out(&spikes), [0, 40, 80]);
        let lows = hourly(|hour| if (117..).contains(&hour) { 0 } else { 500 });
        assert_eq!(hours_left_out(&lows), [117, 118, 119]);
    }

    #[test]
    fn what_stays_is_not_left_out() {
        assert!(hours_left_out(&hourly(|_| 0)).is_empty());
        let days = hourly(|hour| if (40..70).contains(&hour) { 500 } else { 0 });
        assert!(hours_left_out(&days).is_empty());
        let same = vec![Point { at: 0, bytes: 5 }; 3];
        assert_eq!(without(&same, 0.0, 0, 5), same);
    }

    #[test]
    fn a_running_median_is_the_median_of_each() {
        let values: Vec<f64> = (0..100).map(|index| f64::from(index * 37 % 50)).collect();
        for (index, off) in around(&values).into_iter().enumerate() {
            let start = index.saturating_sub(AROUND / 2).min(values.len() - AROUND);
            let mut near = values[start..start + AROUND].to_vec();
            let middle = quantile::median(&mut near).unwrap_or(0.0);
            assert_eq!(off, values[index] - middle, "{index}");
        }
    }
}
