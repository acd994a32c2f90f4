//! How long to leave alone what has failed. Pure but for [`jitter`].

use std::time::Duration;

/// Delays that double from the first to the longest.
#[derive(Debug, Clone, Copy)]
pub struct Backoff {
    pub first: Duration,
    pub longest: Duration,
}

impl Backoff {
    /// After `failures` (at least one) in a row; `jitter` spreads callers that failed
    /// together over the last quarter of the delay.
    pub fn delay(self, failures: u32, jitter: u8) -> Duration {
        let doublings = failures.saturating_sub(1).min(16);
        let delay = self.first.saturating_mul(1 << doublings).min(self.longest);
        delay - quarter(delay, jitter)
    }
}

/// At least `after`, and up to a quarter more: callers that wait for the same thing
/// must not all come at once.
pub fn spread(after: Duration, jitter: u8) -> Duration {
    after.saturating_add(quarter(after, jitter))
}

/// A random byte.
pub fn jitter() -> u8 {
    let mut byte = [0];
    // Without randomness callers that failed together are merely tried together.
    let _filled = getrandom::fill(&mut byte);
    byte[0]
}

fn quarter(of: Duration, jitter: u8) -> Duration {
    of.mul_f64(f64::from(jitter) / 255.0 / 4.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_longest() {
        let backoff = Backoff { first: Duration::from_secs(1), longest: Duration::from_secs(300) };
        let check = |failures, jitter, expected: u64| {
            assert_eq!(backoff.delay(failures, jitter), Duration::from_millis(expected));
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
    fn a_caller_that_waits_never_comes_too_early() {
        let second = Duration::from_secs(1);
        assert_eq!(spread(second, 0), second);
        assert_eq!(spread(second, 255), Duration::from_millis(1_250));
    }
}
