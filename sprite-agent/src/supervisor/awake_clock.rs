//! Time during which this machine was awake.
//!
//! A machine that pauses finds hours gone between two instructions. A deadline
//! that passed meanwhile proves nothing: the gateway did not have that time
//! either, and killing it for being late would be false.

use std::time::{Duration, Instant};

/// How long the clock may go unasked. The supervisor asks it more often, except
/// while a probe waits for an answer, which is bounded below this.
const GAP_MAX: Duration = Duration::from_secs(45);

#[derive(Debug)]
pub struct AwakeClock {
    asked: Instant,
    asleep: Duration,
}

impl AwakeClock {
    pub fn new(now: Instant) -> Self {
        Self { asked: now, asleep: Duration::ZERO }
    }

    /// `real` by this clock. A gap longer than [`GAP_MAX`] counts as no time at all.
    pub fn at(&mut self, real: Instant) -> Instant {
        let gap = real.saturating_duration_since(self.asked);
        self.asked = self.asked.max(real);
        if gap > GAP_MAX {
            self.asleep += gap;
        }
        self.asked - self.asleep
    }

    /// When the real clock will show what this one shows at `awake`, unless it stops before.
    pub fn real(&self, awake: Instant) -> Instant {
        awake + self.asleep
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_that_the_machine_slept_does_not_count() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let mut clock = AwakeClock::new(start);
        assert_eq!(clock.at(after(5)), after(5));
        assert_eq!(clock.at(after(3_605)), after(5));
        assert_eq!(clock.at(after(3_610)), after(10));
        assert_eq!(clock.real(after(12)), after(3_612));
    }

    #[test]
    fn a_clock_that_goes_back_stands_still() {
        let start = Instant::now() + Duration::from_secs(60);
        let mut clock = AwakeClock::new(start);
        assert_eq!(clock.at(start - Duration::from_secs(30)), start);
        assert_eq!(clock.at(start + Duration::from_secs(1)), start + Duration::from_secs(1));
    }
}
