//! How many workspaces may end because a reconciler found their subscriptions over.
//!
//! An event names one subscription, and whoever cancels many causes as many. A look of our
//! own that finds many over has found a fault more often than an end: another account's key,
//! an answer from a copy that lags. So these are few an hour, and a person is told.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::base::clock::Moment;

/// Ten times what is to be expected of ten thousand customers of whom one in twenty leaves
/// each month, with half of all events lost for three days.
pub const MOST_AN_HOUR: usize = 20;

const HOUR: Duration = Duration::from_secs(60 * 60);

/// Of this program: it is forgotten at its end, which costs some more.
#[derive(Debug, Default)]
pub struct EndLimit {
    taken: Mutex<VecDeque<Moment>>,
}

impl EndLimit {
    /// Whether one more may end at `now`; then it is counted.
    pub fn take(&self, now: Moment) -> bool {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        // One by a clock that was ahead is not waited for.
        taken.retain(|at| *at <= now && now.since(*at) < HOUR);
        let may = taken.len() < MOST_AN_HOUR;
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
    fn so_many_end_within_an_hour_and_no_more() {
        let (limit, start) = (EndLimit::default(), Moment::from_seconds(1_800_000_000));
        assert!((0..MOST_AN_HOUR).all(|_| limit.take(start)));
        assert!(!limit.take(start.after(HOUR / 2)));
        assert!(limit.take(start.after(HOUR)));
    }
}
