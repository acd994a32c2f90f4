//! Waits that grow after each failure, up to a cap, never twice the same.

use std::time::Duration;

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

    /// Counts a failure and says how long to wait: `first` doubled per failure, at
    /// most `cap`, of which `chance` (0 to 1) decides the upper half.
    pub fn failed(&mut self, chance: f64) -> Duration {
        let doubled = self.first.saturating_mul(1 << self.failures.min(20));
        self.failures = self.failures.saturating_add(1);
        doubled.min(self.cap).mul_f64(0.5 + chance.clamp(0.0, 1.0) / 2.0)
    }

    /// The next wait is the longest: trying again soon cannot help.
    pub fn exhaust(&mut self) {
        self.failures = u32::MAX;
    }

    pub fn reset(&mut self) {
        self.failures = 0;
    }
}

/// A number from 0 to 1 that nobody can foretell.
pub fn chance() -> f64 {
    // Without random bytes the waits are merely not spread.
    getrandom::u32().map_or(1.0, |number| f64::from(number) / f64::from(u32::MAX))
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
}
