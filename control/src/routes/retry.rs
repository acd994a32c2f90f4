//! How long to leave an edge alone after it failed. Pure.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(250);

/// An edge that comes back is noticed within this time, local changes or not.
const LONGEST: Duration = Duration::from_secs(5);

/// After `retries` that failed; `random` spreads callers over the last quarter of the delay.
pub fn delay(retries: u32, random: u8) -> Duration {
    let doublings = retries.min(16);
    let delay = FIRST.saturating_mul(1 << doublings).min(LONGEST);
    delay - delay.mul_f64(f64::from(random) / 255.0 / 4.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_longest() {
        let check = |retries, random, expected: u64| {
            assert_eq!(delay(retries, random), Duration::from_millis(expected), "{retries}");
        };
        check(0, 0, 250);
        check(1, 0, 500);
        check(5, 0, 5_000);
        check(u32::MAX, 0, 5_000);
        check(5, 255, 3_750);
    }
}
