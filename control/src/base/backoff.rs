//! How long a task is left alone after an attempt failed. Pure.

use std::time::Duration;

/// A vendor that is back is noticed within this time.
const LONGEST: Duration = Duration::from_secs(300);

/// After `failures` (at least one) in a row; `random` spreads tasks that failed
/// together over the last quarter of the delay.
pub fn delay(first: Duration, failures: u32, random: u8) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    let delay = first.saturating_mul(1 << doublings).min(LONGEST);
    delay - quarter(delay, random)
}

/// At least `after`, and up to a quarter more: those who wait for the same thing
/// must not all come at once.
pub fn spread(after: Duration, random: u8) -> Duration {
    after.saturating_add(quarter(after, random))
}

fn quarter(of: Duration, random: u8) -> Duration {
    of.mul_f64(f64::from(random) / 255.0 / 4.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_longest() {
        let check = |failures, random, expected: u64| {
            let first = Duration::from_secs(1);
            assert_eq!(delay(first, failures, random), Duration::from_millis(expected));
        };
        check(0, 0, 1_000);
        check(1, 0, 1_000);
        check(2, 0, 2_000);
        check(2, 255, 1_500);
        check(9, 0, 256_000);
        check(10, 0, 300_000);
        check(u32::MAX, 255, 225_000);
    }

    #[test]
    fn who_waits_never_comes_too_early() {
        let second = Duration::from_secs(1);
        assert_eq!(spread(second, 0), second);
        assert_eq!(spread(second, 255), Duration::from_millis(1_250));
    }
}
