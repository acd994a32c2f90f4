//! When the next mail may be sent. Pure.

use std::time::{Duration, Instant};

/// The longest wait for a turn inside a call; a task comes back instead.
pub const PATIENCE: Duration = Duration::from_secs(3);

/// No hint of Resend's holds us longer; its window is a second.
const HOLD_MAX: Duration = Duration::from_secs(60);

/// A steady rate of our own, held back further when Resend says so.
#[derive(Debug)]
pub struct Pace {
    interval: Duration,
    /// The next turn that nobody has. `None` before the first.
    free: Option<Instant>,
}

impl Pace {
    /// `per_second` is at least one.
    pub fn new(per_second: u32) -> Self {
        Self { interval: Duration::from_secs(1) / per_second.max(1), free: None }
    }

    /// Takes the next turn and says how long to wait for it.
    ///
    /// # Errors
    /// How far off it is, when that is more than [`PATIENCE`]; no turn is taken then.
    pub fn reserve(&mut self, now: Instant) -> Result<Duration, Duration> {
        let turn = self.free.map_or(now, |free| free.max(now));
        let wait = turn - now;
        if wait > PATIENCE {
            return Err(wait);
        }
        self.free = Some(turn + self.interval);
        Ok(wait)
    }

    /// What an answer said: calls left in this window, and how long to hold back without any.
    pub fn hear(&mut self, remaining: Option<u64>, hold: Option<Duration>, now: Instant) {
        let Some(hold) = hold.filter(|_| remaining.is_none_or(|remaining| remaining == 0)) else {
            return;
        };
        let until = now + hold.min(HOLD_MAX);
        self.free = Some(self.free.map_or(until, |free| free.max(until)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HALF: Duration = Duration::from_millis(500);

    #[test]
    fn turns_are_an_interval_apart_and_never_far_off() {
        let start = Instant::now();
        let mut pace = Pace::new(2);
        for turn in 0..=6 {
            assert_eq!(pace.reserve(start), Ok(HALF * turn));
        }
        assert_eq!(pace.reserve(start), Err(HALF * 7));
        assert_eq!(pace.reserve(start), Err(HALF * 7), "a refusal takes no turn");
        let later = start + Duration::from_secs(60);
        assert_eq!(pace.reserve(later), Ok(Duration::ZERO), "turns are not saved up");
        assert_eq!(pace.reserve(later), Ok(HALF));
    }

    #[test]
    fn an_empty_window_holds_everybody_back() {
        let check = |remaining, hold: Option<u64>, expected: u64| {
            let now = Instant::now();
            let mut pace = Pace::new(2);
            pace.hear(remaining, hold.map(Duration::from_secs), now);
            let wait = pace.reserve(now).unwrap_or_else(|wait| wait);
            assert_eq!(wait, Duration::from_secs(expected), "{remaining:?} {hold:?}");
        };
        check(Some(0), Some(1), 1);
        check(Some(1), Some(1), 0);
        check(None, Some(2), 2);
        check(None, None, 0);
        check(Some(0), None, 0);
        check(Some(0), Some(86_400), 60);
    }
}
