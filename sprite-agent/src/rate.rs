//! So many in a minute. Pure: the time comes in.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

const WINDOW: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub struct Rate {
    limit: usize,
    taken: VecDeque<Instant>,
}

impl Rate {
    pub fn new(limit: usize) -> Self {
        Self { limit, taken: VecDeque::new() }
    }

    /// Takes one place.
    ///
    /// # Errors
    /// How long until there is one.
    pub fn take(&mut self, now: Instant) -> Result<(), Duration> {
        while self.taken.front().is_some_and(|first| now.duration_since(*first) >= WINDOW) {
            self.taken.pop_front();
        }
        match self.taken.front() {
            Some(first) if self.taken.len() >= self.limit => {
                Err(WINDOW.saturating_sub(now.duration_since(*first)))
            }
            _ => {
                self.taken.push_back(now);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_free_again_after_a_minute() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let mut rate = Rate::new(2);
        assert_eq!((rate.take(after(0)), rate.take(after(10))), (Ok(()), Ok(())));
        assert_eq!(rate.take(after(20)), Err(Duration::from_secs(40)));
        assert_eq!(rate.take(after(60)), Ok(()));
        assert_eq!(rate.take(after(61)), Err(Duration::from_secs(9)));
    }
}
