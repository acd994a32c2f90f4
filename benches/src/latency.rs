//! Latencies of single exchanges, all of them kept.

use std::time::Duration;

/// Each exchange's time. Four bytes each: a long run has a few millions.
#[derive(Debug, Default, Clone)]
pub struct Latencies {
    nanoseconds: Vec<u32>,
}

impl Latencies {
    /// Anything above four seconds counts as four.
    pub fn push(&mut self, latency: Duration) {
        self.nanoseconds.push(u32::try_from(latency.as_nanos()).unwrap_or(u32::MAX));
    }

    pub fn append(&mut self, mut other: Self) {
        self.nanoseconds.append(&mut other.nanoseconds);
    }

    pub fn len(&self) -> usize {
        self.nanoseconds.len()
    }

    pub fn is_empty(&self) -> bool {
        self.nanoseconds.is_empty()
    }

    /// The smallest latency, in microseconds, that `share` (0 to 1) of all do not exceed.
    ///
    /// Not a number when there are none.
    pub fn quantile(&mut self, share: f64) -> f64 {
        let count = self.nanoseconds.len();
        if count == 0 {
            return f64::NAN;
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "between one and the count"
        )]
        let rank = ((share * count as f64).ceil() as usize).clamp(1, count);
        let (_, nanoseconds, _) = self.nanoseconds.select_nth_unstable(rank - 1);
        f64::from(*nanoseconds) / 1_000.0
    }
}

/// The middle of `values`; between the two middle ones when their number is even.
///
/// Not a number when there are none.
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        count if count % 2 == 1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(microseconds: &[u64], share: f64, expected: f64) {
        let mut latencies = Latencies::default();
        for value in microseconds {
            latencies.push(Duration::from_micros(*value));
        }
        let seen = latencies.quantile(share);
        assert!((seen - expected).abs() < 1e-9, "{share} of {microseconds:?} is {seen}");
    }

    #[test]
    fn a_quantile_is_one_of_the_latencies() {
        let hundred: Vec<u64> = (1..=100).rev().collect();
        check(&hundred, 0.5, 50.0);
        check(&hundred, 0.99, 99.0);
        check(&hundred, 1.0, 100.0);
        check(&[7], 0.99, 7.0);
        assert!(Latencies::default().quantile(0.5).is_nan());
    }

    #[test]
    fn a_median_does_not_mind_the_order() {
        assert!((median([3.0, 1.0, 2.0]) - 2.0).abs() < 1e-9);
        assert!((median([4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < 1e-9);
        assert!(median([]).is_nan());
    }
}
