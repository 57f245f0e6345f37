//! Medians, and quantiles of the two distributions that intervals need.

/// The median; reorders the values. `None` of nothing.
pub(super) fn median(values: &mut [f64]) -> Option<f64> {
    if values.is_empty() {
        return None;
    }
    let half = values.len() / 2;
    let even = values.len().is_multiple_of(2);
    let (before, upper, _) = values.select_nth_unstable_by(half, f64::total_cmp);
    let upper = *upper;
    if !even {
        return Some(upper);
    }
    let lower = before.iter().copied().max_by(f64::total_cmp)?;
    Some(lower + (upper - lower) / 2.0)
}

/// The `p` quantile of the standard normal distribution for 0.5 ≤ p < 1: Abramowitz and Stegun,
/// Handbook of Mathematical Functions, 26.2.23, off by less than 0.00045.
pub(super) fn normal(p: f64) -> f64 {
    let t = (-2.0 * (1.0 - p).ln()).sqrt();
    t - (2.515517 + t * (0.802853 + t * 0.010328))
        / (1.0 + t * (1.432788 + t * (0.189269 + t * 0.001308)))
}

/// The `p` quantile of Student's distribution with `freedom` degrees of freedom, 3 at least: the
/// same, 26.7.5.
pub(super) fn student(p: f64, freedom: f64) -> f64 {
    let z = normal(p);
    let n = freedom.max(3.0);
    let z2 = z * z;
    let first = z * (z2 + 1.0) / 4.0;
    let second = z * ((5.0 * z2 + 16.0) * z2 + 3.0) / 96.0;
    let third = z * (((3.0 * z2 + 19.0) * z2 + 17.0) * z2 - 15.0) / 384.0;
    z + (first + (second + third / n) / n) / n
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_in_the_middle() {
        assert_eq!(median(&mut []), None);
        assert_eq!(median(&mut [3.0]), Some(3.0));
        assert_eq!(median(&mut [3.0, 1.0]), Some(2.0));
        assert_eq!(median(&mut [9.0, 1.0, 4.0]), Some(4.0));
        assert_eq!(median(&mut [9.0, 1.0, 4.0, 2.0]), Some(3.0));
    }

    #[test]
    fn quantiles_are_those_of_the_tables() {
        for (p, z) in [(0.75, 0.6745), (0.95, 1.6449), (0.995, 2.5758)] {
            assert!((normal(p) - z).abs() < 0.001, "{p}: {}", normal(p));
        }
        for (p, freedom, t) in [(0.95, 3.0, 2.353), (0.95, 10.0, 1.812), (0.975, 5.0, 2.571)] {
            let found = student(p, freedom);
            assert!((found - t).abs() < 0.02, "{p} {freedom}: {found}");
        }
    }
}
