//! A bounded line: so many at once, so many who wait, and nobody for long.

use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

pub struct ConcurrencyLimit {
    turns: Semaphore,
    /// Of those whose turn it is and those who wait.
    places: Semaphore,
    capacity: usize,
    max_wait: Duration,
}

/// Given back on drop.
pub struct Permit<'a> {
    _turn: SemaphorePermit<'a>,
    _place: SemaphorePermit<'a>,
}

impl ConcurrencyLimit {
    pub const fn new(at_once: usize, waiting: usize, max_wait: Duration) -> Self {
        let capacity = at_once + waiting;
        Self {
            turns: Semaphore::const_new(at_once),
            places: Semaphore::const_new(capacity),
            capacity,
            max_wait,
        }
    }

    /// `None` when too many wait already, or the wait takes too long.
    pub async fn enter(&self) -> Option<Permit<'_>> {
        let place = self.places.try_acquire().ok()?;
        let turn = timeout(self.max_wait, self.turns.acquire()).await.ok()?;
        Some(Permit { _turn: turn.expect("the semaphore is never closed"), _place: place })
    }

    /// How many have their turn or wait for it.
    pub fn occupied(&self) -> usize {
        self.capacity - self.places.available_permits()
    }
}
