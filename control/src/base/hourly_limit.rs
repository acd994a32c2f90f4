//! How often something may be done within an hour without a person having looked.
//!
//! What a reconciler does by itself is right most of the time. When it would do the same many
//! times at once, what it looks at is wrong more often than what it would change.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::clock::Moment;

const HOUR: Duration = Duration::from_secs(60 * 60);

/// Of this program: it is forgotten at its end, which costs some more.
#[derive(Debug)]
pub struct HourlyLimit {
    most: usize,
    taken: Mutex<VecDeque<Moment>>,
}

impl HourlyLimit {
    pub fn new(most: usize) -> Self {
        Self { most, taken: Mutex::default() }
    }

    /// Whether it may be done once more at `now`; then it is counted.
    pub fn take(&self, now: Moment) -> bool {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        // One by a clock that was ahead is not waited for.
        taken.retain(|at| *at <= now && now.since(*at) < HOUR);
        let may = taken.len() < self.most;
        if may {
            taken.push_back(now);
        }
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_within_an_hour_and_no_more() {
        let (limit, start) = (HourlyLimit::new(3), Moment::from_seconds(1_800_000_000));
        assert!((0..3).all(|_| limit.take(start)));
        assert!(!limit.take(start.after(HOUR / 2)));
        assert!(limit.take(start.after(HOUR)));
    }

    #[test]
    fn a_clock_that_was_ahead_holds_nothing_back() {
        let (limit, now) = (HourlyLimit::new(1), Moment::from_seconds(1_800_000_000));
        assert!(limit.take(now.after(9 * HOUR)));
        assert!(limit.take(now));
    }
}
