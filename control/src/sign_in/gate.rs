//! Lets one attempt at a time in from each place.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};

/// Doors; places share one by chance, which costs them a short wait.
const DOORS: usize = 256;

/// Attempts that may wait at one door: at 50 ms each the last waits a second.
const QUEUE: usize = 16;

const MAX_WAIT: Duration = Duration::from_secs(2);

pub(super) struct Gate {
    hasher: RandomState,
    doors: Vec<Door>,
}

struct Door {
    turn: Semaphore,
    waiting: AtomicUsize,
}

/// Counts somebody who waits, also when their request is dropped meanwhile.
struct Waiting<'a>(&'a AtomicUsize);

impl Gate {
    pub(super) fn new() -> Self {
        let door = |_| Door { turn: Semaphore::new(1), waiting: AtomicUsize::new(0) };
        // Keyed, so that nobody can choose an address to wait at another's door.
        Self { hasher: RandomState::new(), doors: (0..DOORS).map(door).collect() }
    }

    /// `None` when too many wait already, or the wait takes too long.
    pub(super) async fn enter(&self, place: IpAddr) -> Option<SemaphorePermit<'_>> {
        let hash = self.hasher.hash_one(place);
        let door = &self.doors[usize::try_from(hash % DOORS as u64).expect("below 256")];
        let waiting = Waiting(&door.waiting);
        if waiting.0.fetch_add(1, Ordering::Relaxed) >= QUEUE {
            return None;
        }
        let turn = tokio::time::timeout(MAX_WAIT, door.turn.acquire()).await.ok()?;
        Some(turn.expect("the semaphore is never closed"))
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;

    #[tokio::test]
    async fn one_enters_some_wait_and_the_rest_is_sent_away() {
        let gate = Gate::new();
        let place = IpAddr::from([192, 0, 2, 1]);
        let turn = gate.enter(place).await.unwrap();
        let mut waiting: Vec<_> = (0..QUEUE).map(|_| Box::pin(gate.enter(place))).collect();
        assert!(waiting.iter_mut().all(|wait| wait.now_or_never().is_none()));
        assert!(gate.enter(place).await.is_none());
        drop(turn);
        assert!(waiting.remove(0).await.is_some());
        drop(waiting);
        assert!(gate.enter(place).await.is_some());
    }
}
