//! When to try again: waits that grow, and how a wait is told to a client.

use std::time::Duration;

/// Waits that grow after each failure, up to a cap, never twice the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    first: Duration,
    cap: Duration,
    failures: u32,
}

impl Backoff {
    pub const fn new(first: Duration, cap: Duration) -> Self {
        Self { first, cap, failures: 0 }
    }

    /// Counts a failure and says how long to wait.
    pub fn failed(&mut self, chance: f64) -> Duration {
        self.failures = self.failures.saturating_add(1);
        self.delay(self.failures, chance)
    }

    /// How long to wait after `failures` (at least one) in a row, for who counts them
    /// elsewhere: `first`, doubled after each, at most `cap`, of which `chance` (0 to 1)
    /// decides the upper half.
    pub fn delay(self, failures: u32, chance: f64) -> Duration {
        let doublings = failures.saturating_sub(1).min(20);
        let delay = self.first.saturating_mul(1 << doublings).min(self.cap);
        delay.mul_f64(0.5 + chance.clamp(0.0, 1.0) / 2.0)
    }

    /// The next wait is the longest: trying again soon cannot help.
    pub fn exhaust(&mut self) {
        self.failures = u32::MAX;
    }

    pub fn reset(&mut self) {
        self.failures = 0;
    }
}

/// At least `after`, and up to a quarter more as `chance` (0 to 1) has it: clients that
/// wait for the same thing must not all come at once.
pub fn spread(after: Duration, chance: f64) -> Duration {
    after.saturating_add(after.mul_f64(chance.clamp(0.0, 1.0) / 4.0))
}

/// A number from 0 to 1 that cannot be foretold.
pub fn chance() -> f64 {
    // Without random bytes the waits are merely not spread.
    getrandom::u32().map_or(1.0, |number| f64::from(number) / f64::from(u32::MAX))
}

/// The value of `Retry-After`: whole seconds, rounded up, so that a client that
/// keeps to it is never early; at least one.
pub fn retry_after_seconds(wait: Duration) -> u64 {
    (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_cap_and_start_again() {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(60));
        let waits: Vec<_> = (0..8).map(|_| backoff.failed(1.0).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(backoff.failed(0.0), Duration::from_secs(30));
        backoff.reset();
        assert_eq!(backoff.failed(0.0), Duration::from_millis(500));
    }

    #[test]
    fn a_failure_counted_elsewhere_waits_as_long() {
        let backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(300));
        let check = |failures, chance, millis| {
            assert_eq!(backoff.delay(failures, chance), Duration::from_millis(millis));
        };
        check(0, 1.0, 1_000);
        check(1, 1.0, 1_000);
        check(2, 0.0, 1_000);
        check(9, 1.0, 256_000);
        check(10, 1.0, 300_000);
        check(u32::MAX, 0.0, 150_000);
    }

    #[test]
    fn a_wait_that_was_asked_for_is_never_shorter() {
        let second = Duration::from_secs(1);
        assert_eq!(spread(second, 0.0), second);
        assert_eq!(spread(second, 1.0), Duration::from_millis(1_250));
    }

    #[test]
    fn a_client_that_waits_as_told_is_not_early() {
        let check = |millis: u64, seconds: u64| {
            assert_eq!(retry_after_seconds(Duration::from_millis(millis)), seconds, "{millis} ms");
        };
        check(0, 1);
        check(999, 1);
        check(1_000, 1);
        check(1_001, 2);
        check(30_000, 30);
    }
}
